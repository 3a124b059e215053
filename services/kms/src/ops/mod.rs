//! KMS's operations, by family: each is a few lines over what the modules around this folder do.

/// An operation. It asks by itself whether its caller may, as the key may be named by an alias or within a ciphertext; one that is
/// `on "*"` is about no key in particular, and asked for by the gateway.
macro_rules! operation {
    ($(#[$doc:meta])* $name:ident: $input:ty => $output:ty, |$kms:ident, $call:ident, $in:pat_param| $body:block) => {
        operation!(@ [$(#[$doc])*] $name "key/{KeyId}" true $input, $output, $kms, $call, $in, $body);
    };
    ($(#[$doc:meta])* $name:ident on "*": $input:ty => $output:ty, |$kms:ident, $call:ident, $in:pat_param| $body:block) => {
        operation!(@ [$(#[$doc])*] $name "*" false $input, $output, $kms, $call, $in, $body);
    };
    (@ [$(#[$doc:meta])*] $name:ident $resource:literal $asks:literal $input:ty, $output:ty, $kms:ident, $call:ident, $in:pat_param, $body:block) => {
        $(#[$doc])*
        pub struct $name;

        impl service::Operation for $name {
            type Service = crate::Kms;
            type Input = $input;
            type Output = $output;
            const NAME: &'static str = stringify!($name);
            const RESOURCE: &'static str = $resource;
            const ASKS_ITSELF: bool = $asks;

            async fn run($kms: &crate::Kms, $call: &service::Call, $in: $input) -> Result<$output, service::ApiError> $body
        }
    };
}

pub mod aliases;
pub mod create_key;
pub mod data_key_pairs;
pub mod data_keys;
pub mod deletion;
pub mod elsewhere;
pub mod encrypt;
pub mod grants;
pub mod grants_end;
pub mod import;
pub mod keys;
pub mod macs;
mod metadata;
pub mod policies;
pub mod rotation;
pub mod sign;
pub mod tags;

use base::Region;
use model::Blob;
use serde::Deserialize;
use service::ApiError;
use service::paging::Page;

use crate::key::Key;
use crate::store::Step;
use crate::{Error, Kms};

/// What an enclave shows of itself. Nothing here runs beside one.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Recipient {
    #[serde(rename = "KeyEncryptionAlgorithm")]
    _key_encryption_algorithm: Option<String>,
    #[serde(rename = "AttestationDocument")]
    _attestation_document: Option<Blob>,
}

/// Refuses what only enclaves ask for.
fn check_recipient(recipient: Option<&Recipient>) -> Result<(), Error> {
    match recipient {
        None => Ok(()),
        Some(_) => Err(Error::UnsupportedOperationException("Recipient is not supported.".to_owned())),
    }
}

/// Ends a call that was only a question.
fn check_dry_run(dry_run: Option<bool>) -> Result<(), Error> {
    if dry_run == Some(true) { Err(Error::DryRunOperationException) } else { Ok(()) }
}

/// Refuses texts that are no grant tokens. Grants here count from the moment they are made, so tokens add nothing.
fn check_grant_tokens(tokens: &[String]) -> Result<(), Error> {
    tokens.iter().try_for_each(|token| grants::read_token(token).map(drop))
}

/// One page of what is in the order of `key`.
fn page<T>(
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> &str,
    marker: Option<&str>,
    limit: Option<i64>,
    usual: usize,
) -> Result<Page<T>, Error> {
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usual);
    service::paging::page(items, key, marker, limit).map_err(|_| Error::InvalidMarkerException)
}

impl Kms {
    /// Changes a key that is there.
    async fn change_key<T>(
        &self,
        region: Region,
        id: &str,
        change: impl FnOnce(&mut Key) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let now = self.deps.env.clock.now();
        self.store
            .change(|memory| {
                let held = memory.key(region, id, now);
                let held = held
                    .ok_or_else(|| Error::no_key(&crate::key::arn(region, &self.deps.account, &format!("key/{id}"))))?;
                let mut key = held.key.clone();
                let answer = change(&mut key)?;
                Ok((vec![Step::Put(Box::new(key))], answer))
            })
            .await
    }
}
