//! What was decided while calls ran, kept for `cairn explain`: a consumer of the journal takes it from beside the records and keeps it in
//! packed rows, by the times of the events, for as long as event history goes back and within a limit of bytes.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base::{Env, Timestamp};
use bytes::Bytes;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use journal::{Entry, Seq};
use record::RecordView;
use serde::{Deserialize, Serialize};
use service::decided::Decided;
use state::{Expect, Op, Range, State};
use worker::{Consumer, EntryKind, Failure};

/// The consumer's name.
const NAME: &str = "decisions";
/// Packed decisions: the key is the journal's place of the first of them, in eight bytes.
const PACKS: state::Table = "cairn/decisions";
/// How far the journal was read.
const PROGRESS: state::Table = "cairn/decisions_progress";
const PROGRESS_KEY: &[u8] = b"progress";
/// Calls in a row at most.
const PACK_CALLS_MAX: usize = 2_000;
/// How long calls wait for more, by the monotonic clock.
const WAIT_MS: u64 = 60_000;
/// As long as event history goes back.
const KEPT_MS: i64 = 90 * 24 * 60 * 60 * 1000;
/// The most bytes of packed rows; the oldest go first.
const KEPT_BYTES_MAX: u64 = 256 << 20;
/// A row never unpacks to more: sixteen decisions of a call, each a few hundred bytes.
const UNPACKED_BYTES_MAX: u64 = 64 << 20;

/// What was decided in one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CallDecisions {
    id: String,
    at_ms: i64,
    decided: Vec<Decided>,
}

#[derive(Serialize, Deserialize)]
struct Progress {
    v: u8,
    next: u64,
}

/// What stands beside a record, as far as this consumer reads it.
#[derive(Deserialize)]
struct Beside {
    #[serde(default)]
    decided: Vec<Decided>,
}

/// What is known of a packed row without unpacking it; stands in front of it as two numbers of eight bytes.
#[derive(Clone, Copy)]
struct Span {
    from_ms: i64,
    to_ms: i64,
    bytes: u64,
}

#[derive(Default)]
struct Kept {
    /// Calls that are in no row yet.
    open: Vec<CallDecisions>,
    packs: BTreeMap<u64, Span>,
}

/// Decisions of calls, to be asked by the identifiers of their records.
pub struct Decisions {
    env: Env,
    state: Arc<dyn State>,
    kept: Mutex<Kept>,
}

impl Decisions {
    /// Opens what was kept, and gives the consumer that goes on.
    pub async fn open(
        env: Env,
        state: Arc<dyn State>,
        first: Seq,
    ) -> Result<(Arc<Decisions>, DecisionsConsumer), state::Error> {
        let mut kept = Kept::default();
        state::scan_all(&*state, PACKS, Range::all(), |row| {
            if let (Some(key), Some(span)) = (place_of(&row.key), span_of(&row.value)) {
                kept.packs.insert(key, span);
            }
            Ok::<bool, state::Error>(true)
        })
        .await?;
        let progress = state.get(PROGRESS, PROGRESS_KEY).await?;
        let progress = progress.and_then(|row| serde_json::from_slice::<Progress>(&row.value).ok());
        let next = progress.map_or(first, |progress| Seq::new(progress.next).max(first));
        let decisions = Arc::new(Decisions { env, state, kept: Mutex::new(kept) });
        let since_ms = decisions.env.clock.monotonic_ms();
        let consumer = DecisionsConsumer { decisions: Arc::clone(&decisions), stored: next, next, since_ms };
        Ok((decisions, consumer))
    }

    /// What was decided in the call whose record has this identifier and this time.
    pub async fn of(&self, event_id: &str, time: Timestamp) -> Result<Option<Vec<Decided>>, state::Error> {
        // Records tell seconds.
        let (from_ms, to_ms) = (time.ms() - 1000, time.ms() + 1000);
        let packs: Vec<u64> = {
            let kept = self.kept.lock().expect("no holder of this lock can panic");
            if let Some(call) = kept.open.iter().find(|call| call.id == event_id) {
                return Ok(Some(call.decided.clone()));
            }
            let overlaps = |span: &Span| span.from_ms <= to_ms && span.to_ms >= from_ms;
            kept.packs.iter().rev().filter(|(_, span)| overlaps(span)).map(|(key, _)| *key).collect()
        };
        for key in packs {
            let Some(row) = self.state.get(PACKS, &key.to_be_bytes()).await? else { continue };
            if let Some(call) = unpack(&row.value).into_iter().find(|call| call.id == event_id) {
                return Ok(Some(call.decided));
            }
        }
        Ok(None)
    }
}

/// Feeds [`Decisions`].
pub struct DecisionsConsumer {
    decisions: Arc<Decisions>,
    /// Everything before is in rows.
    stored: Seq,
    next: Seq,
    since_ms: u64,
}

impl DecisionsConsumer {
    fn take_one(&self, entry: &Entry) {
        let Some(aside) = worker::entry::aside(entry) else { return };
        let Ok(Beside { decided }) = serde_json::from_slice(&aside) else { return };
        let Ok(EntryKind::Finish { record, .. }) = EntryKind::read(entry) else { return };
        let Ok(view) = RecordView::parse(&record) else { return };
        let (Some(id), Some(at)) = (view.event_id.as_deref(), view.event_time()) else { return };
        if !decided.is_empty() {
            let call = CallDecisions { id: id.to_owned(), at_ms: at.ms(), decided };
            self.decisions.kept.lock().expect("no holder of this lock can panic").open.push(call);
        }
    }

    /// Puts what waits into a row, and drops rows that are too old or too many.
    async fn store(&mut self) -> Result<(), Failure> {
        let failed = |error: state::Error| Failure(format!("keeping decisions: {error}"));
        self.since_ms = self.decisions.env.clock.monotonic_ms();
        if self.stored == self.next {
            return Ok(());
        }
        let (pack, gone) = {
            let kept = self.decisions.kept.lock().expect("no holder of this lock can panic");
            (pack(&kept.open), self.gone(&kept))
        };
        let mut ops = vec![Op::Put {
            table: PROGRESS,
            key: PROGRESS_KEY.to_vec(),
            value: serde_json::to_vec(&Progress { v: 1, next: self.next.get() })
                .map_err(|error| Failure(error.to_string()))?
                .into(),
            expect: Expect::Any,
        }];
        let key = self.stored.get();
        if let Some((value, _)) = &pack {
            let value = Bytes::clone(value);
            ops.push(Op::Put { table: PACKS, key: key.to_be_bytes().to_vec(), value, expect: Expect::Any });
        }
        ops.extend(gone.iter().filter(|gone| **gone != key).map(|gone| Op::Delete {
            table: PACKS,
            key: gone.to_be_bytes().to_vec(),
            expect: Expect::Any,
        }));
        self.decisions.state.commit(ops).await.map_err(failed)?;
        self.stored = self.next;
        let mut kept = self.decisions.kept.lock().expect("no holder of this lock can panic");
        kept.open.clear();
        for gone in &gone {
            kept.packs.remove(gone);
        }
        if let Some((_, span)) = pack {
            kept.packs.insert(key, span);
        }
        Ok(())
    }

    /// Rows that go: a few hundred at a time.
    fn gone(&self, kept: &Kept) -> Vec<u64> {
        const GONE_MAX: usize = 500;
        let oldest_ms = self.decisions.env.clock.now().ms() - KEPT_MS;
        let mut bytes: u64 = kept.packs.values().map(|span| span.bytes).sum();
        let mut gone = Vec::new();
        for (key, span) in &kept.packs {
            if gone.len() == GONE_MAX || (span.to_ms >= oldest_ms && bytes <= KEPT_BYTES_MAX) {
                break;
            }
            bytes -= span.bytes;
            gone.push(*key);
        }
        gone
    }
}

#[async_trait]
impl Consumer for DecisionsConsumer {
    fn name(&self) -> &'static str {
        NAME
    }

    fn needs(&self) -> Seq {
        self.stored
    }

    async fn take(&mut self, entries: &[Entry]) -> Result<(), Failure> {
        for entry in entries {
            // After a failure the same entries come again.
            if entry.seq < self.next {
                continue;
            }
            self.take_one(entry);
            self.next = entry.seq.next();
            let waiting = self.decisions.kept.lock().expect("no holder of this lock can panic").open.len();
            if waiting >= PACK_CALLS_MAX {
                self.store().await?;
            }
        }
        Ok(())
    }

    async fn idle(&mut self) -> Result<(), Failure> {
        let waited_ms = self.decisions.env.clock.monotonic_ms().saturating_sub(self.since_ms);
        if waited_ms >= WAIT_MS { self.store().await } else { Ok(()) }
    }

    async fn stop(&mut self) -> Result<(), Failure> {
        self.store().await
    }
}

fn place_of(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.try_into().ok()?))
}

fn span_of(value: &[u8]) -> Option<Span> {
    let (from, rest) = value.split_first_chunk::<8>()?;
    let (to, _) = rest.split_first_chunk::<8>()?;
    Some(Span {
        from_ms: i64::from_be_bytes(*from),
        to_ms: i64::from_be_bytes(*to),
        bytes: u64::try_from(value.len()).ok()?,
    })
}

fn pack(calls: &[CallDecisions]) -> Option<(Bytes, Span)> {
    let from_ms = calls.iter().map(|call| call.at_ms).min()?;
    let to_ms = calls.iter().map(|call| call.at_ms).max()?;
    let mut value = Vec::with_capacity(4096);
    value.extend_from_slice(&from_ms.to_be_bytes());
    value.extend_from_slice(&to_ms.to_be_bytes());
    let mut packer = ZlibEncoder::new(value, Compression::new(6));
    packer.write_all(&serde_json::to_vec(calls).ok()?).ok()?;
    let value = packer.finish().ok()?;
    let span = span_of(&value)?;
    Some((value.into(), span))
}

/// Nothing of a row that cannot be read: what it said is lost, and explains nothing.
fn unpack(value: &[u8]) -> Vec<CallDecisions> {
    let mut text = Vec::new();
    let packed = value.get(16..).unwrap_or_default();
    let read = ZlibDecoder::new(packed).take(UNPACKED_BYTES_MAX).read_to_end(&mut text);
    read.ok().and_then(|_| serde_json::from_slice(&text).ok()).unwrap_or_default()
}
