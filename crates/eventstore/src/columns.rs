//! A part's columns of texts, times and flags, decoded by groups of rows: from memory, or read and kept there for the next query. Only
//! texts that are stored as numbers of a dictionary are kept: others are long, and looked at where an index has found them.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowDictionaryKeyType, Int32Type, UInt8Type, UInt16Type};
use arrow_array::{Array, ArrayRef, DictionaryArray, PrimitiveArray, RecordBatch, RecordBatchOptions, StructArray};
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema};
use futures_util::StreamExt;
use parquet::arrow::ParquetRecordBatchStreamBuilder;
use ports::lake::QueryProgress;

use crate::coded;
use crate::part::{Head, Part};
use crate::project::Projection;
use crate::read::ReadError;
use crate::schema::PATHS;
use crate::write::ROW_GROUP_ROWS;

impl Part {
    /// The columns of a projection of a group of rows, if all of it can be kept decoded, and is there or may be loaded.
    pub(crate) async fn decoded(
        &self,
        head: &Head,
        group: usize,
        projection: &Projection,
        load: bool,
        progress: &Arc<QueryProgress>,
    ) -> Result<Option<RecordBatch>, ReadError> {
        let Some(leaves) = projection.leaves() else { return Ok(None) };
        let coded = head.coded()?;
        if !leaves.iter().all(|leaf| coded.is_plain(*leaf)) {
            return Ok(None);
        }
        let cache = &self.shelf.columns;
        let mut found: Vec<Option<ArrayRef>> = leaves.iter().map(|leaf| cache.get(&self.name, group, *leaf)).collect();
        let missing: Vec<usize> =
            leaves.iter().zip(&found).filter(|(_, array)| array.is_none()).map(|(leaf, _)| *leaf).collect();
        if !missing.is_empty() {
            if !load {
                return Ok(None);
            }
            let batch = self.decode(head, group, &missing, progress).await?;
            for (leaf, place) in leaves.iter().zip(&mut found) {
                if place.is_none() {
                    let array = coded::leaf(&batch, &PATHS[*leaf].path).map(|array| narrow(&array)).transpose()?;
                    let array = array.ok_or_else(|| ReadError("a column was not read".to_owned()))?;
                    cache.put(&self.name, group, *leaf, Arc::clone(&array));
                    *place = Some(array);
                }
            }
        }
        let column = |path: &str| {
            let at = leaves.iter().position(|leaf| PATHS[*leaf].path == path)?;
            found[at].clone()
        };
        let (fields, columns) = assembled(projection.schema().fields(), "", &column)?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.group_rows(group)));
        Ok(Some(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?))
    }

    async fn decode(
        &self,
        head: &Head,
        group: usize,
        leaves: &[usize],
        progress: &Arc<QueryProgress>,
    ) -> Result<RecordBatch, ReadError> {
        let wanted = Projection::of(leaves.iter().map(|leaf| PATHS[*leaf].path.as_str()));
        let wanted = wanted.map_err(|error| ReadError(error.to_string()))?;
        let metadata = head.coded()?.metadata.clone();
        let builder = ParquetRecordBatchStreamBuilder::new_with_metadata(self.reader(progress), metadata);
        let mask = wanted.mask(builder.parquet_schema());
        let builder = builder.with_projection(mask).with_row_groups(vec![group]).with_batch_size(ROW_GROUP_ROWS);
        let batch = builder.build()?.next().await.transpose()?;
        let whole = batch.filter(|batch| batch.num_rows() == self.group_rows(group));
        whole.ok_or_else(|| ReadError(format!("part {} has another number of rows than it should", self.name)))
    }
}

/// Columns of leaves in the places that a schema gives them. What is null in an object is null by itself.
fn assembled(
    fields: &Fields,
    above: &str,
    column: &dyn Fn(&str) -> Option<ArrayRef>,
) -> Result<(Fields, Vec<ArrayRef>), ArrowError> {
    let mut columns = Vec::with_capacity(fields.len());
    for field in fields {
        let path = format!("{above}{}", field.name());
        columns.push(match field.data_type() {
            DataType::Struct(below) => {
                let (below, members) = assembled(below, &format!("{path}."), column)?;
                Arc::new(StructArray::try_new(below, members, None)?) as ArrayRef
            }
            _ => column(&path).ok_or_else(|| ArrowError::SchemaError(format!("the column {path} is missing")))?,
        });
    }
    let typed =
        fields.iter().zip(&columns).map(|(field, array)| Field::new(field.name(), array.data_type().clone(), true));
    Ok((typed.collect(), columns))
}

/// The same with the shortest numbers that do.
fn narrow(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let Some(coded) = array.as_dictionary_opt::<Int32Type>() else { return Ok(Arc::clone(array)) };
    match coded.values().len() {
        0..=0x100 => shortened::<UInt8Type>(coded),
        0x101..=0x1_0000 => shortened::<UInt16Type>(coded),
        _ => Ok(Arc::clone(array)),
    }
}

fn shortened<K: ArrowDictionaryKeyType>(coded: &DictionaryArray<Int32Type>) -> Result<ArrayRef, ArrowError>
where
    K::Native: TryFrom<i32>,
{
    let keys = coded.keys();
    // What stands in the place of null is any number.
    let short = |key: &i32| K::Native::try_from(*key).unwrap_or_default();
    let short: Vec<K::Native> = keys.values().iter().map(short).collect();
    let keys = PrimitiveArray::<K>::try_new(short.into(), keys.nulls().cloned())?;
    Ok(Arc::new(DictionaryArray::try_new(keys, Arc::clone(coded.values()))?))
}
