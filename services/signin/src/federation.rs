//! The federation endpoint: temporary credentials are changed for a token, and the token for being signed in. Source: IAM user guide,
//! "Enable custom identity broker access to the AWS console".

use std::sync::Arc;

use ports::{Caller, Holder, PageRequest, PageStep, Session, Unavailable};
use serde::Deserialize;
use serde_json::json;

use crate::form::{self, Form};
use crate::store::{self, Row, Stage};
use crate::{SIGN_IN, SignIn, events, failed, happened, html, shown};

/// Source: as above: "The token is valid for 15 minutes after it is created".
const TOKEN_MS: i64 = 15 * 60 * 1_000;
/// How long one may ask to be signed in. Source: as above, `SessionDuration`.
const SECS_MIN: u32 = 900;
const SECS_MAX: u32 = 43_200;
/// The longest that one is signed in whose credentials are good for longer.
const SIGNED_IN_MS: i64 = 12 * 60 * 60 * 1_000;

/// What `Session` says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    session_id: String,
    session_key: String,
    session_token: String,
}

impl SignIn {
    pub(crate) async fn federation(&self, request: &PageRequest, form: &Form) -> Result<PageStep, Unavailable> {
        match form.trimmed("Action") {
            "getSigninToken" => self.signin_token(request, form).await,
            "login" => self.login(request, form).await,
            _ => Ok(self.said(400, "Bad request", "Action must be getSigninToken or login.")),
        }
    }

    async fn signin_token(&self, request: &PageRequest, form: &Form) -> Result<PageStep, Unavailable> {
        let refuse = |text: &str| self.frame.json(400, &json!({"message": text}));
        let shown_json = form.long("Session").unwrap_or_default();
        let Ok(given) = serde_json::from_str::<Shown>(shown_json) else {
            let text = "Session must be JSON with sessionId, sessionKey and sessionToken.";
            return Ok(shown(refuse(text)));
        };
        let credential = self.deps.credentials.find(&given.session_id).await?.filter(|found| {
            let is_right = found.active && form::agree(&found.secret.0, &given.session_key);
            is_right && found.expires.is_none_or(|end| end > request.time)
        });
        let found = credential.and_then(|found| match (&found.session_token, &found.caller) {
            (Some(token), Caller::Session(session)) if form::agree(&token.0, &given.session_token) => {
                Some(Arc::clone(session))
            }
            _ => None,
        });
        let Some(session) = found else {
            let event = events::signin_token(None, Some(events::FAILED.to_owned()));
            return Ok(failed(refuse("The credentials are not temporary credentials that are good now."), vec![event]));
        };
        let refused = |text: &str| {
            let event = events::signin_token(Some(&session), Some(text.to_owned()));
            Ok(happened(refuse(text), vec![event]))
        };
        let secs = match form.trimmed("SessionDuration") {
            "" => None,
            text => match text.parse::<u32>().ok().filter(|secs| (SECS_MIN..=SECS_MAX).contains(secs)) {
                Some(secs) => Some(secs),
                None => return refused("SessionDuration must be from 900 to 43200 seconds."),
            },
        };
        match &session.holder {
            Holder::Root | Holder::User { .. } => {
                return refused("Only credentials of AssumeRole and its kin, or of GetFederationToken, can sign in.");
            }
            Holder::Federated { .. } if secs.is_some() => {
                return refused("SessionDuration does not go with credentials of GetFederationToken.");
            }
            Holder::Role { arn, .. } => {
                let role = self.deps.roles.role(arn).await?;
                if role.zip(secs).is_some_and(|(role, secs)| secs > role.max_session_secs) {
                    return refused("SessionDuration exceeds the MaxSessionDuration set for this role.");
                }
            }
            Holder::Federated { .. } => {}
        }
        let row = Row {
            v: store::VERSION,
            stage: Stage::Token { secs },
            csrf: store::token(&*self.deps.env.rng),
            session: Arc::clone(&session),
            mfa_serial: None,
            must_change: false,
            destination: String::new(),
            role: None,
            expires: request.time.plus_ms(TOKEN_MS),
        };
        let token = self.store.begin(&*self.deps.env.rng, &row, None).await?;
        let response = self.frame.json(200, &json!({"SigninToken": token}));
        Ok(happened(response, vec![events::signin_token(Some(&session), None)]))
    }

    async fn login(&self, request: &PageRequest, form: &Form) -> Result<PageStep, Unavailable> {
        let token = form.trimmed("SigninToken");
        let place = form::place(request, form.trimmed("Destination")).unwrap_or_else(|| SIGN_IN.to_owned());
        let login_to = form::url(request, &place);
        let refused = || {
            let event = events::login_failed(&events::Claim::Nobody, &login_to, false);
            let text = "<p>The sign-in link has been used or is too old. Ask whoever gave it for another.</p>";
            Ok(failed(self.frame.page(400, "This link cannot be used", text), vec![event]))
        };
        let Some(row) = self.store.find(token, request.time).await? else { return refused() };
        let Stage::Token { secs } = row.stage else { return refused() };
        let is_open = self.deps.people.account(&row.session.account).is_some();
        if !is_open || !self.store.end(token).await? {
            return refused();
        }
        let expires = match secs {
            Some(secs) => request.time.plus_ms(i64::from(secs) * 1_000),
            None => row.session.expires.min(request.time.plus_ms(SIGNED_IN_MS)),
        };
        // When the credentials were issued stays as it was: a policy that revokes older sessions means this one too.
        let session = Arc::new(Session { expires, is_console: true, ..(*row.session).clone() });
        let event = events::login(&session, &login_to, None);
        let row = Row { stage: Stage::In, csrf: store::token(&*self.deps.env.rng), session, expires, ..row };
        let token = self.store.begin(&*self.deps.env.rng, &row, None).await?;
        let link = html::escaped(&place);
        let mut response =
            self.frame.onward("You are signed in", &format!("<p><a href=\"{link}\">Go on</a></p>"), &place);
        response.headers.push(self.session_cookie(request, &token, &row));
        Ok(happened(response, vec![event]))
    }
}
