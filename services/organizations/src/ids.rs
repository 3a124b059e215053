//! New identifiers, in AWS's forms. Source: Organizations API reference, the patterns of each type.

use std::sync::Arc;

use base::Rng;
use base::ids::{account_id, lower_alphanumeric};

use crate::world::World;

/// `o-…`.
pub fn organization(rng: &Arc<dyn Rng>, world: &World) -> String {
    unused(|| format!("o-{}", lower_alphanumeric(&**rng, 10)), |id| world.organizations.contains_key(id))
}

/// `r-…`.
pub fn root(rng: &Arc<dyn Rng>, world: &World) -> String {
    let is_used = |id: &str| world.organizations.values().any(|organization| organization.root == id);
    unused(|| format!("r-{}", lower_alphanumeric(&**rng, 4)), is_used)
}

/// `ou-ROOT-…`.
pub fn unit(rng: &Arc<dyn Rng>, world: &World, root: &str) -> String {
    let root = root.trim_start_matches("r-");
    unused(|| format!("ou-{root}-{}", lower_alphanumeric(&**rng, 8)), |id| world.units.contains_key(id))
}

/// `p-…`.
pub fn policy(rng: &Arc<dyn Rng>, world: &World) -> String {
    unused(|| format!("p-{}", lower_alphanumeric(&**rng, 8)), |id| world.policies.contains_key(id))
}

/// `rp-…`.
pub fn resource_policy(rng: &Arc<dyn Rng>) -> String {
    format!("rp-{}", lower_alphanumeric(&**rng, 8))
}

/// `h-…`.
pub fn handshake(rng: &Arc<dyn Rng>) -> String {
    format!("h-{}", lower_alphanumeric(&**rng, 32))
}

/// `car-…`.
pub fn creation(rng: &Arc<dyn Rng>) -> String {
    format!("car-{}", lower_alphanumeric(&**rng, 32))
}

/// Twelve digits.
pub fn account(rng: &Arc<dyn Rng>, world: &World) -> String {
    unused(|| account_id(&**rng), |id| world.accounts.contains_key(id))
}

fn unused(make: impl Fn() -> String, is_used: impl Fn(&str) -> bool) -> String {
    loop {
        let id = make();
        if !is_used(&id) {
            return id;
        }
    }
}
