//! CloudTrail's data plane: events of applications, sent through channels into event data stores. Channels are CloudTrail's, behind
//! [`ports::AuditChannels`]; what an event must be is checked here.

mod error;
pub mod event;
pub mod ops;

use std::sync::Arc;

use base::Env;
use ports::AuditChannels;
use service::{Builder, Definition, Service};

pub use error::Error;

/// The service.
pub struct CloudTrailData {
    /// Clock and chance.
    pub env: Env,
    /// The channels.
    pub channels: Arc<dyn AuditChannels>,
}

impl Service for CloudTrailData {
    const MODEL: &'static str = "cloudtrail-data";
    const PREFIX: &'static str = "cloudtrail-data";
}

/// The operations.
pub fn definition(service: Arc<CloudTrailData>) -> Definition {
    Builder::new(service).on::<ops::put_audit_events::PutAuditEvents>().build()
}
