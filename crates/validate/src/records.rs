//! Looks at the records of a log file as it is inflated: whether they can be read, and are of the account, region and time that key
//! and digest say. Holds one record at a time.

use base::Timestamp;
use serde::Deserialize;

/// The most bytes of one record: far above the 256 KB that CloudTrail allows.
const RECORD_BYTES_MAX: usize = 4 * 1024 * 1024;
const HEAD: &[u8] = b"{\"Records\":[";
const TAIL: &[u8] = b"]}";

/// What of a record is looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Seen<'a> {
    #[serde(default)]
    event_time: Option<&'a str>,
    #[serde(default)]
    aws_region: Option<&'a str>,
    #[serde(default)]
    recipient_account_id: Option<&'a str>,
}

/// Reads records out of the content of a log file.
pub(crate) struct Records {
    record: Vec<u8>,
    /// Bytes of `HEAD` or, after the last record, of `TAIL` that came.
    matched: usize,
    place: Place,
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// What is to be held against key and digest.
    pub(crate) count: u64,
    pub(crate) oldest: Option<Timestamp>,
    pub(crate) newest: Option<Timestamp>,
    /// The first account and region that differ from those expected.
    pub(crate) foreign: Option<String>,
    account_id: String,
    region: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Head,
    /// The first record is to begin, or the list is to end.
    Open,
    /// The list is to go on, or to end.
    Between,
    /// A record has to begin.
    AfterComma,
    Record,
    Tail,
    Wrong,
}

impl Records {
    /// For a file of this account and region.
    pub(crate) fn new(account_id: &str, region: &str) -> Records {
        Records {
            record: Vec::new(),
            matched: 0,
            place: Place::Head,
            depth: 0,
            in_string: false,
            escaped: false,
            count: 0,
            oldest: None,
            newest: None,
            foreign: None,
            account_id: account_id.to_owned(),
            region: region.to_owned(),
        }
    }

    /// Takes content as it comes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match self.place {
                Place::Head if *byte == HEAD[self.matched] => {
                    self.matched += 1;
                    if self.matched == HEAD.len() {
                        self.place = Place::Open;
                    }
                }
                // What writers may put between values. CloudTrail does not, but a reader would not mind.
                Place::Head | Place::Open | Place::Between | Place::AfterComma if byte.is_ascii_whitespace() => {}
                Place::Open | Place::AfterComma if *byte == b'{' => {
                    self.place = Place::Record;
                    self.depth = 0;
                    self.record.clear();
                    self.in_record(*byte);
                }
                Place::Between if *byte == b',' => self.place = Place::AfterComma,
                Place::Open | Place::Between if *byte == TAIL[0] => {
                    self.matched = 1;
                    self.place = Place::Tail;
                }
                Place::Record => self.in_record(*byte),
                Place::Tail if byte.is_ascii_whitespace() => {}
                Place::Tail if self.matched < TAIL.len() && *byte == TAIL[self.matched] => self.matched += 1,
                _ => self.place = Place::Wrong,
            }
        }
    }

    fn in_record(&mut self, byte: u8) {
        self.record.push(byte);
        if self.record.len() > RECORD_BYTES_MAX {
            self.place = Place::Wrong;
        } else if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
        } else {
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        self.read();
                    }
                }
                _ => {}
            }
        }
    }

    fn read(&mut self) {
        self.place = Place::Between;
        let Ok(seen) = serde_json::from_slice::<Seen<'_>>(&self.record) else {
            self.place = Place::Wrong;
            return;
        };
        let Some(time) = seen.event_time.and_then(Timestamp::parse_iso8601) else {
            self.place = Place::Wrong;
            return;
        };
        self.count += 1;
        self.oldest = Some(self.oldest.map_or(time, |oldest| oldest.min(time)));
        self.newest = Some(self.newest.map_or(time, |newest| newest.max(time)));
        let (account, region) = (seen.recipient_account_id, seen.aws_region);
        let fits = account.is_none_or(|account| account == self.account_id)
            && region.is_none_or(|region| region == self.region);
        if !fits && self.foreign.is_none() {
            self.foreign = Some(format!("{} in {}", account.unwrap_or("?"), region.unwrap_or("?")));
        }
    }

    /// After the last byte: whether all of it could be read.
    pub(crate) fn whole(&self) -> bool {
        self.place == Place::Tail && self.matched == TAIL.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Records {
        let mut records = Records::new("1", "r");
        for piece in text.as_bytes().chunks(5) {
            records.push(piece);
        }
        records
    }

    #[test]
    fn records_are_counted_and_held_against_key_and_digest() {
        let text = r#"{"Records":[{"eventTime":"2026-01-01T00:00:02Z","awsRegion":"r","a":"]}\"{","b":[{}]},{"eventTime":"2026-01-01T00:00:01Z","recipientAccountId":"1"}]}"#;
        let records = read(text);
        assert!(records.whole());
        assert_eq!((records.count, &records.foreign), (2, &None));
        assert_eq!(records.oldest.unwrap().iso8601_secs(), "2026-01-01T00:00:01Z");
        assert_eq!(records.newest.unwrap().iso8601_secs(), "2026-01-01T00:00:02Z");
        assert_eq!(read(&text.replace("\"r\"", "\"s\"")).foreign.as_deref(), Some("? in s"));
        assert!(read(r#"{"Records":[]}"#).whole());
        for cut in 0..text.len() {
            assert!(!read(&text[..cut]).whole(), "cut at {cut}");
        }
        for bad in [
            "[]",
            r#"{"Records":{}}"#,
            r#"{"Records":[1]}"#,
            r#"{"Records":[{}]}"#,
            r#"{"Records":[{"eventTime":"x"}]}"#,
            &text.replace("},{", "}{"),
            &text.replace("]}", "],}"),
            &format!("{text}x"),
        ] {
            assert!(!read(bad).whole(), "{bad}");
        }
    }
}
