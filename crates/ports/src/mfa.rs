//! Codes of multi-factor authentication devices.

use async_trait::async_trait;

use crate::{Caller, Unavailable};

/// The devices that callers carry. Kept by IAM; asked by S3 where a bucket wants a second factor.
#[async_trait]
pub trait MfaDevices: Send + Sync + 'static {
    /// Whether `code` is what the caller's own device of this serial number shows now. Each code counts once: when this answers
    /// yes, that it was used is durable.
    async fn verify(&self, caller: &Caller, serial: &str, code: &str) -> Result<bool, Unavailable>;
}
