//! Files that are written here and read again; what other tools write is read by the parity tests.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Int64Array, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field};
use parquet::arrow::ArrowWriter;
use ports::lake::Column;

use super::*;

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn text(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

#[expect(clippy::disallowed_methods, reason = "a test's own folder")]
fn write(path: &Path, batch: &RecordBatch) -> ParquetFile {
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    ParquetFile::open(&system::env(), path).unwrap()
}

fn records(file: &ParquetFile, columns: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut take = |piece: Piece| {
        found.extend(piece.records.iter().map(|record| String::from_utf8(record.to_vec()).unwrap()));
        ControlFlow::Continue(())
    };
    file.records(0, &set(columns), &mut take).unwrap();
    found
}

#[test]
fn rows_become_records() {
    let folder = tempfile::tempdir().unwrap();
    let identity = StructArray::from(vec![
        (Arc::new(Field::new("USERNAME", DataType::Utf8, true)), text(&[Some("alice"), None])),
        (Arc::new(Field::new("arn", DataType::Utf8, true)), text(&[Some("arn:a"), None])),
    ]);
    let parameters = StructArray::from(vec![(
        Arc::new(Field::new("username", DataType::Utf8, true)),
        text(&[Some("as \"it\" is"), None]),
    )]);
    let batch = RecordBatch::try_from_iter_with_nullable(vec![
        ("EVENTTIME", Arc::new(TimestampMicrosecondArray::from(vec![1_500_000, 0])) as ArrayRef, true),
        ("EventSource", text(&[Some("s3"), None]), true),
        ("eventname", text(&[Some("A"), Some("B")]), true),
        ("userIdentity", Arc::new(identity), true),
        ("requestParameters", Arc::new(parameters), true),
        ("responseElements", text(&[Some("{\"a\": 1}"), Some("{a=1}")]), true),
        ("recipientAccountId", Arc::new(Int64Array::from(vec![Some(1_234), None])), true),
        ("unknown", text(&[Some("x"), Some("y")]), true),
    ]);
    let file = write(&folder.path().join("a.parquet"), &batch.unwrap());
    assert!(file.has_records());
    let whole = records(&file, &["eventjson"]);
    assert_eq!(
        whole,
        [
            concat!(
                r#"{"eventTime":"1970-01-01T00:00:01.500Z","eventSource":"s3","eventName":"A","#,
                r#""userIdentity":{"userName":"alice","arn":"arn:a"},"requestParameters":{"username":"as \"it\" is"},"#,
                r#""responseElements":{"a": 1},"recipientAccountId":"000000001234"}"#
            ),
            concat!(
                r#"{"eventTime":"1970-01-01T00:00:00Z","eventName":"B","userIdentity":{},"requestParameters":{},"#,
                r#""responseElements":"{a=1}"}"#
            ),
        ]
    );
    // Only what is looked at is read.
    assert_eq!(records(&file, &["eventname"]), [r#"{"eventName":"A"}"#, r#"{"eventName":"B"}"#]);
    assert_eq!(records(&file, &[]), ["{}", "{}"]);
}

#[test]
fn texts_of_records_are_taken_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let column = |name: &str| Column { name: name.to_owned(), r#type: "varchar".to_owned() };
    let write = |name: &str, columns: &[Column], rows: &[Vec<Option<String>>]| {
        let mut writer = ParquetWriter::of_texts(Vec::new(), columns).unwrap();
        writer.write_texts(rows).unwrap();
        let path = folder.path().join(name);
        let bytes = writer.finish().unwrap();
        base::env::write_file(system::env().disk.as_ref(), &path, &bytes).unwrap();
        ParquetFile::open(&system::env(), &path).unwrap()
    };
    let some = |text: &str| Some(text.to_owned());
    let rows = [vec![some("{ \"eventName\":1}"), some("x")], vec![None, None], vec![some("no"), None]];
    for name in ["eventJSON", "record", "json"] {
        let file = write(name, &[column(name), column("b")], &rows);
        assert_eq!(records(&file, &["eventname"]), ["{ \"eventName\":1}", "no"], "{name}");
    }
    let other = write("other", &[column("a"), column("A")], &rows);
    assert!(!other.has_records());
    assert_eq!(other.shown.schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>(), ["a", "a_1"]);
}

#[test]
fn what_is_no_parquet_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let env = system::env();
    let path = folder.path().join("x.parquet");
    for (content, why) in [
        (&b""[..], "does not begin with PAR1"),
        (b"text", "does not begin with PAR1"),
        (b"PAR1", "damaged"),
        (b"PAR1\xff\xff\xff\x7fPAR1", "damaged"),
    ] {
        base::env::write_file(env.disk.as_ref(), &path, content).unwrap();
        let error = ParquetFile::open(&env, &path).err().unwrap();
        assert!(error.starts_with(&format!("{}: ", path.display())) && error.contains(why), "{error}");
    }
}
