//! How an AWS service is written: [`Operation`], [`Service`], [`Call`], [`ApiError`]. Knows no protocol, socket or journal: an
//! operation gets typed values and gives typed values. [`paging`] is for those that list.

mod access;
mod body;
mod call;
pub mod decided;
mod definition;
mod error;
mod operation;
pub mod paging;
mod passed;

#[doc(hidden)]
pub use access::FixedIdentities;
pub use access::{Access, Organized};
pub use body::Body;
pub use call::{Call, Notes, Reply, ResourceNote};
pub use definition::{Builder, Definition, Handler, resource_arn};
pub use error::ApiError;
pub use operation::{Operation, Service};
pub use passed::{PassedRole, Place};

#[doc(hidden)]
pub use thiserror;
