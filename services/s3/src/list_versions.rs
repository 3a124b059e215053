//! The listing of versions: every key's current version, then its older ones, newest first.

use service::ApiError;

use crate::list::{After, Cursor, Page, Query, page, start_after};
use crate::object::{NULL, Version, order_of_id};
use crate::versions::{self, current_key, older_key};
use crate::{S3, TABLE_OBJECTS, TABLE_VERSIONS};

/// A version in a listing.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) key: String,
    pub(crate) version: Version,
    /// It is the current one.
    pub(crate) latest: bool,
}

impl S3 {
    /// The next part of the listing of a bucket's versions, behind `after` and, with a version identifier, behind that version
    /// of the key.
    pub(crate) async fn list_versions(
        &self,
        query: &Query<'_>,
        after: &After,
        version_id_marker: Option<&str>,
    ) -> Result<Page<Listed>, ApiError> {
        let mut behind: Option<(&str, u64)> = None;
        if let (After::Key(key), Some(id)) = (after, version_id_marker) {
            let order = match order_of_id(id) {
                Some(order) => Some(order),
                None if id == NULL => self.version(query.bucket, key, id).await?.map(|place| place.version.order),
                None => {
                    let text = "Invalid version id specified";
                    return Err(crate::error::invalid_argument("version-id-marker", id, text));
                }
            };
            behind = order.map(|order| (key.as_str(), order));
        }
        let (current_start, older_start) = match behind {
            // The next older version has the next larger key, as orders are written from their other end.
            Some((key, order)) => {
                let next = order.checked_sub(1).map(|order| older_key(query.bucket, key, order));
                let next = next.or_else(|| start_after(query.bucket, after));
                (Some(current_key(query.bucket, key)), next)
            }
            None => (start_after(query.bucket, after), start_after(query.bucket, after)),
        };
        let mut cursors = [
            Cursor::new(&*self.state, TABLE_OBJECTS, query, current_start),
            Cursor::new(&*self.state, TABLE_VERSIONS, query, older_start),
        ];
        page(query, &mut cursors, |parts, row, cursor| {
            let version = versions::read(row)?;
            let latest = cursor == 0;
            if behind.is_some_and(|(key, order)| parts[1] == key && version.order >= order) {
                return Ok(None);
            }
            Ok(Some(Listed { key: parts[1].clone(), version, latest }))
        })
        .await
    }
}
