//! What somebody who is signed in can do besides taking on roles: sign out, and give a page of this origin credentials to call with.

use std::sync::Arc;

use base::Timestamp;
use ports::{ConsoleCredentials, PageAnswer, PageRequest, PageResponse, PageStep, Session, Unavailable};
use serde_json::json;

use crate::form::{self, Form};
use crate::store::{Row, Stage};
use crate::{Current, SIGN_IN, SignIn, events, shown, views};

/// How long credentials for a browser last; it asks again while somebody is signed in.
const CREDENTIALS_SECS: i64 = 60 * 60;
/// A role is taken on again when its session has less than this left.
const RENEW_MS: i64 = 5 * 60 * 1_000;
/// What a page of this origin must send when it asks for credentials. A page of another origin cannot, unless it is let; and nobody lets it.
const ASKED: &str = "x-cairn-console";

impl SignIn {
    /// Ends being signed in. Credentials that were given stay good until they end, an hour at most. AWS records no such event.
    pub(crate) async fn sign_out(
        &self,
        request: &PageRequest,
        form: &Form,
        current: Option<Current>,
    ) -> Result<PageStep, Unavailable> {
        if let Some(current) = current {
            if !form::agree(&current.row.csrf, form.trimmed("csrf")) {
                return Ok(self.said(
                    403,
                    "This form was too old",
                    "You are still signed in. Go back, reload and try again.",
                ));
            }
            self.store.end(&current.token).await?;
        }
        let mut response = self.frame.redirect(SIGN_IN);
        response.headers.push(form::set_cookie(request, form::session_cookie(request), "", 0));
        Ok(shown(response))
    }

    /// Credentials for whoever is signed in, or for the role taken on. Not recorded, as with AWS: the calls that are made with them say
    /// when and how their holder signed in.
    pub(crate) async fn credentials(
        self: Arc<SignIn>,
        request: PageRequest,
        current: Option<Current>,
    ) -> Result<PageStep, Unavailable> {
        if !request.headers.contains_key(ASKED) {
            return Ok(shown(self.frame.json(403, &json!({"message": format!("The header {ASKED} is missing.")}))));
        }
        let Some(current) = current.filter(|current| current.row.stage == Stage::In) else {
            return Ok(shown(self.frame.json(401, &json!({"message": "Nobody is signed in.", "signIn": SIGN_IN}))));
        };
        let Some(role) = current.row.role.clone() else {
            return Ok(shown(self.given(&request, &current.row, &current.row.session).await?));
        };
        if role.session.expires.since_ms(request.time) > RENEW_MS {
            return Ok(shown(self.given(&request, &current.row, &role.session).await?));
        }
        // The role's session is over, or soon will be: policies are asked again.
        let redirect_to = form::url(&request, SIGN_IN);
        let asked = self.switch_request(&request, &role.role_arn, &current.row.session);
        match self.deps.sessions.take_on(&current.row.session, &asked).await? {
            Ok(session) => {
                let session = Arc::new(session);
                let from = Arc::clone(&current.row.session);
                let mut event = events::role("RenewRole", &session, &from, &redirect_to, &role.display_name);
                event.is_success = None;
                let ended = ports::PageEvent { is_success: Some(true), ..event.clone() };
                let sign_in = Arc::clone(&self);
                let work = async move {
                    let role = crate::store::Switched { session: Arc::clone(&session), ..role };
                    let row = Row { role: Some(role), ..current.row };
                    let answered = async {
                        sign_in.store.change(&current.token, &row).await?;
                        sign_in.given(&request, &row, &session).await
                    };
                    answered_or_failed(&sign_in, answered.await, ended)
                };
                Ok(PageStep::Work { event, work: Box::pin(work) })
            }
            Err(text) => {
                let event = events::role_refused("RenewRole", &current.row.session, &redirect_to, text);
                let response = self.frame.json(403, &json!({"message": "The role can no longer be taken on."}));
                Ok(crate::happened(response, vec![event]))
            }
        }
    }

    async fn given(&self, request: &PageRequest, row: &Row, session: &Session) -> Result<PageResponse, Unavailable> {
        let end = row.expires.ms().min(session.expires.ms());
        let left_secs = Timestamp::from_ms(end).since_ms(request.time) / 1_000;
        let secs = u32::try_from(left_secs.min(CREDENTIALS_SECS)).unwrap_or(0);
        let given = self.deps.sessions.credentials(session, request.time, secs).await?;
        let ConsoleCredentials { access_key_id, secret, session_token, expires } = given;
        let answer = json!({
            "accessKeyId": access_key_id,
            "secretAccessKey": &*secret.0,
            "sessionToken": &*session_token.0,
            "expiration": expires.iso8601_secs(),
            "account": &*session.account,
            "arn": session.arn(),
            "signedInAs": views::name(&row.session),
            "signedInAccount": &*row.session.account,
            "signedInUntil": row.expires.iso8601_secs(),
            "mfa": row.session.mfa_at.is_some(),
            "role": row.role.as_ref().map(|role| json!({"arn": role.role_arn, "displayName": role.display_name})),
            "csrf": row.csrf,
        });
        Ok(self.frame.json(200, &answer))
    }
}

/// The answer of work, or that it failed.
pub(crate) fn answered_or_failed(
    sign_in: &SignIn,
    answered: Result<PageResponse, Unavailable>,
    event: ports::PageEvent,
) -> PageAnswer {
    match answered {
        Ok(response) => PageAnswer { response, events: vec![event], is_failure: false },
        Err(error) => {
            tracing::error!(cause = %error, event = event.name, "a page could not do its work");
            let event =
                ports::PageEvent { is_success: Some(false), error: Some("Internal failure".to_owned()), ..event };
            let response = sign_in.frame.page(503, "Not now", "<p>Try again later.</p>");
            PageAnswer { response, events: vec![event], is_failure: false }
        }
    }
}
