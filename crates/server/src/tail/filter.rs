//! Which records are wanted. Options of different kinds must all hold, of one kind one must; `*` stands for any text, and case does
//! not matter.

use base::Timestamp;
use clap::Args;
use serde_json::Value;

/// The options.
#[derive(Args, Default)]
pub struct Filters {
    /// Only this operation: PutObject, 'Delete*'. May be repeated: one of them.
    #[arg(long, value_name = "NAME")]
    event_name: Vec<String>,
    /// Only this service: s3, iam.amazonaws.com. May be repeated.
    #[arg(long, value_name = "SERVICE")]
    event_source: Vec<String>,
    /// Only this caller: a user's name, an ARN, an access key or a principal's identifier. May be repeated.
    #[arg(long, value_name = "WHO")]
    user: Vec<String>,
    /// Only calls that failed, or failed with this code: AccessDenied, 'NoSuch*'. May be repeated.
    #[arg(long, value_name = "CODE", num_args = 0..=1, default_missing_value = "*")]
    error: Vec<String>,
    /// Only calls that change nothing.
    #[arg(long, conflicts_with = "write_only")]
    read_only: bool,
    /// Only calls that change something.
    #[arg(long)]
    write_only: bool,
    /// Only from this address: 10.0.0.7, '10.0.*'. May be repeated.
    #[arg(long, value_name = "ADDRESS")]
    source_ip: Vec<String>,
    /// Only calls that touch this: an ARN, a bucket, a key, a trail, as resource or in the request. May be repeated.
    #[arg(long, value_name = "NAME")]
    resource: Vec<String>,
}

/// See the module.
pub struct Filter(Filters);

impl Filter {
    /// The options, ready to be compared with.
    pub fn new(mut filters: Filters) -> Filter {
        let Filters { event_name, event_source, user, error, source_ip, resource, .. } = &mut filters;
        for patterns in [event_name, event_source, user, error, source_ip, resource] {
            patterns.iter_mut().for_each(|pattern| *pattern = pattern.to_lowercase());
        }
        Filter(filters)
    }

    /// Whether everything is wanted.
    pub fn is_empty(&self) -> bool {
        let Filters { event_name, event_source, user, error, read_only, write_only, source_ip, resource } = &self.0;
        let none =
            [event_name, event_source, user, error, source_ip, resource].iter().all(|patterns| patterns.is_empty());
        none && !read_only && !write_only
    }

    /// Whether this record is.
    pub fn matches(&self, record: &Value) -> bool {
        let filters = &self.0;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let source = record["eventSource"].as_str().unwrap_or_default();
        let service = source.split('.').next().unwrap_or_default();
        let read_only = record["readOnly"].as_bool();
        one_of(&filters.event_name, [text(&record["eventName"])])
            && one_of(&filters.event_source, [Some(source.to_owned()), Some(service.to_owned())])
            && one_of(&filters.error, [text(&record["errorCode"])])
            && one_of(&filters.source_ip, [text(&record["sourceIPAddress"])])
            && (filters.user.is_empty() || one_of(&filters.user, callers(&record["userIdentity"])))
            && (filters.resource.is_empty() || one_of(&filters.resource, resources(record)))
            && (!filters.read_only || read_only == Some(true))
            && (!filters.write_only || read_only == Some(false))
    }
}

/// Whether one of the texts matches one of the patterns, or there are no patterns.
fn one_of(patterns: &[String], texts: impl IntoIterator<Item = Option<String>>) -> bool {
    if patterns.is_empty() {
        return true;
    }
    let texts: Vec<String> = texts.into_iter().flatten().map(|text| text.to_lowercase()).collect();
    patterns.iter().any(|pattern| texts.iter().any(|text| matches(pattern.as_bytes(), text.as_bytes())))
}

/// Whether a pattern, in which `*` stands for any text, is of the whole text. Never slower than the product of both lengths.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // The last star, and how much it has taken so far.
    let mut star = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            (p, t) = (at + 1, taken + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// What the caller is known by.
fn callers(identity: &Value) -> Vec<Option<String>> {
    let issuer = &identity["sessionContext"]["sessionIssuer"];
    let root = (identity["type"] == "Root").then(|| "root".to_owned());
    let principal = identity["principalId"].as_str().unwrap_or_default();
    let session = principal.split_once(':').map(|(_, name)| name.to_owned());
    let members = ["userName", "arn", "accessKeyId", "principalId", "invokedBy"].map(|name| &identity[name]);
    let members = members.into_iter().chain([&issuer["userName"], &issuer["arn"]]);
    members.map(|value| value.as_str().map(str::to_owned)).chain([root, session]).collect()
}

/// What was touched: the record's resources, and the names in the request.
fn resources(record: &Value) -> Vec<Option<String>> {
    let mut names = Vec::new();
    for resource in record["resources"].as_array().into_iter().flatten() {
        for name in ["ARN", "ARNPrefix"] {
            if let Some(arn) = resource[name].as_str() {
                names.push(Some(arn.to_owned()));
                // arn:aws:s3:::bucket/key and arn:aws:iam::1:user/name: the name is what people know.
                names.push(arn.splitn(6, ':').nth(5).map(str::to_owned));
                names.push(arn.rsplit(['/', ':']).next().map(str::to_owned));
            }
        }
    }
    texts(&record["requestParameters"], &mut names);
    names
}

/// All texts in a value.
fn texts(value: &Value, into: &mut Vec<Option<String>>) {
    match value {
        Value::String(text) => into.push(Some(text.clone())),
        Value::Array(items) => items.iter().for_each(|item| texts(item, into)),
        Value::Object(members) => members.values().for_each(|member| texts(member, into)),
        _ => {}
    }
}

/// A time, or a while before now, as an option has it.
pub fn since(option: &str, text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Some(time) = Timestamp::parse_iso8601(text) {
        return Ok(time);
    }
    let bad = || format!("{option} {text:?} is no time: write 10m, 2h or 1d for a while ago, or 2026-11-22T08:00:00Z");
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?);
    let unit_ms: i64 = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(bad()),
    };
    let ms = number.parse::<i64>().ok().and_then(|number| number.checked_mul(unit_ms)).ok_or_else(bad)?;
    Ok(now.plus_ms(-ms))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        filters: Filters,
    }

    fn record() -> Value {
        json!({
            "eventName": "PutObject", "eventSource": "s3.amazonaws.com", "sourceIPAddress": "10.0.0.7", "readOnly": false,
            "errorCode": "AccessDenied",
            "userIdentity": { "type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::123456789012:user/alice",
                              "accessKeyId": "AKIAALICE" },
            "requestParameters": { "bucketName": "logs", "key": "a/b" },
            "resources": [{ "ARN": "arn:aws:s3:::logs/a/b", "type": "AWS::S3::Object" }],
        })
    }

    #[track_caller]
    fn check(args: &str, expected: bool) {
        let words = std::iter::once("tail").chain(args.split_whitespace());
        let filter = Filter::new(Only::try_parse_from(words).unwrap().filters);
        assert_eq!(filter.matches(&record()), expected, "{args}");
    }

    #[test]
    fn kinds_must_all_hold_and_of_one_kind_one() {
        check("", true);
        check("--event-name PutObject", true);
        check("--event-name putobject --event-name GetObject", true);
        check("--event-name Get*", false);
        check("--event-name Put* --event-source iam", false);
        check("--event-source s3", true);
        check("--event-source s3.amazonaws.com", true);
        check("--user alice", true);
        check("--user AKIAALICE", true);
        check("--user *:user/al*", true);
        check("--user bob", false);
        check("--error", true);
        check("--error Access*", true);
        check("--error NoSuch*", false);
        check("--read-only", false);
        check("--write-only", true);
        check("--source-ip 10.0.*", true);
        check("--source-ip 10.1.*", false);
        check("--resource logs", true);
        check("--resource logs/a/*", true);
        check("--resource arn:aws:s3:::logs/*", true);
        check("--resource other", false);
    }

    #[test]
    fn stars_stand_for_any_text() {
        let check = |pattern: &str, text: &str, expected| {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        };
        check("", "", true);
        check("*", "", true);
        check("a*c", "abcbc", true);
        check("a*c", "abcb", false);
        check("*b*", "abc", true);
        check("**", "x", true);
        check("a", "ab", false);
        check("ab", "a", false);
        check(&"a*".repeat(30), &"a".repeat(2000), true);
        check(&format!("{}b", "a*".repeat(30)), &"a".repeat(2000), false);
    }

    #[test]
    fn times_are_absolute_or_a_while_ago() {
        let now = Timestamp::parse_iso8601("2026-11-22T08:00:00Z").unwrap();
        let check =
            |text: &str, expected: &str| assert_eq!(since("--since", text, now).unwrap().iso8601_secs(), expected);
        check("10m", "2026-11-22T07:50:00Z");
        check("1d", "2026-11-21T08:00:00Z");
        check("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z");
        for bad in ["yesterday", "10", "m", "99999999999999999999h", "1w"] {
            let error = since("--until", bad, now).unwrap_err();
            assert!(error.starts_with(&format!("--until {bad:?} is no time")), "{error}");
        }
    }
}
