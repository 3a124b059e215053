//! The accounts, for services that are there before the accounts are.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use base::Region;
use ports::{Caller, DataKey, HandOver, KeyError, KeyInfo, KeyUse, Keys, MfaDevices, PlainKey, Unavailable};

use crate::of_tenants::OfTenants;

/// What accounts have, for services that are there before the accounts are.
#[derive(Default)]
pub(crate) struct LaterTenants(OnceLock<Arc<OfTenants>>);

impl LaterTenants {
    pub fn set(&self, tenants: Arc<OfTenants>) {
        let _ = self.0.set(tenants);
    }

    fn get(&self) -> Result<&Arc<OfTenants>, HandOver> {
        self.0.get().ok_or_else(starting)
    }

    fn keys(&self) -> Result<&Arc<OfTenants>, KeyError> {
        self.0.get().ok_or_else(|| KeyError::Unavailable(Unavailable(STARTING.to_owned())))
    }
}

const STARTING: &str = "the server is starting";

fn starting() -> HandOver {
    HandOver::Unavailable(STARTING.to_owned())
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
    async fn send(&self, message: ports::QueueMessage) -> Result<String, HandOver> {
        ports::Queues::send(&**self.get()?, message).await
    }
}

#[async_trait]
impl ports::ServiceRoles for LaterTenants {
    async fn act_as(&self, by: &ports::OnBehalf, role_arn: &str, session_name: &str) -> Result<Caller, HandOver> {
        let tenants = self.get()?.tenants()?;
        tenants.sts.get().ok_or_else(starting)?.act_as(by, role_arn, session_name).await
    }
}

#[async_trait]
impl ports::LogGroups for LaterTenants {
    async fn check(&self, target: &ports::LogTarget) -> Result<(), HandOver> {
        ports::LogGroups::check(&**self.get()?, target).await
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
    ) -> Result<ports::LogsTaken, HandOver> {
        ports::LogGroups::put(&**self.get()?, target, position, events).await
    }
}

#[async_trait]
impl ports::Topics for LaterTenants {
    async fn check(&self, by: &ports::OnBehalf, topic_arn: &str) -> Result<(), HandOver> {
        ports::Topics::check(&**self.get()?, by, topic_arn).await
    }

    async fn publish(&self, notice: ports::Notice) -> Result<String, HandOver> {
        ports::Topics::publish(&**self.get()?, notice).await
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
