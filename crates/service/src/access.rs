//! The one place where it is decided who may do what: all kinds of policies, each from the service that keeps them, are given to
//! `policy::authorize` together. Source: IAM user guide, "Policy evaluation logic".

use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;
use base::arn::{Arn, is_account_id};
use policy::{Layers, PolicySet, Request, ResourceLayer, authorize};
use ports::{
    AccessRequest, Authorizer, Caller, ControlPolicies, Decision, Holder, Identities, Identity, Layer, LooksAt,
    Memberships, ResourcePolicies, Ruled, Unavailable,
};

/// Actions that need no permission. Source: STS API reference, GetCallerIdentity and GetSessionToken: "No permissions are required".
const FREE_ACTIONS: [&str; 2] = ["sts:GetCallerIdentity", "sts:GetSessionToken"];

/// The services whose resources RCPs govern. Source: Organizations user guide, "Resource control policies (RCPs)", list of services.
const RESOURCE_CONTROLLED: [&str; 5] = ["s3", "sts", "kms", "sqs", "secretsmanager"];

fn prefix_of(action: &str) -> &str {
    action.split(':').next().unwrap_or_default()
}

/// See the module. Those who are asked are told once all services are there, because some of them ask in turn; until then nobody may
/// do anything.
#[derive(Default)]
pub struct Access(OnceLock<Asked>);

/// Who says what organizations forbid.
#[derive(Clone)]
pub struct Organized {
    /// Their policies.
    pub controls: Arc<dyn ControlPolicies>,
    /// Which accounts they have.
    pub memberships: Arc<dyn Memberships>,
}

struct Asked {
    identities: Arc<dyn Identities>,
    /// `None`: no account is in any organization.
    organized: Option<Organized>,
    /// Each speaks for its own resources. Weak, because they hold this in turn.
    resources: Vec<Weak<dyn ResourcePolicies>>,
}

impl Access {
    /// Nobody is asked yet.
    pub fn new() -> Arc<Access> {
        Arc::default()
    }

    /// Says who is asked from now on. What is said a second time is not heard.
    pub fn ask(
        &self,
        identities: Arc<dyn Identities>,
        organized: Option<Organized>,
        resources: &[Arc<dyn ResourcePolicies>],
    ) {
        let resources = resources.iter().map(Arc::downgrade).collect();
        let _ = self.0.set(Asked { identities, organized, resources });
    }
}

#[async_trait]
impl Authorizer for Access {
    async fn decide(&self, request: &AccessRequest<'_>) -> Result<Decision, Unavailable> {
        let decision = self.decided(request).await?;
        crate::decided::note(request, &decision);
        Ok(decision)
    }
}

impl Access {
    async fn decided(&self, request: &AccessRequest<'_>) -> Result<Decision, Unavailable> {
        let caller = request.caller;
        // Nobody without credentials gets in, whatever a policy says of everyone.
        if matches!(caller, Caller::Anonymous | Caller::Unknown { .. }) {
            return Ok(Decision::ImplicitDeny(Layer::Identity));
        }
        if is_beyond_session(caller, request.action) {
            return Ok(Decision::ImplicitDeny(Layer::Identity));
        }
        let asked = self.0.get().ok_or_else(|| Unavailable("it is not known yet who may do what".to_owned()))?;
        let identity = asked.identities.identity(caller).await?;
        let of_identity = [Some(&identity.policies), identity.boundary.as_ref(), identity.session.as_ref()];
        let looks_at = |key: &str| of_identity.iter().flatten().any(|set| set.looks_at(key));
        let (mut ruled, owner) = asked.ruled(request, &looks_at).await?;
        if ruled.is_none() {
            // What is another account's takes a permission of its own, whether or not anybody knows it.
            ruled = foreign(request).map(Ruled::plain);
        }
        if ruled.as_ref().is_some_and(|ruled| ruled.is_closed) {
            return Ok(Decision::ExplicitDeny(Layer::Resource, None));
        }
        let memberships = asked.organized.as_ref().map(|organized| &*organized.memberships);
        let known = Known { request, identity: &identity, ruled: ruled.as_ref(), owner: owner.as_deref(), memberships };
        let condition = |key: &str| known.condition(key);
        let resource = ruled.as_ref().and_then(|ruled| ruled.resource.as_deref()).unwrap_or(request.resource);
        let (mut control, mut resource_control) = (Vec::new(), Vec::new());
        if let Some(organized) = asked.organized.as_ref().filter(|_| !identity.is_service_linked) {
            control = caller.account().map(|account| organized.controls.service_control(account)).unwrap_or_default();
            let owner = ruled.as_ref().map(|ruled| &ruled.account).or(caller.account());
            let is_governed = RESOURCE_CONTROLLED.contains(&prefix_of(request.action));
            resource_control = owner
                .filter(|_| is_governed)
                .map(|account| organized.controls.resource_control(account))
                .unwrap_or_default();
        }
        let layers = Layers {
            control: &control,
            resource_control: &resource_control,
            identity: Some(&identity.policies),
            boundary: identity.boundary.as_deref(),
            session: identity.session.as_deref(),
            resource: ruled.as_ref().map(|ruled| ResourceLayer {
                policies: &ruled.policies,
                account: &ruled.account,
                must_allow: ruled.must_allow,
                granted: ruled.granted.as_ref(),
            }),
        };
        let decision = caller.as_principal(|principal| {
            authorize(&layers, &Request { principal, action: request.action, resource, context: &condition })
        });
        Ok(match decision.unwrap_or(Decision::ImplicitDeny(Layer::Identity)) {
            Decision::ImplicitDeny(_) if FREE_ACTIONS.contains(&request.action) && caller.account().is_some() => {
                Decision::FREE
            }
            decision => decision,
        })
    }
}

/// Whether no policy lets these temporary credentials do this. Source: STS API reference, GetSessionToken (IAM only with a second factor, of
/// STS only AssumeRole and GetCallerIdentity) and GetFederationToken (no IAM, of STS only GetCallerIdentity). It is calls that they cannot
/// make; `iam:PassRole` is none.
fn is_beyond_session(caller: &Caller, action: &str) -> bool {
    let Some(session) = caller.session().filter(|session| !session.is_console) else { return false };
    if action == "iam:PassRole" {
        return false;
    }
    let (service, name) = action.split_once(':').unwrap_or_default();
    // GetSessionToken is asked for here, and refuses sessions in words of its own.
    let is_for_all = matches!(name, "GetCallerIdentity" | "GetSessionToken");
    let is_to_assume = matches!(name, "AssumeRole" | "SetSourceIdentity" | "TagSession");
    match (&session.holder, service) {
        (Holder::Role { .. }, _) => false,
        (Holder::Federated { .. }, "iam") => true,
        (Holder::Federated { .. }, "sts") => !is_for_all,
        (Holder::Root | Holder::User { .. }, "iam") => session.mfa_at.is_none(),
        (Holder::Root | Holder::User { .. }, "sts") => !is_for_all && !is_to_assume,
        _ => false,
    }
}

impl Asked {
    /// What is known of the resource, and who knows it.
    async fn ruled(
        &self,
        request: &AccessRequest<'_>,
        looks_at: LooksAt<'_>,
    ) -> Result<(Option<Ruled>, Option<Arc<dyn ResourcePolicies>>), Unavailable> {
        let prefix = prefix_of(request.action);
        let mut owner = None;
        for resources in self.resources.iter().filter_map(Weak::upgrade) {
            if !resources.prefixes().contains(&prefix) {
                continue;
            }
            if let Some(ruled) = resources.ruled(request, looks_at).await? {
                return Ok((Some(ruled), Some(resources)));
            }
            owner.get_or_insert(resources);
        }
        Ok((None, owner))
    }
}

/// The account of a resource, if the ARN says that it is not the caller's.
fn foreign(request: &AccessRequest<'_>) -> Option<Arc<str>> {
    let account = Arn::parse(request.resource)?.account;
    let is_foreign = is_account_id(&account) && request.caller.account().is_some_and(|own| **own != *account);
    is_foreign.then(|| Arc::from(account))
}

/// All that conditions are held against.
struct Known<'a> {
    request: &'a AccessRequest<'a>,
    identity: &'a Identity,
    ruled: Option<&'a Ruled>,
    owner: Option<&'a dyn ResourcePolicies>,
    memberships: Option<&'a dyn Memberships>,
}

impl Known<'_> {
    /// The values of a condition key in lower case.
    fn condition(&self, key: &str) -> Option<Vec<String>> {
        let found = self.request.global_condition(key);
        if found.is_some() {
            return found;
        }
        if let Some(ruled) = self.ruled {
            if let Some((_, values)) = ruled.conditions.iter().find(|(name, _)| name == key) {
                return Some(values.clone());
            }
            if key == "aws:resourceaccount" {
                return Some(vec![ruled.account.to_string()]);
            }
        }
        let membership = |account: Option<&Arc<str>>| self.memberships?.organization_of(account?);
        match key {
            "aws:principalorgid" => {
                return membership(self.request.caller.account()).map(|place| vec![place.organization_id]);
            }
            "aws:principalorgpaths" => return membership(self.request.caller.account()).map(|place| vec![place.path]),
            "aws:resourceorgid" | "aws:resourceorgpaths" => {
                let owner = self.ruled.map(|ruled| &ruled.account).or(self.request.caller.account());
                let place = membership(owner)?;
                return Some(vec![if key == "aws:resourceorgid" { place.organization_id } else { place.path }]);
            }
            "aws:resourceaccount" => return self.request.caller.account().map(|account| vec![account.to_string()]),
            _ => {}
        }
        if let Some(tag) = key.strip_prefix("aws:principaltag/") {
            let named = |tags: &[(String, String)]| {
                tags.iter().find(|(name, _)| name.to_lowercase() == tag).map(|(_, value)| vec![value.clone()])
            };
            let of_session = self.request.caller.session().and_then(|session| named(&session.tags));
            return of_session.or_else(|| named(&self.identity.tags));
        }
        self.owner.and_then(|owner| owner.condition(self.request, key))
    }
}

/// What a fixed set of policies allows everybody: for tests of services that ask.
#[doc(hidden)]
pub struct FixedIdentities(pub Arc<PolicySet>);

#[async_trait]
impl Identities for FixedIdentities {
    async fn identity(&self, _caller: &Caller) -> Result<Identity, Unavailable> {
        Ok(Identity { policies: Arc::clone(&self.0), ..Identity::default() })
    }
}
