//! Avro object container files: only what manifests are made of, and only writing. Blocks are not compressed: they are small.

use serde_json::Value;

/// Ends the header and each block. Any 16 bytes will do that are the same throughout a file.
const SYNC: [u8; 16] = *b"\x9e\x37\x79\xb9\x7f\x4a\x7c\x15\xbf\x58\x47\x6d\x1c\xe4\xe5\xb9";

/// Encodes one value after the other.
#[derive(Default)]
pub(crate) struct Encoder(Vec<u8>);

impl Encoder {
    /// `int` and `long`: zigzag, seven bits a byte.
    pub(crate) fn long(&mut self, value: i64) -> &mut Encoder {
        let mut left = u64::from_ne_bytes(((value << 1) ^ (value >> 63)).to_ne_bytes());
        while left >= 0x80 {
            self.0.push(u8::try_from(left & 0x7f).unwrap_or(0) | 0x80);
            left >>= 7;
        }
        self.0.push(u8::try_from(left).unwrap_or(0));
        self
    }

    /// A count, which is a `long`.
    pub(crate) fn count(&mut self, value: usize) -> &mut Encoder {
        self.long(i64::try_from(value).unwrap_or(i64::MAX))
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) -> &mut Encoder {
        self.count(value.len());
        self.0.extend_from_slice(value);
        self
    }

    pub(crate) fn text(&mut self, value: &str) -> &mut Encoder {
        self.bytes(value.as_bytes())
    }

    /// The branch `null` of a union whose first it is.
    pub(crate) fn null(&mut self) -> &mut Encoder {
        self.long(0)
    }

    /// The second branch of such a union; its value follows.
    pub(crate) fn some(&mut self) -> &mut Encoder {
        self.long(1)
    }

    /// An array in one block.
    pub(crate) fn array<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Encoder, &T)) -> &mut Encoder {
        if !items.is_empty() {
            self.count(items.len());
            items.iter().for_each(|item| each(self, item));
        }
        self.long(0)
    }
}

/// A container file of these rows, each encoded by `each`, with what readers want to know of it besides its schema.
pub(crate) fn container<T>(
    schema: &Value,
    facts: &[(&str, String)],
    rows: &[T],
    mut each: impl FnMut(&mut Encoder, &T),
) -> Vec<u8> {
    let mut file = Encoder(b"Obj\x01".to_vec());
    file.count(facts.len() + 2);
    file.text("avro.schema").text(&schema.to_string()).text("avro.codec").text("null");
    for (name, value) in facts {
        file.text(name).text(value);
    }
    file.long(0);
    file.0.extend_from_slice(&SYNC);
    if !rows.is_empty() {
        let mut block = Encoder::default();
        for row in rows {
            each(&mut block, row);
        }
        file.count(rows.len()).bytes(&block.0);
        file.0.extend_from_slice(&SYNC);
    }
    file.0
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[track_caller]
    fn long(value: i64, expected: &[u8]) {
        let mut encoder = Encoder::default();
        encoder.long(value);
        assert_eq!(encoder.0, expected, "{value}");
    }

    /// The examples of the specification, and the ends.
    #[test]
    fn numbers() {
        long(0, &[0]);
        long(-1, &[1]);
        long(1, &[2]);
        long(-64, &[0x7f]);
        long(64, &[0x80, 1]);
        long(i64::MAX, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
        long(i64::MIN, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
    }

    /// Reads values in a schema's order.
    pub(crate) struct Decoder<'a>(pub(crate) &'a [u8]);

    impl<'a> Decoder<'a> {
        pub(crate) fn long(&mut self) -> i64 {
            let (mut value, mut shift) = (0_u64, 0);
            loop {
                let byte = self.0[0];
                self.0 = &self.0[1..];
                value |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            let half = i64::from_ne_bytes((value >> 1).to_ne_bytes());
            if value & 1 == 1 { !half } else { half }
        }

        pub(crate) fn take(&mut self, len: usize) -> &'a [u8] {
            let (taken, rest) = self.0.split_at(len);
            self.0 = rest;
            taken
        }

        pub(crate) fn text(&mut self) -> &'a str {
            let len = usize::try_from(self.long()).unwrap();
            std::str::from_utf8(self.take(len)).unwrap()
        }

        /// Any value, as JSON, by its schema: what a reader without code of its own for manifests does.
        pub(crate) fn value(&mut self, schema: &Value) -> Value {
            let name = schema.as_str().or_else(|| schema["type"].as_str()).unwrap_or("union");
            match name {
                "union" if schema.is_array() => {
                    let branch = usize::try_from(self.long()).unwrap();
                    self.value(&schema[branch])
                }
                "union" => self.value(&schema["type"]),
                "null" => Value::Null,
                "boolean" => (self.take(1)[0] == 1).into(),
                "int" | "long" => self.long().into(),
                "string" => self.text().into(),
                "bytes" => {
                    let len = usize::try_from(self.long()).unwrap();
                    self.take(len).to_vec().into()
                }
                "array" => {
                    let mut items = Vec::new();
                    loop {
                        let count = self.long();
                        if count == 0 {
                            return items.into();
                        }
                        items.extend((0..count).map(|_| self.value(&schema["items"])));
                    }
                }
                "record" => {
                    let fields = schema["fields"].as_array().unwrap().iter();
                    let fields = fields.map(|field| {
                        let inner = &field["type"];
                        (field["name"].as_str().unwrap().to_owned(), self.value(inner))
                    });
                    Value::Object(fields.collect())
                }
                other => panic!("no such type: {other}"),
            }
        }
    }

    /// The facts and the rows of a container file.
    pub(crate) fn read(file: &[u8]) -> (Vec<(String, String)>, Vec<Value>) {
        let mut decoder = Decoder(file);
        assert_eq!(decoder.take(4), b"Obj\x01");
        let mut facts = Vec::new();
        loop {
            let count = decoder.long();
            if count == 0 {
                break;
            }
            facts.extend((0..count).map(|_| (decoder.text().to_owned(), decoder.text().to_owned())));
        }
        assert_eq!(decoder.take(16), SYNC);
        let schema = serde_json::from_str(&facts[0].1).unwrap();
        let mut rows = Vec::new();
        while !decoder.0.is_empty() {
            let (count, bytes) = (decoder.long(), decoder.long());
            let before = decoder.0.len();
            rows.extend((0..count).map(|_| decoder.value(&schema)));
            assert_eq!(before - decoder.0.len(), usize::try_from(bytes).unwrap());
            assert_eq!(decoder.take(16), SYNC);
        }
        (facts, rows)
    }

    #[test]
    fn files_without_rows_have_a_header() {
        let schema = serde_json::json!({ "type": "record", "name": "r", "fields": [{ "name": "a", "type": "long" }] });
        let none: [i64; 0] = [];
        let write = |encoder: &mut Encoder, row: &i64| {
            encoder.long(*row);
        };
        let (facts, rows) = read(&container(&schema, &[("k", "v".to_owned())], &none, write));
        assert_eq!((facts[2].clone(), rows), (("k".to_owned(), "v".to_owned()), vec![]));
        let (_, rows) = read(&container(&schema, &[], &[7, -8], write));
        assert_eq!(rows, [serde_json::json!({ "a": 7 }), serde_json::json!({ "a": -8 })]);
    }
}
