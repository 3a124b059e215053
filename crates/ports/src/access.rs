//! Who owns an access key, and who may do what.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use base::Timestamp;
use policy::PolicySet;
pub use policy::{Decider, Decision, Layer};

use crate::{Caller, RequestContext, Unavailable};

/// A secret access key. Its text never shows in `Debug`.
#[derive(Clone)]
pub struct Secret(pub Arc<str>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// An access key and whose it is.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Signs requests.
    pub secret: Secret,
    /// Whom the key speaks for.
    pub caller: Caller,
    /// Inactive keys are refused.
    pub active: bool,
    /// The session token that must come with a temporary key.
    pub session_token: Option<Secret>,
    /// When a temporary key ends.
    pub expires: Option<Timestamp>,
}

/// Finds access keys. Kept by IAM; asked by the gateway for every call, so it answers from memory.
#[async_trait]
pub trait Credentials: Send + Sync + 'static {
    /// The key of this identifier.
    async fn find(&self, access_key_id: &str) -> Result<Option<Arc<Credential>>, Unavailable>;

    /// Is told that a key has signed a request to a service (as its actions begin: `s3`). Never waits.
    fn used(&self, _caller: &Caller, _time: Timestamp, _region: &str, _service: &str) {}
}

/// What somebody wants to do.
#[derive(Debug)]
pub struct AccessRequest<'a> {
    /// Who.
    pub caller: &'a Caller,
    /// `cloudtrail:CreateTrail`.
    pub action: &'a str,
    /// The ARN acted on, or `*`.
    pub resource: &'a str,
    /// What else is known: what conditions of policies are held against.
    pub context: &'a RequestContext<'a>,
}

/// Decides who may do what: all kinds of policies together. Asked by the gateway before an operation runs, and by operations for what
/// only they know.
#[async_trait]
pub trait Authorizer: Send + Sync + 'static {
    /// Whether the caller may act so.
    async fn decide(&self, request: &AccessRequest<'_>) -> Result<Decision, Unavailable>;
}

/// What identity-based policies there are over a caller.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Those of the user and its groups, or of the role.
    pub policies: Arc<PolicySet>,
    /// The permissions boundary.
    pub boundary: Option<Arc<PolicySet>>,
    /// Those given when the session began.
    pub session: Option<Arc<PolicySet>>,
    /// The tags of the user or role, without those of the session.
    pub tags: Arc<[(String, String)]>,
    /// Whether it is a role of a service, which no control policy binds.
    pub is_service_linked: bool,
}

/// The policies of whoever asks. Kept by IAM; asked for every call, so it answers from memory.
#[async_trait]
pub trait Identities: Send + Sync + 'static {
    /// The policies over a user, a role's session or a federated user. Nothing for everybody else, and for those who are not there any
    /// more.
    async fn identity(&self, caller: &Caller) -> Result<Identity, Unavailable>;
}

/// What the policy of a resource says, and what else is known of it.
#[derive(Clone, Debug)]
pub struct Ruled {
    /// Its policy; an empty set if it has none.
    pub policies: Arc<PolicySet>,
    /// The account that owns it.
    pub account: Arc<str>,
    /// Identity-based policies alone are never enough (KMS keys, roles to be assumed).
    pub must_allow: bool,
    /// What allows it besides the policy: a grant of a KMS key.
    pub granted: Option<Decider>,
    /// The resource's ARN as policies name it, if the request names it otherwise (an alias, another partition).
    pub resource: Option<String>,
    /// Values of condition keys (in lower case) that follow from the resource: its tags.
    pub conditions: Vec<(String, Vec<String>)>,
    /// Nobody may, whatever policies say.
    pub is_closed: bool,
}

impl Ruled {
    /// A resource of this account without a policy.
    pub fn plain(account: Arc<str>) -> Ruled {
        Ruled {
            policies: Arc::default(),
            account,
            must_allow: false,
            granted: None,
            resource: None,
            conditions: Vec::new(),
            is_closed: false,
        }
    }
}

/// Asked whether some policy looks at a condition key (in lower case; one that ends in a slash: at any that begins so).
pub type LooksAt<'a> = &'a (dyn Fn(&str) -> bool + Sync);

/// What the policies of resources say, each kept by the service that has the resource. Asked for every call, so they answer from memory.
#[async_trait]
pub trait ResourcePolicies: Send + Sync + 'static {
    /// The prefixes of the actions that it is asked about: `s3`.
    fn prefixes(&self) -> &'static [&'static str];

    /// What is known of the resource of a request. `None` if it is none of this service's, does not exist, or is of no account.
    async fn ruled(&self, request: &AccessRequest<'_>, looks_at: LooksAt<'_>) -> Result<Option<Ruled>, Unavailable>;

    /// The values of a condition key (in lower case) of the service that the request tells.
    fn condition(&self, request: &AccessRequest<'_>, key: &str) -> Option<Vec<String>>;
}

/// What is known of a role that somebody wants to assume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleInfo {
    /// Twelve digits.
    pub account: Arc<str>,
    /// `arn:aws:iam::ACCOUNT:role/PATH/NAME`.
    pub arn: Arc<str>,
    /// `AROA…`.
    pub id: Arc<str>,
    /// The friendly name.
    pub name: Arc<str>,
    /// The longest session, in seconds.
    pub max_session_secs: u32,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

/// The roles of every account. Kept by IAM; asked by STS.
#[async_trait]
pub trait Roles: Send + Sync + 'static {
    /// The role of this ARN.
    async fn role(&self, arn: &str) -> Result<Option<RoleInfo>, Unavailable>;
}
