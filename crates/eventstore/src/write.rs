//! Writing a part: rows in their order, as Parquet, and the index that goes with them. Works on processors, not on storage: whoever
//! drives it takes the bytes and stores them.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::{Array, RecordBatch, UInt32Array};
use arrow_schema::ArrowError;
use arrow_select::take::take_record_batch;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::flat::Flat;
use crate::index::{self, GRANULE_ROWS, Granule};
use crate::rows::PartRow;
use crate::schema::{FULL, Kind, PATHS, REST, SKELETON, STORED, leaf};
use crate::terms::{self, Terms};

/// Rows in a row group: what is made in memory before it is written, some 20 MiB.
pub(crate) const ROW_GROUP_ROWS: usize = 32 * GRANULE_ROWS;
/// A larger dictionary is given up for plain text.
const DICTIONARY_BYTES_MAX: usize = 2 << 20;
/// A page ends with its granule, so it has no size of its own.
const PAGE_BYTES_MAX: usize = 64 << 20;
/// How hard zstd tries. More gains little: what is left are identifiers made by chance.
const ZSTD_LEVEL: i32 = 3;

/// By what rows of a part are sorted: neighbours then resemble each other, which makes them small, and a search by service, operation or
/// caller reads few granules. Times are sorted within that; parts, not rows, keep times apart.
pub(crate) struct SortKeys {
    flat: Flat,
}

/// A row's place in the order.
pub(crate) type SortKey<'a> = (Option<&'a str>, Option<&'a str>, Option<&'a str>, Option<i64>);

impl SortKeys {
    pub(crate) fn of(batch: &RecordBatch) -> SortKeys {
        SortKeys { flat: Flat::of(batch) }
    }

    pub(crate) fn key(&self, row: usize) -> SortKey<'_> {
        let text = |number| self.flat.text(number, row);
        (text(leaf::EVENT_SOURCE), text(leaf::EVENT_NAME), text(leaf::ARN), self.flat.time(leaf::EVENT_TIME, row))
    }
}

/// The rows in the order of a part.
pub(crate) fn sort(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let flat = Flat::of(batch);
    let rows = batch.num_rows();
    let [sources, names, arns] =
        [leaf::EVENT_SOURCE, leaf::EVENT_NAME, leaf::ARN].map(|number| ranks(&flat, number, rows));
    let times: Vec<Option<i64>> = (0..rows).map(|row| flat.time(leaf::EVENT_TIME, row)).collect();
    let count = u32::try_from(rows).map_err(|_| ArrowError::OffsetOverflowError(rows))?;
    let mut order: Vec<u32> = (0..count).collect();
    order.sort_by_key(|row| {
        let row = usize::try_from(*row).expect("a row's number came from a length");
        (sources[row], names[row], arns[row], times[row])
    });
    take_record_batch(batch, &UInt32Array::from(order))
}

/// Each row's place among the distinct texts of a column; 0 for null.
fn ranks(flat: &Flat, number: usize, rows: usize) -> Vec<u32> {
    let mut numbers: HashMap<&str, u32> = HashMap::new();
    let mut distinct: Vec<&str> = Vec::new();
    let mut found = Vec::with_capacity(rows);
    for row in 0..rows {
        found.push(flat.text(number, row).map(|text| {
            *numbers.entry(text).or_insert_with(|| {
                distinct.push(text);
                u32::try_from(distinct.len() - 1).unwrap_or(u32::MAX)
            })
        }));
    }
    let mut order: Vec<usize> = (0..distinct.len()).collect();
    order.sort_unstable_by_key(|index| distinct[*index]);
    let mut rank = vec![0_u32; distinct.len()];
    for (place, index) in order.into_iter().enumerate() {
        rank[index] = u32::try_from(place + 1).unwrap_or(u32::MAX);
    }
    let rank_of = |number: u32| usize::try_from(number).ok().and_then(|number| rank.get(number)).copied();
    found.into_iter().map(|number| number.and_then(rank_of).unwrap_or(0)).collect()
}

/// Where Parquet writes to.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A part being written.
pub(crate) struct PartWriter {
    writer: ArrowWriter<Sink>,
    sink: Sink,
    column_bytes: u64,
    rows: u64,
    times: Option<(i64, i64)>,
    granules: Vec<Granule>,
    /// Of the granule that is not full yet.
    current: Terms,
    current_times: (i64, i64),
    current_rows: usize,
}

/// A part that was written.
pub(crate) struct Written {
    /// What is left of the columns' bytes.
    pub(crate) columns: Bytes,
    pub(crate) index: Bytes,
    pub(crate) row: PartRow,
}

/// The latest before the earliest.
const NO_TIMES: (i64, i64) = (i64::MAX, i64::MIN);

fn wide(number: usize) -> u64 {
    u64::try_from(number).expect("a length fits 64 bits")
}

impl PartWriter {
    pub(crate) fn new() -> Result<PartWriter, ParquetError> {
        let sink = Sink::default();
        let writer = ArrowWriter::try_new(sink.clone(), Arc::clone(&STORED), Some(properties()))?;
        Ok(PartWriter {
            writer,
            sink,
            column_bytes: 0,
            rows: 0,
            times: None,
            granules: Vec::new(),
            current: Terms::default(),
            current_times: NO_TIMES,
            current_rows: 0,
        })
    }

    /// Adds rows, which come in the order of the part. Returns the bytes to store.
    pub(crate) fn add(&mut self, batch: &RecordBatch) -> Result<Bytes, ParquetError> {
        let mut from = 0;
        while from < batch.num_rows() {
            let len = (GRANULE_ROWS - self.current_rows).min(batch.num_rows() - from);
            self.gather(&batch.slice(from, len));
            from += len;
        }
        self.writer.write(batch)?;
        self.rows += wide(batch.num_rows());
        Ok(self.take())
    }

    fn take(&mut self) -> Bytes {
        let bytes = self.sink.take();
        self.column_bytes += wide(bytes.len());
        bytes.into()
    }

    fn gather(&mut self, rows: &RecordBatch) {
        let flat = Flat::of(rows);
        terms::gather(&flat, rows.num_rows(), &mut self.current);
        for ms in flat.times(leaf::EVENT_TIME).into_iter().flat_map(|times| times.iter().flatten()) {
            self.current_times.0 = self.current_times.0.min(ms);
            self.current_times.1 = self.current_times.1.max(ms);
        }
        self.current_rows += rows.num_rows();
        if self.current_rows == GRANULE_ROWS {
            self.close_granule();
        }
    }

    fn close_granule(&mut self) {
        let (oldest_ms, newest_ms) = std::mem::replace(&mut self.current_times, NO_TIMES);
        let terms = std::mem::take(&mut self.current).finish();
        if oldest_ms <= newest_ms {
            let (oldest, newest) = self.times.unwrap_or(NO_TIMES);
            self.times = Some((oldest.min(oldest_ms), newest.max(newest_ms)));
        }
        self.granules.push(Granule { terms, oldest_ms, newest_ms });
        self.current_rows = 0;
    }

    /// Ends the part. `hashes` are those of its records; `times` holds for records without a time.
    pub(crate) fn finish(
        mut self,
        mut hashes: Vec<u128>,
        json_bytes: u64,
        undated: Undated,
    ) -> Result<Written, ParquetError> {
        if self.current_rows > 0 {
            self.close_granule();
        }
        self.writer.finish()?;
        let columns = self.take();
        let (index, geometry) = index::write(&self.granules, &mut hashes);
        let (oldest_ms, newest_ms) = match (undated, self.times) {
            (Undated::CameAt(ms), None) => (ms, ms),
            (Undated::CameAt(ms), Some((oldest, newest))) => (oldest.min(ms), newest.max(ms)),
            (Undated::None, times) => times.unwrap_or((0, 0)),
            (Undated::Within(oldest, newest), _) => (oldest, newest),
        };
        let row = PartRow {
            version: 1,
            rows: self.rows,
            column_bytes: self.column_bytes,
            index_bytes: wide(index.len()),
            json_bytes,
            oldest_ms,
            newest_ms,
            granules: wide(geometry.granules),
            filter_bits: wide(geometry.filter_bits),
            hashes: wide(geometry.hashes),
            journal_end: None,
            folder: None,
            encrypted: None,
        };
        Ok(Written { columns, index: index.into(), row })
    }
}

/// Which times records have that have none.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Undated {
    /// There are no such records.
    None,
    /// When they came.
    CameAt(i64),
    /// All records, those without a time among them, are of these times.
    Within(i64, i64),
}

/// Whether a batch has records without a time.
pub(crate) fn undated(batch: &RecordBatch, came_at_ms: i64) -> Undated {
    let flat = Flat::of(batch);
    let some = flat.times(leaf::EVENT_TIME).is_none_or(|times| times.null_count() > 0);
    if some { Undated::CameAt(came_at_ms) } else { Undated::None }
}

fn properties() -> WriterProperties {
    let column = |path: &str| ColumnPath::from(path.split('.').map(str::to_owned).collect::<Vec<_>>());
    let level = ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default();
    let mut properties = WriterProperties::builder()
        .set_created_by("cairn".to_owned())
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(GRANULE_ROWS)
        .set_write_batch_size(GRANULE_ROWS)
        .set_data_page_size_limit(PAGE_BYTES_MAX)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES_MAX)
        .set_statistics_enabled(EnabledStatistics::Chunk);
    // What is different in every row gains nothing from a dictionary; its lengths are kept apart, so that zstd sees text alone.
    let alone = [leaf::REQUEST_ID, leaf::EVENT_ID].map(|number| PATHS[number].path.clone());
    let texts = PATHS.iter().filter(|leaf| leaf.kind == Kind::Json).map(|leaf| leaf.path.clone());
    for path in alone.into_iter().chain(texts).chain([REST, FULL].map(str::to_owned)) {
        properties = properties
            .set_column_dictionary_enabled(column(&path), false)
            .set_column_encoding(column(&path), Encoding::DELTA_LENGTH_BYTE_ARRAY)
            .set_column_statistics_enabled(column(&path), EnabledStatistics::None);
    }
    let time = column(&PATHS[leaf::EVENT_TIME].path);
    properties
        .set_column_dictionary_enabled(time.clone(), false)
        .set_column_encoding(time, Encoding::DELTA_BINARY_PACKED)
        .set_column_statistics_enabled(column(SKELETON), EnabledStatistics::None)
        .build()
}

/// Makes one part of a stored batch at hand, in any order. Some seconds of a processor for a large one.
pub(crate) fn pack(
    batch: &RecordBatch,
    hashes: Vec<u128>,
    json_bytes: u64,
    came_at_ms: i64,
) -> Result<Written, ParquetError> {
    let undated = undated(batch, came_at_ms);
    let sorted = sort(batch)?;
    let mut writer = PartWriter::new()?;
    let mut columns = Vec::new();
    columns.extend_from_slice(&writer.add(&sorted)?);
    let mut written = writer.finish(hashes, json_bytes, undated)?;
    columns.extend_from_slice(&written.columns);
    written.columns = columns.into();
    Ok(written)
}
