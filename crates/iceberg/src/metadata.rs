//! [`Table`]: what a metadata file says. Source: "Iceberg Table Spec", "Table Metadata".

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::schema::TableSchema;

/// What a snapshot did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Files came.
    Append,
    /// Files came and others went.
    Overwrite,
    /// Files went.
    Delete,
}

/// Files and what is in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Data files.
    pub files: u64,
    /// Rows of them.
    pub rows: u64,
    /// Bytes of them.
    pub bytes: u64,
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its name: any number from 1 on that no other snapshot of the table has.
    pub id: i64,
    /// One more than the one before. The metadata file that came with it has this number too.
    pub sequence: u64,
    /// When it was made, in milliseconds since 1970.
    pub made_ms: i64,
    /// Where the list of its manifests is, from the table's place.
    pub list: String,
    /// What it did.
    pub operation: Operation,
    /// What came.
    pub added: Totals,
    /// What went.
    pub removed: Totals,
    /// What there is.
    pub all: Totals,
}

/// What a metadata file is made of.
pub struct Table<'a> {
    /// The UUID.
    pub uuid: &'a str,
    /// `s3://bucket/folder`, without a slash at the end.
    pub location: &'a str,
    /// The columns.
    pub schema: &'a TableSchema,
    /// Those that readers may still ask for, oldest first; the last one is current.
    pub snapshots: &'a [Snapshot],
}

impl Table<'_> {
    /// The metadata file.
    pub fn json(&self) -> Vec<u8> {
        let Table { uuid, location, schema, snapshots } = self;
        let current = snapshots.last();
        let mut parent: Option<i64> = None;
        let mut shown = Vec::new();
        for snapshot in *snapshots {
            shown.push(self.snapshot(snapshot, parent));
            parent = Some(snapshot.id);
        }
        let log: Vec<Value> = snapshots
            .iter()
            .map(|snapshot| json!({ "timestamp-ms": snapshot.made_ms, "snapshot-id": snapshot.id }))
            .collect();
        let refs = current.map(|snapshot| json!({ "main": { "snapshot-id": snapshot.id, "type": "branch" } }));
        let metadata = json!({
            "format-version": 2,
            "table-uuid": uuid,
            "location": location,
            "last-sequence-number": current.map_or(0, |snapshot| snapshot.sequence),
            "last-updated-ms": current.map_or(0, |snapshot| snapshot.made_ms),
            "last-column-id": schema.last_column_id(),
            "current-schema-id": 0,
            "schemas": [schema.json()],
            "default-spec-id": 0,
            "partition-specs": [{ "spec-id": 0, "fields": [] }],
            // One less than the first number that a partition field could have.
            "last-partition-id": 999,
            "default-sort-order-id": 0,
            "sort-orders": [{ "order-id": 0, "fields": [] }],
            "properties": { "write.format.default": "parquet" },
            "current-snapshot-id": current.map_or(-1, |snapshot| snapshot.id),
            "refs": refs.unwrap_or_else(|| json!({})),
            "snapshots": shown,
            "snapshot-log": log,
            "metadata-log": [],
        });
        metadata.to_string().into_bytes()
    }

    fn snapshot(&self, snapshot: &Snapshot, parent: Option<i64>) -> Value {
        let Snapshot { added, removed, all, .. } = snapshot;
        let mut summary = json!({
            "operation": snapshot.operation,
            "added-data-files": added.files.to_string(),
            "added-records": added.rows.to_string(),
            "added-files-size": added.bytes.to_string(),
            "deleted-data-files": removed.files.to_string(),
            "deleted-records": removed.rows.to_string(),
            "removed-files-size": removed.bytes.to_string(),
            "total-data-files": all.files.to_string(),
            "total-records": all.rows.to_string(),
            "total-files-size": all.bytes.to_string(),
            "total-delete-files": "0",
            "total-position-deletes": "0",
            "total-equality-deletes": "0",
        });
        if let Value::Object(members) = &mut summary {
            members.retain(|name, value| name.starts_with("total") || value != "0");
        }
        let mut shown = json!({
            "snapshot-id": snapshot.id,
            "sequence-number": snapshot.sequence,
            "timestamp-ms": snapshot.made_ms,
            "manifest-list": format!("{}/{}", self.location, snapshot.list),
            "summary": summary,
            "schema-id": 0,
        });
        if let Some(parent) = parent {
            shown["parent-snapshot-id"] = parent.into();
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::tests::table;

    #[test]
    fn the_last_snapshot_is_current() {
        let snapshot = |id: i64, sequence: u64, operation: Operation| Snapshot {
            id,
            sequence,
            made_ms: 1_000 + id,
            list: format!("metadata/snap-{id}.avro"),
            operation,
            added: Totals { files: 1, rows: 2, bytes: 3 },
            removed: Totals::default(),
            all: Totals { files: 4, rows: 5, bytes: 6 },
        };
        let snapshots = [snapshot(70, 1, Operation::Append), snapshot(60, 2, Operation::Overwrite)];
        let schema = table();
        let table = Table { uuid: "u", location: "s3://b/t", schema: &schema, snapshots: &snapshots };
        let read: Value = serde_json::from_slice(&table.json()).unwrap();
        assert_eq!((&read["current-snapshot-id"], &read["last-sequence-number"]), (&json!(60), &json!(2)));
        assert_eq!(read["refs"]["main"]["snapshot-id"], 60);
        assert_eq!(read["snapshots"][1]["parent-snapshot-id"], 70);
        assert_eq!(read["snapshots"][1]["manifest-list"], "s3://b/t/metadata/snap-60.avro");
        assert_eq!(read["snapshots"][0].get("parent-snapshot-id"), None);
        let summary = &read["snapshots"][1]["summary"];
        assert_eq!((&summary["operation"], &summary["total-records"]), (&json!("overwrite"), &json!("5")));
        assert_eq!(summary.get("deleted-records"), None);
        assert_eq!(read["last-column-id"], 9);
    }
}
