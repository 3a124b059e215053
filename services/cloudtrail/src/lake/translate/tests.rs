//! Questions and the statements they become, as a table.

use base::Timestamp;

use super::*;

/// A question in a line, its statement below it, an empty line.
const TABLE: &str = include_str!("questions.txt");

const STORE: &str = "ee54f254-e4d5-4e0c-8f5b-0123456789ab";

/// A Wednesday.
fn now() -> Timestamp {
    Timestamp::parse_iso8601("2026-03-18T12:30:00Z").unwrap()
}

#[track_caller]
fn parses(sql: &str) {
    let parsed = query_lang::parse(sql, query_lang::Dialect::Lake, &[]);
    assert!(parsed.is_ok(), "{sql}\n{:?}", parsed.err());
}

#[test]
fn questions_become_statements() {
    let mut wrong = String::new();
    let mut count = 0;
    for entry in TABLE.split("\n\n").filter(|entry| !entry.trim().is_empty()) {
        let (question, expected) = entry.trim().split_once('\n').unwrap_or((entry.trim(), ""));
        let sql = translate(question, STORE, now()).unwrap_or_else(|no| format!("not understood: {:?}", no.words));
        if !sql.starts_with("not understood") {
            parses(&sql);
        }
        let shown = sql.replace(STORE, "STORE");
        if shown != expected {
            wrong.push_str(&format!("{question}\n{shown}\n\n"));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "not as in the table:\n\n{wrong}");
    assert!(count >= 60, "{count}");
}

#[test]
fn what_is_not_understood_is_named() {
    let check = |question: &str, expected: &[&str]| {
        let words = translate(question, STORE, now()).expect_err(question).words;
        assert_eq!(words, expected, "{question}");
    };
    check("colourless green ideas sleep furiously", &["colourless", "green", "ideas", "sleep", "furiously"]);
    check("please show me", &[]);
    check("???", &[]);
    check("7 42", &["7", "42"]);
    let sql = translate("top 5 users of the frobnicator", STORE, now()).unwrap();
    assert!(sql.starts_with("-- Not understood: frobnicator\nSELECT userIdentity.arn"), "{sql}");
    parses(&sql);
}

#[test]
fn names_stay_names() {
    let check = |question: &str, literal: &str, hostile: &[&str]| {
        let sql = translate(question, STORE, now()).unwrap_or_else(|no| panic!("{question}: {no:?}"));
        parses(&sql);
        assert!(sql.contains(literal), "{question}\n{sql}");
        let outside = outside_of_literals(&sql.replace(STORE, "STORE"));
        for text in hostile.iter().chain(&[";", "--"]) {
            assert!(!outside.to_lowercase().contains(text), "{question}\n{sql}\n{outside}");
        }
    };
    check("events by user \"x' OR '1'='1\"", "userIdentity.userName = 'x'' OR ''1''=''1'", &["1"]);
    check("who deleted the bucket 'a'' OR 1=1 --'", "'%\" OR 1=1 --\"%'", &["1=1"]);
    check("show events by user x';--", "userIdentity.userName = 'x'';--'", &["x"]);
    check("who deleted \"50%_\\off\"", "LIKE '%\"50\\%\\_\\\\off\"%' ESCAPE '\\'", &["50", "off"]);
    check("\"\n\" events \"; SELECT 1\"", "eventName = '; SELECT 1'", &["1"]);
    check("errors -- DROP TABLE x", "element_at(requestParameters, 'tableName') = 'x'", &["drop"]);
}

/// The statement without its literals and comments.
fn outside_of_literals(sql: &str) -> String {
    let code: Vec<&str> = sql.lines().filter(|line| !line.starts_with("-- ")).collect();
    // Every second piece between quotes is within them; a doubled quote begins and ends an empty piece.
    code.join("\n").split('\'').step_by(2).collect()
}

#[test]
fn whatever_is_asked_makes_sql_or_a_refusal() {
    // Words of the vocabulary in any order: a small generator of its own, so that a failure comes again.
    let words: Vec<&str> =
        TABLE.lines().filter(|line| !line.starts_with(' ')).flat_map(str::split_whitespace).collect();
    let mut state = 12_345_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap()
    };
    for _ in 0..3_000 {
        let len = 1 + next() % 12;
        let question = (0..len).map(|_| words[next() % words.len()]).collect::<Vec<_>>().join(" ");
        if let Ok(sql) = translate(&question, STORE, now()) {
            let parsed = query_lang::parse(&sql, query_lang::Dialect::Lake, &[]);
            assert!(parsed.is_ok(), "{question}\n{sql}\n{:?}", parsed.err());
        }
    }
}
