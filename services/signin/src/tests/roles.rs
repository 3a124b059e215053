//! Roles taken on and left.

use ports::PageIdentity;

use super::world::{ACCOUNT, OTHER, World};
use crate::SIGN_IN;

const SWITCH: &str = "/.cairn/switchrole";
const FROM: &str = "SwitchFrom=arn:aws:iam::111122223333:user/alice";
const TO: &str = "RedirectTo=http://cairn.example:4566/.cairn/signin";

async fn switch(world: &World, account: &str, role: &str, display: &str) -> super::world::Answer {
    let csrf = world.get(SWITCH).await.hidden("csrf");
    let fields = [("csrf", &*csrf), ("account", account), ("roleName", role), ("displayName", display)];
    world.post(SWITCH, &fields).await
}

#[tokio::test]
async fn who_is_not_signed_in_does_that_first() {
    let world = World::new();
    let answer = world.get("/.cairn/switchrole?account=444455556666&roleName=admin").await;
    let place = answer.headers["location"].clone();
    assert_eq!(place, "/.cairn/signin?destination=%2F.cairn%2Fswitchrole%3Faccount%3D444455556666%26roleName%3Dadmin");
    let form = world.get(&place).await;
    let destination = form.hidden("destination").replace("&amp;", "&");
    let more = [("destination", destination.as_str())];
    let answer = world.sign_in(ACCOUNT, "alice", super::world::RIGHT, &more).await;
    let place = answer.headers["location"].clone();
    let page = world.get(&place).await;
    assert!(page.body.contains(r#"name="roleName" value="admin""#), "{}", page.body);
}

#[tokio::test]
async fn a_role_is_taken_on_and_left() {
    let world = World::new();
    world.alice().await;
    let answer = switch(&world, OTHER, "admin", "Prod <1>").await;
    assert_eq!(answer.told(), [format!("SwitchRole Success {FROM} {TO} DisplayName=Prod <1>")]);
    assert_eq!(answer.begun.unwrap().is_success, None);
    assert_eq!(answer.events[0].account.as_deref(), Some(OTHER));
    let PageIdentity::Switched(session) = &answer.events[0].identity else { panic!() };
    assert_eq!(session.arn(), "arn:aws:sts::444455556666:assumed-role/admin/alice");
    let home = world.get(SIGN_IN).await;
    assert!(home.body.contains("Prod &lt;1&gt; · arn:aws:iam::444455556666:role/admin"), "{}", home.body);
    world.headers.lock().unwrap().insert("x-cairn-console", "1".parse().unwrap());
    assert!(world.post("/.cairn/credentials", &[]).await.body.contains("assumed-role/admin/alice"));
    let csrf = world.csrf().await;
    let answer = world.post("/.cairn/exitrole", &[("csrf", &csrf)]).await;
    let from = "SwitchFrom=arn:aws:sts::444455556666:assumed-role/admin/alice";
    assert_eq!(answer.told(), [format!("ExitRole Success {from} {TO} DisplayName=Prod <1>")]);
    assert!(world.post("/.cairn/credentials", &[]).await.body.contains("user/alice"));
}

#[tokio::test]
async fn a_role_that_may_not_be_taken_on_is_told_to_the_own_account() {
    let world = World::new();
    world.alice().await;
    let answer = switch(&world, OTHER, "other", "").await;
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("Invalid information in one or more fields."), "{}", answer.body);
    assert_eq!(answer.told(), [format!("SwitchRole Failure (not authorized to perform: sts:AssumeRole) {FROM} {TO}")]);
    assert_eq!(answer.events[0].account.as_deref(), Some(ACCOUNT));
    for (account, role) in [("999999999999", "admin"), (OTHER, ""), (OTHER, "a b"), (OTHER, "<script>")] {
        let answer = switch(&world, account, role, "").await;
        assert_eq!((answer.status, answer.events.len()), (403, 0), "{account} {role}");
        assert!(!answer.body.contains("<script>"));
    }
}

#[tokio::test]
async fn a_roles_session_begins_again_when_it_ends() {
    let world = World::new();
    world.alice().await;
    switch(&world, OTHER, "admin", "").await;
    world.headers.lock().unwrap().insert("x-cairn-console", "1".parse().unwrap());
    world.clock.advance_ms(54 * 60_000);
    assert_eq!(world.post("/.cairn/credentials", &[]).await.events.len(), 0);
    world.clock.advance_ms(60_000);
    let answer = world.post("/.cairn/credentials", &[]).await;
    assert_eq!(answer.told(), [format!("RenewRole Success {FROM} {TO}")]);
    let given = world.others.given.lock().unwrap().pop().unwrap();
    assert_eq!(given.expires.since_ms(world.now()), 3_600_000);
    assert_eq!(world.post("/.cairn/credentials", &[]).await.events.len(), 0);
}
