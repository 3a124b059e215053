//! Pages of short lists: the token of the next page is the key of the last item of this one, in hexadecimal. How long a page is, and
//! how a token that is not ours is refused, is each service's own.

/// The items of one page, and the token of the next.
#[derive(Debug)]
pub struct Page<T> {
    /// In the order of their keys.
    pub items: Vec<T>,
    /// If there are more.
    pub next_token: Option<String>,
}

/// A token that is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadToken;

/// One page of at most `max` items, which are in the order of `key`.
pub fn page<T>(
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> &str,
    token: Option<&str>,
    max: usize,
) -> Result<Page<T>, BadToken> {
    let after = token.map(read_token).transpose()?;
    let rest = items.into_iter().filter(|item| after.as_deref().is_none_or(|after| key(item) > after));
    let mut items: Vec<T> = rest.take(max + 1).collect();
    let more = items.len() > max;
    items.truncate(max);
    let next_token = items.last().filter(|_| more).map(|item| token_of(key(item)));
    Ok(Page { items, next_token })
}

/// A text as a token.
pub fn token_of(text: &str) -> String {
    base::ids::hex(text.as_bytes())
}

/// The text that a token was made of.
pub fn read_token(token: &str) -> Result<String, BadToken> {
    base::ids::unhex(token).and_then(|text| String::from_utf8(text).ok()).ok_or(BadToken)
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
            let page = page(all, |item| item, token.as_deref(), 2).unwrap();
            sizes.push(page.items.len());
            seen.extend(page.items);
            match page.next_token {
                Some(next) => token = Some(next),
                None => break,
            }
        }
        assert_eq!((seen.as_slice(), sizes.as_slice()), (&all[..], &[2, 2, 1][..]));
    }

    #[test]
    fn tokens_are_read_or_refused() {
        assert_eq!(read_token(&token_of("a/1")).as_deref(), Ok("a/1"));
        for bad in ["?", "0", "ff"] {
            assert_eq!(page(["a"], |item| item, Some(bad), 2).err(), Some(BadToken), "{bad}");
        }
    }
}
