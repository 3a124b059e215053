//! A client of the server, for the commands that ask it for something: signed HTTP to the endpoint in the data folder. What it
//! says of a failure names what to do about it.

use std::path::PathBuf;

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::commands::Failure;
use crate::config::Config;
use crate::credentials::{self, RootCredentials};
use crate::{data_folder, tls};

/// The region of calls for which none is named.
const REGION: &str = "us-east-1";

/// See the module.
pub struct Client {
    endpoint: String,
    data_dir: PathBuf,
    root: RootCredentials,
    tls: Option<Arc<ClientConfig>>,
}

/// What carries the requests.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A service whose operations the commands call.
#[derive(Clone, Copy)]
pub struct Service {
    /// The name in the credential scope.
    signing_name: &'static str,
    /// What `X-Amz-Target` begins with.
    target: &'static str,
}

/// Cairn's own operations.
pub const CAIRN: Service = Service { signing_name: "cairn", target: "Cairn_20261101" };
/// CloudTrail.
pub const CLOUDTRAIL: Service =
    Service { signing_name: "cloudtrail", target: "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101" };
/// CloudWatch Logs.
pub const LOGS: Service = Service { signing_name: "logs", target: "Logs_20140328" };
/// CloudWatch.
pub const CLOUDWATCH: Service = Service { signing_name: "monitoring", target: "GraniteServiceVersion20100801" };

/// A call did not bring an answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// There is no server, or it went away.
    #[error(
        "no server answers at {endpoint} ({why}): start it with cairn serve, or name the folder of the one that runs with --data-dir"
    )]
    Unreachable {
        /// Where.
        endpoint: String,
        /// What the system says.
        why: String,
    },
    /// The server said no.
    #[error("the server at {endpoint} refused {operation}: {code}: {message}{advice}")]
    Refused {
        /// Where.
        endpoint: String,
        /// What was asked.
        operation: String,
        /// AWS's code.
        code: String,
        /// AWS's text.
        message: String,
        /// What to do, if we know.
        advice: String,
    },
}

impl Client {
    /// Of the server that the configuration means.
    pub fn new(config: &Config) -> Result<Client, Failure> {
        let (endpoint, data_dir) = (data_folder::endpoint(config), config.data_dir.clone());
        let tls = if endpoint.starts_with("https://") { Some(Arc::new(tls::client(config)?)) } else { None };
        Ok(Client { endpoint, data_dir, root: credentials::load(config)?, tls })
    }

    /// The server's URL.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Calls an operation of Cairn's own and returns its whole answer.
    pub fn call(&self, operation: &str, body: &str) -> Result<Bytes, Failure> {
        runtime()?.block_on(async {
            let response = self.send(CAIRN, operation, REGION, body).await?;
            Ok(response.into_body().collect().await?.to_bytes())
        })
    }

    /// Calls an operation and returns its whole answer, as JSON.
    pub async fn json(
        &self,
        service: Service,
        operation: &str,
        region: &str,
        body: &Value,
    ) -> Result<Value, CallError> {
        let response = self.send(service, operation, region, &body.to_string()).await?;
        let bytes = response.into_body().collect().await.map_err(|error| self.unreachable(error))?.to_bytes();
        serde_json::from_slice(&bytes).map_err(|error| self.unreadable(error))
    }

    /// Calls an operation whose answer says nothing.
    pub async fn empty(&self, service: Service, operation: &str, region: &str, body: &Value) -> Result<(), CallError> {
        self.send(service, operation, region, &body.to_string()).await.map(drop)
    }

    /// What is said of an answer that is not in the form that we know.
    pub fn unreadable(&self, error: serde_json::Error) -> CallError {
        self.unreachable(format!("its answer cannot be read: {error}"))
    }

    /// Calls an operation of Cairn's own whose answer is a stream of lines.
    pub async fn lines(&self, operation: &str, body: &Value) -> Result<Lines, CallError> {
        let response = self.send(CAIRN, operation, REGION, &body.to_string()).await?;
        Ok(Lines { body: response.into_body(), buffer: Vec::new() })
    }

    /// Whether the server takes calls and can record them: `GET /readyz`.
    pub async fn is_ready(&self) -> Result<bool, CallError> {
        let request = Request::get("/readyz").header("host", self.host()).body(Full::default());
        let response = self.exchange(request.expect("it is made of constants and our own URL")).await?;
        Ok(response.status().is_success())
    }

    fn host(&self) -> &str {
        self.endpoint.split_once("://").map_or(&*self.endpoint, |(_, host)| host)
    }

    async fn send(
        &self,
        service: Service,
        operation: &str,
        region: &str,
        body: &str,
    ) -> Result<http::Response<Incoming>, CallError> {
        let mut request = Request::post("/")
            .header("host", self.host())
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("{}.{operation}", service.target))
            .header("user-agent", concat!("cairn/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
            .map_err(|error| self.unreachable(error))?;
        self.sign(&mut request, service, region, body).map_err(|error| self.unreachable(error))?;
        let response = self.exchange(request).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let answer = response.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        Err(self.refused(operation, status, &answer))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<http::Response<Incoming>, CallError> {
        let host = self.host();
        let stream = TcpStream::connect(host).await.map_err(|error| self.unreachable(error))?;
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(stream),
            Some(tls) => {
                let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']).to_owned();
                let name = ServerName::try_from(name).map_err(|error| self.unreachable(error))?;
                let connected = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await;
                Box::new(connected.map_err(|error| self.unreachable(format!("TLS: {error}")))?)
            }
        };
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| self.unreachable(error))?;
        tokio::spawn(connection);
        sender.send_request(request).await.map_err(|error| self.unreachable(error))
    }

    fn unreachable(&self, why: impl ToString) -> CallError {
        CallError::Unreachable { endpoint: self.endpoint.clone(), why: why.to_string() }
    }

    fn refused(&self, operation: &str, status: http::StatusCode, answer: &[u8]) -> CallError {
        let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        let text = |names: [&str; 2]| names.iter().find_map(|name| answer.get(name)?.as_str()).map(str::to_owned);
        let code = text(["__type", "code"]).unwrap_or_else(|| status.to_string());
        let code = code.rsplit('#').next().unwrap_or_default().to_owned();
        let advice = match (code.as_str(), status.as_u16()) {
            (
                "UnrecognizedClientException"
                | "InvalidClientTokenId"
                | "SignatureDoesNotMatch"
                | "InvalidSignatureException"
                | "IncompleteSignatureException",
                _,
            ) => format!(
                "\nThe root key that this command has is not the server's. Name the server's own folder with --data-dir (now {}), \
                 or give the key that the server was started with (CAIRN_ROOT_ACCESS_KEY_ID, CAIRN_ROOT_SECRET_ACCESS_KEY).",
                self.data_dir.display()
            ),
            ("UnknownOperationException" | "NotImplemented" | "InvalidAction", _) => {
                "\nThe server that runs is of another version than this command: restart it.".to_owned()
            }
            (_, 503) => {
                "\nIt cannot record calls now, or is stopping. Its log says why; the disk may be full.".to_owned()
            }
            _ => String::new(),
        };
        CallError::Refused {
            endpoint: self.endpoint.clone(),
            operation: operation.to_owned(),
            code,
            message: text(["message", "Message"]).unwrap_or_else(|| "it gave no reason".to_owned()),
            advice,
        }
    }

    fn sign(
        &self,
        request: &mut Request<Full<Bytes>>,
        service: Service,
        region: &str,
        body: &str,
    ) -> Result<(), Failure> {
        let credentials = sigv4::Credentials {
            access_key_id: self.root.access_key_id.clone(),
            secret_access_key: self.root.secret_access_key.clone(),
            session_token: None,
        };
        let time = system::env().clock.now();
        let signer = sigv4::Signer { credentials: &credentials, region, service: service.signing_name, time };
        let hash = sigv4::sha256_hex(body.as_bytes());
        let headers = request.headers().clone();
        let signed = sigv4::SignedRequest { method: "POST", path: "/", query: "", headers: &headers };
        let signed = signer.headers(&signed, &hash)?;
        for (name, value) in signed {
            request.headers_mut().insert(name, value);
        }
        Ok(())
    }
}

/// An answer, line by line.
pub struct Lines {
    body: Incoming,
    /// Bytes that came and were not handed out.
    buffer: Vec<u8>,
}

impl Lines {
    /// The next lines, whole, each with its end; `None` when the answer ends or the connection breaks.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.buffer.iter().rposition(|byte| *byte == b'\n') {
                let rest = self.buffer.split_off(end + 1);
                return Some(std::mem::replace(&mut self.buffer, rest));
            }
            let frame = self.body.frame().await?.ok()?;
            if let Ok(data) = frame.into_data() {
                self.buffer.extend_from_slice(&data);
            }
        }
    }
}

/// What the commands run on.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
