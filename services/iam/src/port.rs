//! What IAM answers others: whose key this is, which policies are over its owner, and what is known of roles and of IAM's own things.

use std::sync::Arc;

use async_trait::async_trait;
use model::Value;
use policy::{Decider, Policy, PolicySet};
use ports::identity::{Holder, Session, SessionPolicy};
use ports::{
    AccessRequest, Caller, Credential, Credentials, Identities, Identity, LooksAt, ResourcePolicies, RoleInfo, Roles,
    Ruled, Unavailable,
};

use crate::Iam;
use crate::managed::Managed;
use crate::store::{
    Group, InstanceProfile, ManagedPolicy, OidcProvider, Role, SamlProvider, ServerCertificate, User, World,
};
use crate::tags::Tag;
use crate::trust;

#[async_trait]
impl Credentials for Iam {
    async fn find(&self, access_key_id: &str) -> Result<Option<Arc<Credential>>, Unavailable> {
        Ok(self.store.credential(access_key_id))
    }
}

#[async_trait]
impl Identities for Iam {
    async fn identity(&self, caller: &Caller) -> Result<Identity, Unavailable> {
        if caller.account().is_none_or(|account| **account != *self.account) {
            return Ok(Identity::default());
        }
        Ok(self.store.read(|world| match caller {
            Caller::User { user_id, .. } => self.compiled.identity(world, user_id),
            Caller::Session(session) => self.of_session(world, session),
            _ => Identity::default(),
        }))
    }
}

impl Iam {
    fn of_session(&self, world: &World, session: &Session) -> Identity {
        let identity = match &session.holder {
            Holder::Root => return Identity::default(),
            Holder::User { id, .. } | Holder::Role { id, .. } | Holder::Federated { user: Some((id, _, _)), .. } => {
                self.compiled.identity(world, id)
            }
            Holder::Federated { user: None, .. } => {
                Identity { policies: self.compiled.set(world, "root", PolicySet::everything), ..Identity::default() }
            }
        };
        // Without a session policy a federated user may nothing. Source: STS API reference, "GetFederationToken".
        let is_bound = !session.policies.is_empty() || matches!(session.holder, Holder::Federated { .. });
        let of_session = || session_policies(world, &session.policies);
        let session = is_bound.then(|| self.compiled.set(world, &session.access_key_id, of_session));
        Identity { session, ..identity }
    }
}

/// A session policy that cannot be read allows nothing, and what it would deny is not known: then the session may nothing.
fn session_policies(world: &World, policies: &[SessionPolicy]) -> PolicySet {
    let read = |policy: &SessionPolicy| match policy {
        SessionPolicy::Inline(text) => Some((String::new(), Policy::parse(text).ok()?)),
        SessionPolicy::Managed(arn) => {
            let policy = Managed::find(world, arn)?;
            Some((arn.clone(), Policy::parse_of_aws(policy.document()).ok()?))
        }
    };
    policies.iter().map(read).collect::<Option<Vec<_>>>().map_or_else(PolicySet::empty, PolicySet::new)
}

#[async_trait]
impl Roles for Iam {
    async fn role(&self, arn: &str) -> Result<Option<RoleInfo>, Unavailable> {
        let role = self.store.read(|world| world.role_of_arn(arn));
        Ok(role.map(|role| RoleInfo {
            account: Arc::clone(&self.account),
            arn: Arc::from(role.arn.as_str()),
            id: Arc::from(role.id.as_str()),
            name: Arc::from(role.name.as_str()),
            max_session_secs: role.max_session_secs,
            tags: pairs(&role.tags),
        }))
    }
}

pub(crate) fn pairs<T: FromIterator<(String, String)>>(tags: &[Tag]) -> T {
    tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}

/// Operations that mean the caller if they name no user.
const OF_THE_CALLER: [&str; 24] = [
    "iam:ChangePassword",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreateServiceSpecificCredential",
    "iam:DeactivateMFADevice",
    "iam:DeleteAccessKey",
    "iam:DeleteLoginProfile",
    "iam:DeleteServiceSpecificCredential",
    "iam:DeleteSigningCertificate",
    "iam:GetLoginProfile",
    "iam:GetMFADevice",
    "iam:GetUser",
    "iam:ListAccessKeys",
    "iam:ListMFADevices",
    "iam:ListSSHPublicKeys",
    "iam:ListServiceSpecificCredentials",
    "iam:ListSigningCertificates",
    "iam:ResetServiceSpecificCredential",
    "iam:ResyncMFADevice",
    "iam:UpdateAccessKey",
    "iam:UpdateLoginProfile",
    "iam:UpdateServiceSpecificCredential",
    "iam:UpdateSigningCertificate",
    "iam:UploadSigningCertificate",
];

/// What IAM knows of a thing that a request names.
struct Known {
    arn: String,
    tags: Vec<(String, String)>,
    boundary: Option<String>,
}

fn known(arn: &str, tags: &[Tag], boundary: Option<&str>) -> Known {
    Known { arn: arn.to_owned(), tags: pairs(tags), boundary: boundary.map(str::to_owned) }
}

/// The thing of a name, with the path that requests do not tell.
fn find(world: &World, kind: &str, name: &str) -> Option<Known> {
    Some(match kind {
        "user" => world.get::<User>(name).map(|user| known(&user.arn, &user.tags, user.boundary.as_deref()))?,
        "role" => world.get::<Role>(name).map(|role| known(&role.arn, &role.tags, role.boundary.as_deref()))?,
        "group" => world.get::<Group>(name).map(|group| known(&group.arn, &[], None))?,
        "policy" => world.get::<ManagedPolicy>(name).map(|policy| known(&policy.arn, &policy.tags, None))?,
        "instance-profile" => {
            world.get::<InstanceProfile>(name).map(|profile| known(&profile.arn, &profile.tags, None))?
        }
        "saml-provider" => {
            world.get::<SamlProvider>(name).map(|provider| known(&provider.arn, &provider.tags, None))?
        }
        "oidc-provider" => {
            world.get::<OidcProvider>(name).map(|provider| known(&provider.arn, &provider.tags, None))?
        }
        "server-certificate" => {
            world.get::<ServerCertificate>(name).map(|found| known(&found.arn, &found.tags, None))?
        }
        _ => return None,
    })
}

fn text<'a>(request: &'a AccessRequest<'_>, member: &str) -> Option<&'a str> {
    match request.context.input?.get(member)? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

#[async_trait]
impl ResourcePolicies for Iam {
    fn prefixes(&self) -> &'static [&'static str] {
        &["iam", "sts"]
    }

    async fn ruled(&self, request: &AccessRequest<'_>, _: LooksAt<'_>) -> Result<Option<Ruled>, Unavailable> {
        if request.action == "iam:GetAccountPasswordPolicy" && self.may_change_own_password() {
            let granted = request.caller.user().map(|_| own_password());
            return Ok(Some(Ruled { granted, ..Ruled::plain(Arc::clone(&self.account)) }));
        }
        let own = format!(":iam::{}:", self.account);
        let Some((_, rest)) = request.resource.split_once(&own) else { return Ok(None) };
        let Some((kind, name)) = rest.split_once('/') else { return Ok(None) };
        if request.action.starts_with("sts:") {
            return Ok(self.ruled_role(request.resource));
        }
        let mut ruled = Ruled::plain(Arc::clone(&self.account));
        if request.action == "iam:ChangePassword" && self.may_change_own_password() {
            ruled.granted = Some(own_password());
        }
        let is_named = text(request, "UserName").is_some();
        let mut boundary = text(request, "PermissionsBoundary").map(str::to_owned);
        let found = match (kind, request.caller.user()) {
            ("user", Some((_, own, _))) if !is_named && OF_THE_CALLER.contains(&request.action) => {
                self.store.read(|world| find(world, kind, own))
            }
            // Their names are addresses.
            ("oidc-provider", _) => self.store.read(|world| find(world, kind, name)),
            _ => self.store.read(|world| find(world, kind, name.rsplit('/').next().unwrap_or(name))),
        };
        match (found, text(request, "Path")) {
            (Some(known), _) => {
                boundary = boundary.or(known.boundary);
                ruled.resource = Some(known.arn);
                ruled.conditions = tag_conditions(&known.tags);
            }
            // A list is of what lies under a path.
            (None, _) if name == "*" && request.action.starts_with("iam:List") => {
                let prefix = text(request, "PathPrefix").unwrap_or("/");
                ruled.resource = Some(format!("arn:aws:iam::{}:{kind}{prefix}", self.account));
            }
            // What is to be made lies where it is to be made.
            (None, Some(path)) if path.starts_with('/') => {
                ruled.resource = Some(format!("arn:aws:iam::{}:{kind}{path}{name}", self.account));
            }
            (None, _) => {}
        }
        if let Some(arn) = boundary {
            ruled.conditions.push(("iam:permissionsboundary".to_owned(), vec![arn]));
        }
        Ok(Some(ruled))
    }

    fn condition(&self, request: &AccessRequest<'_>, key: &str) -> Option<Vec<String>> {
        let member = match key {
            "iam:policyarn" => "PolicyArn",
            "iam:awsservicename" => "AWSServiceName",
            "iam:permissionsboundary" => "PermissionsBoundary",
            _ => return None,
        };
        text(request, member).map(|text| vec![text.to_owned()])
    }
}

/// What lets users change their own passwords: the account's password policy may say so. Source: IAM user guide, "Permit IAM users to
/// change their own passwords".
fn own_password() -> Decider {
    Decider { policy: "AllowUsersToChangePassword".to_owned(), statement: 0, sid: None }
}

fn tag_conditions(tags: &[(String, String)]) -> Vec<(String, Vec<String>)> {
    let keys = |(key, value): &(String, String)| {
        let (key, value) = (key.to_lowercase(), vec![value.clone()]);
        [(format!("aws:resourcetag/{key}"), value.clone()), (format!("iam:resourcetag/{key}"), value)]
    };
    tags.iter().flat_map(keys).collect()
}

impl Iam {
    /// Whom a role lets take it on: nobody whom its trust policy does not.
    fn ruled_role(&self, arn: &str) -> Option<Ruled> {
        self.store.read(|world| {
            let role = world.role_of_arn(arn)?;
            Some(Ruled {
                policies: self.compiled.set(world, &format!("{}/trust", role.id), || trust::compiled(&role)),
                must_allow: true,
                resource: Some(role.arn.clone()),
                conditions: tag_conditions(&pairs::<Vec<_>>(&role.tags)),
                ..Ruled::plain(Arc::clone(&self.account))
            })
        })
    }
}
