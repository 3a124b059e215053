//! One record of everyday work: which operation, who calls it, from where, with what, and how it ends. What it is follows from its
//! seed alone.

use base::Timestamp;
use base::time::HOUR_MS;
use record::{EventCategory, EventRecord, EventType, Resource, TlsDetails};

use crate::events::{By, Ready};
use crate::people::{Account, Caller, RoleKind, Session, Target};
use crate::pools::Pool;
use crate::random::{Dice, index, part, skewed};
use crate::tally::Tally;
use crate::template::{Filling, code, uuid};

/// How busy each hour is where the people are.
const HOURS: [u64; 24] =
    [14, 11, 10, 10, 12, 18, 32, 55, 82, 96, 100, 98, 84, 92, 99, 95, 86, 70, 52, 42, 36, 30, 24, 18];
/// Calls in a million that people, or programs, are not allowed to make.
const DENIED_PEOPLE: u64 = 14_000;
const DENIED_APPS: u64 = 3_000;
/// Records in a million that have the identifier of the one before.
const SHARED_EVENT_ID: u64 = 400;

const BROWSERS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
];
const TOOLS: [&str; 5] = [
    "aws-cli/2.22.12 md/awscrt#0.23.4 ua/2.0 os/linux#6.8.0-49-generic md/arch#x86_64 lang/python#3.12.6 md/pyimpl#CPython cfg/retry-mode#standard md/installer#exe md/distrib#ubuntu.24 md/prompt#off md/command#",
    "aws-cli/2.19.1 md/awscrt#0.22.0 ua/2.0 os/macos#24.1.0 md/arch#arm64 lang/python#3.12.7 md/pyimpl#CPython cfg/retry-mode#standard md/installer#source md/prompt#off",
    "APN/1.0 HashiCorp/1.0 Terraform/1.9.8 (+https://www.terraform.io) terraform-provider-aws/5.79.0 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.32.5 ua/2.1 os/linux lang/go#1.23.3 md/GOOS#linux md/GOARCH#amd64",
    "Boto3/1.35.70 md/Botocore#1.35.70 ua/2.0 os/linux#6.1.0-28-amd64 md/arch#x86_64 lang/python#3.11.2 md/pyimpl#CPython cfg/retry-mode#legacy Botocore/1.35.70",
    "aws-sdk-js/3.699.0 ua/2.1 os/linux#6.8.0 lang/js md/nodejs#22.11.0 api/cloudformation#3.699.0",
];
const SDKS: [&str; 6] = [
    "aws-sdk-java/2.29.20 md/io#async md/http#NettyNio ua/2.1 os/Linux#5.10.228-219.884.amzn2.x86_64 lang/java#17.0.13 md/OpenJDK_64-Bit_Server_VM#17.0.13+11-LTS md/vendor#Amazon.com_Inc. md/en_US exec-env/AWS_ECS_FARGATE m/D,N",
    "Boto3/1.35.70 md/Botocore#1.35.70 ua/2.0 os/linux#5.10.228-219.884.amzn2.x86_64 md/arch#aarch64 lang/python#3.13.0 md/pyimpl#CPython exec-env/AWS_Lambda_python3.13 cfg/retry-mode#legacy Botocore/1.35.70",
    "aws-sdk-go-v2/1.32.5 ua/2.1 os/linux lang/go#1.23.3 md/GOOS#linux md/GOARCH#arm64 api/dynamodb#1.37.1 m/E",
    "aws-sdk-js/3.699.0 ua/2.1 os/linux#5.10.228-219.884.amzn2.x86_64 lang/js md/nodejs#22.11.0 api/s3#3.699.0 exec-env/AWS_Lambda_nodejs22.x",
    "amazon-ssm-agent/3.3.987.0 aws-sdk-go/1.55.5 (go1.22.8; linux; amd64)",
    "aws-sdk-rust/1.3.10 ua/2.1 api/sqs/1.49.0 os/linux lang/rust/1.82.0",
];

/// Operations of a place, by how often they are called.
pub(crate) struct Menu {
    /// The sum of weights up to and with each, and its number.
    upto: Vec<(u64, usize)>,
}

impl Menu {
    pub(crate) fn new(ready: &[Ready], region: &str) -> Menu {
        let mut sum = 0;
        let here = ready.iter().enumerate().filter(|(_, ready)| !ready.event.global || region == "us-east-1");
        let upto = here.map(|(at, ready)| {
            sum += ready.event.weight;
            (sum, at)
        });
        Menu { upto: upto.collect() }
    }

    fn pick(&self, dice: &mut Dice) -> usize {
        let total = self.upto.last().map_or(0, |(sum, _)| *sum);
        let chance = dice.below(total);
        self.upto[self.upto.partition_point(|(sum, _)| *sum <= chance)].1
    }
}

/// How busy a moment is, 10 to 100.
pub(crate) fn busy(time: Timestamp, region: &str) -> u64 {
    let offset = match region {
        "us-east-1" => -5,
        "us-west-2" => -8,
        "ap-southeast-2" => 10,
        _ => 1,
    };
    let local = time.plus_ms(offset * HOUR_MS).civil();
    let work = HOURS[usize::from(local.hour)];
    if local.weekday >= 5 { 10 + work / 5 } else { work }
}

/// Where records are made.
pub(crate) struct Scene<'w> {
    pub(crate) ready: &'w [Ready],
    pub(crate) menu: Menu,
    pub(crate) account: &'w Account,
    pub(crate) region: &'w str,
    pub(crate) tally: Tally,
    pub(crate) last_event_id: String,
    request: String,
    response: String,
    more: String,
    message: String,
}

/// What every record has of the way it came.
struct Way {
    address: String,
    agent: String,
    console: bool,
}

impl<'w> Scene<'w> {
    pub(crate) fn new(ready: &'w [Ready], account: &'w Account, region: &'w str) -> Scene<'w> {
        Scene {
            menu: Menu::new(ready, region),
            tally: Tally::new(ready.len()),
            ready,
            account,
            region,
            last_event_id: String::new(),
            request: String::new(),
            response: String::new(),
            more: String::new(),
            message: String::new(),
        }
    }

    /// Appends a record.
    pub(crate) fn record(&mut self, seed: u64, time: Timestamp, out: &mut Vec<u8>) {
        let mut dice = Dice::new(seed);
        let mut at = self.menu.pick(&mut dice);
        // At night people are not there.
        if self.ready[at].event.by == By::People && dice.below(100) >= busy(time, self.region) {
            at = self.menu.pick(&mut dice);
        }
        let all = self.ready;
        let ready = &all[at];
        if ready.event.by == By::SignIn {
            return self.sign_in(at, seed, time, &mut dice, out);
        }
        let (caller, way, target) = self.who(ready, time, &mut dice);
        let (account, region) = (self.account, self.region);
        let filling = Filling {
            pools: Some(&account.pools),
            users: &account.user_names,
            seed,
            account: &account.id,
            region,
            source: ready.event.source,
            operation: ready.event.name,
            arn: caller.arn(account),
            caller: caller.name(account),
            time,
            target: target.as_ref(),
        };
        for text in [&mut self.request, &mut self.response, &mut self.more, &mut self.message] {
            text.clear();
        }
        let error = fails(ready, &caller, &mut dice).map(|(code, message)| {
            message.write(&filling, &mut self.message);
            code
        });
        ready.request.write(&filling, &mut self.request);
        if error.is_none() {
            ready.response.write(&filling, &mut self.response);
        }
        ready.more.write(&filling, &mut self.more);
        let event_id = self.event_id(seed, &mut dice);
        let resources = ready.resources.iter().map(|(kind, arn)| Resource {
            account_id: Some(account.id.as_str().into()),
            kind: Some((*kind).into()),
            arn: arn.text(&filling).into(),
            is_prefix: false,
        });
        let is_service = matches!(caller, Caller::Service(_));
        let through_vpc = !is_service && way.address.starts_with("10.") && dice.below(3) == 0;
        let record = EventRecord {
            user_identity: caller.identity(account),
            event_time: time,
            event_source: ready.source.as_str().into(),
            event_name: ready.event.name.into(),
            aws_region: region.into(),
            source_ip_address: way.address.into(),
            user_agent: way.agent.into(),
            error_code: error.map(Into::into),
            error_message: error.and_then(|_| json(&self.message)),
            request_parameters_json: json(&self.request),
            response_elements_json: json(&self.response),
            additional_event_data_json: json(&self.more),
            request_id: Some(request_id(ready.event.source, seed).into()),
            event_id: event_id.into(),
            read_only: ready.event.reads,
            resources: resources.collect(),
            event_type: EventType::AwsApiCall,
            api_version: (!ready.event.version.is_empty()).then(|| ready.event.version.into()),
            management_event: !ready.event.data,
            recipient_account_id: account.id.as_str().into(),
            shared_event_id: (is_service && ready.event.source != "ec2").then(|| {
                let mut id = String::new();
                uuid(&mut id, part(seed, 9));
                id.into()
            }),
            service_event_details_json: None,
            vpc_endpoint_id: through_vpc.then(|| account.pools.pick(Pool::Endpoint, part(seed, 8)).into()),
            vpc_endpoint_account_id: through_vpc.then(|| account.id.as_str().into()),
            event_category: if ready.event.data { EventCategory::Data } else { EventCategory::Management },
            addendum_json: None,
            edge_device_details_json: None,
            tls_details: (!is_service).then(|| tls(ready.event.source, region, &mut dice)),
            session_credential_from_console: way.console,
        };
        record.write(out);
        let bucket = ready.names_bucket.then(|| {
            let which = Pool::Bucket.number() * 16 + 1;
            account.pools.pick(Pool::Bucket, part(seed, which))
        });
        self.tally.add(&record, Some(at), bucket);
        self.last_event_id = record.event_id.into_owned();
    }

    /// A new identifier, or once in a while that of the record before.
    fn event_id(&mut self, seed: u64, dice: &mut Dice) -> String {
        if dice.per_million(SHARED_EVENT_ID) && !self.last_event_id.is_empty() {
            self.tally.summary.with_shared_event_id += 1;
            return self.last_event_id.clone();
        }
        let mut id = String::with_capacity(36);
        uuid(&mut id, part(seed, 7));
        id
    }

    /// Who calls, and the role that is assumed if one is.
    fn who(&self, ready: &Ready, time: Timestamp, dice: &mut Dice) -> (Caller, Way, Option<Target>) {
        let account = self.account;
        let assumes = ready.event.source == "sts" && ready.event.name.starts_with("AssumeRole");
        let target = |kinds: &[RoleKind], dice: &mut Dice| assumes.then(|| account.target(kinds, time, dice));
        let plain = |name: &'static str| Way { address: name.to_owned(), agent: name.to_owned(), console: false };
        match ready.event.by {
            By::Service(name) => {
                let kind = match name {
                    "ec2.amazonaws.com" => RoleKind::Ec2,
                    "ecs-tasks.amazonaws.com" => RoleKind::Ecs,
                    _ => RoleKind::Lambda,
                };
                let target = target(&[kind], dice);
                (Caller::Service(name), plain(name), target)
            }
            By::Saml => {
                let target = target(&[RoleKind::Person], dice);
                let mail = target.as_ref().map(|target| target.session.clone()).unwrap_or_default();
                let address = account.pools.pick(Pool::Address, dice.next()).to_owned();
                (
                    Caller::Saml(mail),
                    Way { address, agent: BROWSERS[dice.index(BROWSERS.len())].to_owned(), console: false },
                    target,
                )
            }
            By::Web => {
                let target = target(&[RoleKind::Pipeline], dice);
                let address = format!("198.51.100.{}", 10 + dice.below(200));
                let caller = Caller::Web("repo:example/platform:ref:refs/heads/main".to_owned());
                (caller, Way { address, agent: TOOLS[4].to_owned(), console: false }, target)
            }
            By::Apps => self.program(ready, time, dice),
            By::Any if dice.below(100) < 60 => self.program(ready, time, dice),
            By::People | By::Any | By::SignIn => {
                if assumes {
                    // A chain: a pipeline's session assumes the next role.
                    let role = account.role_of(&[RoleKind::Pipeline], 0);
                    let (caller, way) = self.in_session(role, time, dice);
                    return (caller, way, target(&[RoleKind::Chained], dice));
                }
                let (caller, way) = self.person(time, dice);
                (caller, way, None)
            }
        }
    }

    fn program(&self, ready: &Ready, time: Timestamp, dice: &mut Dice) -> (Caller, Way, Option<Target>) {
        let account = self.account;
        let chance = dice.below(100);
        if chance < 6 {
            let machines = account.users.iter().position(|user| user.is_machine).expect("each account has some");
            let at = machines + dice.index(account.users.len() - machines);
            let way = Way { address: format!("10.9.0.{}", 4 + at), agent: TOOLS[3].to_owned(), console: false };
            return (Caller::User { at, console: None, mfa: false }, way, None);
        }
        let kinds: &[RoleKind] = match chance {
            6..=9 if ready.event.reads && !ready.event.data => &[RoleKind::Linked],
            _ => &[RoleKind::Ec2, RoleKind::Lambda, RoleKind::Ecs],
        };
        let role = account.role_of(kinds, dice.next());
        let (caller, way) = self.in_session(role, time, dice);
        (caller, way, None)
    }

    fn in_session(&self, role: usize, time: Timestamp, dice: &mut Dice) -> (Caller, Way) {
        let session: Session = self.account.session(role, time, dice.next(), 0);
        let kind = self.account.roles[role].kind;
        let console = kind == RoleKind::Person && dice.below(10) < 7;
        let agent = match kind {
            _ if console => BROWSERS[index(session.created.ms().unsigned_abs(), BROWSERS.len())],
            RoleKind::Person | RoleKind::Pipeline | RoleKind::Chained => TOOLS[dice.index(TOOLS.len())],
            RoleKind::Linked => "config.amazonaws.com",
            _ => SDKS[skewed(dice.next(), SDKS.len())],
        };
        let way = Way { address: session.address.clone(), agent: agent.to_owned(), console };
        (Caller::Session { role, session }, way)
    }

    fn person(&self, time: Timestamp, dice: &mut Dice) -> (Caller, Way) {
        let account = self.account;
        let browser = |dice: &mut Dice| BROWSERS[dice.index(BROWSERS.len())].to_owned();
        let since = Timestamp::from_ms(time.ms() - time.ms().rem_euclid(4 * HOUR_MS));
        let office = |nth: usize| account.pools.nth(Pool::Address, nth).to_owned();
        if dice.per_million(400) {
            let way = Way { address: office(1), agent: browser(dice), console: true };
            return (Caller::Root { signed_in: since }, way);
        }
        let people = account.users.iter().position(|user| user.is_machine).expect("each account has some");
        match dice.below(100) {
            0..45 => {
                let role = account.role_of(&[RoleKind::Person], dice.next());
                self.in_session(role, time, dice)
            }
            45..60 => {
                let role = account.role_of(&[RoleKind::Pipeline, RoleKind::Chained], dice.next());
                self.in_session(role, time, dice)
            }
            60..85 => {
                let at = skewed(dice.next(), people);
                let way = Way { address: office(at), agent: browser(dice), console: true };
                (Caller::User { at, console: Some(since), mfa: account.users[at].has_mfa }, way)
            }
            _ => {
                let at = skewed(dice.next(), account.users.len());
                let way = Way { address: office(at), agent: TOOLS[dice.index(TOOLS.len())].to_owned(), console: false };
                (Caller::User { at, console: None, mfa: false }, way)
            }
        }
    }

    /// A record of the sign-in page.
    fn sign_in(&mut self, at: usize, seed: u64, time: Timestamp, dice: &mut Dice, out: &mut Vec<u8>) {
        let account = self.account;
        let all = self.ready;
        let ready = &all[at];
        let people = account.users.iter().position(|user| user.is_machine).expect("each account has some");
        let checks_mfa = ready.event.name == "CheckMfa";
        let chance = if checks_mfa { 50 } else { dice.below(100) };
        let user = skewed(dice.next(), people);
        let (caller, mfa) = match chance {
            0..3 => (Caller::SigningIn { user: None }, true),
            3..15 => {
                let role = account.role_of(&[RoleKind::Person], dice.next());
                let session = account.session(role, time, dice.next(), 0);
                (Caller::Session { role, session }, false)
            }
            _ => (Caller::SigningIn { user: Some(user) }, account.users[user].has_mfa),
        };
        let federated = matches!(caller, Caller::Session { .. });
        let failed = !checks_mfa && !federated && dice.below(100) < 7;
        let result = if failed { "Failure" } else { "Success" };
        let more = match (checks_mfa, mfa) {
            (true, _) => r#"{"MfaType":"Virtual MFA"}"#.to_owned(),
            (false, false) => r#"{"LoginTo":"https://console.aws.amazon.com/console/home?region=us-east-1","MobileVersion":"No","MFAUsed":"No"}"#.to_owned(),
            (false, true) => format!(
                r#"{{"LoginTo":"https://console.aws.amazon.com/console/home?region=us-east-1","MobileVersion":"No","MFAIdentifier":"arn:aws:iam::{}:mfa/{}","MFAUsed":"Yes"}}"#,
                account.id,
                caller.name(account)
            ),
        };
        if !checks_mfa {
            let logins = &mut self.tally.summary.logins;
            *match (failed, federated, mfa) {
                (true, ..) => &mut logins.failed,
                (_, true, _) => &mut logins.federated,
                (.., true) => &mut logins.with_mfa,
                (.., false) => &mut logins.without_mfa,
            } += 1;
        }
        let mut event_id = String::new();
        uuid(&mut event_id, part(seed, 7));
        let record = EventRecord {
            user_identity: caller.identity(account),
            event_time: time,
            event_source: ready.source.as_str().into(),
            event_name: ready.event.name.into(),
            aws_region: self.region.into(),
            source_ip_address: account.pools.nth(Pool::Address, user).to_owned().into(),
            user_agent: BROWSERS[dice.index(BROWSERS.len())].into(),
            error_message: failed.then(|| "Failed authentication".into()),
            response_elements_json: Some(format!(r#"{{"{}":"{result}"}}"#, ready.event.name).into()),
            additional_event_data_json: Some(more.into()),
            event_id: event_id.into(),
            read_only: ready.event.reads,
            event_type: EventType::AwsConsoleSignIn,
            recipient_account_id: account.id.as_str().into(),
            tls_details: Some(tls("signin", self.region, dice)),
            ..EventRecord::blank()
        };
        record.write(out);
        self.tally.add(&record, Some(at), None);
    }
}

/// JSON text, unless there is none.
fn json(text: &str) -> Option<std::borrow::Cow<'_, str>> {
    (!text.is_empty()).then(|| text.into())
}

/// The error that a call ends with, if it does.
fn fails<'r>(
    ready: &'r Ready,
    caller: &Caller,
    dice: &mut Dice,
) -> Option<(&'static str, &'r crate::template::Template)> {
    let denied = match caller {
        Caller::Service(_) | Caller::Saml(_) | Caller::Web(_) | Caller::Root { .. } => 0,
        Caller::User { console: Some(_), .. } => DENIED_PEOPLE,
        Caller::Session { session, .. } if !session.address.starts_with("10.") => DENIED_PEOPLE,
        _ => DENIED_APPS,
    };
    // `GetCallerIdentity` is never refused.
    if ready.event.name != "GetCallerIdentity" && dice.per_million(denied) {
        return Some((ready.denied.0, &ready.denied.1));
    }
    let fault = ready.faults.iter().find(|(per_million, ..)| dice.per_million(*per_million))?;
    Some((fault.1, &fault.2))
}

pub(crate) fn request_id(source: &str, seed: u64) -> String {
    let mut id = String::with_capacity(36);
    match source {
        "s3" => code(&mut id, part(seed, 6), 16),
        _ => uuid(&mut id, part(seed, 6)),
    }
    id
}

pub(crate) fn tls(source: &str, region: &str, dice: &mut Dice) -> TlsDetails<'static> {
    let (version, cipher_suite) = match dice.below(1_000) {
        0 => ("TLSv1", "ECDHE-RSA-AES128-SHA"),
        1..220 => ("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256"),
        _ => ("TLSv1.3", "TLS_AES_128_GCM_SHA256"),
    };
    TlsDetails {
        version: version.into(),
        cipher_suite: cipher_suite.into(),
        client_provided_host_header: format!("{source}.{region}.amazonaws.com").into(),
    }
}
