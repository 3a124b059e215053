//! From a name and a password, over a code if there is a device, over another password if one must be chosen, to being signed in.
//!
//! Who guesses learns nothing: a wrong name, a wrong password and too many guesses have one answer, which takes one hash's time.

use std::sync::Arc;

use base::Timestamp;
use ports::{
    Holder, PageAnswer, PageEvent, PageRequest, PageResponse, PageStep, PasswordAnswer, Person, Session, Unavailable,
};

use crate::events::{self, Claim};
use crate::form::{self, Form};
use crate::guard::Subject;
use crate::store::{self, Row, Stage};
use crate::{Current, SIGN_IN, SignIn, failed, happened, shown, views};

/// How long one is signed in. Source: IAM user guide, "IAM and AWS STS quotas": a console session ends after twelve hours.
const SIGNED_IN_MS: i64 = 12 * 60 * 60 * 1_000;
/// How long a code or another password may take.
const PENDING_MS: i64 = 10 * 60 * 1_000;
/// How long the first form is good.
const FORM_SECS: i64 = 60 * 60;
/// Longer passwords are nobody's: IAM's have 128 characters.
const PASSWORD_BYTES_MAX: usize = 1024;

/// Somebody whose password was right.
struct Known {
    account: Arc<str>,
    /// `None` for root.
    person: Option<Person>,
    must_change: bool,
}

impl Known {
    fn claim(&self) -> Claim {
        let account = Arc::clone(&self.account);
        match &self.person {
            Some(person) => Claim::User { account, person: Some(person.clone()) },
            None => Claim::Root { account },
        }
    }

    fn of(row: &Row) -> Known {
        let person = match &row.session.holder {
            Holder::User { id, name, arn } => {
                Some(Person { id: Arc::clone(id), name: Arc::clone(name), arn: Arc::clone(arn) })
            }
            _ => None,
        };
        Known { account: Arc::clone(&row.session.account), person, must_change: row.must_change }
    }

    /// The session of somebody who signs in now. Nobody has credentials for it.
    fn session(&self, now: Timestamp, has_mfa: bool) -> Session {
        let created = now.trunc_secs();
        let holder = self.person.as_ref().map_or(Holder::Root, |person| Holder::User {
            id: Arc::clone(&person.id),
            name: Arc::clone(&person.name),
            arn: Arc::clone(&person.arn),
        });
        Session {
            account: Arc::clone(&self.account),
            access_key_id: Arc::from(""),
            holder,
            created,
            expires: created.plus_ms(SIGNED_IN_MS),
            mfa_at: has_mfa.then_some(created),
            source_identity: None,
            tags: Vec::new(),
            transitive_tag_keys: Vec::new(),
            policies: Vec::new(),
            federation: None,
            is_console: true,
            made_by: None,
        }
    }

    fn subject(&self, request: &PageRequest) -> Subject {
        let name = self.person.as_ref().map_or("", |person| &person.name);
        Subject::new(&self.account, name, &request.source_ip)
    }
}

impl SignIn {
    fn now_ms(&self) -> u64 {
        self.deps.env.clock.monotonic_ms()
    }

    /// The page of the step where somebody is.
    pub(crate) async fn show_sign_in(&self, request: &PageRequest, form: &Form, current: Option<Current>) -> PageStep {
        let Some(current) = current else { return self.first_form(request, form, None) };
        shown(match current.row.stage {
            Stage::Code => views::code(&self.frame, &current.row, None),
            Stage::NewPassword => views::new_password(&self.frame, &current.row, None),
            Stage::In | Stage::Token { .. } => match form::place(request, form.trimmed("destination")) {
                Some(place) if !place.starts_with(SIGN_IN) => self.frame.redirect(&place),
                _ => views::home(&self.frame, &current.row),
            },
        })
    }

    /// The first form, which its cookie must agree with.
    fn first_form(&self, request: &PageRequest, form: &Form, error: Option<&str>) -> PageStep {
        shown(self.first_page(request, form, error))
    }

    fn first_page(&self, request: &PageRequest, form: &Form, error: Option<&str>) -> PageResponse {
        let name = form::form_cookie(request);
        let csrf = form::cookie(request, name)
            .filter(|text| text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)))
            .unwrap_or_else(|| store::token(&*self.deps.env.rng));
        let mut response = views::sign_in(&self.frame, request, form, &csrf, error);
        response.headers.push(form::set_cookie(request, name, &csrf, FORM_SECS));
        response
    }

    /// Takes a form of any step.
    pub(crate) async fn sign_in(
        self: Arc<SignIn>,
        request: PageRequest,
        form: Form,
        current: Option<Current>,
    ) -> Result<PageStep, Unavailable> {
        match (form.trimmed("step"), current) {
            ("code", Some(current)) if current.row.stage == Stage::Code => self.code(&request, &form, current).await,
            ("new-password", Some(current)) if current.row.stage == Stage::NewPassword => {
                Ok(self.new_password(request, &form, current))
            }
            ("code" | "new-password", _) => {
                Ok(self.first_form(&request, &form, Some("That took too long. Sign in again.")))
            }
            _ => self.password(&request, &form).await,
        }
    }

    async fn password(&self, request: &PageRequest, form: &Form) -> Result<PageStep, Unavailable> {
        let cookie = form::cookie(request, form::form_cookie(request)).unwrap_or_default();
        if !form::agree(&cookie, form.trimmed("csrf")) {
            let text = "This form was too old, or your browser keeps no cookies. Try again.";
            return Ok(self.first_form(request, form, Some(text)));
        }
        let (user_name, password) = (form.trimmed("user"), form.text("password"));
        let is_root = form.trimmed("kind") == "root";
        let login_to = form::url(request, &destination(request, form));
        let account = self.deps.people.account(form.trimmed("account"));
        let subject_name = if is_root { "" } else { user_name };
        let subject = Subject::new(account.as_deref().unwrap_or("nobody's"), subject_name, &request.source_ip);
        let claim = match (&account, is_root) {
            (None, _) => Claim::Nobody,
            (Some(account), true) => Claim::Root { account: Arc::clone(account) },
            (Some(account), false) => {
                let person = self.deps.people.person(account, user_name);
                Claim::User { account: Arc::clone(account), person }
            }
        };
        let is_heard = self.guard.hears(&subject, self.now_ms()) && password.len() <= PASSWORD_BYTES_MAX;
        let people = &self.deps.people;
        let answer = match &claim {
            Claim::Root { account } if is_heard => match people.check_root_password(account, password).await? {
                true => PasswordAnswer::Right { must_change: false, is_dead: false },
                false => PasswordAnswer::Wrong,
            },
            Claim::User { account, person: Some(person) } if is_heard => {
                people.check_password(account, &person.name, password).await?
            }
            // The same work for nothing.
            _ => {
                let short = if password.len() <= PASSWORD_BYTES_MAX { password } else { "" };
                people.check_password("", "", short).await?;
                PasswordAnswer::Wrong
            }
        };
        let (account, must_change) = match (account, answer) {
            (Some(account), PasswordAnswer::Right { must_change, is_dead: false }) => (account, must_change),
            (_, PasswordAnswer::Right { .. }) => {
                let text = "Your password has expired. Ask your administrator for another.";
                let events = vec![events::login_failed(&claim, &login_to, false)];
                return Ok(failed(self.first_page(request, form, Some(text)), events));
            }
            (_, PasswordAnswer::Wrong) => {
                self.guard.failed(&subject, self.now_ms());
                let events = vec![events::login_failed(&claim, &login_to, false)];
                return Ok(failed(self.first_page(request, form, Some(views::WRONG)), events));
            }
        };
        let person = match claim {
            Claim::User { person, .. } => person,
            _ => None,
        };
        let known = Known { account, person, must_change };
        let devices = self.deps.people.devices(&known.account, known.person.as_ref().map(|person| &*person.id));
        if devices.is_empty() {
            let row = self.row(request, &known, &destination(request, form), None);
            return self.go_on(request, row, None, Vec::new()).await;
        }
        let events = vec![events::check_mfa(&known.claim())];
        let row = Row {
            stage: Stage::Code,
            expires: request.time.plus_ms(PENDING_MS),
            ..self.row(request, &known, &destination(request, form), None)
        };
        match form.trimmed("code") {
            "" => {
                let token = self.store.begin(&*self.deps.env.rng, &row, None).await?;
                let mut response = views::code(&self.frame, &row, None);
                response.headers.push(self.session_cookie(request, &token, &row));
                Ok(happened(response, events))
            }
            code => self.take_code(request, row, None, code, events).await,
        }
    }

    /// Somebody's row, as if signed in.
    fn row(&self, request: &PageRequest, known: &Known, destination: &str, mfa_serial: Option<String>) -> Row {
        let session = known.session(request.time, mfa_serial.is_some());
        Row {
            v: store::VERSION,
            stage: Stage::In,
            csrf: store::token(&*self.deps.env.rng),
            expires: session.expires,
            session: Arc::new(session),
            mfa_serial,
            must_change: known.must_change,
            destination: destination.to_owned(),
            role: None,
        }
    }

    async fn code(&self, request: &PageRequest, form: &Form, current: Current) -> Result<PageStep, Unavailable> {
        if !form::agree(&current.row.csrf, form.trimmed("csrf")) {
            return Ok(shown(views::code(&self.frame, &current.row, Some("This form was too old. Try again."))));
        }
        self.take_code(request, current.row, Some(&current.token), form.trimmed("code"), Vec::new()).await
    }

    /// Looks at a code. `token` is what the browser has by now.
    async fn take_code(
        &self,
        request: &PageRequest,
        row: Row,
        token: Option<&str>,
        code: &str,
        mut events: Vec<PageEvent>,
    ) -> Result<PageStep, Unavailable> {
        let known = Known::of(&row);
        let subject = known.subject(request);
        let people = &self.deps.people;
        let mut serial = None;
        let is_code = code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit());
        if is_code && self.guard.hears(&subject, self.now_ms()) {
            for device in people.devices(&known.account, known.person.as_ref().map(|person| &*person.id)) {
                if people.check_code(&known.account, known.person.as_ref(), &device, code).await? {
                    serial = Some(device);
                    break;
                }
            }
        }
        if serial.is_some() {
            let row = self.row(request, &known, &row.destination, serial);
            return self.go_on(request, row, token, events).await;
        }
        self.guard.failed(&subject, self.now_ms());
        events.push(events::login_failed(&known.claim(), &form::url(request, &row.destination), true));
        let mut response = views::code(&self.frame, &row, Some(views::WRONG));
        if token.is_none() {
            let token = self.store.begin(&*self.deps.env.rng, &row, None).await?;
            response.headers.push(self.session_cookie(request, &token, &row));
        }
        Ok(failed(response, events))
    }

    /// Asks for another password if one must be chosen, or lets in.
    async fn go_on(
        &self,
        request: &PageRequest,
        row: Row,
        old: Option<&str>,
        mut events: Vec<PageEvent>,
    ) -> Result<PageStep, Unavailable> {
        if row.must_change {
            let row = Row { stage: Stage::NewPassword, expires: request.time.plus_ms(PENDING_MS), ..row };
            let token = self.store.begin(&*self.deps.env.rng, &row, old).await?;
            let mut response = views::new_password(&self.frame, &row, None);
            response.headers.push(self.session_cookie(request, &token, &row));
            return Ok(happened(response, events));
        }
        let response = self.let_in(request, &row, old).await?;
        let login_to = form::url(request, &row.destination);
        events.push(events::login(&row.session, &login_to, row.mfa_serial.as_deref()));
        Ok(happened(response, events))
    }

    /// Keeps that somebody is signed in, and sends the browser on.
    async fn let_in(&self, request: &PageRequest, row: &Row, old: Option<&str>) -> Result<PageResponse, Unavailable> {
        let token = self.store.begin(&*self.deps.env.rng, row, old).await?;
        let mut response = self.frame.redirect(&row.destination);
        response.headers.push(self.session_cookie(request, &token, row));
        response.headers.push(form::set_cookie(request, form::form_cookie(request), "", 0));
        Ok(response)
    }

    /// The cookie of a row.
    pub(crate) fn session_cookie(&self, request: &PageRequest, token: &str, row: &Row) -> (&'static str, String) {
        let secs = row.expires.since_ms(request.time) / 1_000;
        form::set_cookie(request, form::session_cookie(request), token, secs)
    }

    /// Changes the password, then lets in.
    fn new_password(self: Arc<SignIn>, request: PageRequest, form: &Form, current: Current) -> PageStep {
        let refuse = |text| shown(views::new_password(&self.frame, &current.row, Some(text)));
        if !form::agree(&current.row.csrf, form.trimmed("csrf")) {
            return refuse("This form was too old. Try again.");
        }
        let (old, new) = (form.text("old").to_owned(), form.text("new").to_owned());
        if new != form.text("again") {
            return refuse("The two new passwords differ.");
        }
        if old.len().max(new.len()) > PASSWORD_BYTES_MAX || new.is_empty() {
            return refuse("A password has at most 128 characters, and at least one.");
        }
        if new == old {
            return refuse("The new password must differ from the old one.");
        }
        let known = Known::of(&current.row);
        let Some(person) = known.person.clone() else {
            return refuse("The password of root is a setting of the server.");
        };
        if !self.guard.hears(&known.subject(&request), self.now_ms()) {
            return refuse(views::WRONG);
        }
        let event = events::password_updated(&current.row.session, None, None);
        let sign_in = Arc::clone(&self);
        let work = async move {
            let session = Arc::clone(&current.row.session);
            match sign_in.change_password(&request, &person, &old, &new, current).await {
                Ok(answer) => answer,
                Err(error) => {
                    tracing::error!(cause = %error, "a password could not be changed");
                    let event = events::password_updated(&session, Some(false), Some("Internal failure".to_owned()));
                    let response = sign_in.frame.page(503, "Not now", "<p>Try again later.</p>");
                    PageAnswer { response, events: vec![event], is_failure: false }
                }
            }
        };
        PageStep::Work { event, work: Box::pin(work) }
    }

    async fn change_password(
        &self,
        request: &PageRequest,
        person: &Person,
        old: &str,
        new: &str,
        current: Current,
    ) -> Result<PageAnswer, Unavailable> {
        let Current { token, row } = current;
        let account = &row.session.account;
        if let Err(text) = self.deps.people.change_password(account, &person.name, old, new).await? {
            self.guard.failed(&Known::of(&row).subject(request), self.now_ms());
            let event = events::password_updated(&row.session, Some(false), Some(text.clone()));
            let response = views::new_password(&self.frame, &row, Some(&text));
            return Ok(PageAnswer { response, events: vec![event], is_failure: true });
        }
        let known = Known { must_change: false, ..Known::of(&row) };
        let signed_in = self.row(request, &known, &row.destination, row.mfa_serial.clone());
        let signed_in = Row {
            session: Arc::new(Session { mfa_at: row.session.mfa_at, ..(*signed_in.session).clone() }),
            ..signed_in
        };
        let response = self.let_in(request, &signed_in, Some(&token)).await?;
        let login_to = form::url(request, &row.destination);
        let events = vec![
            events::password_updated(&signed_in.session, Some(true), None),
            events::login(&signed_in.session, &login_to, signed_in.mfa_serial.as_deref()),
        ];
        Ok(PageAnswer { response, events, is_failure: false })
    }
}

/// Where to go on to.
fn destination(request: &PageRequest, form: &Form) -> String {
    form::place(request, form.trimmed("destination")).unwrap_or_else(|| SIGN_IN.to_owned())
}
