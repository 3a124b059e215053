//! Channels as the service uses them that takes audit events of applications: kept by CloudTrail.

use async_trait::async_trait;
use base::Region;

use crate::lake::NewRecord;
use crate::{AccessRequest, StoreId, Unavailable};

/// A channel that somebody may send events through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditChannel {
    /// Its ARN.
    pub arn: String,
    /// The UUID in it.
    pub id: String,
    /// Where it lives.
    pub region: Region,
    /// Whose it is.
    pub account: String,
    /// Where its events go.
    pub stores: Vec<StoreId>,
}

/// Why a channel takes no events.
#[derive(Clone, Debug)]
pub enum ChannelError {
    /// The text is no ARN of a channel.
    Invalid,
    /// There is no such channel.
    NotFound,
    /// Its policy does not let the caller.
    Denied,
    /// Storage failed.
    Unavailable(Unavailable),
}

impl From<Unavailable> for ChannelError {
    fn from(error: Unavailable) -> ChannelError {
        ChannelError::Unavailable(error)
    }
}

/// What one call sent through a channel.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// The records that are good, each with its `eventID`.
    pub records: Vec<(String, NewRecord)>,
    /// The error code of the first event that is not, if there is one.
    pub error: Option<String>,
}

/// Channels. Kept by CloudTrail; used by the service `cloudtrail-data`.
#[async_trait]
pub trait AuditChannels: Send + Sync + 'static {
    /// The channel that `request.resource` names, if the caller may send events through it. What identity-based policies say was
    /// asked before.
    async fn open(&self, request: &AccessRequest<'_>, external_id: Option<&str>) -> Result<AuditChannel, ChannelError>;

    /// Keeps records in the stores behind a channel, and notes how it went. Durable when it returns.
    async fn keep(&self, channel: &AuditChannel, sent: Sent) -> Result<(), Unavailable>;
}
