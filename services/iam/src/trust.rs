//! Who may take on a role. Users and roles that a trust policy names by ARN are remembered by their identifiers when it is written, so
//! that somebody who comes by the name of one that is gone does not come by the role. Source: IAM user guide, "AWS JSON policy elements:
//! Principal", "IAM role principals".

use std::collections::BTreeMap;

use policy::document::OneOf;
use policy::principal::Named;
use policy::{Policy, PolicySet};

use crate::Error;
use crate::documents::{chars, check_trust};
use crate::store::{Role, TRUST_POLICY_CHARS_MAX, User, World};

/// The identifiers of the users and roles of this account that a trust policy names, by ARN. Refuses a text that is no trust policy, is too
/// long, or names somebody who is not there.
pub fn read(world: &World, text: &str) -> Result<BTreeMap<String, String>, Error> {
    let policy = check_trust(text)?;
    if chars(text) > TRUST_POLICY_CHARS_MAX {
        return Err(Error::quota("ACLSizePerRole", TRUST_POLICY_CHARS_MAX));
    }
    let mut ids = BTreeMap::new();
    let own = format!("arn:aws:iam::{}:", world.account());
    for named in policy.statements.iter().filter_map(|statement| statement.principals.as_ref()).flat_map(OneOf::listed)
    {
        let Named::Aws(arn) = named else { continue };
        let Some(rest) = arn.strip_prefix(&own) else { continue };
        let name = rest.rsplit('/').next().unwrap_or(rest);
        let id = match rest.split('/').next() {
            Some("user") => world.get::<User>(name).filter(|user| user.arn == *arn).map(|user| user.id.clone()),
            Some("role") => world.get::<Role>(name).filter(|role| role.arn == *arn).map(|role| role.id.clone()),
            _ => None,
        };
        let missing = || Error::MalformedPolicyDocument(policy::kinds::invalid_principal(named));
        ids.insert(arn.clone(), id.ok_or_else(missing)?);
    }
    Ok(ids)
}

/// The policy ready to be asked. One that does not read lets nobody in.
pub fn compiled(role: &Role) -> PolicySet {
    let Ok(mut policy) = Policy::parse(&role.trust) else { return PolicySet::empty() };
    for statement in &mut policy.statements {
        let Some(OneOf::Only(list) | OneOf::AllBut(list)) = &mut statement.principals else { continue };
        for named in list {
            let id = if let Named::Aws(arn) = &*named { role.trust_ids.get(arn) } else { None };
            if let Some(id) = id {
                *named = Named::Aws(id.clone());
            }
        }
    }
    PolicySet::new([(role.arn.clone(), policy)])
}

/// The text as it is shown: with the ARNs that those named have now, or the identifiers of those who are gone.
pub fn shown(world: &World, role: &Role) -> String {
    let mut text = role.trust.clone();
    for (arn, id) in &role.trust_ids {
        let user = world.user_of_id(id).map(|user| user.arn.clone());
        let now = user.or_else(|| world.role_of_id(id).map(|role| role.arn.clone()));
        let now = now.unwrap_or_else(|| id.clone());
        if now != *arn {
            text = text.replace(&format!("\"{arn}\""), &format!("\"{now}\""));
        }
    }
    text
}

/// The role with its trust policy as it is shown.
pub fn as_shown(world: &World, role: &Role) -> Role {
    Role { trust: shown(world, role), ..role.clone() }
}
