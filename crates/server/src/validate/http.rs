//! Signed HTTP with kept connections, to AWS or whatever speaks like it: with the AWS tools' variables, or else to the server of the
//! data folder. Never prints a secret.

use std::time::Duration;

use base::Env;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::commands::Failure;
use crate::config::{Config, Settings};
use crate::{credentials, data_folder};

/// Tries of one request, where a connection or the service failed.
const TRIES: u32 = 4;
/// Before the second try; doubled before each further one.
const PAUSE: Duration = Duration::from_millis(200);
/// The most bytes of an answer that is read whole: a page of a listing has about half a megabyte.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

#[cfg(feature = "remote")]
type Connector = hyper_rustls::HttpsConnector<HttpConnector>;
#[cfg(not(feature = "remote"))]
type Connector = HttpConnector;

/// See the module.
#[derive(Clone)]
pub struct Http {
    env: Env,
    client: Client<Connector, Full<Bytes>>,
    credentials: sigv4::Credentials,
    endpoint: Option<String>,
    endpoint_s3: Option<String>,
    endpoint_cloudtrail: Option<String>,
}

/// One request.
pub struct Asked<'a> {
    pub service: &'static str,
    pub region: &'a str,
    pub method: Method,
    /// Escaped, with a slash at its beginning.
    pub path: &'a str,
    /// Escaped, without the question mark.
    pub query: &'a str,
    /// `X-Amz-Target`.
    pub target: Option<String>,
    pub body: Bytes,
}

/// No good answer came.
#[derive(Clone, Debug, thiserror::Error)]
pub enum HttpError {
    /// The service said no.
    #[error("{code}: {message}")]
    Refused { status: u16, code: String, message: String },
    /// It said nothing.
    #[error("{0}")]
    Unreachable(String),
}

impl Http {
    /// With the variables that the AWS tools use, if there is an access key among them; else to the server of the data folder.
    pub fn new(settings: Settings, env: Env) -> Result<Http, Failure> {
        let client = Client::builder(TokioExecutor::new()).build(connector()?);
        let mut http = Http {
            env,
            client,
            credentials: sigv4::Credentials {
                access_key_id: String::new(),
                secret_access_key: String::new(),
                session_token: None,
            },
            endpoint: variable("AWS_ENDPOINT_URL"),
            endpoint_s3: variable("AWS_ENDPOINT_URL_S3"),
            endpoint_cloudtrail: variable("AWS_ENDPOINT_URL_CLOUDTRAIL"),
        };
        match (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
            (Some(access_key_id), Some(secret_access_key)) => {
                let session_token = variable("AWS_SESSION_TOKEN");
                http.credentials = sigv4::Credentials { access_key_id, secret_access_key, session_token };
            }
            _ => {
                let config = Config::load(settings)?;
                let root = credentials::load(&config).map_err(|error| {
                    format!("there is no AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY in the environment, and {error}")
                })?;
                http.credentials.access_key_id = root.access_key_id;
                http.credentials.secret_access_key = root.secret_access_key;
                http.endpoint = Some(data_folder::endpoint(&config));
                (http.endpoint_s3, http.endpoint_cloudtrail) = (None, None);
            }
        }
        Ok(http)
    }

    fn endpoint(&self, service: &str, region: &str) -> String {
        let own = if service == "s3" { &self.endpoint_s3 } else { &self.endpoint_cloudtrail };
        let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let given = own.as_ref().or(self.endpoint.as_ref()).map(|url| url.trim_end_matches('/').to_owned());
        given.unwrap_or_else(|| format!("https://{service}.{region}.{suffix}"))
    }

    /// Asks, again if need be; the answer with its body still to come.
    pub async fn send(&self, asked: &Asked<'_>) -> Result<http::Response<Incoming>, HttpError> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let outcome = self.send_once(asked).await;
            let again = match &outcome {
                Err(HttpError::Unreachable(_)) => true,
                Err(HttpError::Refused { status, code, .. }) => *status >= 500 || *status == 429 || code == "SlowDown",
                Ok(_) => false,
            };
            if !again || attempt >= TRIES {
                return outcome;
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Err(HttpError::Unreachable("no try was left".to_owned()))
    }

    /// Asks, and reads the whole answer.
    pub async fn call(&self, asked: &Asked<'_>) -> Result<Bytes, HttpError> {
        let body = self.send(asked).await?.into_body();
        let limited = http_body_util::Limited::new(body, ANSWER_BYTES_MAX);
        let whole =
            limited.collect().await.map_err(|error| HttpError::Unreachable(format!("an answer broke off: {error}")))?;
        Ok(whole.to_bytes())
    }

    async fn send_once(&self, asked: &Asked<'_>) -> Result<http::Response<Incoming>, HttpError> {
        let endpoint = self.endpoint(asked.service, asked.region);
        let failed = |why: &dyn std::fmt::Display| HttpError::Unreachable(format!("{endpoint}: {why}"));
        let host = endpoint.split_once("://").map_or(endpoint.as_str(), |(_, host)| host);
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_str(host).map_err(|error| failed(&error))?);
        headers.insert("user-agent", HeaderValue::from_static(concat!("cairn/", env!("CARGO_PKG_VERSION"))));
        if let Some(target) = &asked.target {
            headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.1"));
            headers.insert("x-amz-target", HeaderValue::from_str(target).map_err(|error| failed(&error))?);
        }
        let signer = sigv4::Signer {
            credentials: &self.credentials,
            region: asked.region,
            service: asked.service,
            time: self.env.clock.now(),
        };
        let unsigned = sigv4::SignedRequest {
            method: asked.method.as_str(),
            path: asked.path,
            query: asked.query,
            headers: &headers,
        };
        let added = signer.headers(&unsigned, &sigv4::sha256_hex(&asked.body)).map_err(|error| failed(&error))?;
        headers.extend(added.into_iter().map(|(name, value)| (Some(name), value)));
        let question = if asked.query.is_empty() { "" } else { "?" };
        let mut request = Request::builder()
            .method(asked.method.clone())
            .uri(format!("{endpoint}{}{question}{}", asked.path, asked.query))
            .body(Full::new(asked.body.clone()))
            .map_err(|error| failed(&error))?;
        *request.headers_mut() = headers;
        let response = self.client.request(request).await.map_err(|error| failed(&Chain(&error)))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let body = http_body_util::Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let (code, message) = refusal(status, &body);
        Err(HttpError::Refused { status: status.as_u16(), code, message })
    }
}

/// An error with its causes.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// Code and text of a refusal, in XML or JSON.
fn refusal(status: StatusCode, body: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(body);
    let between = |open: &str, close: &str| {
        let rest = text.split_once(open)?.1;
        Some(rest.split_once(close)?.0.to_owned())
    };
    if let Ok(json) = serde_json::from_slice::<serde_json::Value>(body) {
        let member = |name: &str| json.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
        let code = member("__type").unwrap_or_else(|| status.to_string());
        let code = code.rsplit('#').next().unwrap_or_default().to_owned();
        return (code, member("message").or_else(|| member("Message")).unwrap_or_default());
    }
    let code = between("<Code>", "</Code>").unwrap_or_else(|| status.to_string());
    (code, between("<Message>", "</Message>").unwrap_or_default())
}

#[cfg(feature = "remote")]
fn connector() -> Result<Connector, Failure> {
    let mut plain = HttpConnector::new();
    plain.enforce_http(false);
    plain.set_nodelay(true);
    let builder = hyper_rustls::HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(rustls::crypto::aws_lc_rs::default_provider())
        .map_err(|error| format!("reading this machine's certificates: {error}"))?;
    Ok(builder.https_or_http().enable_http1().wrap_connector(plain))
}

#[cfg(not(feature = "remote"))]
fn connector() -> Result<Connector, Failure> {
    let mut plain = HttpConnector::new();
    plain.set_nodelay(true);
    Ok(plain)
}

#[expect(clippy::disallowed_methods, reason = "the AWS tools' variables are this command's settings, read once")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
