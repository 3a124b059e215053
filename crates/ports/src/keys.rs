//! Keys of KMS as other services use them: for a caller, under the key's own policy, by the name of the service that asks.

use std::fmt;

use async_trait::async_trait;
use base::Region;

use crate::{Caller, RequestContext, Unavailable};

/// For whom, and for what, a key is used.
#[derive(Clone, Copy, Debug)]
pub struct KeyUse<'a> {
    /// Who asked the service; the service's own principal if nobody did (`cloudtrail.amazonaws.com`).
    pub caller: &'a Caller,
    /// Where the service runs.
    pub region: Region,
    /// The key: its identifier, its ARN, or an alias of either form; `alias/aws/s3` is made when it is first used. Not needed to
    /// decrypt: a ciphertext names its key.
    pub key: Option<&'a str>,
    /// The service, as `s3`: `kms:ViaService` is `s3.us-east-1.amazonaws.com`, `invokedBy` of the record `s3.amazonaws.com`.
    pub service: &'a str,
    /// The resource on whose behalf a service principal acts: `aws:SourceArn`, and the account in it `aws:SourceAccount`.
    pub source_arn: Option<&'a str>,
    /// The encryption context.
    pub context: &'a [(&'a str, &'a str)],
    /// What is known of the call that made the service ask, if one did.
    pub request: Option<&'a RequestContext<'a>>,
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its ARN.
    pub arn: String,
    /// Whether it can be used now.
    pub enabled: bool,
    /// Whether it encrypts with one secret (`SYMMETRIC_DEFAULT`): only such keys make data keys.
    pub symmetric: bool,
    /// Whether it is a key that was made for a service (`alias/aws/…`).
    pub managed: bool,
}

/// A new data key.
#[derive(Clone)]
pub struct DataKey {
    /// The key itself.
    pub plaintext: Vec<u8>,
    /// The key, encrypted.
    pub ciphertext: Vec<u8>,
    /// The ARN of the KMS key that encrypted it.
    pub key_arn: String,
}

/// A data key that was decrypted.
#[derive(Clone)]
pub struct PlainKey {
    /// The key itself.
    pub plaintext: Vec<u8>,
    /// The ARN of the KMS key that had encrypted it.
    pub key_arn: String,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey(under {})", self.key_arn)
    }
}

impl fmt::Debug for PlainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlainKey(under {})", self.key_arn)
    }
}

/// Why a key did not take part.
#[derive(Clone, Debug)]
pub enum KeyError {
    /// KMS says no, in its own words.
    Refused {
        /// KMS's error code: `DisabledException`. S3 shows it as `KMS.DisabledException`, and `AccessDeniedException` as `AccessDenied`.
        code: String,
        /// KMS's message.
        message: String,
    },
    /// Storage failed.
    Unavailable(Unavailable),
}

impl KeyError {
    /// Whether the policies do not let the caller.
    pub fn is_denied(&self) -> bool {
        matches!(self, KeyError::Refused { code, .. } if code == "AccessDeniedException")
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyError::Refused { code, message } => write!(f, "{code}: {message}"),
            KeyError::Unavailable(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for KeyError {}

/// Keys. Kept by KMS; used by services that encrypt. Every use leaves a record of KMS's own operation, see [`KeyEvent`].
#[async_trait]
pub trait Keys: Send + Sync + 'static {
    /// What is known of a key, with no policy asked. An alias of a service (`alias/aws/s3`) gets its key now.
    async fn describe(&self, region: Region, key: &str) -> Result<KeyInfo, KeyError>;

    /// A new data key of so many bytes. The caller must be allowed `kms:GenerateDataKey`.
    async fn generate_data_key(&self, asked: &KeyUse<'_>, bytes: usize) -> Result<DataKey, KeyError>;

    /// A data key decrypted. The caller must be allowed `kms:Decrypt`.
    async fn decrypt_data_key(&self, asked: &KeyUse<'_>, ciphertext: &[u8]) -> Result<PlainKey, KeyError>;

    /// A new data key for what was permitted before: no policy is asked, and there is no record. The key must be there and enabled.
    async fn permitted_data_key(
        &self,
        _region: Region,
        key: &str,
        _context: &[(&str, &str)],
        _bytes: usize,
    ) -> Result<DataKey, KeyError> {
        Err(KeyError::Unavailable(Unavailable(format!("{key} is used by callers alone"))))
    }

    /// A data key decrypted for the server's own checks: no policy is asked, and there is no record. The key must be there and enabled.
    async fn open_data_key(
        &self,
        _region: Region,
        key: &str,
        _context: &[(&str, &str)],
        _ciphertext: &[u8],
    ) -> Result<PlainKey, KeyError> {
        Err(KeyError::Unavailable(Unavailable(format!("{key} is used by callers alone"))))
    }
}

/// Something that KMS did without a request of its own: for another service, or because it was due. CloudTrail has a record of each.
/// Source: KMS developer guide, "Logging AWS KMS API calls with AWS CloudTrail".
#[derive(Clone, Debug)]
pub struct KeyEvent {
    /// `GenerateDataKey`, `Decrypt`; `RotateKey`, `DeleteKey`, `DeleteExpiredKeyMaterial` for what was due.
    pub name: &'static str,
    /// Where.
    pub region: Region,
    /// For whom; `None`: nobody, it was due (`eventType` is `AwsServiceEvent`).
    pub caller: Option<Caller>,
    /// `s3.amazonaws.com`: `userIdentity.invokedBy`, `sourceIPAddress` and `userAgent` of the record.
    pub invoked_by: Option<String>,
    /// For the record's `resources`, as `AWS::KMS::Key`.
    pub key_arn: Option<String>,
    /// Members of `requestParameters` besides the encryption context, which never hold a secret: `keyId`, `keySpec`.
    pub parameters: Vec<(&'static str, String)>,
    /// `requestParameters.encryptionContext`.
    pub context: Vec<(String, String)>,
    /// The code and message of a refusal.
    pub error: Option<(String, String)>,
}

/// Takes the records of what KMS did for others. Joined with the journal where services are joined.
#[async_trait]
pub trait KeyRecords: Send + Sync + 'static {
    /// Keeps a record. Durable when it returns; if it cannot be, the use of the key fails.
    async fn record(&self, event: KeyEvent) -> Result<(), Unavailable>;
}
