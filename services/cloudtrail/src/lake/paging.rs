//! Pages of short lists, as long as Lake's, and the refusal of a token that is not ours.

use service::paging::{self, Page};

use crate::error::Error;

/// What is said of a token that is not ours.
pub const BAD_TOKEN: &str = "The token is not valid.";

/// Items per page if nothing is said, and at most.
pub const PAGE_MAX: usize = 1_000;

/// One page of items, which are in the order of `key`.
pub fn page<T>(
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> &str,
    token: Option<&str>,
    max: usize,
) -> Result<Page<T>, Error> {
    paging::page(items, key, token, max).map_err(|_| Error::InvalidNextTokenException(BAD_TOKEN.to_owned()))
}

/// How many items a page has, from `MaxResults`, which the model bounds.
pub fn page_size(max_results: Option<i64>) -> Result<usize, Error> {
    let Some(asked) = max_results else { return Ok(PAGE_MAX) };
    let size = usize::try_from(asked).ok().filter(|size| (1..=PAGE_MAX).contains(size));
    size.ok_or_else(|| {
        Error::InvalidMaxResultsException(format!("MaxResults must be from 1 to {PAGE_MAX}, not {asked}."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_tokens_are_checked() {
        assert!(matches!(page(["a"], |item| item, Some("?"), 2), Err(Error::InvalidNextTokenException(_))));
        assert_eq!(page_size(Some(1_000)).ok(), Some(1_000));
        for bad in [0, -1, 1_001] {
            assert!(page_size(Some(bad)).is_err(), "{bad}");
        }
    }
}
