//! Names, passwords, codes, and other passwords.

use ports::{Holder, PageIdentity};

use super::world::{ACCOUNT, CODE, OTHER, PHONE, RIGHT, World};
use crate::SIGN_IN;

const TO: &str = "LoginTo=http://cairn.example:4566/.cairn/signin MobileVersion=No";

#[tokio::test]
async fn a_right_password_signs_in() {
    let world = World::new();
    for (account, user) in [(ACCOUNT, "alice"), ("acme", "ALICE")] {
        let answer = world.sign_in(account, user, RIGHT, &[]).await;
        assert_eq!((answer.status, &*answer.headers["location"]), (303, SIGN_IN));
        assert_eq!(answer.told(), [format!("ConsoleLogin Success {TO} MFAUsed=No")]);
        let PageIdentity::User { account, name, .. } = &answer.events[0].identity else { panic!() };
        assert_eq!((&**account, &**name), (ACCOUNT, "alice"));
        assert_eq!(answer.events[0].account.as_deref(), Some(ACCOUNT));
        let home = world.get(SIGN_IN).await;
        assert!(home.body.contains("You are signed in") && home.body.contains("not used"), "{}", home.body);
        let csrf = home.hidden("csrf");
        assert_eq!(world.post("/.cairn/signout", &[("csrf", &csrf)]).await.status, 303);
        assert!(!world.get(SIGN_IN).await.body.contains("You are signed in"));
    }
}

#[tokio::test]
async fn what_is_wrong_has_one_answer_and_the_records_tell() {
    let hidden = |world: &World| world.others.hashes.lock().unwrap().to_owned();
    let check = async |account: &str, user: &str, more: &[(&str, &str)], event: &str, whose: Option<&str>| {
        let world = World::new();
        let answer = world.sign_in(account, user, "wrong", more).await;
        assert_eq!((answer.status, answer.is_failure), (401, true), "{user}");
        assert!(answer.body.contains("Your authentication information is incorrect."), "{}", answer.body);
        assert_eq!(answer.told(), [format!("ConsoleLogin Failure ({event}) {TO} MFAUsed=No")]);
        assert_eq!(answer.events[0].account.as_deref(), whose);
        assert_eq!(hidden(&world), 1, "every answer takes one hash");
        assert!(world.cookie("cairn-session").is_none());
        answer.events[0].identity.clone()
    };
    let root: &[_] = &[("kind", "root")];
    let known = check(ACCOUNT, "alice", &[], "Failed authentication", Some(ACCOUNT)).await;
    assert!(matches!(known, PageIdentity::Claimed { user: Some(_), .. }));
    let unknown = check(ACCOUNT, "mallory", &[], "No username found in supplied account", Some(ACCOUNT)).await;
    assert!(matches!(unknown, PageIdentity::Claimed { user: None, .. }));
    assert!(matches!(
        check(ACCOUNT, "", root, "Failed authentication", Some(ACCOUNT)).await,
        PageIdentity::Root { .. }
    ));
    assert_eq!(check("000000000000", "alice", &[], "Failed authentication", None).await, PageIdentity::Nobody);
    check(OTHER, "alice", &[], "No username found in supplied account", Some(OTHER)).await;
}

#[tokio::test]
async fn root_signs_in_with_its_number_or_its_address() {
    for account in [ACCOUNT, "root@example.com"] {
        let world = World::new();
        let answer = world.sign_in(account, "", "root-password", &[("kind", "root")]).await;
        assert_eq!(answer.told(), [format!("ConsoleLogin Success {TO} MFAUsed=No")]);
        assert_eq!(answer.events[0].identity, PageIdentity::Root { account: ACCOUNT.into() });
    }
}

#[tokio::test]
async fn a_phones_code_is_wanted_of_who_has_one() {
    let world = World::new();
    world.others.phones.lock().unwrap().push("AIDAALICE".to_owned());
    let answer = world.sign_in(ACCOUNT, "alice", RIGHT, &[]).await;
    assert_eq!((answer.status, answer.told()), (200, vec!["CheckMfa Success MfaType=Virtual MFA".to_owned()]));
    let pending = world.cookie("cairn-session").unwrap();
    let page = world.get(SIGN_IN).await;
    assert!(page.body.contains("Code of your MFA device"), "{}", page.body);
    let csrf = page.hidden("csrf");
    let code = async |code: &str| world.post(SIGN_IN, &[("step", "code"), ("csrf", &csrf), ("code", code)]).await;
    for wrong in ["654321", "12345", "", "abcdef"] {
        let answer = code(wrong).await;
        assert_eq!(answer.told(), [format!("ConsoleLogin Failure (Failed authentication) {TO} MFAUsed=Yes")]);
        assert_eq!((answer.status, answer.is_failure), (401, true));
    }
    assert_eq!(world.cookie("cairn-session").as_deref(), Some(&*pending));
    let answer = code(CODE).await;
    assert_eq!(answer.told(), [format!("ConsoleLogin Success {TO} MFAIdentifier={PHONE} MFAUsed=Yes")]);
    let signed_in = world.cookie("cairn-session").unwrap();
    assert_ne!(signed_in, pending, "each step has a token of its own");
    world.set_cookie("cairn-session", &pending);
    assert!(world.get(SIGN_IN).await.body.contains("Sign in as root"), "the one before is good for nothing");
}

#[tokio::test]
async fn a_code_may_come_with_the_password() {
    let world = World::new();
    world.others.phones.lock().unwrap().extend(["AIDAALICE".to_owned(), String::new()]);
    let answer = world.sign_in(ACCOUNT, "alice", RIGHT, &[("code", "000000")]).await;
    let names: Vec<_> = answer.events.iter().map(|event| (event.name, event.is_success)).collect();
    assert_eq!(names, [("CheckMfa", Some(true)), ("ConsoleLogin", Some(false))]);
    let csrf = answer.hidden("csrf");
    let answer = world.post(SIGN_IN, &[("step", "code"), ("csrf", &csrf), ("code", CODE)]).await;
    assert_eq!(answer.status, 303);
    for (user, password, kind) in [("alice", RIGHT, "user"), ("", "root-password", "root")] {
        let world = World::over(state::Memory::new(), world.others.clone());
        let answer = world.sign_in(ACCOUNT, user, password, &[("code", CODE), ("kind", kind)]).await;
        let names: Vec<_> = answer.events.iter().map(|event| (event.name, event.is_success)).collect();
        assert_eq!(names, [("CheckMfa", Some(true)), ("ConsoleLogin", Some(true))]);
    }
}

#[tokio::test]
async fn another_password_is_chosen_where_it_must_be() {
    let world = World::new();
    *world.others.must_change.lock().unwrap() = true;
    world.others.phones.lock().unwrap().push("AIDAALICE".to_owned());
    let answer = world.sign_in(ACCOUNT, "alice", RIGHT, &[("code", CODE)]).await;
    assert_eq!((answer.status, answer.events.len()), (200, 1));
    assert!(answer.body.contains("You must change your password"), "{}", answer.body);
    // Nothing else is open meanwhile.
    world.headers.lock().unwrap().insert("x-cairn-console", "1".parse().unwrap());
    assert_eq!(world.post("/.cairn/credentials", &[]).await.status, 401);
    assert_eq!(world.get("/.cairn/switchrole").await.status, 303);
    let csrf = answer.hidden("csrf");
    let change = async |old: &str, new: &str, again: &str| {
        let fields = [("step", "new-password"), ("csrf", &*csrf), ("old", old), ("new", new), ("again", again)];
        world.post(SIGN_IN, &fields).await
    };
    assert!(change(RIGHT, "New-Password-1", "other").await.body.contains("differ"));
    assert!(change(RIGHT, RIGHT, RIGHT).await.body.contains("must differ"));
    let answer = change("wrong", "New-Password-1", "New-Password-1").await;
    assert_eq!(answer.told(), ["PasswordUpdated Failure (The old password is incorrect.)"]);
    assert_eq!(answer.begun.map(|event| (event.name, event.is_success)), Some(("PasswordUpdated", None)));
    let answer = change(RIGHT, "short", "short").await;
    assert!(answer.body.contains("minimum length of 8"), "{}", answer.body);
    let answer = change(RIGHT, "New-Password-1", "New-Password-1").await;
    let login = format!("ConsoleLogin Success {TO} MFAIdentifier={PHONE} MFAUsed=Yes");
    assert_eq!(answer.told(), ["PasswordUpdated Success", &*login]);
    assert_eq!(answer.status, 303);
    assert!(world.get(SIGN_IN).await.body.contains("<dt>MFA</dt><dd>used</dd>"));
}

#[tokio::test]
async fn an_expired_password_that_only_others_may_change_lets_nobody_in() {
    let world = World::new();
    *world.others.is_dead.lock().unwrap() = true;
    let answer = world.sign_in(ACCOUNT, "alice", RIGHT, &[]).await;
    assert!(answer.body.contains("Ask your administrator"), "{}", answer.body);
    assert_eq!(answer.told(), [format!("ConsoleLogin Failure (Failed authentication) {TO} MFAUsed=No")]);
}

#[tokio::test]
async fn who_guesses_too_often_is_not_told_when_right() {
    let world = World::new();
    for _ in 0..20 {
        assert_eq!(world.sign_in(ACCOUNT, "alice", "wrong", &[]).await.status, 401);
    }
    let answer = world.sign_in(ACCOUNT, "alice", RIGHT, &[]).await;
    assert!(answer.body.contains("Your authentication information is incorrect."));
    assert_eq!(answer.told(), [format!("ConsoleLogin Failure (Failed authentication) {TO} MFAUsed=No")]);
    assert_eq!(*world.others.hashes.lock().unwrap(), 21, "it takes as long");
    world.clock.advance_ms(15_000);
    world.alice().await;
}

#[tokio::test]
async fn wrong_codes_count_as_guesses() {
    let world = World::new();
    world.others.phones.lock().unwrap().push("AIDAALICE".to_owned());
    let csrf = world.sign_in(ACCOUNT, "alice", RIGHT, &[]).await.hidden("csrf");
    let code = async |code: &str| world.post(SIGN_IN, &[("step", "code"), ("csrf", &csrf), ("code", code)]).await;
    for _ in 0..20 {
        assert_eq!(code("000000").await.status, 401);
    }
    assert_eq!(code(CODE).await.status, 401);
    assert_eq!(*world.others.used_codes.lock().unwrap(), 0);
}

#[tokio::test]
async fn being_signed_in_ends() {
    let world = World::new();
    world.alice().await;
    world.clock.advance_ms(12 * 3_600_000 - 1_000);
    assert!(world.get(SIGN_IN).await.body.contains("You are signed in"));
    world.clock.advance_ms(1_000);
    assert!(!world.get(SIGN_IN).await.body.contains("You are signed in"));
    assert_eq!(world.sign_in.sweep(world.now()).await.unwrap(), 0);
    world.clock.advance_ms(1_000);
    assert_eq!(world.sign_in.sweep(world.now()).await.unwrap(), 1);
}

#[tokio::test]
async fn it_ends_with_the_user_and_outlives_the_server() {
    let state = state::Memory::new();
    let world = World::over(state.clone(), std::sync::Arc::default());
    world.alice().await;
    let again = World::over(state, world.others.clone());
    again.set_cookie("cairn-session", &world.cookie("cairn-session").unwrap());
    assert!(again.get(SIGN_IN).await.body.contains("You are signed in"));
    world.others.gone.lock().unwrap().push("alice".to_owned());
    assert!(!again.get(SIGN_IN).await.body.contains("You are signed in"));
}

#[tokio::test]
async fn a_page_of_this_origin_gets_credentials() {
    let world = World::new();
    world.others.phones.lock().unwrap().push("AIDAALICE".to_owned());
    world.sign_in(ACCOUNT, "alice", RIGHT, &[("code", CODE)]).await;
    assert_eq!(world.post("/.cairn/credentials", &[]).await.status, 403);
    world.headers.lock().unwrap().insert("x-cairn-console", "1".parse().unwrap());
    let answer = world.post("/.cairn/credentials", &[]).await;
    assert_eq!((answer.status, answer.events.len()), (200, 0));
    for expected in [
        r#""accessKeyId":"ASIA1""#,
        r#""mfa":true"#,
        r#""arn":"arn:aws:iam::111122223333:user/alice""#,
        r#""expiration":"2023-11-14T23:13:20Z""#,
    ] {
        assert!(answer.body.contains(expected), "{}", answer.body);
    }
    let given = world.others.given.lock().unwrap().pop().unwrap();
    assert!(given.is_console && given.mfa_at.is_some() && matches!(given.holder, Holder::User { .. }));
    // Not for longer than somebody is signed in.
    world.clock.advance_ms(12 * 3_600_000 - 60_000);
    world.post("/.cairn/credentials", &[]).await;
    let given = world.others.given.lock().unwrap().pop().unwrap();
    assert_eq!(given.expires.since_ms(world.now()), 60_000);
}
