//! Listings: keys in the order of their UTF-8 bytes, rolled up at a delimiter. A group is stepped over by seeking past it, so a
//! listing costs what it returns, not what the bucket holds.

use std::collections::VecDeque;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use service::ApiError;
use state::key::{after_prefix, prefix as key_prefix};
use state::{Range, Row, State, Table};

use crate::error::{Error, invalid_argument, state_failed};
use crate::object::Version;
use crate::versions::{self, current_key};
use crate::{S3, TABLE_OBJECTS};

/// The most entries of a page, and how many there are if the caller does not say.
pub(crate) const PAGE_ENTRIES_MAX: usize = 1000;
/// The most rows read at a time: a page and the one row that tells whether there is more.
const ROWS_MAX: usize = PAGE_ENTRIES_MAX + 1;
/// Rows read behind a group that was stepped over: often the next group begins right there.
const ROWS_AFTER_GROUP: usize = 8;

/// What to list.
#[derive(Debug, Default)]
pub(crate) struct Query<'a> {
    pub(crate) bucket: &'a str,
    pub(crate) prefix: &'a str,
    /// Not empty.
    pub(crate) delimiter: Option<&'a str>,
    pub(crate) max: usize,
}

/// One line of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry<T> {
    /// A key of its own.
    Item(T),
    /// All keys that begin so.
    Prefix(String),
}

/// Part of a listing.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) entries: Vec<Entry<T>>,
    /// There is more.
    pub(crate) truncated: bool,
}

/// Where a listing goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// At the beginning.
    Nothing,
    /// Behind a key.
    Key(String),
    /// Behind all keys that begin so.
    Prefix(String),
}

/// Rows of a table in order, read ahead.
pub(crate) struct Cursor<'a> {
    state: &'a dyn State,
    table: Table,
    range: Range,
    rows: VecDeque<Row>,
    /// How many rows to read next; grows while they are used up.
    batch: usize,
    ended: bool,
}

impl<'a> Cursor<'a> {
    /// The rows of a bucket whose next part begins with the query's prefix, from `start` on.
    pub(crate) fn new(state: &'a dyn State, table: Table, query: &Query<'_>, start: Option<Vec<u8>>) -> Cursor<'a> {
        let range = Range::prefix(key_prefix(&[query.bucket], query.prefix));
        let range = match start {
            Some(start) => range.from(start),
            None => range,
        };
        let batch = query.max.saturating_add(1).min(ROWS_MAX);
        Cursor { state, table, range, rows: VecDeque::new(), batch, ended: false }
    }

    /// The next row.
    pub(crate) async fn peek(&mut self) -> Result<Option<&Row>, ApiError> {
        if self.rows.is_empty() && !self.ended {
            let rows = self.state.scan(self.table, self.range.clone(), self.batch).await.map_err(state_failed)?;
            self.ended = rows.len() < self.batch;
            self.batch = (self.batch * 2).min(ROWS_MAX);
            if let Some(last) = rows.last() {
                self.range = self.range.clone().after(last.key.clone());
            }
            self.rows = rows.into();
        }
        Ok(self.rows.front())
    }

    /// Takes the row that was peeked at.
    pub(crate) fn pop(&mut self) -> Option<Row> {
        self.rows.pop_front()
    }

    /// Goes on at the first row of this key or a later one.
    pub(crate) fn seek(&mut self, start: &[u8]) {
        while self.rows.front().is_some_and(|row| row.key.as_slice() < start) {
            self.rows.pop_front();
        }
        if self.rows.is_empty() && !self.ended {
            self.range = self.range.clone().from(start);
            self.batch = ROWS_AFTER_GROUP;
        }
    }
}

/// Where the rows begin that come after what was listed already.
pub(crate) fn start_after(bucket: &str, after: &After) -> Option<Vec<u8>> {
    match after {
        After::Nothing => None,
        // Nothing sorts between a key's row and the same with a zero byte.
        After::Key(key) => after_prefix(&current_key(bucket, key)),
        After::Prefix(prefix) => after_prefix(&key_prefix(&[bucket], prefix)),
    }
}

/// The group that a key is rolled up into.
pub(crate) fn group<'k>(key: &'k str, query: &Query<'_>) -> Option<&'k str> {
    let delimiter = query.delimiter?;
    let rest = key.get(query.prefix.len()..)?;
    let end = query.prefix.len() + rest.find(delimiter)? + delimiter.len();
    key.get(..end)
}

/// The next part of a listing of rows from several tables, in the order of their keys' second parts (in that of the cursors
/// for the same). `visit` makes an item of a row's key parts, the row, and its cursor's place; `None` leaves it out.
pub(crate) async fn page<T>(
    query: &Query<'_>,
    cursors: &mut [Cursor<'_>],
    mut visit: impl FnMut(&[String], &Row, usize) -> Result<Option<T>, ApiError>,
) -> Result<Page<T>, ApiError> {
    let mut entries = Vec::new();
    if query.max == 0 {
        return Ok(Page { entries, truncated: false });
    }
    loop {
        let mut next: Option<(Vec<String>, usize)> = None;
        for (at, cursor) in cursors.iter_mut().enumerate() {
            let Some(row) = cursor.peek().await? else { continue };
            let parts = state::key::texts(&row.key).filter(|parts| parts.len() > 1);
            let parts = parts.ok_or_else(|| ApiError::internal("a row's key in a listing is not ours"))?;
            if next.as_ref().is_none_or(|(least, _)| parts[1] < least[1]) {
                next = Some((parts, at));
            }
        }
        let Some((parts, at)) = next else { return Ok(Page { entries, truncated: false }) };
        let Some(row) = cursors[at].pop() else { continue };
        let Some(item) = visit(&parts, &row, at)? else { continue };
        if entries.len() == query.max {
            return Ok(Page { entries, truncated: true });
        }
        match group(&parts[1], query) {
            None => entries.push(Entry::Item(item)),
            Some(group) => {
                if let Some(behind) = after_prefix(&key_prefix(&[query.bucket], group)) {
                    cursors.iter_mut().for_each(|cursor| cursor.seek(&behind));
                }
                entries.push(Entry::Prefix(group.to_owned()));
            }
        }
    }
}

impl S3 {
    /// The next part of the listing of a bucket's objects.
    pub(crate) async fn list(&self, query: &Query<'_>, after: &After) -> Result<Page<(String, Version)>, ApiError> {
        let start = start_after(query.bucket, after);
        let mut cursors = [Cursor::new(&*self.state, TABLE_OBJECTS, query, start)];
        page(query, &mut cursors, |parts, row, _| {
            let version = versions::read(row)?;
            Ok((!version.delete_marker).then(|| (parts[1].clone(), version)))
        })
        .await
    }
}

/// The number of entries wanted, from a member that may be absent, too large or nonsense.
pub(crate) fn max_entries(name: &str, given: Option<i64>) -> Result<usize, ApiError> {
    let Some(given) = given else { return Ok(PAGE_ENTRIES_MAX) };
    match usize::try_from(given) {
        Ok(wanted) if i32::try_from(given).is_ok() => Ok(wanted.min(PAGE_ENTRIES_MAX)),
        _ => {
            let text = format!("Argument {name} must be an integer between 0 and 2147483647");
            Err(invalid_argument(name, &given.to_string(), text))
        }
    }
}

/// Letters, digits and the few marks that stay as they are in a listing with `encoding-type=url`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');

/// How keys are written in a listing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Encoding {
    Plain,
    Url,
}

impl Encoding {
    /// The encoding that a request asks for.
    pub(crate) fn parse(encoding_type: Option<&str>) -> Result<Encoding, ApiError> {
        match encoding_type {
            None | Some("") => Ok(Encoding::Plain),
            Some("url") => Ok(Encoding::Url),
            Some(other) => {
                Err(invalid_argument("encoding-type", other, "Invalid Encoding Method specified in Request"))
            }
        }
    }

    /// A text as it is written.
    pub(crate) fn apply(self, text: &str) -> String {
        match self {
            Encoding::Plain => text.to_owned(),
            Encoding::Url => utf8_percent_encode(text, ENCODED).to_string(),
        }
    }

    /// The word for the answer.
    pub(crate) fn name(self) -> Option<String> {
        matches!(self, Encoding::Url).then(|| "url".to_owned())
    }
}

/// A delimiter that does something.
pub(crate) fn delimiter(given: Option<&str>) -> Option<&str> {
    given.filter(|delimiter| !delimiter.is_empty())
}

/// Whether a listing is to tell of restored copies; refuses other optional attributes, of which there are none.
pub(crate) fn wants_restore_status(attributes: Option<&Vec<String>>) -> Result<bool, ApiError> {
    match attributes.and_then(|all| all.iter().find(|name| *name != "RestoreStatus")) {
        None => Ok(attributes.is_some_and(|all| !all.is_empty())),
        Some(other) => {
            let text = format!("The optional object attribute {other} is not known");
            Err(Error::InvalidArgument(text).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use proptest::prelude::*;
    use state::{Expect, Op};

    use super::*;
    use crate::to_json;

    /// What a listing is, said plainly: all entries of all keys, `true` for a delete marker.
    fn reference(keys: &BTreeMap<String, bool>, prefix: &str, delimiter: Option<&str>) -> Vec<Entry<String>> {
        let mut entries = Vec::new();
        for (key, _) in keys.iter().filter(|(key, marker)| key.starts_with(prefix) && !**marker) {
            let rest = &key[prefix.len()..];
            let entry = match delimiter.and_then(|d| rest.find(d).map(|at| at + d.len())) {
                Some(end) => Entry::Prefix(key[..prefix.len() + end].to_owned()),
                None => Entry::Item(key.clone()),
            };
            if entries.last() != Some(&entry) {
                entries.push(entry);
            }
        }
        entries
    }

    async fn listed(
        keys: &BTreeMap<String, bool>,
        prefix: &str,
        delimiter: Option<&str>,
        max: usize,
    ) -> Vec<Entry<String>> {
        let s3 = crate::harness::service();
        let state = Arc::clone(&s3.state);
        let mut ops = Vec::new();
        for bucket in ["a", "bucket", "bucket2"] {
            for (key, marker) in keys {
                let version = Version { delete_marker: *marker, ..Version::default() };
                let key = current_key(bucket, key);
                ops.push(Op::Put { table: TABLE_OBJECTS, key, value: to_json(&version), expect: Expect::Any });
            }
        }
        state.commit(ops).await.unwrap();
        let query = Query { bucket: "bucket", prefix, delimiter, max };
        let mut all = Vec::new();
        let mut after = After::Nothing;
        loop {
            let page = s3.list(&query, &after).await.unwrap();
            assert!(page.entries.len() <= max);
            for entry in page.entries {
                let entry = match entry {
                    Entry::Item((key, _)) => Entry::Item(key),
                    Entry::Prefix(prefix) => Entry::Prefix(prefix),
                };
                after = match entry.clone() {
                    Entry::Item(key) => After::Key(key),
                    Entry::Prefix(prefix) => After::Prefix(prefix),
                };
                all.push(entry);
            }
            if !page.truncated {
                return all;
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn listings_are_what_the_reference_says(
            keys in prop::collection::btree_map("[ab/é\u{10000}]{1,5}", any::<bool>(), 0..30),
            prefix in "[ab/]{0,2}",
            delimiter in prop::option::of("(/|a|b/|é)"),
            max in 1_usize..8,
        ) {
            let found = crate::harness::block_on(listed(&keys, &prefix, delimiter.as_deref(), max));
            prop_assert_eq!(found, reference(&keys, &prefix, delimiter.as_deref()));
        }
    }

    #[test]
    fn encoding() {
        assert_eq!(Encoding::Url.apply("a b/ü+(3).png"), "a%20b/%C3%BC%2B%283%29.png");
        assert_eq!(Encoding::Plain.apply("a b"), "a b");
        assert!(Encoding::parse(Some("base64")).is_err());
    }
}
