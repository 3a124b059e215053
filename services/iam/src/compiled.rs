//! What users and roles may do, ready to be asked: the policies of each in one set, kept until anything in IAM changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use policy::{Policy, PolicySet};

use crate::managed::Managed;
use crate::store::{Group, Holder, Role, User, World};
use crate::tags::Tag;

/// Sets kept at a time. More users and roles than these ask one another's sets away.
const KEPT_MAX: usize = 10_000;

/// What somebody may do as far as IAM's policies say.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// Of it and of its groups.
    pub policies: Arc<PolicySet>,
    /// What bounds them.
    pub boundary: Option<Arc<PolicySet>>,
    /// Its tags.
    pub tags: Arc<Vec<Tag>>,
}

/// The sets by principal identifier (`AIDA…`, `AROA…`).
#[derive(Default)]
pub(crate) struct Cache {
    kept: Mutex<(u64, HashMap<String, Arc<Compiled>>)>,
}

impl Cache {
    /// Of the user or role of this identifier, if there is one.
    pub fn of(&self, world: &World, id: &str) -> Option<Arc<Compiled>> {
        {
            let mut kept = self.kept.lock().expect("no holder of this lock can panic");
            if kept.0 != world.revision() || kept.1.len() >= KEPT_MAX {
                *kept = (world.revision(), HashMap::new());
            }
            if let Some(known) = kept.1.get(id) {
                return Some(Arc::clone(known));
            }
        }
        let compiled = match world.user_of_id(id) {
            Some(user) => of_user(world, &user),
            None => of_role(world, &*world.role_of_id(id)?),
        };
        let compiled = Arc::new(compiled);
        let mut kept = self.kept.lock().expect("no holder of this lock can panic");
        if kept.0 == world.revision() {
            kept.1.insert(id.to_owned(), Arc::clone(&compiled));
        }
        Some(compiled)
    }
}

fn of_user(world: &World, user: &User) -> Compiled {
    let groups: Vec<&Arc<Group>> = world.groups_of(&user.id).collect();
    let mut policies = Vec::new();
    let whole = add(world, user, &mut policies) && groups.iter().all(|group| add(world, &***group, &mut policies));
    compiled(world, whole, policies, user, &user.tags)
}

fn of_role(world: &World, role: &Role) -> Compiled {
    let mut policies = Vec::new();
    let whole = add(world, role, &mut policies);
    compiled(world, whole, policies, role, &role.tags)
}

fn compiled(
    world: &World,
    whole: bool,
    policies: Vec<(String, Policy)>,
    holder: &impl Holder,
    tags: &[Tag],
) -> Compiled {
    // A policy that cannot be read may deny; who has it may nothing until it can.
    let policies = if whole { PolicySet::new(policies) } else { PolicySet::empty() };
    let boundary = holder.boundary().map(|arn| {
        let policy = Managed::find(world, arn).and_then(|found| read(arn, found.document()));
        Arc::new(policy.map_or_else(PolicySet::empty, |policy| PolicySet::new([(arn.to_owned(), policy)])))
    });
    Compiled { policies: Arc::new(policies), boundary, tags: Arc::new(tags.to_vec()) }
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
    Policy::parse_of_any_size(text)
        .inspect_err(|error| tracing::error!(policy = name, %error, "a policy in IAM cannot be read"))
        .ok()
}
