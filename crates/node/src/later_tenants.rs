//! The accounts, for services that are there before the accounts are.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use base::Region;
use ports::{Caller, DataKey, KeyError, KeyInfo, KeyUse, Keys, MfaDevices, PlainKey, Unavailable};

use crate::of_tenants::OfTenants;

/// What accounts have, for services that are there before the accounts are.
#[derive(Default)]
pub(crate) struct LaterTenants(OnceLock<Arc<OfTenants>>);

impl LaterTenants {
    pub fn set(&self, tenants: Arc<OfTenants>) {
        let _ = self.0.set(tenants);
    }

    fn keys(&self) -> Result<&Arc<OfTenants>, KeyError> {
        self.0.get().ok_or_else(|| KeyError::Unavailable(Unavailable("the server is starting".to_owned())))
    }
}

#[async_trait]
impl Keys for LaterTenants {
    async fn describe(&self, region: Region, key: &str) -> Result<KeyInfo, KeyError> {
        self.keys()?.describe(region, key).await
    }

    async fn generate_data_key(&self, asked: &KeyUse<'_>, bytes: usize) -> Result<DataKey, KeyError> {
        self.keys()?.generate_data_key(asked, bytes).await
    }

    async fn decrypt_data_key(&self, asked: &KeyUse<'_>, ciphertext: &[u8]) -> Result<PlainKey, KeyError> {
        self.keys()?.decrypt_data_key(asked, ciphertext).await
    }

    async fn permitted_data_key(
        &self,
        region: Region,
        key: &str,
        context: &[(&str, &str)],
        bytes: usize,
    ) -> Result<DataKey, KeyError> {
        self.keys()?.permitted_data_key(region, key, context, bytes).await
    }

    async fn open_data_key(
        &self,
        region: Region,
        key: &str,
        context: &[(&str, &str)],
        ciphertext: &[u8],
    ) -> Result<PlainKey, KeyError> {
        self.keys()?.open_data_key(region, key, context, ciphertext).await
    }
}

#[async_trait]
impl ports::Queues for LaterTenants {
    async fn send(&self, message: ports::QueueMessage) -> Result<String, ports::HandOver> {
        match self.0.get() {
            Some(tenants) => ports::Queues::send(&**tenants, message).await,
            None => Err(ports::HandOver::Unavailable("the server is starting".to_owned())),
        }
    }
}

#[async_trait]
impl ports::ServiceRoles for LaterTenants {
    async fn act_as(
        &self,
        by: &ports::OnBehalf,
        role_arn: &str,
        session_name: &str,
    ) -> Result<Caller, ports::HandOver> {
        let starting = || ports::HandOver::Unavailable("the server is starting".to_owned());
        let tenants = self.0.get().ok_or_else(starting)?.tenants()?;
        tenants.sts.get().ok_or_else(starting)?.act_as(by, role_arn, session_name).await
    }
}

#[async_trait]
impl ports::LogGroups for LaterTenants {
    async fn check(&self, target: &ports::LogTarget) -> Result<(), ports::HandOver> {
        match self.0.get() {
            Some(tenants) => ports::LogGroups::check(&**tenants, target).await,
            None => Err(ports::HandOver::Unavailable("the server is starting".to_owned())),
        }
    }

    async fn make(&self, target: &ports::LogTarget) -> Result<(), ports::HandOver> {
        match self.0.get() {
            Some(tenants) => ports::LogGroups::make(&**tenants, target).await,
            None => Err(ports::HandOver::Unavailable("the server is starting".to_owned())),
        }
    }

    async fn put(
        &self,
        target: &ports::LogTarget,
        position: u64,
        events: Vec<(i64, bytes::Bytes)>,
    ) -> Result<ports::LogsTaken, ports::HandOver> {
        match self.0.get() {
            Some(tenants) => ports::LogGroups::put(&**tenants, target, position, events).await,
            None => Err(ports::HandOver::Unavailable("the server is starting".to_owned())),
        }
    }
}

#[async_trait]
impl ports::Topics for LaterTenants {
    async fn check(&self, by: &ports::OnBehalf, topic_arn: &str) -> Result<(), ports::HandOver> {
        match self.0.get() {
            Some(tenants) => ports::Topics::check(&**tenants, by, topic_arn).await,
            None => Err(ports::HandOver::Unavailable("the server is starting".to_owned())),
        }
    }

    async fn publish(&self, notice: ports::Notice) -> Result<String, ports::HandOver> {
        match self.0.get() {
            Some(tenants) => ports::Topics::publish(&**tenants, notice).await,
            None => Err(ports::HandOver::Unavailable("the server is starting".to_owned())),
        }
    }
}

impl cloudtrail::Instances for LaterTenants {
    fn of(&self, account: &str) -> Option<Arc<cloudtrail::CloudTrail>> {
        let tenant = self.0.get()?.0.upgrade()?.get(account)?;
        Some(Arc::clone(&tenant.cloudtrail))
    }
}

#[async_trait]
impl MfaDevices for LaterTenants {
    async fn verify(&self, caller: &Caller, serial: &str, code: &str) -> Result<bool, Unavailable> {
        match self.0.get() {
            Some(tenants) => tenants.verify(caller, serial, code).await,
            None => Ok(false),
        }
    }
}
