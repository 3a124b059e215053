//! JSON written straight into a byte buffer: the one escaper, and members of objects in the order they are asked for.

use base::Timestamp;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// For each byte, how it is written inside a JSON string: 0 as it is, `u` as `\u00xx`, else a backslash and this letter.
const ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = b'u';
        byte += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0a] = b'n';
    table[0x0c] = b'f';
    table[0x0d] = b'r';
    table[0x22] = b'"';
    table[0x5c] = b'\\';
    table
};

/// Appends `text` as a JSON string, quotes included. Only what JSON demands is escaped (RFC 8259, section 7).
pub fn write_str(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut done = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let escape = ESCAPES[usize::from(*byte)];
        if escape == 0 {
            continue;
        }
        out.extend_from_slice(&bytes[done..at]);
        done = at + 1;
        if escape == b'u' {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
        } else {
            out.extend_from_slice(&[b'\\', escape]);
        }
    }
    out.extend_from_slice(&bytes[done..]);
    out.push(b'"');
}

/// An object being written. The closing brace is written by [`ObjectWriter::end`], which every writer must call.
#[derive(Debug)]
pub struct ObjectWriter<'o> {
    out: &'o mut Vec<u8>,
    any: bool,
}

impl<'o> ObjectWriter<'o> {
    /// Opens an object at the end of `out`.
    pub fn begin(out: &'o mut Vec<u8>) -> ObjectWriter<'o> {
        out.push(b'{');
        ObjectWriter { out, any: false }
    }

    /// Writes a member's name (which needs no escaping) and hands out the buffer for its value.
    pub fn name(&mut self, name: &'static str) -> &mut Vec<u8> {
        if self.any {
            self.out.push(b',');
        }
        self.any = true;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// A string member.
    pub fn text(&mut self, name: &'static str, value: &str) {
        write_str(self.name(name), value);
    }

    /// A string member, or nothing.
    pub fn text_if(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// A boolean member.
    pub fn flag(&mut self, name: &'static str, value: bool) {
        self.name(name).extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// A member whose value is JSON text already. The text must be one valid JSON value: it is copied as it is.
    pub fn raw(&mut self, name: &'static str, value: &str) {
        debug_assert!(
            serde_json::from_str::<&serde_json::value::RawValue>(value).is_ok(),
            "{name} is not JSON: {value}"
        );
        self.name(name).extend_from_slice(value.as_bytes());
    }

    /// A time, to the second (`2015-08-17T14:01:31Z`).
    pub fn time(&mut self, name: &'static str, value: Timestamp) {
        self.text(name, &value.iso8601_secs());
    }

    /// Closes the object.
    pub fn end(self) {
        self.out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        write_str(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_what_json_demands_is_escaped() {
        assert_eq!(written("a/b é 🪨 \u{7f}"), "\"a/b é 🪨 \u{7f}\"");
        assert_eq!(written("\"\\\n\r\t\u{8}\u{c}\u{1}\u{1f}"), r#""\"\\\n\r\t\b\f\u0001\u001f""#);
    }

    #[test]
    fn members_are_separated() {
        let mut out = Vec::new();
        let mut object = ObjectWriter::begin(&mut out);
        object.text("a", "1");
        object.text_if("b", None);
        object.raw("c", "[null]");
        object.flag("d", true);
        object.end();
        assert_eq!(String::from_utf8(out).unwrap(), r#"{"a":"1","c":[null],"d":true}"#);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]
        #[test]
        fn any_text_reads_back(text in any::<String>()) {
            prop_assert_eq!(serde_json::from_str::<String>(&written(&text)).unwrap(), text);
        }
    }
}
