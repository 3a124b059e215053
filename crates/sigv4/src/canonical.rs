//! The canonical request and the string to sign ("Create a signed AWS API request", IAM user guide).
//! It must never map two requests that mean different things to the same bytes.

use std::borrow::Cow;

use crate::key::{hex, nibble, sha256};
use crate::{ALGORITHM, SignedRequest, Style, TERMINATOR};

/// Builds the canonical request. `signed_headers` is the list as claimed (`host;x-amz-date`); `signature_in_query`
/// leaves `X-Amz-Signature` out of the query. A signed header that the request lacks is an error: its name.
pub(crate) fn canonical_request(
    request: &SignedRequest<'_>,
    style: Style,
    signed_headers: &str,
    signature_in_query: bool,
    payload_hash: &str,
) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(request.method.as_bytes());
    out.push(b'\n');
    match style {
        Style::S3 => push_path_once(&mut out, request.path),
        Style::Standard => push_path_twice(&mut out, request.path),
    }
    out.push(b'\n');
    push_query(&mut out, request.query, signature_in_query);
    out.push(b'\n');
    for name in signed_headers.split(';') {
        push_header(&mut out, request, name)?;
    }
    out.push(b'\n');
    out.extend_from_slice(signed_headers.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(payload_hash.as_bytes());
    Ok(out)
}

/// `AWS4-HMAC-SHA256`, the time, the scope, the hash of the canonical request: a line each.
pub(crate) fn string_to_sign(amz_date: &str, scope: &str, canonical_request: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(192);
    for line in [ALGORITHM, amz_date, scope] {
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(&hex(&sha256(canonical_request)));
    out
}

/// `20150830/us-east-1/iam/aws4_request`.
pub(crate) fn scope(date: &str, region: &str, service: &str) -> String {
    let mut out = String::with_capacity(date.len() + region.len() + service.len() + TERMINATOR.len() + 3);
    for part in [date, region, service] {
        out.push_str(part);
        out.push('/');
    }
    out.push_str(TERMINATOR);
    out
}

/// The bytes that are never escaped (RFC 3986, section 2.3).
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn push_escaped(out: &mut Vec<u8>, byte: u8) {
    const UPPER: &[u8; 16] = b"0123456789ABCDEF";
    out.extend_from_slice(&[b'%', UPPER[usize::from(byte >> 4)], UPPER[usize::from(byte & 15)]]);
}

/// The byte at the start of `text`, unescaped if it is a valid escape, and how long it was.
fn next_byte(text: &[u8]) -> (u8, usize) {
    if let [b'%', high, low, ..] = text
        && let (Some(high), Some(low)) = (nibble(*high), nibble(*low))
    {
        return (high << 4 | low, 3);
    }
    (text[0], 1)
}

/// S3's path: each byte escaped exactly once, however the client wrote it; nothing normalised. An escaped slash stays
/// escaped, as the clients that send one sign it so.
fn push_path_once(out: &mut Vec<u8>, path: &str) {
    let mut rest = path.as_bytes();
    if rest.is_empty() {
        out.push(b'/');
    }
    while !rest.is_empty() {
        let (byte, len) = next_byte(rest);
        if is_unreserved(byte) || (byte == b'/' && len == 1) {
            out.push(byte);
        } else {
            push_escaped(out, byte);
        }
        rest = &rest[len..];
    }
}

/// Everyone else's path: normalised, then what was sent is escaped once more.
fn push_path_twice(out: &mut Vec<u8>, path: &str) {
    for byte in normal_path(path).bytes() {
        if is_unreserved(byte) || byte == b'/' {
            out.push(byte);
        } else {
            push_escaped(out, byte);
        }
    }
}

/// The path by which a request must be routed: for S3 as it was sent, for every other service with empty and `.`
/// segments dropped and `..` resolved, because that is what its signature covers. Whoever routes by the path as it was
/// sent lets a stranger turn a signed `GET /b` into `GET /a/../b`.
pub fn routing_path(path: &str, style: Style) -> Cow<'_, str> {
    match style {
        Style::S3 => Cow::Borrowed(path),
        Style::Standard => normal_path(path),
    }
}

fn normal_path(path: &str) -> Cow<'_, str> {
    let mut segments = path.strip_prefix('/').unwrap_or_default().split('/').peekable();
    let mut is_normal = path.starts_with('/');
    while let (true, Some(segment)) = (is_normal, segments.next()) {
        // Only the last segment may be empty.
        is_normal = !matches!(segment, "." | "..") && (!segment.is_empty() || segments.peek().is_none());
    }
    if is_normal {
        return Cow::Borrowed(path);
    }
    let mut out = String::with_capacity(path.len() + 1);
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => out.truncate(out.rfind('/').unwrap_or(0)),
            _ => {
                out.push('/');
                out.push_str(segment);
            }
        }
    }
    if out.is_empty() || ["/", "/.", "/.."].iter().any(|end| path.ends_with(end)) {
        out.push('/');
    }
    Cow::Owned(out)
}

/// The parameters, each byte escaped exactly once (a `+` is a space), sorted by name and then by value.
fn push_query(out: &mut Vec<u8>, query: &str, without_signature: bool) {
    if query.is_empty() {
        return;
    }
    let mut escaped = Vec::with_capacity(query.len() + 32);
    let mut parameters = Vec::new(); // where each name starts, where it ends, where its value ends
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if without_signature && name == "X-Amz-Signature" {
            continue;
        }
        let start = escaped.len();
        push_parameter(&mut escaped, name);
        let middle = escaped.len();
        push_parameter(&mut escaped, value);
        parameters.push((start, middle, escaped.len()));
    }
    parameters.sort_by_key(|(start, middle, end)| (&escaped[*start..*middle], &escaped[*middle..*end]));
    for (index, (start, middle, end)) in parameters.into_iter().enumerate() {
        if index > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(&escaped[start..middle]);
        out.push(b'=');
        out.extend_from_slice(&escaped[middle..end]);
    }
}

fn push_parameter(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let (byte, len) = next_byte(rest);
        match byte {
            b'+' if len == 1 => out.extend_from_slice(b"%20"),
            _ if is_unreserved(byte) => out.push(byte),
            _ => push_escaped(out, byte),
        }
        rest = &rest[len..];
    }
}

/// Undoes the escapes of a query parameter; `None` if the result is not UTF-8.
pub(crate) fn unescape(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let (byte, len) = next_byte(rest);
        out.push(if byte == b'+' && len == 1 { b' ' } else { byte });
        rest = &rest[len..];
    }
    String::from_utf8(out).ok()
}

/// Escapes a query parameter.
pub(crate) fn escape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        if is_unreserved(byte) {
            out.push(byte);
        } else {
            push_escaped(&mut out, byte);
        }
    }
    String::from_utf8(out).expect("escaped text is ASCII")
}

/// `name:value,value` with each value trimmed and its runs of spaces made one.
fn push_header(out: &mut Vec<u8>, request: &SignedRequest<'_>, name: &str) -> Result<(), String> {
    let mut values = request.headers.get_all(name).iter().peekable();
    if values.peek().is_none() {
        return Err(name.to_owned());
    }
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push_trimmed(out, value.as_bytes().trim_ascii());
    }
    out.push(b'\n');
    Ok(())
}

fn push_trimmed(out: &mut Vec<u8>, value: &[u8]) {
    if !value.windows(2).any(|pair| pair == b"  ") {
        out.extend_from_slice(value);
        return;
    }
    let mut last = b'x';
    for byte in value {
        if *byte != b' ' || last != b' ' {
            out.push(*byte);
        }
        last = *byte;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(write: impl Fn(&mut Vec<u8>, &str), cases: &[(&str, &str)]) {
        for (input, expected) in cases {
            let mut out = Vec::new();
            write(&mut out, input);
            assert_eq!(String::from_utf8(out).unwrap(), *expected, "{input:?}");
        }
    }

    #[test]
    fn a_path_for_s3_is_escaped_once_and_kept() {
        let cases = [
            ("", "/"),
            ("/", "/"),
            ("/a//b/./../c", "/a//b/./../c"),
            ("/a b+c", "/a%20b%2Bc"),
            ("/a%20b%2bc%41", "/a%20b%2BcA"),
            ("/a%2Fb", "/a%2Fb"),
            ("/100%", "/100%25"),
            ("/100%2", "/100%252"),
            ("/100%zz", "/100%25zz"),
            ("/ሴ~_-.", "/%E1%88%B4~_-."),
        ];
        check(push_path_once, &cases);
    }

    #[test]
    fn another_path_is_normalised_and_escaped_twice() {
        let cases = [
            ("", "/"),
            ("/", "/"),
            ("a/b", "/a/b"),
            ("//", "/"),
            ("//a", "/a"),
            ("/..", "/"),
            ("/../../a", "/a"),
            ("/a/b/../c/", "/a/c/"),
            ("/a/..", "/"),
            ("/a/b/..", "/a/"),
            ("/a/.", "/a/"),
            ("/a//b/./c", "/a/b/c"),
            ("/a%20b", "/a%2520b"),
            ("/trail/arn%3Aaws", "/trail/arn%253Aaws"),
        ];
        check(push_path_twice, &cases);
    }

    #[test]
    fn a_request_is_routed_by_what_its_signature_covers() {
        assert_eq!(routing_path("/a/../b", Style::Standard), "/b");
        assert_eq!(routing_path("/a/../b", Style::S3), "/a/../b");
        assert!(matches!(routing_path("/a%2E/b/", Style::Standard), Cow::Borrowed("/a%2E/b/")));
    }

    #[test]
    fn a_query_is_escaped_once_and_sorted_by_name_then_value() {
        let cases = [
            ("", ""),
            ("a", "a="),
            ("b=2&a=1&&", "a=1&b=2"),
            ("a=2&a=1&a", "a=&a=1&a=2"),
            ("a-=1&a=2", "a=2&a-=1"),
            ("a=b=c", "a=b%3Dc"),
            ("a=b+c%2B%7e", "a=b%20c%2B~"),
            ("a/=1&a-=1", "a%2F=1&a-=1"),
        ];
        check(|out, query| push_query(out, query, false), &cases);
        check(|out, query| push_query(out, query, true), &[("X-Amz-Signature=x&b=1", "b=1")]);
    }

    #[test]
    fn a_header_is_trimmed_and_its_spaces_folded() {
        check(|out, value| push_trimmed(out, value.as_bytes()), &[("a   b  c", "a b c"), ("a b", "a b"), ("", "")]);
    }
}
