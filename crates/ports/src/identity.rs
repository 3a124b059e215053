//! Who is calling.

use std::sync::Arc;

use base::Timestamp;
use policy::Principal;
use serde::{Deserialize, Serialize};

/// Who is calling, as far as signature and credential tell. Source: CloudTrail user guide, "userIdentity element".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The account itself.
    Root {
        /// Twelve digits.
        account: Arc<str>,
        /// The access key that signed.
        access_key_id: Arc<str>,
    },
    /// An IAM user.
    User {
        /// Twelve digits.
        account: Arc<str>,
        /// `AIDA…`, the principal identifier.
        user_id: Arc<str>,
        /// The friendly name.
        user_name: Arc<str>,
        /// `arn:aws:iam::123456789012:user/path/name`.
        arn: Arc<str>,
        /// The access key that signed.
        access_key_id: Arc<str>,
    },
    /// Somebody with temporary credentials.
    Session(Arc<Session>),
    /// Somebody known to an identity provider only, who asks to assume a role with its word.
    External(Arc<External>),
    /// A service acting by itself: `cloudtrail.amazonaws.com`.
    Service {
        /// The service principal.
        principal: Arc<str>,
    },
    /// Nobody: the request is not signed.
    Anonymous,
    /// Somebody who could not be identified: an unknown key, or a signature that does not fit.
    Unknown {
        /// The access key the request names, if it names one.
        access_key_id: Option<Arc<str>>,
    },
}

/// What temporary credentials stand for. Kept by STS, as long as they are good. Source: IAM user guide, "Temporary security credentials
/// in IAM".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Twelve digits: the account that the session acts in.
    pub account: Arc<str>,
    /// The temporary key, `ASIA…`.
    pub access_key_id: Arc<str>,
    /// Whose session it is.
    pub holder: Holder,
    /// When the credentials were issued.
    pub created: Timestamp,
    /// When they end.
    pub expires: Timestamp,
    /// When a second factor was given, if one was.
    pub mfa_at: Option<Timestamp>,
    /// The source identity, which the sessions that follow keep.
    pub source_identity: Option<Arc<str>>,
    /// Tags of the session; they hide tags of the same key of the role or user.
    pub tags: Vec<(String, String)>,
    /// The keys of those tags that the sessions of further roles keep.
    pub transitive_tag_keys: Vec<String>,
    /// Documents of session policies, and ARNs of managed ones: what the session may do at most. Empty: as much as its holder.
    pub policies: Vec<SessionPolicy>,
    /// The provider by whose word the session was made.
    pub federation: Option<Federation>,
    /// Whether it was made by signing in on a page.
    pub is_console: bool,
    /// Who held the credentials that the session was made with, if it was made with any: an ARN.
    pub made_by: Option<Arc<str>>,
}

/// Whose session it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Holder {
    /// The account's root, with GetSessionToken or by signing in.
    Root,
    /// A user, with GetSessionToken or by signing in.
    User {
        /// `AIDA…`.
        id: Arc<str>,
        /// The friendly name.
        name: Arc<str>,
        /// `arn:aws:iam::ACCOUNT:user/PATH/NAME`.
        arn: Arc<str>,
    },
    /// A role that was assumed.
    Role {
        /// `AROA…`.
        id: Arc<str>,
        /// The friendly name.
        name: Arc<str>,
        /// `arn:aws:iam::ACCOUNT:role/PATH/NAME`.
        arn: Arc<str>,
        /// The session's name.
        session_name: Arc<str>,
    },
    /// Somebody for whom a user (or root) asked GetFederationToken.
    Federated {
        /// The name given.
        name: Arc<str>,
        /// The user who asked, if it was not root: identifier, name, ARN.
        user: Option<(Arc<str>, Arc<str>, Arc<str>)>,
    },
}

/// A policy given when a session began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionPolicy {
    /// The text itself.
    Inline(String),
    /// The ARN of a managed policy.
    Managed(String),
}

/// The provider by whose word a session was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Federation {
    /// `accounts.google.com`, or the ARN of a provider.
    pub provider: String,
    /// The subject of the provider's token.
    pub subject: String,
    /// What the record shows of the token's claims (`aud`, `sub`), and what conditions are held against: names without the provider.
    pub attributes: Vec<(String, String)>,
}

impl Federation {
    /// Whether a SAML provider gave its word; otherwise one of OpenID Connect.
    pub fn is_saml(&self) -> bool {
        self.provider.contains(":saml-provider/")
    }
}

/// Somebody known to an identity provider only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// `accounts.google.com`, or the ARN of a provider of an account.
    pub provider: Arc<str>,
    /// The token's subject.
    pub subject: Arc<str>,
    /// The audience.
    pub audience: Arc<str>,
    /// The provider as records name it: `accounts.google.com`, or the issuer.
    pub issuer: Arc<str>,
    /// Whether SAML said so; otherwise OpenID Connect.
    pub is_saml: bool,
}

impl Session {
    /// The ARN of who holds it, as refusals and GetCallerIdentity show it.
    pub fn arn(&self) -> String {
        let account = &self.account;
        match &self.holder {
            Holder::Root => format!("arn:aws:iam::{account}:root"),
            Holder::User { arn, .. } => arn.to_string(),
            Holder::Role { name, session_name, .. } => {
                format!("arn:aws:sts::{account}:assumed-role/{name}/{session_name}")
            }
            Holder::Federated { name, .. } => format!("arn:aws:sts::{account}:federated-user/{name}"),
        }
    }

    /// The unique identifier (`aws:userid`). Source: IAM user guide, "IAM JSON policy elements: Variables and tags", principal key values.
    pub fn principal_id(&self) -> String {
        match &self.holder {
            Holder::Root => self.account.to_string(),
            Holder::User { id, .. } => id.to_string(),
            Holder::Role { id, session_name, .. } => format!("{id}:{session_name}"),
            Holder::Federated { name, .. } => format!("{}:{name}", self.account),
        }
    }
}

impl Caller {
    /// The caller's ARN, as refusals and GetCallerIdentity show it. `None` for callers without one.
    pub fn arn(&self) -> Option<String> {
        match self {
            Caller::Root { account, .. } => Some(format!("arn:aws:iam::{account}:root")),
            Caller::User { arn, .. } => Some(arn.to_string()),
            Caller::Session(session) => Some(session.arn()),
            _ => None,
        }
    }

    /// The caller's account.
    pub fn account(&self) -> Option<&Arc<str>> {
        match self {
            Caller::Root { account, .. } | Caller::User { account, .. } => Some(account),
            Caller::Session(session) => Some(&session.account),
            _ => None,
        }
    }

    /// The unique identifier (`aws:userid`): the account for root, `AIDA…` for a user, `AROA…:NAME` for a role's session.
    pub fn principal_id(&self) -> Option<String> {
        match self {
            Caller::Root { account, .. } => Some(account.to_string()),
            Caller::User { user_id, .. } => Some(user_id.to_string()),
            Caller::Session(session) => Some(session.principal_id()),
            _ => None,
        }
    }

    /// The access key that signed the request.
    pub fn access_key_id(&self) -> Option<&str> {
        match self {
            Caller::Root { access_key_id, .. } | Caller::User { access_key_id, .. } => Some(access_key_id),
            Caller::Session(session) => Some(&session.access_key_id),
            Caller::Unknown { access_key_id } => access_key_id.as_deref(),
            _ => None,
        }
    }

    /// Whether it is the root of an account, also in a session.
    pub fn is_root(&self) -> bool {
        match self {
            Caller::Root { .. } => true,
            Caller::Session(session) => session.holder == Holder::Root,
            _ => false,
        }
    }

    /// The user it is, also in a session of GetSessionToken: identifier, name and ARN.
    pub fn user(&self) -> Option<(&Arc<str>, &Arc<str>, &Arc<str>)> {
        match self {
            Caller::User { user_id, user_name, arn, .. } => Some((user_id, user_name, arn)),
            Caller::Session(session) => match &session.holder {
                Holder::User { id, name, arn } => Some((id, name, arn)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The session, of temporary credentials.
    pub fn session(&self) -> Option<&Arc<Session>> {
        match self {
            Caller::Session(session) => Some(session),
            _ => None,
        }
    }

    /// The ARN of the identity behind the caller: the role of a session (`aws:PrincipalArn`), else as [`Caller::arn`].
    pub fn principal_arn(&self) -> Option<String> {
        match self {
            Caller::Session(session) => match &session.holder {
                Holder::Role { arn, .. } => Some(arn.to_string()),
                _ => Some(session.arn()),
            },
            _ => self.arn(),
        }
    }

    /// Calls `with` with the caller as policies name it. `None`: nobody whom a policy lets in.
    pub fn as_principal<T>(&self, with: impl FnOnce(Principal<'_>) -> T) -> Option<T> {
        Some(match self {
            Caller::Root { account, .. } => with(Principal::Root { account }),
            Caller::User { account, arn, user_id, .. } => with(Principal::User { account, arn, id: user_id }),
            Caller::Session(session) => {
                let (account, session_arn) = (&*session.account, session.arn());
                match &session.holder {
                    Holder::Root => with(Principal::Root { account }),
                    Holder::User { id, arn, .. } => with(Principal::User { account, arn, id }),
                    Holder::Role { id, arn, .. } => {
                        with(Principal::AssumedRole { account, role_arn: arn, role_id: id, session_arn: &session_arn })
                    }
                    Holder::Federated { user, .. } => with(Principal::FederatedUser {
                        account,
                        arn: &session_arn,
                        user_arn: user.as_ref().map(|(_, _, arn)| &**arn),
                    }),
                }
            }
            Caller::External(external) => with(Principal::Federated { provider: &external.provider }),
            Caller::Service { principal } => with(Principal::Service { name: principal }),
            Caller::Anonymous | Caller::Unknown { .. } => return None,
        })
    }
}
