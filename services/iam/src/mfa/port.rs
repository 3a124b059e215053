//! What IAM answers other services about codes.

use async_trait::async_trait;
use ports::{Caller, MfaDevices, Unavailable};

use super::Owner;
use crate::Iam;

#[async_trait]
impl MfaDevices for Iam {
    async fn verify(&self, caller: &Caller, serial: &str, code: &str) -> Result<bool, Unavailable> {
        let owner = match caller.user() {
            Some((id, _, _)) => Owner::User(id.to_string()),
            None if caller.is_root() => Owner::Root,
            None => return Ok(false),
        };
        match self.mfa.verify(serial, &owner, code, self.env.clock.now()).await {
            Ok(()) => Ok(true),
            Err(error) if error.status < 500 => Ok(false),
            Err(error) => Err(Unavailable(error.log.unwrap_or(error.message))),
        }
    }
}
