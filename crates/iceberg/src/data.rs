//! [`DataWriter`]: a data file of Parquet, and what a manifest says of it so that readers can leave it out.

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use crate::Error;
use crate::schema::{TableSchema, id_of};

/// Rows in memory before they are compressed, at most …
const ROW_GROUP_ROWS: usize = 65_536;
/// … and about so many bytes of them.
const ROW_GROUP_BYTES: usize = 16 << 20;
/// Bounds are no longer than this, in bytes: a longer upper bound is left out, a lower one shortened.
const BOUND_BYTES_MAX: usize = 64;

/// A data file, as a manifest has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFile {
    /// Where it will be.
    pub path: String,
    /// How many rows.
    pub rows: u64,
    /// How long it is.
    pub bytes: u64,
    /// What is known of columns that are neither struct nor list nor map.
    pub(crate) columns: Vec<ColumnFacts>,
}

/// What is known of a column without reading it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ColumnFacts {
    pub(crate) id: i32,
    pub(crate) values: u64,
    pub(crate) nulls: u64,
    /// As Iceberg writes single values.
    pub(crate) lower: Option<Vec<u8>>,
    pub(crate) upper: Option<Vec<u8>>,
}

/// The least and the greatest value so far.
enum Bounds {
    Time(Option<(i64, i64)>),
    Flag(Option<(bool, bool)>),
    Text(Option<(String, String)>),
}

struct Column {
    place: usize,
    facts: ColumnFacts,
    bounds: Option<Bounds>,
}

/// See the module. Holds the file in memory: whoever writes asks [`DataWriter::bytes`] and begins another one.
pub struct DataWriter {
    writer: ArrowWriter<Vec<u8>>,
    columns: Vec<Column>,
    rows: u64,
}

impl DataWriter {
    /// An empty file. Of columns in `unbounded` (long texts that nobody compares) no bounds are kept.
    pub fn new(schema: &TableSchema, unbounded: &[&str]) -> Result<DataWriter, Error> {
        let properties = WriterProperties::builder()
            .set_created_by("cairn".to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .build();
        // Readers go by the numbers of columns; what Arrow would add is of no use to them.
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let arrow = schema.arrow();
        let column = |(place, field): (usize, &std::sync::Arc<arrow_schema::Field>)| {
            let bounds = match field.data_type() {
                DataType::Timestamp(..) => Bounds::Time(None),
                DataType::Boolean => Bounds::Flag(None),
                DataType::Utf8View => Bounds::Text(None),
                _ => return None,
            };
            let bounds = (!unbounded.contains(&field.name().as_str())).then_some(bounds);
            Some(Column { place, facts: ColumnFacts { id: id_of(field)?, ..ColumnFacts::default() }, bounds })
        };
        let columns = arrow.fields().iter().enumerate().filter_map(column).collect();
        let writer = ArrowWriter::try_new_with_options(Vec::new(), arrow, options)?;
        Ok(DataWriter { writer, columns, rows: 0 })
    }

    /// Adds a batch of the schema.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let wide = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        for column in &mut self.columns {
            let array = batch.column(column.place);
            column.facts.values += wide(array.len());
            column.facts.nulls += wide(array.null_count());
            match &mut column.bounds {
                None => {}
                Some(Bounds::Time(seen)) => {
                    array
                        .as_primitive::<TimestampMicrosecondType>()
                        .iter()
                        .flatten()
                        .for_each(|value| see(seen, value));
                }
                Some(Bounds::Flag(seen)) => array.as_boolean().iter().flatten().for_each(|value| see(seen, value)),
                Some(Bounds::Text(seen)) => {
                    array.as_string_view().iter().flatten().for_each(|value| see_text(seen, value))
                }
            }
        }
        self.rows += wide(batch.num_rows());
        self.writer.write(batch)?;
        if self.writer.in_progress_size() > ROW_GROUP_BYTES {
            self.writer.flush()?;
        }
        Ok(())
    }

    /// About how long it is by now.
    pub fn bytes(&self) -> usize {
        self.writer.bytes_written() + self.writer.in_progress_size()
    }

    /// The file, which will be at `path`.
    pub fn finish(mut self, path: String) -> Result<(DataFile, Bytes), Error> {
        self.writer.finish()?;
        let content = Bytes::from(std::mem::take(self.writer.inner_mut()));
        let columns = self.columns.into_iter().map(Column::finish).collect();
        let bytes = u64::try_from(content.len()).unwrap_or(u64::MAX);
        Ok((DataFile { path, rows: self.rows, bytes, columns }, content))
    }
}

fn see<T: Copy + Ord>(seen: &mut Option<(T, T)>, value: T) {
    *seen = Some(seen.map_or((value, value), |(least, most)| (least.min(value), most.max(value))));
}

fn see_text(seen: &mut Option<(String, String)>, value: &str) {
    match seen {
        None => *seen = Some((value.to_owned(), value.to_owned())),
        Some((least, most)) => {
            if value < least.as_str() {
                value.clone_into(least);
            }
            if value > most.as_str() {
                value.clone_into(most);
            }
        }
    }
}

impl Column {
    fn finish(self) -> ColumnFacts {
        let bounds: Option<(Vec<u8>, Option<Vec<u8>>)> = match self.bounds {
            Some(Bounds::Time(Some((least, most)))) => {
                Some((least.to_le_bytes().to_vec(), Some(most.to_le_bytes().to_vec())))
            }
            Some(Bounds::Flag(Some((least, most)))) => Some((vec![least.into()], Some(vec![most.into()]))),
            Some(Bounds::Text(Some((least, most)))) => {
                let end = (0..=BOUND_BYTES_MAX.min(least.len())).rev().find(|end| least.is_char_boundary(*end));
                let upper = (most.len() <= BOUND_BYTES_MAX).then(|| most.into_bytes());
                Some((least.as_bytes()[..end.unwrap_or(0)].to_vec(), upper))
            }
            _ => None,
        };
        let (lower, upper) = bounds.map_or((None, None), |(lower, upper)| (Some(lower), upper));
        ColumnFacts { lower, upper, ..self.facts }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;
    use crate::convert::{convert, tests::batch};
    use crate::schema::tests::table;

    pub(crate) fn file(path: &str) -> (DataFile, Bytes) {
        let rows = [(Some(20), "b", Some(r#"{"k":"v"}"#)), (Some(-10), "a", None), (None, "c", Some("{}"))];
        let mut writer = DataWriter::new(&table(), &[]).unwrap();
        writer.add(&convert(&batch(&rows), &table()).unwrap()).unwrap();
        writer.finish(path.to_owned()).unwrap()
    }

    #[test]
    fn columns_have_numbers_and_bounds() {
        let (file, content) = file("s3://b/f.parquet");
        assert_eq!((file.rows, file.bytes), (3, u64::try_from(content.len()).unwrap()));
        let time = ColumnFacts {
            id: 1,
            values: 3,
            nulls: 1,
            lower: Some((-10_000_i64).to_le_bytes().to_vec()),
            upper: Some(20_000_i64.to_le_bytes().to_vec()),
        };
        let flag = ColumnFacts { id: 4, lower: Some(vec![0]), upper: Some(vec![1]), ..time.clone() };
        assert_eq!(file.columns, [time, flag]);
        let reader = ParquetRecordBatchReaderBuilder::try_new(content).unwrap();
        let schema = reader.parquet_schema();
        let ids: Vec<i32> = schema.root_schema().get_fields().iter().map(|field| field.get_basic_info().id()).collect();
        assert_eq!(ids, [2, 1, 4, 5, 7]);
        let paths: Vec<String> = schema.columns().iter().map(|column| column.path().string()).collect();
        let expected = ["who.name", "time", "ok", "things.list.element", "more.key_value.key", "more.key_value.value"];
        assert_eq!(paths, expected);
        let rows: usize = reader.build().unwrap().map(|batch| batch.unwrap().num_rows()).sum();
        assert_eq!(rows, 3);
    }

    #[test]
    fn long_texts_have_a_shortened_lower_bound_and_no_upper_one() {
        let long = format!("{}é", "a".repeat(BOUND_BYTES_MAX - 1));
        let mut seen = None;
        see_text(&mut seen, &long);
        see_text(&mut seen, "aaaz");
        let column = Column { place: 0, facts: ColumnFacts::default(), bounds: Some(Bounds::Text(seen)) };
        let facts = column.finish();
        assert_eq!(facts.lower, Some(vec![b'a'; BOUND_BYTES_MAX - 1]));
        assert_eq!(facts.upper, Some(b"aaaz".to_vec()));
        let column =
            Column { place: 0, facts: ColumnFacts::default(), bounds: Some(Bounds::Text(Some((long.clone(), long)))) };
        assert_eq!(column.finish().upper, None);
    }
}
