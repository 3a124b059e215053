//! Byte ranges. Source: RFC 9110 section 14; S3 API reference, GetObject, `Range`.

use std::ops::Range;

use service::ApiError;

use crate::error::Error;

/// The bytes that a `Range` header asks of content of `len_bytes`. `None` if it asks for all: S3 takes a header that it cannot
/// read, and one that names several ranges, for none.
pub(crate) fn parse(header: &str, len_bytes: u64) -> Result<Option<Range<u64>>, ApiError> {
    let Some(range) = bounds(header) else { return Ok(None) };
    let found = match range {
        (Some(first), None) => first..len_bytes,
        (Some(first), Some(last)) => first..last.saturating_add(1).min(len_bytes),
        (None, Some(count)) => len_bytes.saturating_sub(count)..len_bytes,
        (None, None) => return Ok(None),
    };
    if found.start < found.end {
        return Ok(Some(found));
    }
    Err(ApiError::from(Error::InvalidRange)
        .with("RangeRequested", header)
        .with("ActualObjectSize", len_bytes.to_string()))
}

/// The bytes that `x-amz-copy-source-range` asks: `bytes=first-last`, both there and inside the content.
pub(crate) fn parse_source(header: &str, len_bytes: u64) -> Result<Range<u64>, ApiError> {
    let Some((Some(first), Some(last))) = bounds(header) else {
        let text = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the \
            zero-based offsets of the first and last bytes to copy";
        return Err(crate::error::invalid_argument("x-amz-copy-source-range", header, text));
    };
    if last >= len_bytes {
        let text = format!("Range specified is not valid for source object of size: {len_bytes}");
        return Err(crate::error::invalid_argument("x-amz-copy-source-range", header, text));
    }
    Ok(first..last + 1)
}

/// First and last offset, or neither and a count from the end; `None` if it is not one range of bytes.
fn bounds(header: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (unit, range) = header.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let number = |text: &str| match text {
        "" => Some(None),
        // A number past 64 bits is past every end.
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => Some(Some(digits.parse().unwrap_or(u64::MAX))),
        _ => None,
    };
    match (number(first.trim())?, number(last.trim())?) {
        (None, None) => None,
        (Some(first), Some(last)) if first > last => None,
        bounds => Some(bounds),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(header: &str, len_bytes: u64, expected: Result<Option<Range<u64>>, &str>) {
        let found = parse(header, len_bytes);
        assert_eq!(found.as_ref().map_err(|error| error.code.as_ref()), expected.as_ref().map_err(|code| *code));
    }

    #[test]
    fn forms() {
        check("bytes=0-4", 10, Ok(Some(0..5)));
        check("bytes=0-99", 10, Ok(Some(0..10)));
        check("bytes=5-", 10, Ok(Some(5..10)));
        check("bytes=-3", 10, Ok(Some(7..10)));
        check("bytes=-30", 10, Ok(Some(0..10)));
        check("Bytes = 1-1", 10, Ok(Some(1..2)));
        check("bytes=10-", 10, Err("InvalidRange"));
        check("bytes=99999999999999999999-", 10, Err("InvalidRange"));
        check("bytes=-0", 10, Err("InvalidRange"));
        check("bytes=0-", 0, Err("InvalidRange"));
        check("bytes=4-2", 10, Ok(None));
        check("bytes=0-1,3-4", 10, Ok(None));
        check("bytes=-", 10, Ok(None));
        check("items=0-1", 10, Ok(None));
        check("bytes=a-b", 10, Ok(None));
        check("", 10, Ok(None));
    }

    #[test]
    fn source_ranges_are_strict() {
        assert_eq!(parse_source("bytes=2-4", 5).unwrap(), 2..5);
        for bad in ["bytes=2-5", "bytes=2-", "bytes=-2", "2-4"] {
            assert_eq!(parse_source(bad, 5).unwrap_err().code, "InvalidArgument", "{bad}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn what_is_found_lies_inside(header in "(bytes=)?[0-9,-]{0,8}", len_bytes in 0_u64..200) {
            if let Ok(Some(range)) = parse(&header, len_bytes) {
                prop_assert!(range.start < range.end && range.end <= len_bytes);
            }
        }

        #[test]
        fn plain_ranges_are_what_they_say(first in 0_u64..300, len in 1_u64..300, len_bytes in 1_u64..300) {
            let last = first + len - 1;
            let found = parse(&format!("bytes={first}-{last}"), len_bytes);
            if first < len_bytes {
                prop_assert_eq!(found.unwrap(), Some(first..(last + 1).min(len_bytes)));
            } else {
                prop_assert_eq!(found.unwrap_err().code, "InvalidRange");
            }
        }
    }
}
