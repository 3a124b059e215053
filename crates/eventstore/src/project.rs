//! Which columns a reader wants: whole ones or leaves of objects.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StructArray};
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::schema::types::SchemaDescriptor;

use crate::coded;
use crate::schema::{EVENT_JSON, Kind, LOGICAL, PATHS};
use crate::skeleton;

/// There is no such column.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no column {0}")]
pub struct UnknownColumn(pub String);

/// Some columns of the schema, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projection {
    paths: BTreeSet<String>,
    schema: SchemaRef,
}

impl Projection {
    /// Every column.
    pub fn all() -> Projection {
        let paths = LOGICAL.fields().iter().map(|field| field.name().clone()).collect();
        Projection { paths, schema: Arc::clone(&LOGICAL) }
    }

    /// The columns of these paths: `eventtime`, `useridentity.arn`, `useridentity` (all of it). Of the list `resources` whole items come.
    pub fn of<S: AsRef<str>>(paths: impl IntoIterator<Item = S>) -> Result<Projection, UnknownColumn> {
        let mut wanted = BTreeSet::new();
        for path in paths {
            let path = path.as_ref();
            wanted.insert(known(LOGICAL.fields(), path).ok_or_else(|| UnknownColumn(path.to_owned()))?);
        }
        let schema = Arc::new(Schema::new(narrowed(LOGICAL.fields(), "", &wanted)));
        Ok(Projection { paths: wanted, schema })
    }

    /// The schema of what is read: the columns in the order of the whole schema, objects with the wanted members alone.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Whether the records themselves are wanted, which costs reading every column.
    pub fn has_event_json(&self) -> bool {
        self.paths.contains(EVENT_JSON)
    }

    /// The leaves of it in their order, if it is nothing but leaves of texts, times and flags.
    pub(crate) fn leaves(&self) -> Option<Vec<usize>> {
        self.paths
            .iter()
            .map(|path| PATHS.iter().position(|leaf| leaf.path == *path && leaf.kind != Kind::Json))
            .collect()
    }

    /// Which columns of a part are read.
    pub(crate) fn mask(&self, stored: &SchemaDescriptor) -> ProjectionMask {
        if self.has_event_json() {
            return ProjectionMask::all();
        }
        let wanted = |index: &usize| {
            let path = stored.column(*index).path().string();
            self.paths.iter().any(|want| {
                path.strip_prefix(want.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        ProjectionMask::leaves(stored, (0..stored.num_columns()).filter(wanted))
    }

    /// What is wanted of a batch of the stored or the logical schema that has at least that.
    pub fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let column = |field: &Arc<Field>| -> Result<ArrayRef, ArrowError> {
            if let Some(array) = batch.column_by_name(field.name()) {
                return narrow(array, field);
            }
            if field.name() == EVENT_JSON {
                return Ok(Arc::new(skeleton::event_json(&coded::spelt_out(batch)?)?));
            }
            Err(ArrowError::SchemaError(format!("the column {} is missing", field.name())))
        };
        let columns = self.schema.fields().iter().map(column).collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(self.schema(), columns, &options)
    }
}

/// The path as far as columns are told apart by it.
fn known(fields: &Fields, path: &str) -> Option<String> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let (_, field) = fields.find(first)?;
    match (field.data_type(), rest) {
        (DataType::Struct(below), Some(rest)) => Some(format!("{first}.{}", known(below, rest)?)),
        (DataType::List(_), _) | (_, None) => Some(first.to_owned()),
        (_, Some(_)) => None,
    }
}

fn narrowed(fields: &Fields, above: &str, wanted: &BTreeSet<String>) -> Fields {
    let narrow = |field: &Arc<Field>| {
        let path = format!("{above}{}", field.name());
        if wanted.contains(&path) {
            return Some(Arc::clone(field));
        }
        let DataType::Struct(below) = field.data_type() else { return None };
        let below = narrowed(below, &format!("{path}."), wanted);
        let some = !below.is_empty();
        some.then(|| Arc::new(Field::new(field.name(), DataType::Struct(below), field.is_nullable())))
    };
    fields.iter().filter_map(narrow).collect()
}

/// Leaves out members of objects that the field has not.
fn narrow(array: &ArrayRef, field: &Field) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == field.data_type() {
        return Ok(Arc::clone(array));
    }
    if matches!((array.data_type(), field.data_type()), (DataType::Dictionary(..), DataType::Utf8View)) {
        return coded::texts(array);
    }
    let (DataType::Struct(fields), Some(object)) = (field.data_type(), array.as_struct_opt()) else {
        return Err(ArrowError::SchemaError(format!("the column {} has another type", field.name())));
    };
    let member = |field: &Arc<Field>| {
        let missing = || ArrowError::SchemaError(format!("the member {} is missing", field.name()));
        narrow(object.column_by_name(field.name()).ok_or_else(missing)?, field)
    };
    let members = fields.iter().map(member).collect::<Result<Vec<_>, _>>()?;
    let len = object.len();
    Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), members, object.nulls().cloned(), len)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_columns_and_members() {
        let projection =
            Projection::of(["eventtime", "useridentity.sessioncontext.sessionissuer.arn", "resources.arn"]).unwrap();
        let schema = projection.schema();
        let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["useridentity", "eventtime", "resources"]);
        for bad in ["", "eventid.x", "useridentity.nobody", "$skeleton"] {
            assert_eq!(Projection::of([bad]), Err(UnknownColumn(bad.to_owned())));
        }
        assert_eq!(Projection::all().schema(), *LOGICAL);
    }
}
