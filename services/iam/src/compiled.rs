//! What users and roles may do, ready to be asked: the policies of each in one set, kept until anything in IAM changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use policy::{Policy, PolicySet};
use ports::Identity;

use crate::managed::Managed;
use crate::store::{Group, Holder, Role, User, World};
use crate::tags::Tag;

/// Sets kept at a time. When there are more, all are made anew as they are asked for.
const KEPT_MAX: usize = 10_000;

/// What was made of one revision of everything there is.
#[derive(Default)]
struct Kept {
    revision: u64,
    /// By principal identifier (`AIDA…`, `AROA…`).
    identities: HashMap<String, Identity>,
    /// By what the maker calls them.
    sets: HashMap<String, Arc<PolicySet>>,
}

/// What was made, until anything changes.
#[derive(Default)]
pub(crate) struct Cache {
    kept: Mutex<Kept>,
}

impl Cache {
    /// What may the user or role of this identifier; nothing if there is none.
    pub fn identity(&self, world: &World, id: &str) -> Identity {
        if let Some(known) = self.kept(world).identities.get(id) {
            return known.clone();
        }
        let identity = match (world.user_of_id(id), world.role_of_id(id)) {
            (Some(user), _) => of_user(world, &user),
            (None, Some(role)) => of_role(world, &role),
            (None, None) => return Identity::default(),
        };
        self.kept(world).identities.insert(id.to_owned(), identity.clone());
        identity
    }

    /// A set of this name, made if it was not yet.
    pub fn set(&self, world: &World, name: &str, make: impl FnOnce() -> PolicySet) -> Arc<PolicySet> {
        if let Some(known) = self.kept(world).sets.get(name) {
            return Arc::clone(known);
        }
        let set = Arc::new(make());
        self.kept(world).sets.insert(name.to_owned(), Arc::clone(&set));
        set
    }

    fn kept(&self, world: &World) -> MutexGuard<'_, Kept> {
        let mut kept = self.kept.lock().expect("no holder of this lock can panic");
        let is_full = kept.identities.len() + kept.sets.len() >= KEPT_MAX;
        if kept.revision != world.revision() || is_full {
            *kept = Kept { revision: world.revision(), ..Kept::default() };
        }
        kept
    }
}

fn of_user(world: &World, user: &User) -> Identity {
    let groups: Vec<&Arc<Group>> = world.groups_of(&user.id).collect();
    let mut policies = Vec::new();
    let whole = add(world, user, &mut policies) && groups.iter().all(|group| add(world, &***group, &mut policies));
    identity(world, whole, policies, user, &user.tags)
}

fn of_role(world: &World, role: &Role) -> Identity {
    let mut policies = Vec::new();
    let whole = add(world, role, &mut policies);
    Identity { is_service_linked: role.is_service_linked(), ..identity(world, whole, policies, role, &role.tags) }
}

fn identity(
    world: &World,
    whole: bool,
    policies: Vec<(String, Policy)>,
    holder: &impl Holder,
    tags: &[Tag],
) -> Identity {
    // A policy that cannot be read may deny; who has it may nothing until it can.
    let policies = if whole { PolicySet::new(policies) } else { PolicySet::empty() };
    let boundary = holder.boundary().map(|arn| {
        let policy = Managed::find(world, arn).and_then(|found| read(arn, found.document()));
        Arc::new(policy.map_or_else(PolicySet::empty, |policy| PolicySet::new([(arn.to_owned(), policy)])))
    });
    Identity {
        policies: Arc::new(policies),
        boundary,
        session: None,
        tags: crate::port::pairs(tags),
        is_service_linked: false,
    }
}

/// Adds a holder's policies; whether all could be read.
fn add(world: &World, holder: &impl Holder, policies: &mut Vec<(String, Policy)>) -> bool {
    let grants = holder.grants();
    let inline = grants.inline.iter().map(|(name, text)| (name.clone(), read(name, text)));
    let attached = grants.attached.iter().filter_map(|arn| {
        let found = Managed::find(world, arn)?;
        Some((arn.clone(), read(arn, found.document())))
    });
    let mut whole = true;
    for (name, policy) in inline.chain(attached) {
        match policy {
            Some(policy) => policies.push((name, policy)),
            None => whole = false,
        }
    }
    whole
}

/// A policy that was checked when it was written.
fn read(name: &str, text: &str) -> Option<Policy> {
    Policy::parse_of_aws(text)
        .inspect_err(|error| tracing::error!(policy = name, %error, "a policy in IAM cannot be read"))
        .ok()
}
