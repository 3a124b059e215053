//! What keeps strangers' pages and strange texts from doing harm.

use super::world::{ACCOUNT, HOST, RIGHT, World};
use crate::form;
use crate::{CREDENTIALS, EXIT_ROLE, FEDERATION, SIGN_IN, SIGN_OUT, SWITCH_ROLE};

const EVIL: &str = "\"><script>alert(1)</script>'&";

#[tokio::test]
async fn nothing_from_outside_is_markup() {
    let world = World::new();
    let query: String = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(["account", "user", "kind", "destination", "roleName", "displayName"].map(|name| (name, EVIL)))
        .finish();
    let check = |body: &str| assert!(!body.contains("<script") && !body.contains(EVIL), "{body}");
    check(&world.get(&format!("{SIGN_IN}?{query}")).await.body);
    check(&world.sign_in(EVIL, EVIL, EVIL, &[("destination", EVIL)]).await.body);
    world.set_cookie("cairn-form", EVIL);
    check(&world.get(SIGN_IN).await.body);
    world.alice().await;
    check(&world.get(&format!("{SWITCH_ROLE}?{query}")).await.body);
    check(&world.get(&format!("/.cairn/{EVIL}")).await.body);
}

#[tokio::test]
async fn every_page_says_what_browsers_may_do_with_it() {
    let world = World::new();
    for path in [SIGN_IN, SIGN_OUT, SWITCH_ROLE, EXIT_ROLE, CREDENTIALS, FEDERATION, "/.cairn/none"] {
        let answer = world.get(path).await;
        let policy = &answer.headers["content-security-policy"];
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"));
        assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
        assert!(!answer.body.contains("http://") && !answer.body.contains("https://"), "{path}");
    }
}

#[tokio::test]
async fn forms_of_elsewhere_do_nothing() {
    let world = World::new();
    let signed_in = |answer: super::world::Answer| answer.status == 303;
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://evil.cairn.example:4566"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        *world.headers.lock().unwrap() = [(name.parse().unwrap(), value.parse().unwrap())].into_iter().collect();
        let answer = world.sign_in(ACCOUNT, "alice", RIGHT, &[]).await;
        assert_eq!((answer.status, answer.events.len()), (403, 0), "{name}: {value}");
    }
    let own = format!("https://{HOST}");
    *world.headers.lock().unwrap() = [("origin".parse().unwrap(), own.parse().unwrap())].into_iter().collect();
    assert!(signed_in(world.sign_in(ACCOUNT, "alice", RIGHT, &[]).await));
}

#[tokio::test]
async fn a_form_must_agree_with_its_cookie() {
    let world = World::new();
    world.get(SIGN_IN).await;
    let fields =
        |csrf| [("step", "password"), ("csrf", csrf), ("account", ACCOUNT), ("user", "alice"), ("password", RIGHT)];
    assert_eq!(world.post(SIGN_IN, &fields("")).await.events.len(), 0);
    assert_eq!(world.post(SIGN_IN, &fields("other")).await.events.len(), 0);
    world.alice().await;
    for path in [SIGN_OUT, EXIT_ROLE] {
        assert_eq!(world.post(path, &[("csrf", "other")]).await.status, 403, "{path}");
    }
    let fields = [("csrf", "other"), ("account", "444455556666"), ("roleName", "admin")];
    assert_eq!(world.post(SWITCH_ROLE, &fields).await.events.len(), 0);
    assert!(world.get(SIGN_IN).await.body.contains("You are signed in"));
}

#[tokio::test]
async fn one_goes_on_to_this_server_only() {
    let world = World::new();
    let check = async |destination: &str, expected: &str| {
        let answer = world.sign_in(ACCOUNT, "alice", RIGHT, &[("destination", destination)]).await;
        assert_eq!(answer.headers["location"], expected, "{destination}");
        let csrf = world.csrf().await;
        world.post(SIGN_OUT, &[("csrf", &csrf)]).await;
    };
    check("/x/y?z", "/x/y?z").await;
    check(&format!("http://{HOST}/x"), "/x").await;
    check(&format!("https://{HOST}"), "/").await;
    for elsewhere in [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/a\nb",
        "x",
        &format!("http://{HOST}.evil.example/"),
        &format!("http://{HOST}@evil.example/"),
        &format!("http://{HOST}//evil.example/"),
    ] {
        check(elsewhere, SIGN_IN).await;
    }
}

#[test]
fn under_tls_cookies_are_of_the_host_alone() {
    let request = |tls| ports::PageRequest {
        time: base::Timestamp::EPOCH,
        method: http::Method::GET,
        path: SIGN_IN.to_owned(),
        query: String::new(),
        headers: http::HeaderMap::new(),
        body: bytes::Bytes::new(),
        host: HOST.to_owned(),
        source_ip: "::1".into(),
        tls,
        request_id: String::new(),
    };
    let plain = request(None);
    let tls = request(Some("TLSv1.3"));
    assert_eq!(
        form::set_cookie(&tls, form::session_cookie(&tls), "t", 9).1,
        "__Host-cairn-session=t; Path=/; Max-Age=9; HttpOnly; SameSite=Strict; Secure"
    );
    assert_eq!(
        form::set_cookie(&plain, form::session_cookie(&plain), "t", 9).1,
        "cairn-session=t; Path=/; Max-Age=9; HttpOnly; SameSite=Strict"
    );
}
