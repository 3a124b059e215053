//! What one client may take: size, time and number, so that a bad one cannot exhaust the server.

use std::time::Duration;

use crate::space::Reserve;
use crate::throttle::Rate;

/// Bounds on requests and connections.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at one time; more wait in the listen queue.
    pub connections_max: usize,
    /// The bytes of a request that is not streamed. AWS's own are between 1 MB (CloudWatch Logs) and 16 MB (DynamoDB batches).
    pub body_bytes_max: usize,
    /// The bytes of all buffered requests together; more wait.
    pub buffered_bytes_max: usize,
    /// Headers of a request. AWS SDKs send about twenty; S3 metadata may add some dozens.
    pub headers_max: usize,
    /// The bytes of a request's head: request line and headers. S3 allows 8 KB of URL and 8 KB of headers.
    pub head_bytes_max: usize,
    /// From the first byte (or the end of the last request) to the end of the head.
    pub head_timeout: Duration,
    /// Between two pieces of a body.
    pub body_timeout: Duration,
    /// For a body that is not streamed, from its first piece to its last.
    pub body_total_timeout: Duration,
    /// Calls under way at one time, also those whose client has gone away; more wait.
    pub calls_max: usize,
    /// Streamed bodies at one time; more wait, for as long as [`Limits::body_timeout`].
    pub uploads_max: usize,
    /// A streamed body: each second that its client is waited for must have brought so many bytes, after
    /// [`Limits::upload_grace`]. A call that changes something keeps the journal from being trimmed while it runs.
    pub upload_bytes_per_sec_min: u64,
    /// See [`Limits::upload_bytes_per_sec_min`].
    pub upload_grace: Duration,
    /// For a streamed body, all the waiting for its client together.
    pub upload_total_timeout: Duration,
    /// For a client to read some more of its answer.
    pub write_timeout: Duration,
    /// Calls of one caller; `None`: any number.
    pub caller_rate: Option<Rate>,
    /// Failures of callers who have not proved who they are, from one address.
    pub address_rate: Rate,
    /// The same of all addresses together: bounds what strangers can make us write.
    pub strangers_rate: Rate,
    /// What of the disk is kept back from calls that change something.
    pub disk_reserve: Reserve,
    /// How long requests in flight may go on after a shutdown was asked for.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections_max: 4096,
            body_bytes_max: 16 << 20,
            buffered_bytes_max: 256 << 20,
            headers_max: 200,
            head_bytes_max: 64 << 10,
            head_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(30),
            body_total_timeout: Duration::from_secs(60),
            calls_max: 8192,
            uploads_max: 512,
            upload_bytes_per_sec_min: 16 << 10,
            upload_grace: Duration::from_secs(60),
            upload_total_timeout: Duration::from_secs(24 * 3600),
            write_timeout: Duration::from_secs(60),
            caller_rate: None,
            address_rate: Rate { per_sec: 10, burst: 300 },
            strangers_rate: Rate { per_sec: 50, burst: 1000 },
            disk_reserve: Reserve::Usual,
            drain_timeout: Duration::from_secs(30),
        }
    }
}
