//! Pages of short lists: the token of the next page is the key of the last item of this one, in hexadecimal.

use crate::error::Error;

/// The items of one page, and the token of the next.
pub struct Page<T> {
    /// In the order of their keys.
    pub items: Vec<T>,
    /// If there are more.
    pub next_token: Option<String>,
}

/// One page of items, which are in the order of `key`. A token that is not ours gives `bad_token`.
pub fn page<T>(
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> &str,
    token: Option<&str>,
    max: usize,
    bad_token: fn(String) -> Error,
) -> Result<Page<T>, Error> {
    let after = match token.map(base::ids::unhex) {
        None => None,
        Some(Some(key)) => Some(String::from_utf8(key).map_err(|_| bad_token(BAD_TOKEN.to_owned()))?),
        Some(None) => return Err(bad_token(BAD_TOKEN.to_owned())),
    };
    let rest = items.into_iter().filter(|item| after.as_deref().is_none_or(|after| key(item) > after));
    let mut items: Vec<T> = rest.take(max + 1).collect();
    let more = items.len() > max;
    items.truncate(max);
    let next_token = items.last().filter(|_| more).map(|item| base::ids::hex(key(item).as_bytes()));
    Ok(Page { items, next_token })
}

/// What is said of a token that is not ours.
pub const BAD_TOKEN: &str = "The token is not valid.";

/// Items per page if nothing is said, and at most.
pub const PAGE_MAX: usize = 1_000;

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
    fn pages_go_on_where_the_one_before_ended() {
        let all = ["a", "b", "c", "d", "e"];
        let mut token = None;
        let mut seen = Vec::new();
        let mut sizes = Vec::new();
        loop {
            let page = page(all, |item| item, token.as_deref(), 2, Error::InvalidNextTokenException).unwrap();
            sizes.push(page.items.len());
            seen.extend(page.items);
            match page.next_token {
                Some(next) => token = Some(next),
                None => break,
            }
        }
        assert_eq!((seen.as_slice(), sizes.as_slice()), (&all[..], &[2, 2, 1][..]));
        assert!(page(all, |item| item, Some("?"), 2, Error::InvalidNextTokenException).is_err());
        for bad in [0, -1, 1_001] {
            assert!(page_size(Some(bad)).is_err(), "{bad}");
        }
    }
}
