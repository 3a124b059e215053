//! Sealing: the tail becomes chunks, one for each group, and one commit stores their rows, how far streams and sources are, and the cursor.
//! After a crash before the commit the same entries come again.

use std::sync::Arc;

use base::Rng;
use base::time::{DAY_MS, HOUR_MS};
use bytes::Bytes;
use state::{Expect, Op};
use worker::Failure;

use crate::chunk::{pack, pack_locked};
use crate::consumer::{LogsConsumer, failed};
use crate::crypt::Cipher;
use crate::live::{Event, Place};
use crate::rows::{CHUNKS, CURSOR, Chunk, Cursor, ONLY, SOURCES, Source, Stream, VERSION, folder};
use crate::store::put_op;

/// The tails are sealed at so many bytes in memory …
const TAIL_BYTES_MAX: usize = 16 << 20;
/// … when so many entries would have to be read again after a start …
const UNSEALED_ENTRIES_MAX: u64 = 32_768;
/// … or when rows of so many streams are to be written.
const STREAMS_MAX: usize = 2_000;
/// How far before and behind its coming the time of an event may be; for those whose times are not known.
const TOO_OLD_MS: i64 = 15 * DAY_MS;

/// The events of a group that are to be sealed.
struct Part {
    group: u64,
    events: Vec<(Place, Event)>,
    locked: Vec<(u64, Bytes)>,
    cipher: Option<Arc<Cipher>>,
}

/// A chunk that is ready to be stored.
struct Made {
    row: Chunk,
    content: Bytes,
}

/// Packs a group's events.
pub(crate) fn chunk_of(
    group: u64,
    name: String,
    events: &[(Place, Event)],
    cipher: Option<&Cipher>,
    rng: &dyn Rng,
) -> (Chunk, Bytes) {
    let object = format!("{}{name}", folder(group));
    let packed = pack(&object, events, cipher.map(|cipher| (cipher, rng)));
    let row = Chunk {
        v: VERSION,
        group,
        name,
        len: packed.bytes.len() as u64,
        index_at: packed.index_at,
        events: events.len() as u64,
        bytes: events.iter().map(|(_, event)| event.bytes()).sum(),
        min: events.first().map_or(0, |(place, _)| place.ts),
        max: events.last().map_or(0, |(place, _)| place.ts),
        key: cipher.map(|cipher| cipher.id),
        is_locked: false,
    };
    (row, packed.bytes.into())
}

fn locked_chunk(group: u64, name: String, entries: &[(u64, Bytes)], now_ms: i64) -> (Chunk, Bytes) {
    let content = Bytes::from(pack_locked(entries));
    let row = Chunk {
        v: VERSION,
        group,
        name,
        len: content.len() as u64,
        index_at: 0,
        events: 0,
        bytes: content.len() as u64,
        min: now_ms - TOO_OLD_MS,
        max: now_ms + 3 * HOUR_MS,
        key: None,
        is_locked: true,
    };
    (row, content)
}

impl LogsConsumer {
    /// Whether it is time.
    pub(crate) fn must_seal(&self) -> bool {
        let live = self.logs.live();
        live.tail_bytes >= TAIL_BYTES_MAX
            || live.changed.len() >= STREAMS_MAX
            || self.next.saturating_sub(self.committed) >= UNSEALED_ENTRIES_MAX
    }

    /// Makes chunks of the tails. Until that is committed nothing has changed, and it may be done again.
    pub(crate) async fn seal(&mut self) -> Result<(), Failure> {
        if self.next <= self.committed {
            return Ok(());
        }
        let logs = Arc::clone(&self.logs);
        let parts: Vec<Part> = {
            let live = logs.live();
            let groups = live.groups.iter().filter(|(_, group)| !group.tail.is_empty() || !group.locked.is_empty());
            groups
                .map(|(id, group)| Part {
                    group: *id,
                    events: group.tail.iter().map(|(place, event)| (*place, event.clone())).collect(),
                    locked: group.locked.clone(),
                    cipher: group.cipher.clone(),
                })
                .collect()
        };
        // The name says which entries are in it: another content never takes its place.
        let name = format!("{:016x}-{:016x}", self.committed, self.next);
        let (rng, now_ms) = (Arc::clone(&logs.deps.env.rng), logs.deps.env.clock.now().ms());
        let made: Vec<Made> = worker::blocking(move || {
            let mut made = Vec::new();
            for part in parts {
                if !part.events.is_empty() {
                    let cipher = part.cipher.as_deref();
                    let (row, content) = chunk_of(part.group, name.clone(), &part.events, cipher, &*rng);
                    made.push(Made { row, content });
                }
                if !part.locked.is_empty() {
                    let (row, content) = locked_chunk(part.group, format!("{name}-locked"), &part.locked, now_ms);
                    made.push(Made { row, content });
                }
            }
            made
        })
        .await?;
        let was_untidy = std::mem::replace(&mut self.untidy, true);
        for one in &made {
            let put = logs.deps.objects.put(&one.row.object(), one.content.clone()).await;
            put.map_err(|error| failed("storing log events", error))?;
        }
        let waiting = logs.subscribers.store(logs.store.state()).await;
        waiting.map_err(|error| failed("storing what subscribers have not taken", error))?;
        self.commit_seal(&made).await?;
        self.untidy = was_untidy;
        let mut live = logs.live_mut();
        for group in live.groups.values_mut() {
            group.tail.clear();
            group.tail_bytes = 0;
            group.locked.clear();
            group.cipher = None;
        }
        for one in made {
            // Not if the group was deleted meanwhile.
            if let Some(group) = live.groups.get_mut(&one.row.group) {
                group.add(one.row);
            }
        }
        live.tail_bytes = 0;
        live.changed.clear();
        live.changed_sources.clear();
        Ok(())
    }

    async fn commit_seal(&mut self, made: &[Made]) -> Result<(), Failure> {
        let logs = &self.logs;
        let cursor = Cursor { v: VERSION, next: self.next };
        let committed = logs.store.change(|memory, plan| {
            plan.also(put_op(CURSOR, ONLY.to_vec(), &cursor)?);
            for one in made {
                plan.also(put_op(CHUNKS, one.row.key(), &one.row)?);
            }
            let live = logs.live();
            for id in &live.changed {
                if let Some(stream) = memory.stream_by_id(*id) {
                    plan.put(Stream { stats: live.stats(*id), ..(**stream).clone() })?;
                }
            }
            for (group, source) in &live.changed_sources {
                let Some((position, part)) = live.sources.get(&(*group, source.clone())).copied() else { continue };
                let row = Source { v: VERSION, group: *group, source: source.clone(), position, part };
                plan.also(put_op(SOURCES, crate::store::in_group(*group, source), &row)?);
            }
            Ok(())
        });
        committed.await.map_err(|error| failed("committing log events", error.log.unwrap_or(error.message)))?;
        self.committed = self.next;
        Ok(())
    }
}

/// The operation that removes a chunk's row.
pub(crate) fn drop_chunk(chunk: &Chunk) -> Op {
    Op::Delete { table: CHUNKS, key: chunk.key(), expect: Expect::Any }
}
