//! A mistake of the program ends one request: the connection is answered, the log and the figures say so, and others go on.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use base::Timestamp;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use journal::{Journal, MemoryJournal};
use ports::{AccessRequest, Authorizer, Credential, Credentials, Decision, FigureValue, Unavailable};
use tokio::sync::watch;

use crate::{Deps, Gateway, HostNames, Limits, Outside, Recorder, Recording};

struct Broken;

#[async_trait]
impl Credentials for Broken {
    async fn find(&self, _: &str) -> Result<Option<Arc<Credential>>, Unavailable> {
        panic!("a broken promise");
    }
}

#[async_trait]
impl Authorizer for Broken {
    async fn decide(&self, _: &AccessRequest<'_>) -> Result<Decision, Unavailable> {
        Ok(Decision::ImplicitDeny(ports::Layer::Identity))
    }
}

fn gateway(journal: &Arc<dyn Journal>) -> Arc<Gateway> {
    let env = base::Env {
        clock: testkit::ManualClock::at(Timestamp::from_ms(1_700_000_000_000)),
        rng: Arc::new(testkit::SeededRng::new(1)),
        disk: system::env().disk,
    };
    Arc::new(Gateway::new(Deps {
        env,
        account: Arc::from("123456789012"),
        definitions: Vec::new(),
        accounts: None,
        credentials: Arc::new(Broken),
        authorizer: Arc::new(Broken),
        cross_origin: Arc::new(Broken),
        pages: None,
        recorder: Arc::new(Recorder::new(Arc::clone(journal), Recording::On)),
        limits: Limits::default(),
        host_names: HostNames::default(),
        outside: Outside::default(),
    }))
}

#[async_trait]
impl ports::CrossOrigin for Broken {
    async fn answer(&self, _: &ports::CrossOriginRequest<'_>) -> Result<ports::CrossOriginAnswer, Unavailable> {
        panic!("on purpose")
    }
}

async fn send(gateway: &Arc<Gateway>, authorization: Option<&str>) -> (u16, String) {
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let (_stop, stopping) = watch::channel(false);
    let peer = "192.0.2.1:9".parse().unwrap();
    let ready = Arc::new(AtomicBool::new(true));
    tokio::spawn(crate::serve_stream(ours, peer, Arc::clone(gateway), ready, stopping));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(theirs)).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::get("/bucket").header("host", "localhost").header("x-amz-date", "20231114T221320Z");
    if let Some(value) = authorization {
        request = request.header("authorization", value).header("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    }
    let response = sender.send_request(request.body(Empty::<bytes::Bytes>::new()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn figure(gateway: &Gateway, name: &str) -> f64 {
    let figures = gateway.figures();
    let found = figures.iter().filter(|figure| figure.name == name).map(|figure| match figure.value {
        FigureValue::Counter(value) | FigureValue::Gauge(value) => value,
        FigureValue::Histogram { .. } => 0.0,
    });
    found.sum()
}

#[tokio::test]
async fn a_panic_before_a_call_began_is_answered_and_counted() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let gateway = gateway(&journal);
    let signed = format!(
        "AWS4-HMAC-SHA256 Credential=AKIAX/20231114/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature={}",
        "0".repeat(64)
    );
    let (status, body) = send(&gateway, Some(&signed)).await;
    assert_eq!((status, body.as_str()), (500, "internal error\n"));
    assert!((figure(&gateway, "cairn_panics_total") - 1.0).abs() < 0.1);
    assert!(figure(&gateway, "cairn_calls_in_flight").abs() < 0.1);
    // Others go on, and are recorded.
    let (status, body) = send(&gateway, None).await;
    assert_eq!(status, 403, "{body}");
    assert!((figure(&gateway, "cairn_records_written_total") - 1.0).abs() < 0.1);
    assert_eq!(gateway.places.available_permits(), Limits::default().calls_max);
}
