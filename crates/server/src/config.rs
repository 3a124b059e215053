//! The configuration: each setting is a flag, an environment variable and a key of one TOML file, in that order of precedence.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, CommandFactory};
use cloudtrail::DigestRegions;
use node::Follow;

use crate::commands::Failure;
pub use crate::config_kinds::{LogFormat, RemoteObjects, TlsFiles};
use crate::follow::follow;
use crate::master_kms::{MasterKms, MasterKmsSettings};
use crate::mistakes::{distance, where_and_why};
use crate::notifications::{self, Notifications};
use crate::query_limits::{QueryLimits, query_limits};
use crate::{credentials, protection};

/// The data folder, if none is named.
pub const DATA_DIR: &str = "cairn-data";

/// The settings as they were given. Every one is optional.
#[derive(Args, Clone, Default, serde::Deserialize, serde::Serialize)]
#[serde(default)]
pub struct Settings {
    /// A TOML file with any of these settings; keys are the flags' names with `_` for `-`.
    #[arg(long, env = "CAIRN_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,
    /// The address to listen on [default: 127.0.0.1:4566].
    #[arg(long, env = "CAIRN_LISTEN", value_name = "ADDRESS")]
    listen: Option<String>,
    /// The folder that holds everything [default: ./cairn-data].
    #[arg(long, env = "CAIRN_DATA_DIR", value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// The account number, twelve digits [default: 123456789012].
    #[arg(long, env = "CAIRN_ACCOUNT_ID", value_name = "DIGITS")]
    account_id: Option<String>,
    /// How often log files are delivered, from 1s on [default: 5m].
    #[arg(long, env = "CAIRN_DELIVERY_INTERVAL", value_name = "TIME")]
    delivery_interval: Option<String>,
    /// How often digests are delivered, from 1s on [default: 1h].
    #[arg(long, env = "CAIRN_DIGEST_INTERVAL", value_name = "TIME")]
    digest_interval: Option<String>,
    /// For how long a key signs digests, from 5s on [default: 365d].
    #[arg(long, env = "CAIRN_DIGEST_KEY_LIFETIME", value_name = "TIME")]
    digest_key_lifetime: Option<String>,
    /// For which regions a trail of all regions gets digests: all, or active (home and those with events) [default: all].
    #[arg(long, env = "CAIRN_DIGEST_REGIONS", value_name = "ALL|ACTIVE")]
    digest_regions: Option<String>,
    /// How often everything that trails delivered is validated: from 1s on, or off [default: 1h].
    #[arg(long, env = "CAIRN_VALIDATION_INTERVAL", value_name = "TIME|off")]
    validation_interval: Option<String>,
    /// The root access key, instead of one made at the first start.
    #[arg(long, env = "CAIRN_ROOT_ACCESS_KEY_ID", value_name = "KEY")]
    root_access_key_id: Option<String>,
    /// The secret that belongs to it. Better in the environment or the file than on a command line, which others can see.
    #[arg(long, env = "CAIRN_ROOT_SECRET_ACCESS_KEY", value_name = "SECRET", hide_env_values = true)]
    root_secret_access_key: Option<String>,
    /// A file with the password of root, for signing in on a page [default: root cannot].
    #[arg(long, env = "CAIRN_ROOT_PASSWORD_FILE", value_name = "FILE", hide_env_values = true)]
    root_password_file: Option<PathBuf>,
    /// The file with the keys that contents are encrypted under [default: host-key in the data folder].
    #[arg(long, env = "CAIRN_HOST_KEY_FILE", value_name = "FILE")]
    host_key_file: Option<PathBuf>,
    /// The file with the keys that keys of KMS are wrapped under [default: kms-master-key in the data folder].
    #[arg(long, env = "CAIRN_KMS_MASTER_KEY_FILE", value_name = "FILE")]
    kms_master_key_file: Option<PathBuf>,
    #[command(flatten)]
    #[serde(flatten)]
    master_kms: MasterKmsSettings,
    /// More host names that the server is reached by, with commas between: for buckets in host names.
    #[arg(long, env = "CAIRN_HOST_NAMES", value_name = "NAMES")]
    host_names: Option<String>,
    /// Keep buckets and files in this S3 bucket instead of the data folder.
    #[arg(long, env = "CAIRN_OBJECTS_BUCKET", value_name = "BUCKET")]
    objects_bucket: Option<String>,
    /// The endpoint of that S3, if it is not AWS.
    #[arg(long, env = "CAIRN_OBJECTS_ENDPOINT", value_name = "URL")]
    objects_endpoint: Option<String>,
    /// The region of that bucket [default: us-east-1].
    #[arg(long, env = "CAIRN_OBJECTS_REGION", value_name = "REGION")]
    objects_region: Option<String>,
    /// The access key for that S3.
    #[arg(long, env = "CAIRN_OBJECTS_ACCESS_KEY_ID", value_name = "KEY")]
    objects_access_key_id: Option<String>,
    /// The secret that belongs to it.
    #[arg(long, env = "CAIRN_OBJECTS_SECRET_ACCESS_KEY", value_name = "SECRET", hide_env_values = true)]
    objects_secret_access_key: Option<String>,
    /// What is logged to standard error: error, warn, info, debug, or per module [default: info].
    #[arg(long, env = "CAIRN_LOG", value_name = "FILTER")]
    log: Option<String>,
    /// How the log is written: text, or json with one object a line [default: text].
    #[arg(long, env = "CAIRN_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<String>,
    /// The certificate to speak TLS with: a PEM file, the server's own first, then those above it.
    #[arg(long, env = "CAIRN_TLS_CERTIFICATE", value_name = "FILE")]
    tls_certificate: Option<PathBuf>,
    /// The certificate's private key: a PEM file (PKCS#8, PKCS#1 or SEC1).
    #[arg(long, env = "CAIRN_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Certificates that clients are to trust, if the server's own was issued by an authority of yours: a PEM file.
    #[arg(long, env = "CAIRN_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Calls a second that one caller may make; off for any number [default: off].
    #[arg(long, env = "CAIRN_RATE_LIMIT", value_name = "CALLS")]
    rate_limit: Option<String>,
    /// Calls that a caller may make at once after a pause [default: twice the rate limit].
    #[arg(long, env = "CAIRN_RATE_BURST", value_name = "CALLS")]
    rate_burst: Option<String>,
    /// What of the disk is kept back: below it calls that change something are refused. 512MiB, 2GiB, 5%, or 0
    /// [default: 512MiB or 2%, whichever is less].
    #[arg(long, env = "CAIRN_DISK_RESERVE", value_name = "SIZE")]
    disk_reserve: Option<String>,
    /// Whether records are kept in columns too, for SQL and look-ups of any age: on or off [default: on].
    #[arg(long, env = "CAIRN_EVENT_STORE", value_name = "ON|OFF")]
    event_store: Option<String>,
    /// For how many days the event store keeps records, counted from the time of the event: 1 to 3653 [default: 3653].
    #[arg(long, env = "CAIRN_EVENTS_RETENTION_DAYS", value_name = "DAYS")]
    events_retention_days: Option<String>,
    /// Import log files from these buckets of this server as they come: s3://BUCKET/PREFIX, or s3://BUCKET/PREFIX=STORE for an event
    /// data store, with commas between.
    #[arg(long, env = "CAIRN_FOLLOW", value_name = "PLACES")]
    follow: Option<String>,
    /// How often those places are looked through, from 1s on [default: 1m].
    #[arg(long, env = "CAIRN_FOLLOW_INTERVAL", value_name = "TIME")]
    follow_interval: Option<String>,
    /// Folder of the keys of OpenID Connect issuers: HOST.json is the JSON Web Key Set of https://HOST
    #[arg(long, env = "CAIRN_OIDC_KEYS", value_name = "FOLDER")]
    oidc_keys: Option<PathBuf>,
    /// How long a query may run, from 1s on; Athena's at most 30 minutes [default: 1h].
    #[arg(long, env = "CAIRN_QUERY_TIMEOUT", value_name = "TIME")]
    query_timeout: Option<String>,
    /// What a query may hold in memory, from 16MiB on; beyond it writes to disk [default: 256MiB].
    #[arg(long, env = "CAIRN_QUERY_MEMORY", value_name = "SIZE")]
    query_memory: Option<String>,
    /// On how many threads a query may run, 1 to 64 [default: 2].
    #[arg(long, env = "CAIRN_QUERY_THREADS", value_name = "THREADS")]
    query_threads: Option<String>,
    /// Where others reach this server: what links in notifications begin with [default: the address that is listened on].
    #[arg(long, env = "CAIRN_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    /// The mail server for notifications [default: no mail is sent].
    #[arg(long, env = "CAIRN_SMTP_HOST", value_name = "NAME")]
    smtp_host: Option<String>,
    /// Its port [default: 587; 465 with smtp_tls on, 25 with off].
    #[arg(long, env = "CAIRN_SMTP_PORT", value_name = "PORT")]
    smtp_port: Option<String>,
    /// How it is spoken to: starttls, on (TLS from the first byte) or off [default: starttls].
    #[arg(long, env = "CAIRN_SMTP_TLS", value_name = "STARTTLS|ON|OFF")]
    smtp_tls: Option<String>,
    /// The user that it asks for.
    #[arg(long, env = "CAIRN_SMTP_USER", value_name = "USER")]
    smtp_user: Option<String>,
    /// A file with that user's password.
    #[arg(long, env = "CAIRN_SMTP_PASSWORD_FILE", value_name = "FILE", hide_env_values = true)]
    smtp_password_file: Option<PathBuf>,
    /// The address that mail comes from.
    #[arg(long, env = "CAIRN_SMTP_FROM", value_name = "ADDRESS")]
    smtp_from: Option<String>,
    /// A TOML file that says how text messages are sent: url, body, and headers [default: none are sent].
    #[arg(long, env = "CAIRN_SMS_FILE", value_name = "FILE")]
    sms_file: Option<PathBuf>,
    /// Endpoints that stand for Lambda functions: ARN=URL, with commas between.
    #[arg(long, env = "CAIRN_FUNCTIONS", value_name = "ENDPOINTS")]
    functions: Option<String>,
    /// Whom notifications may reach: private (this machine and its network too) or public [default: private].
    #[arg(long, env = "CAIRN_OUTBOUND", value_name = "PRIVATE|PUBLIC")]
    outbound: Option<String>,
    /// Whether calls are recorded: on, or off to measure what recording costs.
    #[arg(long, env = "CAIRN_RECORDING", value_name = "ON|OFF", hide = true)]
    recording: Option<String>,
}

/// The settings, checked, with defaults for what was not given.
#[derive(Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Whether a flag or the environment says so: then clients go there, wherever the server of the folder is.
    pub listen_is_explicit: bool,
    /// The folder that holds everything.
    pub data_dir: PathBuf,
    /// Twelve digits.
    pub account_id: String,
    /// Between log files.
    pub delivery_interval: Duration,
    /// Between digests.
    pub digest_interval: Duration,
    /// For how long a key signs digests.
    pub digest_key_lifetime: Duration,
    /// For which regions there are digests.
    pub digest_regions: DigestRegions,
    /// Between validations; `None` without them.
    pub validation_interval: Option<Duration>,
    /// The root key, if it was given.
    pub root_key: Option<(String, String)>,
    /// The file with root's password.
    pub root_password_file: Option<PathBuf>,
    /// The file with the host keys, if it is not in the data folder.
    pub host_key_file: Option<PathBuf>,
    /// The file with KMS's master keys, if it is not in the data folder.
    pub kms_master_key_file: Option<PathBuf>,
    /// The KMS whose key wraps them, if one does.
    pub master_kms: Option<MasterKms>,
    /// More host names.
    pub host_names: Vec<String>,
    /// The S3 that holds objects, if it is not the data folder.
    pub objects: Option<RemoteObjects>,
    /// The log filter.
    pub log: String,
    /// How the log is written.
    pub log_format: LogFormat,
    /// Certificate and key, if TLS is spoken.
    pub tls: Option<TlsFiles>,
    /// Certificates that clients trust.
    pub ca_file: Option<PathBuf>,
    /// Calls of one caller.
    pub rate: Option<gateway::Rate>,
    /// What of the disk is kept back.
    pub disk_reserve: gateway::Reserve,
    /// For how many days the event store keeps records; `None`: there is none.
    pub events_retention_days: Option<u32>,
    /// Places whose log files are imported as they come.
    pub follow: Vec<Follow>,
    /// How often they are looked through.
    pub follow_interval: Duration,
    /// The folder of the keys of OpenID Connect issuers.
    pub oidc_keys: Option<PathBuf>,
    /// What a query may take.
    pub query: QueryLimits,
    /// What leads out of the server.
    pub notifications: Notifications,
    /// Whether calls are recorded.
    pub recording: bool,
}

impl std::fmt::Debug for Config {
    /// Without the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("listen", &self.listen).field("data_dir", &self.data_dir).finish_non_exhaustive()
    }
}

/// Intervals shorter than this would make names of log files and digests, which have seconds, collide.
const INTERVAL_MIN: Duration = Duration::from_secs(1);
/// Intervals longer than this are a mistake: a day's records would wait in memory and journal.
const INTERVAL_MAX: Duration = Duration::from_secs(24 * 3600);
/// Validity is told in seconds, and a quarter of the time overlaps with the next key's.
const KEY_LIFETIME_MIN: Duration = Duration::from_secs(5);
/// What CloudTrail Lake keeps events for at most: ten years and the leap days in them.
const RETENTION_DAYS_MAX: u32 = 3_653;
/// A key that signs for longer is no rotation.
const KEY_LIFETIME_MAX: Duration = Duration::from_secs(3650 * 24 * 3600);

impl Config {
    /// Reads the file, if one is named, and checks everything.
    pub fn load(settings: Settings) -> Result<Config, Failure> {
        let listen_is_explicit = settings.listen.is_some();
        Ok(Config { listen_is_explicit, ..Config::merged(settings)?.check()? })
    }

    /// The settings with those of the file, if one is named.
    pub fn merged(settings: Settings) -> Result<Settings, Failure> {
        let file = match &settings.config {
            Some(path) => read_file(path)?,
            None => Settings::default(),
        };
        Ok(settings.or(file))
    }
}

impl Settings {
    /// These settings, and the others' where these say nothing.
    fn or(self, other: Settings) -> Settings {
        Settings {
            config: self.config,
            listen: self.listen.or(other.listen),
            data_dir: self.data_dir.or(other.data_dir),
            account_id: self.account_id.or(other.account_id),
            delivery_interval: self.delivery_interval.or(other.delivery_interval),
            digest_interval: self.digest_interval.or(other.digest_interval),
            digest_key_lifetime: self.digest_key_lifetime.or(other.digest_key_lifetime),
            digest_regions: self.digest_regions.or(other.digest_regions),
            validation_interval: self.validation_interval.or(other.validation_interval),
            root_access_key_id: self.root_access_key_id.or(other.root_access_key_id),
            root_secret_access_key: self.root_secret_access_key.or(other.root_secret_access_key),
            root_password_file: self.root_password_file.or(other.root_password_file),
            host_key_file: self.host_key_file.or(other.host_key_file),
            kms_master_key_file: self.kms_master_key_file.or(other.kms_master_key_file),
            master_kms: self.master_kms.or(other.master_kms),
            host_names: self.host_names.or(other.host_names),
            objects_bucket: self.objects_bucket.or(other.objects_bucket),
            objects_endpoint: self.objects_endpoint.or(other.objects_endpoint),
            objects_region: self.objects_region.or(other.objects_region),
            objects_access_key_id: self.objects_access_key_id.or(other.objects_access_key_id),
            objects_secret_access_key: self.objects_secret_access_key.or(other.objects_secret_access_key),
            log: self.log.or(other.log),
            log_format: self.log_format.or(other.log_format),
            tls_certificate: self.tls_certificate.or(other.tls_certificate),
            tls_key: self.tls_key.or(other.tls_key),
            ca_file: self.ca_file.or(other.ca_file),
            rate_limit: self.rate_limit.or(other.rate_limit),
            rate_burst: self.rate_burst.or(other.rate_burst),
            disk_reserve: self.disk_reserve.or(other.disk_reserve),
            event_store: self.event_store.or(other.event_store),
            events_retention_days: self.events_retention_days.or(other.events_retention_days),
            follow: self.follow.or(other.follow),
            follow_interval: self.follow_interval.or(other.follow_interval),
            oidc_keys: self.oidc_keys.or(other.oidc_keys),
            query_timeout: self.query_timeout.or(other.query_timeout),
            query_memory: self.query_memory.or(other.query_memory),
            query_threads: self.query_threads.or(other.query_threads),
            public_url: self.public_url.or(other.public_url),
            smtp_host: self.smtp_host.or(other.smtp_host),
            smtp_port: self.smtp_port.or(other.smtp_port),
            smtp_tls: self.smtp_tls.or(other.smtp_tls),
            smtp_user: self.smtp_user.or(other.smtp_user),
            smtp_password_file: self.smtp_password_file.or(other.smtp_password_file),
            smtp_from: self.smtp_from.or(other.smtp_from),
            sms_file: self.sms_file.or(other.sms_file),
            functions: self.functions.or(other.functions),
            outbound: self.outbound.or(other.outbound),
            recording: self.recording.or(other.recording),
        }
    }

    fn check(self) -> Result<Config, Failure> {
        let listen = self.listen.as_deref().unwrap_or("127.0.0.1:4566");
        let listen = listen.parse().map_err(|_| {
            format!("listen: {listen:?} is not an address and port; write 127.0.0.1:4566 or [::1]:4566, or 0.0.0.0:4566 for every interface")
        })?;
        let account_id = self.account_id.unwrap_or_else(|| "123456789012".to_owned());
        if !base::arn::is_account_id(&account_id) {
            return Err(format!("account_id: {account_id:?} is not an account number; write twelve digits").into());
        }
        let master_kms = self.master_kms.check(&account_id)?;
        let root_key = match (self.root_access_key_id, self.root_secret_access_key) {
            (Some(id), Some(secret)) => Some(credentials::check(id, secret)?),
            (None, None) => None,
            _ => {
                let text = "root_access_key_id and root_secret_access_key belong together: give both or neither";
                return Err(text.into());
            }
        };
        let recording = match self.recording.as_deref() {
            None | Some("on") => true,
            Some("off") => false,
            Some(other) => return Err(format!("recording: {other:?} is neither on nor off").into()),
        };
        let digest_regions = match self.digest_regions.as_deref() {
            None | Some("all") => DigestRegions::All,
            Some("active") => DigestRegions::Active,
            Some(other) => return Err(format!("digest_regions: {other:?} is neither all nor active").into()),
        };
        let objects = match (self.objects_bucket, self.objects_access_key_id, self.objects_secret_access_key) {
            (None, None, None) => None,
            (Some(bucket), Some(access_key_id), Some(secret_access_key)) => Some(RemoteObjects {
                bucket,
                endpoint: self.objects_endpoint,
                region: self.objects_region.unwrap_or_else(|| "us-east-1".to_owned()),
                access_key_id,
                secret_access_key,
            }),
            _ => {
                let text = "objects_bucket, objects_access_key_id and objects_secret_access_key belong together: \
                            give all three or none";
                return Err(text.into());
            }
        };
        let log_format = match self.log_format.as_deref() {
            None | Some("text") => LogFormat::Text,
            Some("json") => LogFormat::Json,
            Some(other) => return Err(format!("log_format: {other:?} is neither text nor json").into()),
        };
        let tls = match (self.tls_certificate, self.tls_key) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (None, None) => None,
            _ => return Err("tls_certificate and tls_key belong together: give both or neither".into()),
        };
        let names = self.host_names.unwrap_or_default();
        let follow = follow(self.follow.as_deref())?;
        if !follow.is_empty() && self.event_store.as_deref() == Some("off") {
            return Err("follow: there is nothing to import into with event_store off".into());
        }
        Ok(Config {
            listen,
            listen_is_explicit: false,
            data_dir: self.data_dir.unwrap_or_else(|| PathBuf::from(DATA_DIR)),
            account_id,
            delivery_interval: interval("delivery_interval", self.delivery_interval.as_deref().unwrap_or("5m"))?,
            digest_interval: interval("digest_interval", self.digest_interval.as_deref().unwrap_or("1h"))?,
            digest_key_lifetime: key_lifetime(self.digest_key_lifetime.as_deref().unwrap_or("365d"))?,
            digest_regions,
            validation_interval: match self.validation_interval.as_deref().unwrap_or("1h") {
                "off" => None,
                text => Some(interval("validation_interval", text)?),
            },
            root_key,
            root_password_file: self.root_password_file,
            host_key_file: self.host_key_file,
            kms_master_key_file: self.kms_master_key_file,
            master_kms,
            host_names: names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            objects,
            log: self.log.unwrap_or_else(|| "info".to_owned()),
            log_format,
            tls,
            ca_file: self.ca_file,
            rate: protection::rate(self.rate_limit.as_deref(), self.rate_burst.as_deref())?,
            disk_reserve: protection::reserve(self.disk_reserve.as_deref())?,
            events_retention_days: match self.event_store.as_deref() {
                None | Some("on") => Some(retention_days(self.events_retention_days.as_deref())?),
                Some("off") => None,
                Some(other) => return Err(format!("event_store: {other:?} is neither on nor off").into()),
            },
            follow,
            follow_interval: interval("follow_interval", self.follow_interval.as_deref().unwrap_or("1m"))?,
            oidc_keys: self.oidc_keys,
            query: query_limits(
                self.query_timeout.as_deref(),
                self.query_memory.as_deref(),
                self.query_threads.as_deref(),
                interval,
            )?,
            notifications: notifications::Given {
                public_url: self.public_url,
                smtp_host: self.smtp_host,
                smtp_port: self.smtp_port,
                smtp_tls: self.smtp_tls,
                smtp_user: self.smtp_user,
                smtp_password_file: self.smtp_password_file,
                smtp_from: self.smtp_from,
                sms_file: self.sms_file,
                functions: self.functions,
                outbound: self.outbound,
            }
            .check()?,
            recording,
        })
    }
}

fn interval(name: &str, text: &str) -> Result<Duration, Failure> {
    let time = time(name, text)?;
    if !(INTERVAL_MIN..=INTERVAL_MAX).contains(&time) {
        return Err(format!("{name}: {text:?} is outside 1s to 24h").into());
    }
    Ok(time)
}

fn retention_days(text: Option<&str>) -> Result<u32, Failure> {
    let Some(text) = text else { return Ok(RETENTION_DAYS_MAX) };
    let days = text.parse().ok().filter(|days| (1..=RETENTION_DAYS_MAX).contains(days));
    let bad = || format!("events_retention_days: {text:?} is not a number of days from 1 to {RETENTION_DAYS_MAX}");
    Ok(days.ok_or_else(bad)?)
}

fn key_lifetime(text: &str) -> Result<Duration, Failure> {
    let time = time("digest_key_lifetime", text)?;
    if !(KEY_LIFETIME_MIN..=KEY_LIFETIME_MAX).contains(&time) {
        return Err(format!("digest_key_lifetime: {text:?} is outside 5s to 3650d").into());
    }
    Ok(time)
}

fn time(name: &str, text: &str) -> Result<Duration, Failure> {
    let bad = || format!("{name}: {text:?} is not a time; write a whole number and a unit, as in 1s, 5m, 1h, 30d");
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?);
    let number: u64 = number.parse().map_err(|_| bad())?;
    let secs = match unit {
        "s" => Some(number),
        "m" => number.checked_mul(60),
        "h" => number.checked_mul(3600),
        "d" => number.checked_mul(24 * 3600),
        _ => None,
    };
    Ok(Duration::from_secs(secs.ok_or_else(bad)?))
}

#[expect(clippy::disallowed_methods, reason = "the configuration is read once, before there is an Env")]
fn read_file(path: &Path) -> Result<Settings, Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("reading {shown}: {error}"))?;
    let table: toml::Table = text.parse().map_err(|error| format!("{shown}{}", where_and_why(&text, &error)))?;
    let known = known_keys();
    for (key, value) in &table {
        if !known.contains(key) {
            let nearest = known.iter().min_by_key(|name| distance(name, key)).expect("there are settings");
            return Err(format!("{shown}: there is no setting {key:?}; did you mean {nearest:?}?").into());
        }
        if !value.is_str() {
            let kind = value.type_str();
            return Err(format!("{shown}: {key}: expected a string, found {kind}: write it in quotes").into());
        }
    }
    table.try_into().map_err(|error: toml::de::Error| format!("{shown}: {}", error.message()).into())
}

/// The keys of the file: the flags of `serve`.
fn known_keys() -> Vec<String> {
    #[derive(clap::Parser)]
    struct Only {
        #[command(flatten)]
        _settings: Settings,
    }
    let command = Only::command();
    let ids = command.get_arguments().map(|argument| argument.get_id().to_string());
    ids.filter(|id| id != "config" && id != "help").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_toml(text: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cairn.toml");
        base::env::write_file(&*system::env().disk, &path, text.as_bytes()).unwrap();
        Config::load(Settings { config: Some(path), ..Settings::default() }).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_need_be_set() {
        let config = Config::load(Settings::default()).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:4566");
        assert_eq!(config.account_id, "123456789012");
        assert_eq!((config.delivery_interval.as_secs(), config.digest_interval.as_secs()), (300, 3600));
        assert_eq!(config.digest_key_lifetime.as_secs(), 365 * 24 * 3600);
        assert_eq!(config.validation_interval.map(|time| time.as_secs()), Some(3600));
        assert_eq!(of_toml("validation_interval = \"off\"").unwrap().validation_interval, None);
        assert_eq!(config.events_retention_days, Some(3653));
        assert_eq!(of_toml("event_store = \"off\"").unwrap().events_retention_days, None);
        assert_eq!(of_toml("events_retention_days = \"90\"").unwrap().events_retention_days, Some(90));
    }

    #[test]
    fn a_file_is_read_and_flags_win() {
        let config = of_toml("listen = \"127.0.0.1:9\"\ndelivery_interval = \"1s\"").unwrap();
        assert!(!config.listen_is_explicit, "the file is the server's too: clients go by what it left");
        assert_eq!((config.listen.port(), config.delivery_interval.as_secs()), (9, 1));
        let flag = Settings { listen: Some("127.0.0.1:7".into()), ..Settings::default() };
        let file = Settings { listen: Some("127.0.0.1:9".into()), ..Settings::default() };
        assert_eq!(flag.clone().or(file).check().unwrap().listen.port(), 7);
        assert!(Config::load(flag).unwrap().listen_is_explicit);
    }

    #[test]
    fn mistakes_are_named_with_what_was_expected() {
        let check = |text, expected: &str| {
            let error = of_toml(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        check("lisen = \"x\"", "there is no setting \"lisen\"; did you mean \"listen\"?");
        check("listen = \"x\"", "listen: \"x\" is not an address and port");
        check("delivery_interval = \"5 minutes\"", "delivery_interval: \"5 minutes\" is not a time");
        check("delivery_interval = \"0s\"", "outside 1s to 24h");
        check("digest_key_lifetime = \"4s\"", "outside 5s to 3650d");
        check("digest_regions = \"some\"", "neither all nor active");
        check("validation_interval = \"never\"", "validation_interval: \"never\" is not a time");
        check("account_id = \"12\"", "twelve digits");
        check("event_store = \"yes\"", "event_store: \"yes\" is neither on nor off");
        check("events_retention_days = \"0\"", "events_retention_days: \"0\" is not a number of days from 1 to 3653");
        check("events_retention_days = \"90d\"", "not a number of days");
        check("root_access_key_id = \"AKIAX\"", "belong together");
        check("query_timeout = \"0s\"", "query_timeout: \"0s\" is outside 1s to 24h");
        check("query_memory = \"1MiB\"", "query_memory: \"1MiB\" is not a size from 16MiB to 1TiB");
        check("query_threads = \"0\"", "query_threads: \"0\" is not a number of threads from 1 to 64");
        check("follow = \"logs\"", "follow: \"logs\" is not s3://BUCKET");
        check("follow = \"s3://logs\"\nevent_store = \"off\"", "nothing to import into");
        check("follow_interval = \"never\"", "follow_interval: \"never\" is not a time");
        check("listen = 5", "listen: expected a string, found integer");
    }

    #[test]
    fn no_mistake_shows_what_the_file_holds() {
        let check = |line: &str, expected: &str| {
            let error = of_toml(&format!("listen = \"127.0.0.1:9\"\n{line}\n")).err().unwrap();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("hunter2") && !error.contains("20406080"), "{error}");
        };
        check("root_secret_access_key = \"hunter2", ", line 2, column ");
        check("root_secret_access_key = hunter2", ", line 2, column ");
        check("root_secret_access_key = 'hunter2' hunter2", ", line 2, column ");
        check("root_secret_access_key = \"hunter2\\q\"", ", line 2, column ");
        check("root_secret_access_key: hunter2", ", line 2, column ");
        check("  root_secret_access_key = \"hunter2\"\n  root_secret_access_key = \"hunter2\"", ", line 3, column 3: ");
        check("root_secret_access_key = 20406080", "root_secret_access_key: expected a string, found integer");
        check("root_secret_access_key = [\"hunter2\"]", "root_secret_access_key: expected a string, found array");
    }
}
