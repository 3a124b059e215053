//! Rows of a Parquet file as records: the text of each as it is where a column has it, else a JSON object made of the columns that are
//! called as CloudTrail's are.

use std::collections::BTreeSet;

use bytes::Bytes;
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Schema, TimeUnit, TimestampMillisecondType};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::display::array_value_to_string;
use eventstore::{EVENT_JSON, Snapshot, is_json};
use serde_json::Value;
use serde_json::value::RawValue;

use super::columns::uuid;

use crate::{names, time, types};

/// Without the text of whole records, a file has to have all of these to be one of records.
const NEEDED: &[&str] = &["eventtime", "eventsource", "eventname"];
/// Columns that hold a whole record's text: Lake's, and what others call it.
const WHOLE: &[&str] = &[EVENT_JSON, "record", "json"];
/// Columns that are account numbers: tools take them for numbers and lose the zeros they begin with.
const ACCOUNTS: &[&str] = &["recipientaccountid", "accountid", "vpcendpointaccountid"];
/// Digits of an account number.
const ACCOUNT_DIGITS: usize = 12;

/// How rows are records.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The text of this column.
    Whole(String),
    /// Columns with the names of records' members.
    Columns,
}

impl Form {
    /// The form that a file with these columns has. `None`: its rows are no records.
    pub(super) fn of(own: &Schema) -> Option<Form> {
        let has = |name: &str| own.fields().iter().find(|field| field.name().eq_ignore_ascii_case(name));
        let plain = NEEDED.iter().all(|name| has(name).is_some());
        let text = |name: &&&str| has(name).is_some_and(|field| types::is_text(field.data_type()));
        // Beside columns of its own, only Lake's name is beyond doubt.
        let names = if plain { &WHOLE[..1] } else { WHOLE };
        match names.iter().find(text).and_then(|name| has(name)) {
            Some(field) => Some(Form::Whole(field.name().clone())),
            None => plain.then_some(Form::Columns),
        }
    }

    /// The columns that have to be read for these columns of records.
    pub(super) fn roots(&self, own: &Schema, columns: &BTreeSet<String>) -> Vec<usize> {
        let known = Snapshot::schema();
        let all = columns.contains(EVENT_JSON);
        let wanted = |name: &str| match self {
            Form::Whole(column) => column == name,
            Form::Columns => {
                let name = name.to_lowercase();
                known.field_with_name(&name).is_ok() && name != EVENT_JSON && (all || columns.contains(&name))
            }
        };
        own.fields().iter().enumerate().filter(|(_, field)| wanted(field.name())).map(|(at, _)| at).collect()
    }

    /// The records of a batch.
    pub(super) fn records(&self, batch: &RecordBatch) -> Result<Vec<Bytes>, ArrowError> {
        match self {
            Form::Whole(column) => {
                let array = batch.column_by_name(column);
                let array = array.ok_or_else(|| ArrowError::SchemaError(format!("the column {column} is missing")))?;
                let array = cast(array, &DataType::Utf8)?;
                let texts = array.as_string::<i32>();
                Ok(texts.iter().flatten().map(|text| Bytes::copy_from_slice(text.as_bytes())).collect())
            }
            Form::Columns => {
                let schema = batch.schema();
                let named: Vec<(String, &ArrayRef)> =
                    schema.fields().iter().map(|field| field.name().to_lowercase()).zip(batch.columns()).collect();
                (0..batch.num_rows()).map(|row| object(&named, row)).collect()
            }
        }
    }
}

/// A row as a record.
fn object(columns: &[(String, &ArrayRef)], row: usize) -> Result<Bytes, ArrowError> {
    let mut out = String::from("{");
    for (name, array) in columns.iter().filter(|(_, array)| array.is_valid(row)) {
        let mut value = String::new();
        match array.data_type() {
            text if types::is_text(text) => {
                let text = array_value_to_string(array, row)?;
                value = top_text(name, &text);
            }
            number if number.is_integer() && ACCOUNTS.contains(&name.as_str()) => {
                let digits = array_value_to_string(array, row)?;
                value = Value::from(format!("{digits:0>ACCOUNT_DIGITS$}")).to_string();
            }
            _ => write(array, row, Names::of(name), &mut value)?,
        }
        push(&mut out, &names::shown(name), &value);
    }
    out.push('}');
    Ok(Bytes::from(out))
}

/// A text of a column of the record: JSON where a column holds it, times as records have them.
fn top_text(name: &str, text: &str) -> String {
    let known = Snapshot::schema();
    let nested = known.field_with_name(name).is_ok_and(|field| field.data_type().is_nested());
    if (nested || is_json(name))
        && text.trim_start().starts_with(['{', '['])
        && let Ok(raw) = serde_json::from_str::<&RawValue>(text)
    {
        return raw.get().to_owned();
    }
    if name == "eventtime"
        && let Some((millis, zone)) = time::parse(text)
    {
        let moment = zone.map_or(millis, |zone| zone.moment(millis));
        return Value::from(time::show_record(moment)).to_string();
    }
    Value::from(text).to_string()
}

fn push(out: &mut String, name: &str, value: &str) {
    if !out.ends_with('{') {
        out.push(',');
    }
    out.push_str(&Value::from(name).to_string());
    out.push(':');
    out.push_str(value);
}

/// What fields of a column's rows are called in records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    /// As the file has them.
    Own,
    /// As CloudTrail writes them, in whatever case the file has them.
    Records,
    /// The same, in a resource: there it is `ARN`, elsewhere `arn`.
    Resources,
}

impl Names {
    fn of(column: &str) -> Names {
        match column {
            "resources" => Names::Resources,
            map if is_json(map) => Names::Own,
            _ => Names::Records,
        }
    }

    fn shown(self, name: &str) -> String {
        match self {
            Names::Own => name.to_owned(),
            Names::Resources if name.eq_ignore_ascii_case("arn") => "ARN".to_owned(),
            Names::Records | Names::Resources => names::shown(name),
        }
    }
}

/// A value as JSON.
fn write(array: &ArrayRef, row: usize, names: Names, out: &mut String) -> Result<(), ArrowError> {
    if array.is_null(row) {
        out.push_str("null");
        return Ok(());
    }
    match array.data_type() {
        DataType::Struct(fields) => {
            let mut object = String::from("{");
            let rows = array.as_struct();
            for (field, column) in fields.iter().zip(rows.columns()).filter(|(_, column)| column.is_valid(row)) {
                let mut value = String::new();
                write(column, row, names, &mut value)?;
                push(&mut object, &names.shown(field.name()), &value);
            }
            object.push('}');
            out.push_str(&object);
        }
        DataType::List(_) => elements(&array.as_list::<i32>().value(row), names, out)?,
        DataType::LargeList(_) => elements(&array.as_list::<i64>().value(row), names, out)?,
        DataType::FixedSizeList(..) => elements(&array.as_fixed_size_list().value(row), names, out)?,
        DataType::Map(..) => {
            let pairs = array.as_map().value(row);
            let (keys, values) = (pairs.column(0), pairs.column(1));
            let mut object = String::from("{");
            for at in 0..pairs.len() {
                let mut value = String::new();
                write(values, at, names, &mut value)?;
                push(&mut object, &array_value_to_string(keys, at)?, &value);
            }
            object.push('}');
            out.push_str(&object);
        }
        DataType::Boolean => out.push_str(if array.as_boolean().value(row) { "true" } else { "false" }),
        DataType::Timestamp(_, zone) => {
            let millis = cast(&array.slice(row, 1), &DataType::Timestamp(TimeUnit::Millisecond, zone.clone()))?;
            let millis = millis.as_primitive::<TimestampMillisecondType>().value(0);
            out.push_str(&Value::from(time::show_record(millis)).to_string());
        }
        DataType::FixedSizeBinary(16) => {
            let text = uuid(array.as_fixed_size_binary(), row);
            out.push_str(&Value::from(text).to_string());
        }
        number if number.is_integer() => out.push_str(&array_value_to_string(array, row)?),
        DataType::Float64 | DataType::Float32 | DataType::Float16 => {
            let number = array_value_to_string(array, row)?;
            // Infinity and what is no number have no JSON.
            out.push_str(&number.parse().map_or(Value::Null, |number: f64| Value::from(number)).to_string());
        }
        _ => out.push_str(&Value::from(array_value_to_string(array, row)?).to_string()),
    }
    Ok(())
}

fn elements(values: &ArrayRef, names: Names, out: &mut String) -> Result<(), ArrowError> {
    out.push('[');
    for at in 0..values.len() {
        if at > 0 {
            out.push(',');
        }
        write(values, at, names, out)?;
    }
    out.push(']');
    Ok(())
}
