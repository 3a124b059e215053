//! `cairn validate`: where digests, log files and keys are to be found, and how what is found is told. What is valid is decided by the
//! crate `validate`.

mod account;
mod http;
mod progress;
mod s3;
mod state;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use ::validate::{
    BucketFound, Event, Expected, Folder, KeyFile, Keys, Options, Remembered, Report, Scope, Source, Text, TrailName,
    find_bucket, validate,
};
use base::{Env, Timestamp};
use clap::Args;

use crate::commands::Failure;
use crate::config::Settings;
use crate::terminal::{ignore_closed, print};
pub use http::Http;
pub use s3::S3;

use account::{Account, Trail};
use progress::Progress;

/// Stands for the name of the bucket that a folder is a copy of, where nothing tells it. No bucket is called so.
const NO_NAME: &str = "?";
/// Log files checked at the same time, for each processor: some wait for the disk or the network while others are inflated.
const PARALLEL_PER_CORE: usize = 16;

/// What can be asked of `cairn validate`.
#[derive(Args)]
pub struct ValidateArgs {
    /// The bucket, with the prefix before AWSLogs if there is one: s3://BUCKET/PREFIX.
    #[arg(value_name = "s3://BUCKET/PREFIX", conflicts_with = "folder")]
    bucket: Option<String>,
    /// Only this trail. Without a bucket or folder: in the bucket that it delivers to.
    #[arg(long, value_name = "ARN")]
    trail_arn: Option<String>,
    /// Validate a copy of a bucket: FOLDER/AWSLogs/ACCOUNT/CloudTrail-Digest/… .
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// The bucket that the folder is a copy of [default: what its digests say].
    #[arg(long, value_name = "BUCKET", requires = "folder")]
    bucket_name: Option<String>,
    /// What keys begin with before AWSLogs, in the folder.
    #[arg(long, value_name = "PREFIX", requires = "folder")]
    prefix: Option<String>,
    /// Only this account, of a trail of an organization.
    #[arg(long, value_name = "DIGITS")]
    member_account: Option<String>,
    /// Only this region.
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Only digests of this time (UTC) or later, as in 2026-03-01T00:00:00Z [default: all].
    #[arg(long, value_name = "TIME", value_parser = time)]
    start_time: Option<Timestamp>,
    /// Only digests of this time or earlier [default: now].
    #[arg(long, value_name = "TIME", value_parser = time)]
    end_time: Option<Timestamp>,
    /// The public keys, as `aws cloudtrail list-public-keys` prints them, instead of asking for them.
    #[arg(long, value_name = "FILE")]
    public_keys: Option<PathBuf>,
    /// The trail's status, as `aws cloudtrail get-trail-status` prints it, instead of asking for it.
    #[arg(long, value_name = "FILE")]
    trail_status: Option<PathBuf>,
    /// Remember here what is valid, and read only what changed since the last time.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Read everything, whatever is remembered.
    #[arg(long, requires = "state")]
    full: bool,
    /// Read each record too, and hold it against key and digest.
    #[arg(long)]
    records: bool,
    /// Print a line for each valid file too.
    #[arg(long, short)]
    verbose: bool,
    /// Print one JSON object instead.
    #[arg(long, conflicts_with = "verbose")]
    json: bool,
    #[command(flatten, next_help_heading = "Settings of the server, to find it")]
    settings: Settings,
}

/// A time, or a day, as an argument.
pub fn time(text: &str) -> Result<Timestamp, String> {
    let day = format!("{text}T00:00:00Z");
    let read = Timestamp::parse_iso8601(text).or_else(|| Timestamp::parse_iso8601(&day));
    read.ok_or_else(|| "write it as 2026-03-01T00:00:00Z or 2026-03-01".to_owned())
}

/// Validates. The exit code: 0 all valid, 1 something invalid, 2 something (or everything) could not be checked.
pub fn run(args: &ValidateArgs) -> ExitCode {
    match run_inner(args) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("cairn: nothing is proved: {error}");
            if args.json {
                // Whoever reads it has its exit code too, should this not reach them.
                let _ = print(&format!("{}\n", failure(error.to_string())));
            }
            ExitCode::from(2)
        }
    }
}

fn run_inner(args: &ValidateArgs) -> Result<u8, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(cores).enable_all().build()?;
    runtime.block_on(run_async(args, cores.saturating_mul(PARALLEL_PER_CORE)))
}

/// All that validation needs.
struct Prepared {
    source: Arc<dyn Source>,
    keys: Arc<dyn Keys>,
    scope: Scope,
    expected: Expected,
    what: String,
}

async fn run_async(args: &ValidateArgs, parallel: usize) -> Result<u8, Failure> {
    let env = system::env();
    let started_ms = env.clock.monotonic_ms();
    let before = match &args.state {
        Some(path) if !args.full => Some(state::read(&env, path)?),
        Some(path) => Some(state::read(&env, path)?.without_files()),
        None => None,
    };
    let prepared = prepare(args, &env, before.as_ref()).await?;
    let Prepared { source, keys, scope, expected, what } = prepared;
    let mut options = Options::new(parallel, env.clock.now());
    options.records = args.records;

    let mut report = Report::default();
    let (mut out, mut errors) = (std::io::BufWriter::new(std::io::stdout()), std::io::stderr());
    let shows = !args.json && !args.verbose && std::io::stderr().is_terminal();
    let mut progress = Progress::new(env.clone(), shows);
    let mut text = Text::new(&mut out, &mut errors, args.verbose);
    if !args.json {
        text.begin(&what, scope.start, scope.end)?;
    }
    let mut failed = None;
    let mut say = |event: Event| {
        report.take(&event);
        if matches!(event, Event::Problem(_) | Event::Gap { .. } | Event::Unchecked(_)) {
            progress.clear();
        }
        if !args.json
            && let Err(error) = text.say(&event)
        {
            failed.get_or_insert(error);
        }
        progress.take(&event, &report);
    };
    let outcome = validate(source, keys, &scope, &expected, before.as_ref(), options, &mut say).await;
    progress.clear();
    // Whoever read us (`| head`) has enough; the verdict is the exit code.
    ignore_closed(failed.map_or(Ok(()), Err))?;
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            eprintln!("cairn: nothing more is proved: {error}");
            report.unchecked.push(error.to_string());
            Default::default()
        }
    };
    let from = scope.start.or(report.found_start).unwrap_or(Timestamp::EPOCH);
    let seconds = started(&env, started_ms);
    // What was not seen to the end must not be taken for all there is.
    if let (Some(path), true) = (&args.state, report.unchecked.is_empty())
        && let Err(error) = base::env::write_file(&*env.disk, path, &outcome.remembered.write())
    {
        let why = format!("writing {}: {error}", path.display());
        eprintln!("cairn: {why}");
        report.unchecked.push(why);
    }
    let code = report.exit_code();
    if args.json {
        let json = document(&report, &scope, &what, (from, scope.end), seconds)?;
        print(&(json + "\n"))?;
    } else {
        ignore_closed(text.end(&report, from, scope.end))?;
    }
    if code == 2 && report.digests.total() == 0 && report.unchecked.is_empty() {
        eprintln!("cairn: nothing is proved: there is no digest in this time; does the trail validate log files?");
    }
    Ok(code)
}

fn started(env: &Env, started_ms: u64) -> f64 {
    std::time::Duration::from_millis(env.clock.monotonic_ms().saturating_sub(started_ms)).as_secs_f64()
}

/// The JSON document (docs/guide/validating.md).
fn document(
    report: &Report,
    scope: &Scope,
    what: &str,
    (from, to): (Timestamp, Timestamp),
    seconds: f64,
) -> Result<String, Failure> {
    let mut json = serde_json::json!({
        "v": 1,
        "what": what,
        "bucket": scope.bucket,
        "start": from.iso8601_secs(),
        "end": to.iso8601_secs(),
        "valid": report.is_valid(),
        "exitCode": report.exit_code(),
        "seconds": seconds,
    });
    let serde_json::Value::Object(of_report) = serde_json::to_value(report)? else {
        return Err("a report is an object".into());
    };
    if let Some(json) = json.as_object_mut() {
        json.extend(of_report);
    }
    Ok(json.to_string())
}

/// The JSON document of a validation that came to nothing.
fn failure(why: String) -> serde_json::Value {
    let report = Report { unchecked: vec![why], ..Report::default() };
    let mut json = serde_json::to_value(report).unwrap_or_default();
    for name in ["what", "bucket", "start", "end", "seconds"] {
        json[name] = serde_json::Value::Null;
    }
    (json["v"], json["valid"], json["exitCode"]) = (1.into(), false.into(), 2.into());
    json
}

async fn prepare(args: &ValidateArgs, env: &Env, before: Option<&Remembered>) -> Result<Prepared, Failure> {
    let end = args.end_time.unwrap_or_else(|| env.clock.now()).trunc_secs();
    if args.start_time.is_some_and(|start| start > end) {
        return Err("Invalid time range specified: start-time must occur before end-time".into());
    }
    let trail = args.trail_arn.as_deref().map(parse_arn).transpose()?;
    let mut scope = Scope { start: args.start_time, region: args.region.clone(), ..Scope::all("", end) };
    scope.account_id.clone_from(&args.member_account);
    if let Some((name, account)) = &trail {
        scope.trail = Some(name.clone());
        scope.account_id.get_or_insert_with(|| account.clone());
    }
    let mut expected = Expected::default();
    if let Some(path) = &args.trail_status {
        expected.latest_digest = read_status(path)?;
    }
    let file_keys = match &args.public_keys {
        Some(path) => Some(KeyFile::parse(&read_file(path)?).map_err(|error| format!("{}: {error}", path.display()))?),
        None => None,
    };
    let region = trail.as_ref().map_or("us-east-1", |(name, _)| name.home_region.as_str());
    // Whom to ask; a copy in a folder with keys in a file needs nobody.
    let account = match (&args.folder, &file_keys) {
        (Some(_), Some(_)) => None,
        _ => Some(Arc::new(Account::new(Http::new(args.settings.clone(), env.clone())?, region))),
    };

    let source: Arc<dyn Source> = match (&args.folder, &args.bucket, &args.trail_arn, &account) {
        (Some(folder), ..) => {
            if !folder.is_dir() {
                return Err(format!("there is no folder {}", folder.display()).into());
            }
            scope.prefix = args
                .prefix
                .as_deref()
                .map(|prefix| prefix.trim_matches('/').to_owned())
                .filter(|prefix| !prefix.is_empty());
            scope.bucket = match &args.bucket_name {
                Some(name) => name.clone(),
                None => bucket_of(folder, &scope, &expected, before).await?,
            };
            Arc::new(Folder::new(folder, &scope.bucket))
        }
        (None, bucket, arn, Some(account)) => {
            match (bucket, arn) {
                (Some(url), _) => (scope.bucket, scope.prefix) = parse_url(url)?,
                (None, Some(arn)) => {
                    let Trail { bucket, prefix, organization } = account.trail(arn).await?;
                    (scope.bucket, scope.prefix) = (bucket, prefix);
                    if organization {
                        // The trail's own account is only one of them.
                        scope.account_id.clone_from(&args.member_account);
                    }
                }
                (None, None) => {
                    return Err("name what to validate: s3://BUCKET, --folder FOLDER, or --trail-arn ARN".into());
                }
            }
            Arc::new(S3::new(account.http()))
        }
        (None, ..) => return Err("there is nobody to ask".into()),
    };
    // Before anything is listed: what comes later is not asked for.
    if let (Some(account), Some(arn), None, None) = (&account, &args.trail_arn, &args.folder, &args.trail_status) {
        expected.latest_digest = account.latest_digest(arn).await?;
    }
    // The status is of the trail in its own account.
    let own = trail.as_ref().map(|(_, account)| account);
    if args.member_account.is_some() && args.member_account.as_ref() != own {
        expected.latest_digest = None;
    }
    let what = match (&args.trail_arn, &args.folder) {
        (Some(arn), _) => format!("trail {arn}"),
        (None, Some(folder)) => format!("the copy in {}", folder.display()),
        (None, None) => format!("s3://{}/{}", scope.bucket, scope.prefix.as_deref().unwrap_or_default()),
    };
    let keys: Arc<dyn Keys> = match (file_keys, account) {
        (Some(keys), _) => Arc::new(keys),
        (None, Some(account)) => account,
        (None, None) => return Err("there is nobody to ask for public keys; name a file with --public-keys".into()),
    };
    Ok(Prepared { source, keys, scope, expected, what })
}

/// Name, home region and account of a trail.
fn parse_arn(arn: &str) -> Result<(TrailName, String), Failure> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match &parts[..] {
        ["arn", _, "cloudtrail", region, account, rest] if base::arn::is_account_id(account) => {
            let name = rest.strip_prefix("trail/").filter(|name| !name.is_empty());
            let name = name.ok_or_else(|| format!("Invalid trail ARN provided: {arn}"))?.to_owned();
            Ok((TrailName { name, home_region: (*region).to_owned() }, (*account).to_owned()))
        }
        _ => Err(format!("Invalid trail ARN provided: {arn}").into()),
    }
}

/// Bucket and prefix.
pub fn parse_url(url: &str) -> Result<(String, Option<String>), Failure> {
    let rest = url
        .strip_prefix("s3://")
        .ok_or_else(|| format!("{url:?} is no bucket; write s3://BUCKET or s3://BUCKET/PREFIX"))?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(format!("{url:?} names no bucket").into());
    }
    let prefix = prefix.trim_matches('/');
    Ok((bucket.to_owned(), (!prefix.is_empty()).then(|| prefix.to_owned())))
}

/// The bucket that a folder is a copy of. Without a single digest there must be one, if it is known from elsewhere that digests were
/// delivered: then validation says that they are gone.
async fn bucket_of(
    folder: &Path,
    scope: &Scope,
    expected: &Expected,
    before: Option<&Remembered>,
) -> Result<String, Failure> {
    let mut heads = before.into_iter().flat_map(Remembered::heads);
    let found = find_bucket(&Folder::new(folder, ""), scope).await?;
    match (found, heads.next()) {
        (BucketFound::Named(name), _) => Ok(name),
        (_, Some(head)) => Ok(head.bucket.clone()),
        (BucketFound::Unnamed, None) => Ok(NO_NAME.to_owned()),
        (BucketFound::NoDigest, None) if expected.latest_digest.is_some() => Ok(NO_NAME.to_owned()),
        (BucketFound::NoDigest, None) => {
            let below = folder.join(scope.prefix.as_deref().unwrap_or_default()).join("AWSLogs");
            Err(format!("there is no digest in {}; is there a prefix (--prefix)?", below.display()).into())
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "Env's disk opens files for writing too; what others made is only read")]
fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| format!("reading {}: {error}", path.display()).into())
}

fn read_status(path: &Path) -> Result<Option<Timestamp>, Failure> {
    let bad = |what: &str| format!("{}: {what}", path.display());
    let json: serde_json::Value = serde_json::from_slice(&read_file(path)?)
        .map_err(|_| bad("this is not what aws cloudtrail get-trail-status prints"))?;
    let Some(time) = json.get("LatestDigestDeliveryTime") else { return Ok(None) };
    Ok(Some(account::read_time(time).ok_or_else(|| bad("LatestDigestDeliveryTime is not a time"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_urls_and_times_are_read_or_refused() {
        let (trail, account) = parse_arn("arn:aws-cn:cloudtrail:eu-west-1:123456789012:trail/a_b").unwrap();
        assert_eq!((&*trail.name, &*trail.home_region, &*account), ("a_b", "eu-west-1", "123456789012"));
        for bad in [
            "",
            "trail",
            "arn:aws:s3:eu-west-1:123456789012:trail/a",
            "arn:aws:cloudtrail:r:12:trail/a",
            "arn:aws:cloudtrail:r:123456789012:trail/",
        ] {
            assert_eq!(parse_arn(bad).unwrap_err().to_string(), format!("Invalid trail ARN provided: {bad}"));
        }
        assert_eq!(parse_url("s3://b").unwrap(), ("b".into(), None));
        assert_eq!(parse_url("s3://b/p/q/").unwrap(), ("b".into(), Some("p/q".into())));
        for bad in ["b", "s3://", "s3:///p", "https://b"] {
            assert!(parse_url(bad).is_err(), "{bad}");
        }
        assert_eq!(time("2026-03-01").unwrap(), time("2026-03-01T00:00:00Z").unwrap());
        assert!(time("yesterday").is_err());
    }

    #[test]
    fn what_came_to_nothing_has_the_members_of_what_did_not() {
        let scope = Scope::all("b", Timestamp::EPOCH);
        let done = document(&Report::default(), &scope, "w", (Timestamp::EPOCH, Timestamp::EPOCH), 0.0).unwrap();
        let done: serde_json::Value = serde_json::from_str(&done).unwrap();
        let failed = failure("why".to_owned());
        let names = |json: &serde_json::Value| json.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let (mut of_done, mut of_failed) = (names(&done), names(&failed));
        of_done.sort();
        of_failed.sort();
        assert_eq!(of_done, of_failed);
        assert_eq!(
            (&failed["valid"], &failed["exitCode"], &failed["unchecked"][0]),
            (&false.into(), &2.into(), &"why".into())
        );
    }
}
