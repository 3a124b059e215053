//! Events of services: what they did by themselves, or finished after the call that asked for it was answered. Source: CloudTrail user
//! guide, "Non-API events captured by CloudTrail", "AWS service events".

use std::sync::Arc;

use async_trait::async_trait;
use base::{Region, Timestamp};

use crate::Unavailable;

/// What a service did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceEvent {
    /// The account that gets the record.
    pub account: Arc<str>,
    /// `organizations.amazonaws.com`.
    pub source: &'static str,
    /// `CreateAccountResult`.
    pub name: &'static str,
    /// Where.
    pub region: Region,
    /// When.
    pub time: Timestamp,
    /// `serviceEventDetails`: a JSON object.
    pub details_json: String,
}

/// Takes the records of what services did. Joined with the journal where services are joined.
#[async_trait]
pub trait ServiceEvents: Send + Sync + 'static {
    /// Keeps a record. Durable when it returns.
    async fn record(&self, event: ServiceEvent) -> Result<(), Unavailable>;
}
