//! Patterns and events made by chance, held against a matcher that is slow and obvious: no compilation, no sharing, `serde_json`'s
//! values instead of our own reading.

use pattern::{Event, FilterPattern, PatternSet, Selector};
use proptest::prelude::*;
use serde_json::{Value, json};

#[derive(Clone, Debug)]
enum Expr {
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Is(Vec<Step>, Ask),
}

#[derive(Clone, Debug)]
enum Step {
    Member(&'static str),
    Element(usize),
    Every,
}

#[derive(Clone, Debug)]
enum Ask {
    Text(bool, String),
    Number(&'static str, i32),
    Null,
    True,
    False,
    Exists,
    Absent,
}

const NAMES: [&str; 5] = ["a", "b", "eventName", "userIdentity", "odd.name"];
const TEXTS: [&str; 9] = ["", "x", "xy", "yx", "xyx", "1", "Root", "null", "true"];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let first = prop::sample::select(&NAMES[..]).prop_map(Step::Member);
    let step = prop_oneof![4 => prop::sample::select(&NAMES[..]).prop_map(Step::Member), 2 => (0..3usize).prop_map(Step::Element)];
    (first, prop::collection::vec(step, 0..3), prop::option::weighted(0.1, 0..3usize)).prop_map(
        |(first, rest, every)| {
            let mut steps = vec![first];
            steps.extend(rest);
            if let Some(at) = every {
                steps.insert(at.min(steps.len()).max(1), Step::Every);
            }
            steps
        },
    )
}

fn ask() -> impl Strategy<Value = Ask> {
    let glob = (prop::sample::select(&TEXTS[..]), 0..4usize, prop::sample::select(&TEXTS[..])).prop_map(
        |(text, stars, more)| match stars {
            0 => text.to_owned(),
            1 => format!("{text}*"),
            2 => format!("*{text}"),
            _ => format!("{text}*{more}"),
        },
    );
    prop_oneof![
        6 => (any::<bool>(), glob).prop_map(|(equal, text)| Ask::Text(equal, text)),
        3 => (prop::sample::select(&["=", "!=", "<", "<=", ">", ">="][..]), -2..3i32).prop_map(|(sign, number)| Ask::Number(sign, number)),
        1 => prop::sample::select(vec![Ask::Null, Ask::True, Ask::False, Ask::Exists, Ask::Absent]),
    ]
}

fn expr() -> impl Strategy<Value = Expr> {
    let leaf = (steps(), ask()).prop_map(|(steps, ask)| Expr::Is(steps, ask));
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::All),
            prop::collection::vec(inner, 2..4).prop_map(Expr::Any),
        ]
    })
}

fn event() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => prop::sample::select(&TEXTS[..]).prop_map(|text| json!(text)),
        2 => (-2..3i32).prop_map(|number| json!(number)),
        1 => Just(json!(1.5)),
        1 => any::<bool>().prop_map(|flag| json!(flag)),
        1 => Just(Value::Null),
        1 => any::<String>().prop_map(|text| json!(text)),
    ];
    let value = leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((prop::sample::select(&NAMES[..]), inner), 0..4).prop_map(object),
        ]
    });
    prop::collection::vec((prop::sample::select(&NAMES[..]), value), 0..6).prop_map(object)
}

fn object(members: Vec<(&'static str, Value)>) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Writes an expression, with as many parentheses and blanks as `odd` says.
fn write(expr: &Expr, within: usize, odd: bool, out: &mut String) {
    let (parts, sign, binds) = match expr {
        Expr::All(parts) => (parts, "&&", 2),
        Expr::Any(parts) => (parts, "||", 1),
        Expr::Is(steps, ask) => {
            out.push('$');
            for step in steps {
                match step {
                    Step::Member(name) if name.contains('.') => out.push_str(&format!(".['{name}']")),
                    Step::Member(name) => out.push_str(&format!(".{name}")),
                    Step::Element(index) => out.push_str(&format!("[{index}]")),
                    Step::Every => out.push_str("[*]"),
                }
            }
            let text = match ask {
                Ask::Text(equal, text) => {
                    format!("{}{}\"{text}\"", if *equal { "=" } else { "!=" }, if odd { " " } else { "" })
                }
                Ask::Number(sign, number) => format!("{sign} {number}"),
                Ask::Null => "IS NULL".to_owned(),
                Ask::True => "IS TRUE".to_owned(),
                Ask::False => "IS FALSE".to_owned(),
                Ask::Exists => "EXISTS".to_owned(),
                Ask::Absent => "NOT EXISTS".to_owned(),
            };
            if odd || text.starts_with(char::is_alphabetic) {
                out.push(' ');
            }
            return out.push_str(&text);
        }
    };
    let enclosed = odd || binds < within;
    if enclosed {
        out.push('(');
    }
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            out.push_str(sign);
        }
        write(part, binds + 1, odd, out);
    }
    if enclosed {
        out.push(')');
    }
}

fn text(expr: &Expr, odd: bool) -> String {
    let mut out = String::from("{");
    write(expr, 0, odd, &mut out);
    out.push('}');
    out
}

fn select<'v>(steps: &[Step], value: &'v Value) -> Vec<&'v Value> {
    let Some((step, rest)) = steps.split_first() else { return vec![value] };
    let children: Vec<&Value> = match (step, value) {
        (Step::Member(name), Value::Object(members)) => members.get(*name).into_iter().collect(),
        (Step::Element(index), Value::Array(elements)) => elements.get(*index).into_iter().collect(),
        (Step::Every, Value::Array(elements)) => elements.iter().collect(),
        (Step::Every, Value::Object(members)) => members.values().collect(),
        _ => Vec::new(),
    };
    children.into_iter().flat_map(|child| select(rest, child)).collect()
}

fn glob(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|skipped| glob(rest, &text[skipped..])),
        Some((letter, rest)) => text.first() == Some(letter) && glob(rest, &text[1..]),
    }
}

fn asks(ask: &Ask, value: &Value) -> bool {
    let chars = |text: &str| text.chars().collect::<Vec<_>>();
    match (ask, value) {
        (Ask::Exists, _) => true,
        (Ask::Absent, _) => false,
        (Ask::Null, Value::Array(elements)) => elements.contains(&Value::Null),
        (Ask::Null, value) => value.is_null(),
        (Ask::True, value) => *value == json!(true),
        (Ask::False, value) => *value == json!(false),
        (Ask::Text(equal, wanted), Value::String(text)) => glob(&chars(wanted), &chars(text)) == *equal,
        (Ask::Text(equal, wanted), Value::Number(number)) => {
            glob(&chars(wanted), &chars(&number.to_string())) == *equal
        }
        (Ask::Number("=", wanted), Value::String(text)) => *text == wanted.to_string(),
        (Ask::Number("!=", wanted), Value::String(text)) => *text != wanted.to_string(),
        (Ask::Number(sign, wanted), Value::Number(number)) => {
            let (found, wanted) = (number.as_f64().expect("a number"), f64::from(*wanted));
            match *sign {
                "=" => found == wanted,
                "!=" => found != wanted,
                "<" => found < wanted,
                "<=" => found <= wanted,
                ">" => found > wanted,
                _ => found >= wanted,
            }
        }
        _ => false,
    }
}

fn holds(expr: &Expr, event: &Value) -> bool {
    match expr {
        Expr::All(parts) => parts.iter().all(|part| holds(part, event)),
        Expr::Any(parts) => parts.iter().any(|part| holds(part, event)),
        Expr::Is(steps, ask) => {
            let found = select(steps, event);
            let absent = matches!(ask, Ask::Absent | Ask::Text(false, _) | Ask::Number("!=", _));
            if found.is_empty() { absent } else { found.into_iter().any(|value| asks(ask, value)) }
        }
    }
}

fn wildcards(expr: &Expr) -> usize {
    match expr {
        Expr::All(parts) | Expr::Any(parts) => parts.iter().map(wildcards).sum(),
        Expr::Is(steps, _) => steps.iter().filter(|step| matches!(step, Step::Every)).count(),
    }
}

/// A pattern for space-delimited events.
#[derive(Clone, Debug)]
struct Parts {
    parts: Vec<(Option<usize>, Option<Test>)>,
    ellipsis: Option<usize>,
}

/// What is asked of a part: its own name stands in it.
#[derive(Clone, Debug)]
enum Test {
    All(Vec<Test>),
    Any(Vec<Test>),
    Text(bool, String),
    Number(&'static str, i32),
}

fn test() -> impl Strategy<Value = Test> {
    let glob =
        (prop::sample::select(&["x", "xy", "ERROR", "-1", "7.0"][..]), 0..4usize).prop_map(
            |(text, stars)| match stars {
                0 => text.to_owned(),
                1 => format!("{text}*"),
                2 => format!("*{text}"),
                _ => format!("{text}*{text}"),
            },
        );
    let leaf = prop_oneof![
        3 => (any::<bool>(), glob).prop_map(|(equal, text)| Test::Text(equal, text)),
        3 => (prop::sample::select(&["=", "!=", "<", "<=", ">", ">="][..]), -2..9i32).prop_map(|(sign, number)| Test::Number(sign, number)),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Test::All),
            prop::collection::vec(inner, 2..4).prop_map(Test::Any),
        ]
    })
}

fn parts() -> impl Strategy<Value = Parts> {
    let part = (prop::option::weighted(0.8, Just(())), prop::option::of(test()));
    (prop::collection::vec(part, 1..5), prop::option::of(0..5usize)).prop_map(|(parts, ellipsis)| {
        let ellipsis = ellipsis.map(|at| at.min(parts.len()));
        // Only a part with a name can be asked something.
        let part = |(number, (name, test)): (usize, (Option<()>, Option<Test>))| {
            (name.map(|()| number), test.filter(|_| name.is_some()))
        };
        Parts { parts: parts.into_iter().enumerate().map(part).collect(), ellipsis }
    })
}

fn write_test(name: usize, test: &Test) -> String {
    let join = |parts: &[Test], sign: &str| {
        let parts: Vec<String> = parts.iter().map(|part| write_test(name, part)).collect();
        format!("({})", parts.join(sign))
    };
    match test {
        Test::All(parts) => join(parts, " && "),
        Test::Any(parts) => join(parts, "||"),
        Test::Text(equal, text) => format!("w{name} {} \"{text}\"", if *equal { "=" } else { "!=" }),
        Test::Number(sign, number) => format!("w{name}{sign}{number}"),
    }
}

fn write_parts(pattern: &Parts) -> String {
    let mut texts: Vec<String> = Vec::new();
    for (name, test) in &pattern.parts {
        texts.push(match (name, test) {
            (None, _) => String::new(),
            (Some(name), None) => format!("w{name}"),
            (Some(name), Some(test)) => write_test(*name, test),
        });
    }
    if let Some(at) = pattern.ellipsis {
        texts.insert(at, "...".to_owned());
    }
    format!("[{}]", texts.join(", "))
}

/// Words, some of them in brackets or quotation marks, with as many blanks as there are.
fn words() -> impl Strategy<Value = Vec<(usize, &'static str)>> {
    let word = prop::sample::select(&["x", "xy", "xyx", "ERROR", "-1", "7", "7.0", "8", "x y", "ERROR 7"][..]);
    prop::collection::vec((0..3usize, word), 0..7)
}

fn passes(test: &Test, field: &str) -> bool {
    let chars = |text: &str| text.chars().collect::<Vec<_>>();
    match test {
        Test::All(parts) => parts.iter().all(|part| passes(part, field)),
        Test::Any(parts) => parts.iter().any(|part| passes(part, field)),
        // Written with quotation marks it is a text, whatever it looks like.
        Test::Text(equal, wanted) => glob(&chars(wanted), &chars(field)) == *equal,
        Test::Number(sign, wanted) => match (field.parse::<f64>().ok(), *sign) {
            (Some(found), "=") => found == f64::from(*wanted),
            (Some(found), "!=") => found != f64::from(*wanted),
            (Some(found), "<") => found < f64::from(*wanted),
            (Some(found), "<=") => found <= f64::from(*wanted),
            (Some(found), ">") => found > f64::from(*wanted),
            (Some(found), _) => found >= f64::from(*wanted),
            (None, "=") => field == wanted.to_string(),
            (None, "!=") => field != wanted.to_string(),
            (None, _) => false,
        },
    }
}

/// Whether each part's field passes. `shown`: the words as they stand in the event.
fn fit(pattern: &Parts, fields: &[&str], shown: &[String]) -> bool {
    let (count, parts) = (fields.len(), pattern.parts.len());
    if count < parts.max(1) {
        return false;
    }
    pattern.parts.iter().enumerate().all(|(at, (_, test))| {
        let behind = pattern.ellipsis.is_some_and(|ellipsis| at >= ellipsis);
        let place = if behind { at + count - parts } else { at };
        // Without an ellipsis, the last part has all that is left.
        let field = match pattern.ellipsis {
            None if at + 1 == parts && count > parts => shown[at..].join(" "),
            _ => fields[place].to_owned(),
        };
        test.as_ref().is_none_or(|test| passes(test, &field))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn patterns_of_json_match_as_the_obvious_matcher_does(exprs in prop::collection::vec(expr(), 1..8), event in event(), odd: bool) {
        let exprs: Vec<Expr> = exprs.into_iter().filter(|expr| wildcards(expr) <= 3).collect();
        let shown = if odd { serde_json::to_string_pretty(&event) } else { serde_json::to_string(&event) }.unwrap();
        let message = Event::new(&shown);
        let mut patterns = Vec::new();
        let mut expected = Vec::new();
        for (number, expr) in exprs.iter().enumerate() {
            let text = text(expr, odd);
            let pattern = FilterPattern::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let matches = holds(expr, &event);
            prop_assert_eq!(pattern.matches(&message), matches, "{} of {}", text, shown);
            if matches {
                expected.push(number);
            }
            patterns.push((number, pattern));
        }
        let set = PatternSet::new(patterns);
        prop_assert_eq!(set.matches(&message).copied().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn patterns_of_fields_match_as_the_obvious_matcher_does(patterns in prop::collection::vec(parts(), 1..5), words in words()) {
        let shown = |(form, word): &(usize, &'static str)| match form {
            0 => format!("[{word}]"),
            1 => format!("\"{word}\""),
            _ => word.replace(' ', "_"),
        };
        let shown: Vec<String> = words.iter().map(shown).collect();
        let fields: Vec<String> =
            words.iter().map(|(form, word)| if *form > 1 { word.replace(' ', "_") } else { (*word).to_owned() }).collect();
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        let text = shown.join(" ");
        let event = Event::new(&text);
        let mut expected = Vec::new();
        let mut set = Vec::new();
        for (number, parts) in patterns.iter().enumerate() {
            let written = write_parts(parts);
            let pattern = FilterPattern::parse(&written).unwrap_or_else(|error| panic!("{written}: {error}"));
            let matches = fit(parts, &fields, &shown);
            prop_assert_eq!(pattern.matches(&event), matches, "{} of {}", written, text);
            if matches {
                expected.push(number);
            }
            set.push((number, pattern));
        }
        prop_assert_eq!(PatternSet::new(set).matches(&event).copied().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn values_are_read_as_serde_json_reads_them(event in event()) {
        let shown = serde_json::to_string(&event).unwrap();
        let message = Event::new(&shown);
        let everything = FilterPattern::parse("").unwrap();
        for name in NAMES {
            let selector = Selector::parse(&format!("$.['{name}']")).unwrap();
            let expected = match &event[name] {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                Value::Bool(flag) => Some(flag.to_string()),
                _ => None,
            };
            prop_assert_eq!(everything.extract(&message, &[selector]), [expected]);
        }
    }

    #[test]
    fn what_is_json_is_json_to_us(text in r#"[\[\]{}:,"\\a0 1.eE+\-tfn]{0,12}"#) {
        let ours = Event::new(&text).is_json();
        let theirs = serde_json::from_str::<Value>(&text).is_ok_and(|value| value.is_object());
        prop_assert_eq!(ours, theirs, "{}", text);
        let text = format!("{{\"a\":{text}}}");
        let theirs = serde_json::from_str::<Value>(&text).is_ok_and(|value| value.is_object());
        prop_assert_eq!(Event::new(&text).is_json(), theirs, "{}", text);
    }

    #[test]
    fn words_are_found_as_the_obvious_matcher_finds_them(
        patterns in prop::collection::vec(prop::collection::vec((0..3usize, "[ab]{1,3}"), 1..4), 1..30),
        message in "[ab ]{0,12}",
    ) {
        let signs = ["", "-", "?"];
        let mut expected = Vec::new();
        let mut set = Vec::new();
        for (number, terms) in patterns.iter().enumerate() {
            let text: Vec<String> = terms.iter().map(|(sign, word)| format!("{}{word}", signs[*sign])).collect();
            let has = |kind: usize| terms.iter().filter(move |(sign, _)| *sign == kind).map(|(_, word)| message.contains(word.as_str()));
            let only_optional = terms.iter().all(|(sign, _)| *sign == 2);
            let matches = has(0).all(|found| found) && !has(1).any(|found| found) && (!only_optional || has(2).any(|found| found));
            let pattern = FilterPattern::parse(&text.join(" ")).unwrap();
            prop_assert_eq!(pattern.matches(&Event::new(&message)), matches);
            if matches {
                expected.push(number);
            }
            set.push((number, pattern));
        }
        let set = PatternSet::new(set);
        prop_assert_eq!(set.matches(&Event::new(&message)).copied().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn any_text_is_a_pattern_or_an_error(text in any::<String>(), event in any::<String>()) {
        if let Ok(pattern) = FilterPattern::parse(&text) {
            let event = Event::new(&event);
            let matches = pattern.matches(&event);
            let set = PatternSet::new(vec![((), pattern)]);
            prop_assert_eq!(set.matches(&event).count(), usize::from(matches));
        }
    }
}
