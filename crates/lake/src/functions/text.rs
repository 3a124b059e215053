//! Texts, and random numbers.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::datatypes::{DataType, Field};

use super::{Args, Fun, TEXT_BYTES_MAX, too_much, wrong};
use crate::types;

pub(super) fn functions(seed: u64) -> Vec<Fun> {
    let text = |_: &Args<'_>| Ok(types::result(DataType::Utf8));
    let list = |_: &Args<'_>| Ok(types::result(DataType::new_list(DataType::Utf8, true)));
    let state = Arc::new(AtomicU64::new(seed));
    vec![
        Fun::new("substr", 2..=3, text, |input| {
            let (texts, from) = (input.texts(0)?, input.integers(1)?);
            let length = if input.has(2) { Some(input.integers(2)?) } else { None };
            input.map_texts(|row| {
                let Some((text, from)) = texts.get(row).zip(from(row)) else { return Ok(None) };
                let length = match &length {
                    None => usize::MAX,
                    Some(length) => match length(row) {
                        None => return Ok(None),
                        Some(length) => usize::try_from(length).unwrap_or(0),
                    },
                };
                let distance = usize::try_from(from.unsigned_abs()).unwrap_or(usize::MAX);
                let skip = match from {
                    0 => return Ok(Some(Cow::Borrowed(""))),
                    1.. => distance - 1,
                    _ => match text.chars().count().checked_sub(distance) {
                        Some(skip) => skip,
                        None => return Ok(Some(Cow::Borrowed(""))),
                    },
                };
                Ok(Some(Cow::Owned(text.chars().skip(skip).take(length).collect())))
            })
        }),
        Fun::new("replace", 3..=3, text, |input| {
            let (texts, what, with) = (input.texts(0)?, input.texts(1)?, input.texts(2)?);
            input.map_texts(|row| {
                let (Some(text), Some(what), Some(with)) = (texts.get(row), what.get(row), with.get(row)) else {
                    return Ok(None);
                };
                if with.len() > what.len() {
                    let more = text.matches(what).count().saturating_mul(with.len() - what.len());
                    if more > TEXT_BYTES_MAX {
                        return too_much();
                    }
                }
                Ok(Some(Cow::Owned(text.replace(what, with))))
            })
        }),
        Fun::new("trino_pattern", 2..=2, text, |input| {
            let (texts, escapes) = (input.texts(0)?, input.texts(1)?);
            input.map_texts(|row| {
                let Some((text, escape)) = texts.get(row).zip(escapes.get(row)) else { return Ok(None) };
                match query_lang::pattern(text, escape.chars().next()) {
                    Some(pattern) => Ok(Some(Cow::Owned(pattern))),
                    None => wrong("Escape character must be followed by '%', '_' or the escape character itself"),
                }
            })
        }),
        padded("lpad", true),
        padded("rpad", false),
        Fun::new("split", 2..=3, list, |input| {
            let (texts, by) = (input.texts(0)?, input.texts(1)?);
            let limit = if input.has(2) { Some(input.integers(2)?) } else { None };
            input.map_lists(|row| {
                let Some((text, by)) = texts.get(row).zip(by.get(row)) else { return Ok(None) };
                if by.is_empty() {
                    return wrong("The delimiter may not be the empty string");
                }
                let own = |part: &str| Some(Cow::Owned(part.to_owned()));
                Ok(Some(match limit.as_ref().map(|limit| limit(row)) {
                    None => text.split(by).map(own).collect(),
                    Some(limit) => match limit.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0)
                    {
                        Some(limit) => text.splitn(limit, by).map(own).collect(),
                        None => return wrong("Limit must be positive"),
                    },
                }))
            })
        }),
        Fun::new("split_part", 3..=3, text, |input| {
            let (texts, by, at) = (input.texts(0)?, input.texts(1)?, input.integers(2)?);
            input.map_texts(|row| {
                let (Some(text), Some(by), Some(at)) = (texts.get(row), by.get(row), at(row)) else { return Ok(None) };
                let Some(at) = usize::try_from(at).ok().and_then(|at| at.checked_sub(1)) else {
                    return wrong("Index must be greater than zero");
                };
                if by.is_empty() {
                    return wrong("The delimiter may not be the empty string");
                }
                Ok(text.split(by).nth(at).map(|part| Cow::Owned(part.to_owned())))
            })
        }),
        Fun::new(
            "split_to_map",
            3..=3,
            |_| {
                let text = |name| Field::new(name, DataType::Utf8, true);
                Ok(types::result(types::map_of(text("key"), text("value"))))
            },
            |input| {
                let (texts, entries, pairs) = (input.texts(0)?, input.texts(1)?, input.texts(2)?);
                let objects = input.map_texts(|row| {
                    let (Some(text), Some(entry), Some(pair)) = (texts.get(row), entries.get(row), pairs.get(row))
                    else {
                        return Ok(None);
                    };
                    let mut seen = HashSet::new();
                    let mut members = Vec::new();
                    for part in text.split(entry).filter(|part| !part.is_empty()) {
                        let Some((key, value)) = part.split_once(pair) else {
                            return wrong(format!(
                                "Key-value delimiter must appear exactly once in each entry. Bad input: '{part}'"
                            ));
                        };
                        if !seen.insert(key) {
                            return wrong(format!("Duplicate keys ({key}) are not allowed"));
                        }
                        members.push(format!("{}:{}", crate::json::quoted(key), crate::json::quoted(value)));
                    }
                    Ok(Some(Cow::Owned(format!("{{{}}}", members.join(",")))))
                })?;
                let varchar = || Box::new(types::Type::Varchar(None));
                let to = types::Type::Map(varchar(), varchar());
                super::cast::cast_to(&objects, &Field::new("", DataType::Utf8, true), &to, false)
            },
        ),
        Fun::new(
            "reverse",
            1..=1,
            |args| {
                let of = args.data_type(0);
                Ok(types::result(if types::element(of).is_some() { of.clone() } else { DataType::Utf8 }))
            },
            |input| {
                if types::element(&input.data_type(0)).is_some() {
                    return super::array::reversed(input);
                }
                let texts = input.texts(0)?;
                input.map_texts(|row| Ok(texts.get(row).map(|text| Cow::Owned(text.chars().rev().collect()))))
            },
        ),
        Fun::new("from_utf8", 1..=1, text, |input| {
            let bytes = input.bytes(0)?;
            input.map_texts(|row| {
                use datafusion::arrow::array::Array;
                Ok((!bytes.is_null(row)).then(|| Cow::Owned(String::from_utf8_lossy(bytes.value(row)).into_owned())))
            })
        }),
        Fun::new(
            "random",
            0..=2,
            |args| Ok(types::result(if args.fields.is_empty() { DataType::Float64 } else { DataType::Int64 })),
            move |input| {
                let next = || {
                    // SplitMix64: one addition a number, so that rows on several threads share a state without a lock.
                    let mut z = state.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
                    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                    z ^ (z >> 31)
                };
                if input.args.is_empty() {
                    let unit = |n: u64| f64::from(u32::try_from(n >> 32).unwrap_or(0)) / (f64::from(u32::MAX) + 1.0);
                    let values: datafusion::arrow::array::Float64Array =
                        (0..input.rows).map(|_| Some(unit(next()))).collect();
                    return Ok(Arc::new(values) as datafusion::arrow::array::ArrayRef);
                }
                let (from, to) = match input.args.len() {
                    1 => (None, input.integers(0)?),
                    _ => (Some(input.integers(0)?), input.integers(1)?),
                };
                input.map_integers(|row| {
                    let from = match &from {
                        Some(from) => from(row),
                        None => Some(0),
                    };
                    let (Some(from), Some(to)) = (from, to(row)) else { return Ok(None) };
                    match u64::try_from(i128::from(to) - i128::from(from)) {
                        Ok(width) if width > 0 => Ok(Some(from.wrapping_add_unsigned(next() % width))),
                        _ => wrong("bound must be positive"),
                    }
                })
            },
        )
        .volatile(),
    ]
}

/// A text of so many characters: cut, or filled up before or behind.
fn padded(name: &str, before: bool) -> Fun {
    Fun::new(
        name,
        3..=3,
        |_| Ok(types::result(DataType::Utf8)),
        move |input| {
            let (texts, sizes, pads) = (input.texts(0)?, input.integers(1)?, input.texts(2)?);
            input.map_texts(|row| {
                let (Some(text), Some(size), Some(pad)) = (texts.get(row), sizes(row), pads.get(row)) else {
                    return Ok(None);
                };
                let Some(size) = usize::try_from(size).ok().filter(|size| i32::try_from(*size).is_ok()) else {
                    return wrong("Target length must be in the range [0..2147483647]");
                };
                if pad.is_empty() {
                    return wrong("Padding string must not be empty");
                }
                let missing = size.saturating_sub(text.chars().count());
                if missing > TEXT_BYTES_MAX {
                    return too_much();
                }
                let kept: String = text.chars().take(size).collect();
                let fill: String = pad.chars().cycle().take(missing).collect();
                Ok(Some(Cow::Owned(if before { fill + &kept } else { kept + &fill })))
            })
        },
    )
}
