//! What is recorded. Source: CloudTrail user guide, "AWS Management Console sign-in events", examples of records; for roles, real records.

use std::sync::Arc;

use ports::{Holder, PageEvent, PageIdentity, Person, Session};

/// What is wrong, where the account has such a user.
pub const FAILED: &str = "Failed authentication";
/// And where it has none.
pub const NO_USER: &str = "No username found in supplied account";

/// Somebody who has not proved anything, or has, whichever the event says.
#[derive(Clone)]
pub enum Claim {
    Root { account: Arc<str> },
    User { account: Arc<str>, person: Option<Person> },
    Nobody,
}

impl Claim {
    fn account(&self) -> Option<Arc<str>> {
        match self {
            Claim::Root { account } | Claim::User { account, .. } => Some(Arc::clone(account)),
            Claim::Nobody => None,
        }
    }

    fn identity(&self) -> PageIdentity {
        match self {
            Claim::Root { account } => PageIdentity::Root { account: Arc::clone(account) },
            Claim::User { account, person } => PageIdentity::Claimed {
                account: Arc::clone(account),
                user: person.as_ref().map(|person| (Arc::clone(&person.id), Arc::clone(&person.name))),
            },
            Claim::Nobody => PageIdentity::Nobody,
        }
    }
}

/// Who signed in, as records of signing in show it.
pub fn identity(session: &Arc<Session>) -> PageIdentity {
    let account = Arc::clone(&session.account);
    match &session.holder {
        Holder::Root => PageIdentity::Root { account },
        Holder::User { id, name, arn } => {
            PageIdentity::User { account, id: Arc::clone(id), name: Arc::clone(name), arn: Arc::clone(arn) }
        }
        _ => PageIdentity::Session(Arc::clone(session)),
    }
}

fn login_data(login_to: &str, mfa: Option<&str>, is_mfa_used: bool) -> Vec<(&'static str, String)> {
    let mut data = vec![("LoginTo", login_to.to_owned()), ("MobileVersion", "No".to_owned())];
    data.extend(mfa.map(|serial| ("MFAIdentifier", serial.to_owned())));
    data.push(("MFAUsed", if is_mfa_used { "Yes" } else { "No" }.to_owned()));
    data
}

/// Somebody signed in. `mfa`: the serial number of the device whose code was given.
pub fn login(session: &Arc<Session>, login_to: &str, mfa: Option<&str>) -> PageEvent {
    PageEvent {
        name: "ConsoleLogin",
        account: Some(Arc::clone(&session.account)),
        identity: identity(session),
        error: None,
        is_success: Some(true),
        additional: login_data(login_to, mfa, mfa.is_some()),
    }
}

/// Somebody did not. `is_mfa_used`: the password was right and the code was not.
pub fn login_failed(claim: &Claim, login_to: &str, is_mfa_used: bool) -> PageEvent {
    let is_no_user = matches!(claim, Claim::User { person: None, .. });
    PageEvent {
        name: "ConsoleLogin",
        account: claim.account(),
        identity: claim.identity(),
        error: Some(if is_no_user { NO_USER } else { FAILED }.to_owned()),
        is_success: Some(false),
        additional: login_data(login_to, None, is_mfa_used),
    }
}

/// A code is wanted of somebody whose password was right. All devices are virtual ones.
pub fn check_mfa(claim: &Claim) -> PageEvent {
    PageEvent {
        name: "CheckMfa",
        account: claim.account(),
        identity: claim.identity(),
        error: None,
        is_success: Some(true),
        additional: vec![("MfaType", "Virtual MFA".to_owned())],
    }
}

/// Another password was chosen, or could not be.
pub fn password_updated(session: &Arc<Session>, is_success: Option<bool>, error: Option<String>) -> PageEvent {
    PageEvent {
        name: "PasswordUpdated",
        account: Some(Arc::clone(&session.account)),
        identity: identity(session),
        error,
        is_success,
        additional: Vec::new(),
    }
}

/// A role is taken on, again, or left: `SwitchRole`, `RenewRole`, `ExitRole`. It is the role's account's event.
pub fn role(
    name: &'static str,
    taken: &Arc<Session>,
    from: &Session,
    redirect_to: &str,
    display_name: &str,
) -> PageEvent {
    let mut additional = vec![("SwitchFrom", from.arn()), ("RedirectTo", redirect_to.to_owned())];
    if !display_name.is_empty() {
        additional.push(("DisplayName", display_name.to_owned()));
    }
    PageEvent {
        name,
        account: Some(Arc::clone(&taken.account)),
        identity: PageIdentity::Switched(Arc::clone(taken)),
        error: None,
        is_success: Some(true),
        additional,
    }
}

/// A role could not be taken on: that is for the account of who tried. The role need not exist, and its account learns nothing, as with
/// AssumeRole.
pub fn role_refused(name: &'static str, who: &Arc<Session>, redirect_to: &str, error: String) -> PageEvent {
    PageEvent {
        name,
        account: Some(Arc::clone(&who.account)),
        identity: identity(who),
        error: Some(error),
        is_success: Some(false),
        additional: vec![("SwitchFrom", who.arn()), ("RedirectTo", redirect_to.to_owned())],
    }
}

/// Somebody showed credentials for a token, to sign in with.
pub fn signin_token(session: Option<&Arc<Session>>, error: Option<String>) -> PageEvent {
    PageEvent {
        name: "GetSigninToken",
        account: session.map(|session| Arc::clone(&session.account)),
        identity: session.map_or(PageIdentity::Nobody, |session| PageIdentity::Session(Arc::clone(session))),
        is_success: Some(error.is_none()),
        error,
        additional: vec![("MobileVersion", "No".to_owned()), ("MFAUsed", "No".to_owned())],
    }
}
