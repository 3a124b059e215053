//! Whether a browser may let a page of another origin use a bucket (CORS). Kept by S3; asked by the gateway, which answers the
//! browser.

use async_trait::async_trait;

use crate::Unavailable;

/// What a browser asks for a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrossOriginRequest<'a> {
    /// The bucket.
    pub bucket: &'a str,
    /// Where the page is from: the header `Origin`.
    pub origin: &'a str,
    /// What it wants to do: `PUT`.
    pub method: &'a str,
    /// The headers that it wants to send, beyond those that any page may.
    pub headers: Vec<&'a str>,
}

/// What a browser may be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CrossOriginAnswer {
    /// It may: these headers say so. Names in lower case.
    Allowed(Vec<(&'static str, String)>),
    /// The bucket has rules, and none lets it.
    NotAllowed,
    /// The bucket has no rules, or there is no such bucket: which of the two is not a stranger's business.
    NoRules,
}

/// See the module.
#[async_trait]
pub trait CrossOrigin: Send + Sync + 'static {
    /// What the bucket's rules say.
    async fn answer(&self, request: &CrossOriginRequest<'_>) -> Result<CrossOriginAnswer, Unavailable>;
}
