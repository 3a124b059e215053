//! Signing in on a page, with a password and a second factor; roles taken on there; the federation endpoint; and credentials for the
//! browsers of those who signed in. It knows who somebody is and nothing of what they may: that is decided at each call that they make.
//!
//! Nothing here is an AWS API. What the pages do is recorded as AWS records signing in (CloudTrail user guide, "AWS Management Console
//! sign-in events"), and what they look like is our own. ADR 25 says why they lie under `/.cairn/` and what keeps them safe.

mod events;
mod federation;
mod form;
mod guard;
mod html;
mod password;
mod session;
mod store;
mod switch;
#[cfg(test)]
mod tests;
mod views;

use std::sync::Arc;

use async_trait::async_trait;
use base::{Env, Timestamp};
use http::Method;
use ports::{
    ConsoleSessions, Credentials, PageAnswer, PageEvent, PageRequest, PageResponse, PageStep, Pages, People, Roles,
    Unavailable,
};
use state::State;

use crate::form::Form;
use crate::store::{Row, Stage, Store};

/// What the paths of all pages begin with. No bucket can be named so: names of buckets begin with a letter or a digit. Source: S3 user
/// guide, "General purpose bucket naming rules".
pub const PREFIX: &str = "/.cairn/";

/// Where one signs in, and sees as whom one did.
pub const SIGN_IN: &str = "/.cairn/signin";
pub(crate) const SIGN_OUT: &str = "/.cairn/signout";
pub(crate) const SWITCH_ROLE: &str = "/.cairn/switchrole";
pub(crate) const EXIT_ROLE: &str = "/.cairn/exitrole";
pub(crate) const CREDENTIALS: &str = "/.cairn/credentials";
pub(crate) const FEDERATION: &str = "/.cairn/federation";

/// What signing in is made of.
pub struct Deps {
    /// Time and chance.
    pub env: Env,
    /// Where it is kept who is signed in.
    pub state: Arc<dyn State>,
    /// Passwords and devices.
    pub people: Arc<dyn People>,
    /// Sessions for those who signed in.
    pub sessions: Arc<dyn ConsoleSessions>,
    /// Temporary credentials, for the federation endpoint.
    pub credentials: Arc<dyn Credentials>,
    /// How long sessions of roles may be.
    pub roles: Arc<dyn Roles>,
}

/// See the module.
pub struct SignIn {
    pub(crate) deps: Deps,
    pub(crate) store: Store,
    pub(crate) guard: guard::Guard,
    pub(crate) frame: html::Frame,
}

impl SignIn {
    /// Over its tables.
    pub fn new(deps: Deps) -> Arc<SignIn> {
        let store = Store::new(Arc::clone(&deps.state));
        Arc::new(SignIn { store, guard: guard::Guard::default(), frame: html::Frame::new(), deps })
    }

    /// Forgets who was signed in and is no longer; says how many. To be called every few minutes, by one caller.
    pub async fn sweep(&self, now: Timestamp) -> Result<usize, state::Error> {
        self.store.sweep(now).await
    }

    async fn route(self: Arc<SignIn>, request: PageRequest) -> Result<PageStep, Unavailable> {
        let form = Form::read(&request);
        let is_post = request.method == Method::POST;
        if is_post && form::is_from_elsewhere(&request) && request.path != FEDERATION {
            return Ok(self.said(403, "This form came from another site", "Nothing was done."));
        }
        let current = self.current(&request).await?;
        match (request.path.as_str(), is_post) {
            (SIGN_IN, false) => Ok(self.show_sign_in(&request, &form, current).await),
            (SIGN_IN, true) => self.sign_in(request, form, current).await,
            (SIGN_OUT, true) => self.sign_out(&request, &form, current).await,
            (SWITCH_ROLE, false) => Ok(self.show_switch(&request, &form, current)),
            (SWITCH_ROLE, true) => self.switch(request, form, current).await,
            (EXIT_ROLE, true) => Ok(self.exit(request, &form, current)),
            (CREDENTIALS, true) => self.credentials(request, current).await,
            (FEDERATION, _) => self.federation(&request, &form).await,
            (SIGN_OUT | EXIT_ROLE | CREDENTIALS, false) => {
                let mut response = self.frame.page(405, "Not this way", "<p>This is only for forms.</p>");
                response.headers.push(("allow", "POST".to_owned()));
                Ok(shown(response))
            }
            _ => Ok(self.said(404, "Not found", "There is no such page.")),
        }
    }

    /// Who is signed in, or is about to, in the browser that asks.
    async fn current(&self, request: &PageRequest) -> Result<Option<Current>, Unavailable> {
        let Some(token) = form::cookie(request, form::session_cookie(request)) else { return Ok(None) };
        let Some(row) = self.store.find(&token, request.time).await? else { return Ok(None) };
        if matches!(row.stage, Stage::Token { .. }) || !self.is_still_there(&row) {
            return Ok(None);
        }
        Ok(Some(Current { token, row }))
    }

    /// Whether the account is still open, and the user still the one who signed in.
    fn is_still_there(&self, row: &Row) -> bool {
        let account = &row.session.account;
        self.deps.people.account(account).is_some()
            && match &row.session.holder {
                ports::Holder::User { id, name, .. } => {
                    self.deps.people.person(account, name).is_some_and(|person| person.id == *id)
                }
                _ => true,
            }
    }

    /// A page with a sentence.
    pub(crate) fn said(&self, status: u16, title: &str, text: &str) -> PageStep {
        shown(self.frame.page(status, title, &format!("<p>{}</p>", html::escaped(text))))
    }
}

/// Somebody's place in signing in.
#[derive(Clone)]
pub(crate) struct Current {
    pub token: String,
    pub row: Row,
}

/// An answer that shows and does nothing.
pub(crate) fn shown(response: PageResponse) -> PageStep {
    PageStep::Done(PageAnswer { response, events: Vec::new(), is_failure: false })
}

/// An answer with what happened.
pub(crate) fn happened(response: PageResponse, events: Vec<PageEvent>) -> PageStep {
    PageStep::Done(PageAnswer { response, events, is_failure: false })
}

/// An answer to somebody who did not prove who they are.
pub(crate) fn failed(response: PageResponse, events: Vec<PageEvent>) -> PageStep {
    PageStep::Done(PageAnswer { response, events, is_failure: true })
}

/// The pages, as the gateway asks for them.
pub struct SignInPages(pub Arc<SignIn>);

#[async_trait]
impl Pages for SignInPages {
    fn has(&self, path: &str) -> bool {
        path.starts_with(PREFIX)
    }

    async fn step(&self, request: PageRequest) -> PageStep {
        let (path, request_id) = (request.path.clone(), request.request_id.clone());
        match Arc::clone(&self.0).route(request).await {
            Ok(step) => step,
            Err(error) => {
                tracing::error!(path, request_id, cause = %error, "a page could not be answered");
                shown(self.refusal(false))
            }
        }
    }

    fn refusal(&self, is_too_many: bool) -> PageResponse {
        match is_too_many {
            true => self.0.frame.page(429, "Too many attempts", "<p>Wait a minute, then try again.</p>"),
            false => self.0.frame.page(503, "Not now", "<p>The server cannot do this now. Try again later.</p>"),
        }
    }
}
