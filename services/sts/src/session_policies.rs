//! Policies that limit a session, and how much room they take. Source: IAM user guide, "Session policies" in "Policies and permissions
//! in AWS Identity and Access Management"; STS API reference, AssumeRole, `PackedPolicySize`.

use std::io::Write as _;

use base::Arn;
use policy::parse_identity_policy;
use serde::Deserialize;

use crate::Error;

/// Managed session policies. Source: STS API reference, AssumeRole, `PolicyArns`.
const ARNS_MAX: usize = 10;
/// The room for policies and tags, compressed. AWS does not say how it packs; in its examples small requests take as many percent as
/// with this one.
const PACKED_BYTES_MAX: u64 = 2_048;

/// The ARN of a managed policy, as requests give it.
#[derive(Clone, Debug, Deserialize)]
pub struct PolicyDescriptor {
    pub arn: Option<String>,
}

/// What a session may do at most.
#[derive(Debug, Default)]
pub struct Limits {
    /// Texts of policies: at most one.
    pub policies: Option<String>,
    /// ARNs of managed ones.
    pub arns: Vec<String>,
}

impl Limits {
    /// Checks session policies for a session in `account`.
    pub fn new(account: &str, policy: Option<String>, arns: Vec<PolicyDescriptor>) -> Result<Limits, Error> {
        if let Some(text) = &policy {
            parse_identity_policy(text).map_err(Error::MalformedPolicyDocument)?;
        }
        if arns.len() > ARNS_MAX {
            let text = format!("The number of managed session policies exceeds the limit of {ARNS_MAX}.");
            return Err(Error::ValidationError(text));
        }
        let arns: Vec<String> = arns.into_iter().filter_map(|policy| policy.arn).collect();
        let is_policy = |text: &String| {
            Arn::parse(text).is_some_and(|arn| {
                arn.service == "iam"
                    && (arn.account == "aws" || arn.account == account)
                    && arn.resource.starts_with("policy/")
            })
        };
        match arns.iter().find(|arn| !is_policy(arn)) {
            Some(arn) => Err(Error::ValidationError(format!("ARN {arn} is not valid."))),
            None => Ok(Limits { policies: policy, arns }),
        }
    }

    /// How many percent of the room these policies take with the session's tags; `None` if there are neither.
    pub fn packed_size(&self, tags: &[(String, String)]) -> Result<Option<u64>, Error> {
        if self.policies.is_none() && self.arns.is_empty() && tags.is_empty() {
            return Ok(None);
        }
        let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        // As one compact text, so that white space in a policy takes no room.
        let policy = self.policies.as_deref().and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
        let text = serde_json::json!([policy, self.arns, tags]).to_string();
        let packed = packer.write_all(text.as_bytes()).and_then(|()| packer.finish());
        let bytes = packed.map_or(u64::MAX / 100, |packed| packed.len() as u64);
        let percent = (bytes * 100).div_ceil(PACKED_BYTES_MAX);
        if percent > 100 { Err(Error::PackedPolicyTooLarge(percent)) } else { Ok(Some(percent)) }
    }
}
