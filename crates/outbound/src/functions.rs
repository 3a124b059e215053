//! [`FunctionMap`]: ARNs of functions, each with the endpoint that stands for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use ports::{Functions, HandOver, Outbound, OutboundRequest};

/// For a function to answer. Lambda gives functions up to 15 minutes; what calls them here waits in order, so that the time is less.
const TIMEOUT_MS: u64 = 60_000;
/// What a function may answer. Source: Lambda developer guide, "Lambda quotas", invocation payload.
const ANSWER_BYTES_MAX: usize = 6 << 20;

/// See the module.
pub struct FunctionMap {
    urls: BTreeMap<String, String>,
    outbound: Arc<dyn Outbound>,
}

impl FunctionMap {
    /// These ARNs (without qualifiers), and no others.
    pub fn new(urls: BTreeMap<String, String>, outbound: Arc<dyn Outbound>) -> Arc<FunctionMap> {
        Arc::new(FunctionMap { urls, outbound })
    }

    /// `arn:aws:lambda:REGION:ACCOUNT:function:NAME`, with or without `:QUALIFIER`.
    fn url(&self, arn: &str) -> Option<&String> {
        let unqualified = || {
            let (plain, _) = arn.rsplit_once(':')?;
            (plain.split(':').count() == 7).then(|| self.urls.get(plain)).flatten()
        };
        self.urls.get(arn).or_else(unqualified)
    }
}

#[async_trait]
impl Functions for FunctionMap {
    fn is_known(&self, function_arn: &str) -> bool {
        self.url(function_arn).is_some()
    }

    async fn invoke(&self, function_arn: &str, payload: Bytes) -> Result<Bytes, HandOver> {
        let url = self
            .url(function_arn)
            .ok_or_else(|| HandOver::NotFound(format!("no endpoint stands for the function {function_arn}")))?;
        let answer = self.outbound.send(OutboundRequest {
            method: "POST",
            url: url.clone(),
            headers: vec![
                ("content-type".to_owned(), "application/json".to_owned()),
                ("user-agent".to_owned(), concat!("cairn/", env!("CARGO_PKG_VERSION")).to_owned()),
                ("x-amz-invocation-type".to_owned(), "Event".to_owned()),
                ("x-cairn-function-arn".to_owned(), function_arn.to_owned()),
            ],
            body: payload,
            timeout_ms: TIMEOUT_MS,
            answer_bytes_max: ANSWER_BYTES_MAX,
        });
        let answer = answer.await.map_err(HandOver::Unavailable)?;
        match answer.status {
            200..=299 => Ok(answer.body),
            400..=499 if answer.status != 429 => {
                Err(HandOver::Invalid(format!("the function's endpoint answered {}", answer.status)))
            }
            status => Err(HandOver::Unavailable(format!("the function's endpoint answered {status}"))),
        }
    }
}
