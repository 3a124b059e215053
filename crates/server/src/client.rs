//! A client of the server's own API, for `cairn flush` and `cairn tail`: signed HTTP to the endpoint in the data folder.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::commands::Failure;
use crate::config::Config;
use crate::credentials::{self, RootCredentials};
use crate::{data_folder, tls};

/// See the module.
pub struct Client {
    endpoint: String,
    root: RootCredentials,
    tls: Option<Arc<ClientConfig>>,
}

/// What carries the requests.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Client {
    /// Of the server that the configuration means.
    pub fn new(config: &Config) -> Result<Client, Failure> {
        let endpoint = data_folder::endpoint(config);
        let tls = if endpoint.starts_with("https://") { Some(Arc::new(tls::client(config)?)) } else { None };
        Ok(Client { endpoint, root: credentials::load(config)?, tls })
    }

    /// Calls an operation and returns its whole answer.
    pub fn call(&self, operation: &str, body: &str) -> Result<Bytes, Failure> {
        runtime()?.block_on(async {
            let response = self.send(operation, body).await?;
            Ok(response.into_body().collect().await?.to_bytes())
        })
    }

    /// Calls an operation and hands out its answer piece by piece, until it ends or `take` fails.
    pub fn stream(
        &self,
        operation: &str,
        body: &str,
        mut take: impl FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<(), Failure> {
        runtime()?.block_on(async {
            let mut body = self.send(operation, body).await?.into_body();
            while let Some(frame) = body.frame().await {
                if let Ok(data) = frame?.into_data() {
                    match take(&data) {
                        Ok(()) => {}
                        // Whoever read us (`| head`) has enough.
                        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
                        Err(error) => return Err(error.into()),
                    }
                }
            }
            Ok(())
        })
    }

    async fn send(&self, operation: &str, body: &str) -> Result<http::Response<Incoming>, Failure> {
        let host = self.endpoint.split_once("://").map_or(&*self.endpoint, |(_, host)| host);
        let stream = TcpStream::connect(host).await.map_err(|error| {
            format!(
                "no server answers at {} ({error}): start it with cairn serve, or name its folder with --data-dir",
                self.endpoint
            )
        })?;
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(stream),
            Some(tls) => {
                let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']).to_owned();
                let connected = TlsConnector::from(Arc::clone(tls)).connect(ServerName::try_from(name)?, stream).await;
                Box::new(connected.map_err(|error| format!("TLS with the server at {}: {error}", self.endpoint))?)
            }
        };
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut request = Request::post("/")
            .header("host", host)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("Cairn_20261101.{operation}"))
            .header("user-agent", concat!("cairn/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))?;
        self.sign(&mut request, body)?;
        let response = sender.send_request(request).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let answer = response.into_body().collect().await?.to_bytes();
        Err(format!("the server refused ({status}): {}", String::from_utf8_lossy(&answer)).into())
    }

    fn sign(&self, request: &mut Request<Full<Bytes>>, body: &str) -> Result<(), Failure> {
        let credentials = sigv4::Credentials {
            access_key_id: self.root.access_key_id.clone(),
            secret_access_key: self.root.secret_access_key.clone(),
            session_token: None,
        };
        let time = system::env().clock.now();
        let signer = sigv4::Signer { credentials: &credentials, region: "us-east-1", service: "cairn", time };
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

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
