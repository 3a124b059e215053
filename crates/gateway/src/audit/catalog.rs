//! What the event of an operation is called, whether it reads or writes, and whether it is a management or a data event.
//!
//! Data, from the CloudTrail user guide ("Logging data events", the table of resource types) and the services' own guides
//! ("Logging … API calls using AWS CloudTrail"); event names where they differ from the operation's are those of real records.

use std::sync::Arc;

use model::{Model, Operation};

/// What is known of an operation's events before any call is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventKind {
    /// `s3.amazonaws.com`.
    pub source: String,
    /// `ListObjects` for ListObjectsV2.
    pub name: Arc<str>,
    /// Changes nothing.
    pub read_only: bool,
    /// A data event rather than a management event.
    pub data: bool,
    /// The API version, for services whose records carry one.
    pub api_version: Option<String>,
}

/// What the events of `operation` are.
pub fn describe(model: &Model, operation: &Operation) -> EventKind {
    let service = &*model.name;
    let name = &*operation.name;
    EventKind {
        source: source(model),
        name: event_name(service, name).map_or_else(|| Arc::clone(&operation.name), Arc::from),
        read_only: is_read_only(service, operation),
        data: is_data(service, name),
        api_version: (service == "lambda" || service == "ec2").then(|| model.metadata.api_version.clone()),
    }
}

/// The `eventSource` of a service: its endpoint's first label, as real records have it.
fn source(model: &Model) -> String {
    match &*model.name {
        "cairn" => "cairn.local".to_owned(),
        "guardduty" | "securityhub" | "organizations" | "iam" | "sts" | "s3" => format!("{}.amazonaws.com", model.name),
        _ => format!("{}.amazonaws.com", model.metadata.endpoint_prefix),
    }
}

/// Where a record's `eventName` is not the operation's name.
fn event_name(service: &str, operation: &str) -> Option<&'static str> {
    Some(match (service, operation) {
        ("s3", "ListObjectsV2") => "ListObjects",
        ("s3", "GetBucketAccelerateConfiguration") => "GetAccelerateConfiguration",
        ("s3", "PutBucketAccelerateConfiguration") => "PutAccelerateConfiguration",
        ("s3", "GetBucketLifecycleConfiguration") => "GetBucketLifecycle",
        ("s3", "PutBucketLifecycleConfiguration") => "PutBucketLifecycle",
        ("s3", "GetBucketNotificationConfiguration") => "GetBucketNotification",
        ("s3", "PutBucketNotificationConfiguration") => "PutBucketNotification",
        ("s3", "GetObjectLockConfiguration") => "GetBucketObjectLockConfiguration",
        ("s3", "PutObjectLockConfiguration") => "PutBucketObjectLockConfiguration",
        ("s3", "GetPublicAccessBlock") => "GetBucketPublicAccessBlock",
        ("s3", "PutPublicAccessBlock") => "PutBucketPublicAccessBlock",
        ("s3", "DeletePublicAccessBlock") => "DeleteBucketPublicAccessBlock",
        ("s3", "UploadPartCopy") => "UploadPartCopy",
        ("lambda", "CreateFunction") => "CreateFunction20150331",
        ("lambda", "DeleteFunction") => "DeleteFunction20150331",
        ("lambda", "GetFunction") => "GetFunction20150331v2",
        ("lambda", "GetFunctionConfiguration") => "GetFunctionConfiguration20150331v2",
        ("lambda", "ListFunctions") => "ListFunctions20150331",
        ("lambda", "UpdateFunctionCode") => "UpdateFunctionCode20150331v2",
        ("lambda", "UpdateFunctionConfiguration") => "UpdateFunctionConfiguration20150331v2",
        ("lambda", "AddPermission") => "AddPermission20150331v2",
        ("lambda", "RemovePermission") => "RemovePermission20150331v2",
        ("lambda", "GetPolicy") => "GetPolicy20150331v2",
        ("lambda", "CreateEventSourceMapping") => "CreateEventSourceMapping20150331",
        ("lambda", "DeleteEventSourceMapping") => "DeleteEventSourceMapping20150331",
        ("lambda", "GetEventSourceMapping") => "GetEventSourceMapping20150331",
        ("lambda", "ListEventSourceMappings") => "ListEventSourceMappings20150331",
        ("lambda", "UpdateEventSourceMapping") => "UpdateEventSourceMapping20150331",
        ("lambda", "PublishVersion") => "PublishVersion20150331",
        ("lambda", "ListVersionsByFunction") => "ListVersionsByFunction20150331",
        ("lambda", "CreateAlias") => "CreateAlias20150331",
        ("lambda", "DeleteAlias") => "DeleteAlias20150331",
        ("lambda", "GetAlias") => "GetAlias20150331",
        ("lambda", "ListAliases") => "ListAliases20150331",
        ("lambda", "UpdateAlias") => "UpdateAlias20150331",
        ("lambda", "TagResource") => "TagResource20170331v2",
        ("lambda", "UntagResource") => "UntagResource20170331v2",
        ("lambda", "ListTags") => "ListTags20170331",
        _ => return None,
    })
}

/// Prefixes of operations that change nothing.
const READING: [&str; 25] = [
    "Get",
    "List",
    "Describe",
    "Head",
    "Lookup",
    "Search",
    "BatchGet",
    "Query",
    "Scan",
    "Select",
    "Check",
    "Test",
    "Simulate",
    "Preview",
    "Estimate",
    "Validate",
    "Filter",
    "Poll",
    "View",
    "Discover",
    "Tail",
    "Verify",
    "Decode",
    "Is",
    "Batch_Get",
];

/// Operations whose name misleads.
const EXCEPTIONS: [(&str, &str, bool); 22] = [
    ("sts", "AssumeRole", true),
    ("sts", "AssumeRoleWithSAML", true),
    ("sts", "AssumeRoleWithWebIdentity", true),
    ("sts", "AssumeRoot", true),
    ("iam", "GenerateCredentialReport", true),
    ("iam", "GenerateServiceLastAccessedDetails", true),
    ("kms", "Decrypt", true),
    ("kms", "Encrypt", true),
    ("kms", "ReEncrypt", true),
    ("kms", "GenerateDataKey", true),
    ("kms", "GenerateDataKeyWithoutPlaintext", true),
    ("kms", "GenerateDataKeyPair", true),
    ("kms", "GenerateDataKeyPairWithoutPlaintext", true),
    ("kms", "GenerateMac", true),
    ("kms", "DeriveSharedSecret", true),
    ("kms", "GenerateRandom", true),
    ("kms", "Sign", true),
    ("sqs", "ReceiveMessage", false),
    ("s3", "GetObjectTorrent", true),
    ("s3", "SelectObjectContent", true),
    ("ecs", "DiscoverPollEndpoint", true),
    ("ec2", "DescribeInstances", true),
];

fn is_read_only(service: &str, operation: &Operation) -> bool {
    let name = &*operation.name;
    let exception = EXCEPTIONS.iter().find(|(s, n, _)| *s == service && *n == name);
    let by_name = || READING.iter().any(|prefix| starts_word(name, prefix));
    exception.map_or_else(|| operation.read_only.unwrap_or_else(by_name), |(_, _, read_only)| *read_only)
}

/// Whether `name` starts with the word `prefix`: `ListTags` with `List`, `Listen` not.
fn starts_word(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| rest.chars().next().is_none_or(|next| !next.is_ascii_lowercase()))
}

fn is_data(service: &str, operation: &str) -> bool {
    match service {
        "s3" => S3_DATA.contains(&operation),
        "lambda" => matches!(operation, "Invoke" | "InvokeAsync" | "InvokeWithResponseStream"),
        "dynamodb" => DYNAMODB_DATA.contains(&operation),
        "sns" => matches!(operation, "Publish" | "PublishBatch"),
        "sqs" => SQS_DATA.contains(&operation),
        "cloudtrail-data" => operation == "PutAuditEvents",
        "cloudwatch" => matches!(
            operation,
            "GetMetricData" | "GetMetricStatistics" | "GetMetricWidgetImage" | "ListMetrics" | "PutMetricData"
        ),
        "stepfunctions" => matches!(operation, "InvokeHTTPEndpoint" | "StartSyncExecution"),
        "ssm" => matches!(operation, "CreateControlChannel" | "OpenControlChannel"),
        "logs" => {
            matches!(operation, "GetLogEvents" | "FilterLogEvents" | "GetLogRecord" | "PutLogEvents" | "StartLiveTail")
        }
        _ => false,
    }
}

/// Source: S3 user guide, "Amazon S3 CloudTrail events", object-level events.
const S3_DATA: [&str; 33] = [
    "AbortMultipartUpload",
    "CompleteMultipartUpload",
    "CopyObject",
    "CreateMultipartUpload",
    "CreateSession",
    "DeleteObject",
    "DeleteObjectAnnotation",
    "DeleteObjects",
    "DeleteObjectTagging",
    "GetObject",
    "GetObjectAcl",
    "GetObjectAttributes",
    "GetObjectLegalHold",
    "GetObjectRetention",
    "GetObjectTagging",
    "GetObjectTorrent",
    "HeadBucket",
    "HeadObject",
    "ListMultipartUploads",
    "ListObjects",
    "ListObjectsV2",
    "ListObjectVersions",
    "ListParts",
    "PutObject",
    "PutObjectAcl",
    "PutObjectLegalHold",
    "PutObjectRetention",
    "PutObjectTagging",
    "RenameObject",
    "RestoreObject",
    "SelectObjectContent",
    "UploadPart",
    "UploadPartCopy",
];

/// Source: DynamoDB developer guide, "DynamoDB data plane events in CloudTrail".
const DYNAMODB_DATA: [&str; 15] = [
    "BatchExecuteStatement",
    "BatchGetItem",
    "BatchWriteItem",
    "DeleteItem",
    "ExecuteStatement",
    "ExecuteTransaction",
    "GetItem",
    "GetRecords",
    "GetShardIterator",
    "PutItem",
    "Query",
    "Scan",
    "TransactGetItems",
    "TransactWriteItems",
    "UpdateItem",
];

/// Source: SQS developer guide, "Logging Amazon SQS API calls using AWS CloudTrail", data events.
const SQS_DATA: [&str; 7] = [
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
    "DeleteMessage",
    "DeleteMessageBatch",
    "ReceiveMessage",
    "SendMessage",
    "SendMessageBatch",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(service: &str, operation: &str, expected: (&str, &str, bool, bool)) {
        let model = model::catalog().get(service).unwrap();
        let kind = describe(&model, &model.operations[operation]);
        assert_eq!((&*kind.source, &*kind.name, kind.read_only, kind.data), expected, "{service} {operation}");
    }

    #[test]
    fn events_are_called_as_in_real_records() {
        check("s3", "ListObjectsV2", ("s3.amazonaws.com", "ListObjects", true, true));
        check("s3", "CreateBucket", ("s3.amazonaws.com", "CreateBucket", false, false));
        check("s3", "PutBucketLifecycleConfiguration", ("s3.amazonaws.com", "PutBucketLifecycle", false, false));
        check("sts", "AssumeRole", ("sts.amazonaws.com", "AssumeRole", true, false));
        check("lambda", "CreateFunction", ("lambda.amazonaws.com", "CreateFunction20150331", false, false));
        check("cloudwatch", "PutMetricData", ("monitoring.amazonaws.com", "PutMetricData", false, true));
        check("cloudtrail", "LookupEvents", ("cloudtrail.amazonaws.com", "LookupEvents", true, false));
        check("cloudtrail", "StartLogging", ("cloudtrail.amazonaws.com", "StartLogging", false, false));
        check("dynamodb", "BatchGetItem", ("dynamodb.amazonaws.com", "BatchGetItem", true, true));
        check("stepfunctions", "StartExecution", ("states.amazonaws.com", "StartExecution", false, false));
        check("ec2", "RunInstances", ("ec2.amazonaws.com", "RunInstances", false, false));
    }

    #[test]
    fn a_prefix_is_a_whole_word() {
        assert!(starts_word("GetTrail", "Get"));
        assert!(!starts_word("Isolate", "Is"));
    }
}
