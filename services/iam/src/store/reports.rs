//! Reports that were asked for, as stored: the credential report, and what was last used.

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Entity, Rows, World};
use crate::Error;

/// The credential report, as stored. There is at most one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CredentialReport {
    /// The version of this document.
    pub v: u32,
    /// When it was made.
    pub made: Timestamp,
    /// Its lines.
    pub content: String,
}

impl CredentialReport {
    /// The name of the only one.
    pub const NAME: &'static str = "credentials";
}

impl Entity for CredentialReport {
    const TABLE: state::Table = "iam/credential-report";

    fn name(&self) -> &str {
        CredentialReport::NAME
    }

    fn missing(_: &str) -> Error {
        Error::ReportNotPresent
    }

    fn rows(world: &World) -> &Rows<CredentialReport> {
        &world.credential_reports
    }

    fn rows_mut(world: &mut World) -> &mut Rows<CredentialReport> {
        &mut world.credential_reports
    }
}

/// Which services somebody may use and last used, as of one moment, as stored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AccessReport {
    /// The version of this document.
    pub v: u32,
    /// The job's identifier: a UUID.
    pub id: String,
    /// When it was asked for and made.
    pub made: Timestamp,
    /// About which user, group, role or policy.
    pub arn: String,
    /// Whether actions were asked for too.
    pub by_action: bool,
    /// In the order of namespaces.
    pub services: Vec<ServiceUse>,
}

/// How a service was used.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ServiceUse {
    /// `s3`.
    pub namespace: String,
    /// By whom; the latest first.
    pub entities: Vec<EntityUse>,
}

/// Who may use a service, and when it last did.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EntityUse {
    /// The user's or role's ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// `USER` or `ROLE`.
    pub kind: String,
    /// `AIDA…` or `AROA…`.
    pub id: String,
    /// `/` or `/division/team/`.
    pub path: String,
    /// When and in which Region it last used the service, if it ever did.
    pub last: Option<(Timestamp, String)>,
}

impl Entity for AccessReport {
    const TABLE: state::Table = "iam/access-reports";

    fn name(&self) -> &str {
        &self.id
    }

    fn missing(name: &str) -> Error {
        Error::NoSuchEntity(format!("No job with id {name} was found."))
    }

    fn rows(world: &World) -> &Rows<AccessReport> {
        &world.access_reports
    }

    fn rows_mut(world: &mut World) -> &mut Rows<AccessReport> {
        &mut world.access_reports
    }
}
