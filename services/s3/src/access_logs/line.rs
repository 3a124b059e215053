//! A record as a line of an access log. What the record does not say (times, referrer, TLS) is `-`; what it says only by way of the
//! API's model (the request's line, the status) is put together again. Source: S3 user guide, "Amazon S3 server access log format".

use model::{Location, Operation, ShapeKind};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Aside, Source};

/// What stays as it is in a path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
/// What stays as it is in a query.
const QUERY: &AsciiSet = &PATH.remove(b'/').add(b'/');

/// What a line needs of a record.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    pub(super) event_time: String,
    event_source: String,
    event_name: String,
    #[serde(default)]
    aws_region: Option<String>,
    #[serde(rename = "sourceIPAddress", default)]
    source_ip: Option<String>,
    #[serde(default)]
    user_agent: Option<String>,
    #[serde(default)]
    error_code: Option<String>,
    #[serde(rename = "requestID", default)]
    request_id: Option<String>,
    #[serde(default)]
    user_identity: Identity,
    #[serde(default)]
    request_parameters: Option<Map<String, Value>>,
    #[serde(default)]
    response_elements: Option<Map<String, Value>>,
    #[serde(default)]
    additional_event_data: Option<Map<String, Value>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Identity {
    #[serde(rename = "type")]
    kind: Option<String>,
    arn: Option<String>,
}

/// What one line is about.
struct Subject<'a> {
    operation: String,
    key: Option<&'a str>,
    request_line: Option<String>,
    status: Option<u16>,
    error: Option<&'a str>,
    bytes_out: Option<u64>,
    size: Option<u64>,
    version: Option<&'a str>,
}

/// The operations whose resource is not told by the request's query: the method's place and the resource.
const NAMES: [(&str, &str); 27] = [
    ("AbortMultipartUpload", "DELETE.UPLOAD"),
    ("CompleteMultipartUpload", "POST.UPLOAD"),
    ("CopyObject", "COPY.OBJECT"),
    ("CreateBucket", "PUT.BUCKET"),
    ("CreateMultipartUpload", "POST.UPLOADS"),
    ("DeleteBucket", "DELETE.BUCKET"),
    ("DeleteObject", "DELETE.OBJECT"),
    ("DeleteObjectTagging", "DELETE.OBJECT_TAGGING"),
    ("DeleteObjects", "POST.MULTI_OBJECT_DELETE"),
    ("GetBucketLogging", "GET.LOGGING_STATUS"),
    ("GetBucketPolicy", "GET.BUCKETPOLICY"),
    ("GetObject", "GET.OBJECT"),
    ("GetObjectTagging", "GET.OBJECT_TAGGING"),
    ("HeadBucket", "HEAD.BUCKET"),
    ("HeadObject", "HEAD.OBJECT"),
    ("ListMultipartUploads", "GET.UPLOADS"),
    ("ListObjectVersions", "GET.BUCKETVERSIONS"),
    ("ListObjects", "GET.BUCKET"),
    ("ListObjectsV2", "GET.BUCKET"),
    ("ListParts", "GET.UPLOAD"),
    ("PutBucketLogging", "PUT.LOGGING_STATUS"),
    ("PutBucketPolicy", "PUT.BUCKETPOLICY"),
    ("PutObject", "PUT.OBJECT"),
    ("PutObjectTagging", "PUT.OBJECT_TAGGING"),
    ("UploadPart", "PUT.PART"),
    ("UploadPartCopy", "COPY.PART"),
    ("DeleteBucketPolicy", "DELETE.BUCKETPOLICY"),
];

/// Where a record names an operation otherwise than the model.
const ALIASES: [(&str, &str); 12] = [
    ("DeleteBucketPublicAccessBlock", "DeletePublicAccessBlock"),
    ("GetAccelerateConfiguration", "GetBucketAccelerateConfiguration"),
    ("GetBucketLifecycle", "GetBucketLifecycleConfiguration"),
    ("GetBucketNotification", "GetBucketNotificationConfiguration"),
    ("GetBucketObjectLockConfiguration", "GetObjectLockConfiguration"),
    ("GetBucketPublicAccessBlock", "GetPublicAccessBlock"),
    ("ListObjects", "ListObjectsV2"),
    ("PutAccelerateConfiguration", "PutBucketAccelerateConfiguration"),
    ("PutBucketLifecycle", "PutBucketLifecycleConfiguration"),
    ("PutBucketNotification", "PutBucketNotificationConfiguration"),
    ("PutBucketObjectLockConfiguration", "PutObjectLockConfiguration"),
    ("PutBucketPublicAccessBlock", "PutPublicAccessBlock"),
];

/// The statuses of S3's errors that are not 400. Source: S3 API reference, "Error responses".
const STATUSES: [(&str, u16); 44] = [
    ("AccessControlListNotSupported", 400),
    ("AccessDenied", 403),
    ("AllAccessDisabled", 403),
    ("BucketAlreadyExists", 409),
    ("BucketAlreadyOwnedByYou", 409),
    ("BucketNotEmpty", 409),
    ("CrossLocationLoggingProhibited", 403),
    ("InternalError", 500),
    ("InternalFailure", 500),
    ("InvalidAccessKeyId", 403),
    ("InvalidBucketState", 409),
    ("InvalidObjectState", 403),
    ("InvalidPartNumber", 416),
    ("InvalidRange", 416),
    ("InvalidSecurity", 403),
    ("MethodNotAllowed", 405),
    ("MissingContentLength", 411),
    ("NoSuchBucket", 404),
    ("NoSuchBucketPolicy", 404),
    ("NoSuchCORSConfiguration", 404),
    ("NoSuchConfiguration", 404),
    ("NoSuchKey", 404),
    ("NoSuchLifecycleConfiguration", 404),
    ("NoSuchObjectLockConfiguration", 404),
    ("NoSuchPublicAccessBlockConfiguration", 404),
    ("NoSuchTagSet", 404),
    ("NoSuchUpload", 404),
    ("NoSuchVersion", 404),
    ("NoSuchWebsiteConfiguration", 404),
    ("NotImplemented", 501),
    ("NotModified", 304),
    ("ObjectLockConfigurationNotFoundError", 404),
    ("OperationAborted", 409),
    ("OwnershipControlsNotFoundError", 404),
    ("PreconditionFailed", 412),
    ("ReplicationConfigurationNotFoundError", 404),
    ("RequestTimeTooSkewed", 403),
    ("RestoreAlreadyInProgress", 409),
    ("ServerSideEncryptionConfigurationNotFoundError", 404),
    ("ServiceUnavailable", 503),
    ("SignatureDoesNotMatch", 403),
    ("SlowDown", 503),
    ("TooManyBuckets", 400),
    ("ConditionalRequestConflict", 409),
];

impl Record {
    /// The bucket that the request was for, if it is one of S3's.
    pub(super) fn bucket(&self) -> Option<&str> {
        if self.event_source != "s3.amazonaws.com" {
            return None;
        }
        self.parameter("bucketName")
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.request_parameters.as_ref()?.get(name)?.as_str()
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.additional_event_data.as_ref()?.get(name)?.as_u64()
    }

    fn additional(&self, name: &str) -> Option<&str> {
        self.additional_event_data.as_ref()?.get(name)?.as_str()
    }

    /// The lines, with their ends, for a log of the bucket `source`: one of the request, and one of each object of a DeleteObjects.
    pub(super) fn lines(&self, source: &Source, model: &model::Model, aside: &Aside) -> String {
        let bucket = self.bucket().unwrap_or("-");
        let operation = self.operation(model);
        let is_preflight = self.event_name == "PreflightRequest";
        let key = self.parameter("key");
        let error = self.error_code.as_deref();
        let (bytes_in, bytes_out) = (self.number("bytesTransferredIn"), self.number("bytesTransferredOut"));
        let is_range = self.parameter("Range").is_some();
        let size = match (&*self.event_name, error) {
            ("PutObject" | "UploadPart", None) => bytes_in,
            ("GetObject" | "HeadObject", None) if aside.object_size.is_some() => aside.object_size,
            ("GetObject", None) if !is_range => bytes_out,
            _ => None,
        };
        let version = self.response_elements.as_ref().and_then(|response| response.get("x-amz-version-id")?.as_str());
        // The answer to a DeleteObjects is a success, whatever the record says.
        let error = error.filter(|_| aside.deleted.is_empty());
        let mut lines = self.line(
            source,
            &Subject {
                operation: match operation {
                    Some(operation) => format!("REST.{}", name(operation)),
                    None if is_preflight => "REST.OPTIONS.PREFLIGHT".to_owned(),
                    None => "-".to_owned(),
                },
                key,
                request_line: operation.map(|operation| self.request_line(operation, model, bucket, key)),
                status: status(operation, error, is_range),
                error,
                bytes_out,
                size,
                version: self.parameter("versionId").or(version),
            },
        );
        for deleted in &aside.deleted {
            let error = deleted.error.as_deref();
            lines += &self.line(
                source,
                &Subject {
                    operation: "BATCH.DELETE.OBJECT".to_owned(),
                    key: Some(&deleted.key),
                    request_line: None,
                    status: error.map_or(Some(204), |_| status(None, error, false)),
                    error,
                    bytes_out: None,
                    size: None,
                    version: deleted.version.as_deref(),
                },
            );
        }
        lines
    }

    /// One line.
    fn line(&self, source: &Source, subject: &Subject<'_>) -> String {
        let requester = match self.user_identity.kind.as_deref() {
            Some("Root") => Some(source.owner.as_str()),
            _ => self.user_identity.arn.as_deref().filter(|arn| !arn.is_empty()),
        };
        let agent = self.user_agent.as_deref().map(|agent| agent.trim_start_matches('[').trim_end_matches(']'));
        let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map_or_else(|| "-".to_owned(), one_word);
        let quoted = |text: Option<&str>| {
            format!("\"{}\"", text.filter(|text| !text.is_empty()).map_or_else(|| "-".to_owned(), inside_quotes))
        };
        let count = |number: Option<u64>| number.filter(|n| *n > 0).map_or_else(|| "-".to_owned(), |n| n.to_string());
        let fields = [
            text(Some(&source.owner)),
            text(self.bucket()),
            format!("[{}]", time(&self.event_time)),
            text(self.source_ip.as_deref()),
            text(requester),
            text(self.request_id.as_deref()),
            subject.operation.clone(),
            text(subject.key.map(|key| utf8_percent_encode(key, PATH).to_string()).as_deref()),
            quoted(subject.request_line.as_deref()),
            subject.status.map_or_else(|| "-".to_owned(), |status| status.to_string()),
            text(subject.error),
            count(subject.bytes_out),
            count(subject.size),
            "-".to_owned(),
            "-".to_owned(),
            quoted(None),
            quoted(agent),
            text(subject.version),
            text(self.additional("x-amz-id-2")),
            text(self.additional("SignatureVersion")),
            "-".to_owned(),
            text(self.additional("AuthenticationMethod")),
            text(self.parameter("Host")),
            "-".to_owned(),
            "-".to_owned(),
            "-".to_owned(),
            text(self.aws_region.as_deref()),
        ];
        let mut line = fields.join(" ");
        line.push('\n');
        line
    }

    /// The operation as the model has it.
    fn operation<'m>(&self, model: &'m model::Model) -> Option<&'m Operation> {
        let name = self.event_name.as_str();
        let alias = ALIASES
            .iter()
            .find(|(known, _)| *known == name && (name != "ListObjects" || self.parameter("list-type").is_some()));
        model.operations.get(alias.map_or(name, |(_, name)| *name))
    }

    /// `GET /bucket/key?versionId=x HTTP/1.1`, the bucket in the path wherever the client had it.
    fn request_line(&self, operation: &Operation, model: &model::Model, bucket: &str, key: Option<&str>) -> String {
        let mut uri = format!("/{bucket}");
        if let Some(key) = key {
            uri.push('/');
            uri.extend(utf8_percent_encode(key, PATH));
        }
        let mut query: Vec<String> = Vec::new();
        for (name, value) in operation.uri.query.iter().filter(|(name, _)| name != "x-id") {
            query.push(value.as_ref().map_or_else(|| name.clone(), |value| format!("{name}={value}")));
        }
        if let Some(ShapeKind::Structure(input)) = operation.input.as_ref().map(|input| &model.shape(input).kind) {
            for member in &input.members {
                let traits = &member.target.traits;
                let name = traits.location_name.as_deref().unwrap_or(&member.name);
                let value = self.request_parameters.as_ref().and_then(|parameters| parameters.get(name));
                if let (Some(Location::Query), Some(value)) = (traits.location, value) {
                    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    query.push(format!("{name}={}", utf8_percent_encode(&value, QUERY)));
                }
            }
        }
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{} {uri}{mark}{} HTTP/1.1", operation.method, query.join("&"))
    }
}

/// `GET.ACL`: the method and what it is done to.
fn name(operation: &Operation) -> String {
    if let Some((_, known)) = NAMES.iter().find(|(name, _)| **name == *operation.name) {
        return (*known).to_owned();
    }
    let sub =
        operation.uri.query.iter().map(|(name, _)| name).find(|name| !matches!(name.as_str(), "x-id" | "list-type"));
    // `publicAccessBlock` is PUBLIC_ACCESS_BLOCK, `object-lock` OBJECT_LOCK.
    let mut resource = String::new();
    for c in sub.map_or("bucket", String::as_str).chars() {
        match c {
            '-' => resource.push('_'),
            upper if upper.is_ascii_uppercase() => resource.extend(['_', upper]),
            other => resource.push(other.to_ascii_uppercase()),
        }
    }
    format!("{}.{resource}", operation.method)
}

fn status(operation: Option<&Operation>, error: Option<&str>, is_range: bool) -> Option<u16> {
    match error {
        Some(code) => Some(STATUSES.iter().find(|(known, _)| *known == code).map_or(400, |(_, status)| *status)),
        None if is_range => Some(206),
        None => operation.map(|operation| operation.status),
    }
}

/// `06/Feb/2019:00:00:38 +0000`.
fn time(iso8601: &str) -> String {
    let Some(time) = base::Timestamp::parse_iso8601(iso8601) else { return "-".to_owned() };
    let date = time.http_date();
    // `Wed, 06 Feb 2019 00:00:38 GMT` has all the parts.
    let mut parts = date.split(' ').skip(1);
    let mut next = || parts.next().unwrap_or("-");
    let (day, month, year, clock) = (next(), next(), next(), next());
    format!("{day}/{month}/{year}:{clock} +0000")
}

/// A field that has no spaces around it, and none in it.
fn one_word(text: &str) -> String {
    text.chars().map(|c| if c.is_whitespace() || c.is_control() { '_' } else { c }).collect()
}

/// A field in quotes: a client's own text must not end it, nor the line.
fn inside_quotes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("%22"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
