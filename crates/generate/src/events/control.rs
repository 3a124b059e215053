//! Services that govern: IAM, STS, sign-in, trails, findings, names, certificates, organizations.

use super::{By, Event, fault, read, write};

const V_IAM: &str = "2010-05-08";
const ROLE: &[(&str, &str)] = &[("AWS::IAM::Role", "%target_role%")];
const CREDENTIALS: &str = r#"{"credentials":{"accessKeyId":"%target_key%","sessionToken":"%base200%","expiration":"%longtime:3601%"},"assumedRoleUser":{"assumedRoleId":"%target_id%","arn":"%target_arn%"}}"#;

const fn iam(name: &'static str, weight: u64, reads: bool) -> Event {
    let event = if reads { read("iam", name, weight) } else { write("iam", name, weight) };
    event.by(By::People).version(V_IAM).global()
}

const fn assume(weight: u64, by: By) -> Event {
    read("sts", "AssumeRole", weight).by(by).version("2011-06-15").resources(ROLE).response(CREDENTIALS)
}

pub(super) static EVENTS: &[Event] = &[
    assume(200, By::Service("lambda.amazonaws.com")).request(r#"{"roleArn":"%target_role%","roleSessionName":"%target_session%","durationSeconds":7200}"#),
    assume(140, By::Service("ecs-tasks.amazonaws.com")).request(r#"{"roleSessionName":"%target_session%","roleArn":"%target_role%","durationSeconds":7200}"#),
    assume(120, By::Service("ec2.amazonaws.com")).request(r#"{"roleArn":"%target_role%","roleSessionName":"%target_session%"}"#),
    assume(60, By::People).request(r#"{"roleArn":"%target_role%","roleSessionName":"%target_session%","durationSeconds":3600}"#)
        .more(r#"{"RequestDetails":{"awsServingRegion":"%region%","endpointType":"regional"}}"#),
    read("sts", "AssumeRoleWithSAML", 20).by(By::Saml).version("2011-06-15").resources(ROLE)
        .request(r#"{"sAMLAssertionID":"_%uuid:3%","roleSessionName":"%target_session%","roleArn":"%target_role%","principalArn":"arn:aws:iam::%account%:saml-provider/AWSSSO_%hex16%_DO_NOT_DELETE","durationSeconds":28800}"#)
        .response(r#"{"credentials":{"accessKeyId":"%target_key%","sessionToken":"%base200%","expiration":"%longtime:28801%"},"assumedRoleUser":{"assumedRoleId":"%target_id%","arn":"%target_arn%"},"subject":"%target_session%","subjectType":"persistent","issuer":"https://portal.sso.%region%.amazonaws.com/saml/assertion/%base40%","audience":"https://signin.aws.amazon.com/saml","nameQualifier":"%base27%="}"#),
    read("sts", "AssumeRoleWithWebIdentity", 30).by(By::Web).version("2011-06-15").resources(ROLE)
        .request(r#"{"roleArn":"%target_role%","roleSessionName":"%target_session%","durationSeconds":3600}"#)
        .response(r#"{"subjectFromWebIdentityToken":"repo:example/%word%:ref:refs/heads/main","credentials":{"accessKeyId":"%target_key%","sessionToken":"%base200%","expiration":"%longtime:3601%"},"assumedRoleUser":{"assumedRoleId":"%target_id%","arn":"%target_arn%"},"provider":"arn:aws:iam::%account%:oidc-provider/token.actions.githubusercontent.com","audience":"sts.amazonaws.com"}"#)
        .faults(&[fault(15_000, "ExpiredTokenException", "Token expired: current date/time must be before the expiration date/time")]),
    read("sts", "GetCallerIdentity", 170).version("2011-06-15"),
    write("signin", "ConsoleLogin", 40).by(By::SignIn).global(),
    read("signin", "CheckMfa", 20).by(By::SignIn).global(),

    iam("ListUsers", 30, true).request(r#"{"maxItems":1000}"#),
    iam("GetUser", 40, true).request(r#"{"userName":"%user%"}"#)
        .faults(&[fault(8_000, "NoSuchEntityException", "The user with name %user% cannot be found.")]),
    iam("ListRoles", 40, true).request(r#"{"maxItems":1000}"#),
    iam("GetRole", 80, true).by(By::Any).request(r#"{"roleName":"%word%-role"}"#)
        .faults(&[fault(40_000, "NoSuchEntityException", "The role with name %word%-role cannot be found.")]),
    iam("ListAttachedRolePolicies", 40, true).request(r#"{"roleName":"%word%-role"}"#),
    iam("ListRolePolicies", 30, true).request(r#"{"roleName":"%word%-role"}"#),
    iam("GetPolicy", 30, true).request(r#"{"policyArn":"arn:aws:iam::%account%:policy/%policy%"}"#),
    iam("GetPolicyVersion", 30, true).request(r#"{"policyArn":"arn:aws:iam::%account%:policy/%policy%","versionId":"v%n1%"}"#),
    iam("ListAccessKeys", 30, true).request(r#"{"userName":"%user%"}"#),
    iam("GetAccountSummary", 20, true),
    iam("GetAccessKeyLastUsed", 12, true).request(r#"{"accessKeyId":"AKIA%code16%"}"#),
    iam("GenerateCredentialReport", 4, true),
    iam("ListMFADevices", 12, true).request(r#"{"userName":"%user%"}"#),
    iam("GetInstanceProfile", 15, true).request(r#"{"instanceProfileName":"web-server"}"#),
    iam("CreateAccessKey", 2, false).request(r#"{"userName":"%user%"}"#)
        .response(r#"{"accessKey":{"userName":"%user%","accessKeyId":"AKIA%code16%","status":"Active","createDate":"%longtime%"}}"#)
        .faults(&[fault(60_000, "LimitExceededException", "Cannot exceed quota for AccessKeysPerUser: 2")]),
    iam("DeleteAccessKey", 1, false).request(r#"{"userName":"%user%","accessKeyId":"AKIA%code16%"}"#),
    iam("CreateRole", 2, false).request(r#"{"roleName":"%word%-role","path":"/","assumeRolePolicyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"lambda.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}]}","description":"%word:2%"}"#)
        .response(r#"{"role":{"path":"/","roleName":"%word%-role","roleId":"AROA%code16%","arn":"arn:aws:iam::%account%:role/%word%-role","createDate":"%longtime%"}}"#)
        .faults(&[fault(80_000, "EntityAlreadyExistsException", "Role with name %word%-role already exists.")]),
    iam("DeleteRole", 1, false).request(r#"{"roleName":"%word%-role"}"#).faults(&[fault(200_000, "DeleteConflictException", "Cannot delete entity, must detach all policies first.")]),
    iam("AttachRolePolicy", 3, false).request(r#"{"roleName":"%word%-role","policyArn":"arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}"#),
    iam("PutRolePolicy", 2, false).request(r#"{"roleName":"%word%-role","policyName":"inline-%word:2%","policyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"s3:GetObject\"],\"Resource\":\"arn:aws:s3:::%bucket%/*\"}]}"}"#),
    iam("CreatePolicyVersion", 1, false).request(r#"{"policyArn":"arn:aws:iam::%account%:policy/%policy%","setAsDefault":true,"policyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"dynamodb:GetItem\",\"dynamodb:Query\"],\"Resource\":\"*\"}]}"}"#)
        .response(r#"{"policyVersion":{"versionId":"v%n1%","isDefaultVersion":true,"createDate":"%longtime%"}}"#),
    iam("UpdateAssumeRolePolicy", 1, false).request(r#"{"roleName":"%word%-role","policyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::%account%:root\"},\"Action\":\"sts:AssumeRole\"}]}"}"#),
    iam("CreateUser", 1, false).request(r#"{"userName":"%word%-user","path":"/"}"#).response(r#"{"user":{"path":"/","userName":"%word%-user","userId":"AIDA%code16%","arn":"arn:aws:iam::%account%:user/%word%-user","createDate":"%longtime%"}}"#)
        .faults(&[fault(80_000, "EntityAlreadyExistsException", "User with name %word%-user already exists.")]),
    iam("DeleteUser", 1, false).request(r#"{"userName":"%word%-user"}"#).faults(&[fault(250_000, "NoSuchEntityException", "The user with name %word%-user cannot be found.")]),

    read("cloudtrail", "LookupEvents", 25).by(By::People).request(r#"{"lookupAttributes":[{"attributeKey":"EventName","attributeValue":"RunInstances"}],"maxResults":50}"#)
        .faults(&[fault(40_000, "ThrottlingException", "Rate exceeded")]),
    read("cloudtrail", "DescribeTrails", 40).request(r#"{"trailNameList":[],"includeShadowTrails":true}"#),
    read("cloudtrail", "GetTrailStatus", 40).request(r#"{"name":"arn:aws:cloudtrail:us-east-1:%account%:trail/management-events"}"#),
    read("config", "DescribeConfigurationRecorders", 30).by(By::People),
    write("config", "PutEvaluations", 40).by(By::Apps).request(r#"{"evaluations":[{"complianceResourceType":"AWS::S3::Bucket","complianceResourceId":"%bucket%","complianceType":"COMPLIANT","orderingTimestamp":"%longtime%"}],"resultToken":"HIDDEN_DUE_TO_SECURITY_REASONS","testMode":false}"#).response(r#"{"failedEvaluations":[]}"#),
    read("config", "SelectResourceConfig", 20).by(By::People).request(r#"{"expression":"SELECT resourceId WHERE resourceType = 'AWS::EC2::Instance'","limit":100}"#),
    read("guardduty", "ListDetectors", 20).by(By::People).request(r#"{"maxResults":"50"}"#),
    read("guardduty", "ListFindings", 20).by(By::People).request(r#"{"detectorId":"%detector%","maxResults":50,"findingCriteria":{"criterion":{"severity":{"greaterThanOrEqual":4}}}}"#),
    read("securityhub", "GetFindings", 20).by(By::People).request(r#"{"Filters":{"SeverityLabel":[{"Value":"CRITICAL","Comparison":"EQUALS"}]},"MaxResults":100}"#),
    write("securityhub", "BatchImportFindings", 8).by(By::Service("config.amazonaws.com")).response(r#"{"FailedCount":0,"SuccessCount":3}"#),
    read("access-analyzer", "ListFindings", 10).by(By::People).request(r#"{"analyzerArn":"arn:aws:access-analyzer:%region%:%account%:analyzer/account"}"#),
    read("route53", "ListHostedZones", 25).by(By::People).version("2013-04-01").global(),
    read("route53", "ListResourceRecordSets", 40).version("2013-04-01").global().request(r#"{"hostedZoneId":"%zone%","maxItems":"300"}"#),
    write("route53", "ChangeResourceRecordSets", 5).version("2013-04-01").global().request(r#"{"hostedZoneId":"%zone%","changeBatch":{"changes":[{"action":"UPSERT","resourceRecordSet":{"name":"%word%.example.com.","type":"A","tTL":60,"resourceRecords":[{"value":"203.0.113.%n2%"}]}}]}}"#)
        .response(r#"{"changeInfo":{"id":"/change/C0%code19%","status":"PENDING","submittedAt":"%longtime%"}}"#),
    read("cloudfront", "ListDistributions", 20).by(By::People).version("2020-05-31").global().request(r#"{"maxItems":"100"}"#),
    write("cloudfront", "CreateInvalidation", 4).version("2020-05-31").global().request(r#"{"distributionId":"%dist%","invalidationBatch":{"paths":{"quantity":1,"items":["/*"]},"callerReference":"%uuid:3%"}}"#)
        .response(r#"{"invalidation":{"id":"I%code13%","status":"InProgress","createTime":"%longtime%"},"location":"https://cloudfront.amazonaws.com/2020-05-31/distribution/%dist%/invalidation/I%code13%"}"#),
    read("acm", "ListCertificates", 20).by(By::People).request(r#"{"maxItems":1000}"#),
    read("acm", "DescribeCertificate", 30).request(r#"{"certificateArn":"arn:aws:acm:%region%:%account%:certificate/%cert%"}"#),
    read("organizations", "DescribeOrganization", 20).by(By::People).global().faults(&[fault(100_000, "AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")]),
    read("organizations", "ListAccounts", 15).by(By::People).global().request(r#"{"maxResults":20}"#),
    read("health", "DescribeEventAggregates", 50).by(By::People).request(r#"{"filter":{"eventStatusCodes":["open","upcoming"],"startTimes":[{"from":"%longtime%"}]},"aggregateField":"eventTypeCategory"}"#),
    read("tagging", "GetResources", 40).request(r#"{"resourcesPerPage":100,"resourceTypeFilters":["ec2:instance"]}"#),
    read("wafv2", "ListWebACLs", 12).by(By::People).request(r#"{"scope":"REGIONAL","limit":100}"#),
    read("support", "DescribeTrustedAdvisorChecks", 6).by(By::People).global().request(r#"{"language":"en"}"#)
        .faults(&[fault(400_000, "SubscriptionRequiredException", "Amazon Web Services Premium Support Subscription is required to use this service.")]),
    read("ce", "GetCostAndUsage", 8).by(By::People).global().request(r#"{"timePeriod":{"start":"2025-01-01","end":"2025-02-01"},"granularity":"DAILY","metrics":["UnblendedCost"]}"#),
    read("servicequotas", "ListServiceQuotas", 6).by(By::People).request(r#"{"serviceCode":"ec2","maxResults":100}"#),
];
