//! Where a copy comes from.

use percent_encoding::percent_decode_str;
use service::{ApiError, Body, Call};

use crate::S3;
use crate::bucket::Bucket;
use crate::conditions::{ReadConditions, Verdict};
use crate::content::OpenError;
use crate::error::{Error, invalid_argument, precondition_failed};
use crate::object::Version;

/// An object to copy, and on what conditions.
pub(crate) struct Source<'a> {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) version_id: Option<String>,
    expected_owner: Option<&'a str>,
    conditions: ReadConditions<'a>,
}

impl<'a> Source<'a> {
    /// Reads `x-amz-copy-source`: `[/]bucket/key[?versionId=id]`, percent-encoded.
    pub(crate) fn parse(
        text: &str,
        expected_owner: Option<&'a str>,
        conditions: ReadConditions<'a>,
    ) -> Result<Source<'a>, ApiError> {
        let refused = |why: &str| invalid_argument("x-amz-copy-source", text, why);
        let (path, version_id) = match text.split_once("?versionId=") {
            Some((path, id)) => (path, Some(id.to_owned())),
            None => (text, None),
        };
        let path = percent_decode_str(path).decode_utf8();
        let path = path.map_err(|_| refused("Invalid copy source encoding."))?;
        if path.starts_with("arn:") {
            return Err(crate::error::header_not_implemented("x-amz-copy-source", text));
        }
        let place = path.strip_prefix('/').unwrap_or(&path).split_once('/');
        let Some((bucket, key)) = place.filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty()) else {
            return Err(refused("Copy Source must mention the source bucket and key: sourcebucket/sourcekey"));
        };
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        Ok(Source { bucket, key, version_id, expected_owner, conditions })
    }

    /// The version to copy, if the conditions hold.
    pub(crate) async fn find(&self, s3: &S3, call: &Call) -> Result<(Bucket, Version), ApiError> {
        let action = if self.version_id.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
        let of_version = self.version_id.as_deref().map(|id| ("s3:versionid", id));
        s3.authorize_with(call, action, &self.bucket, &self.key, of_version.as_slice()).await?;
        let bucket = s3.bucket(&self.bucket, self.expected_owner).await?;
        let place = s3.find(&bucket, &self.key, self.version_id.as_deref()).await.map_err(|error| {
            if error.code == "MethodNotAllowed" {
                let text = "The source of a copy request may not specifically refer to a delete marker by version id.";
                return Error::InvalidRequest(text.to_owned()).into();
            }
            error
        })?;
        call.note_resource("AWS::S3::Object", format!("{}/{}", bucket.arn(), self.key));
        match self.conditions.judge(&place.version.etag, place.version.modified()) {
            Verdict::Met => {
                place.version.check_readable(s3.env.clock.now())?;
                Ok((bucket, place.version))
            }
            Verdict::Failed(condition) | Verdict::NotModified(condition) => {
                Err(precondition_failed(&format!("x-amz-copy-source-{condition}")))
            }
        }
    }

    /// The bytes to copy.
    pub(crate) async fn open(
        &self,
        s3: &S3,
        call: &Call,
        bucket: &Bucket,
        version: &Version,
        range: std::ops::Range<u64>,
    ) -> Result<Body, OpenError> {
        let keys = s3.unlock_for(call, bucket.region, version.kms.as_deref()).await?;
        s3.open_watched(&self.bucket, &self.key, &version.data, range, &keys).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(&str, &str, Option<&str>), &str>) {
        let source = Source::parse(text, None, ReadConditions::default());
        let found = source.as_ref().map(|s| (s.bucket.as_str(), s.key.as_str(), s.version_id.as_deref()));
        assert_eq!(found.map_err(|error| error.code.as_ref()), expected, "{text}");
    }

    #[test]
    fn sources() {
        check("b/k", Ok(("b", "k", None)));
        check("/b/a/b%20c+d%3F", Ok(("b", "a/b c+d?", None)));
        check("b/k?versionId=null", Ok(("b", "k", Some("null"))));
        check("b", Err("InvalidArgument"));
        check("b/", Err("InvalidArgument"));
        check("/b%FF/k", Err("InvalidArgument"));
        check("arn:aws:s3:us-east-1:123456789012:accesspoint/x/object/k", Err("NotImplemented"));
    }
}
