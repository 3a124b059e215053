//! MFA Delete: buckets whose versions are removed, and whose versioning is changed, only by the account's root with a code of its
//! MFA device. Source: S3 user guide, "Configuring MFA delete" and "Deleting an object from an MFA delete-enabled bucket".
//!
//! The header that carries a code never goes into a log line.

use std::sync::Arc;

use ports::{Caller, MfaDevices};
use service::{ApiError, Call};

use crate::S3;
use crate::bucket::Bucket;
use crate::error::Error;

fn refused(text: &str) -> ApiError {
    ApiError { message: text.to_owned(), ..Error::AccessDenied.into() }
}

impl S3 {
    /// The service that asks `devices` whether a code is right. Without any, no code is.
    #[must_use]
    pub fn with_mfa_devices(mut self, devices: Arc<dyn MfaDevices>) -> S3 {
        self.mfa_devices = Some(devices);
        self
    }

    /// Refuses removing a version from a bucket with MFA Delete, but by root with the right code. A code that is given must be
    /// right everywhere.
    pub(crate) async fn check_second_factor(
        &self,
        call: &Call,
        bucket: &Bucket,
        header: Option<&str>,
    ) -> Result<(), ApiError> {
        if bucket.mfa_delete != Some(true) {
            return Ok(());
        }
        self.demand_second_factor(call, header).await
    }

    /// Refuses a call but by root with the right code: `serial number, space, code`.
    pub(crate) async fn demand_second_factor(&self, call: &Call, header: Option<&str>) -> Result<(), ApiError> {
        let header = header.ok_or_else(|| refused("Mfa Authentication must be used for this request"))?;
        if !matches!(call.caller, Caller::Root { .. }) {
            return Err(refused("This operation may only be performed by the bucket owner"));
        }
        let invalid = || refused("Invalid MFA serial number and token code");
        let (serial, code) = header.trim().rsplit_once(' ').ok_or_else(invalid)?;
        let devices = self.mfa_devices.as_ref().ok_or_else(invalid)?;
        if devices.verify(&call.caller, serial.trim(), code).await? { Ok(()) } else { Err(invalid()) }
    }
}
