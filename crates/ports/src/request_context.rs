//! What is known of a request besides who asks for what: what the conditions of policies are held against. Source: IAM user guide,
//! "AWS global condition context keys".

use std::fmt;
use std::net::IpAddr;

use base::{Region, Timestamp};
use http::HeaderMap;
use model::{Fields, Value};

use crate::identity::{Holder, Session};
use crate::{AccessRequest, Caller};

/// See the module.
#[derive(Clone, Copy)]
pub struct RequestContext<'a> {
    /// When the request came in.
    pub time: Timestamp,
    /// The region called.
    pub region: Region,
    /// The client's address.
    pub source_ip: &'a str,
    /// The version of TLS (`TLSv1.3`), if the request came over it.
    pub tls: Option<&'static str>,
    /// The request's headers, names in lower case.
    pub headers: &'a HeaderMap,
    /// The query string as sent.
    pub query: &'a str,
    /// The decoded input, where it is known: the tags that a request gives are read from it.
    pub input: Option<&'a Fields>,
    /// Condition keys (lower case) whose values the request as a whole does not tell: those of one object among many. A key with
    /// several values is there several times.
    pub more: &'a [(&'a str, &'a str)],
}

impl fmt::Debug for RequestContext<'_> {
    /// Without headers and query, which may hold signatures and tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RequestContext { time, region, source_ip, tls, more, .. } = self;
        write!(f, "RequestContext {{ {time:?}, {region}, {source_ip}, {tls:?}, {more:?} }}")
    }
}

impl<'a> RequestContext<'a> {
    /// The first value of a condition key that was given besides the request.
    pub fn given(&self, key: &str) -> Option<&'a str> {
        self.more.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }

    /// The tags that the request gives: members `Tags` of any of the shapes that services have.
    fn tags(&self) -> Vec<(&'a str, &'a str)> {
        let Some(input) = self.input else { return Vec::new() };
        let text = |fields: &'a Fields, names: [&str; 3]| {
            names.into_iter().find_map(|name| match fields.get(name) {
                Some(Value::String(text)) => Some(text.as_str()),
                _ => None,
            })
        };
        let list = ["Tags", "tags", "TagsList", "TagList"].into_iter().find_map(|name| input.get(name));
        match list {
            Some(Value::List(tags)) => {
                let fields = tags.iter().filter_map(|tag| if let Value::Struct(tag) = tag { Some(tag) } else { None });
                let pair = |tag| {
                    let value = text(tag, ["Value", "TagValue", "value"]).unwrap_or_default();
                    Some((text(tag, ["Key", "TagKey", "key"])?, value))
                };
                fields.filter_map(pair).collect()
            }
            Some(Value::Struct(tags)) => {
                let pair = |(key, value): (&'a model::Name, &'a Value)| match value {
                    Value::String(value) => Some((&**key, value.as_str())),
                    _ => None,
                };
                tags.iter().filter_map(pair).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The keys of tags that the request takes away.
    fn tag_keys(&self) -> Vec<String> {
        let Some(input) = self.input else { return Vec::new() };
        match ["TagKeys", "tagKeys"].into_iter().find_map(|name| input.get(name)) {
            Some(Value::List(keys)) => {
                let text = |key: &Value| if let Value::String(key) = key { Some(key.clone()) } else { None };
                keys.iter().filter_map(text).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl AccessRequest<'_> {
    /// The values of a global condition key (in lower case: `aws:sourceip`), and of any key that was given besides the request. `None`
    /// for keys that the request does not have and for others of a service.
    pub fn global_condition(&self, key: &str) -> Option<Vec<String>> {
        let context = self.context;
        let given: Vec<String> =
            context.more.iter().filter(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned()).collect();
        if !given.is_empty() {
            return Some(given);
        }
        let header = |name: &str| context.headers.get(name)?.to_str().ok().map(str::to_owned);
        let session = self.caller.session();
        let key = key.strip_prefix("aws:")?;
        if let Some(tag) = key.strip_prefix("requesttag/") {
            let tags = context.tags();
            return tags
                .iter()
                .find(|(name, _)| name.to_lowercase() == tag)
                .map(|(_, value)| vec![(*value).to_owned()]);
        }
        if key == "tagkeys" {
            let keys: Vec<String> =
                context.tags().iter().map(|(key, _)| (*key).to_owned()).chain(context.tag_keys()).collect();
            return (!keys.is_empty()).then_some(keys);
        }
        let value = match key {
            "currenttime" => context.time.iso8601_secs(),
            "epochtime" => context.time.secs().to_string(),
            "principalaccount" => self.caller.account()?.to_string(),
            "principalarn" => self.caller.principal_arn()?,
            "principalisawsservice" => matches!(self.caller, Caller::Service { .. }).to_string(),
            "principalservicename" => match self.caller {
                Caller::Service { principal } => principal.to_string(),
                _ => return None,
            },
            "principaltype" => match self.caller {
                Caller::Anonymous => "Anonymous",
                Caller::Session(session) => match session.holder {
                    Holder::Root => "Account",
                    Holder::User { .. } => "User",
                    Holder::Role { .. } => "AssumedRole",
                    Holder::Federated { .. } => "FederatedUser",
                },
                Caller::Root { .. } => "Account",
                Caller::User { .. } => "User",
                Caller::External(_) | Caller::Service { .. } | Caller::Unknown { .. } => return None,
            }
            .to_owned(),
            "referer" => header("referer")?,
            "requestedregion" => context.region.to_string(),
            "securetransport" => context.tls.is_some().to_string(),
            "sourceip" => context.source_ip.parse::<IpAddr>().ok()?.to_canonical().to_string(),
            "useragent" => header("user-agent")?,
            "userid" => self.caller.principal_id()?,
            "username" => self.caller.user()?.1.to_string(),
            "viaawsservice" => "false".to_owned(),
            // Long-term keys have neither, which is what `BoolIfExists` is for; and a role's session does not tell how it began. Source:
            // IAM user guide, "Secure API access with MFA".
            "multifactorauthpresent" => second_factor(session?).is_some().to_string(),
            "multifactorauthage" => (context.time.since_ms(second_factor(session?)?) / 1_000).to_string(),
            "tokenissuetime" => session?.created.iso8601_secs(),
            "sourceidentity" => session?.source_identity.as_ref()?.to_string(),
            "federatedprovider" => session?.federation.as_ref()?.provider.clone(),
            _ => return None,
        };
        Some(vec![value])
    }
}

/// When the holder of a session showed a second factor, as far as conditions may know.
fn second_factor(session: &Session) -> Option<Timestamp> {
    session.mfa_at.filter(|_| !matches!(session.holder, Holder::Role { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_tells() {
        let account = || std::sync::Arc::from("111111111111");
        let root = Caller::Root { account: account(), access_key_id: "AKIA".into() };
        let alice = Caller::User {
            account: account(),
            user_id: "AIDAALICE".into(),
            user_name: "alice".into(),
            arn: "arn:aws:iam::111111111111:user/team/alice".into(),
            access_key_id: "AKIA".into(),
        };
        let mut headers = HeaderMap::new();
        headers.insert("user-agent", http::HeaderValue::from_static("curl"));
        let check = |caller: &Caller, tls, key: &str, expected: Option<&str>| {
            let context = RequestContext {
                time: Timestamp::from_ms(1_700_000_000_123),
                region: Region::US_EAST_1,
                source_ip: "::ffff:192.0.2.7",
                tls,
                headers: &headers,
                query: "",
                input: None,
                more: &[("s3:versionid", "v")],
            };
            let request = AccessRequest { caller, action: "s3:GetObject", resource: "*", context: &context };
            let expected = expected.map(|value| vec![value.to_owned()]);
            assert_eq!(request.global_condition(key), expected, "{caller:?} {key}");
        };
        check(&root, None, "aws:currenttime", Some("2023-11-14T22:13:20Z"));
        check(&root, None, "aws:epochtime", Some("1700000000"));
        check(&root, None, "aws:securetransport", Some("false"));
        check(&root, Some("TLSv1.3"), "aws:securetransport", Some("true"));
        check(&root, None, "aws:sourceip", Some("192.0.2.7"));
        check(&root, None, "aws:requestedregion", Some("us-east-1"));
        check(&root, None, "aws:useragent", Some("curl"));
        check(&root, None, "aws:referer", None);
        check(&root, None, "aws:principaltype", Some("Account"));
        check(&root, None, "aws:principalarn", Some("arn:aws:iam::111111111111:root"));
        check(&root, None, "aws:userid", Some("111111111111"));
        check(&root, None, "aws:username", None);
        check(&alice, None, "aws:principaltype", Some("User"));
        check(&alice, None, "aws:principalarn", Some("arn:aws:iam::111111111111:user/team/alice"));
        check(&alice, None, "aws:principalaccount", Some("111111111111"));
        check(&alice, None, "aws:principalisawsservice", Some("false"));
        check(&alice, None, "aws:userid", Some("AIDAALICE"));
        check(&alice, None, "aws:username", Some("alice"));
        check(&alice, None, "aws:multifactorauthpresent", None);
        check(&alice, None, "s3:prefix", None);
        check(&alice, None, "s3:versionid", Some("v"));
        check(&Caller::Anonymous, None, "aws:principalarn", None);
        check(&Caller::Anonymous, None, "aws:principaltype", Some("Anonymous"));
    }
}
