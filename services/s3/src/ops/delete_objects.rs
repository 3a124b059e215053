//! DeleteObjects: deletes up to 1,000 objects or versions. Each stands for itself: what one is refused for does not touch the
//! others.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::S3;
use crate::access_logs::{self, Aside, Deleted};
use crate::bucket::Bucket;
use crate::conditions::WriteCondition;
use crate::error::Error;
use crate::members::members;
use crate::object::check_key;

/// The most objects of one call.
const OBJECTS_MAX: usize = 1000;

/// See the module.
pub struct DeleteObjects;

/// What is to be deleted.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Delete {
    objects: Vec<Identifier>,
    quiet: Option<bool>,
}

/// One of them.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Identifier {
    key: String,
    version_id: Option<String>,
    #[serde(rename = "ETag")]
    etag: Option<String>,
    last_modified_time: Option<Timestamp>,
    size: Option<i64>,
}

members! { input Input {
    pub delete: Delete,
    #[serde(rename = "MFA")]
    pub mfa: Option<String>,
    pub bypass_governance_retention: Option<bool>,
} bucket }

/// One that was deleted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Done {
    key: String,
    version_id: Option<String>,
    delete_marker: Option<bool>,
    delete_marker_version_id: Option<String>,
}

/// One that was not.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Refused {
    key: String,
    version_id: Option<String>,
    code: String,
    message: String,
}

members! { output Output {
    pub deleted: Vec<Done>,
    pub errors: Vec<Refused>,
} }

impl Operation for DeleteObjects {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeleteObjects";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}/*";
    const ACTION: &'static str = "DeleteObject";
    const ASKS_ITSELF: bool = true;
    // The gateway has verified the body's digest; who pays makes no difference.
    const IGNORES: &'static [&'static str] = &["ChecksumAlgorithm", "RequestPayer"];

    async fn run(s3: &S3, call: &Call, mut input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        let objects = std::mem::take(&mut input.delete.objects);
        if objects.is_empty() || objects.len() > OBJECTS_MAX {
            return Err(Error::MalformedXML.into());
        }
        // One code for the whole call. Without one, only what names a version is refused; with a wrong one, all is.
        let second_factor = match input.mfa.as_deref() {
            Some(mfa) => s3.check_second_factor(call, &bucket, Some(mfa)).await.map(|()| Ok(()))?,
            None => s3.check_second_factor(call, &bucket, None).await,
        };
        let mut output = Output::default();
        let (all, is_logged) = (objects.len(), access_logs::is_on(&bucket));
        let mut each = Vec::new();
        for object in objects {
            let versioned = object.version_id.as_deref().is_some_and(|id| !id.is_empty());
            let refused = second_factor.as_ref().err().filter(|_| versioned).cloned();
            let done = match refused {
                Some(error) => Err(error),
                None => delete(s3, call, &bucket, &object, input.bypass_governance_retention).await,
            };
            if is_logged {
                each.push(Deleted {
                    key: object.key.clone(),
                    version: object.version_id.clone(),
                    error: done.as_ref().err().map(|error| error.code.clone().into_owned()),
                });
            }
            match done {
                Ok(done) if input.delete.quiet != Some(true) => output.deleted.push(done),
                Ok(_) => {}
                // Storage that fails is no matter of one object.
                Err(error) if error.status >= 500 && error.status != 501 => return Err(error),
                Err(error) => output.errors.push(Refused {
                    key: object.key,
                    version_id: object.version_id,
                    code: error.code.into_owned(),
                    message: error.message,
                }),
            }
        }
        // The answer says of each what became of it; the record has one place for it all.
        if let Some(first) = output.errors.first()
            && output.errors.len() == all
            && output.errors.iter().all(|refused| refused.code == "AccessDenied")
        {
            call.note_error(&first.code, &first.message);
        }
        access_logs::note(call, &bucket, || Aside { deleted: each, ..Aside::default() });
        Ok(output)
    }
}

async fn delete(
    s3: &S3,
    call: &Call,
    bucket: &Bucket,
    object: &Identifier,
    bypass: Option<bool>,
) -> Result<Done, ApiError> {
    check_key(&object.key)?;
    if object.last_modified_time.is_some() || object.size.is_some() {
        let text = "Conditions on the time and size of objects are of directory buckets, which are not implemented.";
        return Err(Error::NotImplemented(text.to_owned()).into());
    }
    let condition = WriteCondition::parse(object.etag.as_deref(), None)?;
    let version_id = object.version_id.as_deref().filter(|id| !id.is_empty());
    let action = if version_id.is_some() { "s3:DeleteObjectVersion" } else { "s3:DeleteObject" };
    let of_version = version_id.map(|id| ("s3:versionid", id));
    s3.authorize_with(call, action, &bucket.name, &object.key, of_version.as_slice()).await?;
    let bypass = s3.bypasses(call, bucket, &object.key, bypass).await?;
    let deleted = s3.delete_version(&bucket.name, &object.key, version_id, &condition, bypass).await?;
    Ok(Done {
        key: object.key.clone(),
        version_id: version_id.map(str::to_owned),
        delete_marker: deleted.delete_marker.then_some(true),
        delete_marker_version_id: deleted.version_id.filter(|_| deleted.delete_marker),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::*;

    #[tokio::test]
    async fn each_stands_for_itself() {
        let s3 = service();
        bucket(&s3, "bkt").await;
        put(&s3, "bkt", "a", "1").await;
        put(&s3, "bkt", "b", "2").await;
        let input = |objects: serde_json::Value, quiet: bool| Input {
            bucket: "bkt".into(),
            delete: serde_json::from_value(serde_json::json!({ "Objects": objects, "Quiet": quiet })).unwrap(),
            ..Input::default()
        };
        let long = "k".repeat(1025);
        let objects = serde_json::json!([
            { "Key": "a" }, { "Key": "none" }, { "Key": "b", "ETag": "\"x\"" }, { "Key": long },
            { "Key": "a", "VersionId": "bad" },
        ]);
        let output = call::<DeleteObjects>(&s3, input(objects.clone(), false)).await.unwrap();
        let deleted: Vec<_> = output.deleted.iter().map(|done| done.key.as_str()).collect();
        assert_eq!(deleted, ["a", "none"]);
        let errors: Vec<_> = output.errors.iter().map(|refused| refused.code.as_str()).collect();
        assert_eq!(errors, ["PreconditionFailed", "KeyTooLongError", "InvalidArgument"]);
        let output = call::<DeleteObjects>(&s3, input(objects, true)).await.unwrap();
        assert_eq!((output.deleted.len(), output.errors.len()), (0, 3));
        let many: Vec<_> = (0..1001).map(|at| serde_json::json!({ "Key": at.to_string() })).collect();
        for objects in [serde_json::json!([]), many.into()] {
            assert_eq!(call::<DeleteObjects>(&s3, input(objects, false)).await.unwrap_err().code, "MalformedXML");
        }
        versioning(&s3, "bkt", "Enabled").await;
        let output = call::<DeleteObjects>(&s3, input(serde_json::json!([{ "Key": "b" }]), false)).await.unwrap();
        let marker = output.deleted[0].delete_marker_version_id.clone();
        assert!(output.deleted[0].delete_marker == Some(true) && marker.is_some());
        let undo = serde_json::json!([{ "Key": "b", "VersionId": marker }]);
        let output = call::<DeleteObjects>(&s3, input(undo, false)).await.unwrap();
        assert_eq!(
            (output.deleted[0].delete_marker, &output.deleted[0].delete_marker_version_id),
            (Some(true), &marker)
        );
        assert_eq!(content(&s3, "bkt", "b", None).await.unwrap(), "2");
    }
}
