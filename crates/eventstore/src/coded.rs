//! Texts as they are stored: a column's texts once, in a dictionary, and a number for each row. What is true of a text is then found out
//! once, and rows of the same text are told by a number.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, UInt8Type, UInt16Type};
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringArray, StringViewArray, StructArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema, SchemaRef};
use arrow_select::take::take;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::Encoding;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};

use crate::schema::{Kind, LeafPath, PATHS, STORED};

/// The column or field of this path (`useridentity.arn`) in a batch that was read. Texts are a `Utf8View`, or a dictionary: see
/// [`with_numbers`]. A field of an object that is null is null itself.
pub fn leaf(batch: &RecordBatch, path: &str) -> Option<ArrayRef> {
    let mut names = path.split('.');
    let mut found = batch.column_by_name(names.next()?)?;
    for name in names {
        found = found.as_struct_opt()?.column_by_name(name)?;
    }
    Some(Arc::clone(found))
}

/// Looks at a column of numbers: at the texts, each once, and at each row's number or null. `None` if the column is not stored like that.
pub fn with_numbers<T>(column: &ArrayRef, look: impl FnOnce(&StringArray, Numbers<'_>) -> T) -> Option<T> {
    let texts = column.as_any_dictionary_opt()?.values().as_string_opt::<i32>()?;
    let nulls = column.nulls();
    let numbers = if let Some(coded) = column.as_dictionary_opt::<UInt8Type>() {
        Numbers::Short(coded.keys().values(), nulls)
    } else if let Some(coded) = column.as_dictionary_opt::<UInt16Type>() {
        Numbers::Middle(coded.keys().values(), nulls)
    } else {
        Numbers::Long(column.as_dictionary_opt::<Int32Type>()?.keys().values(), nulls)
    };
    Some(look(texts, numbers))
}

/// Numbers of texts, a row each, and which rows are null: what stands in their place is any number.
#[derive(Clone, Copy, Debug)]
pub enum Numbers<'a> {
    /// One byte each.
    Short(&'a [u8], Option<&'a NullBuffer>),
    /// Two bytes each.
    Middle(&'a [u16], Option<&'a NullBuffer>),
    /// Four bytes each.
    Long(&'a [i32], Option<&'a NullBuffer>),
}

impl Numbers<'_> {
    /// Which of the rows are null.
    pub fn nulls(&self) -> Option<&NullBuffer> {
        match self {
            Numbers::Short(_, nulls) | Numbers::Middle(_, nulls) | Numbers::Long(_, nulls) => *nulls,
        }
    }

    /// What stands in a list in the place of each row's number; what stands in place of null is any of it, or the default.
    pub fn look_up<T: Copy + Default>(&self, list: &[T], found: &mut Vec<T>) {
        fn all<K: Copy + TryInto<usize>, T: Copy + Default>(keys: &[K], list: &[T], found: &mut Vec<T>) {
            let at = |key: &K| (*key).try_into().ok().and_then(|key| list.get(key)).copied().unwrap_or_default();
            found.extend(keys.iter().map(at));
        }
        match self {
            Numbers::Short(keys, _) => all(keys, list, found),
            Numbers::Middle(keys, _) => all(keys, list, found),
            Numbers::Long(keys, _) => all(keys, list, found),
        }
    }
}

/// The reader's view of a part whose texts come as numbers.
pub(crate) struct CodedHead {
    pub(crate) metadata: ArrowReaderMetadata,
    /// Of each leaf, whether it is a time, a flag, or a text with a number.
    plain: Vec<bool>,
}

impl CodedHead {
    pub(crate) fn new(metadata: &Arc<ParquetMetaData>) -> Result<CodedHead, ParquetError> {
        let options = ArrowReaderOptions::new().with_schema(schema(metadata));
        let metadata = ArrowReaderMetadata::try_new(Arc::clone(metadata), options)?;
        let types = metadata.schema();
        let is_plain = |leaf: &LeafPath| match leaf.kind {
            Kind::Text => matches!(type_of(types, &leaf.path), Some(DataType::Dictionary(..))),
            Kind::Time | Kind::Flag => true,
            Kind::Json => false,
        };
        let plain = PATHS.iter().map(is_plain).collect();
        Ok(CodedHead { metadata, plain })
    }

    pub(crate) fn is_plain(&self, leaf: usize) -> bool {
        self.plain.get(leaf) == Some(&true)
    }
}

fn type_of<'a>(schema: &'a Schema, path: &str) -> Option<&'a DataType> {
    let mut names = path.split('.');
    let (_, mut field) = schema.column_with_name(names.next()?)?;
    for name in names {
        let DataType::Struct(below) = field.data_type() else { return None };
        field = below.find(name)?.1;
    }
    Some(field.data_type())
}

/// The schema of stored parts, with dictionaries where all pages of a part have them.
pub(crate) fn schema(metadata: &ParquetMetaData) -> SchemaRef {
    let columns = metadata.file_metadata().schema_descr().columns();
    let is_coded = |path: &str| {
        let text = PATHS.iter().any(|leaf| leaf.path == path && leaf.kind == Kind::Text);
        let at = columns.iter().position(|column| column.path().string() == path);
        text && at.is_some_and(|at| metadata.row_groups().iter().all(|group| has_dictionary(group.column(at))))
    };
    Arc::new(Schema::new(with_dictionaries(STORED.fields(), "", &is_coded)))
}

/// Whether no page gave the dictionary up.
fn has_dictionary(chunk: &ColumnChunkMetaData) -> bool {
    let Some(pages) = chunk.page_encoding_stats_mask() else { return false };
    chunk.dictionary_page_offset().is_some() && pages.is_only(Encoding::RLE_DICTIONARY)
}

fn with_dictionaries(fields: &Fields, above: &str, is_coded: &dyn Fn(&str) -> bool) -> Fields {
    let with = |field: &Arc<Field>| {
        let path = format!("{above}{}", field.name());
        let data_type = match field.data_type() {
            DataType::Struct(below) => DataType::Struct(with_dictionaries(below, &format!("{path}."), is_coded)),
            DataType::Utf8View if is_coded(&path) => {
                DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
            }
            other => other.clone(),
        };
        Arc::new(Field::new(field.name(), data_type, field.is_nullable()))
    };
    fields.iter().map(with).collect()
}

/// The texts of a column of numbers.
pub(crate) fn texts(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let other = || ArrowError::SchemaError("a dictionary has another type".to_owned());
    let coded = array.as_any_dictionary_opt().ok_or_else(other)?;
    let texts = StringViewArray::from(coded.values().as_string_opt::<i32>().ok_or_else(other)?);
    if texts.is_empty() {
        // Nothing but nulls.
        return Ok(arrow_array::new_null_array(&DataType::Utf8View, array.len()));
    }
    take(&texts, coded.keys(), None)
}

/// The batch with all texts spelt out.
pub(crate) fn spelt_out(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().map(spelt).collect::<Result<Vec<_>, _>>()?;
    let fields = batch.schema().fields().iter().zip(&columns).map(typed).collect::<Fields>();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
}

fn spelt(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match array.data_type() {
        DataType::Dictionary(..) => texts(array),
        DataType::Struct(fields) => {
            let object = array.as_struct();
            let members = object.columns().iter().map(spelt).collect::<Result<Vec<_>, _>>()?;
            let fields = fields.iter().zip(&members).map(typed).collect::<Fields>();
            Ok(Arc::new(StructArray::try_new_with_length(fields, members, object.nulls().cloned(), object.len())?))
        }
        _ => Ok(Arc::clone(array)),
    }
}

fn typed((field, array): (&Arc<Field>, &ArrayRef)) -> Field {
    Field::new(field.name(), array.data_type().clone(), field.is_nullable())
}
