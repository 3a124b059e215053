//! Who owns an access key, and who may do what.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{Caller, Unavailable};

/// A secret access key. Its text never shows in `Debug`.
#[derive(Clone)]
pub struct Secret(pub Arc<str>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// An access key and whose it is.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Signs requests.
    pub secret: Secret,
    /// Whom the key speaks for.
    pub caller: Caller,
    /// Inactive keys are refused.
    pub active: bool,
    /// The session token that must come with a temporary key.
    pub session_token: Option<Secret>,
}

/// Finds access keys. Kept by IAM; asked by the gateway for every call, so it answers from memory.
#[async_trait]
pub trait Credentials: Send + Sync + 'static {
    /// The key of this identifier.
    async fn find(&self, access_key_id: &str) -> Result<Option<Arc<Credential>>, Unavailable>;
}

/// What somebody wants to do.
#[derive(Debug)]
pub struct AccessRequest<'a> {
    /// Who.
    pub caller: &'a Caller,
    /// `cloudtrail:CreateTrail`.
    pub action: &'a str,
    /// The ARN acted on, or `*`.
    pub resource: &'a str,
}

/// Whether somebody may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A policy allows it (or the caller is root) and none denies it.
    Allow,
    /// No identity-based policy allows it.
    ImplicitDeny,
    /// An identity-based policy denies it.
    ExplicitDeny,
}

/// Decides who may do what. Kept by IAM; asked by the gateway before an operation runs.
#[async_trait]
pub trait Authorizer: Send + Sync + 'static {
    /// Whether the caller may act so.
    async fn decide(&self, request: &AccessRequest<'_>) -> Result<Decision, Unavailable>;
}
