//! A storyline: a key that leaked, and what somebody does with it in one afternoon. Each step says what it is, so that whoever looks
//! for it can check what they found. The addresses are of documentation's ranges.

use base::Timestamp;
use base::time::{DAY_MS, HOUR_MS, SECOND_MS};
use record::identity::{SessionContext, SessionIssuer};
use record::{EventCategory, EventRecord, EventType, UserIdentity};
use serde::Serialize;

use crate::cell::Cell;
use crate::people::Account;
use crate::pools::Pool;
use crate::random::{Dice, part, part_of_text, wide};
use crate::scene::{Scene, request_id, tls};
use crate::template::{Filling, Template, code, uuid};
use crate::world::{Plan, REGIONS};

/// From where the intruder calls.
const ADDRESS: &str = "192.0.2.66";
const TOOL: &str = "aws-cli/1.36.12 md/Botocore#1.35.71 ua/2.0 os/linux#6.11.2-kali1-amd64 md/arch#x86_64 lang/python#3.12.7 md/pyimpl#CPython cfg/retry-mode#legacy botocore/1.35.71";
const BROWSER: &str = "Mozilla/5.0 (Windows NT 10.0; rv:128.0) Gecko/20100101 Firefox/128.0";
/// Whose key leaked: the user of this name in the first account.
const LEAKED: &str = "legacy-export";
/// The user that the intruder makes.
const MADE: &str = "support-tmp";
/// The role in the second account.
const ROLE: &str = "OrganizationAccountAccessRole";

/// Who makes a step's call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// The user whose key leaked.
    Leaked,
    /// The user that was made, with its key.
    Made,
    /// At the sign-in page.
    SigningIn,
    /// In the console.
    Console,
    /// In the session of the role in the second account.
    Chained,
}

struct Step {
    /// Seconds after the first one.
    after: i64,
    who: Who,
    source: &'static str,
    name: &'static str,
    reads: bool,
    data: bool,
    region: usize,
    /// How often.
    times: u64,
    error: Option<(&'static str, &'static str)>,
    request: &'static str,
    response: &'static str,
    /// What it is.
    what: &'static str,
}

const fn step(after: i64, who: Who, source: &'static str, name: &'static str, what: &'static str) -> Step {
    Step {
        after,
        who,
        source,
        name,
        reads: false,
        data: false,
        region: 0,
        times: 1,
        error: None,
        request: "",
        response: "",
        what,
    }
}

impl Step {
    const fn reads(mut self) -> Step {
        self.reads = true;
        self
    }

    const fn data(mut self) -> Step {
        self.data = true;
        self
    }

    const fn region(mut self, region: usize) -> Step {
        self.region = region;
        self
    }

    const fn times(mut self, times: u64) -> Step {
        self.times = times;
        self
    }

    const fn asks(mut self, request: &'static str) -> Step {
        self.request = request;
        self
    }

    const fn gets(mut self, response: &'static str) -> Step {
        self.response = response;
        self
    }

    const fn fails(mut self, code: &'static str, message: &'static str) -> Step {
        self.error = Some((code, message));
        self
    }
}

const NOT_ALLOWED: &str = "User: %arn% is not authorized to perform: %source%:%operation% because no identity-based policy allows the %source%:%operation% action";
const POLICY: &str = r#"{"bucketPolicy":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::%bucket%/*"}]},"bucketName":"%bucket%","Host":"%bucket%.s3.us-east-1.amazonaws.com","policy":""}"#;

const STEPS: &[Step] = &[
    step(0, Who::Leaked, "sts", "GetCallerIdentity", "The leaked key of legacy-export is tried from an address that never called before.").reads(),
    step(14, Who::Leaked, "s3", "ListBuckets", "Buckets are listed.").reads().asks(r#"{"Host":"s3.us-east-1.amazonaws.com"}"#),
    step(31, Who::Leaked, "iam", "ListUsers", "Users are to be listed, which is refused.").reads().fails("AccessDenied", NOT_ALLOWED),
    step(40, Who::Leaked, "iam", "ListRoles", "Roles are to be listed, which is refused.").reads().fails("AccessDenied", NOT_ALLOWED),
    step(47, Who::Leaked, "secretsmanager", "ListSecrets", "Secrets are to be listed, which is refused.").reads().fails("AccessDeniedException", NOT_ALLOWED),
    step(66, Who::Leaked, "ec2", "DescribeInstances", "Instances are looked for in a region that the account does not use.").reads().region(3)
        .fails("Client.UnauthorizedOperation", "You are not authorized to perform this operation.").asks(r#"{"maxResults":1000,"instancesSet":{},"filterSet":{}}"#),
    step(203, Who::Leaked, "iam", "ListAttachedUserPolicies", "The key's own permissions are read: it may attach policies.").reads().asks(r#"{"userName":"legacy-export"}"#),
    step(260, Who::Leaked, "iam", "AttachUserPolicy", "The user of the leaked key makes itself an administrator.")
        .asks(r#"{"userName":"legacy-export","policyArn":"arn:aws:iam::aws:policy/AdministratorAccess"}"#),
    step(390, Who::Leaked, "iam", "CreateUser", "A user is made to come back with.").asks(r#"{"userName":"support-tmp"}"#)
        .gets(r#"{"user":{"path":"/","userName":"support-tmp","userId":"AIDA%code16:9%","arn":"arn:aws:iam::%account%:user/support-tmp","createDate":"%longtime%"}}"#),
    step(404, Who::Leaked, "iam", "AttachUserPolicy", "The new user becomes an administrator.")
        .asks(r#"{"userName":"support-tmp","policyArn":"arn:aws:iam::aws:policy/AdministratorAccess"}"#),
    step(421, Who::Leaked, "iam", "CreateAccessKey", "The new user gets a key.").asks(r#"{"userName":"support-tmp"}"#)
        .gets(r#"{"accessKey":{"userName":"support-tmp","accessKeyId":"AKIA%code16:8%","status":"Active","createDate":"%longtime%"}}"#),
    step(433, Who::Leaked, "iam", "CreateLoginProfile", "The new user gets a password.").asks(r#"{"userName":"support-tmp","passwordResetRequired":false}"#)
        .gets(r#"{"loginProfile":{"userName":"support-tmp","createDate":"%longtime%","passwordResetRequired":false}}"#),
    step(600, Who::SigningIn, "signin", "ConsoleLogin", "The new user signs in to the console without a second factor.").gets(r#"{"ConsoleLogin":"Success"}"#),
    step(655, Who::Console, "cloudtrail", "DescribeTrails", "Trails are looked at.").reads().asks(r#"{"trailNameList":[],"includeShadowTrails":true}"#),
    step(688, Who::Console, "cloudtrail", "StopLogging", "The trail is stopped.").asks(r#"{"name":"arn:aws:cloudtrail:us-east-1:%account%:trail/management-events"}"#),
    step(760, Who::Console, "guardduty", "DeleteDetector", "Threat detection is switched off.").asks(r#"{"detectorId":"%detector%"}"#),
    step(900, Who::Made, "secretsmanager", "GetSecretValue", "Secrets are read, one after another.").reads().times(8)
        .asks(r#"{"secretId":"arn:aws:secretsmanager:us-east-1:%account%:secret:%secret%-AbCdEf"}"#),
    step(1_200, Who::Made, "s3", "GetObject", "Customers' objects are copied out of one bucket.").reads().data().times(60)
        .asks(r#"{"bucketName":"%bucket%","Host":"%bucket%.s3.us-east-1.amazonaws.com","key":"%key%"}"#),
    step(1_900, Who::Made, "s3", "PutBucketPolicy", "The bucket is opened to everybody.").asks(POLICY),
    step(2_100, Who::Made, "ec2", "ModifySnapshotAttribute", "A snapshot is shared with another account.")
        .asks(r#"{"snapshotId":"%snapshot%","createVolumePermission":{"add":{"items":[{"userId":"999999999999"}]}},"attributeType":"CREATE_VOLUME_PERMISSION"}"#).gets(r#"{"requestId":"%uuid:2%","_return":true}"#),
    step(2_400, Who::Made, "sts", "AssumeRole", "The second account is entered through the role that the organization left there.").reads()
        .asks(r#"{"roleArn":"arn:aws:iam::%second%:role/OrganizationAccountAccessRole","roleSessionName":"support"}"#)
        .gets(r#"{"credentials":{"accessKeyId":"ASIA%code16:7%","sessionToken":"%base200%","expiration":"%longtime:3601%"},"assumedRoleUser":{"assumedRoleId":"AROA%code16:6%:support","arn":"arn:aws:sts::%second%:assumed-role/OrganizationAccountAccessRole/support"}}"#),
    step(2_460, Who::Chained, "iam", "CreateAccessKey", "A second way back: a key for a user of the second account.").asks(r#"{"userName":"terraform"}"#)
        .gets(r#"{"accessKey":{"userName":"terraform","accessKeyId":"AKIA%code16:5%","status":"Active","createDate":"%longtime%"}}"#),
    step(2_700, Who::Chained, "ec2", "RunInstances", "Large instances are to be started where nobody looks, and refused by the quota.").region(2).times(6)
        .asks(r#"{"instancesSet":{"items":[{"imageId":"ami-0%hex16:4%","minCount":8,"maxCount":8}]},"instanceType":"p4d.24xlarge","monitoring":{"enabled":false}}"#)
        .fails("Client.VcpuLimitExceeded", "You have requested more vCPU capacity than your current vCPU limit of 0 allows for the instance bucket that the specified instance type belongs to."),
    step(2_940, Who::Chained, "ec2", "RunInstances", "Smaller ones start.").region(2).times(2)
        .asks(r#"{"instancesSet":{"items":[{"imageId":"ami-0%hex16:4%","minCount":4,"maxCount":4}]},"instanceType":"g5.xlarge","monitoring":{"enabled":false}}"#)
        .gets(r#"{"requestId":"%uuid:2%","reservationId":"r-0%hex16%","ownerId":"%account%","groupSet":{},"instancesSet":{"items":[{"instanceId":"i-0%hex16:3%","imageId":"ami-0%hex16:4%","instanceState":{"code":0,"name":"pending"},"instanceType":"g5.xlarge","launchTime":%epoch%}]}}"#),
    step(3_300, Who::Made, "s3", "DeleteObject", "Objects are deleted where their copies are.").data().times(20)
        .asks(r#"{"bucketName":"%bucket%","Host":"%bucket%.s3.us-east-1.amazonaws.com","key":"%key%"}"#).gets(r#"{"x-amz-delete-marker":"true","x-amz-version-id":"%base32%"}"#),
    step(3_500, Who::Console, "cloudtrail", "DeleteTrail", "The trail is deleted.").asks(r#"{"name":"arn:aws:cloudtrail:us-east-1:%account%:trail/management-events"}"#),
    step(3_620, Who::Made, "iam", "DeleteAccessKey", "The leaked key is deleted, so that nobody asks where it came from.").asks(r#"{"userName":"legacy-export","accessKeyId":"%leakedkey%"}"#),
];

/// One step of the storyline, as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttackStep {
    /// Steps are numbered from 1 in the order of time; one that was repeated has one number.
    pub number: u64,
    /// What it is.
    pub what: String,
    /// `eventTime` of the first record.
    pub time: String,
    /// Whose account.
    pub account: String,
    /// `awsRegion`.
    pub region: String,
    /// `eventSource`.
    pub source: String,
    /// `eventName`.
    pub event: String,
    /// `errorCode`.
    pub error: Option<String>,
    /// The identifiers of its records.
    pub event_ids: Vec<String>,
}

/// A record of the storyline.
pub(crate) struct AttackRecord {
    pub(crate) cell: Cell,
    pub(crate) time: Timestamp,
    step: &'static Step,
    number: u64,
    seed: u64,
    identity: UserIdentity<'static>,
    request: Option<String>,
    response: Option<String>,
    message: Option<String>,
    bucket: Option<String>,
    event_id: String,
}

/// The records of the storyline, in the order of time.
pub(crate) fn story(plan: &Plan, accounts: &[Account]) -> Vec<AttackRecord> {
    let seed = part_of_text(plan.seed, "attack");
    let day = plan.days / 2;
    let begin = plan
        .start
        .plus_ms(i64::try_from(day).expect("at most a hundred years") * DAY_MS + 13 * HOUR_MS + 4 * 60 * SECOND_MS);
    let second = accounts.len().min(2) - 1;
    let mut records = Vec::new();
    for (number, step) in STEPS.iter().enumerate() {
        let at = if step.who == Who::Chained { second } else { 0 };
        let account = &accounts[at];
        let since = begin.plus_ms(600 * SECOND_MS);
        let (identity, arn) = identity(step.who, seed, begin, since, &accounts[0], account);
        for nth in 0..step.times {
            let own = part(part(seed, wide(number)), nth);
            let time = begin.plus_ms((step.after + i64::try_from(nth).expect("few") * 7) * SECOND_MS);
            let bucket = accounts[0].pools.nth(Pool::Bucket, 0);
            let text = |text: &'static str| {
                let filling = |seed| Filling {
                    pools: Some(&account.pools),
                    users: &account.user_names,
                    seed,
                    account: &account.id,
                    region: REGIONS[step.region],
                    source: step.source,
                    operation: step.name,
                    arn: &arn,
                    caller: MADE,
                    time,
                    target: None,
                };
                // What all steps share has a number of its own; what differs each time does not.
                let fixed = ["%code16:5%", "%code16:6%", "%code16:7%", "%code16:8%", "%code16:9%", "%hex16:4%"];
                let mut filled = text
                    .replace("%bucket%", bucket)
                    .replace("%second%", &accounts[second].id)
                    .replace("%leakedkey%", &accounts[0].users[leaked(&accounts[0])].keys[0]);
                for place in fixed {
                    filled = filled.replace(place, &Template::new(place).text(&filling(seed)));
                }
                Template::new(&filled).text(&filling(own))
            };
            let some = |template: &'static str| (!template.is_empty()).then(|| text(template));
            let mut event_id = String::new();
            uuid(&mut event_id, part(own, 7));
            records.push(AttackRecord {
                cell: Cell { account: at, region: step.region, day },
                time,
                step,
                number: wide(number) + 1,
                seed: own,
                identity: identity.clone(),
                request: some(step.request),
                response: some(step.response),
                message: step.error.map(|(_, message)| text(message)),
                bucket: step.request.contains("\"bucketName\"").then(|| bucket.to_owned()),
                event_id,
            });
        }
    }
    records.sort_by_key(|record| record.time);
    records
}

fn leaked(account: &Account) -> usize {
    account.user_names.iter().position(|name| name == LEAKED).expect("each account has the programs' users")
}

fn identity(
    who: Who,
    seed: u64,
    begin: Timestamp,
    since: Timestamp,
    first: &Account,
    second: &Account,
) -> (UserIdentity<'static>, String) {
    let id = |prefix: &str, which: u64| {
        let mut id = prefix.to_owned();
        // As the place `%code16:WHICH%` writes it.
        code(&mut id, part(seed, 1_300 + which), 16);
        id
    };
    let session = |creation_date| SessionContext { creation_date, ..SessionContext::default() };
    let user =
        |name: &str, principal_id: String, access_key_id: Option<String>, session: Option<SessionContext<'static>>| {
            let arn = format!("arn:aws:iam::{}:user/{name}", first.id);
            let identity = UserIdentity::IamUser {
                principal_id: principal_id.into(),
                arn: arn.clone().into(),
                account_id: first.id.clone().into(),
                access_key_id: access_key_id.map(Into::into),
                user_name: name.to_owned().into(),
                session,
                invoked_by: None,
            };
            (identity, arn)
        };
    match who {
        Who::Leaked => {
            let of = &first.users[leaked(first)];
            user(LEAKED, of.principal_id.clone(), Some(of.keys[0].clone()), None)
        }
        Who::Made => user(MADE, id("AIDA", 9), Some(id("AKIA", 8)), None),
        Who::SigningIn => user(MADE, id("AIDA", 9), None, None),
        Who::Console => user(MADE, id("AIDA", 9), Some(id("ASIA", 20)), Some(session(since))),
        Who::Chained => {
            let arn = format!("arn:aws:sts::{}:assumed-role/{ROLE}/support", second.id);
            let issuer = SessionIssuer {
                kind: "Role".into(),
                principal_id: id("AROA", 6).into(),
                arn: format!("arn:aws:iam::{}:role/{ROLE}", second.id).into(),
                account_id: second.id.clone().into(),
                user_name: Some(ROLE.into()),
            };
            let identity = UserIdentity::AssumedRole {
                principal_id: format!("{}:support", id("AROA", 6)).into(),
                arn: arn.clone().into(),
                account_id: second.id.clone().into(),
                access_key_id: Some(id("ASIA", 7).into()),
                session: SessionContext { issuer: Some(issuer), ..session(begin.plus_ms(2_400 * SECOND_MS)) },
                invoked_by: None,
            };
            (identity, arn)
        }
    }
}

impl AttackRecord {
    /// Appends the record, and counts it.
    pub(crate) fn write(&self, out: &mut Vec<u8>, scene: &mut Scene<'_>) {
        let step = self.step;
        let console = matches!(step.who, Who::Console | Who::SigningIn);
        let signs_in = step.who == Who::SigningIn;
        let mut dice = Dice::new(self.seed);
        let record = EventRecord {
            user_identity: self.identity.clone(),
            event_time: self.time,
            event_source: format!("{}.amazonaws.com", step.source).into(),
            event_name: step.name.into(),
            aws_region: scene.region.into(),
            source_ip_address: ADDRESS.into(),
            user_agent: if console { BROWSER } else { TOOL }.into(),
            error_code: step.error.map(|(code, _)| code.into()),
            error_message: self.message.as_deref().map(Into::into),
            request_parameters_json: self.request.as_deref().map(Into::into),
            response_elements_json: self.response.as_deref().map(Into::into),
            additional_event_data_json: signs_in
                .then(|| r#"{"LoginTo":"https://console.aws.amazon.com/console/home?region=us-east-1","MobileVersion":"No","MFAUsed":"No"}"#.into()),
            request_id: (!signs_in).then(|| request_id(step.source, self.seed).into()),
            event_id: self.event_id.as_str().into(),
            read_only: step.reads,
            resources: Vec::new(),
            event_type: if signs_in { EventType::AwsConsoleSignIn } else { EventType::AwsApiCall },
            api_version: None,
            management_event: !step.data,
            recipient_account_id: scene.account.id.as_str().into(),
            shared_event_id: None,
            service_event_details_json: None,
            vpc_endpoint_id: None,
            vpc_endpoint_account_id: None,
            event_category: if step.data { EventCategory::Data } else { EventCategory::Management },
            addendum_json: None,
            edge_device_details_json: None,
            tls_details: Some(tls(step.source, scene.region, &mut dice)),
            session_credential_from_console: step.who == Who::Console,
        };
        record.write(out);
        scene.tally.add(&record, None, self.bucket.as_deref());
        let summary = &mut scene.tally.summary;
        summary.logins.without_mfa += u64::from(signs_in);
        match summary.attack.last_mut().filter(|last| last.number == self.number) {
            Some(last) => last.event_ids.push(self.event_id.clone()),
            None => summary.attack.push(AttackStep {
                number: self.number,
                what: step.what.to_owned(),
                time: self.time.iso8601_secs(),
                account: scene.account.id.clone(),
                region: scene.region.to_owned(),
                source: record.event_source.into_owned(),
                event: step.name.to_owned(),
                error: step.error.map(|(code, _)| code.to_owned()),
                event_ids: vec![self.event_id.clone()],
            }),
        }
    }
}
