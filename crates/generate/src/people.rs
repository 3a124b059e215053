//! Who calls: the accounts with their root, users, roles and sessions of roles. A session is a function of its role and of time, so
//! that every record of one session has the same key and the same beginning.

use base::Timestamp;
use record::identity::{ExternalUser, SessionContext, SessionIssuer, UserIdentity, WebIdFederation};

use crate::pools::{Pool, Pools};
use crate::random::{Dice, index, part, skewed, wide};
use crate::template::{code, letters};

const HEX: &[u8] = b"0123456789abcdef";

const NAMES: [&str; 16] = [
    "alice", "bruno", "chen", "dana", "elif", "farid", "greta", "hugo", "ines", "jonas", "kavya", "lena", "mateo",
    "nadia", "oscar", "priya",
];
/// Users that are programs.
const MACHINES: [&str; 4] = ["backup-svc", "terraform", "legacy-export", "monitoring"];

/// How a role is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RoleKind {
    /// Of instances.
    Ec2,
    /// Of functions.
    Lambda,
    /// Of containers.
    Ecs,
    /// Of people who sign in at an identity provider.
    Person,
    /// Of a pipeline outside, through OpenID Connect.
    Pipeline,
    /// Assumed from a session of another role.
    Chained,
    /// A service's own.
    Linked,
}

const ROLES: [(RoleKind, &str); 16] = [
    (RoleKind::Ec2, "web-server"),
    (RoleKind::Ec2, "batch-worker"),
    (RoleKind::Lambda, "orders-handler"),
    (RoleKind::Lambda, "image-resizer"),
    (RoleKind::Lambda, "billing-events"),
    (RoleKind::Lambda, "audit-forwarder"),
    (RoleKind::Ecs, "checkout-task"),
    (RoleKind::Ecs, "search-task"),
    (RoleKind::Ecs, "data-pipeline"),
    (RoleKind::Person, "AWSReservedSSO_AdministratorAccess"),
    (RoleKind::Person, "AWSReservedSSO_PowerUserAccess"),
    (RoleKind::Person, "AWSReservedSSO_ReadOnlyAccess"),
    (RoleKind::Pipeline, "github-actions-build"),
    (RoleKind::Chained, "deploy-production"),
    (RoleKind::Chained, "security-audit"),
    (RoleKind::Linked, "AWSServiceRoleForConfig"),
];

/// A role.
pub(crate) struct Role {
    pub(crate) kind: RoleKind,
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) principal_id: String,
    seed: u64,
}

/// A user.
pub(crate) struct User {
    pub(crate) arn: String,
    pub(crate) principal_id: String,
    pub(crate) keys: [String; 2],
    /// A program, which has keys and no password.
    pub(crate) is_machine: bool,
    /// Signs in with a second factor.
    pub(crate) has_mfa: bool,
    seed: u64,
}

/// An account.
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) root_arn: String,
    pub(crate) user_names: Vec<String>,
    pub(crate) users: Vec<User>,
    pub(crate) roles: Vec<Role>,
    pub(crate) pools: Pools,
}

/// A session of a role.
pub(crate) struct Session {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) principal_id: String,
    pub(crate) access_key_id: String,
    pub(crate) created: Timestamp,
    /// From where it calls.
    pub(crate) address: String,
}

/// A role that is assumed, with the session that comes of it.
pub(crate) struct Target {
    pub(crate) role_arn: String,
    pub(crate) arn: String,
    pub(crate) principal_id: String,
    pub(crate) access_key_id: String,
    pub(crate) session: String,
}

/// Who makes a call.
pub(crate) enum Caller {
    /// The account itself, in the console.
    Root { signed_in: Timestamp },
    /// A user with a key, or in the console since a moment.
    User { at: usize, console: Option<Timestamp>, mfa: bool },
    /// A session of a role.
    Session { role: usize, session: Session },
    /// A user, or the account itself (`None`), at the sign-in page.
    SigningIn { user: Option<usize> },
    /// A service.
    Service(&'static str),
    /// Somebody who has an assertion of an identity provider.
    Saml(String),
    /// A pipeline with a token.
    Web(String),
}

fn id(prefix: &str, seed: u64) -> String {
    let mut id = prefix.to_owned();
    code(&mut id, seed, 16);
    id
}

impl Account {
    /// The `nth` account of a world.
    pub(crate) fn new(seed: u64, nth: usize) -> Account {
        let seed = part(seed, 100 + wide(nth));
        let id_text = (100_000_000_000 + index(seed, 900_000_000_000)).to_string();
        let people = 6 + nth % 5;
        let first = index(part(seed, 1), NAMES.len());
        let mut user_names: Vec<String> =
            (0..people).map(|nth| NAMES[(first + nth) % NAMES.len()].to_owned()).collect();
        user_names.extend(MACHINES.map(str::to_owned));
        let users = user_names.iter().enumerate().map(|(at, name)| {
            let seed = part(seed, 200 + wide(at));
            User {
                arn: format!("arn:aws:iam::{id_text}:user/{name}"),
                principal_id: id("AIDA", seed),
                keys: [id("AKIA", part(seed, 1)), id("AKIA", part(seed, 2))],
                is_machine: at >= people,
                has_mfa: at % 4 != 3,
                seed,
            }
        });
        let roles = ROLES.iter().enumerate().map(|(at, (kind, name))| {
            let seed = part(seed, 400 + wide(at));
            let mut hex = String::new();
            letters(&mut hex, seed, 16, HEX);
            let (path, name) = match kind {
                RoleKind::Person => ("aws-reserved/sso.amazonaws.com/", format!("{name}_{hex}")),
                RoleKind::Linked => ("aws-service-role/config.amazonaws.com/", (*name).to_owned()),
                _ => ("", (*name).to_owned()),
            };
            let arn = format!("arn:aws:iam::{id_text}:role/{path}{name}");
            Role { kind: *kind, name, arn, principal_id: id("AROA", seed), seed }
        });
        Account {
            users: users.collect(),
            roles: roles.collect(),
            root_arn: format!("arn:aws:iam::{id_text}:root"),
            pools: Pools::new(part(seed, 3), &id_text),
            user_names,
            id: id_text,
        }
    }

    /// A role of one of these kinds.
    pub(crate) fn role_of(&self, kinds: &[RoleKind], chance: u64) -> usize {
        let count = self.roles.iter().filter(|role| kinds.contains(&role.kind)).count();
        let wanted = skewed(chance, count);
        let of_kind = self.roles.iter().enumerate().filter(|(_, role)| kinds.contains(&role.kind));
        of_kind.map(|(at, _)| at).nth(wanted).expect("there are roles of each kind")
    }

    /// The session of a role that a call at this time is made with; `ahead` asks for the one after it.
    pub(crate) fn session(&self, role: usize, time: Timestamp, chance: u64, ahead: i64) -> Session {
        let role = &self.roles[role];
        let (length_ms, at_once) = match role.kind {
            RoleKind::Person => (8 * base::time::HOUR_MS, 6),
            RoleKind::Ec2 => (6 * base::time::HOUR_MS, 12),
            RoleKind::Lambda | RoleKind::Ecs | RoleKind::Linked => (2 * base::time::HOUR_MS, 6),
            RoleKind::Pipeline | RoleKind::Chained => (base::time::HOUR_MS, 3),
        };
        let window = time.ms().div_euclid(length_ms) + ahead;
        let which = skewed(chance, at_once);
        let seed = part(part(role.seed, u64::try_from(window).unwrap_or(0)), wide(which));
        let begin = Timestamp::from_ms(window * length_ms);
        let name = match role.kind {
            RoleKind::Ec2 => self.pools.nth(Pool::Instance, which).to_owned(),
            RoleKind::Lambda => self.pools.nth(Pool::Function, which * 3 + role.name.len()).to_owned(),
            RoleKind::Ecs => {
                let mut name = String::new();
                letters(&mut name, seed, 32, HEX);
                name
            }
            RoleKind::Person => format!("{}@example.com", NAMES[(which * 5 + role.name.len()) % NAMES.len()]),
            RoleKind::Pipeline => "GitHubActions".to_owned(),
            RoleKind::Chained => {
                let mut name = "run-".to_owned();
                letters(&mut name, seed, 12, HEX);
                name
            }
            RoleKind::Linked => "AWSConfig-Describe".to_owned(),
        };
        let address = match role.kind {
            RoleKind::Person => self.pools.nth(Pool::Address, which * 5).to_owned(),
            RoleKind::Linked => "config.amazonaws.com".to_owned(),
            RoleKind::Pipeline | RoleKind::Chained => format!("198.51.100.{}", 10 + index(seed, 200)),
            _ => format!("10.{}.{}.{}", which % 4, index(seed, 250), 4 + index(part(seed, 1), 250)),
        };
        Session {
            arn: format!("arn:aws:sts::{}:assumed-role/{}/{name}", self.id, role.name),
            principal_id: format!("{}:{name}", role.principal_id),
            access_key_id: id("ASIA", seed),
            created: begin,
            name,
            address,
        }
    }

    /// A role that is assumed at this time.
    pub(crate) fn target(&self, kinds: &[RoleKind], time: Timestamp, dice: &mut Dice) -> Target {
        let role = self.role_of(kinds, dice.next());
        let session = self.session(role, time, dice.next(), 1);
        Target {
            role_arn: self.roles[role].arn.clone(),
            arn: session.arn,
            principal_id: session.principal_id,
            access_key_id: session.access_key_id,
            session: session.name,
        }
    }
}

impl Caller {
    /// What the record says of the caller.
    pub(crate) fn identity<'a>(&'a self, account: &'a Account) -> UserIdentity<'a> {
        let account_id = account.id.as_str().into();
        match self {
            Caller::Root { signed_in } => UserIdentity::Root {
                account_id,
                arn: account.root_arn.as_str().into(),
                access_key_id: Some(id("ASIA", u64::try_from(signed_in.ms()).unwrap_or(0)).into()),
                user_name: None,
                session: Some(SessionContext {
                    creation_date: *signed_in,
                    mfa_authenticated: true,
                    ..SessionContext::default()
                }),
                invoked_by: None,
            },
            Caller::User { at, console, mfa } => {
                let user = &account.users[*at];
                let session = console.map(|creation_date| SessionContext {
                    creation_date,
                    mfa_authenticated: *mfa,
                    ..SessionContext::default()
                });
                UserIdentity::IamUser {
                    principal_id: user.principal_id.as_str().into(),
                    arn: user.arn.as_str().into(),
                    account_id,
                    access_key_id: Some(match console {
                        None => user.keys[0].as_str().into(),
                        Some(since) => id("ASIA", part(user.seed, u64::try_from(since.ms()).unwrap_or(0))).into(),
                    }),
                    user_name: account.user_names[*at].as_str().into(),
                    session,
                    invoked_by: None,
                }
            }
            Caller::Session { role, session } => {
                let role = &account.roles[*role];
                let web = matches!(role.kind, RoleKind::Pipeline).then(|| WebIdFederation {
                    federated_provider: format!(
                        "arn:aws:iam::{}:oidc-provider/token.actions.githubusercontent.com",
                        account.id
                    )
                    .into(),
                    attributes_json: "{}".into(),
                });
                UserIdentity::AssumedRole {
                    principal_id: session.principal_id.as_str().into(),
                    arn: session.arn.as_str().into(),
                    account_id: account.id.as_str().into(),
                    access_key_id: Some(session.access_key_id.as_str().into()),
                    session: SessionContext {
                        issuer: Some(SessionIssuer {
                            kind: "Role".into(),
                            principal_id: role.principal_id.as_str().into(),
                            arn: role.arn.as_str().into(),
                            account_id,
                            user_name: Some(role.name.as_str().into()),
                        }),
                        web_id_federation: web,
                        creation_date: session.created,
                        mfa_authenticated: false,
                        source_identity: (role.kind == RoleKind::Chained).then(|| "release-train".into()),
                        ec2_role_delivery: (role.kind == RoleKind::Ec2).then(|| "2.0".into()),
                    },
                    invoked_by: (role.kind == RoleKind::Linked).then(|| "config.amazonaws.com".into()),
                }
            }
            Caller::SigningIn { user: None } => UserIdentity::Root {
                account_id,
                arn: account.root_arn.as_str().into(),
                access_key_id: None,
                user_name: None,
                session: None,
                invoked_by: None,
            },
            Caller::SigningIn { user: Some(at) } => UserIdentity::IamUser {
                principal_id: account.users[*at].principal_id.as_str().into(),
                arn: account.users[*at].arn.as_str().into(),
                account_id,
                access_key_id: None,
                user_name: account.user_names[*at].as_str().into(),
                session: None,
                invoked_by: None,
            },
            Caller::Service(name) => UserIdentity::AwsService { invoked_by: (*name).into() },
            Caller::Saml(mail) => UserIdentity::SamlUser(ExternalUser {
                principal_id: format!("zX9kD1pSAML=:{mail}").into(),
                user_name: mail.as_str().into(),
                identity_provider: "zX9kD1pSAML=".into(),
            }),
            Caller::Web(subject) => UserIdentity::WebIdentityUser(ExternalUser {
                principal_id: format!(
                    "arn:aws:iam::{}:oidc-provider/token.actions.githubusercontent.com:sts.amazonaws.com:{subject}",
                    account.id
                )
                .into(),
                user_name: subject.as_str().into(),
                identity_provider: format!(
                    "arn:aws:iam::{}:oidc-provider/token.actions.githubusercontent.com",
                    account.id
                )
                .into(),
            }),
        }
    }

    /// Its ARN, as errors and responses name it.
    pub(crate) fn arn<'a>(&'a self, account: &'a Account) -> &'a str {
        match self {
            Caller::Root { .. } | Caller::SigningIn { user: None } => &account.root_arn,
            Caller::User { at, .. } | Caller::SigningIn { user: Some(at) } => &account.users[*at].arn,
            Caller::Session { session, .. } => &session.arn,
            Caller::Service(name) => name,
            Caller::Saml(name) | Caller::Web(name) => name,
        }
    }

    /// Its name: that of the user or session.
    pub(crate) fn name<'a>(&'a self, account: &'a Account) -> &'a str {
        match self {
            Caller::Root { .. } | Caller::SigningIn { user: None } => "root",
            Caller::User { at, .. } | Caller::SigningIn { user: Some(at) } => &account.user_names[*at],
            Caller::Session { session, .. } => &session.name,
            Caller::Service(name) => name,
            Caller::Saml(name) | Caller::Web(name) => name,
        }
    }
}
