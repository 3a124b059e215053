//! The log file, gzip of `{"Records":[…]}`: written record by record, read back into the same bytes.
//!
//! A record is never parsed and written again: what was pushed is what is read, byte for byte.

use std::io::{Read, Write};

use flate2::bufread::GzDecoder;
use flate2::{Compression, GzBuilder};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

/// How much a log file or digest may hold when inflated, where the caller has no smaller limit. CloudTrail closes its files
/// at 50 MB; this leaves room for a region with ten times the usual ratio of compression.
pub const INFLATED_BYTES_MAX: usize = 512 << 20;

const HEAD: &[u8] = b"{\"Records\":[";
const TAIL: &[u8] = b"]}";

/// The level is part of the format: the same records give the same file.
const LEVEL: u32 = 6;

/// Why bytes are not a log file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Not gzip, damaged, or cut off.
    #[error("the file is not whole gzip data")]
    Gzip(#[source] std::io::Error),
    /// Bytes follow the end of the gzip data. They are outside what a digest's hash covers.
    #[error("{0} bytes follow the end of the gzip data")]
    Trailing(usize),
    /// It would be larger than the caller's limit.
    #[error("the file is larger than {limit} bytes when inflated")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// Not UTF-8.
    #[error("the file is not UTF-8 text")]
    Utf8(#[from] std::str::Utf8Error),
    /// Not JSON, or without a list `Records`.
    #[error("the file is not a JSON object with a list \"Records\"")]
    Json(#[from] serde_json::Error),
}

/// Compresses as log files and digests are: no time, no name and a fixed level, so that the same content gives the same bytes.
#[derive(Debug)]
struct Gzip(flate2::write::GzEncoder<Vec<u8>>);

impl Gzip {
    fn new() -> Gzip {
        // 255: an unknown operating system, so that every machine writes the same header.
        Gzip(GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::new(LEVEL)))
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("writing into memory cannot fail");
    }

    fn finish(self) -> Vec<u8> {
        self.0.finish().expect("writing into memory cannot fail")
    }
}

/// Compresses `content` so that the same content always gives the same bytes.
pub fn deflate(content: &[u8]) -> Vec<u8> {
    let mut gzip = Gzip::new();
    gzip.write(content);
    gzip.finish()
}

/// Inflates a whole gzip file to at most `limit` bytes. Trailing bytes and further gzip members are refused: validators read
/// the first member only, so anything after it would be evidence that nobody signed.
pub fn inflate(gzip: &[u8], limit: usize) -> Result<Vec<u8>, FileError> {
    let mut decoder = GzDecoder::new(gzip);
    let mut content = Vec::new();
    let within = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    (&mut decoder).take(within).read_to_end(&mut content).map_err(FileError::Gzip)?;
    if content.len() > limit {
        return Err(FileError::TooLarge { limit });
    }
    match decoder.into_inner().len() {
        0 => Ok(content),
        rest => Err(FileError::Trailing(rest)),
    }
}

/// The hexadecimal SHA-256 of uncompressed content, as digests list it.
pub fn sha256_hex(content: &[u8]) -> String {
    base::ids::hex(&Sha256::digest(content))
}

/// A log file being written.
#[derive(Debug)]
pub struct LogFileWriter {
    gzip: Gzip,
    hash: Sha256,
    uncompressed_len: u64,
    count: u64,
}

/// A finished log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// The object to store.
    pub gzip: Vec<u8>,
    /// The hexadecimal SHA-256 of the uncompressed content: the `hashValue` of the digest.
    pub sha256_hex: String,
    /// The length of the uncompressed content in bytes.
    pub uncompressed_len: u64,
    /// How many records it has.
    pub count: u64,
}

impl Default for LogFileWriter {
    fn default() -> LogFileWriter {
        LogFileWriter::new()
    }
}

impl LogFileWriter {
    /// An empty file.
    pub fn new() -> LogFileWriter {
        let mut writer = LogFileWriter { gzip: Gzip::new(), hash: Sha256::new(), uncompressed_len: 0, count: 0 };
        writer.write(HEAD);
        writer
    }

    /// Adds a record, which must be one JSON value; its bytes are kept as they are.
    pub fn push(&mut self, record: &[u8]) {
        if self.count > 0 {
            self.write(b",");
        }
        self.write(record);
        self.count += 1;
    }

    /// The length of the uncompressed content so far, in bytes, as if the file ended here.
    pub fn uncompressed_len(&self) -> u64 {
        self.uncompressed_len + u64::try_from(TAIL.len()).expect("two")
    }

    /// How many records were pushed.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Ends the file. The same records in the same order give the same bytes.
    pub fn finish(mut self) -> LogFile {
        self.write(TAIL);
        LogFile {
            gzip: self.gzip.finish(),
            sha256_hex: base::ids::hex(&self.hash.finalize()),
            uncompressed_len: self.uncompressed_len,
            count: self.count,
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.gzip.write(bytes);
        self.hash.update(bytes);
        self.uncompressed_len += u64::try_from(bytes.len()).expect("a length in memory fits");
    }
}

/// An inflated log file.
#[derive(Clone, Debug)]
pub struct LogFileText(String);

impl LogFileText {
    /// The records in the order of the file, each with its own bytes.
    pub fn records(&self) -> Result<Vec<&RawValue>, FileError> {
        records(&self.0)
    }

    /// The whole content.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Inflates a log file to at most `limit` bytes.
pub fn read_log_file(gzip: &[u8], limit: usize) -> Result<LogFileText, FileError> {
    let content = inflate(gzip, limit)?;
    Ok(LogFileText(String::from_utf8(content).map_err(|error| error.utf8_error())?))
}

/// Splits the content of a log file into its records, each with its own bytes. Other members beside `Records` are skipped.
pub fn records(content: &str) -> Result<Vec<&RawValue>, FileError> {
    #[derive(Deserialize)]
    struct File<'a> {
        #[serde(rename = "Records", borrow)]
        records: Vec<&'a RawValue>,
    }
    Ok(serde_json::from_str::<File<'_>>(content)?.records)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(records: &[&str]) -> LogFile {
        let mut writer = LogFileWriter::new();
        records.iter().for_each(|record| writer.push(record.as_bytes()));
        writer.finish()
    }

    fn split(file: &LogFile) -> Vec<String> {
        let text = read_log_file(&file.gzip, INFLATED_BYTES_MAX).unwrap();
        text.records().unwrap().iter().map(|record| record.get().to_owned()).collect()
    }

    #[test]
    fn records_keep_their_bytes() {
        let records = [r#"{"a" : 1.0,"a":2}"#, r#"{"b":"\u00e9/\/"}"#, "{ }"];
        let file = written(&records);
        assert_eq!(split(&file), records);
        assert_eq!(file.count, 3);
        assert_eq!(inflate(&file.gzip, 100).unwrap(), format!("{{\"Records\":[{}]}}", records.join(",")).as_bytes());
    }

    #[test]
    fn the_hash_and_length_are_those_of_the_content() {
        for records in [&[][..], &["{}"], &["{}", "{}"]] {
            let mut writer = LogFileWriter::new();
            records.iter().for_each(|record| writer.push(record.as_bytes()));
            let foretold = writer.uncompressed_len();
            let file = writer.finish();
            let content = inflate(&file.gzip, 1000).unwrap();
            assert_eq!(file.sha256_hex, sha256_hex(&content));
            assert_eq!((file.uncompressed_len, foretold), (content.len() as u64, content.len() as u64));
        }
    }

    #[test]
    fn the_same_records_give_the_same_file() {
        let file = written(&["{}"]);
        assert_eq!(file, written(&["{}"]));
        // Magic, deflate, no flags, no time, best-effort level, unknown system.
        assert_eq!(file.gzip[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    }

    #[test]
    fn other_members_are_skipped_and_a_missing_list_is_an_error() {
        assert_eq!(records(r#"{"x":[1],"Records":[{"a":1}],"y":null}"#).unwrap()[0].get(), r#"{"a":1}"#);
        for bad in
            ["", "[]", "{}", r#"{"Records":null}"#, r#"{"Records":{}}"#, r#"{"Records":[{]}"#, r#"{"Records":[]}x"#]
        {
            assert!(matches!(records(bad), Err(FileError::Json(_))), "{bad}");
        }
    }

    #[test]
    fn damage_is_an_error() {
        let good = written(&["{}"]).gzip;
        assert!(matches!(inflate(b"{}", 10), Err(FileError::Gzip(_))));
        assert!(matches!(inflate(b"", 10), Err(FileError::Gzip(_))));
        for cut in 0..good.len() {
            assert!(inflate(&good[..cut], 1000).is_err(), "cut at {cut}");
        }
        // A change is an error, or (in the header, in the padding after the last bits) of no consequence.
        let content = inflate(&good, 1000).unwrap();
        let mut errors = 0;
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            match inflate(&bad, 1000) {
                Ok(read) => assert_eq!(read, content, "byte {at}"),
                Err(_) => errors += 1,
            }
        }
        assert!(errors > good.len() / 2);
        let twice = [good.clone(), good.clone()].concat();
        assert!(matches!(inflate(&twice, 1000), Err(FileError::Trailing(n)) if n == good.len()));
    }

    #[test]
    fn a_bomb_is_refused_before_it_fills_the_memory() {
        let bomb = deflate(&vec![b' '; 10_000_000]);
        assert!(bomb.len() < 20_000);
        assert!(matches!(inflate(&bomb, 1_000_000), Err(FileError::TooLarge { limit: 1_000_000 })));
        assert_eq!(inflate(&bomb, 10_000_000).unwrap().len(), 10_000_000);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]
        #[test]
        fn any_records_read_back(texts in proptest::collection::vec(any::<String>(), 0..20)) {
            let records: Vec<String> = texts.iter().map(|text| format!("{{\"a\":{}}}", serde_json::to_string(text).unwrap())).collect();
            let file = written(&records.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert_eq!(split(&file), records);
        }
    }
}
