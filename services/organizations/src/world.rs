//! All accounts and organizations as they are, and questions about the tree that they make.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use policy::PolicySet;

use crate::kinds::{self, PolicyType};
use crate::records::{Account, Attached, Creation, Handshake, Member, Organization, Policy, Unit};
use crate::tags::Tag;
use crate::views::policy_arn;

/// Units below one another: the root's are the first. Source: Organizations user guide, "Quotas and service limits".
pub const DEPTH_MAX: usize = 5;
/// Units in an organization. Source: the same.
pub const UNITS_MAX: usize = 1000;
/// Accounts in an organization. AWS's own limit begins at 10 and is raised on request; here it only keeps memory within bounds.
pub const ACCOUNTS_MAX: usize = 10_000;

/// See the module.
#[derive(Default)]
pub struct World {
    /// By number.
    pub accounts: BTreeMap<String, Arc<Account>>,
    /// By identifier, as all below.
    pub organizations: BTreeMap<String, Arc<Organization>>,
    /// Of all organizations.
    pub units: BTreeMap<String, Arc<Unit>>,
    /// Of all organizations, without those that AWS wrote.
    pub policies: BTreeMap<String, Arc<Policy>>,
    /// Of all organizations.
    pub handshakes: BTreeMap<String, Arc<Handshake>>,
    /// Of all organizations.
    pub creations: BTreeMap<String, Arc<Creation>>,
    /// Levels of control policies by target, made when they are first asked for and forgotten with each change.
    compiled: Mutex<HashMap<(PolicyType, String), Level>>,
}

/// The policies of a type on one target, read.
pub type Level = Arc<PolicySet>;

/// What policies and tags hang on.
#[derive(Clone, Copy)]
pub enum Target<'a> {
    /// The root.
    Root(&'a Arc<Organization>),
    /// A unit.
    Unit(&'a Arc<Unit>),
    /// An account of the organization.
    Account(&'a Arc<Account>, &'a Member),
}

impl<'a> Target<'a> {
    /// `r-…`, `ou-…` or twelve digits.
    pub fn id(self) -> &'a str {
        match self {
            Target::Root(organization) => &organization.root,
            Target::Unit(unit) => &unit.id,
            Target::Account(account, _) => &account.id,
        }
    }

    /// What is attached to it.
    pub fn attached(self) -> &'a Attached {
        match self {
            Target::Root(organization) => &organization.attached,
            Target::Unit(unit) => &unit.attached,
            Target::Account(_, member) => &member.attached,
        }
    }

    /// Its tags.
    pub fn tags(self) -> &'a [Tag] {
        match self {
            Target::Root(organization) => &organization.tags,
            Target::Unit(unit) => &unit.tags,
            Target::Account(_, member) => &member.tags,
        }
    }

    /// What it is in; nothing for the root.
    pub fn parent(self) -> Option<&'a str> {
        match self {
            Target::Root(_) => None,
            Target::Unit(unit) => Some(&unit.parent),
            Target::Account(_, member) => Some(&member.parent),
        }
    }
}

impl World {
    /// The organization that an account is in, and its place.
    pub fn place_of(&self, account: &str) -> Option<(&Arc<Organization>, &Arc<Account>, &Member)> {
        let account = self.accounts.get(account)?;
        let member = account.member.as_ref()?;
        Some((self.organizations.get(&member.organization)?, account, member))
    }

    /// The accounts of an organization, by number.
    pub fn members(&self, organization: &str) -> impl Iterator<Item = (&Arc<Account>, &Member)> {
        let all = self.accounts.values().filter_map(|account| Some((account, account.member.as_ref()?)));
        all.filter(move |(_, member)| member.organization == organization)
    }

    /// The account of this number, if it is in the organization.
    pub fn member(&self, organization: &Organization, account: &str) -> Option<(&Arc<Account>, &Member)> {
        let account = self.accounts.get(account)?;
        let member = account.member.as_ref().filter(|member| member.organization == organization.id)?;
        Some((account, member))
    }

    /// The units of an organization, by identifier.
    pub fn units_of(&self, organization: &str) -> impl Iterator<Item = &Arc<Unit>> {
        self.units.values().filter(move |unit| unit.organization == organization)
    }

    /// The unit with this identifier, if it is in the organization.
    pub fn unit(&self, organization: &Organization, id: &str) -> Option<&Arc<Unit>> {
        self.units.get(id).filter(|unit| unit.organization == organization.id)
    }

    /// The units right below a root or unit.
    pub fn units_in(&self, organization: &str, parent: &str) -> Vec<&Arc<Unit>> {
        self.units_of(organization).filter(|unit| unit.parent == parent).collect()
    }

    /// The accounts right below a root or unit.
    pub fn accounts_in(&self, organization: &str, parent: &str) -> Vec<&Arc<Account>> {
        let all = self.members(organization).filter(|(_, member)| member.parent == parent);
        all.map(|(account, _)| account).collect()
    }

    /// Whether this is the root or a unit of the organization.
    pub fn is_parent(&self, organization: &Organization, id: &str) -> bool {
        organization.root == id || self.unit(organization, id).is_some()
    }

    /// The root, unit or account of the organization with this identifier.
    pub fn target<'a>(&'a self, organization: &'a Arc<Organization>, id: &str) -> Option<Target<'a>> {
        if organization.root == id {
            return Some(Target::Root(organization));
        }
        if let Some(unit) = self.unit(organization, id) {
            return Some(Target::Unit(unit));
        }
        self.member(organization, id).map(|(account, member)| Target::Account(account, member))
    }

    /// Root, units and accounts of an organization.
    pub fn targets<'a>(&'a self, organization: &'a Arc<Organization>) -> impl Iterator<Item = Target<'a>> {
        let units = self.units_of(&organization.id).map(Target::Unit);
        let accounts = self.members(&organization.id).map(|(account, member)| Target::Account(account, member));
        std::iter::once(Target::Root(organization)).chain(units).chain(accounts)
    }

    /// From the root to `id` (root, unit or account), both included.
    pub fn line<'a>(&'a self, organization: &'a Arc<Organization>, id: &str) -> Vec<Target<'a>> {
        let mut line = Vec::new();
        let mut next = self.target(organization, id);
        while let Some(target) = next {
            line.push(target);
            // A tree whose units are in one another cannot come about; if it did, this ends all the same.
            next = target.parent().filter(|_| line.len() <= UNITS_MAX).and_then(|id| self.target(organization, id));
        }
        line.reverse();
        line
    }

    /// `o-…/r-…/ou-…/`, down to `id` included.
    pub fn path(&self, organization: &Arc<Organization>, id: &str) -> String {
        let mut path = format!("{}/", organization.id);
        for target in self.line(organization, id) {
            path.push_str(target.id());
            path.push('/');
        }
        path
    }

    /// The policy of the organization, or of AWS, with this identifier.
    pub fn policy<'a>(&'a self, organization: &Organization, id: &str) -> Option<AnyPolicy<'a>> {
        if let Some(managed) = kinds::managed(id) {
            return Some(AnyPolicy::Managed(managed));
        }
        self.policies.get(id).filter(|policy| policy.organization == organization.id).map(AnyPolicy::Own)
    }

    /// The policies of a type on one target, read. Documents were checked when they were written.
    pub fn level(&self, organization: &Organization, target: Target<'_>, kind: PolicyType) -> Level {
        let key = (kind, target.id().to_owned());
        let mut compiled = self.compiled.lock().expect("no holder of this lock can panic");
        if let Some(level) = compiled.get(&key) {
            return Arc::clone(level);
        }
        let attached = attached(organization, target.attached(), kind);
        let policies = attached.iter().filter_map(|id| self.policy(organization, id));
        let read = |policy: AnyPolicy<'_>| {
            let document = policy::Policy::parse(policy.content().trim()).ok()?;
            Some((policy_arn(organization, policy), document))
        };
        let level = Arc::new(PolicySet::new(policies.filter_map(read)));
        compiled.insert(key, Arc::clone(&level));
        level
    }

    /// Forgets what was compiled of what is no longer so.
    pub fn forget_compiled(&mut self) {
        self.compiled.get_mut().expect("no holder of this lock can panic").clear();
    }
}

/// A policy of whomever.
#[derive(Clone, Copy)]
pub enum AnyPolicy<'a> {
    /// AWS wrote it.
    Managed(&'static kinds::Managed),
    /// A customer wrote it.
    Own(&'a Arc<Policy>),
}

impl<'a> AnyPolicy<'a> {
    /// `p-…`.
    pub fn id(self) -> &'a str {
        match self {
            AnyPolicy::Managed(policy) => policy.id,
            AnyPolicy::Own(policy) => &policy.id,
        }
    }

    /// Its type.
    pub fn kind(self) -> PolicyType {
        match self {
            AnyPolicy::Managed(policy) => policy.kind,
            AnyPolicy::Own(policy) => policy.kind,
        }
    }

    /// The document.
    pub fn content(self) -> &'a str {
        match self {
            AnyPolicy::Managed(policy) => policy.content,
            AnyPolicy::Own(policy) => &policy.content,
        }
    }
}

/// The policies of a type that count on a target.
pub fn attached(organization: &Organization, attached: &Attached, kind: PolicyType) -> Vec<String> {
    let Some(generation) = organization.types.get(&kind) else { return Vec::new() };
    match attached.0.get(&kind) {
        Some(attachments) if attachments.generation == *generation => attachments.policies.clone(),
        _ => kind.attached_first().map(str::to_owned).into_iter().collect(),
    }
}
