//! What rows can be found by: hashes of the texts in their columns and of the values inside requests and responses. Stored, so the
//! hash never changes.

use arrow_array::{Array, StringViewArray};
use twox_hash::XxHash3_64;

use crate::flat::Flat;
use crate::scan;
use crate::schema::{Kind, LEAVES, PATHS, RESOURCE, RESOURCE_ARN, leaf};

/// Longer texts are in no filter: whoever looks for one reads.
pub(crate) const TERM_BYTES_MAX: usize = 1024;

/// A granule with more distinct terms has a filter that says "maybe" to all: its rows are lists of thousands of names.
pub(crate) const GRANULE_TERMS_MAX: usize = 1 << 17;
/// Terms are made distinct when so many have come together.
const TERMS_AT_ONCE_MAX: usize = 1 << 19;

/// The distinct terms of a granule.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms {
    hashes: Vec<u64>,
    too_many: bool,
}

impl Terms {
    fn add(&mut self, text: &str) {
        if text.len() > TERM_BYTES_MAX || self.too_many {
            return;
        }
        self.hashes.push(term(text));
        if self.hashes.len() >= TERMS_AT_ONCE_MAX {
            self.tidy();
        }
    }

    fn tidy(&mut self) {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        if self.hashes.len() > GRANULE_TERMS_MAX {
            self.too_many = true;
            self.hashes = Vec::new();
        }
    }

    /// Sorted, each once; `None` if there are too many.
    pub(crate) fn finish(mut self) -> Option<Vec<u64>> {
        self.tidy();
        self.hashes.shrink_to_fit();
        (!self.too_many).then_some(self.hashes)
    }
}

/// The hash of a text.
pub(crate) fn term(text: &str) -> u64 {
    XxHash3_64::oneshot(text.as_bytes())
}

/// Whether a leaf's texts are in the filters: those that somebody compares with a text.
pub(crate) fn is_indexed(number: usize) -> bool {
    PATHS[number].kind == Kind::Text && !matches!(number, 0 | leaf::USER_AGENT | leaf::ERROR_MESSAGE | leaf::CHECKSUM)
}

/// Adds the terms of all rows.
pub(crate) fn gather(flat: &Flat, rows: usize, terms: &mut Terms) {
    let mut add = |text: &str| terms.add(text);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_distinct_and_bounded() {
        let mut terms = Terms::default();
        for number in 0..1000 {
            terms.add(&(number % 10).to_string());
        }
        terms.add(&"x".repeat(TERM_BYTES_MAX + 1));
        assert_eq!(terms.finish().unwrap().len(), 10);
        let mut terms = Terms::default();
        for number in 0..TERMS_AT_ONCE_MAX + GRANULE_TERMS_MAX {
            terms.add(&number.to_string());
        }
        assert!(terms.hashes.is_empty() && terms.finish().is_none());
    }
}
