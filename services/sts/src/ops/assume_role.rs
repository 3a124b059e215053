//! AssumeRole: begins a session of a role for somebody whom the role's trust policy lets, and who may by its own policies.

use std::sync::Arc;

use ports::Holder;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::ask::{self, Known};
use crate::issue::{self, AssumedRoleUser, Credentials, New};
use crate::session_policies::{Limits, PolicyDescriptor};
use crate::tags::{SessionTags, Tag};
use crate::{Error, Sts};

const ACTION: &str = "sts:AssumeRole";

/// Begins a session of a role.
pub struct AssumeRole;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    role_arn: String,
    role_session_name: String,
    #[serde(default)]
    policy_arns: Vec<PolicyDescriptor>,
    policy: Option<String>,
    duration_seconds: Option<u32>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    transitive_tag_keys: Vec<String>,
    external_id: Option<String>,
    serial_number: Option<String>,
    token_code: Option<String>,
    source_identity: Option<String>,
    #[serde(default)]
    provided_contexts: Vec<ProvidedContext>,
}

/// See the model. Only IAM Identity Center makes assertions of context, and there is none here.
#[derive(Deserialize)]
struct ProvidedContext {}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    credentials: Credentials,
    assumed_role_user: AssumedRoleUser,
    #[serde(skip_serializing_if = "Option::is_none")]
    packed_policy_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_identity: Option<Arc<str>>,
}

impl Operation for AssumeRole {
    type Service = Sts;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "AssumeRole";
    const RESOURCE: &'static str = "{RoleArn}";
    const ASKS_ITSELF: bool = true;

    async fn run(sts: &Sts, call: &Call, input: Input) -> Result<Output, ApiError> {
        let (caller, arn) = (&call.caller, input.role_arn.as_str());
        let before = caller.session().map(|session| &**session);
        if caller.is_root() {
            return Err(Error::AccessDenied("Roles may not be assumed by root accounts.".to_owned()).into());
        }
        let denied =
            |action: &str| ask::denied(caller, action, arn, &ports::Decision::ImplicitDeny(ports::Layer::Identity));
        if before.is_some_and(|session| matches!(session.holder, Holder::Federated { .. })) {
            return Err(denied(ACTION).into());
        }
        if !input.provided_contexts.is_empty() {
            return Err(Error::InvalidParameterValue("The provided context assertion is invalid.".to_owned()).into());
        }
        let role_account = base::Arn::parse(arn).map_or_else(String::new, |arn| arn.account);
        let tags = SessionTags::new(input.tags, input.transitive_tag_keys, before)?;
        let limits = Limits::new(&role_account, input.policy, input.policy_arns)?;
        let packed_policy_size = limits.packed_size(&tags.all)?;
        let mfa_at = sts.second_factor(call, input.serial_number.as_deref(), input.token_code.as_deref()).await?;
        let Some(role) = sts.deps.roles.role(arn).await? else { return Err(denied(ACTION).into()) };
        call.note_resource_of("AWS::IAM::Role", &*role.arn, &role.account);
        let inherited = before.and_then(|session| session.source_identity.clone());
        let source_identity = match (inherited, input.source_identity) {
            (Some(kept), Some(asked)) if *kept != *asked => return Err(denied("sts:SetSourceIdentity").into()),
            (None, Some(asked)) => Some(Arc::from(asked)),
            (kept, _) => kept,
        };

        let mut known = Known::default();
        known.add("sts:rolesessionname", &input.role_session_name);
        known.add_if("sts:externalid", input.external_id.as_deref());
        known.add_if("sts:sourceidentity", source_identity.as_deref());
        known.add_if("sts:durationseconds", input.duration_seconds.map(|secs| secs.to_string()).as_deref());
        if mfa_at.is_some() {
            known.add("aws:multifactorauthpresent", "true");
            known.add("aws:multifactorauthage", "0");
        }
        known.add_tags(&tags);
        let mut actions = vec![ACTION];
        actions.extend((!tags.all.is_empty()).then_some("sts:TagSession"));
        actions.extend(source_identity.is_some().then_some("sts:SetSourceIdentity"));
        sts.must(call, caller, &actions, &role.arn, &known).await?;

        let secs = issue::role_secs(input.duration_seconds, &role, caller)?;
        let new = New {
            account: Arc::clone(&role.account),
            holder: issue::role_holder(&role, &input.role_session_name),
            secs,
            mfa_at: mfa_at.or_else(|| before.and_then(|session| session.mfa_at)),
            source_identity: source_identity.clone(),
            tags,
            limits,
            federation: None,
        };
        let (assumed_role_user, credentials) = sts.issue_for_role(call, new).await?;
        Ok(Output { credentials, assumed_role_user, packed_policy_size, source_identity })
    }
}
