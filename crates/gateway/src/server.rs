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
use crate::reply::{self, ReplyBody};

/// Connections the kernel holds while all our places are taken.
const BACKLOG: i32 = 1024;
/// After a failed accept (no file descriptors left, say) the next try comes this much later.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A listening socket.
pub struct Server {
    listener: TcpListener,
    gateway: Arc<Gateway>,
    ready: Arc<AtomicBool>,
}

impl Server {
    /// Starts to listen. Requests are answered once [`serve`] runs.
    pub fn bind(address: SocketAddr, gateway: Arc<Gateway>) -> io::Result<Server> {
        let domain = socket2::Domain::for_address(address);
        let socket = socket2::Socket::new(domain, socket2::Type::STREAM, Some(socket2::Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let listener = TcpListener::from_std(socket.into())?;
        Ok(Server { listener, gateway, ready: Arc::new(AtomicBool::new(true)) })
    }

    /// The address listened on, with the port that was chosen if 0 was asked for.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Answers requests until `stop` is true, then lets those in flight finish, for as long as the limits allow.
pub async fn serve(server: Server, mut stop: watch::Receiver<bool>) {
    let Server { listener, gateway, ready } = server;
    let limits = gateway.deps.limits.clone();
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
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
                let gateway = Arc::clone(&gateway);
                let (ready, stop) = (Arc::clone(&ready), stop.clone());
                connections.spawn(async move {
                    connection(stream, peer, gateway, ready, stop).await;
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

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    gateway: Arc<Gateway>,
    ready: Arc<AtomicBool>,
    stop: watch::Receiver<bool>,
) {
    // Answers are small and whole: waiting for more to send would only add latency.
    let _ = stream.set_nodelay(true);
    serve_stream(stream, peer, gateway, ready, stop).await;
}

/// Answers the requests of one connection, until the client ends it, breaks the limits, or `stop` is true. The stream is whatever
/// carries HTTP: a socket, a TLS session, a pipe in memory.
pub async fn serve_stream(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    gateway: Arc<Gateway>,
    ready: Arc<AtomicBool>,
    mut stop: watch::Receiver<bool>,
) {
    let limits = gateway.deps.limits.clone();
    let source_ip: Arc<str> = Arc::from(peer.ip().to_canonical().to_string());
    let service = service_fn(move |request: Request<Incoming>| {
        let (gateway, ready, source_ip) = (Arc::clone(&gateway), Arc::clone(&ready), Arc::clone(&source_ip));
        async move {
            let expects = request.headers().contains_key(http::header::EXPECT);
            let mut response = match health(&request, &gateway, &ready) {
                Some(response) => response,
                None => gateway.handle(request, source_ip).await,
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
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}

/// `/healthz`: the process answers. `/readyz`: it takes calls, and records them. Neither is an AWS call, so neither is recorded.
fn health(request: &Request<Incoming>, gateway: &Gateway, ready: &AtomicBool) -> Option<Response<ReplyBody>> {
    if request.method() != Method::GET || request.headers().contains_key("authorization") {
        return None;
    }
    match (request.uri().path(), request.uri().query()) {
        ("/healthz", None) => Some(reply::text(200, "ok\n")),
        ("/readyz", None) => {
            let is_ready = ready.load(Ordering::Acquire) && !gateway.deps.recorder.has_backlog();
            Some(if is_ready { reply::text(200, "ready\n") } else { reply::text(503, "not ready\n") })
        }
        _ => None,
    }
}
