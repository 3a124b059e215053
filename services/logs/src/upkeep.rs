//! What is due from time to time: chunks older than their group's retention go, small ones become one, groups that were deleted lose what
//! they left, exports are carried out. Done by the consumer between two batches, a step at a time.

use std::collections::HashSet;
use std::sync::Arc;

use base::time::HOUR_MS;
use state::{Expect, Op, Range, Table};
use worker::Failure;

use crate::chunk::{read_block, read_index};
use crate::consumer::{LogsConsumer, failed};
use crate::live::{Event, Place};
use crate::rows::{
    CHUNKS, Chunk, Counted, DOOMED, Group, MetricFilter, SOURCES, Stream, SubscriptionFilter, group_prefix,
};
use crate::seal::{chunk_of, drop_chunk};
use crate::store::{Row, put_op, read_all};

/// How often.
const INTERVAL_MS: u64 = 60_000;
/// Chunks are kept so much longer than their events are shown, so that none goes while somebody reads it.
const MARGIN_MS: i64 = HOUR_MS;
/// Rows removed in one commit.
const ROWS_MAX: usize = 1_000;
/// Chunks of fewer bytes are small.
const SMALL_BYTES: u64 = 2 << 20;
/// So many small ones become one …
const MERGE_MIN: usize = 8;
/// … of at most so many bytes …
const MERGE_BYTES_MAX: u64 = 16 << 20;
/// … and so many chunks.
const MERGE_MAX: usize = 64;
/// Objects whose rows are gone wait so long, as somebody may be reading them.
const GRACE_MS: u64 = 60_000;
/// Where all chunks are.
const FOLDER: &str = "logs/";
/// Names listed at a time.
const PAGE: usize = 1_000;

impl LogsConsumer {
    /// What is due.
    pub(crate) async fn keep_up(&mut self) -> Result<(), Failure> {
        let now_ms = self.logs.deps.env.clock.monotonic_ms();
        if now_ms < self.upkeep_at_ms {
            return Ok(());
        }
        self.upkeep_at_ms = now_ms.saturating_add(INTERVAL_MS);
        if self.untidy {
            self.sweep().await?;
            self.untidy = false;
        }
        self.bury().await?;
        self.expire().await?;
        self.merge().await
    }

    /// Chunks that hold nothing young enough.
    async fn expire(&self) -> Result<(), Failure> {
        let logs = &self.logs;
        let now_ms = logs.deps.env.clock.now().ms();
        let horizons: Vec<(u64, i64)> = logs.store.see(|memory| {
            let kept = memory.groups().filter(|group| group.retention_days.is_some());
            kept.map(|group| (group.id, group.horizon(now_ms) - MARGIN_MS)).collect()
        });
        let old: Vec<Arc<Chunk>> = {
            let live = logs.live();
            let of = |(id, horizon): (u64, i64)| {
                let chunks = live.groups.get(&id).map(|group| group.chunks.values());
                chunks.into_iter().flatten().filter(move |chunk| chunk.max < horizon).cloned().collect::<Vec<_>>()
            };
            horizons.into_iter().flat_map(of).take(ROWS_MAX).collect()
        };
        for chunk in old {
            let gone = logs.store.state().commit(vec![drop_chunk(&chunk)]).await;
            gone.map_err(|error| failed("dropping old log events", error))?;
            if let Some(group) = logs.live_mut().groups.get_mut(&chunk.group) {
                group.remove(&chunk.name);
            }
            let gone = logs.deps.objects.delete(&chunk.object()).await;
            gone.map_err(|error| failed("deleting old log events", error))?;
        }
        Ok(())
    }

    /// What groups that were deleted have left.
    async fn bury(&self) -> Result<(), Failure> {
        let logs = &self.logs;
        let mut doomed = Vec::new();
        let read = read_all(logs.store.state(), DOOMED, |key, id: u64| doomed.push((key, id))).await;
        read.map_err(|error| failed("reading deleted log groups", error))?;
        for (key, id) in doomed {
            if logs.store.see(|memory| memory.group_by_id(id).is_some()) {
                continue;
            }
            let gone = objects::delete_under(&*logs.deps.objects, &crate::rows::folder(id)).await;
            gone.map_err(|error| failed("deleting the log events of a group", error))?;
            for table in
                [CHUNKS, Stream::TABLE, SOURCES, MetricFilter::TABLE, SubscriptionFilter::TABLE, Counted::TABLE]
            {
                self.clear(table, group_prefix(id)).await?;
            }
            let gone = Op::Delete { table: DOOMED, key, expect: Expect::Any };
            let gone = logs.store.state().commit(vec![gone]).await;
            gone.map_err(|error| failed("forgetting a deleted log group", error))?;
        }
        Ok(())
    }

    async fn clear(&self, table: Table, prefix: Vec<u8>) -> Result<(), Failure> {
        loop {
            let state = self.logs.store.state();
            let rows = state.scan(table, Range::prefix(prefix.clone()), ROWS_MAX).await;
            let rows = rows.map_err(|error| failed("reading what a deleted log group left", error))?;
            if rows.is_empty() {
                return Ok(());
            }
            let ops = rows.into_iter().map(|row| Op::Delete { table, key: row.key, expect: Expect::Any }).collect();
            state.commit(ops).await.map_err(|error| failed("deleting what a log group left", error))?;
        }
    }

    /// Objects that no row names: a crash came between storing and committing them.
    async fn sweep(&self) -> Result<(), Failure> {
        let objects = &self.logs.deps.objects;
        let named: HashSet<String> = {
            let live = self.logs.live();
            live.groups.values().flat_map(|group| group.chunks.values().map(|chunk| chunk.object())).collect()
        };
        let mut after: Option<String> = None;
        loop {
            let found = objects.list(FOLDER, after.as_deref(), PAGE).await;
            let found = found.map_err(|error| failed("listing log events", error))?;
            let Some(last) = found.last() else { return Ok(()) };
            after = Some(last.name.clone());
            let strays: Vec<String> =
                found.into_iter().map(|one| one.name).filter(|name| !named.contains(name)).collect();
            objects.delete_many(&strays).await.map_err(|error| failed("tidying log events", error))?;
        }
    }

    /// Makes one chunk of many small ones, group by group.
    async fn merge(&mut self) -> Result<(), Failure> {
        let candidates: Vec<Vec<Arc<Chunk>>> = {
            let live = self.logs.live();
            let small = |group: &crate::live::LiveGroup| {
                let mut bytes = 0;
                let chunks = group.chunks.values().filter(|chunk| chunk.bytes < SMALL_BYTES && !chunk.is_locked);
                let key = group.chunks.values().next().and_then(|chunk| chunk.key);
                let chunks = chunks.filter(|chunk| chunk.key == key).take(MERGE_MAX);
                let chunks = chunks.take_while(|chunk| {
                    bytes += chunk.bytes;
                    bytes <= MERGE_BYTES_MAX
                });
                chunks.cloned().collect::<Vec<_>>()
            };
            live.groups.values().map(small).filter(|chunks| chunks.len() >= MERGE_MIN).collect()
        };
        for chunks in candidates {
            self.merge_into_one(&chunks).await?;
        }
        Ok(())
    }

    async fn merge_into_one(&mut self, chunks: &[Arc<Chunk>]) -> Result<(), Failure> {
        let logs = Arc::clone(&self.logs);
        let Some(group) = logs.store.see(|memory| memory.group_by_id(chunks[0].group).cloned()) else { return Ok(()) };
        let cipher = match chunks[0].key {
            None => None,
            Some(id) => match logs.open_key(&group, id).await {
                Ok(cipher) => Some(cipher),
                // They stay as they are while their key cannot be used.
                Err(_) => return Ok(()),
            },
        };
        let mut events: Vec<(Place, Event)> = Vec::new();
        for chunk in chunks {
            events.extend(self.all_of(&group, chunk, cipher.as_deref()).await?);
        }
        let horizon = group.horizon(logs.deps.env.clock.now().ms());
        logs.store.see(|memory| {
            events.retain(|(place, event)| place.ts >= horizon && memory.stream_by_id(event.stream).is_some());
        });
        events.sort_unstable_by_key(|(place, _)| *place);
        let name = format!("m{:016x}", logs.new_id());
        let (id, rng) = (group.id, Arc::clone(&logs.deps.env.rng));
        let made = worker::blocking(move || {
            (!events.is_empty()).then(|| chunk_of(id, name, &events, cipher.as_deref(), &*rng))
        })
        .await?;
        self.untidy = true;
        let mut ops: Vec<Op> = chunks.iter().map(|chunk| drop_chunk(chunk)).collect();
        if let Some((row, content)) = &made {
            let put = logs.deps.objects.put(&row.object(), content.clone()).await;
            put.map_err(|error| failed("storing merged log events", error))?;
            let op = put_op(CHUNKS, row.key(), row);
            ops.push(op.map_err(|error| failed("merging log events", error))?);
        }
        let merged = logs.store.state().commit(ops).await;
        merged.map_err(|error| failed("committing merged log events", error))?;
        let mut live = logs.live_mut();
        if let Some(group) = live.groups.get_mut(&id) {
            chunks.iter().for_each(|chunk| group.remove(&chunk.name));
            if let Some((row, _)) = made {
                group.add(row);
            }
        }
        drop(live);
        // Those that were merged are strays now; they are swept once nobody can be reading them.
        let now_ms = logs.deps.env.clock.monotonic_ms();
        self.upkeep_at_ms = now_ms.saturating_add(GRACE_MS.max(INTERVAL_MS));
        Ok(())
    }

    /// All events of a chunk.
    async fn all_of(
        &self,
        group: &Group,
        chunk: &Chunk,
        cipher: Option<&crate::crypt::Cipher>,
    ) -> Result<Vec<(Place, Event)>, Failure> {
        let object = chunk.object();
        let damaged = |_| Failure(format!("the log events of {} in {object} do not read", group.name));
        let reader = self.logs.deps.objects.get(&object, None).await;
        let reader = reader.map_err(|error| failed("reading log events", error))?;
        let max = usize::try_from(chunk.len).unwrap_or(usize::MAX);
        let bytes = reader.bytes(max).await.map_err(|error| failed("reading log events", error))?;
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
        let index = read_index(&bytes[place(chunk.index_at)..]).map_err(damaged)?;
        let mut events = Vec::new();
        for block in &index.blocks {
            let packed = &bytes[place(block.at)..place(block.at + block.len)];
            events.extend(read_block(&object, &index, block, packed, cipher).map_err(damaged)?);
        }
        Ok(events)
    }
}
