//! The socket: accepts connections, hands requests to the gateway, and ends in order: no new requests, those in flight finished.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{HeaderValue, Method, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::Gateway;
use crate::guard::panic_text;
use crate::pace::Paced;
use crate::reply::{self, ReplyBody};
use crate::scrape;
use crate::tls::{Tls, TlsSession};

/// Connections the kernel holds while all our places are taken.
const BACKLOG: i32 = 1024;
/// After a failed accept (no file descriptors left, say) the next try comes this much later.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A listening socket.
pub struct Server {
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
}

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its address, as records show it.
    pub ip: Arc<str>,
    /// How the connection is protected, if it is.
    pub tls: Option<TlsSession>,
}

impl Peer {
    /// Over a connection that is not protected.
    pub fn plain(address: SocketAddr) -> Peer {
        Peer { ip: Arc::from(address.ip().to_canonical().to_string()), tls: None }
    }
}

impl Server {
    /// Starts to listen. Requests are answered once [`serve`] or [`wait_until`] runs.
    pub fn bind(address: SocketAddr) -> io::Result<Server> {
        let domain = socket2::Domain::for_address(address);
        let socket = socket2::Socket::new(domain, socket2::Type::STREAM, Some(socket2::Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let listener = TcpListener::from_std(socket.into())?;
        Ok(Server { listener, tls: None })
    }

    /// Lets clients come with TLS only.
    #[must_use]
    pub fn with_tls(self, tls: Option<Arc<Tls>>) -> Server {
        Server { tls, ..self }
    }

    /// The address listened on, with the port that was chosen if 0 was asked for.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Answers requests until `stop` is true, then lets those in flight finish, for as long as the limits allow.
pub async fn serve(server: Server, gateway: Arc<Gateway>, mut stop: watch::Receiver<bool>) {
    let Server { listener, tls } = server;
    let ready = Arc::new(AtomicBool::new(true));
    let limits = gateway.deps.limits.clone();
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let mut connections = JoinSet::new();
    loop {
        while let Some(ended) = connections.try_join_next() {
            note_end(&gateway, ended);
        }
        let accepted = tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            accepted = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (place, listener.accept().await)
            } => accepted,
        };
        match accepted {
            (Ok(place), Ok((stream, peer))) => {
                let (gateway, tls) = (Arc::clone(&gateway), tls.clone());
                let (ready, stop) = (Arc::clone(&ready), stop.clone());
                connections.spawn(async move {
                    connection(stream, peer, tls, gateway, ready, stop).await;
                    drop(place);
                });
            }
            (_, Err(error)) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
            (Err(_), _) => break,
        }
    }
    ready.store(false, Ordering::Release);
    drop(listener);
    let drained = tokio::time::timeout(limits.drain_timeout, async {
        while connections.join_next().await.is_some() {}
        // Calls go on when their client goes away.
        gateway.idle().await;
    });
    if drained.await.is_err() {
        tracing::warn!(connections = connections.len(), "connections were cut off at shutdown");
        connections.shutdown().await;
    }
}

/// Completes when `stop` is true, or nobody can make it true any more.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Says how a connection's task ended, if it ended badly.
fn note_end(gateway: &Gateway, ended: Result<(), tokio::task::JoinError>) {
    let Err(error) = ended else { return };
    if let Ok(panic) = error.try_into_panic() {
        gateway.meter.panics.fetch_add(1, Ordering::Relaxed);
        tracing::error!(cause = panic_text(&*panic), "a connection ended in a mistake of the program");
    }
}

async fn connection(
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<Arc<Tls>>,
    gateway: Arc<Gateway>,
    ready: Arc<AtomicBool>,
    mut stop: watch::Receiver<bool>,
) {
    // Answers are small and whole: waiting for more to send would only add latency.
    let _ = stream.set_nodelay(true);
    let stream = Paced::new(stream, gateway.deps.limits.write_timeout, Some(Arc::clone(&gateway)));
    let peer = Peer::plain(address);
    let Some(tls) = tls else { return serve_connection(stream, peer, gateway, ready, stop).await };
    let accepted = tokio::select! {
        biased;
        accepted = tls.accept(stream) => accepted,
        () = stopped(&mut stop) => return,
    };
    match accepted {
        Ok((stream, session)) => {
            serve_connection(stream, Peer { tls: Some(session), ..peer }, gateway, ready, stop).await;
        }
        Err(error) => {
            gateway.meter.handshakes_failed.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(source_ip = %peer.ip, %error, "a connection ended in its TLS handshake");
        }
    }
}

/// [`serve_connection`] for a peer without TLS.
pub async fn serve_stream(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    gateway: Arc<Gateway>,
    ready: Arc<AtomicBool>,
    stop: watch::Receiver<bool>,
) {
    serve_connection(stream, Peer::plain(peer), gateway, ready, stop).await;
}

/// Answers the requests of one connection, until the client ends it, breaks the limits, or `stop` is true. The stream is whatever
/// carries HTTP: a socket, a TLS session, a pipe in memory.
pub async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    gateway: Arc<Gateway>,
    ready: Arc<AtomicBool>,
    mut stop: watch::Receiver<bool>,
) {
    let counted = Arc::clone(&gateway);
    let _open = counted.meter.connection();
    let limits = gateway.deps.limits.clone();
    let source_ip = Arc::clone(&peer.ip);
    let service = service_fn(move |request: Request<Incoming>| {
        let (gateway, ready, peer) = (Arc::clone(&gateway), Arc::clone(&ready), peer.clone());
        async move {
            let expects = request.headers().contains_key(http::header::EXPECT);
            let aside = health(&request, &gateway, &ready).or_else(|| scrape::answer(&request, &gateway));
            let mut response = match aside {
                Some(response) => response,
                None => gateway.handle(request, &peer).await,
            };
            // A client that waited for "100 Continue" and is refused does not send its body. Were the connection kept, the start
            // of its next request would be taken for that body. Source: RFC 9110, 10.1.1.
            if expects && !response.status().is_success() {
                response.headers_mut().insert(http::header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_headers(limits.headers_max)
        .max_buf_size(limits.head_bytes_max)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%source_ip, %error, "a connection ended early");
    }
}

/// Answers while the gateway is not there yet, because what an earlier run left is being taken care of: `/healthz` says that the
/// process runs, `/readyz` that it is not ready, and everything else is refused. Ends when `ready` does, and gives its result.
pub async fn wait_until<T>(server: &Server, ready: impl Future<Output = T>) -> T {
    let mut connections = JoinSet::new();
    tokio::pin!(ready);
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            biased;
            result = ready.as_mut() => return result,
            accepted = server.listener.accept(), if connections.len() < EARLY_CONNECTIONS_MAX => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, _)) => drop(connections.spawn(early(stream, server.tls.clone()))),
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Connections answered at one time while the gateway is not there yet.
const EARLY_CONNECTIONS_MAX: usize = 64;
/// How long one of them may last.
const EARLY_TIMEOUT: Duration = Duration::from_secs(5);

async fn early(stream: TcpStream, tls: Option<Arc<Tls>>) {
    async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin) {
        let service = service_fn(|request: Request<Incoming>| async move {
            let mut response = match (request.method(), request.uri().path()) {
                (&Method::GET, "/healthz") => reply::text(200, "ok\n"),
                (&Method::GET, "/readyz") => reply::text(503, "not ready\n"),
                _ => reply::text(503, "the server is starting\n"),
            };
            response.headers_mut().insert(http::header::CONNECTION, HeaderValue::from_static("close"));
            Ok::<_, Infallible>(response)
        });
        // Whoever does not get this answer asks again.
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }
    let answered = async {
        match tls {
            None => answer(stream).await,
            Some(tls) => {
                if let Ok((stream, _)) = tls.accept(stream).await {
                    answer(stream).await;
                }
            }
        }
    };
    let _ = tokio::time::timeout(EARLY_TIMEOUT, answered).await;
}

/// `/healthz`: the process answers. `/readyz`: it takes calls, and records them. Neither is an AWS call, so neither is recorded.
fn health(request: &Request<Incoming>, gateway: &Gateway, ready: &AtomicBool) -> Option<Response<ReplyBody>> {
    if request.method() != Method::GET || request.headers().contains_key("authorization") {
        return None;
    }
    match (request.uri().path(), request.uri().query()) {
        ("/healthz", None) => Some(reply::text(200, "ok\n")),
        ("/readyz", None) => {
            let is_ready = ready.load(Ordering::Acquire) && gateway.deps.recorder.is_ready();
            Some(if is_ready { reply::text(200, "ready\n") } else { reply::text(503, "not ready\n") })
        }
        _ => None,
    }
}
