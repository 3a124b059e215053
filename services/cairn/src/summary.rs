//! Many records in a few lines: when first and last, who, from where, what, with what errors. Holds a bounded number of values whatever
//! the records say.

use std::collections::BTreeMap;

use base::Timestamp;
use record::RecordView;
use record::resources::resources_of;
use record::view::username;
use serde::Serialize;

use crate::number;

/// Different values that are counted, of a sort; later ones are only known to be there.
const DISTINCT_MAX: usize = 5_000;
/// Values shown, of a sort.
const TOP: usize = 10;
/// A longer value is not kept whole, in characters.
const VALUE_CHARS_MAX: usize = 512;

/// What is known so far.
#[derive(Default)]
pub struct Summary {
    records: u64,
    failed: u64,
    looked_up: u64,
    time: Option<(i64, i64)>,
    matched_as: Counts,
    users: Counts,
    addresses: Counts,
    events: Counts,
    error_codes: Counts,
    accounts: Counts,
    regions: Counts,
}

/// See the model.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Seen {
    records: i64,
    is_whole: bool,
    looked_up: i64,
    failed: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_time: Option<Timestamp>,
    matched_as: Ranking,
    users: Ranking,
    addresses: Ranking,
    events: Ranking,
    error_codes: Ranking,
    accounts: Ranking,
    regions: Ranking,
}

/// The most frequent values.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Ranking {
    distinct: i64,
    top: Vec<Ranked>,
}

/// A value, and where in time it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Ranked {
    value: String,
    records: i64,
    first_time: Timestamp,
    last_time: Timestamp,
}

impl Summary {
    /// Counts a look-up of the thing.
    pub fn looked_up(&mut self) {
        self.looked_up += 1;
    }

    /// Counts a record that names `text`.
    pub fn add(&mut self, view: &RecordView<'_>, time_ms: i64, text: &str) {
        self.records += 1;
        let (first, last) = self.time.unwrap_or((time_ms, time_ms));
        self.time = Some((first.min(time_ms), last.max(time_ms)));
        for role in roles(view, text) {
            self.matched_as.add(role, time_ms);
        }
        if let Some(who) = who(view) {
            self.users.add(who, time_ms);
        }
        let service = view.event_source.as_deref().and_then(|source| source.split('.').next()).unwrap_or("?");
        self.events.add(&format!("{service}:{}", view.event_name()), time_ms);
        if let Some(code) = &view.error_code {
            self.failed += 1;
            self.error_codes.add(code, time_ms);
        }
        let rest = [
            (&mut self.addresses, &view.source_ip_address),
            (&mut self.accounts, &view.recipient_account_id),
            (&mut self.regions, &view.aws_region),
        ];
        for (counts, value) in rest {
            value.iter().for_each(|value| counts.add(value, time_ms));
        }
    }

    /// The summary. `is_whole`: nothing was left out.
    pub fn seen(self, is_whole: bool) -> Seen {
        let (first, last) =
            self.time.map(|(first, last)| (Timestamp::from_ms(first), Timestamp::from_ms(last))).unzip();
        Seen {
            records: number(self.records),
            is_whole,
            looked_up: number(self.looked_up),
            failed: number(self.failed),
            first_time: first,
            last_time: last,
            matched_as: self.matched_as.ranking(),
            users: self.users.ranking(),
            addresses: self.addresses.ranking(),
            events: self.events.ranking(),
            error_codes: self.error_codes.ranking(),
            accounts: self.accounts.ranking(),
            regions: self.regions.ranking(),
        }
    }
}

/// How often each value is there, and its first and last time.
#[derive(Default)]
struct Counts(BTreeMap<String, (u64, i64, i64)>);

impl Counts {
    fn add(&mut self, value: &str, time_ms: i64) {
        let cut = value.char_indices().nth(VALUE_CHARS_MAX).map_or(value, |(end, _)| &value[..end]);
        if let Some((count, first, last)) = self.0.get_mut(cut) {
            *count += 1;
            (*first, *last) = ((*first).min(time_ms), (*last).max(time_ms));
        } else if self.0.len() < DISTINCT_MAX {
            self.0.insert(cut.to_owned(), (1, time_ms, time_ms));
        }
    }

    fn ranking(self) -> Ranking {
        let distinct = i64::try_from(self.0.len()).unwrap_or(i64::MAX);
        let mut all: Vec<(String, (u64, i64, i64))> = self.0.into_iter().collect();
        // Equal ones stay in the order of their names.
        all.sort_by_key(|(_, (count, ..))| std::cmp::Reverse(*count));
        let top = all.into_iter().take(TOP).map(|(value, (count, first, last))| Ranked {
            value,
            records: number(count),
            first_time: Timestamp::from_ms(first),
            last_time: Timestamp::from_ms(last),
        });
        Ranking { distinct, top: top.collect() }
    }
}

/// Who made the call: an ARN, else the best name there is.
fn who<'v>(view: &'v RecordView<'_>) -> Option<&'v str> {
    let identity = &view.user_identity;
    let filled = |text: &'v Option<std::borrow::Cow<'_, str>>| text.as_deref().filter(|text| !text.is_empty());
    filled(&identity.arn)
        .or_else(|| username(view))
        .or_else(|| filled(&identity.invoked_by))
        .or_else(|| filled(&identity.principal_id))
        .or_else(|| filled(&identity.account_id))
        .or_else(|| filled(&identity.kind))
}

/// What the text is to the record. It was found in it, so what is not in one of the members looked at is inside the request or the
/// response.
fn roles(view: &RecordView<'_>, text: &str) -> Vec<&'static str> {
    let identity = &view.user_identity;
    let is = |value: &Option<std::borrow::Cow<'_, str>>| value.as_deref() == Some(text);
    let issuer = &identity.session_context.issuer;
    let mut roles = Vec::new();
    let mut add = |holds: bool, role: &'static str| {
        if holds && !roles.contains(&role) {
            roles.push(role);
        }
    };
    add(is(&view.event_id), "event ID");
    add(is(&view.request_id), "request ID");
    add(is(&identity.access_key_id), "access key of the caller");
    add(is(&identity.arn), "caller");
    add(username(view) == Some(text) || is(&identity.user_name), "user or session");
    add(is(&issuer.arn) || is(&issuer.user_name), "role of the caller");
    let principal = identity.principal_id.as_deref();
    add(principal == Some(text) || principal.is_some_and(|id| id.split(':').next() == Some(text)), "principal ID");
    add(is(&identity.account_id), "account of the caller");
    add(is(&view.recipient_account_id), "account of the record");
    add(is(&view.source_ip_address), "source address");
    add(is(&identity.invoked_by), "service that called");
    add(is(&view.vpc_endpoint_id), "VPC endpoint");
    add(is(&view.event_name), "event name");
    add(is(&view.event_source), "event source");
    add(is(&view.aws_region), "region");
    let named = resources_of(view).into_iter().any(|resource| resource.name == text);
    let arns = view.resources.iter().any(|resource| is(&resource.arn) || is(&resource.account_id));
    add(named || arns, "resource");
    if roles.is_empty() {
        roles.push("in the request or response");
    }
    roles
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(time: usize, more: &str) -> String {
        format!(
            r#"{{"eventID":"e{time}","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-west-1",
            "sourceIPAddress":"10.0.0.{}","recipientAccountId":"123456789012",
            "userIdentity":{{"type":"IAMUser","userName":"alice","arn":"arn:aws:iam::123456789012:user/alice"}}{more}}}"#,
            time % 3
        )
    }

    fn sum_up(records: &[(i64, String)], text: &str) -> serde_json::Value {
        let mut summary = Summary::default();
        for (time_ms, json) in records {
            summary.add(&RecordView::parse(json.as_bytes()).unwrap(), *time_ms, text);
        }
        serde_json::to_value(summary.seen(true)).unwrap()
    }

    #[test]
    fn records_are_summed_up() {
        let denied = r#","errorCode":"AccessDenied""#;
        let records: Vec<(i64, String)> =
            vec![(3_000, json(1, "")), (2_000, json(2, denied)), (5_000, json(4, denied)), (1_000, json(4, ""))];
        let seen = sum_up(&records, "alice");
        assert_eq!((&seen["Records"], &seen["Failed"]), (&4.into(), &2.into()));
        assert_eq!(seen["Addresses"]["Distinct"], 2);
        assert_eq!(seen["Addresses"]["Top"][0]["Value"], "10.0.0.1");
        assert_eq!(seen["Addresses"]["Top"][0]["Records"], 3);
        assert_eq!(seen["Events"]["Top"][0]["Value"], "s3:GetObject");
        assert_eq!(seen["ErrorCodes"]["Top"][0]["Value"], "AccessDenied");
        assert_eq!(seen["Users"]["Top"][0]["Value"], "arn:aws:iam::123456789012:user/alice");
        assert_eq!(seen["MatchedAs"]["Top"][0]["Value"], "user or session");
        let time = |name: &str| seen[name].clone();
        assert_eq!(time("FirstTime"), serde_json::to_value(Timestamp::from_ms(1_000)).unwrap());
        assert_eq!(time("LastTime"), serde_json::to_value(Timestamp::from_ms(5_000)).unwrap());
        assert!(sum_up(&[], "alice")["FirstTime"].is_null());
    }

    #[test]
    fn what_a_text_is_follows_from_where_it_is() {
        let check = |text: &str, more: &str, expected: &str| {
            let seen = sum_up(&[(1, json(1, more))], text);
            assert_eq!(seen["MatchedAs"]["Top"][0]["Value"], expected, "{text}");
        };
        check("e1", "", "event ID");
        check("10.0.0.1", "", "source address");
        check("123456789012", "", "account of the record");
        check("arn:aws:iam::123456789012:user/alice", "", "caller");
        check("logs", r#","requestParameters":{"bucketName":"logs"}"#, "resource");
        check("deep", r#","requestParameters":{"a":{"b":"deep"}}"#, "in the request or response");
    }

    #[test]
    fn however_many_values_there_are_few_are_kept() {
        let mut counts = Counts::default();
        for value in 0..DISTINCT_MAX + 10 {
            counts.add(&value.to_string(), 1);
        }
        counts.add(&"x".repeat(VALUE_CHARS_MAX + 1), 1);
        counts.add("7", 2);
        let ranking = counts.ranking();
        assert_eq!(ranking.distinct, i64::try_from(DISTINCT_MAX).unwrap());
        assert_eq!((ranking.top.len(), ranking.top[0].value.as_str(), ranking.top[0].records), (TOP, "7", 2));
    }
}
