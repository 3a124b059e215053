//! [`TableSchema`]: the columns of a table, as metadata names them and as data files have them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;
use serde_json::{Value, json};

/// There is no number for a column, or no type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the column {0} cannot be in a table")]
pub struct UnknownColumn(pub String);

/// See the module.
#[derive(Clone, Debug)]
pub struct TableSchema {
    arrow: SchemaRef,
    json: Value,
    last_column_id: i32,
}

/// How columns become those of a table.
struct Maker<'a> {
    ids: &'a [&'a str],
    is_map: &'a dyn Fn(&str) -> bool,
}

impl TableSchema {
    /// The schema of a table that is made of batches of this one. A column's number is its path's place in `ids`, from 1; numbers are what
    /// readers go by, so a path never changes its place. Texts that `is_map` says hold JSON objects become maps of texts.
    ///
    /// Members of structs are `column.member`, items of lists `column.element`, those of maps `column.key` and `column.value`.
    pub fn new(columns: &Schema, ids: &[&str], is_map: impl Fn(&str) -> bool) -> Result<TableSchema, UnknownColumn> {
        let maker = Maker { ids, is_map: &is_map };
        let (fields, json) = maker.fields(columns.fields(), "")?;
        let json = json!({ "type": "struct", "schema-id": 0, "fields": json });
        let last_column_id = i32::try_from(ids.len()).unwrap_or(i32::MAX);
        Ok(TableSchema { arrow: Arc::new(Schema::new(fields)), json, last_column_id })
    }

    /// What data files have.
    pub fn arrow(&self) -> SchemaRef {
        Arc::clone(&self.arrow)
    }

    /// As metadata has it.
    pub(crate) fn json(&self) -> &Value {
        &self.json
    }

    /// No column has a larger number.
    pub(crate) fn last_column_id(&self) -> i32 {
        self.last_column_id
    }
}

/// The number of a column of a data file.
pub(crate) fn id_of(field: &Field) -> Option<i32> {
    field.metadata().get(PARQUET_FIELD_ID_META_KEY)?.parse().ok()
}

impl Maker<'_> {
    fn id(&self, path: &str) -> Result<i32, UnknownColumn> {
        let at = self.ids.iter().position(|known| *known == path);
        at.and_then(|at| i32::try_from(at + 1).ok()).ok_or_else(|| UnknownColumn(path.to_owned()))
    }

    /// A field under its number.
    fn field(&self, name: &str, kind: DataType, nullable: bool, id: i32) -> Arc<Field> {
        let metadata = HashMap::from([(PARQUET_FIELD_ID_META_KEY.to_owned(), id.to_string())]);
        Arc::new(Field::new(name, kind, nullable).with_metadata(metadata))
    }

    fn fields(&self, fields: &Fields, above: &str) -> Result<(Fields, Vec<Value>), UnknownColumn> {
        let (mut made, mut json) = (Vec::new(), Vec::new());
        for field in fields {
            let path = format!("{above}{}", field.name());
            let id = self.id(&path)?;
            let (kind, shown) = self.kind(field.data_type(), &path)?;
            made.push(self.field(field.name(), kind, true, id));
            json.push(json!({ "id": id, "name": field.name(), "required": false, "type": shown }));
        }
        Ok((made.into(), json))
    }

    fn kind(&self, kind: &DataType, path: &str) -> Result<(DataType, Value), UnknownColumn> {
        Ok(match kind {
            DataType::Utf8View if (self.is_map)(path) => {
                let (key, value) = (self.id(&format!("{path}.key"))?, self.id(&format!("{path}.value"))?);
                let entry = vec![
                    self.field("key", DataType::Utf8, false, key),
                    self.field("value", DataType::Utf8, true, value),
                ];
                let entry = Field::new("key_value", DataType::Struct(entry.into()), false);
                let shown = json!({
                    "type": "map", "key-id": key, "key": "string", "value-id": value, "value-required": false,
                    "value": "string",
                });
                (DataType::Map(Arc::new(entry), false), shown)
            }
            DataType::Utf8View => (DataType::Utf8View, "string".into()),
            DataType::Boolean => (DataType::Boolean, "boolean".into()),
            // Times of day in UTC that say nothing of a zone: as CloudTrail Lake's tables have them.
            DataType::Timestamp(TimeUnit::Millisecond, _) => {
                (DataType::Timestamp(TimeUnit::Microsecond, None), "timestamp".into())
            }
            DataType::Struct(fields) => {
                let (fields, json) = self.fields(fields, &format!("{path}."))?;
                (DataType::Struct(fields), json!({ "type": "struct", "fields": json }))
            }
            DataType::List(item) => {
                let path = format!("{path}.element");
                let id = self.id(&path)?;
                let (kind, shown) = self.kind(item.data_type(), &path)?;
                let item = self.field("element", kind, true, id);
                let shown = json!({ "type": "list", "element-id": id, "element-required": false, "element": shown });
                (DataType::List(item), shown)
            }
            _ => return Err(UnknownColumn(path.to_owned())),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const IDS: [&str; 9] =
        ["time", "who", "who.name", "ok", "things", "things.element", "more", "more.key", "more.value"];

    pub(crate) fn columns() -> Schema {
        let text = |name: &str| Field::new(name, DataType::Utf8View, true);
        let time = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
        let item = Arc::new(Field::new("item", DataType::Utf8View, true));
        Schema::new(vec![
            Field::new("who", DataType::Struct(vec![text("name")].into()), true),
            Field::new("time", time, true),
            Field::new("ok", DataType::Boolean, true),
            Field::new("things", DataType::List(item), true),
            text("more"),
        ])
    }

    pub(crate) fn table() -> TableSchema {
        TableSchema::new(&columns(), &IDS, |path| path == "more").unwrap()
    }

    #[test]
    fn numbers_follow_paths_and_not_the_order_of_columns() {
        let expected = json!({ "type": "struct", "schema-id": 0, "fields": [
            { "id": 2, "name": "who", "required": false, "type": { "type": "struct", "fields": [
                { "id": 3, "name": "name", "required": false, "type": "string" }] } },
            { "id": 1, "name": "time", "required": false, "type": "timestamp" },
            { "id": 4, "name": "ok", "required": false, "type": "boolean" },
            { "id": 5, "name": "things", "required": false, "type":
                { "type": "list", "element-id": 6, "element-required": false, "element": "string" } },
            { "id": 7, "name": "more", "required": false, "type": { "type": "map", "key-id": 8, "key": "string",
                "value-id": 9, "value-required": false, "value": "string" } },
        ] });
        assert_eq!(*table().json(), expected);
        assert_eq!(table().last_column_id(), 9);
        assert_eq!(id_of(table().arrow().field(1)), Some(1));
    }

    #[test]
    fn what_has_no_number_or_type_is_refused() {
        let refused = |schema: Schema, ids: &[&str]| TableSchema::new(&schema, ids, |_| false).unwrap_err().0;
        assert_eq!(refused(columns(), &IDS[1..]), "time");
        let number = Schema::new(vec![Field::new("n", DataType::Int32, true)]);
        assert_eq!(refused(number, &["n"]), "n");
    }
}
