//! Organizations' paging: `NextToken` in and out. A token is the key of the last item that was told.

use service::ApiError;

use crate::error::invalid;

/// Items on a page, if the caller does not say, and at most.
const ITEMS_MAX: usize = 20;

/// The page of `items` after `token`, and the next page's token. `items` come in the order of their keys.
pub fn page<T>(
    mut items: Vec<T>,
    key: impl Fn(&T) -> String,
    token: Option<&str>,
    items_max: Option<i64>,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    items.sort_by_cached_key(&key);
    let start = match token {
        None => 0,
        Some(token) => {
            let last = base::ids::unhex(token).and_then(|bytes| String::from_utf8(bytes).ok());
            let last = last.ok_or_else(|| {
                let text = "The provided token is invalid. Get the value for the NextToken parameter from the response to a \
                            previous call of the operation.";
                invalid("INVALID_NEXT_TOKEN", text)
            })?;
            items.iter().position(|item| key(item) > last).unwrap_or(items.len())
        }
    };
    let count = items_max.and_then(|max| usize::try_from(max).ok()).unwrap_or(ITEMS_MAX).clamp(1, ITEMS_MAX);
    let more = items.len() - start > count;
    let page: Vec<T> = items.into_iter().skip(start).take(count).collect();
    let next = page.last().filter(|_| more).map(|item| base::ids::hex(key(item).as_bytes()));
    Ok((page, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_everything_once() {
        let all: Vec<String> = (0..47).map(|i| format!("ou-{i:02}")).collect();
        for max in [None, Some(1), Some(7), Some(20)] {
            let (mut seen, mut token) = (Vec::new(), None);
            loop {
                let (page, next) = page(all.clone(), Clone::clone, token.as_deref(), max).unwrap();
                assert!(page.len() <= usize::try_from(max.unwrap_or(20)).unwrap());
                seen.extend(page);
                token = next;
                if token.is_none() {
                    break;
                }
            }
            assert_eq!(seen, all);
        }
        assert!(page(all, Clone::clone, Some("zz"), None).is_err());
    }
}
