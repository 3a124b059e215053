//! Managed policies of both kinds, the customer's and AWS's, behind one look.

use std::collections::HashMap;
use std::sync::Arc;

use base::Timestamp;

use crate::Error;
use crate::aws_policies::{self, AwsPolicy};
use crate::store::{Group, Holder, ManagedPolicy, Role, User, World};
use crate::tags::Tag;

/// A managed policy.
#[derive(Clone)]
pub enum Managed {
    /// Of this account.
    Customer(Arc<ManagedPolicy>),
    /// The same in every account.
    Aws(&'static AwsPolicy),
}

impl Managed {
    /// The policy of this ARN.
    pub fn find(world: &World, arn: &str) -> Option<Managed> {
        match aws_policies::get(arn) {
            Some(policy) => Some(Managed::Aws(policy)),
            None => world.policy_of_arn(arn).map(Managed::Customer),
        }
    }

    /// The same, or AWS's text that there is none.
    pub fn need(world: &World, arn: &str) -> Result<Managed, Error> {
        check_arn(arn)?;
        Managed::find(world, arn).ok_or_else(|| Error::no_policy(arn))
    }

    /// A policy that is to be attached to something.
    pub fn attachable(world: &World, arn: &str) -> Result<Managed, Error> {
        check_arn(arn)?;
        let missing = || Error::NoSuchEntity(format!("Policy {arn} does not exist or is not attachable."));
        let policy = Managed::find(world, arn).ok_or_else(missing)?;
        if policy.path().starts_with("/aws-service-role/") {
            let text = "Cannot attach a Service Role Policy to a Customer Role.";
            return Err(Error::PolicyNotAttachable(text.to_owned()));
        }
        Ok(policy)
    }

    /// A policy that is to bound what somebody may do.
    pub fn boundary(world: &World, arn: &str) -> Result<(), Error> {
        check_arn(arn)?;
        let missing = || Error::NoSuchEntity(format!("Scope ARN: {arn} does not exist or is not attachable."));
        Managed::find(world, arn).map(drop).ok_or_else(missing)
    }

    /// Its ARN.
    pub fn arn(&self) -> &str {
        match self {
            Managed::Customer(policy) => &policy.arn,
            Managed::Aws(policy) => &policy.arn,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Managed::Customer(policy) => &policy.name,
            Managed::Aws(policy) => policy.name,
        }
    }

    /// `/` or `/division/team/`.
    pub fn path(&self) -> &str {
        match self {
            Managed::Customer(policy) => &policy.path,
            Managed::Aws(policy) => policy.path,
        }
    }

    /// `ANPA…`.
    pub fn id(&self) -> &str {
        match self {
            Managed::Customer(policy) => &policy.id,
            Managed::Aws(policy) => policy.id,
        }
    }

    /// The version in force: `v3`.
    pub fn default_version(&self) -> String {
        match self {
            Managed::Customer(policy) => format!("v{}", policy.default),
            Managed::Aws(policy) => policy.default_version.to_owned(),
        }
    }

    /// What it is for.
    pub fn description(&self) -> Option<&str> {
        match self {
            Managed::Customer(policy) => policy.description.as_deref(),
            Managed::Aws(policy) => policy.description,
        }
    }

    /// When it was made, and when its version in force was.
    pub fn dates(&self) -> (Timestamp, Timestamp) {
        match self {
            Managed::Customer(policy) => (policy.created, policy.updated),
            Managed::Aws(policy) => (policy.create_date, policy.update_date),
        }
    }

    /// The tags of a customer's.
    pub fn tags(&self) -> &[Tag] {
        match self {
            Managed::Customer(policy) => &policy.tags,
            Managed::Aws(_) => &[],
        }
    }

    /// The text in force.
    pub fn document(&self) -> &str {
        match self {
            Managed::Customer(policy) => policy.in_force().map_or("", |version| &version.document),
            Managed::Aws(policy) => policy.document,
        }
    }
}

/// Refuses what is no ARN.
pub fn check_arn(arn: &str) -> Result<(), Error> {
    if arn.starts_with("arn:") && arn.split(':').count() >= 6 {
        return Ok(());
    }
    Err(Error::ValidationError(format!("ARN {arn} is not valid.")))
}

/// How often policies are used: by ARN, attached and as boundaries.
#[derive(Default)]
pub struct Counts {
    attached: HashMap<String, usize>,
    boundaries: HashMap<String, usize>,
}

impl Counts {
    /// Of all policies.
    pub fn of(world: &World) -> Counts {
        let mut counts = Counts::default();
        world.all::<User>().for_each(|user| counts.add(&**user));
        world.all::<Group>().for_each(|group| counts.add(&**group));
        world.all::<Role>().for_each(|role| counts.add(&**role));
        counts
    }

    fn add(&mut self, holder: &impl Holder) {
        for arn in &holder.grants().attached {
            *self.attached.entry(arn.clone()).or_default() += 1;
        }
        if let Some(arn) = holder.boundary() {
            *self.boundaries.entry(arn.to_owned()).or_default() += 1;
        }
    }

    /// To how many users, groups and roles it is attached.
    pub fn attached(&self, arn: &str) -> usize {
        self.attached.get(arn).copied().unwrap_or(0)
    }

    /// How many users and roles it bounds.
    pub fn boundaries(&self, arn: &str) -> usize {
        self.boundaries.get(arn).copied().unwrap_or(0)
    }
}
