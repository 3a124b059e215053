//! How accounts come about and what becomes of them: the server's first one, those that are made, and what must be in them.

use std::sync::{Arc, Mutex, OnceLock};

use base::{Env, Timestamp};
use ports::{NewAccount, NewAccounts, ServiceEvents};
use service::ApiError;
use state::State;

use crate::Organizations;
use crate::error::{Error, constraint};
use crate::records::{Account, Attached, Creation, CreationState, HandshakeState, Joined, Member, VERSION};
use crate::store::{Draft, Store};
use crate::tags::Tag;
use crate::world::World;

/// How long handshakes that are over are told of. Source: Organizations API reference, "Handshake", State.
const HANDSHAKE_TOLD_MS: i64 = 30 * base::time::DAY_MS;
/// How long requests for accounts are told of. Source: API reference, "ListCreateAccountStatus": those "currently being tracked"; AWS names
/// 90 days.
const CREATION_TOLD_MS: i64 = 90 * base::time::DAY_MS;

/// Units, and policies, that are removed in one commit.
const SWEEP_MAX: usize = 2_000;

impl Organizations {
    /// Opens the service over its tables. `first_account` is the account that the server itself is set up with; it is made if it is not
    /// there.
    pub async fn open(
        env: Env,
        state: Arc<dyn State>,
        first_account: Arc<str>,
    ) -> Result<Arc<Organizations>, ApiError> {
        let store = Store::open(state).await.map_err(ApiError::unavailable)?;
        let now = env.clock.now();
        store
            .change(|world, draft| {
                if !world.accounts.contains_key(&*first_account) {
                    // `.invalid` is nobody's domain (RFC 2606), so the address cannot be that of an account to be made.
                    let email = format!("{first_account}@cairn.invalid");
                    draft.account(new_account(first_account.to_string(), first_account.to_string(), email, now));
                }
                Ok(())
            })
            .await?;
        Ok(Arc::new(Organizations {
            env,
            store,
            new_accounts: OnceLock::new(),
            events: OnceLock::new(),
            telling: Mutex::default(),
            recorded: Mutex::default(),
        }))
    }

    /// Says who prepares new accounts and who records how that ended, and has done what an earlier run did not get to. To be called once,
    /// before requests come.
    pub async fn begin(
        &self,
        new_accounts: Arc<dyn NewAccounts>,
        events: Arc<dyn ServiceEvents>,
    ) -> Result<(), ApiError> {
        let _ = self.new_accounts.set(new_accounts);
        let _ = self.events.set(events);
        self.catch_up().await
    }

    /// Prepares accounts that could not be prepared when they were made, and forgets what is not told of any more. To be called
    /// every few seconds.
    pub async fn catch_up(&self) -> Result<(), ApiError> {
        let open: Vec<String> = {
            let world = self.store.world();
            let open = world.accounts.values().filter(|account| account.role.is_some() || !account.ready);
            open.map(|account| account.id.clone()).collect()
        };
        for account in open {
            self.prepare(&account).await?;
        }
        self.tell_results().await;
        self.sweep().await?;
        self.forget().await
    }

    /// Has a new account prepared, and says so in its request. Leaves it to [`Organizations::catch_up`] if that fails for now.
    pub async fn prepare(&self, id: &str) -> Result<(), ApiError> {
        let new = {
            let world = self.store.world();
            let Some(account) = world.accounts.get(id) else { return Ok(()) };
            account.role.as_ref().map(|role| NewAccount {
                id: Arc::from(id),
                name: account.name.clone(),
                email: account.email.clone(),
                role_name: role.name.clone(),
                management_account: Arc::from(role.management.as_str()),
            })
        };
        let mut prepared = new.is_none();
        if let (Some(new), Some(new_accounts)) = (&new, self.new_accounts.get()) {
            match new_accounts.prepare(new).await {
                Ok(()) => prepared = true,
                Err(error) => {
                    tracing::warn!(account = id, %error, "a new account could not be prepared; it will be tried again");
                    return Ok(());
                }
            }
        }
        let now = self.env.clock.now();
        self.store
            .change(|world, draft| {
                let Some(account) = world.accounts.get(id) else { return Ok(()) };
                let role = if prepared { None } else { account.role.clone() };
                if !account.ready || account.role != role {
                    draft.account(Account { ready: true, role, ..(**account).clone() });
                }
                let waiting = world.creations.values().find(|creation| {
                    creation.account.as_deref() == Some(id) && creation.state == CreationState::InProgress
                });
                if let Some(creation) = waiting {
                    let state = CreationState::Succeeded;
                    draft.creation(Creation { state, completed: Some(now), told: false, ..(**creation).clone() });
                }
                Ok(())
            })
            .await
    }

    /// Removes units and policies of organizations that are no more.
    pub async fn sweep(&self) -> Result<(), ApiError> {
        loop {
            let all = self
                .store
                .change(|world, draft| {
                    let gone = |organization: &str| !world.organizations.contains_key(organization);
                    let units = world.units.values().filter(|unit| gone(&unit.organization));
                    let policies = world.policies.values().filter(|policy| gone(&policy.organization));
                    let units: Vec<_> = units.map(|unit| &unit.id).take(SWEEP_MAX).collect();
                    let policies: Vec<_> = policies.map(|policy| &policy.id).take(SWEEP_MAX).collect();
                    units.iter().for_each(|id| draft.remove_unit(id));
                    policies.iter().for_each(|id| draft.remove_policy(id));
                    Ok(units.len() < SWEEP_MAX && policies.len() < SWEEP_MAX)
                })
                .await?;
            if all {
                return Ok(());
            }
        }
    }

    async fn forget(&self) -> Result<(), ApiError> {
        let now = self.env.clock.now();
        let old = |ended: Option<Timestamp>, told_ms: i64| ended.is_some_and(|ended| now.since_ms(ended) >= told_ms);
        self.store
            .change(|world, draft| {
                let handshakes = world.handshakes.values().filter(|one| old(one.ended_at(now), HANDSHAKE_TOLD_MS));
                handshakes.for_each(|handshake| draft.remove_handshake(&handshake.id));
                let creations = world.creations.values().filter(|one| old(one.completed, CREATION_TOLD_MS));
                creations.for_each(|creation| draft.remove_creation(&creation.id));
                Ok(())
            })
            .await
    }
}

/// An account in no organization.
pub fn new_account(id: String, name: String, email: String, now: Timestamp) -> Account {
    Account { v: VERSION, id, name, email, created: now, closed: None, ready: true, role: None, member: None }
}

/// A new member's place: in the root.
pub fn new_member(organization: &str, root: &str, method: Joined, now: Timestamp, tags: Vec<Tag>) -> Member {
    Member {
        organization: organization.to_owned(),
        parent: root.to_owned(),
        joined: now,
        method,
        tags,
        attached: Attached::default(),
        delegations: Vec::new(),
    }
}

/// Takes an account out of its organization. A handshake that waits for its consent waits for it no more.
pub fn leave(world: &World, draft: &mut Draft, account: &Account, now: Timestamp) -> Result<(), ApiError> {
    let Some((organization, _, member)) = world.place_of(&account.id) else {
        return Err(Error::AWSOrganizationsNotInUseException.into());
    };
    if organization.management == account.id {
        return Err(Error::MasterCannotLeaveOrganizationException.into());
    }
    if !member.delegations.is_empty() {
        let text = "You can't remove an account from the organization that is a delegated administrator for an AWS service. \
                    Deregister it first.";
        return Err(constraint("CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG", text));
    }
    draft.account(Account { member: None, ..account.clone() });
    crate::ops::feature_handshakes::without(world, draft, organization, &account.id, HandshakeState::Canceled, now);
    Ok(())
}
