//! A result as Parquet: what has a type there keeps it, JSON and maps of records are JSON text. Groups of rows are written as they fill.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatchOptions, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use ports::lake::{Column, TextRow};

use super::columns::fit;
use crate::answer::Answer;
use crate::names;
use crate::show::Printer;

/// Rows of a group.
const GROUP_ROWS: usize = 131_072;
/// What a group may take in memory before it is written.
const GROUP_BYTES: usize = 64 << 20;

/// Writes rows as Parquet.
pub struct ParquetWriter<W: Write + Send> {
    writer: ArrowWriter<W>,
    schema: SchemaRef,
    camel: bool,
}

impl<W: Write + Send> ParquetWriter<W> {
    /// Writes an answer's rows, each column with its type.
    pub fn of_answer(out: W, answer: &Answer) -> Result<ParquetWriter<W>, String> {
        let fields = answer.schema.fields().iter().map(|field| stored(field, answer.camel));
        let types: Vec<DataType> = fields.map(|field| field.data_type().clone()).collect();
        ParquetWriter::new(out, answer.columns(), types, answer.camel)
    }

    /// Writes rows of text: every column is varchar.
    pub fn of_texts(out: W, columns: &[Column]) -> Result<ParquetWriter<W>, String> {
        ParquetWriter::new(out, columns, vec![DataType::Utf8; columns.len()], false)
    }

    fn new(out: W, columns: &[Column], types: Vec<DataType>, camel: bool) -> Result<ParquetWriter<W>, String> {
        let names = distinct(columns);
        let fields: Fields =
            names.into_iter().zip(types).map(|(name, data_type)| Field::new(name, data_type, true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let level = ZstdLevel::default();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_created_by(concat!("cairn ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(out, schema.clone(), options).map_err(failed)?;
        Ok(ParquetWriter { writer, schema, camel })
    }

    /// Writes an answer's rows.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), String> {
        let own = batch.schema();
        let columns = batch.columns().iter().zip(own.fields()).zip(self.schema.fields());
        let columns = columns.map(|((array, from), to)| self.column(array, from, to)).collect::<Result<Vec<_>, _>>()?;
        self.add(columns, batch.num_rows())
    }

    /// Writes rows of text.
    pub fn write_texts(&mut self, rows: &[TextRow]) -> Result<(), String> {
        let column = |at: usize| -> ArrayRef {
            let texts: StringArray = rows.iter().map(|row| row.get(at).and_then(Option::as_deref)).collect();
            Arc::new(texts)
        };
        self.add((0..self.schema.fields().len()).map(column).collect(), rows.len())
    }

    /// Writes the rest.
    pub fn finish(self) -> Result<W, String> {
        self.writer.into_inner().map_err(failed)
    }

    fn column(&self, array: &ArrayRef, from: &FieldRef, to: &FieldRef) -> Result<ArrayRef, String> {
        let as_text = *to.data_type() == DataType::Utf8 && !crate::types::is_text(array.data_type());
        if as_text {
            let printer = Printer::new(array, from, self.camel).map_err(failed)?;
            let texts = (0..array.len()).map(|row| printer.value(row)).collect::<Result<StringArray, _>>();
            return Ok(Arc::new(texts.map_err(failed)?));
        }
        fit(array, to.data_type()).map_err(failed)
    }

    fn add(&mut self, columns: Vec<ArrayRef>, rows: usize) -> Result<(), String> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options).map_err(failed)?;
        self.writer.write(&batch).map_err(failed)?;
        if self.writer.in_progress_size() >= GROUP_BYTES {
            self.writer.flush().map_err(failed)?;
        }
        Ok(())
    }
}

fn failed(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// The field that a column is stored with.
fn stored(field: &Field, camel: bool) -> FieldRef {
    let below = |field: &FieldRef| stored(field, camel);
    let data_type = match field.data_type() {
        text if crate::types::is_text(text) => DataType::Utf8,
        DataType::Null | DataType::Interval(_) | DataType::Duration(_) => DataType::Utf8,
        DataType::Struct(fields) if fields.is_empty() => DataType::Utf8,
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(below).collect()),
        DataType::List(of) | DataType::LargeList(of) | DataType::FixedSizeList(of, _) => DataType::List(below(of)),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => {
                let (key, value) = (below(&pair[0]), below(&pair[1]));
                crate::types::map_of(key.as_ref().clone(), value.as_ref().clone())
            }
            _ => DataType::Utf8,
        },
        DataType::Dictionary(_, of) => of.as_ref().clone(),
        other => other.clone(),
    };
    let name = if camel { names::shown(field.name()) } else { field.name().clone() };
    Arc::new(Field::new(name, data_type, true))
}

/// The columns' names, each once: readers want that.
fn distinct(columns: &[Column]) -> Vec<String> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut names = Vec::new();
    for column in columns {
        let mut name = column.name.clone();
        let mut number = 1;
        while !taken.insert(name.to_lowercase()) {
            name = format!("{}_{number}", column.name);
            number += 1;
        }
        names.push(name);
    }
    names
}
