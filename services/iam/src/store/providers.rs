//! Identity providers of others, as stored.

use std::fmt;

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Entity, Rows, World};
use crate::Error;
use crate::tags::Tag;

/// An OpenID Connect provider, as stored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct OidcProvider {
    /// The version of this document.
    pub v: u32,
    /// The issuer's address without `https://`: its name.
    pub url: String,
    /// `arn:aws:iam::123456789012:oidc-provider/token.example.com`.
    pub arn: String,
    /// When it was made.
    pub created: Timestamp,
    /// The audiences that its tokens may be for.
    pub client_ids: Vec<String>,
    /// SHA-1 of the certificates that vouch for its keys, in hexadecimal.
    pub thumbprints: Vec<String>,
    /// In the order given.
    pub tags: Vec<Tag>,
}

impl Entity for OidcProvider {
    const TABLE: state::Table = "iam/oidc-providers";

    fn name(&self) -> &str {
        &self.url
    }

    fn missing(name: &str) -> Error {
        Error::NoSuchEntity(format!("OpenIDConnect Provider not found for arn {name}"))
    }

    fn rows(world: &World) -> &Rows<OidcProvider> {
        &world.oidc_providers
    }

    fn rows_mut(world: &mut World) -> &mut Rows<OidcProvider> {
        &mut world.oidc_providers
    }
}

/// A SAML provider, as stored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SamlProvider {
    /// The version of this document.
    pub v: u32,
    /// As given; unique whatever the case.
    pub name: String,
    /// `arn:aws:iam::123456789012:saml-provider/name`.
    pub arn: String,
    /// An identifier that no other provider ever has.
    pub uuid: String,
    /// When it was made.
    pub created: Timestamp,
    /// Until when its metadata count.
    pub valid_until: Timestamp,
    /// As given.
    pub metadata: String,
    /// `Required` or `Allowed`, if said.
    pub encryption: Option<String>,
    /// With which encrypted assertions are read.
    pub keys: Vec<SamlKey>,
    /// In the order given.
    pub tags: Vec<Tag>,
}

/// A key with which encrypted assertions are read.
#[derive(Clone, Serialize, Deserialize)]
pub struct SamlKey {
    /// `key-…`.
    pub id: String,
    /// When it came.
    pub created: Timestamp,
    /// In PEM.
    pub private: String,
}

impl fmt::Debug for SamlKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SamlKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Entity for SamlProvider {
    const TABLE: state::Table = "iam/saml-providers";

    fn name(&self) -> &str {
        &self.name
    }

    fn missing(name: &str) -> Error {
        Error::NoSuchEntity(format!("Manifest not found for arn {name}"))
    }

    fn rows(world: &World) -> &Rows<SamlProvider> {
        &world.saml_providers
    }

    fn rows_mut(world: &mut World) -> &mut Rows<SamlProvider> {
        &mut world.saml_providers
    }
}
