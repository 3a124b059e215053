//! The columns of a foreign file as queries see them: names in lower case, and no types that the dialect does not have.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryArray, ListArray, MapArray, StringArray, StructArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};

/// How deep types may be nested.
const DEPTH_MAX: usize = 32;
/// How long a UUID is, which Parquet has as bytes.
const UUID_BYTES: i32 = 16;

/// The columns of a file.
pub(super) struct Shown {
    /// As queries see them.
    pub(super) schema: SchemaRef,
}

impl Shown {
    /// Of a file whose own schema is this. The error is a text for the user.
    pub(super) fn new(own: &Schema) -> Result<Shown, String> {
        let mut names = BTreeSet::new();
        for field in own.fields() {
            if !names.insert(field.name().to_lowercase()) {
                return Err(format!("two columns are called {} but for their case", field.name()));
            }
        }
        let fields = own.fields().iter().map(|field| shown(field, 0)).collect::<Result<Fields, String>>()?;
        Ok(Shown { schema: Arc::new(Schema::new(fields)) })
    }

    /// A batch that has the columns `roots` (sorted) as the columns `wanted` of queries, whose schema is `schema`.
    pub(super) fn batch(
        &self,
        batch: &RecordBatch,
        roots: &[usize],
        wanted: &[usize],
        schema: &SchemaRef,
    ) -> Result<RecordBatch, ArrowError> {
        let column = |(want, field): (&usize, &FieldRef)| {
            let at = roots.binary_search(want).ok().and_then(|at| batch.columns().get(at));
            let array = at.ok_or_else(|| ArrowError::SchemaError(format!("the column {} is missing", field.name())))?;
            fit(array, field.data_type())
        };
        let columns = wanted.iter().zip(schema.fields()).map(column).collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(schema.clone(), columns, &options)
    }
}

fn shown(field: &Field, depth: usize) -> Result<FieldRef, String> {
    if depth > DEPTH_MAX {
        return Err(format!("columns are nested more than {DEPTH_MAX} levels deep"));
    }
    let below = |field: &FieldRef| shown(field, depth + 1);
    let millis = TimeUnit::Millisecond;
    let data_type = match field.data_type() {
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Float16 => DataType::Float32,
        DataType::Date64 => DataType::Date32,
        DataType::Timestamp(_, None) => DataType::Timestamp(millis, None),
        DataType::Timestamp(_, Some(_)) => DataType::Timestamp(millis, Some("UTC".into())),
        DataType::FixedSizeBinary(UUID_BYTES) => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => DataType::Binary,
        DataType::Dictionary(_, of) => {
            shown(&Field::new(field.name(), of.as_ref().clone(), true), depth + 1)?.data_type().clone()
        }
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(below).collect::<Result<Fields, String>>()?),
        DataType::List(of) | DataType::LargeList(of) | DataType::FixedSizeList(of, _) => DataType::List(below(of)?),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => {
                let (key, value) = (below(&pair[0])?, below(&pair[1])?);
                crate::types::map_of(key.as_ref().clone().with_name("key"), value.as_ref().clone().with_name("value"))
            }
            _ => return Err(format!("the map {} is none", field.name())),
        },
        other => other.clone(),
    };
    Ok(Arc::new(Field::new(field.name().to_lowercase(), data_type, true)))
}

/// An array in a type that has the same form with other names and narrower or wider values.
pub(super) fn fit(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == to {
        return Ok(array.clone());
    }
    match (array.data_type(), to) {
        (DataType::Struct(from), DataType::Struct(fields)) if from.len() == fields.len() => {
            let rows = array.as_struct();
            let pairs = rows.columns().iter().zip(fields);
            let columns = pairs.map(|(column, field)| fit(column, field.data_type())).collect::<Result<Vec<_>, _>>()?;
            let made = StructArray::try_new_with_length(fields.clone(), columns, rows.nulls().cloned(), rows.len());
            Ok(Arc::new(made?))
        }
        (DataType::LargeList(of) | DataType::FixedSizeList(of, _), DataType::List(_)) => {
            fit(&cast(array, &DataType::List(of.clone()))?, to)
        }
        (DataType::List(_), DataType::List(of)) => {
            let lists = array.as_list::<i32>();
            let values = fit(lists.values(), of.data_type())?;
            Ok(Arc::new(ListArray::try_new(of.clone(), lists.offsets().clone(), values, lists.nulls().cloned())?))
        }
        (DataType::Map(..), DataType::Map(entries, sorted)) => {
            let maps = array.as_map();
            let DataType::Struct(pair) = entries.data_type() else {
                return Err(ArrowError::SchemaError("a map's entries are no rows".to_owned()));
            };
            let pairs = maps.entries().columns().iter().zip(pair);
            let columns = pairs.map(|(column, field)| fit(column, field.data_type())).collect::<Result<Vec<_>, _>>()?;
            let rows = StructArray::try_new(pair.clone(), columns, None)?;
            let nulls = maps.nulls().cloned();
            Ok(Arc::new(MapArray::try_new(entries.clone(), maps.offsets().clone(), rows, nulls, *sorted)?))
        }
        (DataType::FixedSizeBinary(UUID_BYTES), DataType::Utf8) => {
            let bytes = array.as_fixed_size_binary();
            let texts: StringArray = (0..bytes.len()).map(|row| uuid(bytes, row)).collect();
            Ok(Arc::new(texts))
        }
        _ => cast(array, to),
    }
}

/// `f85bd3a4-1c5e-4b8c-9d2f-0123456789ab`.
pub(super) fn uuid(bytes: &FixedSizeBinaryArray, row: usize) -> Option<String> {
    if bytes.is_null(row) {
        return None;
    }
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.value(row).iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    Some(text)
}
