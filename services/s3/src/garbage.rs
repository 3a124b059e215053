//! Blobs that no object has. A blob's name is in the garbage table from before its first byte until the commit that makes an
//! object of it visible, and again from the commit that takes the object away: so a crash at any moment leaks nothing.

use std::collections::BTreeSet;

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::ApiError;
use state::{Expect, Op, Range, Row};

use crate::content::Manifest;
use crate::error::state_failed;
use crate::multipart::Part;
use crate::object::Data;
use crate::{
    S3, TABLE_BUCKETS, TABLE_ENDED, TABLE_GARBAGE, TABLE_MANIFESTS, TABLE_PARTS, TABLE_SMALL, bucket, to_json,
};

/// How long a discarded blob is kept, for those who have found the object and are about to open it. Who reads it keeps it for
/// longer, see [`crate::pins`].
const GRACE_MS: i64 = 60_000;
/// Rows cleared at a time.
const ROWS: usize = 500;

/// What clearing away did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Blobs removed.
    pub blobs: usize,
    /// Ended multipart uploads whose parts were cleared away.
    pub uploads: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    /// A blob that a call is writing, or has failed to write.
    Pending,
    /// A blob that nothing has any more.
    Blob,
    /// Content in parts that nothing has any more.
    Manifest,
    /// A pending blob that is being removed.
    Doomed,
}

#[derive(Debug, Serialize, Deserialize)]
struct Garbage {
    v: u8,
    what: What,
    at_ms: i64,
}

/// An upload that has ended.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Ended {
    pub(crate) v: u8,
    /// Names of what became part of an object.
    pub(crate) used: BTreeSet<String>,
}

/// Adds to a commit what gives up content that nobody has any more.
pub(crate) fn discard(data: &Data, now: Timestamp, ops: &mut Vec<Op>) {
    match data {
        Data::Empty => {}
        Data::Small(name) => {
            ops.push(Op::Delete { table: TABLE_SMALL, key: name.clone().into(), expect: Expect::Any });
        }
        Data::Blob(name) => ops.push(entry(name, What::Blob, now)),
        Data::Parts(name) => ops.push(entry(name, What::Manifest, now)),
    }
}

/// The operation that names a blob before it is written.
pub(crate) fn pending(name: &str, now: Timestamp) -> Op {
    entry(name, What::Pending, now)
}

/// The operation that makes a written blob part of something; `rev` is of the row that [`pending`] wrote.
pub(crate) fn kept(name: &str, rev: u64) -> Op {
    Op::Delete { table: TABLE_GARBAGE, key: name.into(), expect: Expect::Rev(rev) }
}

fn entry(name: &str, what: What, now: Timestamp) -> Op {
    let value = to_json(&Garbage { v: 1, what, at_ms: now.ms() });
    Op::Put { table: TABLE_GARBAGE, key: name.into(), value, expect: Expect::Any }
}

impl S3 {
    /// Sets right what a crash has left: to be called before the first call of an operation.
    pub async fn recover(&self) -> Result<Collected, ApiError> {
        let mut ops = Vec::new();
        state::scan_all(&*self.state, TABLE_BUCKETS, Range::all(), |row| {
            let mut bucket = bucket::read(&row).map_err(|_| unreadable(TABLE_BUCKETS))?;
            if bucket.deleting {
                bucket.deleting = false;
                let (key, value) = (row.key, to_json(&bucket));
                ops.push(Op::Put { table: TABLE_BUCKETS, key, value, expect: Expect::Rev(row.rev) });
            }
            Ok::<_, state::Error>(true)
        })
        .await
        .map_err(state_failed)?;
        for ops in ops.chunks(ROWS) {
            self.state.commit(ops.to_vec()).await.map_err(state_failed)?;
        }
        self.tell_changes().await?;
        self.collect(None).await
    }

    /// Clears away what was discarded a while ago, and what failed calls have left. To be called every few seconds.
    pub async fn collect_garbage(&self) -> Result<Collected, ApiError> {
        self.collect(Some(GRACE_MS)).await
    }

    async fn collect(&self, grace_ms: Option<i64>) -> Result<Collected, ApiError> {
        self.take_back_deletions().await?;
        self.forget_completed().await?;
        let mut done = Collected::default();
        let mut range = Range::all();
        loop {
            let rows = self.state.scan(TABLE_ENDED, range.clone(), 1).await.map_err(state_failed)?;
            let Some(row) = rows.into_iter().next() else { break };
            range = range.after(row.key.clone());
            // One that cannot be cleared must not keep the others.
            match self.clear_parts(row).await {
                Ok(()) => done.uploads += 1,
                Err(error) => tracing::warn!(%error, "the parts of an ended upload stay"),
            }
        }
        let mut range = Range::all();
        loop {
            let rows = self.state.scan(TABLE_GARBAGE, range.clone(), ROWS).await.map_err(state_failed)?;
            let Some(last) = rows.last() else { break };
            range = range.after(last.key.clone());
            let mut ops = Vec::new();
            for row in rows {
                match self.clear(row, grace_ms, &mut ops).await {
                    Ok(blobs) => done.blobs += blobs,
                    Err(error) => tracing::warn!(%error, "the contents of an object that is gone stay"),
                }
            }
            if !ops.is_empty() {
                self.state.commit(ops).await.map_err(state_failed)?;
            }
        }
        Ok(done)
    }

    /// Removes what a row of the garbage table names; how many blobs that were.
    async fn clear(&self, row: Row, grace_ms: Option<i64>, ops: &mut Vec<Op>) -> Result<usize, ApiError> {
        let garbage: Garbage = serde_json::from_slice(&row.value).map_err(ApiError::internal)?;
        let name = String::from_utf8(row.key.clone()).map_err(ApiError::internal)?;
        let live = self.live.lock().expect("no holder of this lock can panic").contains(&name);
        let now_ms = self.env.clock.now().ms();
        if live || grace_ms.is_some_and(|grace_ms| now_ms < garbage.at_ms.saturating_add(grace_ms)) {
            return Ok(0);
        }
        // Whoever reads it finishes first.
        let Some(_removal) = self.pins.remove(&name) else { return Ok(0) };
        let mut blobs = Vec::new();
        // Not among `ops` until all blobs are gone: a manifest that went before them would leave nobody who knows their names.
        let mut gone = Vec::new();
        match garbage.what {
            // The call that wrote it may have gone with its commit still under way: whichever of that and this comes first
            // keeps the other from happening.
            What::Pending => {
                let value = to_json(&Garbage { what: What::Doomed, ..garbage });
                let (key, expect) = (row.key.clone(), Expect::Rev(row.rev));
                match self.state.commit(vec![Op::Put { table: TABLE_GARBAGE, key, value, expect }]).await {
                    Ok(_) => blobs.push(name),
                    Err(error) if error.is_conflict() => return Ok(0),
                    Err(error) => return Err(state_failed(error)),
                }
            }
            What::Blob | What::Doomed => blobs.push(name),
            What::Manifest => {
                for part in self.manifest(&name).await?.map(|manifest| manifest.parts).unwrap_or_default() {
                    match part.data {
                        Data::Blob(name) => blobs.push(name),
                        other => self.discard(&other, &mut gone),
                    }
                }
                gone.push(Op::Delete { table: TABLE_MANIFESTS, key: name.into(), expect: Expect::Any });
            }
        }
        for name in &blobs {
            self.objects.delete(name).await.map_err(ApiError::unavailable)?;
        }
        ops.append(&mut gone);
        // A row written anew meanwhile names something that has to go all the same.
        ops.push(Op::Delete { table: TABLE_GARBAGE, key: row.key, expect: Expect::Any });
        Ok(blobs.len())
    }

    /// Takes away the parts of an ended upload; those that no object has become garbage.
    async fn clear_parts(&self, ended_row: Row) -> Result<(), ApiError> {
        let ended: Ended = serde_json::from_slice(&ended_row.value).map_err(ApiError::internal)?;
        loop {
            let range = Range::prefix(ended_row.key.clone());
            let rows = self.state.scan(TABLE_PARTS, range, ROWS).await.map_err(state_failed)?;
            let last = rows.len() < ROWS;
            let mut ops = Vec::new();
            for row in rows {
                let part: Part = serde_json::from_slice(&row.value).map_err(ApiError::internal)?;
                let used = match &part.data {
                    Data::Small(name) | Data::Blob(name) | Data::Parts(name) => ended.used.contains(name),
                    Data::Empty => true,
                };
                if !used {
                    self.discard(&part.data, &mut ops);
                }
                ops.push(Op::Delete { table: TABLE_PARTS, key: row.key, expect: Expect::Any });
            }
            if last {
                let key = ended_row.key.clone();
                ops.push(Op::Delete { table: TABLE_ENDED, key, expect: Expect::Any });
            }
            self.state.commit(ops).await.map_err(state_failed)?;
            if last {
                return Ok(());
            }
        }
    }

    /// The manifest of this key, if it is still there.
    pub(crate) async fn manifest(&self, name: &str) -> Result<Option<Manifest>, ApiError> {
        let row = self.state.get(TABLE_MANIFESTS, name.as_bytes()).await.map_err(state_failed)?;
        row.map(|row| serde_json::from_slice(&row.value).map_err(ApiError::internal)).transpose()
    }
}

fn unreadable(table: state::Table) -> state::Error {
    let source = std::io::Error::from(std::io::ErrorKind::InvalidData);
    state::Error::Storage { doing: format!("reading {table}"), source: std::sync::Arc::new(source) }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use bytes::Bytes;
    use futures_util::stream;
    use service::{Body, Operation};

    use super::*;
    use crate::harness::*;
    use crate::ops::{PutObject, put_object};

    const LARGE: usize = 600 * 1024;

    async fn rows(stand: &Stand) -> usize {
        use state::State as _;
        stand.state.scan(TABLE_GARBAGE, Range::all(), 1000).await.unwrap().len()
    }

    #[tokio::test]
    async fn what_is_overwritten_or_deleted_goes_after_the_grace() {
        let stand = Stand::new();
        let s3 = stand.start();
        bucket(&s3, "bkt").await;
        put(&s3, "bkt", "k", vec![1; LARGE]).await;
        put(&s3, "bkt", "k", vec![2; LARGE]).await;
        assert_eq!(stand.blobs().await.len(), 2);
        assert_eq!(s3.collect_garbage().await.unwrap(), Collected::default());
        stand.clock.0.fetch_add(GRACE_MS, Ordering::SeqCst);
        assert_eq!(s3.collect_garbage().await.unwrap(), Collected { blobs: 1, uploads: 0 });
        assert_eq!(content(&s3, "bkt", "k", None).await.unwrap(), vec![2; LARGE]);
        delete(&s3, "bkt", "k", None).await;
        stand.clock.0.fetch_add(GRACE_MS, Ordering::SeqCst);
        assert_eq!(s3.collect_garbage().await.unwrap(), Collected { blobs: 1, uploads: 0 });
        assert_eq!((stand.blobs().await.len(), rows(&stand).await), (0, 0));
    }

    /// Objects of which none can be removed.
    struct Stuck(objects::Memory);

    #[async_trait::async_trait]
    impl objects::Objects for Stuck {
        async fn put(&self, name: &str, bytes: Bytes) -> Result<(), objects::Error> {
            self.0.put(name, bytes).await
        }

        async fn writer(&self, name: &str) -> Result<Box<dyn objects::Writer>, objects::Error> {
            self.0.writer(name).await
        }

        async fn get(
            &self,
            name: &str,
            range: Option<std::ops::Range<u64>>,
        ) -> Result<objects::Reader, objects::Error> {
            self.0.get(name, range).await
        }

        async fn delete(&self, _name: &str) -> Result<(), objects::Error> {
            Err(objects::Error::Full)
        }

        async fn list(
            &self,
            prefix: &str,
            after: Option<&str>,
            limit: usize,
        ) -> Result<Vec<objects::ObjectInfo>, objects::Error> {
            self.0.list(prefix, after, limit).await
        }
    }

    /// The manifest knows the parts' names: it stays for as long as one of them does.
    #[tokio::test]
    async fn parts_that_cannot_be_removed_now_are_removed_later() {
        use state::State as _;
        let stand = Stand::new();
        let s3 = stand.start();
        bucket(&s3, "bkt").await;
        put(&s3, "bkt", "k", vec![1; LARGE]).await;
        let blob = stand.blobs().await.remove(0);
        let manifest =
            serde_json::json!({ "v": 1, "parts": [{ "number": 1, "size": LARGE, "data": { "blob": blob } }] });
        let manifest = Bytes::from(manifest.to_string());
        let ops = vec![
            Op::Put { table: TABLE_MANIFESTS, key: b"m".to_vec(), value: manifest, expect: Expect::Absent },
            entry("m", What::Manifest, Timestamp::EPOCH),
        ];
        stand.state.commit(ops).await.unwrap();
        let stuck = stand.start_on(std::sync::Arc::new(Stuck(stand.objects.clone())));
        assert_eq!(stuck.collect_garbage().await.unwrap().blobs, 0);
        assert_eq!(s3.collect_garbage().await.unwrap().blobs, 1);
        assert_eq!((stand.blobs().await.len(), rows(&stand).await), (0, 0));
    }

    /// Small content is rows only, and goes with what names it.
    #[tokio::test]
    async fn small_content_leaves_nothing_behind() {
        let stand = Stand::new();
        let s3 = stand.start();
        bucket(&s3, "bkt").await;
        put(&s3, "bkt", "k", "1").await;
        put(&s3, "bkt", "k", "2").await;
        let small = async || {
            use state::State as _;
            stand.state.scan(TABLE_SMALL, Range::all(), 10).await.unwrap().len()
        };
        assert_eq!((small().await, stand.blobs().await.len(), rows(&stand).await), (1, 0, 0));
        delete(&s3, "bkt", "k", None).await;
        assert_eq!(small().await, 0);
    }

    /// An upload whose caller goes away after some pieces, or whose process dies: a body that never goes on.
    #[tokio::test]
    async fn what_a_call_leaves_unfinished_is_not_seen_and_goes() {
        for crash in [false, true] {
            let stand = Stand::new();
            let s3 = stand.start();
            bucket(&s3, "bkt").await;
            put(&s3, "bkt", "k", "old").await;
            let call = a_call();
            let pieces = stream::iter([Ok(Bytes::from(vec![0; LARGE]))]);
            let endless = futures_util::StreamExt::chain(pieces, stream::pending());
            *call.body.lock().unwrap() = Some(Body::new(endless, None));
            let input = put_object::Input { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
            let mut upload = Box::pin(PutObject::run(&s3, &call, input));
            for _ in 0..100 {
                let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                assert!(upload.as_mut().poll(&mut context).is_pending());
                tokio::task::yield_now().await;
            }
            assert_eq!(rows(&stand).await, 1);
            // While it is under way, it is nobody's garbage.
            stand.clock.0.fetch_add(10 * GRACE_MS, Ordering::SeqCst);
            assert_eq!(s3.collect_garbage().await.unwrap().blobs, 0);
            let s3 = if crash {
                let again = stand.start();
                again.recover().await.unwrap();
                again
            } else {
                drop(upload);
                assert_eq!(s3.collect_garbage().await.unwrap().blobs, 1);
                stand.start()
            };
            assert_eq!((rows(&stand).await, stand.blobs().await.len()), (0, 0));
            assert_eq!(content(&s3, "bkt", "k", None).await.unwrap(), "old");
        }
    }

    /// A process that dies between the blob's last byte and the commit that makes it visible.
    #[tokio::test]
    async fn a_blob_without_an_object_goes_at_the_next_start() {
        let stand = Stand::new();
        let s3 = stand.start();
        bucket(&s3, "bkt").await;
        let expected = crate::checksum::Expected::nothing(crate::checksum::Algorithm::Crc32);
        let body = Body::from_bytes(vec![0; LARGE].into());
        let (stored, _) = s3.store(body, &expected, &keys()).await.unwrap();
        assert_eq!(stand.blobs().await.len(), 1);
        let s3 = stand.start();
        assert_eq!(s3.recover().await.unwrap(), Collected { blobs: 1, uploads: 0 });
        assert_eq!((rows(&stand).await, stand.blobs().await.len()), (0, 0));
        drop(stored);
    }

    /// A process that dies after an object was overwritten and before its old content was removed.
    #[tokio::test]
    async fn a_crash_forgets_no_garbage() {
        let stand = Stand::new();
        let s3 = stand.start();
        bucket(&s3, "bkt").await;
        put(&s3, "bkt", "k", vec![1; LARGE]).await;
        put(&s3, "bkt", "k", vec![2; LARGE]).await;
        drop(s3);
        let s3 = stand.start();
        assert_eq!(s3.recover().await.unwrap(), Collected { blobs: 1, uploads: 0 });
        assert_eq!(content(&s3, "bkt", "k", None).await.unwrap(), vec![2; LARGE]);
    }
}
