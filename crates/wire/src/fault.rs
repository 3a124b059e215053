//! What goes wrong on the way between bytes and values, before it is dressed in a protocol's own error code. Must never carry
//! more of the client's text than a line of a log can hold.

use std::fmt::{self, Display};

/// Longest piece of the client's text that an error repeats, in characters.
const QUOTE_CHARS_MAX: usize = 64;

/// A value that cannot be read or written, and where it sits.
#[derive(Debug)]
pub(crate) struct Fault {
    path: String,
    what: String,
}

pub(crate) type Outcome<T> = Result<T, Box<Fault>>;

impl Fault {
    /// A fault with this text, at the place that the callers add.
    pub(crate) fn new(what: impl Display) -> Box<Fault> {
        Box::new(Fault { path: String::new(), what: what.to_string() })
    }

    /// `expected a boolean, found "maybe"`.
    pub(crate) fn expected(expected: impl Display, found: &str) -> Box<Fault> {
        Fault::new(format_args!("expected {expected}, found \"{}\"", quote(found)))
    }

    /// The same, one level further out: in this member or under this key.
    pub(crate) fn in_member(mut self: Box<Fault>, name: &str) -> Box<Fault> {
        let name = quote(name);
        self.path = match self.path.as_bytes().first() {
            None => name,
            Some(b'[') => name + &self.path,
            Some(_) => name + "." + &self.path,
        };
        self
    }

    /// The same, one level further out: in this item (counted from 0).
    pub(crate) fn in_item(mut self: Box<Fault>, at: usize) -> Box<Fault> {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("[{at}]{dot}{}", self.path);
        self
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.what)
    }
}

/// The beginning of a text, without control characters.
pub(crate) fn quote(text: &str) -> String {
    let mut chars = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c });
    let mut quoted: String = chars.by_ref().take(QUOTE_CHARS_MAX).collect();
    if chars.next().is_some() {
        quoted.push('…');
    }
    quoted
}

/// An answer that does not fit its model: a mistake of ours, never of the client.
#[derive(Debug)]
pub struct EncodeError {
    /// Member path and reason, for the log.
    pub message: String,
}

impl Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EncodeError {}

impl From<Box<Fault>> for EncodeError {
    fn from(fault: Box<Fault>) -> EncodeError {
        EncodeError { message: fault.to_string() }
    }
}

/// A request that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    /// The protocol's own error code.
    pub code: &'static str,
    /// The HTTP status to answer with.
    pub status: u16,
    /// What the client reads: the member path and what was expected; S3's fixed sentence for XML bodies.
    pub message: String,
    /// What we log: always the member path and what was expected.
    pub detail: String,
}

impl Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl std::error::Error for DecodeError {}
