//! What S3 does differently from its model: the names of root elements, the headers with request ids, the fixed texts of
//! errors.

use base64::Engine;
use model::{Model, Operation};

use crate::scalar::BASE64;

/// The namespace of every answer but errors.
pub(crate) const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// What S3 says of every body that it cannot read (Amazon S3 API Reference, "Error responses", `MalformedXML`).
pub(crate) const MALFORMED_XML: &str =
    "The XML you provided was not well-formed or did not validate against our published schema";

/// Root elements of answers, by the model's output shape, where they are not the shape's own name. From the response syntax
/// on each operation's page of the Amazon S3 API Reference.
const ROOTS: &[(&str, &str)] = &[
    ("CompleteMultipartUploadOutput", "CompleteMultipartUploadResult"),
    ("CreateMultipartUploadOutput", "InitiateMultipartUploadResult"),
    ("CreateSessionOutput", "CreateSessionResult"),
    ("DeleteObjectsOutput", "DeleteResult"),
    ("GetBucketAccelerateConfigurationOutput", "AccelerateConfiguration"),
    ("GetBucketAclOutput", "AccessControlPolicy"),
    ("GetBucketCorsOutput", "CORSConfiguration"),
    ("GetBucketLifecycleConfigurationOutput", "LifecycleConfiguration"),
    ("GetBucketLifecycleOutput", "LifecycleConfiguration"),
    ("GetBucketLocationOutput", "LocationConstraint"),
    ("GetBucketLoggingOutput", "BucketLoggingStatus"),
    ("GetBucketRequestPaymentOutput", "RequestPaymentConfiguration"),
    ("GetBucketTaggingOutput", "Tagging"),
    ("GetBucketVersioningOutput", "VersioningConfiguration"),
    ("GetBucketWebsiteOutput", "WebsiteConfiguration"),
    ("GetObjectAclOutput", "AccessControlPolicy"),
    ("GetObjectAttributesOutput", "GetObjectAttributesResponse"),
    ("GetObjectTaggingOutput", "Tagging"),
    ("ListBucketAnalyticsConfigurationsOutput", "ListBucketAnalyticsConfigurationResult"),
    ("ListBucketInventoryConfigurationsOutput", "ListInventoryConfigurationsResult"),
    ("ListBucketMetricsConfigurationsOutput", "ListMetricsConfigurationsResult"),
    ("ListBucketsOutput", "ListAllMyBucketsResult"),
    ("ListDirectoryBucketsOutput", "ListAllMyDirectoryBucketsResult"),
    ("ListMultipartUploadsOutput", "ListMultipartUploadsResult"),
    ("ListObjectVersionsOutput", "ListVersionsResult"),
    ("ListObjectsOutput", "ListBucketResult"),
    ("ListObjectsV2Output", "ListBucketResult"),
    ("ListPartsOutput", "ListPartsResult"),
    ("NotificationConfigurationDeprecated", "NotificationConfiguration"),
];

/// Whether a model is S3's.
pub(crate) fn is(model: &Model) -> bool {
    &*model.name == "s3"
}

/// The root element for an output shape.
pub(crate) fn root(shape_name: &str) -> &str {
    let known = ROOTS.iter().find(|(shape, _)| *shape == shape_name);
    known.map_or(shape_name, |(_, root)| root)
}

/// Whether an answer is its one member, without an element around it (GetBucketLocation).
pub(crate) fn is_unwrapped(model: &Model, operation: &Operation) -> bool {
    operation.unwrapped_xml_output || (is(model) && &*operation.name == "GetBucketLocation")
}

/// The second request id, if the caller has none: opaque to everyone but S3's operators, but always there.
pub(crate) fn host_id(request_id: &str) -> String {
    BASE64.encode(request_id.repeat(3))
}

/// What S3 says of a query parameter or header that it cannot read.
pub(crate) fn bad_parameter(name: &str, wants_number: bool, fault: &str) -> String {
    match name {
        "partNumber" => "Part number must be an integer between 1 and 10000, inclusive".to_owned(),
        _ if wants_number => format!("Provided {name} not an integer or within integer range"),
        _ => fault.to_owned(),
    }
}

/// Headers that are taken as absent when they are not dates (RFC 9110, section 13.1.3).
pub(crate) fn ignores_bad_date(header: &str) -> bool {
    matches!(header, "if-modified-since" | "if-unmodified-since" | "expires")
}
