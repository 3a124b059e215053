//! Expressions: cases as data, and held against an obvious reference.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Expression, Line, Scope, Value, evaluate, parse};

fn line(id: &str, points: &[Option<f64>]) -> (String, Value) {
    let points = (0..).zip(points).filter_map(|(at, value)| Some((at * 60_000, (*value)?))).collect();
    (id.to_owned(), Value::Series(Line::new(id, 60, points)))
}

fn run(text: &str, values: &BTreeMap<String, Value>) -> Result<Value, String> {
    let times: Vec<i64> = (0..4).map(|at| at * 60_000).collect();
    let metrics: Vec<String> = values.keys().filter(|id| id.starts_with('m')).cloned().collect();
    let scope = Scope { values, metrics: &metrics, found: &BTreeMap::new(), times: &times, period: 60 };
    evaluate(&parse(text)?, &scope)
}

/// A value as text: points by minute, `-` where there is none; lines between `|`.
fn show(value: &Value) -> String {
    let one = |line: &Line| {
        let point = |at: i64| line.points.get(&(at * 60_000)).map_or("-".to_owned(), |value| format!("{value}"));
        (0..4).map(point).collect::<Vec<_>>().join(" ")
    };
    match value {
        Value::Scalar(number) => format!("{number}"),
        Value::Text(text) => format!("'{text}'"),
        value => value.lines().iter().map(one).collect::<Vec<_>>().join(" | "),
    }
}

fn world() -> BTreeMap<String, Value> {
    BTreeMap::from([
        line("m1", &[Some(1.0), Some(2.0), Some(4.0), Some(8.0)]),
        line("m2", &[Some(2.0), None, Some(0.0), Some(-2.0)]),
        line("e1", &[Some(10.0), Some(10.0), None, None]),
    ])
}

#[test]
fn expressions_have_their_values() {
    for (text, expected) in [
        ("1 + 2 * 3 ^ 2", "19"),
        ("-(2 - 5) / 2", "1.5"),
        ("m1 + m2", "3 - 4 6"),
        ("m1 / m2", "0.5 - - -4"),
        ("m1 * 100", "100 200 400 800"),
        ("100 - m1", "99 98 96 92"),
        ("m1 > 2", "0 0 1 1"),
        ("m1 > 2 && m2 < 0", "0 - 0 1"),
        ("m1 == 1 OR m1 == 8", "1 0 0 1"),
        ("!(m1 > 2)", "1 1 0 0"),
        ("SUM(m1)", "15"),
        ("AVG(METRICS())", "1.5 2 2 3"),
        ("SUM(METRICS(\"m2\"))", "2 - 0 -2"),
        ("MAX([m1, m2])", "2 2 4 8"),
        ("MIN([m1, m2, 3])", "1 2 0 -2"),
        ("STDDEV(m1)", "2.680951323690902"),
        ("RATE(m1 * 60)", "- 1 2 4"),
        ("DIFF(m1)", "- 1 2 4"),
        ("DIFF_TIME(m2)", "- - 120 60"),
        ("RUNNING_SUM(m1)", "1 3 7 15"),
        ("FILL(m2, 0)", "2 0 0 -2"),
        ("FILL(m2, REPEAT)", "2 2 0 -2"),
        ("FILL(m2, LINEAR)", "2 1 0 -2"),
        ("FILL(e1, m1)", "10 10 4 8"),
        ("IF(m1 > 2, m1, 0)", "0 0 4 8"),
        ("IF(m1 > 2, m1)", "- - 4 8"),
        ("IF(1, m1, m2)", "1 2 4 8"),
        ("PERIOD(m1)", "60"),
        ("m1 / PERIOD(m1)", "0.016666666666666666 0.03333333333333333 0.06666666666666667 0.13333333333333333"),
        ("ABS(m2)", "2 - 0 2"),
        ("CEIL(m1 / 3)", "1 1 2 3"),
        ("FLOOR(m1 / 3)", "0 0 1 2"),
        ("LOG10(m1 * 0)", "- - - -"),
        ("TIME_SERIES(5)", "5 5 5 5"),
        ("METRIC_COUNT(METRICS())", "2"),
        ("DATAPOINT_COUNT(m2)", "3"),
        ("FIRST(METRICS())", "1 2 4 8"),
        ("LAST(m2)", "-2"),
        ("SORT(METRICS(), SUM, ASC)", "2 - 0 -2 | 1 2 4 8"),
        ("SORT([m1, m2, e1], MAX, DESC, 2)", "10 10 - - | 1 2 4 8"),
        ("SLICE(METRICS(), 1)", "2 - 0 -2"),
        ("REMOVE_EMPTY([m1, m2 / 0])", "1 2 4 8"),
        ("METRICS() * 2", "2 4 8 16 | 4 - 0 -4"),
        ("MINUTE(m1)", "0 1 2 3"),
        ("DAY(m1)", "4 4 4 4"),
    ] {
        assert_eq!(run(text, &world()).map(|value| show(&value)), Ok(expected.to_owned()), "{text}");
    }
}

#[test]
fn what_is_no_expression_is_refused() {
    for (text, part) in [
        ("", "ends too early"),
        ("m1 +", "ends too early"),
        ("m1 m2", "unexpected m2"),
        ("(m1", "')' is missing"),
        ("NONE(m1)", "unknown function"),
        ("AVG()", "arguments"),
        ("unknown + 1", "undefined variable"),
        ("ANOMALY_DETECTION_BAND(m1)", "not supported"),
        ("METRICS() + METRICS()", "two arrays"),
        ("'a' + 1", "text"),
        ("m1 $ 2", "unexpected character"),
    ] {
        let why = run(text, &world()).expect_err(text);
        assert!(why.contains(part), "{text}: {why}");
    }
    assert!(parse(&"(".repeat(500)).is_err() && parse(&"-".repeat(500)).is_err() && parse(&"1+".repeat(500)).is_err());
}

/// Any expression of numbers and two lines, as a text that is all parentheses.
fn any() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![(0_u32..20).prop_map(|n| n.to_string()), Just("m1".to_owned()), Just("m2".to_owned())];
    leaf.prop_recursive(4, 24, 2, |inner| {
        let operator = prop::sample::select(vec!["+", "-", "*", "/", ">", "<=", "==", "&&", "||"]);
        prop_oneof![
            (inner.clone(), operator, inner.clone()).prop_map(|(a, operator, b)| format!("({a} {operator} {b})")),
            inner.prop_map(|a| format!("ABS({a})")),
        ]
    })
}

/// The value at one time, the obvious way.
fn at(expression: &Expression, names: &dyn Fn(&str) -> Option<f64>) -> Option<f64> {
    let truth = |is_so: bool| if is_so { 1.0 } else { 0.0 };
    let value = match expression {
        Expression::Number(number) => *number,
        Expression::Name(name) => names(name)?,
        Expression::Call(_, arguments) => at(&arguments[0], names)?.abs(),
        Expression::Binary(operator, a, b) => {
            let (a, b) = (at(a, names)?, at(b, names)?);
            match *operator {
                "+" => a + b,
                "-" => a - b,
                "*" => a * b,
                "/" => a / b,
                ">" => truth(a > b),
                "<=" => truth(a <= b),
                "==" => truth(a == b),
                "&&" => truth(a != 0.0 && b != 0.0),
                _ => truth(a != 0.0 || b != 0.0),
            }
        }
        _ => return None,
    };
    Some(value)
}

proptest! {
    #[test]
    fn lines_are_computed_point_by_point(text in any(), a in prop::collection::vec(prop::option::of(-5_i32..5), 4), b in prop::collection::vec(prop::option::of(-5_i32..5), 4)) {
        let floats = |values: &[Option<i32>]| values.iter().map(|value| value.map(f64::from)).collect::<Vec<_>>();
        let (a, b) = (floats(&a), floats(&b));
        let values = BTreeMap::from([line("m1", &a), line("m2", &b)]);
        let expression = parse(&text).unwrap();
        let value = run(&text, &values).unwrap();
        for i in 0..4 {
            let names = |name: &str| if name == "m1" { a[i] } else { b[i] };
            // A line has no point where something on the way to it could not be computed; a number shows what it is.
            let finite = |value: f64| value.is_finite().then_some(value);
            match &value {
                Value::Series(line) => {
                    if let Some(point) = line.points.get(&(i as i64 * 60_000)) {
                        let wanted = at(&expression, &names);
                        prop_assert!(wanted.is_some_and(|wanted| wanted == *point || !wanted.is_finite()), "{}: {:?} {}", text, wanted, point);
                    } else if let Some(wanted) = at(&expression, &names).and_then(finite) {
                        // Only what passed through something infinite may be missing.
                        prop_assert!(text.contains('/'), "{}: {} is missing", text, wanted);
                    }
                }
                Value::Scalar(number) => {
                    let wanted = at(&expression, &names).unwrap();
                    prop_assert!(wanted == *number || wanted.is_nan() && number.is_nan(), "{}", text);
                }
                _ => prop_assert!(false),
            }
        }
    }

    #[test]
    fn no_text_breaks_anything(text in "[a-z0-9+*/<>=&|()\\[\\]', .MAX-]{0,60}") {
        super::fuzz(&text);
    }

    #[test]
    fn no_widget_breaks_anything(
        start in "-?P?T?[0-9]{0,19}[YMWDHS]?", zone in "[+-]?[0-9:]{0,20}", period in proptest::num::i64::ANY, label in "[$\\{\\}A-Z_('.)a-z]{0,20}",
        row in "[.a\"]{0,4}", side in proptest::num::i64::ANY,
    ) {
        let widget = serde_json::json!({
            "metrics": [["N", "m", "d", "v", {"label": label, "period": period}], [row, ".", "..."], [{"expression": label}]],
            "start": start, "timezone": zone, "period": period, "x": side, "width": 600,
        });
        crate::fuzz_dashboard(&widget.to_string());
        let dashboard = serde_json::json!({ "widgets": [{"type": "metric", "x": side, "width": side, "properties": widget}] });
        crate::fuzz_dashboard(&dashboard.to_string());
        crate::fuzz_dashboard(&label);
    }

    #[test]
    fn no_stored_bytes_break_anything(at in 0..200_usize, byte in proptest::num::u8::ANY, more in 0..200_usize, other in proptest::num::u8::ANY) {
        let mut block = crate::data::block::Block { upto: 7, ..Default::default() };
        block.add(60_000, &crate::data::bucket::Bucket::of(1.5, 2.0));
        block.add(120_000, &crate::data::bucket::Bucket::of_set(3.0, 6.0, 1.0, 3.0));
        let mut bytes = block.encode(0);
        let mut plain = lz4_flex::decompress_size_prepended(&bytes[1..]).unwrap();
        for (at, byte) in [(at, byte), (more, other)] {
            let places = (bytes.len(), plain.len());
            bytes[at % places.0] = byte;
            plain[at % places.1] = byte;
        }
        // Sizes that are told are believed up to a limit only.
        crate::fuzz_stored(&bytes);
        crate::fuzz_stored(&plain);
    }
}
