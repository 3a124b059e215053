//! Parts of URLs, and their encoding; digests and codes of bytes.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, BinaryBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;

use super::{Args, Fun, Input, wrong};
use crate::types;

/// The parts of a URL.
#[derive(Default)]
struct Url<'a> {
    scheme: &'a str,
    host: &'a str,
    port: &'a str,
    path: &'a str,
    query: &'a str,
    fragment: &'a str,
}

fn parts(url: &str) -> Url<'_> {
    let (rest, fragment) = url.split_once('#').unwrap_or((url, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (scheme, rest) = rest.split_once("://").unwrap_or(("", rest));
    if scheme.is_empty() {
        return Url { path: rest, query, fragment, ..Url::default() };
    }
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.chars().all(|c| c.is_ascii_digit()) => (host, port),
        _ => (authority, ""),
    };
    Url { scheme, host, port, path, query, fragment }
}

/// `%41` and `+` as what they stand for. `None` if a percent sign is not followed by two digits.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' => char::from(byte).to_string(),
            b' ' => "+".to_owned(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn part(name: &str, pick: for<'a> fn(&Url<'a>) -> &'a str) -> Fun {
    Fun::new(
        name,
        1..=1,
        |_: &Args<'_>| Ok(types::result(DataType::Utf8)),
        move |input| {
            let texts = input.texts(0)?;
            input.map_texts(|row| Ok(texts.get(row).map(|url| Cow::Owned(pick(&parts(url)).to_owned()))))
        },
    )
}

pub(super) fn functions() -> Vec<Fun> {
    let text = |_: &Args<'_>| Ok(types::result(DataType::Utf8));
    let bytes = |_: &Args<'_>| Ok(types::result(DataType::Binary));
    vec![
        part("url_extract_protocol", |url| url.scheme),
        part("url_extract_host", |url| url.host),
        part("url_extract_path", |url| url.path),
        part("url_extract_query", |url| url.query),
        part("url_extract_fragment", |url| url.fragment),
        Fun::new(
            "url_extract_port",
            1..=1,
            |_| Ok(types::result(DataType::Int64)),
            |input| {
                let texts = input.texts(0)?;
                input.map_integers(|row| Ok(texts.get(row).and_then(|url| parts(url).port.parse().ok())))
            },
        ),
        Fun::new("url_extract_parameter", 2..=2, text, |input| {
            let (texts, names) = (input.texts(0)?, input.texts(1)?);
            input.map_texts(|row| {
                let Some((url, name)) = texts.get(row).zip(names.get(row)) else { return Ok(None) };
                let mut pairs = parts(url).query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
                let found = pairs.find(|(key, _)| decoded(key).as_deref() == Some(name));
                Ok(found.map(|(_, value)| Cow::Owned(decoded(value).unwrap_or_default())))
            })
        }),
        Fun::new("url_encode", 1..=1, text, |input| {
            let texts = input.texts(0)?;
            input.map_texts(|row| Ok(texts.get(row).map(|text| Cow::Owned(encoded(text)))))
        }),
        Fun::new("url_decode", 1..=1, text, |input| {
            let texts = input.texts(0)?;
            input.map_texts(|row| match texts.get(row) {
                Some(text) => match decoded(text) {
                    Some(plain) => Ok(Some(Cow::Owned(plain))),
                    None => wrong(format!(
                        "Illegal hex characters in escape (%) pattern in '{}'",
                        crate::error::shortened(text)
                    )),
                },
                None => Ok(None),
            })
        }),
        Fun::new("from_hex", 1..=1, bytes, |input| {
            to_bytes(input, "hex", |text| {
                let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
                let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
                digits.chunks(2).map(|two| u8::try_from(two[0] * 16 + two[1]).ok()).collect()
            })
        }),
        Fun::new("from_base64", 1..=1, bytes, |input| {
            use base64::Engine;
            to_bytes(input, "base64", |text| base64::engine::general_purpose::STANDARD.decode(text).ok())
        }),
    ]
}

fn to_bytes(input: &Input, code: &str, decode: impl Fn(&str) -> Option<Vec<u8>>) -> Result<ArrayRef> {
    let texts = input.texts(0)?;
    let mut builder = BinaryBuilder::new();
    for row in 0..input.rows {
        match texts.get(row) {
            None => builder.append_null(),
            Some(text) => match decode(text) {
                Some(bytes) => builder.append_value(bytes),
                None => return wrong(format!("'{}' is not valid {code}", crate::error::shortened(text))),
            },
        }
    }
    let array = builder.finish();
    debug_assert_eq!(array.len(), input.rows);
    Ok(Arc::new(array))
}
