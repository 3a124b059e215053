//! [`Late`]: what services of an account ask of all accounts, for services that are made before the accounts are joined.

use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;
use base::Region;
use base::arn::Arn;
use cloudtrail::CloudTrail;
use ports::{DataKey, KeyError, KeyInfo, KeyUse, Keys, PlainKey, Unavailable};

use crate::tenants::{Tenant, Tenants};

/// See the module. Knows nobody until it is told.
#[derive(Default)]
pub(crate) struct Late(OnceLock<Weak<Tenants>>);

impl Late {
    /// Says who the accounts are.
    pub fn set(&self, tenants: &Arc<Tenants>) {
        let _ = self.0.set(Arc::downgrade(tenants));
    }

    fn tenant(&self, account: &str) -> Option<Arc<Tenant>> {
        self.0.get()?.upgrade()?.get(account)
    }

    /// The account of a key that is named by its ARN; what else is named is of the account on whose behalf it is used.
    fn holder(&self, key: Option<&str>, behalf: Option<&str>) -> Result<Arc<Tenant>, KeyError> {
        let account = |arn: &str| Arn::parse(arn).map(|arn| arn.account.to_string()).filter(|text| !text.is_empty());
        let account = key.and_then(account).or_else(|| behalf.and_then(account));
        if self.0.get().is_none_or(|tenants| tenants.strong_count() == 0) {
            return Err(KeyError::Unavailable(Unavailable("the accounts are not known now".to_owned())));
        }
        let found = account.and_then(|account| self.tenant(&account));
        found.ok_or_else(|| KeyError::Refused {
            code: "NotFoundException".to_owned(),
            message: format!("Key '{}' does not exist", key.unwrap_or_default()),
        })
    }
}

impl cloudtrail::Instances for Late {
    fn of(&self, account: &str) -> Option<Arc<CloudTrail>> {
        self.tenant(account).map(|tenant| Arc::clone(&tenant.cloudtrail))
    }
}

#[async_trait]
impl Keys for Late {
    async fn describe(&self, region: Region, key: &str) -> Result<KeyInfo, KeyError> {
        self.holder(Some(key), None)?.kms.describe(region, key).await
    }

    async fn generate_data_key(&self, asked: &KeyUse<'_>, bytes: usize) -> Result<DataKey, KeyError> {
        self.holder(asked.key, asked.source_arn)?.kms.generate_data_key(asked, bytes).await
    }

    async fn decrypt_data_key(&self, asked: &KeyUse<'_>, ciphertext: &[u8]) -> Result<PlainKey, KeyError> {
        self.holder(asked.key, asked.source_arn)?.kms.decrypt_data_key(asked, ciphertext).await
    }
}
