//! Records that are in no store, as columns: for queries over files.

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use bytes::Bytes;

use crate::scan;
use crate::tail;

/// The most rows of a batch of [`Loose`].
pub const LOOSE_BATCH_ROWS: usize = 8192;
/// The most bytes of JSON in one.
const BATCH_BYTES_MAX: usize = 64 << 20;

/// Records as columns.
#[derive(Debug, Default)]
pub struct Loose {
    /// Batches with all columns.
    pub batches: Vec<RecordBatch>,
    /// What is no JSON object, and is in none of them.
    pub unreadable: u64,
}

/// Makes columns of records, in their order.
pub fn loose(records: Vec<Bytes>) -> Result<Loose, ArrowError> {
    let mut made = Loose::default();
    let (mut rows, mut bytes) = (Vec::new(), 0_usize);
    for record in records {
        if scan::checked(&record).is_err() {
            made.unreadable += 1;
            continue;
        }
        bytes += record.len();
        rows.push(record);
        if rows.len() >= LOOSE_BATCH_ROWS || bytes >= BATCH_BYTES_MAX {
            made.batches.push(tail::columns(&rows)?);
            rows.clear();
            bytes = 0;
        }
    }
    if !rows.is_empty() {
        made.batches.push(tail::columns(&rows)?);
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Snapshot;

    #[test]
    fn what_is_no_record_is_counted() {
        let records = [r#"{"eventName":"A"}"#, "[]", "", r#"{"eventName":"B"}"#];
        let made = loose(records.map(Bytes::from).to_vec()).unwrap();
        assert_eq!((made.unreadable, made.batches.len()), (2, 1));
        assert_eq!(made.batches[0].num_rows(), 2);
        assert_eq!(made.batches[0].schema(), Snapshot::schema());
    }
}
