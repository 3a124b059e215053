//! The setting `follow`: places of this server whose log files are imported as they come.

use node::Follow;
use ports::StoreId;

use crate::commands::Failure;

/// Places that can be followed: each is listed whole, again and again.
const PLACES_MAX: usize = 100;

/// Reads `s3://BUCKET/PREFIX` or `s3://BUCKET/PREFIX=STORE`, several with commas between.
pub fn follow(text: Option<&str>) -> Result<Vec<Follow>, Failure> {
    let mut places: Vec<Follow> = Vec::new();
    for word in text.unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty()) {
        let place = one(word).ok_or_else(|| {
            format!(
                "follow: {word:?} is not s3://BUCKET, s3://BUCKET/PREFIX or s3://BUCKET/PREFIX=STORE, where STORE is events or \
                 the UUID of an event data store"
            )
        })?;
        if places.contains(&place) {
            return Err(format!("follow: {word:?} is there twice").into());
        }
        places.push(place);
    }
    if places.len() > PLACES_MAX {
        return Err(format!("follow: there are {} places; {PLACES_MAX} can be followed", places.len()).into());
    }
    Ok(places)
}

fn one(word: &str) -> Option<Follow> {
    let (place, store) = match word.rsplit_once('=') {
        // A prefix may have `=` in it, as in `year=2026/`; what follows the last one is then no store.
        Some((place, store)) if !store.contains('/') => (place, store_id(store)?),
        _ => (word, StoreId::events()),
    };
    let rest = place.strip_prefix("s3://")?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let fits = (3..=63).contains(&bucket.len())
        && bucket.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'));
    fits.then(|| Follow { bucket: bucket.to_owned(), prefix: prefix.to_owned(), store })
}

/// `events`, or a UUID.
fn store_id(text: &str) -> Option<StoreId> {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    let is_uuid = groups == [8, 4, 4, 4, 12] && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    (is_uuid || text == ports::lake::EVENTS).then(|| StoreId::parse(text)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Follow>, String> {
        follow(Some(text)).map_err(|error| error.to_string())
    }

    #[test]
    fn places_are_read_and_mistakes_are_named() {
        assert_eq!(follow(None).unwrap(), []);
        let store = "f85bd3a4-1c5e-4b8c-9d2f-0123456789ab";
        let places =
            read(&format!("s3://logs, s3://logs/AWSLogs/ ,s3://other/year=2026/,s3://other/a={store}")).unwrap();
        let place = |bucket: &str, prefix: &str, store: StoreId| Follow {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            store,
        };
        let expected = [
            place("logs", "", StoreId::events()),
            place("logs", "AWSLogs/", StoreId::events()),
            place("other", "year=2026/", StoreId::events()),
            place("other", "a", StoreId::parse(store).unwrap()),
        ];
        assert_eq!(places, expected);
        for bad in ["logs", "s3://", "s3://Big", "http://logs/", "s3://logs/=nothing", "s3://logs/a=", "s3://l"] {
            assert!(read(bad).unwrap_err().contains("follow: "), "{bad}");
        }
        assert!(read("s3://logs,s3://logs=events").unwrap_err().contains("twice"));
        let many: Vec<String> = (0..101).map(|n| format!("s3://logs/{n}")).collect();
        assert!(read(&many.join(",")).unwrap_err().contains("101 places"));
    }
}
