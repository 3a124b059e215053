//! What is known of a request besides who asks for what: what the conditions of policies are held against. Source: IAM user guide,
//! "AWS global condition context keys".

use std::fmt;
use std::net::IpAddr;

use base::{Region, Timestamp};
use http::HeaderMap;

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
    /// Condition keys (lower case) whose values the request as a whole does not tell: those of one object among many.
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
    /// The value of a condition key that was given besides the request.
    pub fn given(&self, key: &str) -> Option<&'a str> {
        self.more.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }
}

impl AccessRequest<'_> {
    /// The values of a global condition key (in lower case: `aws:sourceip`), and of any key that was given besides the request. `None`
    /// for keys that the request does not have and for others of a service.
    pub fn global_condition(&self, key: &str) -> Option<Vec<String>> {
        let context = self.context;
        if let Some(value) = context.given(key) {
            return Some(vec![value.to_owned()]);
        }
        let header = |name: &str| context.headers.get(name)?.to_str().ok().map(str::to_owned);
        let value = match key.strip_prefix("aws:")? {
            "currenttime" => context.time.iso8601_secs(),
            "epochtime" => context.time.secs().to_string(),
            "principalaccount" => self.caller.account()?.to_string(),
            "principalarn" => self.caller.arn()?,
            "principalisawsservice" => matches!(self.caller, Caller::Service { .. }).to_string(),
            "principaltype" => match self.caller {
                Caller::Root { .. } => "Account".to_owned(),
                Caller::User { .. } => "User".to_owned(),
                Caller::Anonymous => "Anonymous".to_owned(),
                Caller::Service { .. } | Caller::Unknown { .. } => return None,
            },
            "referer" => header("referer")?,
            "requestedregion" => context.region.to_string(),
            "securetransport" => context.tls.is_some().to_string(),
            "sourceip" => context.source_ip.parse::<IpAddr>().ok()?.to_canonical().to_string(),
            "useragent" => header("user-agent")?,
            "userid" => self.caller.principal_id()?.to_owned(),
            "username" => match self.caller {
                Caller::User { user_name, .. } => user_name.to_string(),
                _ => return None,
            },
            "viaawsservice" => "false".to_owned(),
            _ => return None,
        };
        Some(vec![value])
    }
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
