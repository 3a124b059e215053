//! What S3 refuses, in its own words. Source: S3 API reference, "Error responses", and the error members that its clients read.

use service::ApiError;

service::api_errors! {
    /// What S3 refuses.
    pub enum Error {
        /// The caller may not, or the bucket is not whose the caller thinks.
        AccessDenied = 403 => "Access Denied",
        /// Only `BucketOwnerEnforced` is there, so access control lists cannot be given.
        AccessControlListNotSupported = 400 => "The bucket does not allow ACLs",
        /// A policy tag or tag set too large.
        BadRequest(String) = 400 => "{0}",
        /// The content is not what its digest says.
        BadDigest(String) = 400 => "{0}",
        /// There are objects in it.
        BucketNotEmpty = 409 => "The bucket you tried to delete is not empty",
        /// Parts but the last must have 5 MiB.
        EntityTooSmall = 400 => "Your proposed upload is smaller than the minimum allowed size",
        /// More than one call may write.
        EntityTooLarge = 400 => "Your proposed upload exceeds the maximum allowed size",
        /// What the bucket has does not go with what is wanted.
        InvalidBucketState(String) = 409 => "{0}",
        /// The storage class does not let it be done.
        InvalidObjectState(String) = 403 => "{0}",
        /// The object has no such lock.
        NoSuchObjectLockConfiguration = 404 => "The specified object does not have a ObjectLock configuration",
        /// Object Lock keeps the version as it is.
        ObjectLocked = 403 as "AccessDenied" => "Access Denied because object protected by object lock.",
        /// The region's endpoint does not make buckets there.
        IllegalLocationConstraintException(String) = 400 =>
            "The {0} location constraint is incompatible for the region specific endpoint this request was sent to.",
        /// Fewer bytes than announced.
        IncompleteBody = 400 => "You did not provide the number of bytes specified by the Content-Length HTTP header",
        /// A parameter makes no sense.
        InvalidArgument(String) = 400 => "{0}",
        /// With `BucketOwnerEnforced` there are no access control lists.
        InvalidBucketAclWithObjectOwnership = 400 =>
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
        /// See "General purpose bucket naming rules".
        InvalidBucketName = 400 => "The specified bucket is not valid.",
        /// Not base 64 of 16 bytes.
        InvalidDigest = 400 => "The Content-MD5 you specified was invalid.",
        /// No such region.
        InvalidLocationConstraint = 400 => "The specified location-constraint is not valid",
        /// A part that was not uploaded.
        InvalidPart = 400 => "One or more of the specified parts could not be found.  The part may not have been uploaded, \
            or the specified entity tag may not match the part's entity tag.",
        /// A part's number on reading is past the last.
        InvalidPartNumber = 416 => "The requested partnumber is not satisfiable",
        /// Part numbers must ascend.
        InvalidPartOrder = 400 => "The list of parts was not in ascending order. Parts must be ordered by part number.",
        /// The range starts after the end.
        InvalidRange = 416 => "The requested range is not satisfiable",
        /// Not a redirect.
        InvalidRedirectLocation = 400 =>
            "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
        /// A combination that makes no sense.
        InvalidRequest(String) = 400 => "{0}",
        /// Not a storage class of general purpose buckets.
        InvalidStorageClass = 400 => "The storage class you specified is not valid",
        /// Access logs cannot go there.
        InvalidTargetBucketForLogging(String) = 400 => "{0}",
        /// Not a tag.
        InvalidTag(String) = 400 => "{0}",
        /// Keys have at most 1,024 bytes.
        KeyTooLongError = 400 => "Your key is too long",
        /// Not a bucket policy.
        MalformedPolicy(String) = 400 => "{0}",
        /// Not the expected XML.
        MalformedXML = 400 =>
            "The XML you provided was not well-formed or did not validate against our published schema",
        /// A request for an access control list that gives none.
        MissingSecurityHeader = 400 => "Your request was missing a required header.",
        /// User metadata has at most 2 KB.
        MetadataTooLarge = 400 => "Your metadata headers exceed the maximum allowed metadata size",
        /// The version asked for is a delete marker.
        MethodNotAllowed = 405 => "The specified method is not allowed against this resource.",
        /// No such bucket.
        NoSuchBucket = 404 => "The specified bucket does not exist",
        /// The bucket has none.
        NoSuchBucketPolicy = 404 => "The bucket policy does not exist",
        /// No such object.
        NoSuchKey = 404 => "The specified key does not exist.",
        /// No such upload.
        NoSuchUpload = 404 => "The specified upload does not exist. The upload ID may be invalid, or the upload may have \
            been aborted or completed.",
        /// No such version.
        NoSuchVersion = 404 => "The specified version does not exist.",
        /// The bucket has none.
        NoSuchTagSet = 404 => "The TagSet does not exist",
        /// A part of S3 that is not there (yet); the text says which.
        NotImplemented(String) = 501 => "{0}",
        /// The condition on reading says so.
        NotModified = 304 => "Not Modified",
        /// Another call is changing the same thing.
        OperationAborted = 409 =>
            "A conflicting conditional operation is currently in progress against this resource. Please try again.",
        /// Grants name canonical users and groups alone.
        UnresolvableGrantByEmailAddress(String) = 400 => "{0}",
        /// A condition failed.
        PreconditionFailed = 412 => "At least one of the pre-conditions you specified did not hold",
    }
}

/// A refusal because there is no such bucket.
pub(crate) fn no_such_bucket(bucket: &str) -> ApiError {
    ApiError::from(Error::NoSuchBucket).with("BucketName", bucket)
}

/// A refusal because there is no such object.
pub(crate) fn no_such_key(key: &str) -> ApiError {
    ApiError::from(Error::NoSuchKey).with("Key", key)
}

/// A refusal because there is no such version.
pub(crate) fn no_such_version(key: &str, version: &str) -> ApiError {
    ApiError::from(Error::NoSuchVersion).with("Key", key).with("VersionId", version)
}

/// A refusal because there is no such upload.
pub(crate) fn no_such_upload(upload: &str) -> ApiError {
    ApiError::from(Error::NoSuchUpload).with("UploadId", upload)
}

/// A refusal because a parameter's value makes no sense.
pub(crate) fn invalid_argument(name: &str, value: &str, text: impl Into<String>) -> ApiError {
    ApiError::from(Error::InvalidArgument(text.into())).with("ArgumentName", name).with("ArgumentValue", value)
}

/// A refusal because of the named condition.
pub(crate) fn precondition_failed(condition: &str) -> ApiError {
    ApiError::from(Error::PreconditionFailed).with("Condition", condition)
}

/// A refusal because a header asks for something that is not there yet, rather than ignoring it.
pub(crate) fn header_not_implemented(header: &str, value: &str) -> ApiError {
    let text = "A header you provided implies functionality that is not implemented";
    ApiError::from(Error::NotImplemented(text.to_owned())).with("Header", header).with("Value", value)
}

/// What a failure of the tables means for a caller.
pub(crate) fn state_failed(error: state::Error) -> ApiError {
    match error {
        state::Error::Conflict { .. } | state::Error::Contended { .. } => Error::OperationAborted.into(),
        state::Error::Full | state::Error::Closed | state::Error::Storage { .. } => ApiError::unavailable(error),
        other => ApiError::internal(other),
    }
}
