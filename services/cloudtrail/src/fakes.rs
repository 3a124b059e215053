//! Keys and an organization for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, Weak};

use async_trait::async_trait;
use base::Region;
use ports::{
    Caller, DataKey, DelegationError, Delegations, KeyError, KeyInfo, KeyUse, Keys, Membership, Memberships, PlainKey,
};

use crate::delivery::worker::PRINCIPAL;
use crate::{CloudTrail, Instances, Organized};

/// A key of [`FakeKms`].
#[derive(Clone, Copy, Debug)]
pub struct FakeKey {
    pub enabled: bool,
    pub symmetric: bool,
    /// Whether its policy lets CloudTrail.
    pub lets: bool,
}

/// The context of a data key that was asked for, as pairs, and the source ARN that it was asked in the name of.
pub type AskedFor = (Vec<(String, String)>, Option<String>);

/// Keys by ARN; aliases are ARNs too.
#[derive(Default)]
pub struct FakeKms {
    pub keys: Mutex<BTreeMap<String, FakeKey>>,
    pub aliases: Mutex<BTreeMap<String, String>>,
    pub asked: Mutex<Vec<AskedFor>>,
}

impl FakeKms {
    fn key(&self, named: &str) -> Result<(String, FakeKey), KeyError> {
        let named = self.aliases.lock().unwrap().get(named).cloned().unwrap_or_else(|| named.to_owned());
        let found = self.keys.lock().unwrap().get(&named).copied();
        let missing = || KeyError::Refused { code: "NotFoundException".to_owned(), message: named.clone() };
        Ok((named.clone(), found.ok_or_else(missing)?))
    }
}

#[async_trait]
impl Keys for FakeKms {
    async fn describe(&self, _: Region, key: &str) -> Result<KeyInfo, KeyError> {
        let (arn, key) = self.key(key)?;
        Ok(KeyInfo { arn, enabled: key.enabled, symmetric: key.symmetric, managed: false })
    }

    async fn generate_data_key(&self, asked: &KeyUse<'_>, bytes: usize) -> Result<DataKey, KeyError> {
        let (key_arn, key) = self.key(asked.key.unwrap())?;
        let Caller::Service { principal } = asked.caller else { panic!("CloudTrail asks for itself") };
        assert_eq!(&**principal, PRINCIPAL);
        let context = asked.context.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        self.asked.lock().unwrap().push((context, asked.source_arn.map(str::to_owned)));
        if !key.lets {
            return Err(KeyError::Refused { code: "AccessDeniedException".to_owned(), message: String::new() });
        }
        Ok(DataKey { plaintext: vec![0; bytes], ciphertext: Vec::new(), key_arn })
    }

    async fn decrypt_data_key(&self, _: &KeyUse<'_>, _: &[u8]) -> Result<PlainKey, KeyError> {
        panic!("CloudTrail decrypts nothing")
    }

    async fn permitted_data_key(&self, _: Region, _: &str, _: &[(&str, &str)], _: usize) -> Result<DataKey, KeyError> {
        panic!("CloudTrail asks for its own principal")
    }

    async fn open_data_key(&self, _: Region, _: &str, _: &[(&str, &str)], _: &[u8]) -> Result<PlainKey, KeyError> {
        panic!("CloudTrail decrypts nothing")
    }
}

/// An organization. Without a manager there is none.
#[derive(Default)]
pub struct FakeOrganization {
    pub manager: Mutex<Option<String>>,
    pub members: Mutex<BTreeSet<String>>,
    pub delegates: Mutex<BTreeSet<String>>,
    pub trusts: Mutex<bool>,
    pub billing_only: Mutex<bool>,
    pub instances: Mutex<BTreeMap<String, Weak<CloudTrail>>>,
}

pub const ORGANIZATION: &str = "o-exampleorg";

impl FakeOrganization {
    /// Begins with these accounts; the first manages it. CloudTrail is trusted.
    pub fn begin(&self, accounts: &[&str]) {
        *self.manager.lock().unwrap() = Some(accounts[0].to_owned());
        *self.members.lock().unwrap() = accounts.iter().map(|account| (*account).to_owned()).collect();
        *self.trusts.lock().unwrap() = true;
    }

    pub fn organized(self: &Arc<Self>) -> Organized {
        Organized {
            memberships: Arc::clone(self) as Arc<dyn Memberships>,
            delegations: Arc::clone(self) as Arc<dyn Delegations>,
            instances: Arc::clone(self) as Arc<dyn Instances>,
        }
    }
}

impl Memberships for FakeOrganization {
    fn organization_of(&self, account: &str) -> Option<Membership> {
        let manager = self.manager.lock().unwrap().clone()?;
        self.members.lock().unwrap().contains(account).then(|| Membership {
            organization_id: ORGANIZATION.to_owned(),
            organization_arn: format!("arn:aws:organizations::{manager}:organization/{ORGANIZATION}"),
            management_account: manager.as_str().into(),
            path: format!("{ORGANIZATION}/r-root/"),
            is_management: manager == account,
            all_features: !*self.billing_only.lock().unwrap(),
            delegated_services: self
                .delegates
                .lock()
                .unwrap()
                .contains(account)
                .then(|| PRINCIPAL.to_owned())
                .into_iter()
                .collect(),
        })
    }

    fn members(&self, management_account: &str) -> Vec<Arc<str>> {
        assert_eq!(self.manager.lock().unwrap().as_deref(), Some(management_account));
        self.members.lock().unwrap().iter().map(|account| account.as_str().into()).collect()
    }

    fn delegated_for(&self, service: &str, account: &str) -> bool {
        service == PRINCIPAL && self.delegates.lock().unwrap().contains(account)
    }

    fn trusts(&self, _: &str, service: &str) -> bool {
        service == PRINCIPAL && *self.trusts.lock().unwrap()
    }
}

#[async_trait]
impl Delegations for FakeOrganization {
    async fn register(&self, manager: &str, account: &str, _: &str) -> Result<(), DelegationError> {
        assert_eq!(self.manager.lock().unwrap().as_deref(), Some(manager));
        if !self.members.lock().unwrap().contains(account) {
            return Err(DelegationError::NoSuchAccount);
        }
        let mut delegates = self.delegates.lock().unwrap();
        if delegates.len() >= 3 {
            return Err(DelegationError::TooMany);
        }
        if delegates.insert(account.to_owned()) { Ok(()) } else { Err(DelegationError::Registered) }
    }

    async fn deregister(&self, _: &str, account: &str, _: &str) -> Result<(), DelegationError> {
        match self.delegates.lock().unwrap().remove(account) {
            true => Ok(()),
            false => Err(DelegationError::NotRegistered),
        }
    }
}

impl Instances for FakeOrganization {
    fn of(&self, account: &str) -> Option<Arc<CloudTrail>> {
        self.instances.lock().unwrap().get(account)?.upgrade()
    }
}
