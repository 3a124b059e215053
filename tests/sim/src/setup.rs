//! What every world begins with: two users, buckets for data and for log files, some trails.

use serde_json::{Value, json};

use crate::Stopped;
use crate::admin::Admin;
use crate::chance::Chance;
use crate::client::{ACCOUNT, Line, Request, Who};
use crate::http::Answer;

/// Where objects are put; the second keeps versions.
pub(crate) const DATA: [&str; 2] = ["data-plain", "data-versions"];
/// Where log files go.
pub(crate) const LOGS: [&str; 2] = ["logs-one", "logs-two"];

/// What a trail is made with.
pub(crate) struct TrailPlan {
    pub(crate) name: &'static str,
    pub(crate) region: &'static str,
    pub(crate) bucket: &'static str,
    pub(crate) prefix: &'static str,
    pub(crate) multi_region: bool,
    pub(crate) global: bool,
    pub(crate) validation: bool,
    /// An index into [`selectors`].
    pub(crate) selectors: usize,
}

const fn plan(name: &'static str, region: &'static str, bucket: &'static str, prefix: &'static str) -> TrailPlan {
    TrailPlan { name, region, bucket, prefix, multi_region: false, global: true, validation: true, selectors: 0 }
}

/// The trails of which a world has some. The first and the last share a place.
pub(crate) const TRAILS: [TrailPlan; 5] = [
    TrailPlan { multi_region: true, ..plan("everything", "us-east-1", "logs-one", "") },
    TrailPlan { selectors: 1, ..plan("writes", "eu-west-1", "logs-one", "w") },
    TrailPlan { selectors: 2, ..plan("objects", "us-east-1", "logs-two", "o") },
    TrailPlan { selectors: 3, validation: false, ..plan("advanced", "us-east-1", "logs-two", "a/b") },
    TrailPlan { global: false, ..plan("second", "us-east-1", "logs-one", "") },
];

/// Event selectors as they are put and read back: `(member of the request, value)`.
pub(crate) fn selectors(index: usize) -> (&'static str, Value) {
    let basic = |kind: &str, management: bool, values: Value| {
        let data = match values.as_array().is_some_and(Vec::is_empty) {
            true => json!([]),
            false => json!([{ "Type": "AWS::S3::Object", "Values": values }]),
        };
        json!([{
            "ReadWriteType": kind, "IncludeManagementEvents": management,
            "DataResources": data, "ExcludeManagementEventSources": [],
        }])
    };
    match index {
        0 => ("EventSelectors", basic("All", true, json!([]))),
        1 => ("EventSelectors", basic("WriteOnly", true, json!([]))),
        2 => (
            "EventSelectors",
            basic("All", false, json!(["arn:aws:s3:::data-plain/w0", "arn:aws:s3:::data-versions/"])),
        ),
        3 => (
            "AdvancedEventSelectors",
            json!([
                { "Name": "reads of objects", "FieldSelectors": [
                    { "Field": "eventCategory", "Equals": ["Data"] },
                    { "Field": "resources.type", "Equals": ["AWS::S3::Object"] },
                    { "Field": "readOnly", "Equals": ["true"] },
                    { "Field": "resources.ARN", "StartsWith": ["arn:aws:s3:::data-plain/"] },
                ] },
                { "Name": "puts", "FieldSelectors": [
                    { "Field": "eventCategory", "Equals": ["Data"] },
                    { "Field": "resources.type", "Equals": ["AWS::S3::Object"] },
                    { "Field": "eventName", "Equals": ["PutObject", "DeleteObject"] },
                ] },
            ]),
        ),
        _ => ("EventSelectors", basic("ReadOnly", true, json!(["arn:aws:s3:::data-plain/"]))),
    }
}

/// How many [`selectors`] there are.
pub(crate) const SELECTORS: u64 = 5;

/// A trail's ARN.
pub(crate) fn arn(plan: &TrailPlan) -> String {
    format!("arn:aws:cloudtrail:{}:{ACCOUNT}:trail/{}", plan.region, plan.name)
}

/// The policy that lets CloudTrail write into a bucket.
pub(crate) fn policy(bucket: &str) -> String {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "Service": "cloudtrail.amazonaws.com" }, "Action": "s3:GetBucketAcl",
          "Resource": format!("arn:aws:s3:::{bucket}") },
        { "Effect": "Allow", "Principal": { "Service": "cloudtrail.amazonaws.com" }, "Action": "s3:PutObject",
          "Resource": format!("arn:aws:s3:::{bucket}/*"),
          "Condition": { "StringEquals": { "s3:x-amz-acl": "bucket-owner-full-control" } } },
    ] })
    .to_string()
}

/// A call that must succeed, for nothing goes wrong while a world is set up or looked through.
pub(crate) async fn must(line: &Line, request: &Request) -> Result<Answer, Stopped> {
    match line.ask(request).await {
        Some(answer) if answer.status < 300 => Ok(answer),
        other => {
            let what = format!("{} {} is answered {other:?} though nothing is wrong", request.event, request.path);
            line.witness.violated(8, what);
            Err(Stopped)
        }
    }
}

/// Sets a world up.
pub(crate) async fn set_up(line: &Line, admin: &Admin, chance: &Chance) -> Result<(), Stopped> {
    for user in ["alice", "bob"] {
        must(line, &Request::query(Who::Root, "iam", "CreateUser", &format!("&UserName={user}"))).await?;
        let made =
            must(line, &Request::query(Who::Root, "iam", "CreateAccessKey", &format!("&UserName={user}"))).await?;
        let (id, secret) =
            (made.xml("AccessKeyId").unwrap_or_default(), made.xml("SecretAccessKey").unwrap_or_default());
        line.ledger.set_key(user, id, secret);
    }
    let rest = "&UserName=alice&PolicyArn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FAdministratorAccess";
    must(line, &Request::query(Who::Root, "iam", "AttachUserPolicy", rest)).await?;
    for bucket in DATA.iter().chain(&LOGS) {
        must(line, &Request::s3(Who::Root, "CreateBucket", "PUT", &format!("/{bucket}"), "", Vec::new())).await?;
    }
    for bucket in LOGS {
        must(line, &put_policy(Who::Root, bucket)).await?;
    }
    let versioning = "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Status>Enabled</Status></VersioningConfiguration>";
    let path = format!("/{}", DATA[1]);
    must(line, &Request::s3(Who::Root, "PutBucketVersioning", "PUT", &path, "versioning=", versioning.into())).await?;
    for (index, plan) in TRAILS.iter().enumerate() {
        // Every world has the first trail.
        if index == 0 || !chance.one_in(3) {
            must(line, &create_trail(plan)).await?;
            if plan.selectors > 0 {
                must(line, &put_selectors(plan, plan.selectors)).await?;
            }
            must(line, &of_trail("StartLogging", plan)).await?;
            admin.made(index);
        }
    }
    Ok(())
}

/// PutBucketPolicy with [`policy`].
pub(crate) fn put_policy(who: Who, bucket: &str) -> Request {
    Request::s3(who, "PutBucketPolicy", "PUT", &format!("/{bucket}"), "policy=", policy(bucket).into_bytes())
}

/// CreateTrail.
pub(crate) fn create_trail(plan: &TrailPlan) -> Request {
    let mut body = json!({
        "Name": plan.name, "S3BucketName": plan.bucket, "IsMultiRegionTrail": plan.multi_region,
        "IncludeGlobalServiceEvents": plan.global, "EnableLogFileValidation": plan.validation,
    });
    if !plan.prefix.is_empty() {
        body["S3KeyPrefix"] = plan.prefix.into();
    }
    Request::json(Who::Root, "cloudtrail", "CreateTrail", &body).within(plan.region)
}

/// PutEventSelectors.
pub(crate) fn put_selectors(plan: &TrailPlan, index: usize) -> Request {
    let (member, value) = selectors(index);
    let body = json!({ "TrailName": plan.name, member: value });
    Request::json(Who::Root, "cloudtrail", "PutEventSelectors", &body).within(plan.region)
}

/// A call that takes a trail's name and nothing else.
pub(crate) fn of_trail(operation: &str, plan: &TrailPlan) -> Request {
    Request::json(Who::Root, "cloudtrail", operation, &json!({ "Name": plan.name })).within(plan.region)
}
