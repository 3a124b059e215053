//! The policies that AWS manages: the same in every account, carried by the program, never stored. Read on first use. Where the
//! documents come from is told in `aws-policies/PROVENANCE.md`.

use std::collections::HashMap;
use std::io::Read;
use std::sync::LazyLock;

use base::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

const PACKED: &[u8] = include_bytes!("../aws-policies/policies.jsonl.gz");

/// What ARNs of AWS's policies begin with; the path follows.
const ARN_PREFIX: &str = "arn:aws:iam::aws:policy";

/// A policy that AWS manages, in its default version.
#[derive(Debug)]
pub struct AwsPolicy {
    /// `arn:aws:iam::aws:policy/job-function/Billing`.
    pub arn: String,
    /// `Billing`.
    pub name: &'static str,
    /// `/` or `/job-function/`.
    pub path: &'static str,
    /// `ANPA…`.
    pub id: &'static str,
    /// When its first version was made.
    pub create_date: Timestamp,
    /// When its default version was made.
    pub update_date: Timestamp,
    /// `v3`.
    pub default_version: &'static str,
    /// What it is for, where that is known.
    pub description: Option<&'static str>,
    /// The JSON text of the default version.
    pub document: &'static str,
}

struct Known {
    /// In the order of names, whatever their case.
    list: Vec<AwsPolicy>,
    by_arn: HashMap<String, usize>,
}

#[derive(Deserialize)]
struct Line<'a> {
    path: &'a str,
    name: &'a str,
    id: &'a str,
    created: &'a str,
    updated: &'a str,
    version: &'a str,
    description: Option<&'a str>,
    #[serde(borrow)]
    document: &'a RawValue,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let mut text = String::new();
    let read = flate2::read::GzDecoder::new(PACKED).read_to_string(&mut text);
    read.expect("the program's own data is whole: a test reads it");
    // Kept until the program ends, like the data it was made of.
    let text: &'static str = Box::leak(text.into_boxed_str());
    let list: Vec<AwsPolicy> = text.lines().map(policy).collect();
    let by_arn = list.iter().enumerate().map(|(at, policy)| (policy.arn.clone(), at)).collect();
    Known { list, by_arn }
});

fn policy(line: &'static str) -> AwsPolicy {
    let line: Line<'static> = serde_json::from_str(line).expect("the program's own data is JSON: a test reads it");
    let time = |text: &str| {
        let text = text.replace("+00:00", "Z");
        Timestamp::parse_iso8601(&text).expect("the program's own data has times: a test reads it")
    };
    AwsPolicy {
        arn: format!("{ARN_PREFIX}{}{}", line.path, line.name),
        name: line.name,
        path: line.path,
        id: line.id,
        create_date: time(line.created),
        update_date: time(line.updated),
        default_version: line.version,
        description: line.description,
        document: line.document.get(),
    }
}

/// The policy of this ARN.
pub fn get(arn: &str) -> Option<&'static AwsPolicy> {
    if !arn.starts_with(ARN_PREFIX) {
        return None;
    }
    KNOWN.by_arn.get(arn).map(|at| &KNOWN.list[*at])
}

/// All of them, in the order of their names.
pub fn all() -> &'static [AwsPolicy] {
    &KNOWN.list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_is_a_policy_and_every_name_is_there_once() {
        let mut ids = std::collections::HashSet::new();
        for policy in all() {
            if let Err(error) = policy::Policy::parse(policy.document) {
                assert_eq!(error.mistake, policy::document::Mistake::TooLarge, "{}: {error}", policy.arn);
            }
            assert!(ids.insert(policy.id) && policy.id.starts_with("ANPA"), "{}", policy.arn);
            assert_eq!(get(&policy.arn).map(|found| found.name), Some(policy.name));
            assert!(policy.create_date <= policy.update_date, "{}", policy.arn);
        }
        assert!(all().len() > 1_000);
    }

    #[test]
    fn what_guides_and_modules_attach_is_there() {
        for name in [
            "AdministratorAccess",
            "PowerUserAccess",
            "ReadOnlyAccess",
            "SecurityAudit",
            "IAMFullAccess",
            "IAMReadOnlyAccess",
            "IAMUserChangePassword",
            "AmazonS3FullAccess",
            "AmazonS3ReadOnlyAccess",
            "AWSCloudTrail_FullAccess",
            "AWSCloudTrail_ReadOnlyAccess",
            "AWSKeyManagementServicePowerUser",
            "CloudWatchFullAccess",
            "CloudWatchLogsFullAccess",
            "CloudWatchReadOnlyAccess",
            "CloudWatchAgentServerPolicy",
            "AmazonSNSFullAccess",
            "AmazonSQSFullAccess",
            "AmazonEC2FullAccess",
            "AmazonEC2ReadOnlyAccess",
            "AmazonSSMManagedInstanceCore",
            "AWSOrganizationsFullAccess",
            "AmazonAthenaFullAccess",
            "AmazonECS_FullAccess",
            "AmazonEKSClusterPolicy",
            "AmazonRDSFullAccess",
            "AmazonDynamoDBFullAccess",
            "AWSLambda_FullAccess",
            "job-function/ViewOnlyAccess",
            "job-function/Billing",
            "service-role/AWSLambdaBasicExecutionRole",
            "service-role/AWS_ConfigRole",
            "service-role/AmazonECSTaskExecutionRolePolicy",
            "service-role/AWSCloudTrail_CloudWatchLogs_Role",
        ] {
            assert!(get(&format!("{ARN_PREFIX}/{name}")).is_some(), "{name}");
        }
        assert!(get("arn:aws:iam::aws:policy/No").is_none());
    }
}
