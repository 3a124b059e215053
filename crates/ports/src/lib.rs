//! What services ask of one another. A port appears when a second crate needs it; no service names another.

pub mod access;
pub mod audit_events;
pub mod buckets;
pub mod cross_origin;
pub mod figures;
pub mod identity;
pub mod keys;
pub mod lake;
pub mod mail;
pub mod mfa;
pub mod operator;
pub mod organizations;
pub mod pages;
pub mod request_context;
pub mod service_events;
pub mod sign_in;
pub mod tables;
pub mod watch;
pub mod web_identity;

pub use access::{
    AccessRequest, AuthorizationMessages, Authorizer, Credential, Credentials, Decider, Decision, Identities, Identity,
    Layer, LooksAt, ResourcePolicies, RoleInfo, Roles, Ruled, Secret,
};
pub use audit_events::{AuditChannel, AuditChannels, ChannelError, Sent};
pub use buckets::{BucketError, BucketInfo, BucketObject, Buckets, OpenedObject, ServicePut};
pub use cross_origin::{CrossOrigin, CrossOriginAnswer, CrossOriginRequest};
pub use figures::{Figure, FigureValue, Figures};
pub use identity::{Caller, External, Federation, Holder, Session, SessionPolicy};
pub use keys::{DataKey, KeyError, KeyEvent, KeyInfo, KeyRecords, KeyUse, Keys, PlainKey};
pub use lake::{EventStores, QueryEngine, Selection, StoreId};
pub use mfa::MfaDevices;
pub use operator::{
    ConsumerProgress, EventStoreStatus, Flushed, FollowStatus, JournalStatus, Operator, RecordLines, RecordingStatus,
    TrailBacklog, TrailValidation, WaitingTrail,
};
pub use organizations::{
    AccountInfo, AccountStatus, Accounts, ControlPolicies, DelegationError, Delegations, Membership, Memberships,
    NewAccount, NewAccounts,
};
pub use pages::{PageAnswer, PageEvent, PageIdentity, PageRequest, PageResponse, PageStep, Pages};
pub use request_context::RequestContext;
pub use service_events::{ServiceEvent, ServiceEvents};
pub use sign_in::{ConsoleCredentials, ConsoleSessions, PasswordAnswer, People, Person, SwitchRequest};
pub use tables::{Published, ServerBuckets, TablePlace, Tables};
pub use watch::{
    Backfilled, Datum, FilterPreview, Functions, HandOver, LogGroups, LogTarget, LogsTaken, MetricFilters, Metrics,
    Notice, OnBehalf, Outbound, OutboundAnswer, OutboundRequest, PastEvents, QueueMessage, Queues, ServiceRoles,
    Topics,
};
pub use web_identity::{IssuerKeys, OidcProvider, OidcProviders, SamlProvider};

/// A port's owner could not do its part (its storage failed, say). The text is for our own log, never for a client.
#[derive(Debug, Clone)]
pub struct Unavailable(pub String);

impl std::fmt::Display for Unavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unavailable {}
