//! [`Snapshot`]: one store at one moment, for the engine that answers queries.

use std::sync::{Arc, OnceLock};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use arrow_select::filter::filter_record_batch;
use ports::lake::QueryProgress;

use crate::part::Part;
use crate::read::{Batches, Pruning, ReadError, ReadOptions, not_older};
use crate::schema::LOGICAL;
use crate::tail::TailView;

/// See the module. The parts it names are there until it is dropped.
pub struct Snapshot {
    parts: Vec<Arc<Part>>,
    tail: Vec<RecordBatch>,
    horizon_ms: i64,
}

impl Snapshot {
    pub(crate) fn new(parts: Vec<Arc<Part>>, tail: TailView, horizon_ms: i64) -> Snapshot {
        static EMPTY: OnceLock<Vec<RecordBatch>> = OnceLock::new();
        let batches = tail.into_batches().unwrap_or_else(|error| {
            // Each of its records was read before it was taken.
            tracing::error!(%error, "the tail of an event store cannot be shown");
            EMPTY.get_or_init(Vec::new).clone()
        });
        let live = |batch: RecordBatch| {
            let keep = not_older(&batch, horizon_ms);
            if keep.true_count() == batch.num_rows() {
                batch.clone()
            } else {
                filter_record_batch(&batch, &keep).unwrap_or(batch)
            }
        };
        let tail = batches.into_iter().map(live).filter(|batch| batch.num_rows() > 0).collect();
        Snapshot { parts, tail, horizon_ms }
    }

    /// All columns. Text is `Utf8View`.
    pub fn schema() -> SchemaRef {
        Arc::clone(&LOGICAL)
    }

    /// What is stored, in no order.
    pub fn parts(&self) -> &[Arc<Part>] {
        &self.parts
    }

    /// Rows that are in no part yet, with all columns.
    pub fn tail(&self) -> &[RecordBatch] {
        &self.tail
    }

    /// Reads a part of this snapshot. Rows that retention hides do not come.
    pub fn read(&self, part: &Arc<Part>, options: ReadOptions, progress: Arc<QueryProgress>) -> Batches {
        part.read(options, Some(self.horizon_ms), progress)
    }

    /// Whether a part may have rows like that; costs a few small reads.
    pub async fn may_have(
        &self,
        part: &Part,
        pruning: &Pruning,
        progress: &Arc<QueryProgress>,
    ) -> Result<bool, ReadError> {
        let early = pruning.from_ms.is_some_and(|from| part.newest_ms() < from);
        let late = pruning.to_ms.is_some_and(|to| part.oldest_ms() >= to);
        if early || late {
            return Ok(false);
        }
        Ok(part.candidates(pruning, progress).await?.contains(&true))
    }
}
