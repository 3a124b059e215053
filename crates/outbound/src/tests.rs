//! What is sent, what is refused, and what does not wait for ever.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use ports::{Functions, HandOver, Outbound, OutboundRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::{FunctionMap, HttpOut, Reach};

fn request(url: &str) -> OutboundRequest {
    OutboundRequest {
        method: "POST",
        url: url.to_owned(),
        headers: vec![("x-test".to_owned(), "1".to_owned())],
        body: Bytes::from_static(b"{}"),
        timeout_ms: 300,
        answer_bytes_max: 8,
    }
}

/// A server that says the same to everybody, or nothing at all.
async fn server(answer: Option<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut head = [0; 4096];
            let _ = socket.read(&mut head).await;
            if let Some(answer) = answer {
                let _ = socket.write_all(answer.as_bytes()).await;
            }
            open.push(socket);
        }
    });
    format!("http://{address}/x")
}

#[test]
fn which_addresses_may_be_asked() {
    let check = |address: &str, private: bool, public: bool| {
        let address = address.parse().unwrap();
        let found = (Reach::Private.check(address).is_ok(), Reach::Public.check(address).is_ok());
        assert_eq!(found, (private, public), "{address}");
    };
    for never in [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "fe80::1",
        "febf::1",
        "fd00:ec2::254",
        "0.0.0.0",
        "::",
        "224.0.0.1",
    ] {
        check(never, false, false);
    }
    for private in
        ["127.0.0.1", "::1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd12::1", "::ffff:10.0.0.1"]
    {
        check(private, true, false);
    }
    for public in ["192.0.2.1", "8.8.8.8", "2001:db8::1", "100.128.0.1"] {
        check(public, true, true);
    }
}

#[tokio::test]
async fn answers_are_read_as_far_as_they_are_wanted() {
    let out = HttpOut::new(Reach::Private).unwrap();
    let url = server(Some("HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n01234567890123456789")).await;
    let answer = out.send(request(&url)).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (200, &b"01234567"[..]));
}

#[tokio::test]
async fn redirects_are_answers() {
    let out = HttpOut::new(Reach::Private).unwrap();
    let url =
        server(Some("HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n")).await;
    assert_eq!(out.send(request(&url)).await.unwrap().status, 302);
}

#[tokio::test]
async fn who_says_nothing_is_not_waited_for() {
    let out = HttpOut::new(Reach::Private).unwrap();
    let url = server(None).await;
    assert_eq!(out.send(request(&url)).await.unwrap_err(), "no answer within 300 ms");
}

#[tokio::test]
async fn who_must_not_be_asked_is_not() {
    let out = HttpOut::new(Reach::Private).unwrap();
    let check = async |url: &str, why: &str| assert_eq!(out.send(request(url)).await.unwrap_err(), why, "{url}");
    check("http://169.254.169.254/latest/meta-data/", "the address is link-local").await;
    check("http://[fe80::1]/", "the address is link-local").await;
    check("ftp://example.org/", "the URL is neither of http nor of https").await;
    let out = HttpOut::new(Reach::Public).unwrap();
    let url = server(None).await;
    assert_eq!(out.send(request(&url)).await.unwrap_err(), "the address is private");
    let by_name = url.replace("127.0.0.1", "localhost");
    assert_eq!(out.send(request(&by_name)).await.unwrap_err(), "the address is private");
}

#[tokio::test]
async fn functions_are_known_with_and_without_qualifier() {
    let url = server(Some("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")).await;
    let bad = server(Some("HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n")).await;
    let arn = |name: &str| format!("arn:aws:lambda:us-east-1:123456789012:function:{name}");
    let out: Arc<dyn Outbound> = HttpOut::new(Reach::Private).unwrap();
    let functions = FunctionMap::new(BTreeMap::from([(arn("f"), url), (arn("b"), bad)]), out);
    for (name, is_known) in [("f", true), ("f:live", true), ("g", false), ("f:a:b", false)] {
        assert_eq!(functions.is_known(&arn(name)), is_known, "{name}");
    }
    assert_eq!(&functions.invoke(&arn("f:live"), Bytes::new()).await.unwrap()[..], b"ok");
    assert!(functions.invoke(&arn("b"), Bytes::new()).await.unwrap_err().is_passing());
    assert!(matches!(functions.invoke(&arn("g"), Bytes::new()).await, Err(HandOver::NotFound(_))));
}
