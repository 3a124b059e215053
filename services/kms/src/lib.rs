//! KMS: keys that never leave it in clear, what they encrypt, sign and authenticate, and who may have them do so. Key material lies in
//! `state` wrapped under a master key that lies elsewhere ([`MasterKey`], ADR 20).

mod access;
mod crypto;
mod error;
mod key;
mod managed;
mod master;
mod material;
mod names;
pub mod ops;
mod port;
pub mod rules;
mod spec;
mod store;
mod tags;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod upkeep;

use std::sync::Arc;

use base::Env;
use ports::{Authorizer, KeyRecords};
use service::{Builder, Definition, Service};
use state::State;

pub use error::Error;
pub use key::{Alias, Constraints, Grant, Key};
pub use master::{MasterKey, MasterKeyError, MasterKeys, SecretBytes};
pub use store::{Held, OpenError, has_keys};

/// What the service stands on.
pub struct Deps {
    /// Clock and chance.
    pub env: Env,
    /// Whose the keys are.
    pub account: Arc<str>,
    /// Keys, aliases and grants.
    pub state: Arc<dyn State>,
    /// What key material is wrapped under.
    pub master: Arc<dyn MasterKey>,
    /// Decides who may what, and asks KMS in turn what keys' policies say ([`ports::ResourcePolicies`]).
    pub authorizer: Arc<dyn Authorizer>,
    /// Where what was done for other services, and what was due, is recorded. `None`: nowhere.
    pub records: Option<Arc<dyn KeyRecords>>,
}

/// The service.
pub struct Kms {
    pub(crate) deps: Deps,
    pub(crate) store: store::Store,
}

impl Service for Kms {
    const MODEL: &'static str = "kms";
    const PREFIX: &'static str = "kms";
    const ACROSS_ACCOUNTS: bool = true;
}

impl Kms {
    /// Opens KMS over its tables. Fails if key material is wrapped under a master key that is not there. [`Kms::round`] is to be
    /// called from time to time.
    pub async fn open(deps: Deps) -> Result<Arc<Kms>, OpenError> {
        let store = store::Store::open(Arc::clone(&deps.state), &*deps.master).await?;
        Ok(Arc::new(Kms { deps, store }))
    }
}

/// The operations.
pub fn definition(kms: Arc<Kms>) -> Definition {
    Builder::new(kms)
        .on::<ops::aliases::CreateAlias>()
        .on::<ops::aliases::DeleteAlias>()
        .on::<ops::aliases::ListAliases>()
        .on::<ops::aliases::UpdateAlias>()
        .on::<ops::create_key::CreateKey>()
        .on::<ops::data_keys::GenerateDataKey>()
        .on::<ops::data_keys::GenerateDataKeyWithoutPlaintext>()
        .on::<ops::data_key_pairs::GenerateDataKeyPair>()
        .on::<ops::data_key_pairs::GenerateDataKeyPairWithoutPlaintext>()
        .on::<ops::data_keys::GenerateRandom>()
        .on::<ops::deletion::CancelKeyDeletion>()
        .on::<ops::deletion::ScheduleKeyDeletion>()
        .on::<ops::elsewhere::ConnectCustomKeyStore>()
        .on::<ops::elsewhere::CreateCustomKeyStore>()
        .on::<ops::elsewhere::DeleteCustomKeyStore>()
        .on::<ops::elsewhere::DescribeCustomKeyStores>()
        .on::<ops::elsewhere::DisconnectCustomKeyStore>()
        .on::<ops::elsewhere::ReplicateKey>()
        .on::<ops::elsewhere::UpdateCustomKeyStore>()
        .on::<ops::elsewhere::UpdatePrimaryRegion>()
        .on::<ops::encrypt::Decrypt>()
        .on::<ops::encrypt::Encrypt>()
        .on::<ops::encrypt::ReEncrypt>()
        .on::<ops::grants::CreateGrant>()
        .on::<ops::grants::ListGrants>()
        .on::<ops::grants::ListRetirableGrants>()
        .on::<ops::grants_end::RetireGrant>()
        .on::<ops::grants_end::RevokeGrant>()
        .on::<ops::import::DeleteImportedKeyMaterial>()
        .on::<ops::import::GetParametersForImport>()
        .on::<ops::import::ImportKeyMaterial>()
        .on::<ops::keys::DescribeKey>()
        .on::<ops::keys::DisableKey>()
        .on::<ops::keys::EnableKey>()
        .on::<ops::keys::ListKeys>()
        .on::<ops::keys::UpdateKeyDescription>()
        .on::<ops::macs::GenerateMac>()
        .on::<ops::macs::VerifyMac>()
        .on::<ops::policies::GetKeyPolicy>()
        .on::<ops::policies::ListKeyPolicies>()
        .on::<ops::policies::PutKeyPolicy>()
        .on::<ops::rotation::DisableKeyRotation>()
        .on::<ops::rotation::EnableKeyRotation>()
        .on::<ops::rotation::GetKeyRotationStatus>()
        .on::<ops::rotation::ListKeyRotations>()
        .on::<ops::rotation::RotateKeyOnDemand>()
        .on::<ops::sign::DeriveSharedSecret>()
        .on::<ops::sign::GetPublicKey>()
        .on::<ops::sign::Sign>()
        .on::<ops::sign::Verify>()
        .on::<ops::tags::ListResourceTags>()
        .on::<ops::tags::TagResource>()
        .on::<ops::tags::UntagResource>()
        .build()
}
