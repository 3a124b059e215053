//! What signing in on a page asks of those who keep passwords, devices and sessions.

use std::sync::Arc;

use async_trait::async_trait;
use base::Timestamp;

use crate::{Secret, Session, Unavailable};

/// Who signs in with a password, besides the account itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// `AIDA…`.
    pub id: Arc<str>,
    /// The friendly name, as it is written.
    pub name: Arc<str>,
    /// The user's ARN.
    pub arn: Arc<str>,
}

/// What a password was worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordAnswer {
    /// It is wrong, or there is no such user, or the user has none.
    Wrong,
    /// It is right.
    Right {
        /// Another must be chosen before anything else: it is the first one, or has expired.
        must_change: bool,
        /// It has expired, and only an administrator can set another.
        is_dead: bool,
    },
}

/// Those who sign in with passwords, of all accounts. Kept by IAM.
#[async_trait]
pub trait People: Send + Sync + 'static {
    /// The active account of this number, alias or (for root) email address.
    fn account(&self, named: &str) -> Option<Arc<str>>;

    /// The user of this name, whatever the case.
    fn person(&self, account: &str, user_name: &str) -> Option<Person>;

    /// Looks at a user's password. Takes as long for users that are not there.
    async fn check_password(&self, account: &str, user: &str, password: &str) -> Result<PasswordAnswer, Unavailable>;

    /// Whether it is the account's own password. Takes as long for accounts without one.
    async fn check_root_password(&self, account: &str, password: &str) -> Result<bool, Unavailable>;

    /// The serial numbers of the MFA devices of a user (by identifier), or of root.
    fn devices(&self, account: &str, user_id: Option<&str>) -> Vec<String>;

    /// Whether it is the code of one of their devices. A right one is used up.
    async fn check_code(
        &self,
        account: &str,
        person: Option<&Person>,
        serial: &str,
        code: &str,
    ) -> Result<bool, Unavailable>;

    /// Sets another password in the place of the old one. `Err` within: why it is not taken, for the user. Durable when it returns.
    async fn change_password(
        &self,
        account: &str,
        user: &str,
        old: &str,
        new: &str,
    ) -> Result<Result<(), String>, Unavailable>;
}

/// Temporary credentials that a browser gets.
#[derive(Clone)]
pub struct ConsoleCredentials {
    /// `ASIA…`.
    pub access_key_id: String,
    /// Signs requests.
    pub secret: Secret,
    /// Goes with them.
    pub session_token: Secret,
    /// When they end.
    pub expires: Timestamp,
}

/// Somebody asks to take on a role on a page.
#[derive(Clone)]
pub struct SwitchRequest {
    /// The role's ARN.
    pub role_arn: String,
    /// The name of the session to come.
    pub session_name: String,
    /// When.
    pub time: Timestamp,
    /// The client's address.
    pub source_ip: Arc<str>,
    /// The version of TLS, if the request came over it.
    pub tls: Option<&'static str>,
    /// What the client calls itself.
    pub user_agent: Option<String>,
    /// Names the request.
    pub request_id: String,
}

/// Sessions of those who signed in. Kept by STS.
#[async_trait]
pub trait ConsoleSessions: Send + Sync + 'static {
    /// The session of a role that somebody who signed in takes on, if policies let them; otherwise why not. It is no more than a
    /// description yet: nobody has credentials for it.
    async fn take_on(
        &self,
        holder: &Arc<Session>,
        request: &SwitchRequest,
    ) -> Result<Result<Session, String>, Unavailable>;

    /// Gives credentials for a session of so many seconds. Durable when it returns.
    async fn credentials(
        &self,
        session: &Session,
        now: Timestamp,
        secs: u32,
    ) -> Result<ConsoleCredentials, Unavailable>;
}
