//! [`Call`]: everything about one request that is not its input: who, where, when, the body beside the values, and what the
//! operation has to say to the record and the reply.

use std::sync::{Arc, Mutex};

use base::{Region, Timestamp};
use ports::{Caller, RequestContext};

use crate::Body;

/// One request on its way through an operation.
pub struct Call {
    /// Who calls; for an operation that runs always somebody who may.
    pub caller: Caller,
    /// The account whose resources are acted on.
    pub account: Arc<str>,
    /// The region called.
    pub region: Region,
    /// When the request came in.
    pub time: Timestamp,
    /// What the client gets as request identifier.
    pub request_id: String,
    /// The model's name of the operation.
    pub operation: Arc<str>,
    /// The request's headers, names in lower case.
    pub headers: http::HeaderMap,
    /// The query string as sent.
    pub query: String,
    /// The client's address.
    pub source_ip: Arc<str>,
    /// The version of TLS (`TLSv1.3`), if the request came over it.
    pub tls: Option<&'static str>,
    /// The host that the client addressed, with its port: for URLs in replies.
    pub host: String,
    /// The request's body, where the operation streams it.
    pub body: Mutex<Option<Body>>,
    /// What the operation adds to its reply.
    pub reply: Mutex<Reply>,
    /// What the operation adds to its record.
    pub notes: Mutex<Notes>,
}

impl std::fmt::Debug for Call {
    /// Without headers and query, which may hold signatures and tokens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Call { operation, region, request_id, .. } = self;
        write!(f, "Call {{ {operation} in {region}, request {request_id} }}")
    }
}

/// What an operation adds to a reply besides its output.
#[derive(Debug, Default)]
pub struct Reply {
    /// The body, for operations whose output streams.
    pub body: Option<Body>,
    /// A status other than the model's: 206 for a range.
    pub status: Option<u16>,
    /// Headers that the model does not have. Lower-case names.
    pub headers: Vec<(&'static str, String)>,
}

/// What an operation adds to its record.
#[derive(Debug, Default)]
pub struct Notes {
    /// For the record's `resources`, besides what the gateway derives from the request.
    pub resources: Vec<ResourceNote>,
    /// For the record's `additionalEventData`.
    pub additional: Vec<(&'static str, String)>,
    /// What the record says went wrong (code and text), though the answer as a whole says that nothing did.
    pub error: Option<(String, String)>,
    /// What consumers of the journal are to know, beside the record, as JSON.
    pub aside: Option<String>,
    /// Who called, where only the operation finds that out: whoever showed a provider's token.
    pub caller: Option<Caller>,
    /// Whose record it is, where only the operation finds that out.
    pub recipient: Option<Arc<str>>,
    /// The accounts of others whose resources the call acted on: each gets a copy of the record.
    pub owners: Vec<Arc<str>>,
}

/// A resource that a call touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceNote {
    /// `AWS::S3::Object`.
    pub kind: &'static str,
    /// Its ARN.
    pub arn: String,
    /// The account that owns it.
    pub account: String,
    /// Whether `arn` is only what the ARNs of the resources begin with.
    pub is_prefix: bool,
}

impl Call {
    /// What conditions of policies are held against. `more` are condition keys that the request as a whole does not tell.
    pub fn context<'a>(&'a self, more: &'a [(&'a str, &'a str)]) -> RequestContext<'a> {
        RequestContext {
            time: self.time,
            region: self.region,
            source_ip: &self.source_ip,
            tls: self.tls,
            headers: &self.headers,
            query: &self.query,
            input: None,
            more,
        }
    }

    /// Takes the request's body; an empty one if there is none or it was taken before.
    pub fn take_body(&self) -> Body {
        let body = self.body.lock().expect("no holder of this lock can panic").take();
        body.unwrap_or_else(|| Body::from_bytes(bytes::Bytes::new()))
    }

    /// Streams `body` as the reply.
    pub fn stream_reply(&self, body: Body) {
        self.reply.lock().expect("no holder of this lock can panic").body = Some(body);
    }

    /// Answers with another status than the model's.
    pub fn set_status(&self, status: u16) {
        self.reply.lock().expect("no holder of this lock can panic").status = Some(status);
    }

    /// Adds a header to the reply.
    pub fn reply_header(&self, name: &'static str, value: impl Into<String>) {
        self.reply.lock().expect("no holder of this lock can panic").headers.push((name, value.into()));
    }

    /// Takes back the headers that were added to the reply.
    pub fn forget_headers(&self) {
        self.reply.lock().expect("no holder of this lock can panic").headers.clear();
    }

    /// Names a resource in the record.
    pub fn note_resource(&self, kind: &'static str, arn: impl Into<String>) {
        let note = ResourceNote { kind, arn: arn.into(), account: self.account.to_string(), is_prefix: false };
        self.notes.lock().expect("no holder of this lock can panic").resources.push(note);
    }

    /// Names a resource of another account in the record, of which that account gets a copy.
    pub fn note_resource_of(&self, kind: &'static str, arn: impl Into<String>, account: &Arc<str>) {
        let note = ResourceNote { kind, arn: arn.into(), account: account.to_string(), is_prefix: false };
        let mut notes = self.notes.lock().expect("no holder of this lock can panic");
        notes.resources.push(note);
        if *account != self.account && !notes.owners.contains(account) {
            notes.owners.push(Arc::clone(account));
        }
    }

    /// Says who called and whose record it is, where only the operation finds that out.
    pub fn note_caller(&self, caller: Caller, recipient: &Arc<str>) {
        let mut notes = self.notes.lock().expect("no holder of this lock can panic");
        notes.caller = Some(caller);
        notes.recipient = Some(Arc::clone(recipient));
    }

    /// Has the record say that the call failed, though its answer does not.
    pub fn note_error(&self, code: &str, text: &str) {
        let error = Some((code.to_owned(), text.to_owned()));
        self.notes.lock().expect("no holder of this lock can panic").error = error;
    }

    /// Tells consumers of the journal something that is not for the record, as JSON.
    pub fn note_aside(&self, json: String) {
        self.notes.lock().expect("no holder of this lock can panic").aside = Some(json);
    }

    /// A header's text, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
