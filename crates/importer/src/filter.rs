//! Which files and records are asked for.

use base::Timestamp;
use base::time::MINUTE_MS;
use record::{LogKind, RecordView};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::names::Sort;

/// Bounds of an import. The default has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Events of this time or later, in milliseconds since 1970.
    pub from_ms: Option<i64>,
    /// Events of this time or earlier.
    pub to_ms: Option<i64>,
    /// Only of these accounts; of all if there are none.
    pub accounts: Vec<String>,
    /// Only of these regions.
    pub regions: Vec<String>,
    /// Only what trails deliver as events: no Insights, no network activity.
    pub events_only: bool,
}

impl Filter {
    /// Whether everything is asked for.
    pub fn is_open(&self) -> bool {
        *self == Filter::default()
    }

    /// Whether a file may have something that is asked for. Events are older than the file's delivery, however late that is.
    pub fn keeps_file(&self, sort: &Sort<'_>) -> bool {
        match sort {
            Sort::Log { account_id, kind, region, delivered } => {
                (self.accounts.is_empty() || self.accounts.iter().any(|account| account == account_id))
                    && (self.regions.is_empty() || self.regions.iter().any(|wanted| wanted == region))
                    && (!self.events_only || *kind == LogKind::Events)
                    && self.from_ms.is_none_or(|from_ms| delivered.ms() + MINUTE_MS > from_ms)
            }
            Sort::Loose => true,
            Sort::Digest | Sort::Other => false,
        }
    }

    /// Whether a record is asked for. One without a time is not, where there is a bound.
    pub fn keeps(&self, record: &[u8]) -> bool {
        if self.is_open() {
            return true;
        }
        let Ok(view) = RecordView::parse(record) else { return false };
        let time = view.event_time().map(Timestamp::ms);
        let in_time = |bound: Option<i64>, fits: fn(i64, i64) -> bool| match bound {
            Some(bound) => time.is_some_and(|time| fits(time, bound)),
            None => true,
        };
        let account = view.recipient_account_id.as_deref();
        let region = view.aws_region.as_deref();
        in_time(self.from_ms, |time, from| time >= from)
            && in_time(self.to_ms, |time, to| time <= to)
            && (self.accounts.is_empty() || account.is_some_and(|of| self.accounts.iter().any(|account| account == of)))
            && (self.regions.is_empty() || region.is_some_and(|of| self.regions.iter().any(|region| region == of)))
    }

    /// Tells filters apart: a file that one filter is done with is new to another.
    pub fn tag(&self) -> String {
        if self.is_open() {
            return String::new();
        }
        let json = serde_json::to_vec(self).expect("texts and numbers can always be written");
        base::ids::hex(&Sha256::digest(json))[..16].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::sort;

    const RECORD: &[u8] =
        br#"{"eventTime":"2025-03-01T10:00:00Z","awsRegion":"eu-central-1","recipientAccountId":"123456789012"}"#;

    #[test]
    fn bounds_are_inclusive_and_accounts_and_regions_are_those_of_the_record() {
        let at = |text: &str| Some(Timestamp::parse_iso8601(text).unwrap().ms());
        let open = Filter::default();
        let check = |filter: Filter, expected| assert_eq!(filter.keeps(RECORD), expected, "{filter:?}");
        check(open.clone(), true);
        check(Filter { from_ms: at("2025-03-01T10:00:00Z"), to_ms: at("2025-03-01T10:00:00Z"), ..open.clone() }, true);
        check(Filter { from_ms: at("2025-03-01T10:00:01Z"), ..open.clone() }, false);
        check(Filter { to_ms: at("2025-03-01T09:59:59Z"), ..open.clone() }, false);
        check(
            Filter { accounts: vec!["123456789012".into()], regions: vec!["eu-central-1".into()], ..open.clone() },
            true,
        );
        check(Filter { accounts: vec!["123456789013".into()], ..open.clone() }, false);
        check(Filter { regions: vec!["us-east-1".into()], ..open.clone() }, false);
        assert!(open.keeps(b"{}"));
        assert!(!Filter { from_ms: Some(0), ..open }.keeps(b"{}"));
    }

    #[test]
    fn files_are_left_out_only_if_none_of_their_events_can_be_asked_for() {
        let key = "123456789012_CloudTrail_us-east-2_20250301T1000Z_9nYN7gp2eWAJHIfT.json.gz";
        let from =
            |text: &str| Filter { from_ms: Some(Timestamp::parse_iso8601(text).unwrap().ms()), ..Filter::default() };
        assert!(from("2025-03-01T10:00:59Z").keeps_file(&sort(key)), "the name has whole minutes");
        assert!(!from("2025-03-01T10:01:00Z").keeps_file(&sort(key)));
        let to = Filter { to_ms: Some(0), ..Filter::default() };
        assert!(to.keeps_file(&sort(key)), "what is delivered late is not left out");
        assert!(!Filter { accounts: vec!["1".into()], ..Filter::default() }.keeps_file(&sort(key)));
        assert!(Filter { accounts: vec!["1".into()], ..Filter::default() }.keeps_file(&Sort::Loose));
        let insight = key.replace("_CloudTrail_", "_CloudTrail-Insight_");
        assert!(!Filter { events_only: true, ..Filter::default() }.keeps_file(&sort(&insight)));
    }

    #[test]
    fn filters_have_tags_of_their_own() {
        assert_eq!(Filter::default().tag(), "");
        let (one, two) =
            (Filter { from_ms: Some(1), ..Filter::default() }, Filter { to_ms: Some(1), ..Filter::default() });
        assert_ne!(one.tag(), two.tag());
        assert_eq!(one.tag(), one.clone().tag());
    }
}
