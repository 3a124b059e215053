//! GetFederationToken: begins a session for somebody whom a user (or root) vouches for. It may do what both the user and the policies
//! given may.

use std::sync::Arc;

use ports::Holder;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::ask::Known;
use crate::issue::{self, Credentials, New};
use crate::session_policies::{Limits, PolicyDescriptor};
use crate::tags::{SessionTags, Tag};
use crate::{Error, Sts};

/// Begins a session for somebody whom the caller vouches for.
pub struct GetFederationToken;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    name: String,
    policy: Option<String>,
    #[serde(default)]
    policy_arns: Vec<PolicyDescriptor>,
    duration_seconds: Option<u32>,
    #[serde(default)]
    tags: Vec<Tag>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    credentials: Credentials,
    federated_user: FederatedUser,
    #[serde(skip_serializing_if = "Option::is_none")]
    packed_policy_size: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct FederatedUser {
    federated_user_id: String,
    arn: String,
}

impl Operation for GetFederationToken {
    type Service = Sts;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetFederationToken";
    const RESOURCE: &'static str = "arn:aws:sts::{account}:federated-user/{Name}";
    const ASKS_ITSELF: bool = true;

    async fn run(sts: &Sts, call: &Call, input: Input) -> Result<Output, ApiError> {
        let caller = &call.caller;
        let refused = || Error::AccessDenied("Cannot call GetFederationToken with session credentials".to_owned());
        let account = caller.account().filter(|_| caller.session().is_none()).ok_or_else(refused)?;
        let tags = SessionTags::new(input.tags, Vec::new(), None)?;
        let limits = Limits::new(account, input.policy, input.policy_arns)?;
        let packed_policy_size = limits.packed_size(&tags.all)?;
        let mut known = Known::default();
        known.add_if("sts:durationseconds", input.duration_seconds.map(|secs| secs.to_string()).as_deref());
        known.add_tags(&tags);
        let mut actions = vec!["sts:GetFederationToken"];
        actions.extend((!tags.all.is_empty()).then_some("sts:TagSession"));
        let arn = format!("arn:aws:sts::{account}:federated-user/{}", input.name);
        sts.must(call, caller, &actions, &arn, &known).await?;

        let user = caller.user().map(|(id, name, arn)| (Arc::clone(id), Arc::clone(name), Arc::clone(arn)));
        let new = New {
            account: Arc::clone(account),
            holder: Holder::Federated { name: Arc::from(input.name), user },
            secs: issue::user_secs(input.duration_seconds, caller),
            mfa_at: None,
            source_identity: None,
            tags,
            limits,
            federation: None,
        };
        let (arn, federated_user_id, credentials) = sts.issue(call, new).await?;
        let federated_user = FederatedUser { federated_user_id, arn: arn.to_string() };
        Ok(Output { credentials, federated_user, packed_policy_size })
    }
}
