//! Every case of `tests/cases`: a pattern alone, and all patterns of a file together, must say the same of each event.

use std::collections::HashMap;

use pattern::{Event, FilterPattern, PatternSet};

const FILES: [(&str, &str); 5] = [
    ("terms", include_str!("cases/terms.txt")),
    ("expressions", include_str!("cases/expressions.txt")),
    ("json", include_str!("cases/json.txt")),
    ("delimited", include_str!("cases/delimited.txt")),
    ("trails", include_str!("cases/trails.txt")),
];

#[derive(Default)]
struct Cases {
    patterns: Vec<(String, FilterPattern)>,
    /// Pattern, event, whether it matches.
    events: Vec<(usize, String, bool)>,
    checked: usize,
    wrong: Vec<String>,
}

fn read(file: &str, text: &str) -> Cases {
    let mut cases = Cases::default();
    let mut named: HashMap<String, String> = HashMap::new();
    let mut pattern = String::new();
    for (number, line) in text.lines().enumerate() {
        let place = format!("{file}:{}", number + 1);
        let content = line.get(2..).unwrap_or_default().replace('⏎', "\n").replace('⇥', "\t");
        let known =
            |content: String| content.strip_prefix('@').and_then(|name| named.get(name)).cloned().unwrap_or(content);
        match line.chars().next() {
            None | Some('#') => {}
            Some('@') => {
                let (name, event) = line[1..].split_once(" ").expect("a name and an event");
                named.insert(name.to_owned(), event.replace('⇥', "\t"));
            }
            Some('=') => {
                pattern = content;
                if let Ok(parsed) = FilterPattern::parse(&pattern) {
                    cases.patterns.push((pattern.clone(), parsed));
                }
            }
            Some('!') => {
                cases.checked += 1;
                match FilterPattern::parse(&pattern) {
                    Ok(_) => cases.wrong.push(format!("{place}: `{pattern}` is a pattern")),
                    Err(error) if error.for_metric_filter() != content || error.position() > pattern.len() => {
                        cases.wrong.push(format!("{place}: `{pattern}`: {}, {error}", error.for_metric_filter()));
                    }
                    Err(_) => {}
                }
            }
            Some(sign @ ('+' | '-')) => {
                let parsed =
                    FilterPattern::parse(&pattern).unwrap_or_else(|error| panic!("{place}: `{pattern}`: {error}"));
                let event = known(content);
                if parsed.matches(&Event::new(&event)) != (sign == '+') {
                    cases.wrong.push(format!("{place}: `{pattern}` of `{event}`"));
                }
                cases.events.push((cases.patterns.len() - 1, event, sign == '+'));
                cases.checked += 1;
            }
            Some('$') => {
                let (_, event, _) = cases.events.last().expect("an event before it");
                let extracted = cases.patterns.last().expect("a pattern before it").1.extracted(&Event::new(event));
                let shown: Vec<String> = extracted.iter().map(|(name, value)| format!("{name}={value}")).collect();
                if shown.join("|") != content {
                    cases.wrong.push(format!("{place}: `{pattern}`: {shown:?}"));
                }
                cases.checked += 1;
            }
            Some(_) => panic!("{place}: {line}"),
        }
    }
    cases
}

#[test]
fn patterns_match_what_they_should_alone_and_together() {
    let mut checked = 0;
    let mut wrong = Vec::new();
    for (file, text) in FILES {
        let cases = read(file, text);
        checked += cases.checked;
        wrong.extend(cases.wrong);
        let keyed = cases.patterns.iter().enumerate().map(|(number, (_, pattern))| (number, pattern.clone()));
        let set = PatternSet::new(keyed.collect());
        for (_, event, _) in &cases.events {
            let event = Event::new(event);
            let together: Vec<usize> = set.matches(&event).copied().collect();
            let alone = |number: &usize| cases.patterns[*number].1.matches(&event);
            let alone: Vec<usize> = (0..cases.patterns.len()).filter(alone).collect();
            assert_eq!(together, alone, "{file}: {}", event.text());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked >= 400, "{checked} cases");
}

#[test]
fn a_pattern_may_have_1024_characters() {
    let longest = format!("{{ $.a = \"{}\" }}", "é".repeat(1024 - 12));
    assert_eq!(longest.chars().count(), 1024);
    assert!(FilterPattern::parse(&longest).is_ok());
    assert!(FilterPattern::parse(&format!("{longest} ")).is_err());
}

#[test]
fn what_nests_without_end_is_refused_and_not_followed() {
    let parentheses = format!("{{ {}$.a = 1{} }}", "(".repeat(400), ")".repeat(400));
    assert!(FilterPattern::parse(&parentheses).is_err());
    let deep = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    let pattern = FilterPattern::parse("{ $.a NOT EXISTS || $.a EXISTS }").unwrap();
    assert!(!pattern.matches(&Event::new(&deep)));
}
