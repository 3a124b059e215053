//! The policies of a user, group or role, each with its text and where it is from: for operations that explain what somebody may do. What
//! decides calls is `compiled.rs`.

use std::sync::Arc;

use policy::{Effect, Policy, Statement};

use crate::Error;
use crate::managed::Managed;
use crate::store::{Grants, Group, Role, User, World};

/// Somebody whose policies are looked at.
pub enum Subject {
    /// A user.
    User(Arc<User>),
    /// A group.
    Group(Arc<Group>),
    /// A role.
    Role(Arc<Role>),
}

/// What a policy belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// A user's own.
    User,
    /// A group's own.
    Group,
    /// A role's own.
    Role,
    /// Attached to one of them.
    Managed,
}

/// One policy.
#[derive(Debug)]
pub struct Source {
    /// What it belongs to.
    pub of: Of,
    /// The name of the user, group or role that it is with.
    pub holder: String,
    /// The policy's name.
    pub name: String,
    /// The ARN of a managed one.
    pub arn: Option<String>,
    /// As it was written.
    pub text: String,
    /// As it was read.
    pub policy: Policy,
}

impl Subject {
    /// The user, group or role of this ARN.
    pub fn find(world: &World, arn: &str) -> Result<Subject, Error> {
        let mut parts = arn.splitn(6, ':');
        let (scheme, service, account) = (parts.next(), parts.nth(1), parts.nth(1));
        let (Some("arn"), Some("iam"), Some(account), Some(rest)) = (scheme, service, account, parts.next()) else {
            return Err(Error::InvalidInput(format!("Invalid ARN: {arn}")));
        };
        let (Some((kind, _)), Some(name)) = (rest.split_once('/'), rest.rsplit('/').next()) else {
            return Err(Error::InvalidInput(format!(
                "Invalid Entity Arn: {arn} does not clearly define entity type and name."
            )));
        };
        let own = account == &**world.account();
        let missing = || Error::NoSuchEntity(format!("The {kind} with name {name} cannot be found."));
        match kind {
            "user" => world.get::<User>(name).filter(|user| own && user.arn == arn).map(Subject::User),
            "group" => world.get::<Group>(name).filter(|group| own && group.arn == arn).map(Subject::Group),
            "role" => world.get::<Role>(name).filter(|role| own && role.arn == arn).map(Subject::Role),
            _ => {
                return Err(Error::InvalidInput(format!(
                    "Invalid Entity Arn: {arn} does not clearly define entity type and name."
                )));
            }
        }
        .ok_or_else(missing)
    }

    /// Its policies, and for a user those of its groups.
    pub fn sources(&self, world: &World) -> Vec<Source> {
        let mut sources = Vec::new();
        match self {
            Subject::User(user) => {
                add(world, Of::User, &user.name, &user.grants, &mut sources);
                for group in world.groups_of(&user.id) {
                    add(world, Of::Group, &group.name, &group.grants, &mut sources);
                }
            }
            Subject::Group(group) => add(world, Of::Group, &group.name, &group.grants, &mut sources),
            Subject::Role(role) => add(world, Of::Role, &role.name, &role.grants, &mut sources),
        }
        sources
    }

    /// The ARN of what bounds it.
    pub fn boundary(&self) -> Option<&str> {
        match self {
            Subject::User(user) => user.boundary.as_deref(),
            Subject::Role(role) => role.boundary.as_deref(),
            Subject::Group(_) => None,
        }
    }
}

fn add(world: &World, of: Of, holder: &str, grants: &Grants, sources: &mut Vec<Source>) {
    for (name, text) in &grants.inline {
        let Ok(policy) = Policy::parse_of_aws(text) else { continue };
        let (holder, name, text) = (holder.to_owned(), name.clone(), text.clone());
        sources.push(Source { of, holder, name, arn: None, text, policy });
    }
    for arn in &grants.attached {
        let Some(found) = Managed::find(world, arn) else { continue };
        let Ok(policy) = Policy::parse_of_aws(found.document()) else { continue };
        let (name, text) = (found.name().to_owned(), found.document().to_owned());
        sources.push(Source { of: Of::Managed, holder: holder.to_owned(), name, arn: Some(arn.clone()), text, policy });
    }
}

/// Whether a policy allows any action of a service.
pub fn allows_service(policy: &Policy, namespace: &str) -> bool {
    let speaks = |statement: &&Statement| {
        let of_service = |action: &str| {
            let service = action.split(':').next().unwrap_or(action);
            service == "*" || service.eq_ignore_ascii_case(namespace)
        };
        match &statement.actions {
            policy::document::OneOf::Only(list) => list.iter().any(|action| of_service(action.as_str())),
            // All but some of its actions are some of its actions.
            policy::document::OneOf::AllBut(list) => {
                let whole = |action: &str| {
                    action == "*" || action.split_once(':').is_some_and(|(_, name)| name == "*" && of_service(action))
                };
                !list.iter().any(|action| whole(action.as_str()))
            }
        }
    };
    policy.statements.iter().filter(|statement| statement.effect == Effect::Allow).any(|statement| speaks(&statement))
}
