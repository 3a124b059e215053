//! What rows can be found by: hashes of the texts in their columns and of the values inside requests and responses. Stored, so the
//! hash never changes.

use arrow_array::{Array, StringViewArray};
use twox_hash::XxHash3_64;

use crate::flat::Flat;
use crate::scan;
use crate::schema::{Kind, LEAVES, PATHS, RESOURCE, RESOURCE_ARN, leaf};

/// Longer texts are in no filter: whoever looks for one reads.
pub(crate) const TERM_BYTES_MAX: usize = 1024;

/// The hash of a text.
pub(crate) fn term(text: &str) -> u64 {
    XxHash3_64::oneshot(text.as_bytes())
}

/// Whether a leaf's texts are in the filters: those that somebody compares with a text.
pub(crate) fn is_indexed(number: usize) -> bool {
    PATHS[number].kind == Kind::Text && !matches!(number, 0 | leaf::USER_AGENT | leaf::ERROR_MESSAGE | leaf::CHECKSUM)
}

/// Adds the terms of all rows; some may be there more than once.
pub(crate) fn gather(flat: &Flat, rows: usize, terms: &mut Vec<u64>) {
    let mut add = |text: &str| {
        if text.len() <= TERM_BYTES_MAX {
            terms.push(term(text));
        }
    };
    for number in (0..LEAVES).filter(|number| is_indexed(*number)) {
        each_new(flat.texts(number), |text| {
            add(text);
            // The name of a session is what its user is known by.
            if number == leaf::PRINCIPAL_ID
                && let Some((_, session)) = text.split_once(':')
            {
                add(session);
            }
        });
    }
    for number in [leaf::REQUEST_PARAMETERS, leaf::RESPONSE_ELEMENTS] {
        each_new(flat.texts(number), |text| scan::scalars(text, &mut add));
    }
    for row in 0..rows {
        for item in 0..flat.resources(row) {
            for column in 0..RESOURCE.len() {
                let Some(text) = flat.resource(row, item, column) else { continue };
                add(text);
                // A bucket is known by its name.
                if column == RESOURCE_ARN
                    && let Some((_, bucket)) = text.split_once(":s3:::")
                {
                    add(bucket);
                }
            }
        }
    }
    add("root");
}

/// Hands each text to `each` that differs from the one before: rows are sorted, so most do not.
fn each_new(texts: Option<&StringViewArray>, mut each: impl FnMut(&str)) {
    let Some(texts) = texts else { return };
    if texts.null_count() == texts.len() {
        return;
    }
    let mut last = None;
    for text in texts.iter().flatten() {
        if last != Some(text) {
            each(text);
            last = Some(text);
        }
    }
}
