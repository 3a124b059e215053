//! Makes temporary credentials: what clients get, and the session that they stand for. The only place where a session begins.

use std::sync::Arc;

use base::{Timestamp, ids};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ports::{Caller, Federation, Holder, RoleInfo, Session, SessionPolicy};
use serde::Serialize;
use service::{ApiError, Call};

use crate::session_policies::Limits;
use crate::tags::SessionTags;
use crate::{Error, Sts};

/// Bytes of chance in a session token, which is base 64 of them. 32 would be enough; AWS's tokens are hundreds of characters long, and
/// clients that reckon with shorter ones should fail here as there.
const TOKEN_BYTES: usize = 264;
/// Role sessions, if no other time is asked for. Source: STS API reference, AssumeRole.
const ROLE_SECS: u32 = 3_600;
/// Role sessions that a role's session began. Source: IAM user guide, "Roles terms and concepts", role chaining.
const CHAINED_SECS_MAX: u32 = 3_600;
/// Sessions of users, if no other time is asked for. Source: STS API reference, GetSessionToken, GetFederationToken.
const USER_SECS: u32 = 43_200;
/// Sessions of root: a longer one becomes this long. Source: the same.
const ROOT_SECS: u32 = 3_600;

/// Temporary credentials as clients get them.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Credentials {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) session_token: String,
    pub(crate) expiration: Timestamp,
}

/// A role's session as clients get it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AssumedRoleUser {
    assumed_role_id: String,
    arn: String,
}

/// A session that is to begin.
pub struct New {
    pub account: Arc<str>,
    pub holder: Holder,
    pub secs: u32,
    pub mfa_at: Option<Timestamp>,
    pub source_identity: Option<Arc<str>>,
    pub tags: SessionTags,
    pub limits: Limits,
    pub federation: Option<Federation>,
}

impl New {
    /// The session, without a key yet.
    pub fn session(self, call: &Call) -> Session {
        let created = call.time.trunc_secs();
        let policies = self.limits.policies.into_iter().map(SessionPolicy::Inline);
        Session {
            account: self.account,
            access_key_id: Arc::from(""),
            holder: self.holder,
            created,
            expires: created.plus_ms(i64::from(self.secs) * 1_000),
            mfa_at: self.mfa_at,
            source_identity: self.source_identity,
            tags: self.tags.all,
            transitive_tag_keys: self.tags.transitive,
            policies: policies.chain(self.limits.arns.into_iter().map(SessionPolicy::Managed)).collect(),
            federation: self.federation,
            is_console: false,
            made_by: call.caller.arn().map(Arc::from),
        }
    }
}

impl Sts {
    /// Begins a session, and gives its ARN, its identifier and its credentials. Durable when it returns.
    pub(crate) async fn issue(&self, call: &Call, new: New) -> Result<(Arc<str>, String, Credentials), ApiError> {
        let session = new.session(call);
        let (arn, id) = (Arc::from(session.arn()), session.principal_id());
        Ok((arn, id, self.give(session).await?))
    }

    /// Gives credentials for a session that has none yet. Durable when it returns.
    pub(crate) async fn give(&self, mut session: Session) -> Result<Credentials, ApiError> {
        let rng = &*self.deps.env.rng;
        let (access_key_id, secret) = (ids::iam_id(rng, "ASIA"), ids::secret_key(rng));
        let mut bytes = [0; TOKEN_BYTES];
        rng.fill(&mut bytes);
        let token = STANDARD.encode(bytes);
        session.access_key_id = Arc::from(access_key_id.as_str());
        let expiration = session.expires;
        self.store.keep(session, &secret, &token).await?;
        Ok(Credentials { access_key_id, secret_access_key: secret, session_token: token, expiration })
    }

    /// The same for a role's session.
    pub(crate) async fn issue_for_role(
        &self,
        call: &Call,
        new: New,
    ) -> Result<(AssumedRoleUser, Credentials), ApiError> {
        let (arn, assumed_role_id, credentials) = self.issue(call, new).await?;
        Ok((AssumedRoleUser { assumed_role_id, arn: arn.to_string() }, credentials))
    }
}

/// Who holds a session of a role.
pub fn role_holder(role: &RoleInfo, session_name: &str) -> Holder {
    Holder::Role {
        id: Arc::clone(&role.id),
        name: Arc::clone(&role.name),
        arn: Arc::clone(&role.arn),
        session_name: Arc::from(session_name),
    }
}

/// How long a role's session lasts.
pub fn role_secs(asked: Option<u32>, role: &RoleInfo, caller: &Caller) -> Result<u32, Error> {
    let secs = asked.unwrap_or(ROLE_SECS);
    let is_chained = caller.session().is_some_and(|session| matches!(session.holder, Holder::Role { .. }));
    if is_chained && secs > CHAINED_SECS_MAX {
        let text = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
        return Err(Error::ValidationError(text.to_owned()));
    }
    if asked.is_some() && secs > role.max_session_secs {
        let text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err(Error::ValidationError(text.to_owned()));
    }
    Ok(secs)
}

/// How long a session lasts that a user or root began without a role.
pub fn user_secs(asked: Option<u32>, caller: &Caller) -> u32 {
    if caller.is_root() { asked.map_or(ROOT_SECS, |secs| secs.min(ROOT_SECS)) } else { asked.unwrap_or(USER_SECS) }
}
