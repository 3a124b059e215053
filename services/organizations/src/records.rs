//! What is stored, one document a row: accounts, organizations, units, policies, handshakes, requests for accounts.

use std::collections::BTreeMap;

use base::Timestamp;
use serde::{Deserialize, Serialize};

use crate::kinds::PolicyType;
use crate::tags::Tag;

/// The version of all documents that this program writes and reads.
pub const VERSION: u32 = 1;

/// An account, in an organization or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The version of this document.
    pub v: u32,
    /// Twelve digits.
    pub id: String,
    /// As its owner calls it.
    pub name: String,
    /// No two accounts have the same.
    pub email: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was closed.
    pub closed: Option<Timestamp>,
    /// Whether it can be used: not before everything in it was prepared.
    pub ready: bool,
    /// The role by which the management account comes in, as long as it is not known to be there.
    pub role: Option<RoleToMake>,
    /// Its place in an organization.
    pub member: Option<Member>,
}

/// A role that is to be made in a new account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleToMake {
    /// Its name.
    pub name: String,
    /// The account that it trusts.
    pub management: String,
}

/// An account's place in an organization. Gone when it leaves, with everything that hangs on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// `o-…`.
    pub organization: String,
    /// `r-…` or `ou-…`.
    pub parent: String,
    /// Since when.
    pub joined: Timestamp,
    /// How it came.
    pub method: Joined,
    /// In the order given.
    pub tags: Vec<Tag>,
    /// Policies attached to it.
    pub attached: Attached,
    /// The services it administers for the organization.
    pub delegations: Vec<Delegation>,
}

/// How an account came into an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Joined {
    /// By an invitation, or as the one that made the organization.
    Invited,
    /// Made in it.
    Created,
}

/// A service that an account administers for its organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegation {
    /// `config.amazonaws.com`.
    pub service: String,
    /// Since when.
    pub since: Timestamp,
}

/// What is attached to a root, unit or account, by type. What was attached before the type was last enabled does not count: then
/// the type's own policy is attached, if it has one. So to enable or disable a type is one row, however many accounts there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attached(pub BTreeMap<PolicyType, Attachments>);

/// The policies of one type on a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachments {
    /// The generation of the type in which they were attached; see [`Organization::types`].
    pub generation: u64,
    /// `p-…`, in the order attached.
    pub policies: Vec<String>,
}

/// What an organization can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FeatureSet {
    /// Policies, trusted access, delegation.
    All,
    /// A tree of accounts, and no more.
    ConsolidatedBilling,
}

/// An organization with its root.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Organization {
    /// The version of this document.
    pub v: u32,
    /// `o-…`.
    pub id: String,
    /// The management account.
    pub management: String,
    /// What it can do.
    pub feature_set: FeatureSet,
    /// `r-…`.
    pub root: String,
    /// Of the root.
    pub tags: Vec<Tag>,
    /// To the root.
    pub attached: Attached,
    /// The types that are enabled, each with the number of its enabling.
    pub types: BTreeMap<PolicyType, u64>,
    /// How often a type was enabled.
    pub generation: u64,
    /// Services with trusted access.
    pub services: Vec<Delegation>,
    /// What members may do that only the management account may else.
    pub resource_policy: Option<ResourcePolicy>,
}

/// The policy of an organization itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourcePolicy {
    /// `rp-…`.
    pub id: String,
    /// As given.
    pub content: String,
    /// In the order given.
    pub tags: Vec<Tag>,
}

/// An organizational unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// The version of this document.
    pub v: u32,
    /// `ou-…`.
    pub id: String,
    /// `o-…`.
    pub organization: String,
    /// `r-…` or `ou-…`.
    pub parent: String,
    /// Unique among the units of the parent.
    pub name: String,
    /// In the order given.
    pub tags: Vec<Tag>,
    /// Policies attached to it.
    pub attached: Attached,
}

/// A policy that a customer wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The version of this document.
    pub v: u32,
    /// `p-…`.
    pub id: String,
    /// `o-…`.
    pub organization: String,
    /// Unique among the policies of the type.
    pub name: String,
    /// For people.
    pub description: String,
    /// Its type.
    pub kind: PolicyType,
    /// As given.
    pub content: String,
    /// In the order given.
    pub tags: Vec<Tag>,
    /// When its content was last written.
    pub updated: Timestamp,
}

/// What a handshake is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Action {
    /// To join.
    Invite,
    /// To have all features: the management account's own.
    EnableAllFeatures,
    /// A member's consent to that.
    ApproveAllFeatures,
}

/// How far a handshake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HandshakeState {
    /// Waits for other handshakes.
    Requested,
    /// Waits for the other party.
    Open,
    /// Taken back.
    Canceled,
    /// Agreed to.
    Accepted,
    /// Refused.
    Declined,
    /// Nobody answered in time. Never stored: it follows from the time.
    Expired,
}

/// The other party of a handshake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Party {
    /// An account.
    Account(String),
    /// The account with this email address, now or later.
    Email(String),
    /// The organization itself.
    Organization,
}

/// A handshake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handshake {
    /// The version of this document.
    pub v: u32,
    /// `h-…`.
    pub id: String,
    /// `o-…`.
    pub organization: String,
    /// Its management account.
    pub management: String,
    /// That account's email address when the handshake began.
    pub management_email: String,
    /// That account's name then.
    pub management_name: String,
    /// What it is about.
    pub action: Action,
    /// How far it is; see [`Handshake::state_at`].
    pub state: HandshakeState,
    /// The other party.
    pub to: Party,
    /// When it began.
    pub requested: Timestamp,
    /// When it ends by itself.
    pub expires: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// To the other party.
    pub notes: Option<String>,
    /// Of the account, once it is a member.
    pub tags: Vec<Tag>,
    /// The handshake that waits for this one.
    pub parent: Option<String>,
}

impl Handshake {
    /// How far it is at `now`.
    pub fn state_at(&self, now: Timestamp) -> HandshakeState {
        match self.state {
            HandshakeState::Open | HandshakeState::Requested if now >= self.expires => HandshakeState::Expired,
            state => state,
        }
    }

    /// When it ended, if it has at `now`.
    pub fn ended_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.ended.or((now >= self.expires).then_some(self.expires))
    }
}

/// How far a request for an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CreationState {
    /// The account is not prepared yet.
    InProgress,
    /// The account is there.
    Succeeded,
    /// It will not be.
    Failed,
}

/// A request for an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Creation {
    /// The version of this document.
    pub v: u32,
    /// `car-…`.
    pub id: String,
    /// `o-…`.
    pub organization: String,
    /// Of the account.
    pub name: String,
    /// How far it is.
    pub state: CreationState,
    /// When it was made.
    pub requested: Timestamp,
    /// When it was done with.
    pub completed: Option<Timestamp>,
    /// The account.
    pub account: Option<String>,
    /// Why there is none: AWS's word.
    pub failure: Option<String>,
    /// Whether its result was recorded. Those of versions that did not record any count as told.
    #[serde(default = "told")]
    pub told: bool,
}

fn told() -> bool {
    true
}
