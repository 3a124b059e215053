//! Who may use a key: by its policy alone, by its policy and theirs, by a grant.

use super::*;

const ACCOUNT: &str = "111111111111";
const ARN: &str = "arn:aws:kms:us-east-1:111111111111:key/k";

fn user(name: &str) -> Caller {
    Caller::User {
        account: ACCOUNT.into(),
        user_id: format!("AIDA{name}").as_str().into(),
        user_name: name.into(),
        arn: format!("arn:aws:iam::{ACCOUNT}:user/{name}").as_str().into(),
        access_key_id: "AKIA".into(),
    }
}

fn root() -> Caller {
    Caller::Root { account: ACCOUNT.into(), access_key_id: "AKIA".into() }
}

fn grant(grantee: &str, operations: &[&str], constraints: Option<Constraints>) -> Grant {
    Grant {
        v: 1,
        id: "g".to_owned(),
        region: "us-east-1".to_owned(),
        key_id: "k".to_owned(),
        name: None,
        created: base::Timestamp::EPOCH,
        grantee: grantee.to_owned(),
        retiring: None,
        issuer: ACCOUNT.to_owned(),
        operations: operations.iter().map(|text| (*text).to_owned()).collect(),
        constraints,
    }
}

fn context(pairs: &[(&str, &str)]) -> EncryptionContext {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn statement(effect: &str, principal: &str, action: &str, condition: &str) -> String {
    format!(
        r#"{{"Effect":"{effect}","Principal":{principal},"Action":"{action}","Resource":"*","Condition":{{{condition}}}}}"#
    )
}

fn set(statements: &[String]) -> PolicySet {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","));
    PolicySet::new([(ARN.to_owned(), parse_key_policy(&text).unwrap())])
}

#[test]
fn the_keys_policy_must_allow_and_may_leave_it_to_the_account() {
    let alice = r#"{"AWS":"arn:aws:iam::111111111111:user/alice"}"#;
    let account = r#"{"AWS":"arn:aws:iam::111111111111:root"}"#;
    let by_name = set(&[statement("Allow", alice, "kms:Decrypt", "")]);
    let by_account = set(&[statement("Allow", account, "kms:*", "")]);
    let denied = set(&[statement("Allow", account, "kms:*", ""), statement("Deny", alice, "kms:Decrypt", "")]);
    let via = r#""StringEquals":{"kms:ViaService":"s3.us-east-1.amazonaws.com"}"#;
    let through_s3 = set(&[statement("Allow", r#"{"AWS":"*"}"#, "kms:Decrypt", via)]);
    let granted = grant("arn:aws:iam::111111111111:user/alice", &["Decrypt"], None);
    let granted = decider(&granted);
    let (no, yes) = (&PolicySet::empty(), &PolicySet::everything());
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"kms:*","Resource":"*"}]}"#;
    let deny = &PolicySet::new([("deny".to_owned(), Policy::parse(text).unwrap())]);
    let check = |policies: &PolicySet, caller: &Caller, identity, granted: Option<&Decider>, via: &str, expected| {
        let conditions = Conditions::new().with("kms:ViaService", via);
        let decision = caller.as_principal(|principal| {
            let look = |key: &str| conditions.get(key).cloned();
            let asked = Asked { principal, action: "kms:Decrypt", arn: ARN, owner: ACCOUNT, conditions: &look };
            decide(identity, policies, granted, &asked)
        });
        assert_eq!(decision.as_ref().is_some_and(Decision::is_allow), expected, "{caller:?} {decision:?}");
    };
    let empty = set(&[statement("Allow", alice, "kms:Encrypt", "")]);
    let (alice, bob) = (user("alice"), user("bob"));
    check(&by_name, &alice, no, None, "", true);
    check(&by_name, &alice, deny, None, "", false);
    check(&by_name, &bob, yes, None, "", false);
    check(&by_name, &root(), yes, None, "", false);
    check(&by_account, &alice, yes, None, "", true);
    check(&by_account, &alice, no, None, "", false);
    check(&by_account, &root(), yes, None, "", true);
    check(&denied, &alice, yes, None, "", false);
    check(&denied, &alice, yes, Some(&granted), "", false);
    check(&denied, &bob, yes, None, "", true);
    check(&through_s3, &bob, no, None, "s3.us-east-1.amazonaws.com", true);
    check(&through_s3, &bob, yes, None, "s3.eu-west-1.amazonaws.com", false);
    check(&empty, &alice, yes, None, "", false);
    check(&empty, &alice, no, Some(&granted), "", true);
    check(&empty, &alice, deny, Some(&granted), "", false);
}

#[test]
fn grants_are_for_their_grantee_operations_and_contexts() {
    let alice = "arn:aws:iam::111111111111:user/alice";
    let subset = Constraints { encryption_context_subset: Some(context(&[("a", "1")])), ..Constraints::default() };
    let equals = Constraints { encryption_context_equals: Some(context(&[("a", "1")])), ..Constraints::default() };
    let check = |grant: &Grant, who: &str, operation: &str, given: Option<&[(&str, &str)]>, expected: bool| {
        let given = given.map(context);
        let found = granting([grant].into_iter(), &[who.to_owned()], operation, given.as_ref());
        assert_eq!(found.is_some(), expected, "{who} {operation} {given:?}");
    };
    let plain = grant(alice, &["Decrypt", "DescribeKey"], None);
    check(&plain, alice, "Decrypt", None, true);
    check(&plain, alice, "Encrypt", None, false);
    check(&plain, "arn:aws:iam::111111111111:user/bob", "Decrypt", None, false);
    let subset = grant(alice, &["Decrypt", "DescribeKey"], Some(subset));
    check(&subset, alice, "Decrypt", Some(&[("a", "1"), ("b", "2")]), true);
    check(&subset, alice, "Decrypt", Some(&[("a", "2")]), false);
    check(&subset, alice, "Decrypt", Some(&[]), false);
    check(&subset, alice, "DescribeKey", None, true);
    let equals = grant(alice, &["Decrypt"], Some(equals));
    check(&equals, alice, "Decrypt", Some(&[("a", "1")]), true);
    check(&equals, alice, "Decrypt", Some(&[("a", "1"), ("b", "2")]), false);
    assert!(is_within(&equals, &plain) && is_within(&equals, &subset) && is_within(&subset, &subset));
    assert!(!is_within(&plain, &equals) && !is_within(&plain, &subset));
    assert!(!is_within(&grant(alice, &["Encrypt"], None), &plain));
}

#[test]
fn policies_that_cannot_be_are_refused() {
    let check = |text: &str, expected: &str| {
        let error = parse_key_policy(text).err();
        assert_eq!(error.map(|error| error.to_string()).unwrap_or_default(), expected, "{text}");
    };
    check(&default_policy("aws", ACCOUNT), "");
    check("no", "The policy document is not valid JSON.");
    let of = |principal: &str, action: &str| {
        format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statement("Allow", principal, action, ""))
    };
    check(&of(r#"{"AWS":"alice"}"#, "kms:*"), INVALID_PRINCIPALS);
    check(&of("\"*\"", "s3:GetObject"), "Policy contains a statement with one or more invalid actions.");
    check(&of("\"*\"", "*"), "");
}

#[test]
fn nobody_locks_themselves_out() {
    let lockout = |principal: &str, action: &str, caller: &Caller| {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statement("Allow", principal, action, ""));
        check_lockout(parse_key_policy(&text).unwrap(), caller, ARN, ACCOUNT).is_err()
    };
    let account = r#"{"AWS":"111111111111"}"#;
    let alice = r#"{"AWS":"arn:aws:iam::111111111111:user/alice"}"#;
    assert!(!lockout(account, "kms:*", &root()));
    assert!(!lockout(account, "kms:*", &user("alice")));
    assert!(!lockout(alice, "kms:Put*", &user("alice")));
    assert!(lockout(alice, "kms:*", &user("bob")));
    assert!(lockout(alice, "kms:*", &root()));
    assert!(lockout(account, "kms:Decrypt", &root()));
}
