//! What the pages say. Everything that came from somebody is escaped where it is put in.

use ports::{Holder, PageRequest, PageResponse, Session};

use crate::form::{self, Form};
use crate::html::{Frame, escaped};
use crate::store::Row;
use crate::{EXIT_ROLE, SIGN_IN, SIGN_OUT, SWITCH_ROLE};

/// What a wrong name, password or code is answered with, and a right one after too many wrong ones.
pub const WRONG: &str = "Your authentication information is incorrect. Please try again.";

/// Hidden fields of a form.
fn hidden(fields: &[(&str, &str)]) -> String {
    let field = |(name, value): &(&str, &str)| {
        format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escaped(name), escaped(value))
    };
    fields.iter().map(field).collect()
}

fn told(error: Option<&str>) -> String {
    error.map_or_else(String::new, |text| format!("<p class=\"bad\" role=\"alert\">{}</p>", escaped(text)))
}

/// A field with its label; `more` are attributes.
fn field(label: &str, name: &str, value: &str, more: &str) -> String {
    let (label, name, value) = (escaped(label), escaped(name), escaped(value));
    format!("<label for=\"{name}\">{label}</label><input id=\"{name}\" name=\"{name}\" value=\"{value}\" {more}>")
}

fn secret(label: &str, name: &str, complete: &str) -> String {
    field(label, name, "", &format!("type=\"password\" required maxlength=\"1024\" autocomplete=\"{complete}\""))
}

const CODE_FIELD: &str = "inputmode=\"numeric\" autocomplete=\"one-time-code\" maxlength=\"6\" pattern=\"[0-9]{6}\"";

/// The first page.
pub fn sign_in(frame: &Frame, request: &PageRequest, fields: &Form, csrf: &str, error: Option<&str>) -> PageResponse {
    let destination = form::place(request, fields.trimmed("destination")).unwrap_or_default();
    let is_root = fields.trimmed("kind") == "root";
    let keep = [("step", "password"), ("csrf", csrf), ("destination", &destination)];
    let go_on = if destination.is_empty() {
        String::new()
    } else {
        let query: String = form_urlencoded::byte_serialize(destination.as_bytes()).collect();
        format!("&destination={query}")
    };
    let account = fields.trimmed("account");
    let code = "<label for=\"code\">MFA code <small>if you have a device</small></label>";
    let code = format!("{code}<input id=\"code\" name=\"code\" {CODE_FIELD}>");
    let (title, inputs, other) = if is_root {
        let account =
            field("Account number or email address", "account", account, "required autocomplete=\"username\"");
        let password = secret("Root password", "password", "current-password");
        let other = format!("<a href=\"{SIGN_IN}?kind=user{}\">Sign in as a user</a>", escaped(&go_on));
        ("Sign in as root", format!("{}{account}{password}{code}", hidden(&[("kind", "root")])), other)
    } else {
        let account = field("Account number or alias", "account", account, "required autocomplete=\"organization\"");
        let user = field("User name", "user", fields.trimmed("user"), "required autocomplete=\"username\"");
        let password = secret("Password", "password", "current-password");
        let other = format!("<a href=\"{SIGN_IN}?kind=root{}\">Sign in as root</a>", escaped(&go_on));
        ("Sign in", format!("{}{account}{user}{password}{code}", hidden(&[("kind", "user")])), other)
    };
    let html = format!(
        "{}<form method=\"post\" action=\"{SIGN_IN}\">{}{inputs}<button>Sign in</button></form><p class=\"soft\">{other}</p>",
        told(error),
        hidden(&keep),
    );
    frame.page(if error.is_some() { 401 } else { 200 }, title, &html)
}

fn start_again(csrf: &str) -> String {
    format!(
        "<form method=\"post\" action=\"{SIGN_OUT}\">{}<button class=\"quiet\">Start again</button></form>",
        hidden(&[("csrf", csrf)])
    )
}

/// A code is wanted.
pub fn code(frame: &Frame, row: &Row, error: Option<&str>) -> PageResponse {
    let html = format!(
        "<p>Signing in as <b>{}</b>.</p>{}<form method=\"post\" action=\"{SIGN_IN}\">{}{}<button>Go on</button></form>{}",
        escaped(&name(&row.session)),
        told(error),
        hidden(&[("step", "code"), ("csrf", &row.csrf)]),
        field("Code of your MFA device", "code", "", &format!("required autofocus {CODE_FIELD}")),
        start_again(&row.csrf),
    );
    frame.page(if error.is_some() { 401 } else { 200 }, "Multi-factor authentication", &html)
}

/// Another password is wanted.
pub fn new_password(frame: &Frame, row: &Row, error: Option<&str>) -> PageResponse {
    let html = format!(
        "<p>You must change your password to go on as <b>{}</b>.</p>{}<form method=\"post\" action=\"{SIGN_IN}\">{}{}{}{}<button>Change password</button></form>{}",
        escaped(&name(&row.session)),
        told(error),
        hidden(&[("step", "new-password"), ("csrf", &row.csrf)]),
        secret("Old password", "old", "current-password"),
        secret("New password", "new", "new-password"),
        secret("New password again", "again", "new-password"),
        start_again(&row.csrf),
    );
    frame.page(if error.is_some() { 400 } else { 200 }, "Password change required", &html)
}

/// As whom somebody is signed in.
pub fn home(frame: &Frame, row: &Row) -> PageResponse {
    let session = &row.session;
    let mut facts = vec![
        ("Signed in as", name(session)),
        ("Account", session.account.to_string()),
        ("MFA", if session.mfa_at.is_some() { "used" } else { "not used" }.to_owned()),
        ("Since", session.created.iso8601_secs()),
        ("Until", row.expires.iso8601_secs()),
    ];
    if let Some(role) = &row.role {
        let shown = if role.display_name.is_empty() { String::new() } else { format!("{} · ", role.display_name) };
        facts.push(("Role", format!("{shown}{}", role.role_arn)));
        facts.push(("Role's account", role.session.account.to_string()));
    }
    let facts: String =
        facts.iter().map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>", escaped(value))).collect();
    let csrf = hidden(&[("csrf", &row.csrf)]);
    let exit = match &row.role {
        Some(_) => format!(
            "<form method=\"post\" action=\"{EXIT_ROLE}\">{csrf}<button class=\"quiet\">Switch back</button></form>"
        ),
        None => String::new(),
    };
    let html = format!(
        "<dl>{facts}</dl><p><a href=\"{SWITCH_ROLE}\">Switch role</a></p>{exit}\
         <form method=\"post\" action=\"{SIGN_OUT}\">{csrf}<button class=\"quiet\">Sign out</button></form>"
    );
    frame.page(200, "You are signed in", &html)
}

/// A role may be named.
pub fn switch_role(frame: &Frame, fields: &Form, row: &Row, destination: &str, error: Option<&str>) -> PageResponse {
    let html = format!(
        "{}<form method=\"post\" action=\"{SWITCH_ROLE}\">{}{}{}{}<button>Switch role</button></form><p class=\"soft\"><a href=\"{SIGN_IN}\">Cancel</a></p>",
        told(error),
        hidden(&[("csrf", &row.csrf), ("destination", destination)]),
        field("Account number or alias", "account", fields.trimmed("account"), "required"),
        field("Role", "roleName", fields.trimmed("roleName"), "required maxlength=\"576\""),
        field("Display name", "displayName", fields.trimmed("displayName"), "maxlength=\"64\""),
    );
    frame.page(if error.is_some() { 403 } else { 200 }, "Switch role", &html)
}

/// Who somebody is, in a word.
pub fn name(session: &Session) -> String {
    match &session.holder {
        Holder::Root => "root".to_owned(),
        Holder::User { name, .. } | Holder::Federated { name, .. } => name.to_string(),
        Holder::Role { name, session_name, .. } => format!("{name}/{session_name}"),
    }
}
