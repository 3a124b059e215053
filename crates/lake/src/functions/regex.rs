//! Regular expressions. Patterns are compiled once if they are the same in every row; they cannot run for more than linear time, so what
//! needs backtracking (look-around, back-references) is an error.

use std::borrow::Cow;
use std::collections::HashMap;

use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use regex::Regex;

use super::{Args, Fun, Input, TEXT_BYTES_MAX, Texts, too_much, wrong};
use crate::types;

/// How large a compiled pattern may become.
const PATTERN_BYTES_MAX: usize = 4 << 20;

/// Patterns of an argument.
struct Patterns {
    texts: Texts,
    compiled: HashMap<String, Regex>,
}

impl Patterns {
    fn of(input: &Input, at: usize) -> Result<Patterns> {
        let texts = input.texts(at)?;
        let mut compiled = HashMap::new();
        let rows = if texts.constant().is_some() { 1.min(input.rows) } else { input.rows };
        for row in 0..rows {
            if let Some(text) = texts.get(row)
                && !compiled.contains_key(text)
            {
                compiled.insert(text.to_owned(), compile(text)?);
            }
        }
        Ok(Patterns { texts, compiled })
    }

    fn get(&self, row: usize) -> Option<&Regex> {
        self.texts.get(row).and_then(|text| self.compiled.get(text))
    }
}

fn compile(text: &str) -> Result<Regex> {
    match regex::RegexBuilder::new(text).size_limit(PATTERN_BYTES_MAX).build() {
        Ok(regex) => Ok(regex),
        Err(error) => {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim();
            wrong(format!("Invalid regular expression '{}': {reason}", crate::error::shortened(text)))
        }
    }
}

/// Java's replacement (`$1`, `${name}`, `\$`) in the words of the crate.
fn replacement(java: &str) -> String {
    let mut out = String::new();
    let mut chars = java.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('$') => out.push_str("$$"),
                Some(other) => out.push(other),
                None => {}
            },
            '$' if chars.peek().is_some_and(char::is_ascii_digit) => {
                out.push_str("${");
                while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                    out.push(digit);
                }
                out.push('}');
            }
            other => out.push(other),
        }
    }
    out
}

pub(super) fn functions() -> Vec<Fun> {
    let text = |_: &Args<'_>| Ok(types::result(DataType::Utf8));
    let list = |_: &Args<'_>| Ok(types::result(DataType::new_list(DataType::Utf8, true)));
    let own = |text: &str| Cow::Owned(text.to_owned());
    vec![
        Fun::new(
            "regexp_like",
            2..=2,
            |_| Ok(types::result(DataType::Boolean)),
            |input| {
                let (texts, patterns) = (input.texts(0)?, Patterns::of(input, 1)?);
                input.map_booleans(|row| {
                    Ok(texts.get(row).zip(patterns.get(row)).map(|(text, regex)| regex.is_match(text)))
                })
            },
        ),
        Fun::new("regexp_extract", 2..=3, text, move |input| {
            let (texts, patterns, group) = (input.texts(0)?, Patterns::of(input, 1)?, group(input, 2)?);
            input.map_texts(|row| {
                let Some((text, regex)) = texts.get(row).zip(patterns.get(row)) else { return Ok(None) };
                let group = group(row, regex)?;
                Ok(regex.captures(text).and_then(|found| found.get(group)).map(|found| own(found.as_str())))
            })
        }),
        Fun::new("regexp_extract_all", 2..=3, list, move |input| {
            let (texts, patterns, group) = (input.texts(0)?, Patterns::of(input, 1)?, group(input, 2)?);
            input.map_lists(|row| {
                let Some((text, regex)) = texts.get(row).zip(patterns.get(row)) else { return Ok(None) };
                let group = group(row, regex)?;
                let all = regex.captures_iter(text).map(|found| found.get(group).map(|found| own(found.as_str())));
                Ok(Some(all.collect()))
            })
        }),
        Fun::new("regexp_replace", 2..=3, text, move |input| {
            let (texts, patterns) = (input.texts(0)?, Patterns::of(input, 1)?);
            let with = if input.has(2) { input.texts(2)? } else { Texts::Constant(Some(String::new())) };
            input.map_texts(|row| {
                let (Some(text), Some(regex), Some(with)) = (texts.get(row), patterns.get(row), with.get(row)) else {
                    return Ok(None);
                };
                let with = replacement(with);
                let (mut out, mut end) = (String::new(), 0);
                for found in regex.captures_iter(text) {
                    let Some(whole) = found.get(0) else { continue };
                    out.push_str(&text[end..whole.start()]);
                    found.expand(&with, &mut out);
                    end = whole.end();
                    if out.len() > TEXT_BYTES_MAX {
                        return too_much();
                    }
                }
                out.push_str(&text[end..]);
                Ok(Some(Cow::Owned(out)))
            })
        }),
        Fun::new("regexp_split", 2..=2, list, move |input| {
            let (texts, patterns) = (input.texts(0)?, Patterns::of(input, 1)?);
            input.map_lists(|row| {
                let found = texts.get(row).zip(patterns.get(row));
                Ok(found.map(|(text, regex)| regex.split(text).map(|part| Some(own(part))).collect()))
            })
        }),
        Fun::new(
            "regexp_count",
            2..=2,
            |_| Ok(types::result(DataType::Int64)),
            |input| {
                let (texts, patterns) = (input.texts(0)?, Patterns::of(input, 1)?);
                input.map_integers(|row| {
                    let found = texts.get(row).zip(patterns.get(row));
                    Ok(found.map(|(text, regex)| super::json::count(regex.find_iter(text).count())))
                })
            },
        ),
    ]
}

/// Which group an argument names; without it, the whole match.
fn group(input: &Input, at: usize) -> Result<impl Fn(usize, &Regex) -> Result<usize> + use<>> {
    let groups = if input.has(at) { Some(input.integers(at)?) } else { None };
    Ok(move |row: usize, regex: &Regex| {
        let group = groups.as_ref().and_then(|groups| groups(row)).unwrap_or(0);
        match usize::try_from(group) {
            Ok(group) if group < regex.captures_len() => Ok(group),
            _ => wrong(format!("Pattern has {} groups. Cannot access group {group}", regex.captures_len() - 1)),
        }
    })
}
