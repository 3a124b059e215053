//! [`convert`]: a batch as it is kept becomes one of a table's schema. A value never makes it fail: JSON that is no object has no map.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::builder::{MapBuilder, MapFieldNames, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{
    Array, ArrayRef, ListArray, RecordBatch, RecordBatchOptions, StructArray, TimestampMicrosecondArray,
};
use arrow_schema::{ArrowError, DataType, Field, FieldRef};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::schema::TableSchema;

/// See the module. The batch has the columns that the schema was made of.
pub fn convert(batch: &RecordBatch, schema: &TableSchema) -> Result<RecordBatch, ArrowError> {
    let arrow = schema.arrow();
    let column = |field: &FieldRef| {
        let missing = || ArrowError::SchemaError(format!("the column {} is missing", field.name()));
        array(batch.column_by_name(field.name()).ok_or_else(missing)?, field)
    };
    let columns = arrow.fields().iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(arrow, columns, &options)
}

fn array(from: &ArrayRef, to: &Field) -> Result<ArrayRef, ArrowError> {
    let other = || ArrowError::SchemaError(format!("the column {} has another type", to.name()));
    match to.data_type() {
        DataType::Utf8View | DataType::Boolean if from.data_type() == to.data_type() => Ok(Arc::clone(from)),
        DataType::Timestamp(..) => {
            let from = from.as_primitive_opt::<TimestampMillisecondType>().ok_or_else(other)?;
            // Times beyond what microseconds can say are no times.
            let micros: TimestampMicrosecondArray = from.iter().map(|ms| ms?.checked_mul(1_000)).collect();
            Ok(Arc::new(micros))
        }
        DataType::Struct(fields) => {
            let from = from.as_struct_opt().ok_or_else(other)?;
            let member = |field: &FieldRef| array(from.column_by_name(field.name()).ok_or_else(other)?, field);
            let members = fields.iter().map(member).collect::<Result<Vec<_>, _>>()?;
            let nulls = from.nulls().cloned();
            Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), members, nulls, from.len())?))
        }
        DataType::List(item) => {
            let from = from.as_list_opt::<i32>().ok_or_else(other)?;
            let items = array(from.values(), item)?;
            let (offsets, nulls) = (from.offsets().clone(), from.nulls().cloned());
            Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, items, nulls)?))
        }
        DataType::Map(entry, _) => {
            let DataType::Struct(members) = entry.data_type() else { return Err(other()) };
            let [key, value] = &members[..] else { return Err(other()) };
            maps(from.as_string_view_opt().ok_or_else(other)?.iter(), entry.name(), key, value)
        }
        _ => Err(other()),
    }
}

/// An object's members with their exact text; of members that repeat a name the last one.
#[derive(Deserialize)]
struct Members<'a>(#[serde(borrow)] BTreeMap<Cow<'a, str>, &'a RawValue>);

fn maps<'a>(
    texts: impl Iterator<Item = Option<&'a str>>,
    entry: &str,
    key: &FieldRef,
    value: &FieldRef,
) -> Result<ArrayRef, ArrowError> {
    let names = MapFieldNames { entry: entry.to_owned(), key: key.name().clone(), value: value.name().clone() };
    let builder = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new());
    let mut builder = builder.with_keys_field(Arc::clone(key)).with_values_field(Arc::clone(value));
    for text in texts {
        let members = text.and_then(|text| serde_json::from_str::<Members<'_>>(text).ok());
        let is_map = members.is_some();
        for (name, raw) in members.into_iter().flat_map(|members| members.0) {
            let (keys, values) = builder.entries();
            keys.append_value(name);
            values.append_option(shown(raw.get()));
        }
        builder.append(is_map)?;
    }
    Ok(Arc::new(builder.finish()))
}

/// A member's value as text: that of a string, nothing for null, else its JSON.
fn shown(json: &str) -> Option<Cow<'_, str>> {
    if json == "null" {
        return None;
    }
    if json.starts_with('"')
        && let Ok(text) = serde_json::from_str::<Cow<'_, str>>(json)
    {
        return Some(text);
    }
    Some(Cow::Borrowed(json))
}

#[cfg(test)]
pub(crate) mod tests {
    use arrow_array::builder::{ListBuilder, StringViewBuilder};
    use arrow_array::{BooleanArray, StringViewArray, TimestampMillisecondArray};

    use super::*;
    use crate::schema::tests::{columns, table};

    /// Rows of a time, a name, and JSON.
    pub(crate) fn batch(rows: &[(Option<i64>, &str, Option<&str>)]) -> RecordBatch {
        let names: ArrayRef = Arc::new(StringViewArray::from_iter_values(rows.iter().map(|row| row.1)));
        let DataType::Struct(who) = columns().field(0).data_type().clone() else { panic!("who is a struct") };
        let times: TimestampMillisecondArray = rows.iter().map(|row| row.0).collect();
        let mut things = ListBuilder::new(StringViewBuilder::new());
        rows.iter().for_each(|row| {
            things.values().append_value(row.1);
            things.append(true);
        });
        let more: StringViewArray = rows.iter().map(|row| row.2).collect();
        let ok: BooleanArray = rows.iter().map(|row| row.0.map(|ms| ms > 0)).collect();
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(StructArray::new(who, vec![names], None)),
            Arc::new(times.with_timezone("UTC")),
            Arc::new(ok),
            Arc::new(things.finish()),
            Arc::new(more),
        ];
        RecordBatch::try_new(Arc::new(columns()), arrays).unwrap()
    }

    #[track_caller]
    fn check(json: &str, expected: Option<&[(&str, Option<&str>)]>) {
        let made = convert(&batch(&[(None, "a", Some(json))]), &table()).unwrap();
        let map = made.column(4).as_map();
        let entries = map.value(0);
        let (keys, values) = (entries.column(0).as_string::<i32>(), entries.column(1).as_string::<i32>());
        let found: Vec<_> = keys.iter().flatten().zip(values.iter()).collect();
        assert_eq!(map.is_valid(0).then_some(&found[..]), expected, "{json}");
    }

    #[test]
    fn objects_become_maps() {
        check("{}", Some(&[]));
        check(r#"{"b":"x","a":null}"#, Some(&[("a", None), ("b", Some("x"))]));
        check(
            r#"{"a":{"b": 1}, "c":[1,"d"],"e":true,"f":1.50}"#,
            Some(&[("a", Some(r#"{"b": 1}"#)), ("c", Some(r#"[1,"d"]"#)), ("e", Some("true")), ("f", Some("1.50"))]),
        );
        check(r#"{"a\n":"é\"","a\n":"second"}"#, Some(&[("a\n", Some("second"))]));
        check(r#"{"a":"\ud800"}"#, Some(&[("a", Some(r#""\ud800""#))]));
        for other in [r#""text""#, "[1]", "5", "{", "null", ""] {
            check(other, None);
        }
    }

    #[test]
    fn times_are_in_microseconds() {
        let made = convert(&batch(&[(Some(5), "a", None), (None, "b", None), (Some(i64::MAX), "c", None)]), &table());
        let made = made.unwrap();
        let times = made.column(1).as_primitive::<arrow_array::types::TimestampMicrosecondType>();
        assert_eq!(times.iter().collect::<Vec<_>>(), [Some(5_000), None, None]);
        assert_eq!(made.schema(), table().arrow());
        assert!(made.column(4).is_null(0));
    }
}
