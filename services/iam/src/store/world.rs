//! Everything there is, in memory: the kinds of entities, and what finds them by other things than their names.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ports::{Caller, Credential, Secret};
use serde::Serialize;
use serde::de::DeserializeOwned;
use state::State;

use super::{Group, InstanceProfile, ManagedPolicy, Role, User};
use crate::Error;

/// A kind of thing that has a name. To add a kind: implement this, give [`World`] a field for its rows, and load it in `Store::open`.
pub trait Entity: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Where its documents are.
    const TABLE: state::Table;

    /// The name; unique in its kind, whatever the case.
    fn name(&self) -> &str;
    /// That there is none of this name.
    fn missing(name: &str) -> Error;
    /// The rows of this kind.
    fn rows(world: &World) -> &Rows<Self>;
    /// The rows of this kind, to be changed.
    fn rows_mut(world: &mut World) -> &mut Rows<Self>;
    /// Keeps up what finds it by other things than its name. Called with what was there first, then with what is there.
    fn index(&self, world: &mut World, present: bool) {
        let _ = (world, present);
    }
}

/// The entities of one kind, by lower-case name, with the revisions of their documents.
pub type Rows<E> = BTreeMap<String, (u64, Arc<E>)>;

/// Everything there is.
pub struct World {
    account: Arc<str>,
    revision: u64,
    pub(super) users: Rows<User>,
    pub(super) groups: Rows<Group>,
    pub(super) roles: Rows<Role>,
    pub(super) policies: Rows<ManagedPolicy>,
    pub(super) instance_profiles: Rows<InstanceProfile>,
    credentials: HashMap<String, Arc<Credential>>,
    /// From `AIDA…` to the lower-case name.
    pub(super) user_ids: HashMap<String, String>,
    /// From `AROA…` to the lower-case name.
    pub(super) role_ids: HashMap<String, String>,
}

impl World {
    pub(super) fn new(account: Arc<str>) -> World {
        World {
            account,
            revision: 0,
            users: Rows::new(),
            groups: Rows::new(),
            roles: Rows::new(),
            policies: Rows::new(),
            instance_profiles: Rows::new(),
            credentials: HashMap::new(),
            user_ids: HashMap::new(),
            role_ids: HashMap::new(),
        }
    }

    pub(super) async fn load<E: Entity>(&mut self, state: &dyn State) -> Result<(), state::Error> {
        state::scan_all(state, E::TABLE, state::Range::all(), |row| {
            let entity: E = serde_json::from_slice(&row.value)
                .map_err(|error| state::Error::Document { table: E::TABLE, source: Arc::new(error) })?;
            self.set(entity.name().to_lowercase(), Some((row.rev, Arc::new(entity))));
            Ok::<_, state::Error>(true)
        })
        .await
    }

    /// Shows what was committed.
    pub(super) fn set<E: Entity>(&mut self, name: String, new: Option<(u64, Arc<E>)>) {
        if let Some((_, old)) = E::rows_mut(self).remove(&name) {
            old.index(self, false);
        }
        let Some((rev, entity)) = new else { return };
        entity.index(self, true);
        E::rows_mut(self).insert(name, (rev, entity));
    }

    pub(super) fn touch(&mut self) {
        self.revision += 1;
    }

    /// Grows with every change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Whose all of this is.
    pub fn account(&self) -> &Arc<str> {
        &self.account
    }

    /// The entity of this name, whatever the case.
    pub fn get<E: Entity>(&self, name: &str) -> Option<Arc<E>> {
        E::rows(self).get(&name.to_lowercase()).map(|(_, entity)| Arc::clone(entity))
    }

    /// All of a kind, in the order of their lower-case names.
    pub fn all<E: Entity>(&self) -> impl Iterator<Item = &Arc<E>> {
        E::rows(self).values().map(|(_, entity)| entity)
    }

    /// How many there are of a kind.
    pub fn count<E: Entity>(&self) -> usize {
        E::rows(self).len()
    }

    /// The user of this identifier (`AIDA…`).
    pub fn user_of_id(&self, id: &str) -> Option<Arc<User>> {
        self.users.get(self.user_ids.get(id)?).map(|(_, user)| Arc::clone(user))
    }

    /// The role of this identifier (`AROA…`).
    pub fn role_of_id(&self, id: &str) -> Option<Arc<Role>> {
        self.roles.get(self.role_ids.get(id)?).map(|(_, role)| Arc::clone(role))
    }

    /// The customer's policy of this ARN.
    pub fn policy_of_arn(&self, arn: &str) -> Option<Arc<ManagedPolicy>> {
        let name = arn.rsplit('/').next()?;
        self.get::<ManagedPolicy>(name).filter(|policy| policy.arn == arn)
    }

    /// The role of this ARN.
    pub fn role_of_arn(&self, arn: &str) -> Option<Arc<Role>> {
        self.get::<Role>(arn.rsplit('/').next()?).filter(|role| role.arn == arn)
    }

    /// The groups that a user of this identifier is in, by name.
    pub fn groups_of(&self, user_id: &str) -> impl Iterator<Item = &Arc<Group>> {
        self.all::<Group>().filter(move |group| group.members.contains(user_id))
    }

    pub(super) fn credential(&self, access_key_id: &str) -> Option<Arc<Credential>> {
        self.credentials.get(access_key_id).cloned()
    }

    pub(super) fn index_keys(&mut self, user: &User, present: bool) {
        for key in &user.keys {
            if !present {
                self.credentials.remove(&key.id);
                continue;
            }
            let caller = Caller::User {
                account: Arc::clone(&self.account),
                user_id: Arc::from(user.id.as_str()),
                user_name: Arc::from(user.name.as_str()),
                arn: Arc::from(user.arn.as_str()),
                access_key_id: Arc::from(key.id.as_str()),
            };
            let secret = Secret(Arc::from(key.secret.as_str()));
            let credential = Credential { secret, caller, active: key.active, session_token: None, expires: None };
            self.credentials.insert(key.id.clone(), Arc::new(credential));
        }
    }
}
