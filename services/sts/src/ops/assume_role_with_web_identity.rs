//! AssumeRoleWithWebIdentity: begins a session of a role for somebody whom an OpenID Connect provider speaks for. Nobody signs the request:
//! the provider's token takes the place of the signature.

use std::sync::Arc;

use ports::{Caller, Federation};
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::issue::{self, AssumedRoleUser, Credentials, New};
use crate::session_policies::{Limits, PolicyDescriptor};
use crate::tags::SessionTags;
use crate::{Error, Sts};

const ACTION: &str = "sts:AssumeRoleWithWebIdentity";

/// Begins a session of a role for a provider's user.
pub struct AssumeRoleWithWebIdentity;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    role_arn: String,
    role_session_name: String,
    web_identity_token: String,
    provider_id: Option<String>,
    #[serde(default)]
    policy_arns: Vec<PolicyDescriptor>,
    policy: Option<String>,
    duration_seconds: Option<u32>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    credentials: Credentials,
    subject_from_web_identity_token: String,
    assumed_role_user: AssumedRoleUser,
    #[serde(skip_serializing_if = "Option::is_none")]
    packed_policy_size: Option<u64>,
    provider: String,
    audience: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_identity: Option<String>,
}

impl Operation for AssumeRoleWithWebIdentity {
    type Service = Sts;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "AssumeRoleWithWebIdentity";
    const RESOURCE: &'static str = "{RoleArn}";
    const ASKS_ITSELF: bool = true;

    async fn run(sts: &Sts, call: &Call, input: Input) -> Result<Output, ApiError> {
        let account = base::Arn::parse(&input.role_arn).map_or_else(String::new, |arn| arn.account);
        let token = input.web_identity_token.as_str();
        let proved = sts.prove(token, input.provider_id.as_deref(), &account, call.time).await?;
        let caller = Caller::External(Arc::clone(&proved.external));
        call.note_caller(caller.clone(), &call.account);
        let tags = SessionTags::new(proved.tags, proved.transitive, None)
            .map_err(|error| Error::IdpRejectedClaim(error.to_string()))?;
        let limits = Limits::new(&account, input.policy, input.policy_arns)?;
        let packed_policy_size = limits.packed_size(&tags.all)?;
        let role = sts.deps.roles.role(&input.role_arn).await?;
        let role = role.ok_or_else(|| Error::AccessDenied(format!("Not authorized to perform {ACTION}")))?;
        // Whoever shows a token has no account: the record is that of the role's.
        call.note_caller(caller.clone(), &role.account);
        call.note_resource_of("AWS::IAM::Role", &*role.arn, &role.account);

        let mut known = proved.known;
        known.add("sts:rolesessionname", &input.role_session_name);
        known.add("aws:federatedprovider", &*proved.external.provider);
        known.add_if("sts:sourceidentity", proved.source_identity.as_deref());
        known.add_if("sts:durationseconds", input.duration_seconds.map(|secs| secs.to_string()).as_deref());
        known.add_tags(&tags);
        let mut actions = vec![ACTION];
        actions.extend((!tags.all.is_empty()).then_some("sts:TagSession"));
        actions.extend(proved.source_identity.is_some().then_some("sts:SetSourceIdentity"));
        sts.must(call, &caller, &actions, &role.arn, &known).await?;

        let secs = issue::role_secs(input.duration_seconds, &role, &caller)?;
        let external = &proved.external;
        let (subject, audience, provider) =
            (external.subject.to_string(), external.audience.to_string(), external.provider.to_string());
        let attributes = [("aud", &audience), ("sub", &subject)].map(|(name, value)| (name.to_owned(), value.clone()));
        let new = New {
            account: Arc::clone(&role.account),
            holder: issue::role_holder(&role, &input.role_session_name),
            secs,
            mfa_at: None,
            source_identity: proved.source_identity.as_deref().map(Arc::from),
            tags,
            limits,
            federation: Some(Federation {
                provider: provider.clone(),
                subject: subject.clone(),
                attributes: attributes.to_vec(),
            }),
        };
        let (assumed_role_user, credentials) = sts.issue_for_role(call, new).await?;
        Ok(Output {
            credentials,
            subject_from_web_identity_token: subject,
            assumed_role_user,
            packed_policy_size,
            provider,
            audience,
            source_identity: proved.source_identity,
        })
    }
}
