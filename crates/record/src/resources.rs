//! What a record's call touched, as LookupEvents lists it: types and names, from the record's `resources` and from members of
//! requests and responses that are known to name something. Adding a kind of resource is adding a row to [`NAMED_BY`].

use serde_json::Value;

use crate::view::RecordView;

/// At most this many are listed per record: LookupEvents answers with records, not with inventories.
pub const RESOURCES_MAX: usize = 100;

/// A request or response above this size is not searched for names: a resource is named near the top of small requests, and
/// a megabyte of parameters (a template, say) would be parsed for nothing.
const SEARCHED_BYTES_MAX: usize = 1 << 20;

/// A resource that a record names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// `AWS::S3::Bucket`, if it is known.
    pub kind: Option<String>,
    /// A name, an identifier or an ARN.
    pub name: String,
}

/// Where a name is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Request,
    Response,
}
use Part::{Request, Response};

/// Service (`*` for any, else `eventSource` without `.amazonaws.com`), part, path of members (`[]` for each item), type.
/// Sources: real records, and CloudFormation's names of types.
const NAMED_BY: &[(&str, Part, &str, &str)] = &[
    ("*", Request, "bucketName", "AWS::S3::Bucket"),
    ("*", Request, "s3BucketName", "AWS::S3::Bucket"),
    ("*", Request, "functionName", "AWS::Lambda::Function"),
    ("*", Request, "logGroupName", "AWS::Logs::LogGroup"),
    ("*", Request, "topicArn", "AWS::SNS::Topic"),
    ("*", Request, "snsTopicName", "AWS::SNS::Topic"),
    ("*", Request, "queueUrl", "AWS::SQS::Queue"),
    ("*", Request, "kmsKeyId", "AWS::KMS::Key"),
    ("*", Request, "roleArn", "AWS::IAM::Role"),
    ("*", Request, "cloudWatchLogsRoleArn", "AWS::IAM::Role"),
    ("autoscaling", Request, "autoScalingGroupName", "AWS::AutoScaling::AutoScalingGroup"),
    ("cloudformation", Request, "stackName", "AWS::CloudFormation::Stack"),
    ("cloudtrail", Request, "name", "AWS::CloudTrail::Trail"),
    ("cloudtrail", Request, "trailName", "AWS::CloudTrail::Trail"),
    ("cloudtrail", Request, "trailNameList[]", "AWS::CloudTrail::Trail"),
    ("cloudtrail", Request, "resourceIdList[]", "AWS::CloudTrail::Trail"),
    ("cloudtrail", Request, "eventDataStore", "AWS::CloudTrail::EventDataStore"),
    ("cloudtrail", Response, "trailARN", "AWS::CloudTrail::Trail"),
    ("cloudtrail", Response, "eventDataStoreArn", "AWS::CloudTrail::EventDataStore"),
    ("dynamodb", Request, "tableName", "AWS::DynamoDB::Table"),
    ("dynamodb", Response, "tableDescription.tableArn", "AWS::DynamoDB::Table"),
    ("ec2", Request, "groupId", "AWS::EC2::SecurityGroup"),
    ("ec2", Request, "groupName", "AWS::EC2::SecurityGroup"),
    ("ec2", Request, "groupSet.items[].groupId", "AWS::EC2::SecurityGroup"),
    ("ec2", Request, "imageId", "AWS::EC2::Ami"),
    ("ec2", Request, "instanceId", "AWS::EC2::Instance"),
    ("ec2", Request, "instancesSet.items[].imageId", "AWS::EC2::Ami"),
    ("ec2", Request, "instancesSet.items[].instanceId", "AWS::EC2::Instance"),
    ("ec2", Request, "instancesSet.items[].keyName", "AWS::EC2::KeyPair"),
    ("ec2", Request, "internetGatewayId", "AWS::EC2::InternetGateway"),
    ("ec2", Request, "keyName", "AWS::EC2::KeyPair"),
    ("ec2", Request, "networkAclId", "AWS::EC2::NetworkAcl"),
    ("ec2", Request, "networkInterfaceId", "AWS::EC2::NetworkInterface"),
    ("ec2", Request, "routeTableId", "AWS::EC2::RouteTable"),
    ("ec2", Request, "snapshotId", "AWS::EC2::Snapshot"),
    ("ec2", Request, "subnetId", "AWS::EC2::Subnet"),
    ("ec2", Request, "volumeId", "AWS::EC2::Volume"),
    ("ec2", Request, "vpcId", "AWS::EC2::VPC"),
    ("ec2", Response, "groupId", "AWS::EC2::SecurityGroup"),
    ("ec2", Response, "instancesSet.items[].instanceId", "AWS::EC2::Instance"),
    ("ec2", Response, "instancesSet.items[].subnetId", "AWS::EC2::Subnet"),
    ("ec2", Response, "instancesSet.items[].vpcId", "AWS::EC2::VPC"),
    ("ec2", Response, "subnet.subnetId", "AWS::EC2::Subnet"),
    ("ec2", Response, "volumeId", "AWS::EC2::Volume"),
    ("ec2", Response, "vpc.vpcId", "AWS::EC2::VPC"),
    ("ecr", Request, "repositoryName", "AWS::ECR::Repository"),
    ("eks", Request, "name", "AWS::EKS::Cluster"),
    ("elasticloadbalancing", Request, "loadBalancerArn", "AWS::ElasticLoadBalancingV2::LoadBalancer"),
    ("elasticloadbalancing", Request, "loadBalancerName", "AWS::ElasticLoadBalancing::LoadBalancer"),
    ("events", Request, "name", "AWS::Events::Rule"),
    ("events", Request, "rule", "AWS::Events::Rule"),
    ("guardduty", Request, "detectorId", "AWS::GuardDuty::Detector"),
    ("iam", Request, "accessKeyId", "AWS::IAM::AccessKey"),
    ("iam", Request, "groupName", "AWS::IAM::Group"),
    ("iam", Request, "instanceProfileName", "AWS::IAM::InstanceProfile"),
    ("iam", Request, "policyArn", "AWS::IAM::Policy"),
    ("iam", Request, "policyName", "AWS::IAM::Policy"),
    ("iam", Request, "roleName", "AWS::IAM::Role"),
    ("iam", Request, "serialNumber", "AWS::IAM::MfaDevice"),
    ("iam", Request, "userName", "AWS::IAM::User"),
    ("iam", Response, "accessKey.accessKeyId", "AWS::IAM::AccessKey"),
    ("iam", Response, "accessKey.userName", "AWS::IAM::User"),
    ("iam", Response, "group.arn", "AWS::IAM::Group"),
    ("iam", Response, "policy.arn", "AWS::IAM::Policy"),
    ("iam", Response, "role.arn", "AWS::IAM::Role"),
    ("iam", Response, "user.arn", "AWS::IAM::User"),
    ("kms", Request, "keyId", "AWS::KMS::Key"),
    ("kms", Request, "targetKeyId", "AWS::KMS::Key"),
    ("kms", Request, "aliasName", "AWS::KMS::Alias"),
    ("kms", Response, "keyMetadata.arn", "AWS::KMS::Key"),
    ("lambda", Response, "functionArn", "AWS::Lambda::Function"),
    ("logs", Request, "logGroupIdentifier", "AWS::Logs::LogGroup"),
    ("monitoring", Request, "alarmName", "AWS::CloudWatch::Alarm"),
    ("monitoring", Request, "alarmNames[]", "AWS::CloudWatch::Alarm"),
    ("monitoring", Request, "dashboardName", "AWS::CloudWatch::Dashboard"),
    ("organizations", Request, "accountId", "AWS::Organizations::Account"),
    ("organizations", Request, "policyId", "AWS::Organizations::Policy"),
    ("rds", Request, "dBClusterIdentifier", "AWS::RDS::DBCluster"),
    ("rds", Request, "dBInstanceIdentifier", "AWS::RDS::DBInstance"),
    ("rds", Request, "dBSnapshotIdentifier", "AWS::RDS::DBSnapshot"),
    ("route53", Request, "hostedZoneId", "AWS::Route53::HostedZone"),
    ("secretsmanager", Request, "name", "AWS::SecretsManager::Secret"),
    ("secretsmanager", Request, "secretId", "AWS::SecretsManager::Secret"),
    ("sns", Request, "name", "AWS::SNS::Topic"),
    ("sns", Response, "topicArn", "AWS::SNS::Topic"),
    ("sqs", Request, "queueName", "AWS::SQS::Queue"),
    ("sqs", Response, "queueUrl", "AWS::SQS::Queue"),
    ("ssm", Request, "name", "AWS::SSM::Parameter"),
    ("ssm", Request, "documentName", "AWS::SSM::Document"),
    ("states", Request, "stateMachineArn", "AWS::StepFunctions::StateMachine"),
    ("sts", Response, "assumedRoleUser.arn", "AWS::STS::AssumedRole"),
    ("sts", Response, "assumedRoleUser.assumedRoleId", "AWS::STS::AssumedRole"),
    ("sts", Response, "credentials.accessKeyId", "AWS::IAM::AccessKey"),
];

/// What the record's call touched, each once, at most [`RESOURCES_MAX`], in a stable order.
pub fn resources_of(view: &RecordView<'_>) -> Vec<Named> {
    let mut found = Vec::new();
    for resource in &view.resources {
        let Some(arn) = resource.arn.as_deref().or(resource.arn_prefix.as_deref()) else { continue };
        let kind = resource.kind.as_deref();
        // LookupEvents knows a bucket by its name.
        let name = match (kind, arn.split_once(":s3:::")) {
            (Some("AWS::S3::Bucket"), Some((_, bucket))) => bucket,
            _ => arn,
        };
        add(&mut found, kind, name);
    }
    let service = view.event_source().split('.').next().unwrap_or("");
    let wanted = |part| NAMED_BY.iter().filter(move |row| row.1 == part && (row.0 == "*" || row.0 == service));
    for (part, text) in [(Request, view.request_parameters), (Response, view.response_elements)] {
        let Some(value) = text.and_then(parsed) else { continue };
        for (_, _, path, kind) in wanted(part) {
            names_at(&value, path, &mut |name| add(&mut found, Some(kind), name));
        }
    }
    found
}

fn parsed(text: &str) -> Option<Value> {
    (text.len() <= SEARCHED_BYTES_MAX).then(|| serde_json::from_str(text).ok())?
}

fn add(found: &mut Vec<Named>, kind: Option<&str>, name: &str) {
    let known = |named: &Named| named.name == name && named.kind.as_deref() == kind;
    if !name.is_empty() && found.len() < RESOURCES_MAX && !found.iter().any(known) {
        found.push(Named { kind: kind.map(str::to_owned), name: name.to_owned() });
    }
}

/// Hands every string at `path` below `value` to `each`.
fn names_at(value: &Value, path: &str, each: &mut impl FnMut(&str)) {
    let (step, rest) = path.split_once('.').unwrap_or((path, ""));
    let (member, items) = match step.strip_suffix("[]") {
        Some(member) => (member, true),
        None => (step, false),
    };
    let Some(inner) = value.get(member) else { return };
    let mut visit = |value: &Value| match value {
        Value::String(name) if rest.is_empty() => each(name),
        _ if !rest.is_empty() => names_at(value, rest, each),
        _ => {}
    };
    match inner {
        Value::Array(list) if items => list.iter().for_each(visit),
        _ if !items => visit(inner),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(record: &str, expected: &[(&str, &str)]) {
        let view = RecordView::parse(record.as_bytes()).unwrap();
        let found = resources_of(&view);
        let found: Vec<_> = found.iter().map(|n| (n.kind.as_deref().unwrap_or("-"), n.name.as_str())).collect();
        assert_eq!(found, expected, "{record}");
    }

    #[test]
    fn the_records_own_resources_come_first() {
        check(
            r#"{"eventSource":"s3.amazonaws.com","requestParameters":{"bucketName":"b","key":"k"},
                "resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::b/k"},{"type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::b"},
                {"accountId":"1","ARN":"arn:aws:x"},{"type":"AWS::S3::Object","ARNPrefix":"arn:aws:s3:::b/"},null]}"#,
            &[
                ("AWS::S3::Object", "arn:aws:s3:::b/k"),
                ("AWS::S3::Bucket", "b"),
                ("-", "arn:aws:x"),
                ("AWS::S3::Object", "arn:aws:s3:::b/"),
            ],
        );
    }

    #[test]
    fn requests_and_responses_name_things() {
        check(
            r#"{"eventSource":"iam.amazonaws.com","requestParameters":{"userName":"u","policyArn":"p"},"responseElements":null}"#,
            &[("AWS::IAM::Policy", "p"), ("AWS::IAM::User", "u")],
        );
        check(
            r#"{"eventSource":"cloudtrail.amazonaws.com","requestParameters":{"name":"t","s3BucketName":"b"},
                "responseElements":{"trailARN":"arn:t"}}"#,
            &[("AWS::S3::Bucket", "b"), ("AWS::CloudTrail::Trail", "t"), ("AWS::CloudTrail::Trail", "arn:t")],
        );
        check(
            r#"{"eventSource":"ec2.amazonaws.com","requestParameters":{"instancesSet":{"items":[{"instanceId":"i-1"},{"instanceId":"i-2"},7]}}}"#,
            &[("AWS::EC2::Instance", "i-1"), ("AWS::EC2::Instance", "i-2")],
        );
        check(
            r#"{"eventSource":"cloudtrail.amazonaws.com","requestParameters":{"trailNameList":["a","b","a"]}}"#,
            &[("AWS::CloudTrail::Trail", "a"), ("AWS::CloudTrail::Trail", "b")],
        );
    }

    #[test]
    fn the_same_member_means_other_things_elsewhere() {
        check(r#"{"eventSource":"eks.amazonaws.com","requestParameters":{"name":"c"}}"#, &[("AWS::EKS::Cluster", "c")]);
        check(r#"{"eventSource":"unheard.amazonaws.com","requestParameters":{"name":"c"}}"#, &[]);
        check(r#"{"requestParameters":{"bucketName":7,"topicArn":["x"],"queueUrl":""}}"#, &[]);
        check("{}", &[]);
    }

    #[test]
    fn the_list_is_bounded() {
        let items = (0..500).map(|i| format!(r#"{{"ARN":"a{i}"}}"#)).collect::<Vec<_>>().join(",");
        let record = format!(r#"{{"resources":[{items}]}}"#);
        assert_eq!(resources_of(&RecordView::parse(record.as_bytes()).unwrap()).len(), RESOURCES_MAX);
    }
}
