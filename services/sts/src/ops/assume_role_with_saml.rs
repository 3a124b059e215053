//! AssumeRoleWithSAML: begins a session of a role for somebody whom a SAML provider speaks for. Nobody signs the request: the provider's
//! signed response takes the place of the signature.

use std::sync::Arc;

use ports::{Caller, Federation};
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::issue::{self, AssumedRoleUser, Credentials, New};
use crate::session_policies::{Limits, PolicyDescriptor};
use crate::tags::SessionTags;
use crate::{Error, Sts};

const ACTION: &str = "sts:AssumeRoleWithSAML";

/// Begins a session of a role for a provider's user.
pub struct AssumeRoleWithSaml;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    role_arn: String,
    principal_arn: String,
    #[serde(rename = "SAMLAssertion")]
    assertion: String,
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
    assumed_role_user: AssumedRoleUser,
    #[serde(skip_serializing_if = "Option::is_none")]
    packed_policy_size: Option<u64>,
    subject: String,
    subject_type: String,
    issuer: String,
    audience: String,
    name_qualifier: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_identity: Option<String>,
}

impl Operation for AssumeRoleWithSaml {
    type Service = Sts;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "AssumeRoleWithSAML";
    const RESOURCE: &'static str = "{RoleArn}";
    const ASKS_ITSELF: bool = true;

    async fn run(sts: &Sts, call: &Call, input: Input) -> Result<Output, ApiError> {
        let account = base::Arn::parse(&input.role_arn).map_or_else(String::new, |arn| arn.account);
        // A provider speaks for roles of its own account alone.
        if base::Arn::parse(&input.principal_arn).is_none_or(|provider| provider.account != account) {
            return Err(Error::AccessDenied(format!("Not authorized to perform {ACTION}")).into());
        }
        let proved = sts.prove_by_saml(&input.principal_arn, &input.role_arn, &input.assertion, call.time).await?;
        let caller = Caller::External(Arc::clone(&proved.external));
        call.note_caller(caller.clone(), &call.account);
        let tags = SessionTags::new(proved.tags, proved.transitive, None)
            .map_err(|error| Error::IdpRejectedClaim(error.to_string()))?;
        let limits = Limits::new(&account, input.policy, input.policy_arns)?;
        let packed_policy_size = limits.packed_size(&tags.all)?;
        let role = sts.deps.roles.role(&input.role_arn).await?;
        let role = role.ok_or_else(|| Error::AccessDenied(format!("Not authorized to perform {ACTION}")))?;
        call.note_caller(caller.clone(), &role.account);
        call.note_resource_of("AWS::IAM::Role", &*role.arn, &role.account);
        call.note_resource_of("AWS::IAM::SAMLProvider", &*input.principal_arn, &role.account);

        let mut known = proved.known;
        known.add("sts:rolesessionname", &proved.session_name);
        known.add("aws:federatedprovider", &*proved.external.provider);
        known.add_if("sts:sourceidentity", proved.source_identity.as_deref());
        known.add_if("sts:durationseconds", input.duration_seconds.map(|secs| secs.to_string()).as_deref());
        known.add_tags(&tags);
        let mut actions = vec![ACTION];
        actions.extend((!tags.all.is_empty()).then_some("sts:TagSession"));
        actions.extend(proved.source_identity.is_some().then_some("sts:SetSourceIdentity"));
        sts.must(call, &caller, &actions, &role.arn, &known).await?;

        // The shorter of what is asked and what the provider says.
        let asked = match (input.duration_seconds, proved.secs) {
            (Some(asked), Some(said)) => Some(asked.min(said)),
            (asked, said) => asked.or(said),
        };
        let left = |end: base::Timestamp| u32::try_from((end.ms() - call.time.ms()) / 1000).unwrap_or(0);
        let secs = issue::role_secs(asked, &role, &caller)?;
        let secs = proved.assertion.session_ends.map_or(secs, |end| secs.min(left(end)));
        let new = New {
            account: Arc::clone(&role.account),
            holder: issue::role_holder(&role, &proved.session_name),
            secs,
            mfa_at: None,
            source_identity: proved.source_identity.as_deref().map(Arc::from),
            tags,
            limits,
            federation: Some(Federation {
                provider: input.principal_arn,
                subject: proved.assertion.subject.clone(),
                attributes: Vec::new(),
            }),
        };
        let (assumed_role_user, credentials) = sts.issue_for_role(call, new).await?;
        Ok(Output {
            credentials,
            assumed_role_user,
            packed_policy_size,
            subject: proved.assertion.subject,
            subject_type: proved.subject_type,
            issuer: proved.assertion.issuer,
            audience: proved.assertion.recipient,
            name_qualifier: proved.name_qualifier,
            source_identity: proved.source_identity,
        })
    }
}
