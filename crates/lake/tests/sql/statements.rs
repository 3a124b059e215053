//! The statements of `*.txt` beside, with their answers. A case is
//!
//! ```text
//! == what it shows
//! @athena              (else Lake's dialect)
//! @unordered           (rows in any order)
//! @parameter 'x'       (what takes the place of ?)
//! SELECT …
//! --------
//! eventName | n
//! GetObject | 10
//! ```
//!
//! with NULL for null, or what is wrong: `UnknownName 1:8: Column 'x' cannot be resolved`. Every case is run on sealed records and on those in memory.

use ports::lake::{Dialect, QueryEngine, QueryError, QueryErrorKind};

use crate::world::{Place, RECORDS, Table, World, request};

const FILES: &[(&str, &str)] = &[
    ("errors.txt", include_str!("errors.txt")),
    ("seeds.txt", include_str!("seeds.txt")),
    ("features.txt", include_str!("features.txt")),
    ("nulls.txt", include_str!("nulls.txt")),
];

struct Case<'a> {
    name: String,
    dialect: Dialect,
    ordered: bool,
    parameters: Vec<String>,
    sql: String,
    expected: Vec<&'a str>,
}

fn cases(file: &'static str, text: &'static str) -> Vec<Case<'static>> {
    let mut cases: Vec<Case<'static>> = Vec::new();
    let mut answering = false;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("== ") {
            answering = false;
            cases.push(Case {
                name: format!("{file}: {name}"),
                dialect: Dialect::Lake,
                ordered: true,
                parameters: Vec::new(),
                sql: String::new(),
                expected: Vec::new(),
            });
            continue;
        }
        let Some(case) = cases.last_mut() else { continue };
        match line {
            "@athena" => case.dialect = Dialect::Athena,
            "@unordered" => case.ordered = false,
            "--------" => answering = true,
            "" if answering => {}
            line if answering => case.expected.push(line),
            line => match line.strip_prefix("@parameter ") {
                Some(parameter) => case.parameters.push(parameter.to_owned()),
                None => case.sql = format!("{}{line}\n", case.sql),
            },
        }
    }
    cases
}

fn lines(table: &Table, ordered: bool) -> Vec<String> {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let mut rows: Vec<String> = table
        .rows
        .iter()
        .map(|row| {
            let values: Vec<&str> = row.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect();
            values.join(" | ").trim_end().to_owned()
        })
        .collect();
    if !ordered {
        rows.sort();
    }
    rows.insert(0, names.join(" | "));
    rows
}

fn line_of(error: &QueryError) -> String {
    match (error.line, error.column) {
        (Some(line), Some(column)) => format!("{:?} {line}:{column}: {}", error.kind, error.message),
        _ => format!("{:?}: {}", error.kind, error.message),
    }
}

async fn check(place: Place) {
    let world = World::new(RECORDS, place).await;
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in FILES.iter().flat_map(|(file, text)| cases(file, text)) {
        count += 1;
        let mut request = request(&case.sql, case.dialect);
        request.parameters = case.parameters;
        let checked = world.engine.check(&request).err();
        let is = match world.ask(request).await {
            Ok(table) => lines(&table, case.ordered),
            Err(error) => vec![line_of(&error)],
        };
        if let Some(error) = checked {
            assert_eq!(is, [line_of(&error)], "{}: checking and running differ", case.name);
        } else if is.len() == 1 && !case.expected.iter().any(|line| line.starts_with("Type")) {
            let early = [QueryErrorKind::Syntax, QueryErrorKind::UnknownName, QueryErrorKind::NotReading];
            let kind = is[0].split([' ', ':']).next().unwrap_or_default();
            assert!(!early.iter().any(|early| format!("{early:?}") == kind), "{}: found by running only", case.name);
        }
        let mut expected: Vec<String> = case.expected.iter().map(|line| (*line).to_owned()).collect();
        if !case.ordered && !expected.is_empty() {
            expected[1..].sort();
        }
        if is != expected {
            wrong.push(format!(
                "== {}\n{}-------- is\n{}\n-------- not\n{}",
                case.name,
                case.sql,
                is.join("\n"),
                expected.join("\n")
            ));
        }
    }
    assert!(count > 100, "{count}");
    assert!(wrong.is_empty(), "{place:?}: {} of {count}:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_right_on_sealed_records() {
    check(Place::Parts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_right_on_records_in_memory() {
    check(Place::Tail).await;
}
