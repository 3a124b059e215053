//! What resource policies say of groups, and who may write into them. Sources: CloudWatch Logs user guide, "Using identity-based policies
//! (IAM policies) for CloudWatch Logs" and "CloudWatch Logs resources and operations" (which ARNs policies name).

use std::sync::Arc;

use async_trait::async_trait;
use base::Region;
use base::arn::Arn;
use policy::{Policy, PolicySet};
use ports::{AccessRequest, LooksAt, ResourcePolicies, Ruled, Unavailable};

use crate::Logs;
use crate::rows::ResourcePolicy;

/// Actions whose resource is a group's ARN without anything behind its name; all others have `:*` or a stream there.
const OF_PLAIN_ARNS: [&str; 3] = ["logs:TagResource", "logs:UntagResource", "logs:ListTagsForResource"];

/// The name of the group in the part of an ARN behind the account.
fn group_name(resource: &str) -> Option<&str> {
    let rest = resource.strip_prefix("log-group:")?;
    Some(rest.split_once(':').map_or(rest, |(name, _)| name))
}

#[async_trait]
impl ResourcePolicies for Logs {
    fn prefixes(&self) -> &'static [&'static str] {
        &["logs"]
    }

    async fn ruled(&self, request: &AccessRequest<'_>, _looks_at: LooksAt<'_>) -> Result<Option<Ruled>, Unavailable> {
        let Some(arn) = Arn::parse(request.resource) else { return Ok(None) };
        let Some(region) = Region::parse(&arn.region) else { return Ok(None) };
        if arn.service != "logs" || *arn.account != *self.deps.account {
            return Ok(None);
        }
        let mut ruled = Ruled::plain(Arc::clone(&self.deps.account));
        let name = group_name(&arn.resource);
        let plain = name.map(|name| crate::rows::group_arn(region, &self.deps.account, name));
        self.store.see(|memory| {
            let of = memory.of_region::<ResourcePolicy>(region);
            let of = of.filter(|policy| policy.resource.is_none() || policy.resource == plain);
            // Some few short texts: ten of the account, and one of the group.
            let read = of.filter_map(|policy| Some((policy.name.clone(), Policy::parse(&policy.text).ok()?)));
            let read: Vec<(String, Policy)> = read.collect();
            if !read.is_empty() {
                ruled.policies = Arc::new(PolicySet::new(read));
            }
            if let Some(group) = name.and_then(|name| memory.group(region, name).ok()) {
                let tag = |(name, value): (&String, &String)| {
                    (format!("aws:resourcetag/{}", name.to_lowercase()), vec![value.clone()])
                };
                ruled.conditions = group.tags.iter().map(tag).collect();
            }
        });
        if let Some(plain) = plain {
            let behind = arn.resource.strip_prefix("log-group:").and_then(|rest| rest.split_once(':')).map(|(_, b)| b);
            ruled.resource = match behind {
                _ if OF_PLAIN_ARNS.contains(&request.action) => Some(plain),
                None | Some("*") => Some(format!("{plain}:log-stream:")),
                Some(_) => None,
            };
        }
        Ok(Some(ruled))
    }

    fn condition(&self, _request: &AccessRequest<'_>, _key: &str) -> Option<Vec<String>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_in_arns() {
        let cases = [
            ("log-group:/a/b", Some("/a/b")),
            ("log-group:/a/b:*", Some("/a/b")),
            ("log-group:/a/b:log-stream:s", Some("/a/b")),
            ("destination:x", None),
        ];
        assert!(cases.into_iter().all(|(text, name)| group_name(text) == name));
    }
}
