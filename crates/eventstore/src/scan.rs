//! One pass over a record's JSON text: where each column's value stands. Takes any JSON object, however odd: a member may be absent,
//! null, of another type, there twice, or unknown. Never panics on text that is no JSON; it says so, or finds less.

use base::Timestamp;
use serde_json::value::RawValue;

use crate::schema::{Kind, LEAVES, Node, OBJECTS, RECORD, RESOURCE, What};

/// What is no record: not UTF-8, not JSON, or no object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

type Result<T> = std::result::Result<T, Unreadable>;

/// A leaf's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Value {
    #[default]
    Null,
    /// Bytes of the record's text.
    Here(usize, usize),
    /// Bytes of the side buffer: a string without its escapes.
    Side(usize, usize),
    Flag(bool),
    /// Milliseconds since 1970.
    Time(i64),
}

/// What a piece of the text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Exactly what a leaf's column gives.
    Leaf(usize),
    /// Exactly what a column of the current resource gives.
    Resource(usize),
    /// No text: here begins the next item of the list of resources.
    NextResource,
    /// What no column gives.
    Rest,
    /// Nothing (no longer).
    Nothing,
}

/// A piece of the text, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) piece: Piece,
}

const NO_SPAN: usize = usize::MAX;

/// An item of the list of resources.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resource {
    /// It is an object.
    pub(crate) is_object: bool,
    pub(crate) values: [Value; RESOURCE.len()],
    spans: [usize; RESOURCE.len()],
}

/// What was found in a record. Used again for the next one.
pub(crate) struct Scan {
    pub(crate) leaves: [Value; LEAVES],
    leaf_spans: [usize; LEAVES],
    pub(crate) objects: [bool; OBJECTS],
    /// There is a list.
    pub(crate) has_resources: bool,
    pub(crate) resources: Vec<Resource>,
    /// In the order of the text, without overlaps.
    pub(crate) spans: Vec<Span>,
}

impl Default for Scan {
    fn default() -> Scan {
        Scan {
            leaves: [Value::Null; LEAVES],
            leaf_spans: [NO_SPAN; LEAVES],
            objects: [false; OBJECTS],
            has_resources: false,
            resources: Vec::new(),
            spans: Vec::new(),
        }
    }
}

/// The text of a record, if it is JSON and an object.
pub(crate) fn checked(bytes: &[u8]) -> Result<&str> {
    let text = std::str::from_utf8(bytes).map_err(|_| Unreadable)?;
    serde_json::from_str::<&RawValue>(text).map_err(|_| Unreadable)?;
    let first = text.bytes().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(b'{') { Ok(text) } else { Err(Unreadable) }
}

/// A place in a text that is JSON.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&mut self) -> u8 {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return *byte;
            }
            self.at += 1;
        }
        0
    }

    fn expect(&mut self, byte: u8) -> Result<()> {
        if self.peek() != byte {
            return Err(Unreadable);
        }
        self.at += 1;
        Ok(())
    }

    /// Takes a string: where its inside is, and whether it has escapes.
    fn string(&mut self) -> Result<(usize, usize, bool)> {
        self.expect(b'"')?;
        let from = self.at;
        let escapes = self.to_string_end()?;
        Ok((from, self.at - 1, escapes))
    }

    fn to_string_end(&mut self) -> Result<bool> {
        let bytes = self.text.as_bytes();
        let mut escapes = false;
        loop {
            let rest = bytes.get(self.at..).ok_or(Unreadable)?;
            let found = memchr::memchr2(b'"', b'\\', rest).ok_or(Unreadable)?;
            if rest[found] == b'"' {
                self.at += found + 1;
                return Ok(escapes);
            }
            escapes = true;
            self.at += found + 2;
        }
    }

    /// Goes behind the value, whatever it is, and gives its place.
    fn skip(&mut self) -> Result<(usize, usize)> {
        let bytes = self.text.as_bytes();
        let first = self.peek();
        let from = self.at;
        match first {
            b'"' => {
                self.at += 1;
                self.to_string_end()?;
            }
            b'{' | b'[' => {
                let mut depth = 0_usize;
                loop {
                    let byte = *bytes.get(self.at).ok_or(Unreadable)?;
                    self.at += 1;
                    match byte {
                        b'"' => {
                            self.to_string_end()?;
                        }
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' if depth == 1 => break,
                        b'}' | b']' => depth -= 1,
                        _ => {}
                    }
                }
            }
            _ => {
                let is_part = |b: &&u8| b.is_ascii_alphanumeric() || matches!(**b, b'-' | b'+' | b'.');
                let len = bytes[from..].iter().take_while(is_part).count();
                if len == 0 {
                    return Err(Unreadable);
                }
                self.at += len;
            }
        }
        Ok((from, self.at))
    }

    /// Takes a comma (there is more) or the closing byte.
    fn more(&mut self, close: u8) -> Result<bool> {
        let byte = self.peek();
        if byte != b',' && byte != close {
            return Err(Unreadable);
        }
        self.at += 1;
        Ok(byte == b',')
    }

    /// Takes an opening byte and says whether anything follows before the closing one, which is taken if not.
    fn opens(&mut self, open: u8, close: u8) -> Result<bool> {
        self.expect(open)?;
        if self.peek() == close {
            self.at += 1;
            return Ok(false);
        }
        Ok(true)
    }
}

/// What a string means, appended to `side`. A string whose escapes mean nothing (half a surrogate pair) is kept as it is written.
pub(crate) fn unescape(text: &str, from: usize, to: usize, side: &mut Vec<u8>) -> (usize, usize) {
    let start = side.len();
    match serde_json::from_str::<String>(&text[from - 1..=to]) {
        Ok(plain) => side.extend_from_slice(plain.as_bytes()),
        Err(_) => side.extend_from_slice(&text.as_bytes()[from..to]),
    }
    (start, side.len())
}

impl Scan {
    /// Reads a record's text. What strings with escapes mean is appended to `side`.
    pub(crate) fn read(&mut self, text: &str, side: &mut Vec<u8>) -> Result<()> {
        self.leaves = [Value::Null; LEAVES];
        self.leaf_spans = [NO_SPAN; LEAVES];
        self.objects = [false; OBJECTS];
        self.has_resources = false;
        self.resources.clear();
        self.spans.clear();
        let mut cursor = Cursor { text, at: 0 };
        self.object(&mut cursor, RECORD, side)?;
        if cursor.peek() != 0 || cursor.at != text.len() {
            return Err(Unreadable);
        }
        Ok(())
    }

    fn object(&mut self, cursor: &mut Cursor<'_>, nodes: &'static [Node], side: &mut Vec<u8>) -> Result<()> {
        if !cursor.opens(b'{', b'}')? {
            return Ok(());
        }
        // Records mostly write members in one order, so the search begins behind the last one found.
        let mut hint = 0;
        loop {
            let (from, to, escapes) = cursor.string()?;
            let name = &cursor.text.as_bytes()[from..to];
            cursor.expect(b':')?;
            let found = if escapes { find_escaped(cursor.text, from, to, nodes) } else { find(name, nodes, hint) };
            match found {
                Some(index) => {
                    hint = index + 1;
                    match &nodes[index].what {
                        What::Leaf(leaf, kind) => self.leaf(cursor, *leaf, *kind, side)?,
                        What::Object(number, below) => self.nested(cursor, *number, below, side)?,
                        What::Resources => self.resource_list(cursor, side)?,
                        What::EventJson => self.rest(cursor)?,
                    }
                }
                None => self.rest(cursor)?,
            }
            if !cursor.more(b'}')? {
                return Ok(());
            }
        }
    }

    fn nested(
        &mut self,
        cursor: &mut Cursor<'_>,
        number: usize,
        nodes: &'static [Node],
        side: &mut Vec<u8>,
    ) -> Result<()> {
        if self.objects[number] {
            self.forget(nodes);
        }
        self.objects[number] = cursor.peek() == b'{';
        if self.objects[number] { self.object(cursor, nodes, side) } else { self.rest(cursor) }
    }

    /// An object came again: of those before nothing is in a column.
    fn forget(&mut self, nodes: &'static [Node]) {
        for node in nodes {
            match &node.what {
                What::Leaf(leaf, _) => self.forget_leaf(*leaf),
                What::Object(number, below) => {
                    self.objects[*number] = false;
                    self.forget(below);
                }
                What::Resources | What::EventJson => {}
            }
        }
    }

    fn forget_leaf(&mut self, leaf: usize) {
        self.leaves[leaf] = Value::Null;
        let span = std::mem::replace(&mut self.leaf_spans[leaf], NO_SPAN);
        if let Some(span) = self.spans.get_mut(span) {
            span.piece = Piece::Rest;
        }
    }

    fn leaf(&mut self, cursor: &mut Cursor<'_>, leaf: usize, kind: Kind, side: &mut Vec<u8>) -> Result<()> {
        self.forget_leaf(leaf);
        let (value, span) = value(cursor, kind, Piece::Leaf(leaf), side)?;
        self.leaves[leaf] = value;
        if let Some(span) = span {
            if span.piece == Piece::Leaf(leaf) {
                self.leaf_spans[leaf] = self.spans.len();
            }
            self.spans.push(span);
        }
        Ok(())
    }

    fn resource_list(&mut self, cursor: &mut Cursor<'_>, side: &mut Vec<u8>) -> Result<()> {
        for span in &mut self.spans {
            match span.piece {
                Piece::Resource(_) => span.piece = Piece::Rest,
                Piece::NextResource => span.piece = Piece::Nothing,
                _ => {}
            }
        }
        self.resources.clear();
        self.has_resources = cursor.peek() == b'[';
        if !self.has_resources {
            return self.rest(cursor);
        }
        if !cursor.opens(b'[', b']')? {
            return Ok(());
        }
        loop {
            cursor.peek();
            self.spans.push(Span { from: cursor.at, to: cursor.at, piece: Piece::NextResource });
            let is_object = cursor.peek() == b'{';
            self.resources.push(Resource {
                is_object,
                values: [Value::Null; RESOURCE.len()],
                spans: [NO_SPAN; RESOURCE.len()],
            });
            if is_object {
                self.resource(cursor, side)?
            } else {
                self.rest(cursor)?
            }
            if !cursor.more(b']')? {
                return Ok(());
            }
        }
    }

    fn resource(&mut self, cursor: &mut Cursor<'_>, side: &mut Vec<u8>) -> Result<()> {
        if !cursor.opens(b'{', b'}')? {
            return Ok(());
        }
        loop {
            let (from, to, _) = cursor.string()?;
            cursor.expect(b':')?;
            let name = &cursor.text[from..to];
            match RESOURCE.iter().position(|(member, _)| *member == name) {
                None => self.rest(cursor)?,
                Some(column) => {
                    let (value, span) = value(cursor, Kind::Text, Piece::Resource(column), side)?;
                    let resource = self.resources.last_mut().ok_or(Unreadable)?;
                    if let Some(earlier) = self.spans.get_mut(resource.spans[column]) {
                        earlier.piece = Piece::Rest;
                    }
                    resource.values[column] = value;
                    let kept = span.is_some_and(|span| span.piece == Piece::Resource(column));
                    resource.spans[column] = if kept { self.spans.len() } else { NO_SPAN };
                    self.spans.extend(span);
                }
            }
            if !cursor.more(b'}')? {
                return Ok(());
            }
        }
    }

    /// A value that no column has.
    fn rest(&mut self, cursor: &mut Cursor<'_>) -> Result<()> {
        let (from, to) = cursor.skip()?;
        // What is always the same stays in the skeleton.
        if !matches!(&cursor.text[from..to], "null" | "true" | "false" | "{}" | "[]" | "\"\"") {
            self.spans.push(Span { from, to, piece: Piece::Rest });
        }
        Ok(())
    }
}

fn find(name: &[u8], nodes: &'static [Node], hint: usize) -> Option<usize> {
    if name.is_empty() {
        return None;
    }
    let from_hint = nodes.get(hint..).unwrap_or(&[]).iter().position(|node| node.member.as_bytes() == name);
    from_hint.map(|at| at + hint).or_else(|| nodes.iter().position(|node| node.member.as_bytes() == name))
}

fn find_escaped(text: &str, from: usize, to: usize, nodes: &'static [Node]) -> Option<usize> {
    let mut name = Vec::new();
    unescape(text, from, to, &mut name);
    find(&name, nodes, 0)
}

/// Reads a value for a column, and says which piece of the text it is; `piece` if the column gives exactly that text.
fn value(cursor: &mut Cursor<'_>, kind: Kind, piece: Piece, side: &mut Vec<u8>) -> Result<(Value, Option<Span>)> {
    let text = cursor.text;
    if cursor.peek() == b'"' && kind != Kind::Json {
        let (from, to, escapes) = cursor.string()?;
        let inner = &text[from..to];
        let (value, exact) = match kind {
            Kind::Time => time(inner),
            Kind::Flag => flag(inner),
            Kind::Text | Kind::Json if !escapes => (Value::Here(from, to), true),
            Kind::Text | Kind::Json => {
                let (from, to) = unescape(text, from, to, side);
                (Value::Side(from, to), false)
            }
        };
        let piece = if exact { piece } else { Piece::Rest };
        return Ok((value, Some(Span { from, to, piece }).filter(|span| span.from < span.to)));
    }
    let (from, to) = cursor.skip()?;
    let raw = &text[from..to];
    if raw == "null" {
        return Ok((Value::Null, None));
    }
    let (value, exact) = match kind {
        Kind::Text | Kind::Json => (Value::Here(from, to), true),
        Kind::Flag => flag(raw),
        Kind::Time => (Value::Null, false),
    };
    let piece = if exact { piece } else { Piece::Rest };
    Ok((value, Some(Span { from, to, piece })))
}

/// A boolean in either case; exact if it is as it would be written.
fn flag(text: &str) -> (Value, bool) {
    match text {
        "true" => (Value::Flag(true), true),
        "false" => (Value::Flag(false), true),
        _ if text.eq_ignore_ascii_case("true") => (Value::Flag(true), false),
        _ if text.eq_ignore_ascii_case("false") => (Value::Flag(false), false),
        _ => (Value::Null, false),
    }
}

/// A time; exact if it is as [`write_time`] writes it.
fn time(text: &str) -> (Value, bool) {
    if let Some(ms) = plain_time(text.as_bytes()) {
        return (Value::Time(ms), true);
    }
    Timestamp::parse_iso8601(text).map_or((Value::Null, false), |time| (Value::Time(time.ms()), false))
}

/// Reads `2023-07-10T12:00:24Z` and nothing else, fast.
fn plain_time(text: &[u8]) -> Option<i64> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2, b'Z'] = text else {
        return None;
    };
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    let two = |a: &u8, b: &u8| Some(digit(a)? * 10 + digit(b)?);
    let (year, month, day) = (two(y1, y2)? * 100 + two(y3, y4)?, two(m1, m2)?, two(d1, d2)?);
    let (hour, minute, second) = (two(h1, h2)?, two(n1, n2)?, two(s1, s2)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let valid = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in_month).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    // Days since 1970, counting years from March: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    let shifted = if month > 2 { year } else { year - 1 };
    let era = shifted / 400;
    let of_era = shifted - era * 400;
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    valid.then_some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000)
}

/// Writes a time as records write it.
pub(crate) fn write_time(ms: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(Timestamp::from_ms(ms).iso8601_secs().as_bytes());
}

/// Hands every string, number and boolean inside a JSON text to `each`, strings without their escapes. Names of members are no values.
pub(crate) fn scalars(text: &str, mut each: impl FnMut(&str)) {
    let bytes = text.as_bytes();
    let mut cursor = Cursor { text, at: 0 };
    let mut plain = Vec::new();
    while let Some(byte) = bytes.get(cursor.at) {
        match byte {
            b'"' => {
                let Ok((from, to, escapes)) = cursor.string() else { return };
                if cursor.peek() == b':' {
                    continue;
                }
                if escapes {
                    plain.clear();
                    unescape(text, from, to, &mut plain);
                    each(std::str::from_utf8(&plain).unwrap_or(""));
                } else {
                    each(&text[from..to]);
                }
            }
            b'-' | b'0'..=b'9' | b't' | b'f' => {
                let Ok((from, to)) = cursor.skip() else { return };
                each(&text[from..to]);
            }
            b'n' => cursor.at += 4,
            _ => cursor.at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::leaf;

    #[test]
    fn times_read_and_write_alike() {
        for ms in [0, 951_782_400_000, 1_688_990_424_000, 4_102_444_799_000, 253_402_300_799_000] {
            let mut text = Vec::new();
            write_time(ms, &mut text);
            assert_eq!(plain_time(&text), Some(ms), "{}", String::from_utf8_lossy(&text));
            let parsed = Timestamp::parse_iso8601(std::str::from_utf8(&text).unwrap()).unwrap();
            assert_eq!(parsed.ms(), ms);
        }
        for bad in ["2023-02-29T00:00:00Z", "2023-13-01T00:00:00Z", "2023-07-10T24:00:00Z", "2023-07-10t12:00:24Z", ""]
        {
            assert_eq!(plain_time(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn the_last_of_repeated_members_counts() {
        let text = r#"{"eventID":"a","userIdentity":{"arn":"x","type":"t"},"eventID":"b","userIdentity":{"type":"u"}}"#;
        let mut scan = Scan::default();
        scan.read(text, &mut Vec::new()).unwrap();
        let here = |leaf: usize| match scan.leaves[leaf] {
            Value::Here(from, to) => &text[from..to],
            _ => "-",
        };
        assert_eq!((here(leaf::EVENT_ID), here(leaf::ARN), here(leaf::IDENTITY_TYPE)), ("b", "-", "u"));
        assert_eq!(scan.spans.iter().filter(|span| span.piece == Piece::Rest).count(), 3);
    }

    #[test]
    fn what_stands_inside_are_values_and_not_names() {
        let mut found = Vec::new();
        let text = r#"{"a" : "b", "c":["d",{"e":"f\"g"}],"h":1,"":"","i":[-2.5e1 ,true,null,"x"]}"#;
        scalars(text, |text| found.push(text.to_owned()));
        assert_eq!(found, ["b", "d", "f\"g", "1", "", "-2.5e1", "true", "x"]);
        scalars("\"cut", |_| panic!("there is no string"));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for bad in [&b"[]"[..], b"7", b"", b"{", b"{\"a\":}", b"{} {}", b"\xff", b"null"] {
            assert!(checked(bad).is_err(), "{bad:?}");
        }
        assert!(checked(b" {\"a\":1}\n").is_ok());
    }
}
