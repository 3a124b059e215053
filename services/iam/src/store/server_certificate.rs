//! Server certificates, as stored.

use std::fmt;

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Entity, Rows, World};
use crate::Error;
use crate::tags::Tag;

/// A server certificate with its key, as stored.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct ServerCertificate {
    /// The version of this document.
    pub v: u32,
    /// As given; unique whatever the case.
    pub name: String,
    /// `/` or `/division/team/`.
    pub path: String,
    /// `ASCA…`.
    pub id: String,
    /// `arn:aws:iam::123456789012:server-certificate/division/team/name`.
    pub arn: String,
    /// When it came.
    pub uploaded: Timestamp,
    /// Until when it counts.
    pub expires: Timestamp,
    /// In PEM.
    pub body: String,
    /// In PEM, one after the other.
    pub chain: Option<String>,
    /// In PEM. Never shown again.
    pub private: String,
    /// In the order given.
    pub tags: Vec<Tag>,
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCertificate").field("arn", &self.arn).field("id", &self.id).finish_non_exhaustive()
    }
}

impl Entity for ServerCertificate {
    const TABLE: state::Table = "iam/server-certificates";

    fn name(&self) -> &str {
        &self.name
    }

    fn missing(name: &str) -> Error {
        Error::NoSuchEntity(format!("The Server Certificate with name {name} cannot be found."))
    }

    fn rows(world: &World) -> &Rows<ServerCertificate> {
        &world.server_certificates
    }

    fn rows_mut(world: &mut World) -> &mut Rows<ServerCertificate> {
        &mut world.server_certificates
    }
}
