//! Amazon Resource Names: `arn:partition:service:region:account:resource`.

use std::fmt;

/// An ARN in its six parts. Source: AWS general reference, "Amazon Resource Names (ARNs)".
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Arn {
    /// `aws`, `aws-cn` …
    pub partition: String,
    /// `cloudtrail`, `s3` …
    pub service: String,
    /// A region, or empty.
    pub region: String,
    /// Twelve digits, `aws`, or empty.
    pub account: String,
    /// All after the fifth colon, colons and slashes included.
    pub resource: String,
}

impl Arn {
    /// Splits an ARN. `None` if it does not start with `arn:`, has fewer than six parts, or names no service or resource.
    pub fn parse(text: &str) -> Option<Arn> {
        let mut parts = text.splitn(6, ':');
        if parts.next() != Some("arn") {
            return None;
        }
        let mut next = || parts.next().map(str::to_owned);
        let arn = Arn { partition: next()?, service: next()?, region: next()?, account: next()?, resource: next()? };
        (!arn.service.is_empty() && !arn.resource.is_empty()).then_some(arn)
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Arn { partition, service, region, account, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

/// Whether `text` is an account number: twelve digits.
pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}
