//! JSON functions, on text that is JSON.

use std::borrow::Cow;

use datafusion::arrow::datatypes::DataType;

use super::{Fun, Input, Texts, wrong};
use crate::json::{self, Step};
use crate::types;

/// A path in every row, read once if it is the same.
enum Paths {
    Constant(Option<Vec<Step>>),
    Each(Texts),
}

impl Paths {
    fn of(input: &Input, at: usize) -> datafusion::error::Result<Paths> {
        let texts = input.texts(at)?;
        Ok(match &texts {
            Texts::Constant(None) => Paths::Constant(None),
            Texts::Constant(Some(text)) => Paths::Constant(Some(read(text)?)),
            _ => Paths::Each(texts),
        })
    }

    fn follow<'a>(&self, text: &'a str, row: usize) -> datafusion::error::Result<Option<&'a str>> {
        match self {
            Paths::Constant(steps) => Ok(steps.as_ref().and_then(|steps| json::follow(text, steps))),
            Paths::Each(texts) => match texts.get(row) {
                Some(path) => Ok(json::follow(text, &read(path)?)),
                None => Ok(None),
            },
        }
    }
}

fn read(text: &str) -> datafusion::error::Result<Vec<Step>> {
    match json::path(text) {
        Some(steps) => Ok(steps),
        None => wrong(format!("Invalid JSON path: '{text}'")),
    }
}

pub(super) fn functions() -> Vec<Fun> {
    let json = |_: &super::Args<'_>| Ok(types::tagged_text(types::JSON));
    let text = |_: &super::Args<'_>| Ok(types::result(DataType::Utf8));
    let number = |_: &super::Args<'_>| Ok(types::result(DataType::Int64));
    let boolean = |_: &super::Args<'_>| Ok(types::result(DataType::Boolean));
    vec![
        Fun::new("json_extract", 2..=2, json, |input| {
            let (texts, paths) = (input.texts(0)?, Paths::of(input, 1)?);
            input.map_texts(|row| match texts.get(row) {
                Some(text) => Ok(paths.follow(text, row)?.map(Cow::Borrowed)),
                None => Ok(None),
            })
        }),
        Fun::new("json_extract_scalar", 2..=2, text, |input| {
            let (texts, paths) = (input.texts(0)?, Paths::of(input, 1)?);
            input.map_texts(|row| match texts.get(row) {
                Some(text) => Ok(paths.follow(text, row)?.and_then(json::scalar)),
                None => Ok(None),
            })
        }),
        Fun::new("json_parse", 1..=1, json, |input| {
            let texts = input.texts(0)?;
            input.map_texts(|row| match texts.get(row) {
                Some(text) if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() => {
                    wrong(format!("Cannot convert value to JSON: '{}'", crate::error::shortened(text)))
                }
                text => Ok(text.map(|text| Cow::Owned(text.trim().to_owned()))),
            })
        }),
        Fun::new("json_format", 1..=1, text, |input| input.texts(0)?.into_array(input.rows)),
        Fun::new("json_array_length", 1..=1, number, |input| {
            let texts = input.texts(0)?;
            input.map_integers(|row| {
                let text = texts.get(row).filter(|text| json::is_array(text));
                Ok(text.map(|text| count(json::elements(text).count())))
            })
        }),
        Fun::new("json_array_get", 2..=2, json, |input| {
            let (texts, at) = (input.texts(0)?, input.integers(1)?);
            input.map_texts(|row| {
                let value = texts.get(row).zip(at(row)).and_then(|(text, at)| json::element(text, at));
                Ok(value.map(|value| Cow::Owned(value.trim().to_owned())))
            })
        }),
        Fun::new("json_array_contains", 2..=2, boolean, |input| {
            let (texts, values) = (input.texts(0)?, input.texts(1)?);
            let is_text = types::is_text(&input.data_type(1));
            input.map_booleans(|row| {
                let Some((text, value)) = texts.get(row).zip(values.get(row)) else { return Ok(None) };
                if !json::is_array(text) {
                    return Ok(None);
                }
                let found = json::elements(text).any(|element| {
                    let element = element.trim();
                    if is_text {
                        json::string(element).is_some_and(|said| said == value)
                    } else {
                        same_number(element, value)
                    }
                });
                Ok(Some(found))
            })
        }),
        Fun::new("json_size", 2..=2, number, |input| {
            let (texts, paths) = (input.texts(0)?, Paths::of(input, 1)?);
            input.map_integers(|row| {
                let Some(text) = texts.get(row) else { return Ok(None) };
                Ok(paths.follow(text, row)?.map(|value| {
                    if json::is_array(value) {
                        count(json::elements(value).count())
                    } else {
                        count(json::members(value).count())
                    }
                }))
            })
        }),
        Fun::new("is_json_scalar", 1..=1, boolean, |input| {
            let texts = input.texts(0)?;
            input.map_booleans(|row| Ok(texts.get(row).map(|text| !json::is_array(text) && !json::is_object(text))))
        }),
    ]
}

/// Whether a JSON value is a number or boolean of this text.
fn same_number(element: &str, value: &str) -> bool {
    element == value
        || element.parse::<f64>().ok().zip(value.parse::<f64>().ok()).is_some_and(|(a, b)| a.total_cmp(&b).is_eq())
}

pub(super) fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
