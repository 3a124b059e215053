//! Sessions of those who signed in on a page: roles that they take on, and credentials for their browsers.

use std::sync::Arc;

use async_trait::async_trait;
use base::{Region, Timestamp};
use http::{HeaderMap, HeaderValue};
use ports::{Caller, ConsoleCredentials, ConsoleSessions, Secret, Session, SwitchRequest, Unavailable};
use service::{ApiError, Call};

use crate::Sts;
use crate::ops::assume_role::Input;

#[async_trait]
impl ConsoleSessions for Sts {
    async fn take_on(
        &self,
        holder: &Arc<Session>,
        request: &SwitchRequest,
    ) -> Result<Result<Session, String>, Unavailable> {
        let mut headers = HeaderMap::new();
        if let Some(value) = request.user_agent.as_deref().and_then(|text| HeaderValue::from_str(text).ok()) {
            headers.insert(http::header::USER_AGENT, value);
        }
        let call = Call {
            caller: Caller::Session(Arc::clone(holder)),
            account: Arc::clone(&holder.account),
            region: Region::US_EAST_1,
            time: request.time,
            request_id: request.request_id.clone(),
            operation: Arc::from("AssumeRole"),
            headers,
            query: String::new(),
            source_ip: Arc::clone(&request.source_ip),
            tls: request.tls,
            host: String::new(),
            body: std::sync::Mutex::default(),
            reply: std::sync::Mutex::default(),
            notes: std::sync::Mutex::default(),
        };
        let input = Input::of_page(request.role_arn.clone(), request.session_name.clone());
        match self.admit(&call, input).await {
            Ok(admitted) => Ok(Ok(Session { is_console: true, ..admitted.new.session(&call) })),
            Err(error) if error.status < 500 => Ok(Err(error.message)),
            Err(error) => Err(failed(error)),
        }
    }

    async fn credentials(
        &self,
        session: &Session,
        now: Timestamp,
        secs: u32,
    ) -> Result<ConsoleCredentials, Unavailable> {
        let expires = now.trunc_secs().plus_ms(i64::from(secs) * 1_000);
        let given = self.give(Session { expires, is_console: true, ..session.clone() }).await.map_err(failed)?;
        Ok(ConsoleCredentials {
            access_key_id: given.access_key_id,
            secret: Secret(Arc::from(given.secret_access_key)),
            session_token: Secret(Arc::from(given.session_token)),
            expires: given.expiration,
        })
    }
}

fn failed(error: ApiError) -> Unavailable {
    Unavailable(error.log.unwrap_or(error.message))
}
