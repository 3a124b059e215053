//! Evaluation: a request against policies. Source: IAM user guide, "Policy evaluation logic".
//!
//! This combines policies of one kind (all that are attached to a bucket, or to a user), read anew each time: slow, and easy to
//! believe. How the kinds combine, and fast, is [`crate::authorize`].

use std::collections::BTreeMap;

use crate::condition::Condition;
use crate::document::{Effect, OneOf, Policy, Statement};
use crate::pattern::Pattern;
use crate::principal::{Named, Principal, is_excepted};

/// What somebody asks to do.
pub struct Request<'a> {
    /// Who asks.
    pub principal: Principal<'a>,
    /// `s3:PutObject`.
    pub action: &'a str,
    /// The ARN of what it is done to; `*` for operations on nothing in particular.
    pub resource: &'a str,
    /// What is known of the request: the values of a condition key. It is asked in lower case (`aws:sourcearn`), because
    /// condition keys have no case; see [`Context`].
    pub context: &'a dyn Fn(&str) -> Option<Vec<String>>,
}

/// The condition keys of a request, by names of any case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context(BTreeMap<String, Vec<String>>);

impl Context {
    /// Nothing is known.
    pub fn new() -> Context {
        Context::default()
    }

    /// Sets a key to one value.
    #[must_use]
    pub fn with(self, key: &str, value: impl Into<String>) -> Context {
        self.with_all(key, vec![value.into()])
    }

    /// Sets a key to many values.
    #[must_use]
    pub fn with_all(mut self, key: &str, values: Vec<String>) -> Context {
        self.0.insert(key.to_lowercase(), values);
        self
    }

    /// The values of a key.
    pub fn get(&self, key: &str) -> Option<Vec<String>> {
        self.0.get(&key.to_lowercase()).cloned()
    }
}

/// What policies of one kind say. What all kinds say together is [`crate::Decision`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A statement allows it and none denies it.
    Allow(Because),
    /// A statement denies it.
    ExplicitDeny(Because),
    /// No statement speaks of it.
    ImplicitDeny,
}

/// The statement that decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Because {
    /// The policy's place among those that were given.
    pub policy: usize,
    /// The statement's place in the policy.
    pub statement: usize,
    /// Its `Sid`, if it has one.
    pub sid: Option<String>,
}

impl Said {
    /// Whether it is [`Said::Allow`].
    pub fn is_allow(&self) -> bool {
        matches!(self, Said::Allow(_))
    }
}

/// Decides: any denial wins, else any permission, else no. The first statement that decides is named.
pub fn evaluate(policies: &[&Policy], request: &Request<'_>) -> Said {
    decide(policies, request, Named::covers)
}

/// The same for the policy of a resource and somebody of the resource's own account: a permission for the account is one for its
/// root and leaves the others to their own policies; a denial for the account is one for all in it. Source: IAM user guide, "AWS JSON
/// policy elements: Principal", account principals.
pub fn evaluate_within_account(policy: &Policy, request: &Request<'_>) -> Said {
    decide(&[policy], request, Named::names)
}

/// Whether a principal of a statement that allows is one for who asks.
type Grants = fn(&Named, &Principal<'_>) -> bool;

fn decide(policies: &[&Policy], request: &Request<'_>, grants: Grants) -> Said {
    let mut allowed = None;
    for (policy_at, policy) in policies.iter().enumerate() {
        for (statement_at, statement) in policy.statements.iter().enumerate() {
            if statement.effect == Effect::Allow && allowed.is_some() || !applies(statement, request, grants) {
                continue;
            }
            let because = Because { policy: policy_at, statement: statement_at, sid: statement.sid.clone() };
            match statement.effect {
                Effect::Deny => return Said::ExplicitDeny(because),
                Effect::Allow => allowed = Some(because),
            }
        }
    }
    allowed.map_or(Said::ImplicitDeny, Said::Allow)
}

/// Whether a statement speaks of the request: all of its elements fit.
fn applies(statement: &Statement, request: &Request<'_>, grants: Grants) -> bool {
    let action = |pattern: &Pattern| pattern.matches_ignoring_case(request.action, &|_| None);
    let is_granted = match &statement.principals {
        Some(OneOf::Only(list)) if statement.effect == Effect::Allow => {
            list.iter().any(|named| grants(named, &request.principal))
        }
        _ => true,
    };
    is_granted
        && principal_fits(statement, &request.principal)
        && match &statement.actions {
            OneOf::Only(list) => list.iter().any(action),
            OneOf::AllBut(list) => !list.iter().any(action),
        }
        && holds(statement, request)
}

/// Whether resource and conditions fit.
pub(crate) fn holds(statement: &Statement, request: &Request<'_>) -> bool {
    let lookup = |key: &str| match (request.context)(&key.to_lowercase()) {
        // A variable has one value; a key with many cannot be one.
        Some(mut values) if values.len() == 1 => values.pop(),
        _ => None,
    };
    let effect = statement.effect;
    let resource = |pattern: &Pattern| pattern.matches(request.resource, &lookup);
    let fits = match &statement.resources {
        None => true,
        Some(OneOf::Only(list)) => list.iter().any(resource),
        // A missing variable must not widen what is allowed.
        Some(OneOf::AllBut(list)) => {
            let unresolved = effect == Effect::Allow && list.iter().any(|pattern| pattern.is_unresolved(&lookup));
            !unresolved && !list.iter().any(resource)
        }
    };
    let holds = |condition: &Condition| {
        let actual = (request.context)(condition.key());
        condition.holds(actual.as_deref(), &lookup, effect)
    };
    fits && statement.conditions.iter().all(holds)
}

/// Whether a statement's principals cover who asks.
pub(crate) fn principal_fits(statement: &Statement, who: &Principal<'_>) -> bool {
    let covered = |list: &[Named]| list.iter().any(|named| named.covers(who));
    match &statement.principals {
        None => true,
        Some(OneOf::Only(list)) => covered(list),
        // Either way the doubt is resolved to less access: whoever is left out in any sense is not allowed, and only who is
        // left out by every name is not denied.
        Some(OneOf::AllBut(list)) => match statement.effect {
            Effect::Allow => !covered(list),
            Effect::Deny => !is_excepted(list, who),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: Principal<'_> = Principal::User {
        account: "111111111111",
        arn: "arn:aws:iam::111111111111:user/alice",
        id: "AIDAALICEALICE11",
    };
    const ROLE: Principal<'_> = Principal::AssumedRole {
        account: "111111111111",
        role_arn: "arn:aws:iam::111111111111:role/r",
        role_id: "AROAROLEROLEROLE",
        session_arn: "arn:aws:sts::111111111111:assumed-role/r/s",
    };
    const TRAIL: Principal<'_> = Principal::Service { name: "cloudtrail.amazonaws.com" };
    const KEY: &str = "arn:aws:s3:::b/home/alice/x";

    /// `ALLOW`, `DENY` or `no`, and the Sid.
    fn decide(
        version: &str,
        statements: &str,
        who: &Principal<'_>,
        action: &str,
        resource: &str,
        context: &Context,
    ) -> String {
        let policy = Policy::parse(&format!(r#"{{{version}"Statement":[{statements}]}}"#))
            .unwrap_or_else(|e| panic!("{e}: {statements}"));
        let context = |key: &str| {
            assert_eq!(key, key.to_lowercase(), "keys are asked for in lower case");
            context.get(key)
        };
        let request = Request { principal: who.clone(), action, resource, context: &context };
        match evaluate(&[&policy], &request) {
            Said::Allow(because) => format!("ALLOW {}", because.sid.unwrap_or_default()),
            Said::ExplicitDeny(because) => format!("DENY {}", because.sid.unwrap_or_default()),
            Said::ImplicitDeny => "no".to_owned(),
        }
        .trim_end()
        .to_owned()
    }

    const NEW: &str = r#""Version":"2012-10-17","#;

    fn check(statements: &str, who: &Principal<'_>, expected: &str) {
        let context = Context::new().with("aws:username", "alice").with("star", "*");
        assert_eq!(decide(NEW, statements, who, "s3:GetObject", KEY, &context), expected, "{statements} {who:?}");
    }

    fn allow(principal: &str) -> String {
        format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}}"#)
    }

    #[test]
    fn a_principal_of_two_kinds() {
        let both = allow(r#"{"AWS":"arn:aws:iam::111111111111:user/alice","Service":"cloudtrail.amazonaws.com"}"#);
        check(&both, &ALICE, "ALLOW");
        check(&both, &TRAIL, "ALLOW");
        check(&both, &ROLE, "no");
    }

    #[test]
    fn an_account_covers_its_users_and_a_role_its_sessions() {
        for account in [r#"{"AWS":"111111111111"}"#, r#"{"AWS":["arn:aws:iam::111111111111:root"]}"#] {
            check(&allow(account), &ALICE, "ALLOW");
            check(&allow(account), &ROLE, "ALLOW");
            check(&allow(account), &TRAIL, "no");
        }
        check(&allow(r#"{"AWS":"222222222222"}"#), &ALICE, "no");
        check(&allow(r#"{"AWS":"arn:aws:iam::111111111111:role/r"}"#), &ROLE, "ALLOW");
    }

    #[test]
    fn within_an_account_a_permission_for_it_is_one_for_its_root_alone() {
        let root = Principal::Root { account: "111111111111" };
        let check = |effect: &str, principal: &str, who: &Principal<'_>, expected: &str| {
            let text = allow(principal).replace("Allow", effect);
            let policy = Policy::parse(&format!(r#"{{{NEW}"Statement":[{text}]}}"#)).unwrap();
            let request = Request { principal: who.clone(), action: "s3:GetObject", resource: KEY, context: &|_| None };
            let said = match evaluate_within_account(&policy, &request) {
                Said::Allow(_) => "ALLOW",
                Said::ExplicitDeny(_) => "DENY",
                Said::ImplicitDeny => "no",
            };
            assert_eq!(said, expected, "{effect} {principal} {who:?}");
        };
        let account = r#"{"AWS":"111111111111"}"#;
        check("Allow", account, &ALICE, "no");
        check("Allow", account, &ROLE, "no");
        check("Allow", account, &root, "ALLOW");
        check("Deny", account, &ALICE, "DENY");
        check("Deny", account, &root, "DENY");
        check("Allow", r#"{"AWS":"arn:aws:iam::111111111111:user/alice"}"#, &ALICE, "ALLOW");
        check("Allow", r#""*""#, &ALICE, "ALLOW");
        check("Allow", r#"{"Service":"cloudtrail.amazonaws.com"}"#, &TRAIL, "ALLOW");
    }

    #[test]
    fn the_anonymous_are_everyone_too() {
        check(&allow(r#""*""#), &Principal::Anonymous, "ALLOW");
        check(&allow(r#"{"AWS":"*"}"#), &Principal::Anonymous, "ALLOW");
        check(&allow(r#"{"AWS":"111111111111"}"#), &Principal::Anonymous, "no");
    }

    #[test]
    fn a_missing_variable_matches_nothing() {
        let to = |resource: &str| format!(r#"{{"Effect":"Allow","Action":"s3:*","Resource":"{resource}"}}"#);
        check(&to("arn:aws:s3:::b/home/${aws:username}/*"), &ALICE, "ALLOW");
        check(&to("arn:aws:s3:::b/home/${AWS:UserName}/*"), &ALICE, "ALLOW");
        check(&to("arn:aws:s3:::b/home/${aws:none}*"), &ALICE, "no");
        check(&to("arn:aws:s3:::b/home/alice/x${aws:none}"), &ALICE, "no");
        check(&to("arn:aws:s3:::b/home/${aws:none, 'alice'}/*"), &ALICE, "ALLOW");
        let but = r#"{"Effect":"Allow","Action":"s3:*","NotResource":"arn:aws:s3:::b/${aws:none}"}"#;
        check(but, &ALICE, "no");
        check(&format!("{},{}", to("*"), but.replace("Allow", "Deny")), &ALICE, "DENY");
    }

    #[test]
    fn the_value_of_a_variable_is_literal() {
        check(r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${star}"}"#, &ALICE, "no");
    }

    #[test]
    fn variables_in_conditions() {
        let with = |value: &str| {
            format!(
                r#"{{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{{"StringEquals":{{"aws:UserName":"{value}"}}}}}}"#
            )
        };
        check(&with("${aws:username}"), &ALICE, "ALLOW");
        check(&with("${aws:none}"), &ALICE, "no");
        check(&with("${star}"), &ALICE, "no");
    }

    #[test]
    fn resources_that_are_no_whole_arn() {
        let to = |resource: &str| format!(r#"{{"Effect":"Allow","Action":"s3:*","Resource":"{resource}"}}"#);
        let none = Context::new();
        assert_eq!(decide(NEW, &to("*"), &ALICE, "s3:ListAllMyBuckets", "*", &none), "ALLOW");
        assert_eq!(decide(NEW, &to("arn:aws:s3:*"), &ALICE, "s3:GetObject", KEY, &none), "ALLOW");
        assert_eq!(decide(NEW, &to("arn:aws:s3:::b"), &ALICE, "s3:ListAllMyBuckets", "*", &none), "no");
    }

    #[test]
    fn without_a_version_there_are_no_variables() {
        let statement = r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}"}"#;
        let context = Context::new().with("aws:username", "alice");
        let on = |version: &str, key: &str| decide(version, statement, &ALICE, "s3:GetObject", key, &context);
        for old in ["", r#""Version":"2008-10-17","#] {
            assert_eq!(on(old, "arn:aws:s3:::b/alice"), "no");
            assert_eq!(on(old, "arn:aws:s3:::b/${aws:username}"), "ALLOW");
        }
        assert_eq!(on(NEW, "arn:aws:s3:::b/alice"), "ALLOW");
    }

    #[test]
    fn operators_that_others_get_wrong() {
        let context = Context::new()
            .with("aws:SourceArn", "arn:aws:cloudtrail:eu-central-1:111111111111:trail/t")
            .with("aws:SecureTransport", "true")
            .with_all("sizes", vec!["20".into(), "5".into()]);
        for (condition, expected) in [
            (r#"{"ArnEquals":{"aws:SourceArn":"arn:aws:cloudtrail:*:111111111111:trail/*"}}"#, "ALLOW"),
            (r#"{"Bool":{"aws:SecureTransport":"true"}}"#, "ALLOW"),
            (r#"{"Bool":{"aws:SecureTransport":true}}"#, "ALLOW"),
            (r#"{"ForAnyValue:NumericLessThan":{"sizes":"10"}}"#, "ALLOW"),
            (r#"{"ForAllValues:NumericLessThan":{"sizes":"10"}}"#, "no"),
            (r#"{"ForAnyValue:StringEqualsIfExists":{"none":"x"}}"#, "ALLOW"),
            (r#"{"StringEquals":{"AWS:sourcearn":"arn:aws:cloudtrail:eu-central-1:111111111111:trail/t"}}"#, "ALLOW"),
            (r#"{"Bool":{"aws:SecureTransport":"true"},"Null":{"aws:SourceArn":"true"}}"#, "no"),
        ] {
            let statement = format!(r#"{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{condition}}}"#);
            assert_eq!(decide(NEW, &statement, &TRAIL, "s3:PutObject", KEY, &context), expected, "{condition}");
        }
    }

    #[test]
    fn denial_wins_and_is_named() {
        let allowed = r#"{"Sid":"A","Effect":"Allow","Action":"s3:*","Resource":"*"}"#;
        let denied = r#"{"Sid":"D","Effect":"Deny","Action":"s3:Get*","Resource":"*"}"#;
        check(&format!("{allowed},{denied}"), &ALICE, "DENY D");
        check(&format!("{denied},{allowed}"), &ALICE, "DENY D");
        check(allowed, &ALICE, "ALLOW A");
    }

    #[test]
    fn actions_have_no_case_and_resources_have() {
        check(r#"{"Effect":"Allow","Action":"S3:getobject","Resource":"*"}"#, &ALICE, "ALLOW");
        check(r#"{"Effect":"Allow","Action":"s3:G?tObject*","Resource":"*"}"#, &ALICE, "ALLOW");
        check(r#"{"Effect":"Allow","NotAction":["s3:get*"],"Resource":"*"}"#, &ALICE, "no");
        check(r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#, &ALICE, "ALLOW");
        check(r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::B/*"}"#, &ALICE, "no");
        check(r#"{"Effect":"Allow","Action":"s3:*","NotResource":"arn:aws:s3:::b/*"}"#, &ALICE, "no");
    }

    #[test]
    fn everyone_but() {
        let but = |effect: &str, list: &str| {
            format!(r#"{{"Effect":"{effect}","NotPrincipal":{{"AWS":[{list}]}},"Action":"s3:*","Resource":"*"}}"#)
        };
        let (account, alice) = (r#""111111111111""#, r#""arn:aws:iam::111111111111:user/alice""#);
        let both = format!("{account},{alice}");
        check(&but("Deny", &both), &ALICE, "no");
        check(&but("Deny", &both), &ROLE, "DENY");
        check(&but("Deny", alice), &ALICE, "DENY");
        check(&but("Allow", alice), &ALICE, "no");
        check(&but("Allow", account), &ALICE, "no");
        check(&but("Allow", alice), &ROLE, "ALLOW");
    }

    #[test]
    fn several_policies_decide_together() {
        let policy = |sid: &str, effect: &str| {
            let text = format!(r#"{{"Statement":{{"Sid":"{sid}","Effect":"{effect}","Action":"*","Resource":"*"}}}}"#);
            Policy::parse(&text).unwrap()
        };
        let (allow, deny) = (policy("a", "Allow"), policy("d", "Deny"));
        let request = Request { principal: ALICE, action: "s3:GetObject", resource: KEY, context: &|_| None };
        let because = |policy, sid: &str| Because { policy, statement: 0, sid: Some(sid.to_owned()) };
        assert_eq!(evaluate(&[&allow, &deny], &request), Said::ExplicitDeny(because(1, "d")));
        assert_eq!(evaluate(&[&allow, &allow], &request), Said::Allow(because(0, "a")));
        assert_eq!(evaluate(&[], &request), Said::ImplicitDeny);
    }

    #[test]
    fn the_policy_that_cloudtrail_asks_for() {
        let statements = r#"
            {"Sid":"AWSCloudTrailAclCheck20150319","Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},
             "Action":"s3:GetBucketAcl","Resource":"arn:aws:s3:::b",
             "Condition":{"StringEquals":{"aws:SourceArn":"arn:aws:cloudtrail:us-east-1:111111111111:trail/t"}}},
            {"Sid":"AWSCloudTrailWrite20150319","Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},
             "Action":"s3:PutObject","Resource":"arn:aws:s3:::b/AWSLogs/111111111111/*",
             "Condition":{"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control",
                                          "aws:SourceArn":"arn:aws:cloudtrail:us-east-1:111111111111:trail/t"}}}"#;
        let trail = |name: &str| {
            Context::new()
                .with("aws:SourceArn", format!("arn:aws:cloudtrail:us-east-1:111111111111:trail/{name}"))
                .with("s3:x-amz-acl", "bucket-owner-full-control")
        };
        let put = |key: &str, name: &str| decide(NEW, statements, &TRAIL, "s3:PutObject", key, &trail(name));
        assert_eq!(put("arn:aws:s3:::b/AWSLogs/111111111111/CloudTrail/x", "t"), "ALLOW AWSCloudTrailWrite20150319");
        assert_eq!(put("arn:aws:s3:::b/AWSLogs/111111111111/CloudTrail/x", "other"), "no");
        assert_eq!(put("arn:aws:s3:::b/AWSLogs/222222222222/x", "t"), "no");
        assert_eq!(
            decide(NEW, statements, &TRAIL, "s3:GetBucketAcl", "arn:aws:s3:::b", &trail("t")),
            "ALLOW AWSCloudTrailAclCheck20150319"
        );
        assert_eq!(decide(NEW, statements, &ALICE, "s3:GetBucketAcl", "arn:aws:s3:::b", &trail("t")), "no");
    }
}
