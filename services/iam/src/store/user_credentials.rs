//! What users prove themselves with besides access keys and passwords, as stored with the user.

use std::fmt;

use base::Timestamp;
use serde::{Deserialize, Serialize};

/// What users prove themselves with besides access keys and passwords.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct OtherCredentials {
    /// For Git repositories.
    #[serde(default)]
    pub ssh_keys: Vec<SshKey>,
    /// X.509 certificates, for signing SOAP requests of old.
    #[serde(default)]
    pub certificates: Vec<SigningCertificate>,
    /// Passwords of single services.
    #[serde(default)]
    pub services: Vec<ServiceCredential>,
}

/// A public key for Git repositories.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SshKey {
    /// `APKA…`.
    pub id: String,
    /// As given: `ssh-rsa …` or PEM.
    pub body: String,
    /// MD5 of the key, in pairs of digits.
    pub fingerprint: String,
    /// Inactive keys are not used.
    pub active: bool,
    /// When it came.
    pub uploaded: Timestamp,
}

/// A certificate of a user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SigningCertificate {
    /// 32 letters and digits.
    pub id: String,
    /// In PEM.
    pub body: String,
    /// Inactive certificates are not used.
    pub active: bool,
    /// When it came.
    pub uploaded: Timestamp,
}

/// A user's password for one service.
#[derive(Clone, Serialize, Deserialize)]
pub struct ServiceCredential {
    /// `ACCA…`.
    pub id: String,
    /// `codecommit.amazonaws.com`.
    pub service: String,
    /// `alice-at-123456789012`.
    pub user_name: String,
    /// Of the password, with its salt and method: it is shown once.
    pub hash: String,
    /// Inactive passwords are refused.
    pub active: bool,
    /// When it was made or last made anew.
    pub created: Timestamp,
    /// Until when it counts.
    pub expires: Option<Timestamp>,
}

impl fmt::Debug for ServiceCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceCredential")
            .field("id", &self.id)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}
