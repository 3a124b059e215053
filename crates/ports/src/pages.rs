//! Pages for people: the few requests that are no AWS calls but are answered on the same port, and recorded as AWS records them. The
//! gateway makes their records and sends their answers; what they say and do is of whoever implements [`Pages`].

use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use base::Timestamp;
use bytes::Bytes;
use http::{HeaderMap, Method};

use crate::Session;

/// A request for a page, read whole.
#[derive(Clone)]
pub struct PageRequest {
    /// When it came in.
    pub time: Timestamp,
    /// Its method.
    pub method: Method,
    /// The path as sent.
    pub path: String,
    /// The query as sent, without `?`.
    pub query: String,
    /// The headers, names in lower case.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The host that the client asked for, with its port.
    pub host: String,
    /// The client's address.
    pub source_ip: Arc<str>,
    /// The version of TLS (`TLSv1.3`), if the request came over it.
    pub tls: Option<&'static str>,
    /// Names the request.
    pub request_id: String,
}

impl std::fmt::Debug for PageRequest {
    /// Without query, headers and body, which have passwords and tokens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PageRequest {{ {} {} }}", self.method, self.path)
    }
}

/// What is sent back. Headers have lower-case names; one may be there several times (cookies).
#[derive(Clone)]
pub struct PageResponse {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
}

/// An answer, and what is to be recorded before it is sent.
pub struct PageAnswer {
    /// What is sent once the events are recorded.
    pub response: PageResponse,
    /// What happened, in order. Nothing for a page that only shows.
    pub events: Vec<PageEvent>,
    /// Whether somebody failed to prove who they are: the gateway counts that.
    pub is_failure: bool,
}

/// How a request goes on.
pub enum PageStep {
    /// It is answered; what was done (if anything) has no effect unless the client gets the answer.
    Done(PageAnswer),
    /// Something is about to change that lasts: the event is recorded as begun, and only then the work is done.
    Work {
        /// What is recorded if the work is cut off. The work's answer has the event as it ended, as the first.
        event: PageEvent,
        /// The work.
        work: Pin<Box<dyn Future<Output = PageAnswer> + Send>>,
    },
}

/// Somebody as the records of signing in show them. Source: CloudTrail user guide, "AWS Management Console sign-in events".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageIdentity {
    /// The account itself.
    Root {
        /// Twelve digits.
        account: Arc<str>,
    },
    /// A user who proved to be one.
    User {
        /// Twelve digits.
        account: Arc<str>,
        /// `AIDA…`.
        id: Arc<str>,
        /// The friendly name.
        name: Arc<str>,
        /// The user's ARN.
        arn: Arc<str>,
    },
    /// A user who did not prove it, or not yet; or a name that no user has, which is not shown.
    Claimed {
        /// Twelve digits.
        account: Arc<str>,
        /// Identifier and name, if there is such a user.
        user: Option<(Arc<str>, Arc<str>)>,
    },
    /// Somebody of an account that is not there.
    Nobody,
    /// Somebody in a session, without what the session's calls show.
    Switched(Arc<Session>),
    /// Somebody in a session, with all that calls show.
    Session(Arc<Session>),
}

/// Something to be recorded. Its event source is `signin.amazonaws.com`, its type `AwsConsoleSignIn`, its region us-east-1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageEvent {
    /// `ConsoleLogin`.
    pub name: &'static str,
    /// Whose record it is: `None` for the server's first account.
    pub account: Option<Arc<str>>,
    /// Who.
    pub identity: PageIdentity,
    /// What went wrong. These events have no error codes.
    pub error: Option<String>,
    /// Whether `responseElements` say that it went right: `{"ConsoleLogin": "Success"}`. `None`: it is not over.
    pub is_success: Option<bool>,
    /// `additionalEventData`.
    pub additional: Vec<(&'static str, String)>,
}

/// Whoever answers requests for pages.
#[async_trait]
pub trait Pages: Send + Sync + 'static {
    /// Whether a path is of a page. No bucket's path is.
    fn has(&self, path: &str) -> bool;

    /// Looks at a request, and says how it goes on.
    async fn step(&self, request: PageRequest) -> PageStep;

    /// A page for people that says that a request is refused now, and may be tried again later.
    fn refusal(&self, is_too_many: bool) -> PageResponse;
}
