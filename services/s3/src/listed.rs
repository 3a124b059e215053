//! The lines of listings as they go on the wire.

use base::Timestamp;
use serde::Serialize;

use crate::acl::Owner;
use crate::list_versions::Listed;
use crate::object::Version;
use crate::storage::RestoreStatus;

/// An object.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Object {
    key: String,
    last_modified: Timestamp,
    #[serde(rename = "ETag")]
    etag: String,
    checksum_algorithm: Option<Vec<&'static str>>,
    checksum_type: Option<&'static str>,
    size: u64,
    storage_class: String,
    owner: Option<Owner>,
    restore_status: Option<RestoreStatus>,
}

impl Object {
    /// A version as the listing of objects shows it.
    pub(crate) fn new(
        key: String,
        version: Version,
        owner: Option<Owner>,
        restore_status: Option<RestoreStatus>,
    ) -> Object {
        Object {
            restore_status,
            key,
            last_modified: version.modified(),
            etag: version.quoted_etag(),
            checksum_algorithm: version.checksum.as_ref().map(|checksum| vec![checksum.algorithm.as_str()]),
            checksum_type: version.checksum.as_ref().map(|checksum| checksum.kind.as_str()),
            size: version.size,
            storage_class: version.storage_class(),
            owner,
        }
    }
}

/// A version of an object.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ObjectVersion {
    #[serde(rename = "ETag")]
    etag: String,
    checksum_algorithm: Option<Vec<&'static str>>,
    checksum_type: Option<&'static str>,
    size: u64,
    storage_class: String,
    key: String,
    version_id: String,
    is_latest: bool,
    last_modified: Timestamp,
    owner: Owner,
    restore_status: Option<RestoreStatus>,
}

impl ObjectVersion {
    /// A version as the listing of versions shows it.
    pub(crate) fn new(
        key: String,
        listed: Listed,
        owner: Owner,
        restore_status: Option<RestoreStatus>,
    ) -> ObjectVersion {
        let Listed { version, latest, .. } = listed;
        ObjectVersion {
            restore_status,
            key,
            etag: version.quoted_etag(),
            checksum_algorithm: version.checksum.as_ref().map(|checksum| vec![checksum.algorithm.as_str()]),
            checksum_type: version.checksum.as_ref().map(|checksum| checksum.kind.as_str()),
            size: version.size,
            storage_class: version.storage_class(),
            is_latest: latest,
            last_modified: version.modified(),
            version_id: version.id,
            owner,
        }
    }
}

/// A delete marker.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteMarker {
    owner: Owner,
    key: String,
    version_id: String,
    is_latest: bool,
    last_modified: Timestamp,
}

impl DeleteMarker {
    /// A delete marker as the listing of versions shows it.
    pub(crate) fn new(key: String, listed: &Listed, owner: Owner) -> DeleteMarker {
        let version = &listed.version;
        let (version_id, last_modified) = (version.id.clone(), version.modified());
        DeleteMarker { owner, key, version_id, is_latest: listed.latest, last_modified }
    }
}

/// Keys that begin alike.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CommonPrefix {
    /// How they begin, up to and with the delimiter.
    pub(crate) prefix: String,
}
