//! An event as fields: words between spaces, where `[…]` and `"…"` are one field each.

/// The fields of an event, in order.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    text: &'a str,
    /// Where each starts, and what it is. Brackets and quotation marks do not belong to it.
    fields: Vec<(usize, &'a str)>,
}

impl<'a> Fields<'a> {
    pub fn split(text: &'a str) -> Fields<'a> {
        let bytes = text.as_bytes();
        let mut fields = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            if bytes[at].is_ascii_whitespace() {
                at += 1;
                continue;
            }
            let end = enclosed(bytes, at);
            let (field, next) = match end {
                Some(end) => (&text[at + 1..end], end + 1),
                None => {
                    let length = bytes[at..].iter().position(u8::is_ascii_whitespace).unwrap_or(bytes.len() - at);
                    (&text[at..at + length], at + length)
                }
            };
            fields.push((at, field));
            at = next;
        }
        Fields { text, fields }
    }

    pub fn len(&self) -> usize {
        self.fields.len()
    }

    pub fn get(&self, index: usize) -> Option<&'a str> {
        self.fields.get(index).map(|(_, field)| *field)
    }

    /// A field and all that follows it.
    pub fn rest(&self, index: usize) -> Option<&'a str> {
        self.fields.get(index).map(|(start, _)| self.text[*start..].trim_ascii_end())
    }
}

/// Where the other half of a bracket or quotation mark stands, if it ends the word. Without it, the first is an ordinary character.
fn enclosed(bytes: &[u8], at: usize) -> Option<usize> {
    let closing = match bytes[at] {
        b'[' => b']',
        b'"' => b'"',
        _ => return None,
    };
    let mut end = at + 1;
    loop {
        match *bytes.get(end)? {
            b'\\' => end += 2,
            byte if byte == closing => break,
            _ => end += 1,
        }
    }
    bytes.get(end + 1).is_none_or(u8::is_ascii_whitespace).then_some(end)
}
