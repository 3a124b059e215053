//! Taking on a role on a page, and leaving it. Source: IAM user guide, "Switch from a user to an IAM role (console)". Policies are asked as
//! AssumeRole asks them; whose policies count is who signed in, also while another role is taken on.

use std::sync::Arc;

use ports::{Holder, PageEvent, PageRequest, PageStep, Session, SwitchRequest, Unavailable};

use crate::form::{self, Form};
use crate::session::answered_or_failed;
use crate::store::{Row, Stage, Switched};
use crate::{Current, SIGN_IN, SWITCH_ROLE, SignIn, events, happened, shown, views};

/// What AWS's page says of a role that is not there, or may not be taken on.
const REFUSED: &str =
    "Invalid information in one or more fields. Check your information or contact your administrator.";
/// Source: IAM API reference, `roleNameType`, and `pathType` before it.
const ROLE_NAME_CHARS_MAX: usize = 64 + 512;
/// The longest name for the display.
const DISPLAY_CHARS_MAX: usize = 64;

impl SignIn {
    /// The form; whoever is not signed in is sent to do that first.
    pub(crate) fn show_switch(&self, request: &PageRequest, form: &Form, current: Option<Current>) -> PageStep {
        let Some(current) = current.filter(|current| current.row.stage == Stage::In) else {
            let here = if request.query.is_empty() {
                SWITCH_ROLE.to_owned()
            } else {
                format!("{SWITCH_ROLE}?{}", request.query)
            };
            let here: String = form_urlencoded::byte_serialize(here.as_bytes()).collect();
            return shown(self.frame.redirect(&format!("{SIGN_IN}?destination={here}")));
        };
        let destination = form::place(request, form.trimmed("destination")).unwrap_or_default();
        shown(views::switch_role(&self.frame, form, &current.row, &destination, None))
    }

    pub(crate) fn switch_request(&self, request: &PageRequest, role_arn: &str, who: &Session) -> SwitchRequest {
        // The name of the session to come is that of who switches. Source: IAM user guide, as above.
        let session_name = match &who.holder {
            Holder::Role { session_name, .. } => session_name.to_string(),
            _ => views::name(who),
        };
        let user_agent = request.headers.get("user-agent").and_then(|value| value.to_str().ok());
        SwitchRequest {
            role_arn: role_arn.to_owned(),
            session_name,
            time: request.time,
            source_ip: Arc::clone(&request.source_ip),
            tls: request.tls,
            user_agent: user_agent.map(str::to_owned),
            request_id: request.request_id.clone(),
        }
    }

    /// Takes on a role.
    pub(crate) async fn switch(
        self: Arc<SignIn>,
        request: PageRequest,
        form: Form,
        current: Option<Current>,
    ) -> Result<PageStep, Unavailable> {
        let Some(current) = current.filter(|current| current.row.stage == Stage::In) else {
            return Ok(shown(self.frame.redirect(SIGN_IN)));
        };
        let destination = form::place(&request, form.trimmed("destination"));
        let again = |text: &str| {
            let kept = destination.as_deref().unwrap_or("");
            views::switch_role(&self.frame, &form, &current.row, kept, Some(text))
        };
        if !form::agree(&current.row.csrf, form.trimmed("csrf")) {
            return Ok(shown(again("This form was too old. Try again.")));
        }
        let role_name = form.trimmed("roleName").trim_start_matches('/');
        let is_name = |c: char| c.is_ascii_alphanumeric() || "+=,.@-_/".contains(c);
        let account = self.deps.people.account(form.trimmed("account"));
        let is_well_formed =
            !role_name.is_empty() && role_name.len() <= ROLE_NAME_CHARS_MAX && role_name.chars().all(is_name);
        let (Some(account), true) = (account, is_well_formed) else { return Ok(shown(again(REFUSED))) };
        let role_arn = format!("arn:aws:iam::{account}:role/{role_name}");
        let place = destination.clone().unwrap_or_else(|| SIGN_IN.to_owned());
        let redirect_to = form::url(&request, &place);
        let asked = self.switch_request(&request, &role_arn, &current.row.session);
        let session = match self.deps.sessions.take_on(&current.row.session, &asked).await? {
            Ok(session) => Arc::new(session),
            Err(text) => {
                let event = events::role_refused("SwitchRole", &current.row.session, &redirect_to, text);
                return Ok(happened(again(REFUSED), vec![event]));
            }
        };
        let display_name: String = form.trimmed("displayName").chars().take(DISPLAY_CHARS_MAX).collect();
        let event = events::role("SwitchRole", &session, &current.row.session, &redirect_to, &display_name);
        let role = Some(Switched { session, role_arn, display_name });
        Ok(self.change_role(current, role, event, place))
    }

    /// Leaves the role taken on.
    pub(crate) fn exit(self: Arc<SignIn>, request: PageRequest, form: &Form, current: Option<Current>) -> PageStep {
        let Some(current) = current.filter(|current| current.row.stage == Stage::In) else {
            return shown(self.frame.redirect(SIGN_IN));
        };
        if !form::agree(&current.row.csrf, form.trimmed("csrf")) {
            return self.said(403, "This form was too old", "Go back, reload and try again.");
        }
        let Some(role) = &current.row.role else { return shown(self.frame.redirect(SIGN_IN)) };
        let redirect_to = form::url(&request, SIGN_IN);
        let event = events::role("ExitRole", &role.session, &role.session, &redirect_to, &role.display_name);
        self.change_role(current, None, event, SIGN_IN.to_owned())
    }

    fn change_role(
        self: Arc<SignIn>,
        current: Current,
        role: Option<Switched>,
        event: PageEvent,
        place: String,
    ) -> PageStep {
        let begun = PageEvent { is_success: None, ..event.clone() };
        let work = async move {
            let row = Row { role, ..current.row };
            let changed = self.store.change(&current.token, &row).await;
            let answered = changed.map(|is_there| self.frame.redirect(if is_there { &place } else { SIGN_IN }));
            answered_or_failed(&self, answered, event)
        };
        PageStep::Work { event: begun, work: Box::pin(work) }
    }
}
