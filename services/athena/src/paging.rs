//! Pages of lists: the token of the next page is the key of the last item of this one, in hexadecimal.

use service::ApiError;

use crate::error::invalid;

/// Items per page if nothing is said, and the most for lists that Athena bounds at 50.
pub const PAGE_MAX: usize = 50;

/// One page of items, which are in the order of `key`, and the token of the next.
pub fn page<T>(
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> &str,
    token: Option<&str>,
    max_results: Option<i64>,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    let after = token.map(read_token).transpose()?;
    let max = page_size(max_results);
    let rest = items.into_iter().filter(|item| after.as_deref().is_none_or(|after| key(item) > after));
    let mut items: Vec<T> = rest.take(max + 1).collect();
    let more = items.len() > max;
    items.truncate(max);
    let next = items.last().filter(|_| more).map(|item| base::ids::hex(key(item).as_bytes()));
    Ok((items, next))
}

/// How many items a page has. The model bounds what is asked for; 0 asks for nothing in particular.
pub fn page_size(max_results: Option<i64>) -> usize {
    let asked = max_results.and_then(|asked| usize::try_from(asked).ok()).filter(|asked| *asked > 0);
    asked.map_or(PAGE_MAX, |asked| asked.min(PAGE_MAX))
}

/// The text that a token was made of.
pub fn read_token(token: &str) -> Result<String, ApiError> {
    let text = base::ids::unhex(token).and_then(|text| String::from_utf8(text).ok());
    text.ok_or_else(|| invalid("NextToken is not valid."))
}
