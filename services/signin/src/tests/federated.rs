//! The federation endpoint.

use ports::{Holder, PageIdentity, Session};

use super::world::{Answer, OTHER, World, role_session};
use crate::SIGN_IN;

const SHOWN: &str = r#"{"sessionId":"ASIAFED","sessionKey":"key","sessionToken":"tok"}"#;

async fn token(world: &World, shown: &str, secs: &str) -> Answer {
    let query: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("Action", "getSigninToken")
        .append_pair("SessionDuration", secs)
        .append_pair("Session", shown)
        .finish();
    world.get(&format!("/.cairn/federation?{query}")).await
}

fn text(answer: &Answer) -> String {
    answer.body.split('"').nth(3).unwrap().to_owned()
}

#[tokio::test]
async fn credentials_become_a_token_and_a_token_signs_in_once() {
    let world = World::new();
    let session = role_session(world.now(), "admin", "bob");
    world.keep_credentials(session.clone());
    let answer = token(&world, SHOWN, "7200").await;
    assert_eq!(answer.told(), ["GetSigninToken Success MobileVersion=No MFAUsed=No"]);
    assert_eq!(answer.events[0].account.as_deref(), Some(OTHER));
    let link = format!("/.cairn/federation?Action=login&Issuer=x&SigninToken={}&Destination=", text(&answer));
    // The token itself signs nobody in.
    world.set_cookie("cairn-session", &text(&answer));
    assert!(!world.get(SIGN_IN).await.body.contains("You are signed in"));
    world.clock.advance_ms(60_000);
    let answer = world.get(&format!("{link}http%3A%2F%2Fcairn.example%3A4566%2Fx%3Fa%26b")).await;
    assert_eq!(
        answer.told(),
        ["ConsoleLogin Success LoginTo=http://cairn.example:4566/x?a&b MobileVersion=No MFAUsed=No"]
    );
    assert!(answer.body.contains(r#"<meta http-equiv="refresh" content="0;url=/x?a&amp;b">"#), "{}", answer.body);
    let PageIdentity::Session(who) = &answer.events[0].identity else { panic!() };
    assert_eq!(who.arn(), session.arn());
    assert!(world.get(SIGN_IN).await.body.contains("admin/bob"));
    let answer = world.get(&link).await;
    assert_eq!((answer.status, answer.is_failure, answer.events[0].is_success), (400, true, Some(false)));
    world.headers.lock().unwrap().insert("x-cairn-console", "1".parse().unwrap());
    world.clock.advance_ms(2 * 3_600_000 - 30_000);
    world.post("/.cairn/credentials", &[]).await;
    let given = world.others.given.lock().unwrap().pop().unwrap();
    assert_eq!((given.expires.since_ms(world.now()), given.created), (30_000, session.created));
    world.clock.advance_ms(30_000);
    assert_eq!(world.post("/.cairn/credentials", &[]).await.status, 401);
}

#[tokio::test]
async fn without_a_duration_it_lasts_as_long_as_the_credentials() {
    let world = World::new();
    world.keep_credentials(role_session(world.now(), "admin", "bob"));
    let token = text(&token(&world, SHOWN, "").await);
    world.get(&format!("/.cairn/federation?Action=login&SigninToken={token}")).await;
    world.clock.advance_ms(3_600_000 - 1_000);
    assert!(world.get(SIGN_IN).await.body.contains("You are signed in"));
    world.clock.advance_ms(1_000);
    assert!(!world.get(SIGN_IN).await.body.contains("You are signed in"));
}

#[tokio::test]
async fn a_token_is_good_for_a_quarter_of_an_hour() {
    let world = World::new();
    world.keep_credentials(role_session(world.now(), "admin", "bob"));
    let token = text(&token(&world, SHOWN, "").await);
    world.clock.advance_ms(15 * 60_000);
    let answer = world.get(&format!("/.cairn/federation?Action=login&SigninToken={token}")).await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn what_is_no_temporary_credential_is_refused() {
    let world = World::new();
    let now = world.now();
    let wrong = [
        SHOWN.replace("key\"}", "other").replace(":\"key\"", ":\"wrong\""),
        SHOWN.replace("\"tok\"", "\"wrong\""),
        SHOWN.replace("\"tok\"", "\"\""),
        SHOWN.replace("ASIAFED", "ASIAOTHER"),
    ];
    world.keep_credentials(role_session(now, "admin", "bob"));
    for shown in wrong {
        let answer = token(&world, &shown, "").await;
        assert_eq!((answer.status, answer.is_failure), (400, true), "{shown}");
        assert_eq!(answer.told(), ["GetSigninToken Failure (Failed authentication) MobileVersion=No MFAUsed=No"]);
        assert_eq!(answer.events[0].identity, PageIdentity::Nobody);
    }
    for shown in ["", "{}", "[]", "{\"sessionId\":1}"] {
        assert_eq!(token(&world, shown, "").await.events.len(), 0, "{shown}");
    }
    for secs in ["899", "43201", "x", "7201"] {
        let answer = token(&world, SHOWN, secs).await;
        assert_eq!((answer.status, answer.events[0].is_success), (400, Some(false)), "{secs}");
    }
    let user = Holder::User { id: "A".into(), name: "a".into(), arn: "a".into() };
    world.keep_credentials(Session { holder: user, ..role_session(now, "admin", "bob") });
    assert_eq!(token(&world, SHOWN, "").await.status, 400);
    let federated = Holder::Federated { name: "bob".into(), user: None };
    world.keep_credentials(Session { holder: federated, ..role_session(now, "admin", "bob") });
    assert_eq!(token(&world, SHOWN, "900").await.status, 400);
    assert_eq!(token(&world, SHOWN, "").await.status, 200);
    world.clock.advance_ms(3_600_000);
    assert_eq!(token(&world, SHOWN, "").await.status, 400);
}
