//! Pages of lists, as long as Athena's, and the refusal of a token that is not ours.

use service::ApiError;
use service::paging::{self, BadToken};

use crate::error::invalid;

/// Items per page if nothing is said, and the most for lists that Athena bounds at 50.
const PAGE_MAX: usize = 50;

/// One page of items, which are in the order of `key`, and the token of the next.
pub fn page<T>(
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> &str,
    token: Option<&str>,
    max_results: Option<i64>,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    let page = paging::page(items, key, token, page_size(max_results)).map_err(bad_token)?;
    Ok((page.items, page.next_token))
}

/// How many items a page has. The model bounds what is asked for; 0 asks for nothing in particular.
pub fn page_size(max_results: Option<i64>) -> usize {
    let asked = max_results.and_then(|asked| usize::try_from(asked).ok()).filter(|asked| *asked > 0);
    asked.map_or(PAGE_MAX, |asked| asked.min(PAGE_MAX))
}

/// The text that a token was made of.
pub fn read_token(token: &str) -> Result<String, ApiError> {
    paging::read_token(token).map_err(bad_token)
}

fn bad_token(_: BadToken) -> ApiError {
    invalid("NextToken is not valid.")
}
