//! GetSessionToken: begins a session of the user (or root) who calls, mostly to give a second factor once for many calls. Needs no
//! permission.

use std::sync::Arc;

use ports::Holder;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::issue::{self, Credentials, New};
use crate::session_policies::Limits;
use crate::tags::SessionTags;
use crate::{Error, Sts};

/// Begins a session of the user who calls.
pub struct GetSessionToken;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    duration_seconds: Option<u32>,
    serial_number: Option<String>,
    token_code: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    credentials: Credentials,
}

impl Operation for GetSessionToken {
    type Service = Sts;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetSessionToken";
    const RESOURCE: &'static str = "*";

    async fn run(sts: &Sts, call: &Call, input: Input) -> Result<Output, ApiError> {
        let caller = &call.caller;
        let refused = || Error::AccessDenied("Cannot call GetSessionToken with session credentials".to_owned());
        let account = caller.account().filter(|_| caller.session().is_none()).ok_or_else(refused)?;
        let holder = match caller.user() {
            Some((id, name, arn)) => Holder::User { id: Arc::clone(id), name: Arc::clone(name), arn: Arc::clone(arn) },
            None => Holder::Root,
        };
        let new = New {
            account: Arc::clone(account),
            holder,
            secs: issue::user_secs(input.duration_seconds, caller),
            mfa_at: sts.second_factor(call, input.serial_number.as_deref(), input.token_code.as_deref()).await?,
            source_identity: None,
            tags: SessionTags::default(),
            limits: Limits::default(),
            federation: None,
        };
        let (_, _, credentials) = sts.issue(call, new).await?;
        Ok(Output { credentials })
    }
}
