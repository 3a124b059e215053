//! A scanner over JSON text that is known to be JSON (a log file's records are checked when it is split): it finds members and
//! jumps over what nobody asked for, many times faster than a parser that checks every byte.
//!
//! On text that is not JSON it says so or reads something else; it never panics and never reads past the end.

use std::borrow::Cow;

/// The text is not JSON, seen at this byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) usize);

type Result<T> = std::result::Result<T, Malformed>;

/// What can be read leniently: a value of a type that does not fit is as if it were absent.
pub(crate) trait Read<'a>: Default {
    /// Reads the value that begins at the scanner's place, and leaves the scanner behind it.
    fn read(scanner: &mut Scanner<'a>) -> Result<Self>;
}

/// A place in a text.
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Scanner<'a> {
        Scanner { text, at: 0 }
    }

    /// The next byte that is not white space, without taking it; 0 at the end.
    pub(crate) fn peek(&mut self) -> u8 {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return *byte;
            }
            self.at += 1;
        }
        0
    }

    /// Takes a byte that must come next.
    fn expect(&mut self, byte: u8) -> Result<()> {
        if self.peek() != byte {
            return Err(Malformed(self.at));
        }
        self.at += 1;
        Ok(())
    }

    /// Nothing but white space may be left.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.peek();
        if self.at == self.text.len() { Ok(()) } else { Err(Malformed(self.at)) }
    }

    /// Hands each member's name to `each`, which must read or skip the value. Anything but an object is skipped.
    pub(crate) fn object(&mut self, mut each: impl FnMut(&mut Self, &str) -> Result<()>) -> Result<()> {
        if self.peek() != b'{' {
            return self.skip();
        }
        self.at += 1;
        if self.peek() == b'}' {
            self.at += 1;
            return Ok(());
        }
        loop {
            let name = self.string()?;
            self.expect(b':')?;
            each(self, &name)?;
            if self.more(b'}')? {
                continue;
            }
            return Ok(());
        }
    }

    /// Takes a comma (there is more) or the closing byte (there is not).
    fn more(&mut self, close: u8) -> Result<bool> {
        let byte = self.peek();
        if byte != b',' && byte != close {
            return Err(Malformed(self.at));
        }
        self.at += 1;
        Ok(byte == b',')
    }

    /// Takes a string: borrowed unless it has escapes.
    fn string(&mut self) -> Result<Cow<'a, str>> {
        let start = self.at_string()?;
        let has_escapes = self.skip_to_string_end()?;
        let inner = self.text.get(start..self.at - 1).ok_or(Malformed(start))?;
        if !has_escapes {
            return Ok(Cow::Borrowed(inner));
        }
        // What has escapes that mean nothing (half a surrogate pair) is kept as it is written: it is still evidence.
        let whole = &self.text[start - 1..self.at];
        Ok(serde_json::from_str(whole).map_or(Cow::Borrowed(inner), Cow::Owned))
    }

    /// Takes the opening quote and gives the place behind it.
    fn at_string(&mut self) -> Result<usize> {
        self.expect(b'"')?;
        Ok(self.at)
    }

    /// Goes behind the closing quote, and says whether there were escapes on the way.
    fn skip_to_string_end(&mut self) -> Result<bool> {
        let bytes = self.text.as_bytes();
        let mut has_escapes = false;
        loop {
            let rest = bytes.get(self.at..).ok_or(Malformed(self.text.len()))?;
            let found = memchr::memchr2(b'"', b'\\', rest).ok_or(Malformed(self.text.len()))?;
            if rest[found] == b'"' {
                self.at += found + 1;
                return Ok(has_escapes);
            }
            has_escapes = true;
            self.at += found + 2;
        }
    }

    /// Goes behind the value, whatever it is. Deep nesting costs no stack.
    pub(crate) fn skip(&mut self) -> Result<()> {
        let bytes = self.text.as_bytes();
        match self.peek() {
            b'"' => {
                self.at += 1;
                self.skip_to_string_end()?;
            }
            b'{' | b'[' => {
                let mut depth = 0_usize;
                loop {
                    let byte = *bytes.get(self.at).ok_or(Malformed(self.at))?;
                    self.at += 1;
                    match byte {
                        b'"' => {
                            self.skip_to_string_end()?;
                        }
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' if depth == 1 => break,
                        b'}' | b']' => depth -= 1,
                        _ => {}
                    }
                }
            }
            _ => {
                self.scalar()?;
            }
        }
        Ok(())
    }

    /// Takes a number, `true`, `false` or `null`.
    fn scalar(&mut self) -> Result<&'a str> {
        let rest = &self.text[self.at..];
        let is_part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.');
        let len = rest.bytes().take_while(|b| is_part(*b)).count();
        if len == 0 {
            return Err(Malformed(self.at));
        }
        self.at += len;
        Ok(&rest[..len])
    }
}

/// A string; a number or boolean is taken as its text.
impl<'a> Read<'a> for Option<Cow<'a, str>> {
    fn read(scanner: &mut Scanner<'a>) -> Result<Self> {
        match scanner.peek() {
            b'"' => scanner.string().map(Some),
            b'{' | b'[' => scanner.skip().map(|()| None),
            _ => scanner.scalar().map(|text| (text != "null").then_some(Cow::Borrowed(text))),
        }
    }
}

/// A boolean, or the string "true" or "false" in either case.
impl<'a> Read<'a> for Option<bool> {
    fn read(scanner: &mut Scanner<'a>) -> Result<Self> {
        let text = Option::<Cow<'a, str>>::read(scanner)?;
        let known = [("true", true), ("false", false)];
        let same = |word: &str| text.as_deref().is_some_and(|text| text.eq_ignore_ascii_case(word));
        Ok(known.into_iter().find(|(word, _)| same(word)).map(|(_, value)| value))
    }
}

/// The JSON text of any value but `null`.
impl<'a> Read<'a> for Option<&'a str> {
    fn read(scanner: &mut Scanner<'a>) -> Result<Self> {
        scanner.peek();
        let start = scanner.at;
        scanner.skip()?;
        Ok(Some(&scanner.text[start..scanner.at]).filter(|text| *text != "null"))
    }
}

/// A list of whatever `T` reads; anything else is an empty list.
impl<'a, T: Read<'a>> Read<'a> for Vec<T> {
    fn read(scanner: &mut Scanner<'a>) -> Result<Self> {
        let mut list = Vec::new();
        if scanner.peek() != b'[' {
            scanner.skip()?;
            return Ok(list);
        }
        scanner.at += 1;
        if scanner.peek() == b']' {
            scanner.at += 1;
            return Ok(list);
        }
        loop {
            list.push(T::read(scanner)?);
            if !scanner.more(b']')? {
                return Ok(list);
            }
        }
    }
}

/// A struct of members that are read leniently: unknown ones are skipped, of repeated ones the last counts.
macro_rules! object {
    (
        $(#[$doc:meta])*
        pub struct $name:ident<'a> { $( $(#[$field_doc:meta])* $field:ident : $type:ty = $key:literal, )+ }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub struct $name<'a> { $( $(#[$field_doc])* pub $field: $type, )+ }

        impl<'a> $crate::scan::Read<'a> for $name<'a> {
            fn read(scanner: &mut $crate::scan::Scanner<'a>) -> Result<Self, $crate::scan::Malformed> {
                let mut object = $name::default();
                scanner.object(|scanner, name| {
                    match name {
                        $( $key => object.$field = $crate::scan::Read::read(scanner)?, )+
                        _ => scanner.skip()?,
                    }
                    Ok(())
                })?;
                Ok(object)
            }
        }
    };
}
pub(crate) use object;
