//! Finding an object to read: which version, whether the caller's conditions let it through, which bytes.

use std::ops::Range;

use service::{ApiError, Call};

use crate::S3;
use crate::bucket::Bucket;
use crate::checksum::Checksum;
use crate::conditions::{ReadConditions, Verdict};
use crate::error::{Error, invalid_argument, no_such_key, no_such_version, precondition_failed};
use crate::lock::Lock;
use crate::object::Version;
use crate::range;
use crate::versions::Place;

/// How often an object is looked for again because its content was discarded under a reader's hands.
pub(crate) const READ_TRIES: u32 = 8;

/// An object that was found, and what of it is wanted.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) version: Version,
    /// Part of the content, if only that is wanted.
    pub(crate) range: Option<Range<u64>>,
    /// The checksum of what is wanted, if the caller asks for it and there is one.
    pub(crate) checksum: Option<Checksum>,
    /// When a lifecycle rule will delete it, as the header says it.
    pub(crate) expiration: Option<String>,
    /// What was restored of it, as the header says it.
    pub(crate) restore: Option<String>,
    /// What the caller may know of its lock.
    pub(crate) lock: Lock,
    versioned: bool,
    /// The range is a part that the caller named by its number.
    is_part: bool,
}

/// What a caller wants of an object.
pub(crate) struct Wanted<'a> {
    pub(crate) version_id: Option<&'a str>,
    pub(crate) range: Option<&'a str>,
    pub(crate) part_number: Option<i64>,
    pub(crate) checksum_mode: Option<&'a str>,
    pub(crate) conditions: ReadConditions<'a>,
}

impl Found {
    /// Which bytes are wanted.
    pub(crate) fn bytes(&self) -> Range<u64> {
        self.range.clone().unwrap_or(0..self.version.size)
    }

    /// How many bytes are wanted.
    pub(crate) fn len_bytes(&self) -> u64 {
        let bytes = self.bytes();
        bytes.end - bytes.start
    }

    /// The header that says which part of the content an answer has.
    pub(crate) fn content_range(&self) -> Option<String> {
        let range = self.range.clone().filter(|range| !range.is_empty())?;
        Some(format!("bytes {}-{}/{}", range.start, range.end - 1, self.version.size))
    }

    /// The version as answers name it: buckets that never had versioning have none.
    pub(crate) fn version_id(&self) -> Option<String> {
        self.versioned.then(|| self.version.id.clone())
    }

    /// In how many parts it was uploaded, where one of them is wanted.
    pub(crate) fn parts_count(&self) -> Option<i64> {
        (self.version.parts > 0 && self.is_part).then(|| i64::from(self.version.parts))
    }
}

impl S3 {
    /// The version of an object that a caller names, or the current one. Delete markers are refused.
    pub(crate) async fn find(&self, bucket: &Bucket, key: &str, version_id: Option<&str>) -> Result<Place, ApiError> {
        self.find_and_tell(None, bucket, key, version_id).await
    }

    /// The same, telling the caller in headers of a delete marker that is in the way.
    async fn find_and_tell(
        &self,
        call: Option<&Call>,
        bucket: &Bucket,
        key: &str,
        version_id: Option<&str>,
    ) -> Result<Place, ApiError> {
        crate::object::check_key(key)?;
        let place = match version_id {
            Some(id) => self.version(&bucket.name, key, id).await?.ok_or_else(|| no_such_version(key, id))?,
            None => {
                let current = self.current(&bucket.name, key).await?;
                let (version, rev) = current.ok_or_else(|| no_such_key(key))?;
                Place { version, rev, older: None }
            }
        };
        if !place.version.delete_marker {
            return Ok(place);
        }
        if let Some(call) = call {
            call.reply_header("x-amz-delete-marker", "true");
            call.reply_header("x-amz-version-id", place.version.id.clone());
        }
        if version_id.is_none() {
            return Err(no_such_key(key));
        }
        if let Some(call) = call {
            call.reply_header("allow", "DELETE");
            call.reply_header("last-modified", place.version.modified().http_date());
        }
        Err(ApiError::from(Error::MethodNotAllowed).with("Method", "GET").with("ResourceType", "DeleteMarker"))
    }

    /// What a caller wants of an object, if its conditions hold.
    pub(crate) async fn want(
        &self,
        call: &Call,
        bucket: &Bucket,
        key: &str,
        wanted: &Wanted<'_>,
    ) -> Result<Found, ApiError> {
        if wanted.range.is_some() && wanted.part_number.is_some() {
            let text = "Cannot specify both Range header and partNumber query parameter".to_owned();
            return Err(Error::InvalidRequest(text).into());
        }
        let Place { version, older, .. } = match self.find_and_tell(Some(call), bucket, key, wanted.version_id).await {
            // Who may not list a bucket does not learn that something is not in it. Source: S3 API reference, GetObject.
            Err(error) if error.code == "NoSuchKey" => {
                self.authorize_bucket(call, "s3:ListBucket", &bucket.name)
                    .await
                    .inspect_err(|_| call.forget_headers())?;
                return Err(error);
            }
            found => found?,
        };
        match wanted.conditions.judge(&version.etag, version.modified()) {
            Verdict::Met => {}
            Verdict::Failed(condition) => return Err(precondition_failed(condition)),
            Verdict::NotModified(condition) => {
                call.reply_header("etag", version.quoted_etag());
                call.reply_header("last-modified", version.modified().http_date());
                return Err(ApiError::from(Error::NotModified).with("Condition", condition));
            }
        }
        let expiration = if older.is_none() { self.expiration(bucket, key, &version).await? } else { None };
        let mut found = Found {
            expiration,
            restore: version.restore_header(self.env.clock.now()),
            lock: self.shown_lock(call, &bucket.name, key, version.lock.clone()).await?,
            version,
            range: None,
            checksum: None,
            versioned: bucket.versioning.is_some(),
            is_part: false,
        };
        let mut checksum = found.version.checksum.clone();
        if let Some(header) = wanted.range {
            found.range = range::parse(header, found.version.size)?;
            checksum = checksum.filter(|_| found.range.is_none());
        }
        if let Some(number) = wanted.part_number {
            found.is_part = true;
            checksum = self.narrow_to_part(&mut found, number).await?.or(checksum.filter(|_| found.version.parts == 0));
        }
        crate::access_logs::note(call, bucket, || crate::access_logs::Aside {
            object_size: Some(found.version.size),
            ..Default::default()
        });
        found.checksum =
            checksum.filter(|_| wanted.checksum_mode.is_some_and(|mode| mode.eq_ignore_ascii_case("ENABLED")));
        Ok(found)
    }

    /// Makes one part of an object what is wanted of it; the part's checksum, if it has one of its own.
    async fn narrow_to_part(&self, found: &mut Found, number: i64) -> Result<Option<Checksum>, ApiError> {
        let wanted = u32::try_from(number).ok().filter(|number| (1..=10_000).contains(number));
        let wanted = wanted.ok_or_else(|| {
            let text = "Part number must be an integer between 1 and 10000, inclusive";
            invalid_argument("partNumber", &number.to_string(), text)
        })?;
        let crate::object::Data::Parts(name) = &found.version.data else {
            if wanted != 1 {
                return Err(Error::InvalidPartNumber.into());
            }
            found.range = Some(0..found.version.size);
            return Ok(None);
        };
        let manifest = self.manifest(name).await?.ok_or(crate::content::OpenError::Gone)?;
        let mut start = 0;
        // Parts are counted in the order they have in the object.
        for (at, piece) in (1..).zip(manifest.parts) {
            if at == wanted {
                found.range = Some(start..start + piece.size);
                let kind = crate::checksum::Kind::FullObject;
                let algorithm = found.version.checksum.as_ref().map(|checksum| checksum.algorithm);
                return Ok(algorithm.zip(piece.checksum).map(|(algorithm, text)| Checksum { algorithm, kind, text }));
            }
            start += piece.size;
        }
        Err(Error::InvalidPartNumber.into())
    }
}
