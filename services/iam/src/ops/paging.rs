//! IAM's paging: `Marker` in, `Marker` and `IsTruncated` out.

use crate::Error;

/// Items on a page if the caller does not say.
const ITEMS_DEFAULT: usize = 100;

/// The page of `items` after `marker` (the last item's name on the page before), and the marker of the next page.
pub fn page<T>(
    items: Vec<T>,
    name: impl Fn(&T) -> String,
    marker: Option<&str>,
    items_max: Option<i64>,
) -> Result<(Vec<T>, Option<String>), Error> {
    let start = match marker {
        None => 0,
        Some(marker) => {
            let last = base::ids::unhex(marker).and_then(|bytes| String::from_utf8(bytes).ok());
            let last = last.ok_or_else(|| Error::ValidationError(format!("Invalid Marker: {marker}")))?;
            items.iter().position(|item| name(item) > last).unwrap_or(items.len())
        }
    };
    let count = items_max.map_or(ITEMS_DEFAULT, |max| usize::try_from(max).unwrap_or(ITEMS_DEFAULT));
    let truncated = items.len() - start > count;
    let page: Vec<T> = items.into_iter().skip(start).take(count).collect();
    let next = page.last().filter(|_| truncated).map(|item| base::ids::hex(name(item).as_bytes()));
    Ok((page, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_everything_once() {
        let all: Vec<String> = (0..7).map(|i| format!("u{i}")).collect();
        let (mut seen, mut marker) = (Vec::new(), None);
        loop {
            let (page, next) = page(all.clone(), Clone::clone, marker.as_deref(), Some(3)).unwrap();
            assert!(page.len() <= 3);
            seen.extend(page);
            marker = next;
            if marker.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
        assert!(page(all, Clone::clone, Some("zz"), None).is_err());
    }
}
