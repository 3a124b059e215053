//! The words of questions and what each of them means. A word that is not here is a name, or is not understood.

use std::net::IpAddr;

use base::Timestamp;
use base::time::DAY_MS;

use super::dimension::Dimension::{self, *};

/// What a word, or some words together, mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Meaning {
    /// Nothing.
    Filler,
    /// How many.
    Count,
    /// The most frequent ones.
    Top,
    /// The latest ones.
    Newest,
    /// Divided by what follows, or done by who follows.
    By,
    /// From an address, a time.
    From,
    /// Who.
    Who,
    /// All there is.
    All,
    /// What events can be divided by; whether it is one (`user alice`).
    Dim(Dimension, bool),
    /// Only failures.
    Errors,
    /// Only refused calls.
    Denied,
    /// Only throttled calls.
    Throttled,
    /// Only successes.
    Successes,
    /// Signing in to the console.
    Login,
    /// With or without multi-factor authentication.
    Mfa(bool),
    /// Old versions of TLS.
    OldTls,
    /// A condition, in SQL.
    Only(&'static str),
    /// What was done: the beginning of names of operations; empty for any change.
    Verb(&'static str),
    /// On what: the noun in names of operations.
    Noun(&'static str),
    /// A service: the beginning of its event source.
    OfService(&'static str),
    /// `last`, `past`.
    Last,
    /// `this`.
    This,
    /// A unit of time, in milliseconds.
    Unit(i64),
    /// Today, or so many days before.
    DayBefore(i64),
    /// `ago`.
    Ago,
    /// From a time on.
    Since,
    /// Up to a time.
    Before,
    /// Between two times, or up to the second of two.
    To,
    /// More often than.
    MoreThan,
    /// At least so often.
    AtLeast,
    /// Times, of how often.
    Times,
    /// A number.
    Number(u64),
    /// A time, and for how long it lasts: a day, or a moment.
    Date(i64, i64),
    /// An address.
    TheAddress,
    /// An ARN.
    TheArn,
    /// An access key.
    TheKey,
    /// An account.
    TheAccount,
    /// A region.
    TheRegion,
    /// The name of an operation.
    TheEvent,
    /// An event source.
    TheService,
    /// A text in quotes.
    Quoted,
    /// Any other word.
    Name,
}

/// A piece of the question.
#[derive(Clone, Debug)]
pub struct Word {
    /// What it means.
    pub meaning: Meaning,
    /// As it was written, without quotes.
    pub text: String,
}

use Meaning::*;

const HOUR_MS: i64 = 3_600_000;

/// Phrases by what they mean; `|` divides them. The longest one that fits counts.
const PHRASES: &[(Meaning, &str)] = &[
    (
        Filler,
        "a|an|the|my|me|our|us|i|in|of|for|is|are|was|were|be|been|have|has|had|did|do|does|done|that|there|it|its|their|they|\
         please|can|could|you|show|list|give|display|find|get me|tell|return|see|want|know|to know|what|which|whose|where|when|\
         any|some|with|using|used|use|uses|made|make|makes|making|performed|perform|call|called|call to|invoked by|logged|recorded|\
         occurred|came|coming|took place|during|within|over|at|on|into|the aws|aws|amazon|service of|times of|list of|\
         along with|name of|names of|named|name|details|detail|information|info|about|trying|tried|attempts|attempt|attempted|how|\
         but|each of|that were|result|results|resulted|resulting|sorted|ordered|ranked|number|account's|store|event data store|query|sql|write a query|or|was it|exactly|different|distinct|unique|\
         via|through|against|also|then|this is|and|only|just|every|time of",
    ),
    (Count, "how many|count|count of|number of|the number of|total|total number of|amount of|how often|how many times"),
    (
        Top,
        "top|most|most common|most frequent|most frequently|most active|most used|most often|busiest|highest|biggest|noisiest|\
         most frequently called|most called",
    ),
    (Newest, "latest|newest|most recent|recent|recently|most recently|last few"),
    (
        By,
        "by|per|for each|each|for every|grouped by|group by|broken down by|split by|by each|across|in each|from each|depending on",
    ),
    (From, "from|originating from|out of"),
    (Who, "who|whom|by whom|who has|who have"),
    (All, "everything|happened|happens|all|all of|all the|anything"),
    (Dim(User, false), "users|principals|identities|callers|iam users|people|persons|actors"),
    (Dim(User, true), "user|principal|identity|caller|iam user|username|user name|person|actor"),
    (Dim(Service, false), "services|event sources|aws services|sources"),
    (Dim(Service, true), "service|event source|aws service|eventsource"),
    (
        Dim(Event, false),
        "events|actions|calls|api calls|apis|operations|activity|activities|requests|api events|event names|records|logs|entries|\
         api activity|event history|things",
    ),
    (Dim(Event, true), "event|action|api call|api|operation|request|event name|eventname|record"),
    (Dim(Error, false), "error codes|errorcodes|types of errors|kinds of errors"),
    (Dim(Error, true), "error code|errorcode|type of error|kind of error"),
    (Dim(Region, false), "regions|aws regions"),
    (Dim(Region, true), "region|aws region|awsregion"),
    (Dim(Account, false), "accounts|aws accounts|account ids"),
    (Dim(Account, true), "account|aws account|account id"),
    (Dim(Address, false), "ips|ip addresses|source ips|source ip addresses|addresses|source addresses|ip's"),
    (Dim(Address, true), "ip|ip address|source ip|source ip address|address|source address|sourceipaddress"),
    (Dim(Agent, false), "user agents|tools|clients"),
    (Dim(Agent, true), "user agent|useragent|tool|client"),
    (Dim(Key, false), "access keys|access key ids"),
    (Dim(Key, true), "access key|access key id|accesskeyid"),
    (Dim(Role, false), "roles|iam roles"),
    (Dim(Role, true), "role|iam role"),
    (Dim(Bucket, false), "buckets|s3 buckets"),
    (Dim(Bucket, true), "bucket|s3 bucket"),
    (Dim(Kind, false), "event types|types of events"),
    (Dim(Kind, true), "event type|type of event|eventtype"),
    (Dim(Tls, false), "tls versions|versions of tls"),
    (Dim(Tls, true), "tls version|tls"),
    (Dim(IdentityKind, false), "identity types|user types|types of identities|types of users"),
    (Dim(IdentityKind, true), "identity type|user type|type of identity"),
    (
        Errors,
        "error|errors|errored|failed|failing|failure|failures|fail|fails|unsuccessful|unsuccessfully|with errors|with an error|\
         api errors|exceptions",
    ),
    (
        Denied,
        "denied|access denied|accessdenied|unauthorized|not authorized|forbidden|refused|rejected|permission errors|\
         permission denied|access denied errors|authorization errors|authorization failures|unauthorized errors|denials|were denied",
    ),
    (Throttled, "throttled|throttling|throttling errors|rate limited|throttles|rate exceeded"),
    (Successes, "successful|successfully|succeeded|succeeding|without errors|without error|success|successes"),
    (
        Login,
        "console login|console logins|console sign-in|console sign-ins|console signin|console signins|login|logins|log in|logon|\
         logons|logged in|logged into|logging in|sign in|sign-in|sign-ins|signin|signins|signed in|signed into|signing in|sign ins|\
         console sign ins|logged in to the console|signed in to the console|logged into the console|log in to the console|\
         sign in to the console|signed into the console|signed in to the aws console|logged in to the aws console|\
         logged into the aws console|console access|consolelogin|management console logins",
    ),
    (
        Mfa(false),
        "without mfa|no mfa|not using mfa|without using mfa|without multi-factor authentication|non-mfa|not use mfa|\
         did not use mfa|didn't use mfa|without multi factor authentication|with no mfa|mfa disabled|that had no mfa|\
         without an mfa device|without a second factor",
    ),
    (Mfa(true), "with mfa|using mfa|mfa|multi-factor authentication|with multi-factor authentication"),
    (
        OldTls,
        "old tls|outdated tls|old tls versions|outdated tls versions|tls 1.0|tls 1.1|tls 1.0 or 1.1|deprecated tls|weak tls",
    ),
    (
        Only("userIdentity.type = 'Root'"),
        "root|root user|root account|root users|account root|the root user|root credentials|root user's|user root",
    ),
    (Only("readOnly = true"), "read-only|readonly|read only|read events|reads|read calls"),
    (
        Only("readOnly = false"),
        "write events|writes|write calls|mutating|not read-only|write-only|write|changing|non-read-only|mutations|mutable",
    ),
    (Only("eventCategory = 'Management'"), "management events|management event|management|control plane"),
    (Only("eventCategory = 'Data'"), "data events|data event|data plane"),
    (Only("eventCategory = 'NetworkActivity'"), "network activity events|network activity|vpc endpoint events"),
    (Only("eventCategory = 'Insight'"), "insights events|insight events|insights"),
    (Only("vpcEndpointId IS NOT NULL"), "vpc endpoint|vpc endpoints|a vpc endpoint"),
    (
        Only("sessionCredentialFromConsole = 'true'"),
        "in the console|from the console|console sessions|console session|console|aws console",
    ),
    (Only("userIdentity.type = 'AssumedRole'"), "assumed roles|assumed-role|role sessions"),
    (Only("userIdentity.type = 'AWSService'"), "aws service calls|service principals"),
    (
        Verb("Delete"),
        "delete|deleted|deletes|deleting|deletion|deletions|remove|removed|removing|removal|removals|destroyed",
    ),
    (Verb("Create"), "create|created|creates|creating|creation|creations|launched|launch|launches|provisioned"),
    (
        Verb(""),
        "change|changed|changes|changing of|modify|modified|modifies|modification|modifications|update|updated|updates|edited|\
         altered|reconfigured",
    ),
    (Verb("Put"), "put|uploaded|uploads|upload|uploading|wrote"),
    (Verb("Get"), "get|got|read|viewed|downloaded|downloads|download|retrieved|accessed|fetched|access to|access"),
    (Verb("List"), "listed|listings of"),
    (Verb("Describe"), "described"),
    (Verb("Attach"), "attach|attached|attaches|attachments"),
    (Verb("Detach"), "detach|detached"),
    (Verb("Stop"), "stop|stopped|stops"),
    (Verb("Start"), "start|started|starts"),
    (Verb("Terminate"), "terminate|terminated|terminations|terminates"),
    (Verb("Reboot"), "reboot|rebooted|reboots"),
    (Verb("Disable"), "disable|disabled|disables|deactivated"),
    (Verb("Enable"), "enable|enabled|enables"),
    (Verb("Assume"), "assume|assumed|assumes"),
    (Verb("Invoke"), "invoke|invoked|invocations|invocations of|invokes"),
    (Verb("Publish"), "published|publish"),
    (Noun("Trail"), "trail|trails|cloudtrail trail|cloudtrail trails"),
    (Noun("Policy"), "policy|policies|iam policy|iam policies"),
    (Noun("BucketPolicy"), "bucket policy|bucket policies"),
    (Noun("Group"), "group|groups|iam group|iam groups"),
    (Noun("SecurityGroup"), "security group|security groups"),
    (Noun("Instance"), "instance|instances|ec2 instance|ec2 instances|virtual machines"),
    (Noun("Function"), "function|functions|lambda function|lambda functions"),
    (Noun("Table"), "table|tables|dynamodb table|dynamodb tables"),
    (Noun("Secret"), "secret|secrets"),
    (Noun("SecretValue"), "secret value|secret values"),
    (Noun("Object"), "object|objects|s3 object|s3 objects|file|files"),
    (Noun("Key"), "kms key|kms keys|encryption key|encryption keys"),
    (Noun("Vpc"), "vpc|vpcs"),
    (Noun("Subnet"), "subnet|subnets"),
    (Noun("Snapshot"), "snapshot|snapshots"),
    (Noun("Volume"), "volume|volumes|ebs volumes"),
    (Noun("Image"), "image|images|ami|amis"),
    (Noun("Stack"), "stack|stacks|cloudformation stacks"),
    (Noun("Queue"), "queue|queues"),
    (Noun("Topic"), "topic|topics"),
    (Noun("Cluster"), "cluster|clusters"),
    (Noun("DBInstance"), "database|databases|rds instances|db instances"),
    (Noun("LoginProfile"), "login profile|login profiles|password|passwords"),
    (Noun("EventDataStore"), "event data stores"),
    (Noun("Logging"), "logging"),
    (Noun("RouteTable"), "route table|route tables"),
    (Noun("NetworkAcl"), "network acl|network acls"),
    (OfService("s3"), "s3|simple storage service"),
    (OfService("sns"), "sns"),
    (OfService("sqs"), "sqs"),
    (OfService("ec2"), "ec2"),
    (OfService("iam"), "iam"),
    (OfService("sts"), "sts"),
    (OfService("lambda"), "lambda"),
    (OfService("kms"), "kms"),
    (OfService("dynamodb"), "dynamodb|dynamo"),
    (OfService("rds"), "rds"),
    (OfService("cloudtrail"), "cloudtrail"),
    (OfService("monitoring"), "cloudwatch"),
    (OfService("logs"), "cloudwatch logs"),
    (OfService("ecs"), "ecs"),
    (OfService("eks"), "eks"),
    (OfService("ecr"), "ecr"),
    (OfService("athena"), "athena"),
    (OfService("glue"), "glue"),
    (OfService("redshift"), "redshift"),
    (OfService("kinesis"), "kinesis"),
    (OfService("secretsmanager"), "secretsmanager|secrets manager"),
    (OfService("ssm"), "ssm|systems manager"),
    (OfService("cloudformation"), "cloudformation"),
    (OfService("cloudfront"), "cloudfront"),
    (OfService("route53"), "route53|route 53"),
    (OfService("organizations"), "organizations"),
    (OfService("guardduty"), "guardduty"),
    (OfService("securityhub"), "securityhub|security hub"),
    (OfService("config"), "aws config|config"),
    (OfService("apigateway"), "apigateway|api gateway"),
    (OfService("elasticloadbalancing"), "elb|elasticloadbalancing|load balancing"),
    (OfService("autoscaling"), "autoscaling|auto scaling"),
    (OfService("states"), "step functions|stepfunctions"),
    (OfService("events"), "eventbridge"),
    (OfService("bedrock"), "bedrock"),
    (OfService("sso"), "sso|identity center|iam identity center"),
    (Last, "last|past|previous|the last|the past"),
    (This, "this|current"),
    (Unit(60_000), "minute|minutes"),
    (Unit(HOUR_MS), "hour|hours|hourly"),
    (Unit(DAY_MS), "day|days|daily"),
    (Unit(7 * DAY_MS), "week|weeks|weekly"),
    (Unit(30 * DAY_MS), "month|months|monthly"),
    (Unit(365 * DAY_MS), "year|years"),
    (DayBefore(0), "today"),
    (DayBefore(1), "yesterday"),
    (Ago, "ago"),
    (Since, "since|after|later than|starting|starting from|newer than"),
    (Before, "before|until|earlier than|up to|older than|till"),
    (To, "to|between"),
    (MoreThan, "more than|over than|exceeding|greater than"),
    (AtLeast, "at least|or more than"),
    (Times, "times|occurrences|time"),
    (Number(1), "one"),
    (Number(2), "two|couple|a couple of"),
    (Number(3), "three"),
    (Number(4), "four"),
    (Number(5), "five"),
    (Number(6), "six"),
    (Number(7), "seven"),
    (Number(8), "eight"),
    (Number(9), "nine"),
    (Number(10), "ten"),
    (Number(12), "twelve"),
    (Number(14), "fourteen"),
    (Number(20), "twenty"),
    (Number(24), "twenty-four"),
    (Number(30), "thirty"),
    (Number(60), "sixty"),
    (Number(90), "ninety"),
];

/// Words of a phrase at most.
const PHRASE_WORDS_MAX: usize = 6;

/// The meaning of a whole phrase.
fn of_phrase(phrase: &str) -> Option<Meaning> {
    PHRASES.iter().find(|(_, all)| all.split('|').any(|one| one == phrase)).map(|(meaning, _)| *meaning)
}

/// Reads a question.
pub fn read(prompt: &str) -> Vec<Word> {
    let raw = split(prompt);
    let mut words = Vec::new();
    let mut at = 0;
    while let Some((text, quoted)) = raw.get(at) {
        if *quoted {
            let meaning = of_shape(text).filter(|meaning| !matches!(meaning, Number(_))).unwrap_or(Quoted);
            words.push(Word { meaning, text: text.clone() });
            at += 1;
            continue;
        }
        let longest = (1..=PHRASE_WORDS_MAX.min(raw.len() - at)).rev().find_map(|len| {
            let piece = raw.get(at..at + len).filter(|piece| piece.iter().all(|(_, quoted)| !quoted))?;
            let phrase = piece.iter().map(|(text, _)| text.to_ascii_lowercase()).collect::<Vec<_>>().join(" ");
            of_phrase(&phrase).map(|meaning| (meaning, len, phrase))
        });
        // `DeleteBucket` is the name of an operation, `Delete` a word like any other.
        let (meaning, len, text) = match (of_shape(text), longest) {
            (Some(shape), _) => (shape, 1, text.clone()),
            (None, Some((meaning, len, phrase))) => (meaning, len, if len == 1 { text.clone() } else { phrase }),
            (None, None) => (Name, 1, text.clone()),
        };
        words.push(Word { meaning, text });
        at += len;
    }
    words
}

/// Words without the punctuation around them, and whether they were in quotes.
fn split(prompt: &str) -> Vec<(String, bool)> {
    let mut words = Vec::new();
    let mut rest = prompt.trim_start();
    while let Some(first) = rest.chars().next() {
        let quote = matches!(first, '\'' | '"' | '`').then(|| rest[1..].find(first)).flatten();
        if let Some(end) = quote {
            words.push((rest[1..=end].to_owned(), true));
            rest = &rest[end + 2..];
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let marks =
                |c: char| matches!(c, '?' | '.' | ',' | '!' | ';' | ':' | '(' | ')' | '[' | ']' | '"' | '\'' | '`');
            let word = rest[..end].trim_matches(marks);
            let word = word.strip_suffix("'s").unwrap_or(word);
            if !word.is_empty() {
                words.push((word.to_owned(), false));
            }
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    words.retain(|(word, _)| !word.trim().is_empty());
    words
}

/// What a word is by its shape.
fn of_shape(text: &str) -> Option<Meaning> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if digits && text.len() == 12 {
        return Some(TheAccount);
    }
    if digits {
        return text.parse().ok().map(Number);
    }
    if text.starts_with("arn:") {
        return Some(TheArn);
    }
    let is_key = text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if is_key && text.len() >= 16 && (text.starts_with("AKIA") || text.starts_with("ASIA")) {
        return Some(TheKey);
    }
    if text.parse::<IpAddr>().is_ok() {
        return Some(TheAddress);
    }
    if base::Region::parse(text).is_some() {
        return Some(TheRegion);
    }
    if text.len() > ".amazonaws.com".len() && text.ends_with(".amazonaws.com") {
        return Some(TheService);
    }
    if let Some(date) = date(text) {
        return Some(date);
    }
    let mut chars = text.chars();
    let first = chars.next().is_some_and(|c| c.is_ascii_uppercase());
    let second = chars.next().is_some_and(|c| c.is_ascii_lowercase());
    let humps = text.bytes().zip(text.bytes().skip(1)).any(|(a, b)| a.is_ascii_lowercase() && b.is_ascii_uppercase());
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_name = first && second && humps && is_plain && !SPELLED.contains(&text.to_ascii_lowercase().as_str());
    is_name.then_some(TheEvent)
}

/// Names of services that are written as names of operations are.
const SPELLED: [&str; 10] = [
    "cloudtrail",
    "cloudwatch",
    "dynamodb",
    "cloudformation",
    "cloudfront",
    "guardduty",
    "eventbridge",
    "consolelogin",
    "accessdenied",
    "securityhub",
];

/// `2026-03-01`, `2026-03-01T10:00:00Z`.
fn date(text: &str) -> Option<Meaning> {
    let (text, lasts) = if text.len() == 10 { (format!("{text}T00:00:00Z"), DAY_MS) } else { (text.to_owned(), 0) };
    let looks = text.len() >= 19 && text.as_bytes().get(4) == Some(&b'-') && text.is_ascii();
    let text = if looks && text.len() == 19 { format!("{text}Z") } else { text };
    Timestamp::parse_iso8601(&text).filter(|_| looks).map(|time| Date(time.ms(), lasts))
}
