//! An event that is JSON, read once: a flat list of values that points into the event's text.
//!
//! Nothing is copied. A string with escapes is decoded when somebody asks for it.

use std::borrow::Cow;

/// How deep objects and arrays may nest. Deeper, an event is not taken for JSON.
const DEPTH_MAX: usize = 128;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    True,
    False,
    Number,
    String,
    Object,
    Array,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    kind: Kind,
    key_escaped: bool,
    escaped: bool,
    /// The member's name, if the value is a member.
    key: (u32, u32),
    /// The text: of a string without its quotes.
    span: (u32, u32),
    /// Where the next value on this level is; its children come before it.
    next: u32,
}

/// A value as conditions see it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    String(Cow<'a, str>),
    Container,
}

/// Which value of a document.
pub(crate) type Place = u32;

#[derive(Debug)]
pub(crate) struct Document<'a> {
    text: &'a str,
    nodes: Vec<Node>,
}

impl<'a> Document<'a> {
    /// Reads an event; `None` if it is not one object of JSON, from its first character to its last.
    pub fn parse(text: &'a str) -> Option<Document<'a>> {
        if !text.trim_start().starts_with('{') || u32::try_from(text.len()).is_err() {
            return None;
        }
        let mut reader = Reader { bytes: text.as_bytes(), at: 0, nodes: Vec::with_capacity(text.len() / 24 + 4) };
        reader.value((0, 0), false, 0)?;
        reader.space();
        (reader.at == text.len()).then_some(Document { text, nodes: reader.nodes })
    }

    pub const ROOT: Place = 0;

    pub fn kind(&self, place: Place) -> Kind {
        self.nodes[place as usize].kind
    }

    pub fn value(&self, place: Place) -> Value<'a> {
        let node = &self.nodes[place as usize];
        match node.kind {
            Kind::Null => Value::Null,
            Kind::True => Value::Bool(true),
            Kind::False => Value::Bool(false),
            Kind::Number => Value::Number(self.slice(node.span)),
            Kind::String => Value::String(self.decoded(node.span, node.escaped)),
            Kind::Object | Kind::Array => Value::Container,
        }
    }

    /// The values directly in an object or array. Empty for others.
    pub fn children(&self, place: Place) -> Children<'_> {
        let node = &self.nodes[place as usize];
        let holds = matches!(node.kind, Kind::Object | Kind::Array);
        Children { nodes: &self.nodes, at: if holds { place + 1 } else { node.next }, end: node.next }
    }

    /// The name of a member.
    pub fn key(&self, place: Place) -> Cow<'a, str> {
        let node = &self.nodes[place as usize];
        self.decoded(node.key, node.key_escaped)
    }

    /// The member of that name; of several the last, as JSON readers have it.
    pub fn member(&self, place: Place, name: &str) -> Option<Place> {
        if self.kind(place) != Kind::Object {
            return None;
        }
        self.children(place).filter(|child| self.is_called(*child, name)).last()
    }

    pub fn element(&self, place: Place, index: usize) -> Option<Place> {
        if self.kind(place) != Kind::Array {
            return None;
        }
        self.children(place).nth(index)
    }

    fn is_called(&self, place: Place, name: &str) -> bool {
        let node = &self.nodes[place as usize];
        if node.key_escaped { self.decoded(node.key, true) == name } else { self.slice(node.key) == name }
    }

    fn slice(&self, span: (u32, u32)) -> &'a str {
        &self.text[span.0 as usize..span.1 as usize]
    }

    fn decoded(&self, span: (u32, u32), escaped: bool) -> Cow<'a, str> {
        let text = self.slice(span);
        if escaped { Cow::Owned(unescape(text)) } else { Cow::Borrowed(text) }
    }
}

pub(crate) struct Children<'d> {
    nodes: &'d [Node],
    at: Place,
    end: Place,
}

impl Iterator for Children<'_> {
    type Item = Place;

    fn next(&mut self) -> Option<Place> {
        if self.at >= self.end {
            return None;
        }
        let here = self.at;
        self.at = self.nodes[here as usize].next;
        Some(here)
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
}

impl Reader<'_> {
    fn space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.bytes.get(self.at) == Some(&byte)).then(|| self.at += 1)
    }

    fn value(&mut self, key: (u32, u32), key_escaped: bool, depth: usize) -> Option<()> {
        self.space();
        let here = self.nodes.len();
        let start = self.at;
        self.nodes.push(Node { kind: Kind::Null, key_escaped, escaped: false, key, span: (0, 0), next: 0 });
        let (kind, span, escaped) = match *self.bytes.get(self.at)? {
            b'"' => {
                let (span, escaped) = self.string()?;
                (Kind::String, span, escaped)
            }
            b'{' if depth < DEPTH_MAX => {
                self.object(depth)?;
                (Kind::Object, self.since(start), false)
            }
            b'[' if depth < DEPTH_MAX => {
                self.array(depth)?;
                (Kind::Array, self.since(start), false)
            }
            b't' => (Kind::True, self.word(b"true")?, false),
            b'f' => (Kind::False, self.word(b"false")?, false),
            b'n' => (Kind::Null, self.word(b"null")?, false),
            b'-' | b'0'..=b'9' => {
                self.number()?;
                (Kind::Number, self.since(start), false)
            }
            _ => return None,
        };
        let next = u32::try_from(self.nodes.len()).ok()?;
        let node = &mut self.nodes[here];
        (node.kind, node.span, node.escaped, node.next) = (kind, span, escaped, next);
        Some(())
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.at += 1;
        self.space();
        if self.eat(b'}').is_some() {
            return Some(());
        }
        loop {
            self.space();
            if self.bytes.get(self.at) != Some(&b'"') {
                return None;
            }
            let (key, escaped) = self.string()?;
            self.space();
            self.eat(b':')?;
            self.value(key, escaped, depth + 1)?;
            self.space();
            if self.eat(b'}').is_some() {
                return Some(());
            }
            self.eat(b',')?;
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.at += 1;
        self.space();
        if self.eat(b']').is_some() {
            return Some(());
        }
        loop {
            self.value((0, 0), false, depth + 1)?;
            self.space();
            if self.eat(b']').is_some() {
                return Some(());
            }
            self.eat(b',')?;
        }
    }

    /// A string's span without its quotes, and whether it has escapes.
    fn string(&mut self) -> Option<((u32, u32), bool)> {
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
            // Most strings are plain from one end to the other.
            let plain = self.bytes[self.at..].iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
            self.at += plain;
            match self.bytes[self.at] {
                b'"' => {
                    let span = self.since(start);
                    self.at += 1;
                    return Some((span, escaped));
                }
                b'\\' => {
                    escaped = true;
                    self.at += match *self.bytes.get(self.at + 1)? {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
                        b'u' if self.bytes.get(self.at + 2..self.at + 6)?.iter().all(u8::is_ascii_hexdigit) => 6,
                        _ => return None,
                    };
                }
                _ => return None,
            }
        }
    }

    fn number(&mut self) -> Option<()> {
        let _ = self.eat(b'-');
        if self.eat(b'0').is_none() {
            self.digits()?;
        }
        if self.eat(b'.').is_some() {
            self.digits()?;
        }
        if self.eat(b'e').or_else(|| self.eat(b'E')).is_some() {
            let _ = self.eat(b'+').or_else(|| self.eat(b'-'));
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<(u32, u32)> {
        let start = self.at;
        if !self.bytes[start..].starts_with(word) {
            return None;
        }
        self.at += word.len();
        Some(self.since(start))
    }

    fn since(&self, start: usize) -> (u32, u32) {
        // The length was checked to fit before reading began.
        (start as u32, self.at as u32)
    }
}

/// The text of a string that was read and found to be well formed. A surrogate without its other half becomes U+FFFD.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(sign) = rest.chars().next() else { break };
        rest = &rest[sign.len_utf8()..];
        match sign {
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'u' => {
                let unit = hex(&mut rest);
                let low = rest.strip_prefix("\\u").filter(|_| (0xd800..0xdc00).contains(&unit));
                let low = low.and_then(|after| {
                    let mut after = after;
                    let low = hex(&mut after);
                    (0xdc00..0xe000).contains(&low).then_some((low, after))
                });
                let point = match low {
                    Some((low, after)) => {
                        rest = after;
                        0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)
                    }
                    None => unit,
                };
                out.push(char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            other => out.push(other),
        }
    }
    out.push_str(rest);
    out
}

fn hex(rest: &mut &str) -> u32 {
    let (digits, after) = rest.split_at_checked(4).unwrap_or((rest, ""));
    *rest = after;
    u32::from_str_radix(digits, 16).unwrap_or(0xfffd)
}
