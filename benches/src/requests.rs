//! Requests as bytes, signed once and sent many times.

use std::sync::Arc;

use base::Timestamp;
use http::{HeaderMap, HeaderValue};

/// The key that the load signs with.
pub const ACCESS_KEY_ID: &str = "AKIABENCHBENCHBENCH1";
/// Its secret: of a server that lives for the length of the run.
pub const SECRET_ACCESS_KEY: &str = "bench-bench-bench-bench-bench-bench-1234";

/// A request.
#[derive(Clone)]
pub struct Request {
    /// Request line, headers, empty line.
    pub head: Vec<u8>,
    /// The body; clones share it.
    pub body: Arc<[u8]>,
}

/// What a request is about.
pub struct Call<'a> {
    /// `PUT`.
    pub method: &'a str,
    /// The path.
    pub path: &'a str,
    /// The query, without its question mark.
    pub query: &'a str,
    /// The signing name.
    pub service: &'a str,
    /// More headers.
    pub headers: &'a [(&'static str, &'a str)],
}

impl Request {
    /// STS GetCallerIdentity: the smallest call that is identified, decoded, authorized and recorded.
    pub fn caller_identity(host: &str) -> Request {
        let headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
        let call = Call { method: "POST", path: "/", query: "", service: "sts", headers: &headers };
        Request::signed(host, &call, b"Action=GetCallerIdentity&Version=2011-06-15"[..].into())
    }

    /// A call to S3.
    pub fn s3(host: &str, method: &str, path: &str, query: &str, body: Arc<[u8]>) -> Request {
        Request::signed(host, &Call { method, path, query, service: "s3", headers: &[] }, body)
    }

    /// A call in JSON: CloudTrail's, or Cairn's own.
    pub fn json(host: &str, service: &str, target: &str, body: &str) -> Request {
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)];
        let call = Call { method: "POST", path: "/", query: "", service, headers: &headers };
        Request::signed(host, &call, body.as_bytes().into())
    }

    /// No call at all: what the HTTP stack does by itself.
    pub fn healthz(host: &str) -> Request {
        let head = format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\n\r\n").into_bytes();
        Request { head, body: Arc::default() }
    }

    /// A form as a browser sends it, with a cookie.
    pub fn form(host: &str, path: &str, cookie: &str, body: String) -> Request {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\nsec-fetch-site: same-origin\r\ncookie: {cookie}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        Request { head: head.into_bytes(), body: body.into_bytes().into() }
    }

    /// HeadBucket, signed with a key of a user's.
    pub fn head_bucket(host: &str, path: &str, key: (&str, &str)) -> Request {
        let call = Call { method: "HEAD", path, query: "", service: "s3", headers: &[] };
        Request::signed_with(host, &call, [].into(), key)
    }

    /// Any call, signed with the load's key.
    pub fn signed(host: &str, call: &Call<'_>, body: Arc<[u8]>) -> Request {
        Request::signed_with(host, call, body, (ACCESS_KEY_ID, SECRET_ACCESS_KEY))
    }

    fn signed_with(host: &str, call: &Call<'_>, body: Arc<[u8]>, key: (&str, &str)) -> Request {
        let mut headers = HeaderMap::new();
        let value = |text: &str| HeaderValue::from_str(text).expect("text of ours is a header value");
        headers.insert("host", value(host));
        headers.insert("user-agent", value("cairn-bench/1 (a user agent about as long as that of an SDK is)"));
        for (name, text) in call.headers {
            headers.insert(*name, value(text));
        }
        let credentials = sigv4::Credentials {
            access_key_id: key.0.to_owned(),
            secret_access_key: key.1.to_owned(),
            session_token: None,
        };
        let time: Timestamp = system::env().clock.now();
        let signer = sigv4::Signer { credentials: &credentials, region: "us-east-1", service: call.service, time };
        let Call { method, path, query, .. } = *call;
        let unsigned = sigv4::SignedRequest { method, path, query, headers: &headers };
        let added = signer.headers(&unsigned, &sigv4::sha256_hex(&body)).expect("signing gives header values");
        headers.extend(added.into_iter().map(|(name, value)| (Some(name), value)));
        let mark = if query.is_empty() { "" } else { "?" };
        let mut head =
            format!("{method} {path}{mark}{query} HTTP/1.1\r\ncontent-length: {}\r\n", body.len()).into_bytes();
        for (name, value) in &headers {
            head.extend_from_slice(name.as_str().as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        Request { head, body }
    }
}

/// Content that no compression makes shorter.
pub fn content(bytes: usize) -> Arc<[u8]> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut out = Vec::with_capacity(bytes + 8);
    while out.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out.truncate(bytes);
    out.into()
}
