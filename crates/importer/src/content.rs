//! A log file's content: gzip or plain JSON, split into records that keep their bytes. All of it is checked before any record is
//! handed out.

use bytes::Bytes;
use record::file::{FileError, inflate};

/// The most that a file may hold inflated. CloudTrail closes its files at 50 MB.
pub const CONTENT_BYTES_MAX: usize = 256 << 20;

/// What gzip begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Why a file is no log file.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It cannot be inflated, is too large, is no UTF-8, or is no JSON with a list of records.
    #[error("{0}{why}", why = cause(.0))]
    File(#[from] FileError),
    /// Something in the list is no object.
    #[error("the {0}. of its records is not a JSON object")]
    NoObject(usize),
}

fn cause(error: &FileError) -> String {
    std::error::Error::source(error).map_or_else(String::new, |cause| format!(": {cause}"))
}

/// The records of a file, each with its own bytes, in the order of the file.
pub fn records(file: &Bytes) -> Result<Vec<Bytes>, Unreadable> {
    let content = if file.starts_with(&GZIP) {
        Bytes::from(inflate(file, CONTENT_BYTES_MAX)?)
    } else if file.len() > CONTENT_BYTES_MAX {
        return Err(FileError::TooLarge { limit: CONTENT_BYTES_MAX }.into());
    } else {
        file.clone()
    };
    let text = std::str::from_utf8(&content).map_err(FileError::Utf8)?;
    let found = record::file::records(text)?;
    if let Some(at) = found.iter().position(|record| !record.get().starts_with('{')) {
        return Err(Unreadable::NoObject(at + 1));
    }
    Ok(found.into_iter().map(|record| content.slice_ref(record.get().as_bytes())).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn records_keep_their_bytes_whether_compressed_or_not() {
        let text = r#"{"Records":[{"a" : 1.0,"a":2}, {"b":"é\/"}],"x":1}"#;
        for file in [Bytes::from(text), Bytes::from(record::file::deflate(text.as_bytes()))] {
            assert_eq!(records(&file).unwrap(), [&br#"{"a" : 1.0,"a":2}"#[..], r#"{"b":"é\/"}"#.as_bytes()]);
        }
        assert!(records(&Bytes::from(r#"{"Records":[]}"#)).unwrap().is_empty());
    }

    #[test]
    fn what_is_damaged_says_why() {
        let whole = record::file::deflate(br#"{"Records":[{"a":1}]}"#);
        let check = |file: &[u8], says: &str| {
            let error = records(&Bytes::copy_from_slice(file)).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        };
        check(b"", "not a JSON object with a list");
        check(b"[1]", "not a JSON object with a list");
        check(br#"{"Records":[{"a":1},7]}"#, "the 2. of its records is not a JSON object");
        check(br#"{"Records":[{"a":1}"#, "EOF while parsing");
        check(b"{\"Records\":[{\"a\":\"\xff\"}]}", "not UTF-8");
        check(&whole[..whole.len() - 9], "not whole gzip data");
        check(&[&whole[..], b"x"].concat(), "bytes follow the end");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]
        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..60, with in any::<u8>()) {
            let _ = records(&Bytes::from(bytes));
            let mut file = record::file::deflate(br#"{"Records":[{"a":1},{"b":[2,3]}]}"#);
            let at = at % file.len();
            file[at] = with;
            if let Ok(found) = records(&Bytes::from(file)) {
                prop_assert!(found.len() == 2);
            }
        }
    }
}
