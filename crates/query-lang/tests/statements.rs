//! Statements as people write them: which are read, what is said of the others, and what of Athena's is about tables.

use query_lang::{Definition, Dialect, Kind, Query, Read, parse};

fn read(sql: &str) -> Read {
    match parse(sql, Dialect::Lake, &[]) {
        Ok(Query::Read(read)) => *read,
        other => panic!("{sql}: {other:?}"),
    }
}

fn tables(sql: &str) -> Vec<String> {
    read(sql).tables.iter().map(|table| table.parts.join(".")).collect()
}

fn refused(sql: &str, kind: Kind, message: &str) {
    let error = parse(sql, Dialect::Lake, &[]).err().unwrap_or_else(|| panic!("{sql}"));
    assert_eq!(error.kind, kind, "{sql}: {error}");
    assert!(error.to_string().contains(message), "{sql}: {error}");
}

#[test]
fn tables_are_named_as_from_has_them() {
    assert_eq!(
        tables("SELECT 1 FROM AwsDataCatalog.Default.\"Cloudtrail_Logs\""),
        ["awsdatacatalog.default.cloudtrail_logs"]
    );
    assert_eq!(
        tables("SELECT 1 FROM abc123f4-5678-90ab-cdef-EXAMPLE a JOIN events b ON a.x = b.x, events"),
        ["abc123f4-5678-90ab-cdef-example", "events"]
    );
    assert_eq!(tables("SELECT (SELECT max(x) FROM b) FROM a WHERE x IN (SELECT x FROM c)"), ["b", "a", "c"]);
}

#[test]
fn a_name_of_with_means_what_came_before_it() {
    assert_eq!(tables("WITH a AS (SELECT 1 AS x) SELECT * FROM a"), Vec::<String>::new());
    assert_eq!(tables("WITH events AS (SELECT * FROM events WHERE x = 1) SELECT * FROM events"), ["events"]);
    assert_eq!(tables("WITH a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT * FROM b"), ["b"]);
    assert_eq!(tables("SELECT * FROM (WITH a AS (SELECT 1 AS x) SELECT * FROM a) t, a"), ["a"]);
}

#[test]
fn tables_are_counted_as_often_as_they_are_read() {
    let mut doubling = "WITH t0 AS (SELECT * FROM events)".to_owned();
    for number in 1..40 {
        doubling.push_str(&format!(", t{number} AS (SELECT * FROM t{0} a, t{0} b)", number - 1));
    }
    refused(&format!("{doubling} SELECT * FROM t39"), Kind::Unsupported, "more than 200 tables");
    refused("WITH RECURSIVE a AS (SELECT 1) SELECT * FROM a", Kind::Unsupported, "WITH RECURSIVE");
    let few: Vec<String> = (0..20).map(|number| format!("events e{number}")).collect();
    read(&format!("SELECT 1 FROM {}", few.join(", ")));
}

#[test]
fn what_is_too_deep_or_too_long_is_refused_before_it_is_parsed() {
    let many = |part: &str, by: &str, count: usize| vec![part; count].join(by);
    read(&format!("SELECT 1 WHERE {}", many("a.b = 'x'", " OR ", 1_000)));
    read(&format!("SELECT 1 WHERE a IN ({})", many("'x'", ", ", 20_000)));
    for (sql, message) in [
        (format!("SELECT 1 WHERE {}", many("a = 'x'", " OR ", 1_002)), "more than 1000 operators"),
        (format!("SELECT {}", many("1", " + ", 1_002)), "more than 1000 operators"),
        (format!("SELECT {}1{}", "(".repeat(101), ")".repeat(101)), "deeper than 100 levels"),
        (format!("SELECT CAST(1 AS {}bigint{})", "array(".repeat(101), ")".repeat(101)), "deeper than 100 levels"),
        (many("SELECT 1", " UNION ALL ", 202), "more than 200 queries"),
        (format!("SELECT a{}", ".b".repeat(101)), "more than 100 names"),
        (format!("SELECT {}", many("1", ", ", 2_001)), "more than 2000 items"),
        (format!("SELECT '{}'", "x".repeat(262_144)), "longer than 262144 bytes"),
    ] {
        let error = parse(&sql, Dialect::Lake, &[]).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn what_does_not_read_is_refused() {
    for sql in [
        "INSERT INTO t VALUES (1)",
        "update t set x = 1",
        "DELETE FROM t",
        "DROP TABLE t",
        "CREATE TABLE t AS SELECT 1",
        "ALTER TABLE t ADD COLUMNS (x int)",
        "GRANT ALL ON t TO u",
        "SET x = 1",
        "COPY t TO '/tmp/x'",
        "EXPLAIN ANALYZE SELECT 1",
        "SELECT 1 INTO t",
        "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
        "SELECT * FROM t FOR UPDATE",
        "(INSERT INTO t VALUES (1))",
    ] {
        let error = parse(sql, Dialect::Lake, &[]).err().unwrap_or_else(|| panic!("{sql}"));
        assert!(matches!(error.kind, Kind::NotReading | Kind::Syntax), "{sql}: {error}");
    }
}

#[test]
fn errors_say_where_and_what_was_expected() {
    refused("SELECT a,\n  FROM t", Kind::Syntax, "line 2:");
    refused("SELECT a FORM t", Kind::Syntax, "");
    refused(
        "SELECT jsn_extract(a, 'b') FROM t",
        Kind::UnknownName,
        "line 1:8: Function 'jsn_extract' not registered. Did you mean 'json_extract'?",
    );
    refused("SELECT pg_sleep(10)", Kind::UnknownName, "Function 'pg_sleep' not registered");
    refused("SELECT é, 'ü', wrong_function(1)", Kind::UnknownName, "line 1:16:");
}

#[test]
fn athenas_statements_about_tables_are_understood() {
    // As a tutorial has it, line ends and all.
    let sql = "-- Create table from CloudTrail logs in S3
CREATE EXTERNAL TABLE cloudtrail_logs (
eventVersion STRING,
userIdentity STRUCT<
type: STRING,
principalId: STRING,
arn: STRING,
accountId: STRING,
userName: STRING,
invokedBy: STRING
>,
eventTime STRING,
eventSource STRING,
eventName STRING,
awsRegion STRING,
sourceIPAddress STRING,
userAgent STRING,
requestParameters STRING,
responseElements STRING,
errorCode STRING,
errorMessage STRING
)
ROW FORMAT SERDE 'com.amazon.emr.hive.serde.CloudTrailSerde'
LOCATION 's3://my-cloudtrail-bucket/AWSLogs/123456789012/CloudTrail/';";
    let Ok(Query::Definition(Definition::CreateTable(table))) = parse(sql, Dialect::Athena, &[]) else {
        panic!("{sql}")
    };
    assert_eq!(table.name, ["cloudtrail_logs"]);
    assert!(table.is_cloudtrail());
    assert_eq!(table.columns.len(), 12);
    assert_eq!(table.columns[1].name, "useridentity");
    assert_eq!(
        table.columns[1].r#type,
        "struct<type:string,principalid:string,arn:string,accountid:string,username:string,invokedby:string>"
    );
    assert_eq!(table.location.as_deref(), Some("s3://my-cloudtrail-bucket/AWSLogs/123456789012/CloudTrail/"));
    // As AWS's guide has it, with partitions that are projected.
    let sql = "CREATE EXTERNAL TABLE IF NOT EXISTS logs.cloudtrail (
    eventversion STRING,
    useridentity STRUCT<type: STRING, sessioncontext: STRUCT<attributes: STRUCT<mfaauthenticated: STRING>>>,
    resources ARRAY<STRUCT<arn: STRING, accountid: STRING, type: STRING>>
  ) PARTITIONED BY (`timestamp` string) ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'
  STORED AS INPUTFORMAT 'com.amazon.emr.cloudtrail.CloudTrailInputFormat' OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
  LOCATION 's3://bucket/AWSLogs/1/CloudTrail/us-east-1'
  TBLPROPERTIES ('projection.enabled'='true', 'projection.timestamp.format'='yyyy/MM/dd')";
    let Ok(Query::Definition(Definition::CreateTable(table))) = parse(sql, Dialect::Athena, &[]) else {
        panic!("{sql}")
    };
    assert_eq!(
        (table.name.join("."), table.if_not_exists, table.is_cloudtrail()),
        ("logs.cloudtrail".to_owned(), true, true)
    );
    assert_eq!(table.partitions[0].name, "timestamp");
    assert_eq!(table.properties.len(), 2);
    // In Lake there are no definitions.
    refused(sql, Kind::NotReading, "CREATE is not supported");
}
