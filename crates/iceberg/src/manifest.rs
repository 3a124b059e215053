//! Manifests, which name data files, and lists of manifests, which are snapshots. Source: "Iceberg Table Spec", "Manifests", "Manifest
//! Lists"; the numbers of fields are its.
//!
//! A manifest says of its files neither snapshot nor sequence number: readers take both from the list that first names it. So it
//! follows from its files alone and stays what it is in every list.

use serde_json::{Value, json};

use crate::avro::{Encoder, container};
use crate::data::DataFile;
use crate::schema::TableSchema;

/// An entry's status: the file is new with the manifest.
const ADDED: i64 = 1;

/// A manifest, as lists name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestFile {
    /// Where it is.
    pub path: String,
    /// How long it is.
    pub bytes: u64,
    /// How many data files it names.
    pub files: u64,
    /// How many rows they have.
    pub rows: u64,
    /// The sequence number of the first snapshot that has it.
    pub sequence: u64,
    /// That snapshot.
    pub snapshot_id: i64,
}

fn long(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A field of the schema: name, type, number.
fn field(name: &str, kind: impl Into<Value>, id: u32) -> Value {
    json!({ "name": name, "type": kind.into(), "field-id": id })
}

/// One that may be absent.
fn optional(name: &str, kind: impl Into<Value>, id: u32) -> Value {
    json!({ "name": name, "type": ["null", kind.into()], "default": null, "field-id": id })
}

/// A map of columns' numbers, as an array of pairs.
fn by_column(name: &str, id: u32, [key, value]: [u32; 2], kind: &str) -> Value {
    let pair = json!({ "type": "record", "name": format!("k{key}_v{value}"), "fields": [
        field("key", "int", key), field("value", kind, value)] });
    optional(name, json!({ "type": "array", "logicalType": "map", "items": pair }), id)
}

fn entry_schema() -> Value {
    let file = json!({ "type": "record", "name": "r2", "fields": [
        field("content", "int", 134),
        field("file_path", "string", 100),
        field("file_format", "string", 101),
        field("partition", json!({ "type": "record", "name": "r102", "fields": [] }), 102),
        field("record_count", "long", 103),
        field("file_size_in_bytes", "long", 104),
        by_column("value_counts", 109, [119, 120], "long"),
        by_column("null_value_counts", 110, [121, 122], "long"),
        by_column("lower_bounds", 125, [126, 127], "bytes"),
        by_column("upper_bounds", 128, [129, 130], "bytes"),
    ] });
    json!({ "type": "record", "name": "manifest_entry", "fields": [
        field("status", "int", 0),
        optional("snapshot_id", "long", 1),
        optional("sequence_number", "long", 3),
        optional("file_sequence_number", "long", 4),
        field("data_file", file, 2),
    ] })
}

fn list_schema() -> Value {
    let bound = json!({ "type": "record", "name": "r508", "fields": [
        field("contains_null", "boolean", 509),
        optional("contains_nan", "boolean", 518),
        optional("lower_bound", "bytes", 510),
        optional("upper_bound", "bytes", 511),
    ] });
    json!({ "type": "record", "name": "manifest_file", "fields": [
        field("manifest_path", "string", 500),
        field("manifest_length", "long", 501),
        field("partition_spec_id", "int", 502),
        field("content", "int", 517),
        field("sequence_number", "long", 515),
        field("min_sequence_number", "long", 516),
        field("added_snapshot_id", "long", 503),
        field("added_files_count", "int", 504),
        field("existing_files_count", "int", 505),
        field("deleted_files_count", "int", 506),
        field("added_rows_count", "long", 512),
        field("existing_rows_count", "long", 513),
        field("deleted_rows_count", "long", 514),
        optional("partitions", json!({ "type": "array", "items": bound, "element-id": 508 }), 507),
    ] })
}

/// A manifest of new data files.
pub fn manifest(schema: &TableSchema, files: &[DataFile]) -> Vec<u8> {
    let facts = [
        ("schema", schema.json().to_string()),
        ("schema-id", "0".to_owned()),
        ("partition-spec", "[]".to_owned()),
        ("partition-spec-id", "0".to_owned()),
        ("format-version", "2".to_owned()),
        ("content", "data".to_owned()),
    ];
    container(&entry_schema(), &facts, files, entry)
}

fn entry(to: &mut Encoder, file: &DataFile) {
    to.long(ADDED).null().null().null();
    to.long(0).text(&file.path).text("PARQUET").long(long(file.rows)).long(long(file.bytes));
    let columns = &file.columns;
    to.some().array(columns, |to, facts| {
        to.long(facts.id.into()).long(long(facts.values));
    });
    to.some().array(columns, |to, facts| {
        to.long(facts.id.into()).long(long(facts.nulls));
    });
    let lower: Vec<_> = columns.iter().filter_map(|facts| Some((facts.id, facts.lower.as_ref()?))).collect();
    let upper: Vec<_> = columns.iter().filter_map(|facts| Some((facts.id, facts.upper.as_ref()?))).collect();
    for bounds in [lower, upper] {
        to.some().array(&bounds, |to, (id, bound)| {
            to.long((*id).into()).bytes(bound);
        });
    }
}

/// The list of a snapshot's manifests.
pub fn manifest_list(snapshot_id: i64, parent: Option<i64>, sequence: u64, manifests: &[ManifestFile]) -> Vec<u8> {
    let facts = [
        ("snapshot-id", snapshot_id.to_string()),
        ("parent-snapshot-id", parent.map_or_else(|| "null".to_owned(), |parent| parent.to_string())),
        ("sequence-number", sequence.to_string()),
        ("format-version", "2".to_owned()),
    ];
    container(&list_schema(), &facts, manifests, |to, manifest| {
        to.text(&manifest.path).long(long(manifest.bytes)).long(0).long(0);
        to.long(long(manifest.sequence)).long(long(manifest.sequence)).long(manifest.snapshot_id);
        to.long(long(manifest.files)).long(0).long(0).long(long(manifest.rows)).long(0).long(0);
        to.some().array::<()>(&[], |_, ()| {});
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::avro::tests::read;
    use crate::data::tests::file;
    use crate::schema::tests::table;

    #[test]
    fn a_manifest_reads_by_its_own_schema() {
        let (made, content) = file("s3://b/f.parquet");
        let (facts, rows) = read(&manifest(&table(), &[made]));
        let fact = |name: &str| facts.iter().find(|(known, _)| known == name).unwrap().1.as_str();
        assert_eq!((fact("content"), fact("partition-spec")), ("data", "[]"));
        assert_eq!(serde_json::from_str::<Value>(fact("schema")).unwrap(), *table().json());
        let [row] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!(
            (&row["status"], &row["snapshot_id"], &row["sequence_number"]),
            (&json!(1), &json!(null), &json!(null))
        );
        let file = &row["data_file"];
        let expected = json!(["s3://b/f.parquet", "PARQUET", 3, content.len()]);
        assert_eq!(
            json!([file["file_path"], file["file_format"], file["record_count"], file["file_size_in_bytes"]]),
            expected
        );
        assert_eq!(file["null_value_counts"], json!([{ "key": 1, "value": 1 }, { "key": 4, "value": 1 }]));
        assert_eq!(file["upper_bounds"][0], json!({ "key": 1, "value": 20_000_i64.to_le_bytes() }));
    }

    #[test]
    fn a_list_reads_by_its_own_schema() {
        let manifest =
            ManifestFile { path: "s3://b/m.avro".into(), bytes: 10, files: 2, rows: 3, sequence: 4, snapshot_id: 5 };
        let (facts, rows) = read(&manifest_list(6, None, 7, &[manifest]));
        assert_eq!(facts[3], ("parent-snapshot-id".to_owned(), "null".to_owned()));
        let [row] = &rows[..] else { panic!("{rows:?}") };
        let expected = json!(["s3://b/m.avro", 10, 4, 5, 2, 3]);
        let names = [
            "manifest_path",
            "manifest_length",
            "sequence_number",
            "added_snapshot_id",
            "added_files_count",
            "added_rows_count",
        ];
        assert_eq!(json!(names.map(|name| row[name].clone())), expected);
        assert_eq!(row["partitions"], json!([]));
    }
}
