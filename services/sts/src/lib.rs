//! STS: who am I. Temporary credentials arrive with roles.

pub mod ops;

use std::sync::Arc;

use service::{Builder, Definition, Service};

/// The service.
pub struct Sts;

impl Service for Sts {
    const MODEL: &'static str = "sts";
    const PREFIX: &'static str = "sts";
}

/// The operations.
pub fn definition(sts: Arc<Sts>) -> Definition {
    Builder::new(sts).on::<ops::get_caller_identity::GetCallerIdentity>().build()
}
