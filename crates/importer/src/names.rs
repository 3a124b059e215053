//! What a file is, by its key. The name decides and not the folders, so that it does not matter from which folder on somebody copied
//! them. Sources: CloudTrail user guide, "CloudTrail log file name format", "CloudTrail digest file structure".

use base::Timestamp;
use base::arn::is_account_id;
use record::LogKind;

/// A sort of file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sort<'a> {
    /// A log file with CloudTrail's name.
    Log {
        /// Whose events.
        account_id: &'a str,
        /// Which events.
        kind: LogKind,
        /// Of which region.
        region: &'a str,
        /// When it was delivered, to the minute.
        delivered: Timestamp,
    },
    /// A digest.
    Digest,
    /// JSON with another name: a log file that somebody named, perhaps.
    Loose,
    /// Something else: not looked at.
    Other,
}

const KINDS: [LogKind; 3] = [LogKind::Events, LogKind::Insight, LogKind::NetworkActivity];
const DIGEST: &str = "CloudTrail-Digest";

/// Says what a file is.
pub fn sort(key: &str) -> Sort<'_> {
    let (folders, name) = key.rsplit_once('/').unwrap_or(("", key));
    let Some(stem) = name.strip_suffix(".gz").unwrap_or(name).strip_suffix(".json") else { return Sort::Other };
    if name.ends_with(validate::METADATA_SUFFIX) {
        return Sort::Other;
    }
    let mut parts = stem.splitn(5, '_');
    let (account, kind) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let in_folder = |wanted: &str| folders.split('/').any(|folder| folder == wanted);
    if (is_account_id(account) && kind == DIGEST) || in_folder(DIGEST) {
        return Sort::Digest;
    }
    if is_account_id(account)
        && let Some(kind) = KINDS.into_iter().find(|known| known.folder() == kind)
        && let (Some(region), Some(minute), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        && let Some(delivered) = delivered(minute)
    {
        return Sort::Log { account_id: account, kind, region, delivered };
    }
    // Beside CloudTrail's there are other services' files in AWSLogs; a copy that begins below it has none of these folders.
    let of_trail = KINDS.into_iter().any(|kind| in_folder(kind.folder()));
    if of_trail || !in_folder("AWSLogs") { Sort::Loose } else { Sort::Other }
}

/// `20150817T1445Z`.
fn delivered(minute: &str) -> Option<Timestamp> {
    let minute = minute.strip_suffix('Z').filter(|text| text.len() == 13)?;
    Timestamp::parse_amz_date(&format!("{minute}00Z"))
}

/// The last part of a key: what tells a log file from all others.
pub(crate) fn name(key: &str) -> &str {
    key.rsplit_once('/').map_or(key, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn files_are_known_by_their_names() {
        let log = |kind| Sort::Log {
            account_id: "123456789012",
            kind,
            region: "us-east-2",
            delivered: Timestamp::parse_iso8601("2015-08-17T14:45:00Z").unwrap(),
        };
        let name = |kind: LogKind| format!("123456789012_{}_us-east-2_20150817T1445Z_9nYN7gp2eWAJHIfT", kind.folder());
        for kind in KINDS {
            let name = name(kind);
            for key in [
                format!("AWSLogs/123456789012/{}/us-east-2/2015/08/17/{name}.json.gz", kind.folder()),
                format!("p/AWSLogs/o-abc/123456789012/{}/us-east-2/2015/08/17/{name}.json", kind.folder()),
                format!("copied/{name}.json.gz"),
                format!("{name}.json"),
            ] {
                assert_eq!(sort(&key), log(kind), "{key}");
            }
        }
        let digest = "123456789012_CloudTrail-Digest_us-east-2_my_trail_us-west-1_20150817T150131Z.json.gz";
        for (key, expected) in [
            (digest, Sort::Digest),
            ("AWSLogs/123456789012/CloudTrail-Digest/us-east-2/2015/08/17/x.json.gz", Sort::Digest),
            ("events.json", Sort::Loose),
            ("a/events.json.gz", Sort::Loose),
            ("AWSLogs/123456789012/CloudTrail/us-east-2/2015/08/17/renamed.json.gz", Sort::Loose),
            ("AWSLogs/123456789012/Config/us-east-2/2015/8/17/ConfigHistory/x.json.gz", Sort::Other),
            ("AWSLogs/123456789012/elasticloadbalancing/x.log.gz", Sort::Other),
            ("notes.txt", Sort::Other),
            ("x.gz", Sort::Other),
            ("", Sort::Other),
            ("AWSLogs/123456789012/CloudTrail-Digest/r/x.json.gz.metadata.json", Sort::Other),
        ] {
            assert_eq!(sort(key), expected, "{key}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]
        #[test]
        fn any_key_has_a_sort(key in any::<String>()) {
            let _ = sort(&key);
            let _ = sort(&format!("123456789012_CloudTrail_{key}.json.gz"));
        }
    }
}
