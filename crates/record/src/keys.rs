//! The keys under which log files and digests are stored. Sources: CloudTrail user guide, "Finding your CloudTrail log files",
//! "CloudTrail log file name format" and "CloudTrail digest file structure".
//!
//! ```text
//! [prefix/]AWSLogs/[o-ORG/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHmmZ_UNIQUE.json.gz
//! [prefix/]AWSLogs/[o-ORG/]ACCOUNT/CloudTrail-Digest/REGION/YYYY/MM/DD/
//!                                ACCOUNT_CloudTrail-Digest_REGION_TRAIL_HOMEREGION_YYYYMMDDTHHmmssZ[_backfill].json.gz
//! ```

use std::fmt;

use base::Timestamp;
use base::arn::is_account_id;

/// The length of the unique part of a log file's name.
pub const UNIQUE_LEN: usize = 16;

const SUFFIX: &str = ".json.gz";
const DIGEST: &str = "CloudTrail-Digest";
const BACKFILL: &str = "_backfill";

/// What a log file holds; each kind has its own folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogKind {
    /// Management and data events.
    Events,
    /// Insights.
    Insight,
    /// Network activity at VPC endpoints.
    NetworkActivity,
}

const KINDS: [LogKind; 3] = [LogKind::Events, LogKind::Insight, LogKind::NetworkActivity];

impl LogKind {
    /// The folder's name, which is also part of the file's name.
    pub fn folder(self) -> &'static str {
        match self {
            LogKind::Events => "CloudTrail",
            LogKind::Insight => "CloudTrail-Insight",
            LogKind::NetworkActivity => "CloudTrail-NetworkActivity",
        }
    }
}

/// Where the files of an account are: the part of the key before the folder of the kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The trail's `S3KeyPrefix`, without a slash at its end.
    pub prefix: Option<&'a str>,
    /// The organization (`o-…`), for a trail of an organization.
    pub organization_id: Option<&'a str>,
    /// The account whose events they are.
    pub account_id: &'a str,
}

/// The key of a log file. `Display` writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogKey<'a> {
    /// Prefix, organization, account.
    pub place: Place<'a>,
    /// What the file holds.
    pub kind: LogKind,
    /// The region whose events they are.
    pub region: &'a str,
    /// When the file was delivered; the key has it to the minute.
    pub delivered: Timestamp,
    /// [`UNIQUE_LEN`] letters and digits that keep files of one minute apart.
    pub unique: &'a str,
}

/// The key of a digest. `Display` writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestKey<'a> {
    /// Prefix, organization, account.
    pub place: Place<'a>,
    /// The region whose log files it lists.
    pub region: &'a str,
    /// The trail's name.
    pub trail_name: &'a str,
    /// The region in which the trail was made.
    pub home_region: &'a str,
    /// The end of the time it covers; the key has it to the second.
    pub end: Timestamp,
    /// Whether it was written after the fact, beside the chain of the others.
    pub backfill: bool,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(prefix) = self.prefix {
            write!(f, "{prefix}/")?;
        }
        f.write_str("AWSLogs/")?;
        if let Some(organization) = self.organization_id {
            write!(f, "{organization}/")?;
        }
        f.write_str(self.account_id)
    }
}

impl fmt::Display for LogKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LogKey { place, kind, region, delivered, unique } = self;
        let (folder, day, minute) = (kind.folder(), delivered.ymd_path(), delivered.amz_minute());
        write!(f, "{place}/{folder}/{region}/{day}/{}_{folder}_{region}_{minute}_{unique}{SUFFIX}", place.account_id)
    }
}

impl fmt::Display for DigestKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DigestKey { place, region, trail_name, home_region, end, backfill } = self;
        let (day, second, mark) = (end.ymd_path(), end.amz_date(), if *backfill { BACKFILL } else { "" });
        write!(f, "{place}/{DIGEST}/{region}/{day}/{}_{DIGEST}_{region}_", place.account_id)?;
        write!(f, "{trail_name}_{home_region}_{second}{mark}{SUFFIX}")
    }
}

impl<'a> LogKey<'a> {
    /// Reads a key. `None` for anything that [`LogKey`] would not have written.
    pub fn parse(key: &'a str) -> Option<LogKey<'a>> {
        let (folders, name) = Folders::parse(key)?;
        let kind = KINDS.into_iter().find(|kind| kind.folder() == folders.kind)?;
        let rest = name.strip_suffix(SUFFIX)?.strip_prefix(folders.place.account_id)?.strip_prefix('_')?;
        let rest = rest.strip_prefix(kind.folder())?.strip_prefix('_')?;
        let rest = rest.strip_prefix(folders.region)?.strip_prefix('_')?;
        let (minute, unique) = rest.split_once('_')?;
        let minute = minute.strip_suffix('Z').filter(|text| text.len() == 13)?;
        let delivered = Timestamp::parse_amz_date(&format!("{minute}00Z"))?;
        let fits = unique.len() == UNIQUE_LEN && unique.bytes().all(|b| b.is_ascii_alphanumeric());
        let key = LogKey { place: folders.place, kind, region: folders.region, delivered, unique };
        (fits && delivered.ymd_path() == folders.day).then_some(key)
    }
}

impl<'a> DigestKey<'a> {
    /// Reads a key. `None` for anything that [`DigestKey`] would not have written.
    pub fn parse(key: &'a str) -> Option<DigestKey<'a>> {
        let (folders, name) = Folders::parse(key)?;
        let rest = name.strip_suffix(SUFFIX)?.strip_prefix(folders.place.account_id)?.strip_prefix('_')?;
        let rest = rest.strip_prefix(DIGEST)?.strip_prefix('_')?;
        let rest = rest.strip_prefix(folders.region)?.strip_prefix('_')?;
        let (rest, backfill) = rest.strip_suffix(BACKFILL).map_or((rest, false), |rest| (rest, true));
        // A trail's name may have underscores, regions and times have none: read from the right.
        let (rest, second) = rest.rsplit_once('_')?;
        let (trail_name, home_region) = rest.rsplit_once('_')?;
        let end = Timestamp::parse_amz_date(second)?;
        let fits = folders.kind == DIGEST && !trail_name.is_empty() && is_region(home_region);
        let Folders { place, region, day, .. } = folders;
        let key = DigestKey { place, region, trail_name, home_region, end, backfill };
        (fits && end.ymd_path() == day).then_some(key)
    }
}

/// The folders of a key, which logs and digests share.
struct Folders<'a> {
    place: Place<'a>,
    kind: &'a str,
    region: &'a str,
    day: &'a str,
}

impl<'a> Folders<'a> {
    /// Splits a key into folders and file name, from the right: a prefix may look like anything.
    fn parse(key: &'a str) -> Option<(Folders<'a>, &'a str)> {
        let (rest, name) = key.rsplit_once('/')?;
        // `YYYY/MM/DD`; whether it is the day of the file's name is checked against that.
        let (rest, day) = rest.is_char_boundary(rest.len().checked_sub(10)?).then(|| rest.split_at(rest.len() - 10))?;
        let (rest, region) = rest.strip_suffix('/')?.rsplit_once('/')?;
        let (rest, kind) = rest.rsplit_once('/')?;
        let (rest, account_id) = rest.rsplit_once('/')?;
        let (rest, last) = match rest.rsplit_once('/') {
            Some((rest, last)) => (Some(rest), last),
            None => (None, rest),
        };
        let (prefix, organization_id) = match (last, rest) {
            ("AWSLogs", prefix) => (prefix, None),
            (organization, Some(rest)) if organization.starts_with("o-") => match rest.strip_suffix("AWSLogs")? {
                "" => (None, Some(organization)),
                prefix => (Some(prefix.strip_suffix('/')?), Some(organization)),
            },
            _ => return None,
        };
        let place = Place { prefix, organization_id, account_id };
        (is_account_id(account_id) && is_region(region)).then_some((Folders { place, kind, region, day }, name))
    }
}

fn is_region(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOG: &str = "AWSLogs/123456789012/CloudTrail/us-east-2/2015/08/17/123456789012_CloudTrail_us-east-2_20150817T1445Z_9nYN7gp2eWAJHIfT.json.gz";
    const DIGEST_KEY: &str = "AWSLogs/123456789012/CloudTrail-Digest/us-east-2/2015/08/17/123456789012_CloudTrail-Digest_us-east-2_my_trail_us-west-1_20150817T150131Z.json.gz";

    #[test]
    fn a_log_key_is_read_and_written() {
        let key = LogKey::parse(LOG).unwrap();
        assert_eq!(key.place, Place { prefix: None, organization_id: None, account_id: "123456789012" });
        assert_eq!((key.kind, key.region, key.unique), (LogKind::Events, "us-east-2", "9nYN7gp2eWAJHIfT"));
        assert_eq!(key.delivered.iso8601(), "2015-08-17T14:45:00Z");
        assert_eq!(key.to_string(), LOG);
    }

    #[test]
    fn a_digest_key_is_read_and_written() {
        let key = DigestKey::parse(DIGEST_KEY).unwrap();
        assert_eq!((key.region, key.trail_name, key.home_region), ("us-east-2", "my_trail", "us-west-1"));
        assert_eq!((key.end.iso8601().as_str(), key.backfill), ("2015-08-17T15:01:31Z", false));
        assert_eq!(key.to_string(), DIGEST_KEY);
        // Where validators take the time from.
        assert_eq!(DIGEST_KEY[DIGEST_KEY.len() - 24..DIGEST_KEY.len() - 8], *"20150817T150131Z");
        let backfill = DigestKey { backfill: true, ..key }.to_string();
        assert_eq!(backfill[backfill.len() - 33..backfill.len() - 17], *"20150817T150131Z");
        assert!(DigestKey::parse(&backfill).unwrap().backfill);
    }

    #[test]
    fn prefixes_and_organizations_may_look_like_anything() {
        for (prefix, organization) in [
            (Some("p"), None),
            (Some("a/b"), Some("o-abc")),
            (None, Some("o-abc")),
            (Some("x/AWSLogs"), None),
            (Some("AWSLogs"), Some("o-1")),
        ] {
            let place = Place { prefix, organization_id: organization, account_id: "123456789012" };
            let log = LogKey { place, ..LogKey::parse(LOG).unwrap() }.to_string();
            assert_eq!(LogKey::parse(&log).unwrap().place.prefix, prefix, "{log}");
            assert_eq!(LogKey::parse(&log).unwrap().place.organization_id, organization, "{log}");
            assert_eq!(LogKey::parse(&log).unwrap().to_string(), log);
        }
    }

    #[test]
    fn other_keys_are_not_read() {
        for bad in [
            "",
            "x",
            "AWSLogs/123456789012/CloudTrail/",
            "é/é/é/é/é/é/ééééé/é",
            &LOG.replace("CloudTrail_", "CloudTrail-Digest_"),
            &LOG.replace("T1445Z", "T144500Z"),
            &LOG.replace("2015/08/17", "2015/08/18"),
            &LOG.replace("/123456789012_", "/123456789013_"),
            &LOG.replace("123456789012", "12345678901"),
            &LOG.replace("IfT.json", "If.json"),
            &LOG.replace("IfT.json", "If-.json"),
            &LOG.replace(".gz", ""),
            &LOG.replace("AWSLogs", "awslogs"),
            DIGEST_KEY,
        ] {
            assert_eq!(LogKey::parse(bad), None, "{bad}");
        }
        for bad in [LOG, "", &DIGEST_KEY.replace("_my_trail", ""), &DIGEST_KEY.replace("T150131Z", "T1501Z")] {
            assert_eq!(DigestKey::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]
        #[test]
        fn every_digest_key_reads_back(
            prefix in proptest::option::of("[a-z!/_.é-]{1,20}[a-z]"),
            organization in proptest::option::of("o-[a-z0-9]{1,12}"),
            account in "[0-9]{12}",
            trail_name in "[A-Za-z0-9][A-Za-z0-9._-]{1,30}[A-Za-z0-9]",
            secs in 0_i64..4_000_000_000,
            backfill in any::<bool>(),
        ) {
            let place = Place { prefix: prefix.as_deref(), organization_id: organization.as_deref(), account_id: &account };
            let end = Timestamp::from_secs(secs);
            let key = DigestKey { place, region: "eu-north-1", trail_name: &trail_name, home_region: "us-east-1", end, backfill };
            let text = key.to_string();
            prop_assert_eq!(DigestKey::parse(&text), Some(key));
        }

        #[test]
        fn any_text_is_parsed_without_panic(key in any::<String>()) {
            prop_assert!(LogKey::parse(&key).is_none_or(|read| read.to_string() == key));
            prop_assert!(DigestKey::parse(&key).is_none_or(|read| read.to_string() == key));
        }
    }
}
