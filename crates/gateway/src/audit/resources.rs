//! The `resources` of a record: derived from the request for services whose records carry them, whether or not the operation
//! is written here. Selectors on data events rely on it.

use base::Region;
use model::{Fields, Value};
use service::ResourceNote;

/// A member of a request that names a resource.
struct Rule {
    service: &'static str,
    member: &'static str,
    kind: &'static str,
    /// The ARN, with `{}` for the member's value; a value that is an ARN already stands for itself.
    arn: &'static str,
}

/// Source: CloudTrail user guide, "Logging data events" (resource types and ARN formats), and real records.
const RULES: [Rule; 10] = [
    rule("lambda", "FunctionName", "AWS::Lambda::Function", "arn:{partition}:lambda:{region}:{account}:function:{}"),
    rule("dynamodb", "TableName", "AWS::DynamoDB::Table", "arn:{partition}:dynamodb:{region}:{account}:table/{}"),
    rule("sns", "TopicArn", "AWS::SNS::Topic", "{}"),
    rule("kms", "KeyId", "AWS::KMS::Key", "arn:{partition}:kms:{region}:{account}:key/{}"),
    rule("sts", "RoleArn", "AWS::IAM::Role", "{}"),
    rule("cloudtrail-data", "channelArn", "AWS::CloudTrail::Channel", "{}"),
    rule("stepfunctions", "StateMachineArn", "AWS::StepFunctions::StateMachine", "{}"),
    rule(
        "secretsmanager",
        "SecretId",
        "AWS::SecretsManager::Secret",
        "arn:{partition}:secretsmanager:{region}:{account}:secret:{}",
    ),
    rule("logs", "LogGroupName", "AWS::Logs::LogGroup", "arn:{partition}:logs:{region}:{account}:log-group:{}"),
    rule("logs", "LogGroupIdentifier", "AWS::Logs::LogGroup", "arn:{partition}:logs:{region}:{account}:log-group:{}"),
];

const fn rule(service: &'static str, member: &'static str, kind: &'static str, arn: &'static str) -> Rule {
    Rule { service, member, kind, arn }
}

/// What the request names. `data`: it is a data event, of which selectors ask what it touched.
pub fn named(service: &str, data: bool, region: Region, account: &str, input: &Fields) -> Vec<ResourceNote> {
    match service {
        "s3" => s3(data, account, input),
        "sqs" => sqs(region, account, input).into_iter().collect(),
        _ => {
            let found = RULES.iter().filter(|rule| rule.service == service).filter_map(|rule| {
                let value = input.str(rule.member)?;
                let arn = if value.starts_with("arn:") {
                    value.to_owned()
                } else {
                    let arn = rule.arn.replace("{}", value).replace("{region}", region.as_str());
                    arn.replace("{account}", account).replace("{partition}", region.partition())
                };
                Some(ResourceNote { kind: rule.kind, arn, account: account.to_owned(), is_prefix: false })
            });
            found.collect()
        }
    }
}

/// S3: the object (data events come with both, as in real records: object first, without an account), or the bucket. A data
/// event that names no object touches what the bucket holds, so that a selector for the bucket's objects selects it. Source:
/// CloudTrail user guide, "Redacting bucket owner account IDs for data events called by other accounts".
fn s3(data: bool, account: &str, input: &Fields) -> Vec<ResourceNote> {
    let Some(bucket) = input.str("Bucket") else { return Vec::new() };
    let note = |kind, arn, account: &str| ResourceNote { kind, arn, account: account.to_owned(), is_prefix: false };
    let bucket_arn = format!("arn:aws:s3:::{bucket}");
    let mut notes = Vec::new();
    if let Some(key) = input.str("Key") {
        notes.push(note("AWS::S3::Object", format!("{bucket_arn}/{key}"), ""));
    }
    let deleted = input.get("Delete").and_then(|delete| delete.get("Objects")).and_then(Value::as_list).unwrap_or(&[]);
    for object in deleted {
        if let Some(Value::String(key)) = object.get("Key") {
            notes.push(note("AWS::S3::Object", format!("{bucket_arn}/{key}"), ""));
        }
    }
    if data && notes.is_empty() {
        notes.push(ResourceNote { is_prefix: true, ..note("AWS::S3::Object", format!("{bucket_arn}/"), "") });
    }
    notes.push(note("AWS::S3::Bucket", bucket_arn, account));
    notes
}

/// SQS names queues by URL: `https://sqs.region.amazonaws.com/account/name`.
fn sqs(region: Region, account: &str, input: &Fields) -> Option<ResourceNote> {
    let url = input.str("QueueUrl")?;
    let mut parts = url.rsplit('/');
    let name = parts.next()?;
    let owner = parts.next().filter(|owner| base::arn::is_account_id(owner)).unwrap_or(account);
    let arn = format!("arn:{}:sqs:{region}:{owner}:{name}", region.partition());
    Some(ResourceNote { kind: "AWS::SQS::Queue", arn, account: owner.to_owned(), is_prefix: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(service: &str, members: &[(&str, &str)], expected: &[(&str, &str)]) {
        let input = Fields(members.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect());
        let notes = named(service, false, Region::parse("eu-west-1").unwrap(), "123456789012", &input);
        let notes: Vec<_> = notes.iter().map(|note| (note.kind, note.arn.as_str())).collect();
        assert_eq!(notes, expected);
    }

    #[test]
    fn requests_name_their_resources() {
        check(
            "s3",
            &[("Bucket", "b"), ("Key", "a/k")],
            &[("AWS::S3::Object", "arn:aws:s3:::b/a/k"), ("AWS::S3::Bucket", "arn:aws:s3:::b")],
        );
        check("s3", &[], &[]);
        let table = "arn:aws:dynamodb:eu-west-1:123456789012:table/User";
        check("dynamodb", &[("TableName", "User")], &[("AWS::DynamoDB::Table", table)]);
        check("dynamodb", &[("TableName", table)], &[("AWS::DynamoDB::Table", table)]);
        check(
            "sqs",
            &[("QueueUrl", "http://127.0.0.1:4566/210987654321/q")],
            &[("AWS::SQS::Queue", "arn:aws:sqs:eu-west-1:210987654321:q")],
        );
        check("iam", &[("UserName", "u")], &[]);
        check("s3", &[("Bucket", "b")], &[("AWS::S3::Bucket", "arn:aws:s3:::b")]);
    }

    #[test]
    fn listings_touch_what_the_bucket_holds() {
        let check = |members: &[(&str, &str)], expected: &[(&str, bool)]| {
            let input = Fields(members.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect());
            let notes = named("s3", true, Region::parse("eu-west-1").unwrap(), "123456789012", &input);
            let notes: Vec<_> = notes.iter().map(|note| (note.arn.as_str(), note.is_prefix)).collect();
            assert_eq!(notes, expected);
        };
        check(&[("Bucket", "b"), ("Prefix", "a")], &[("arn:aws:s3:::b/", true), ("arn:aws:s3:::b", false)]);
        check(&[("Bucket", "b"), ("Key", "k")], &[("arn:aws:s3:::b/k", false), ("arn:aws:s3:::b", false)]);
    }
}
