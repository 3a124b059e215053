//! What holds for the account as a whole, and passwords: the parts of [`Iam`] that several operations and the sign-in service use.

use std::sync::Arc;

use base::Timestamp;
use service::ApiError;

use crate::passwords::{self, REMEMBERED_MAX};
use crate::store::{Login, OidcProvider, Settings, Tx, User};
use crate::{Error, Iam};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What there is to say to somebody who signs in with a password.
#[derive(Clone, Debug)]
pub enum PasswordCheck {
    /// The password is wrong, or there is no such user, or it has none.
    Wrong,
    /// The password is right.
    Right(PasswordUser),
}

/// A user who gave the right password.
#[derive(Clone, Debug)]
pub struct PasswordUser {
    /// `AIDA…`.
    pub id: String,
    /// As it is written.
    pub name: String,
    /// `arn:aws:iam::123456789012:user/division/name`.
    pub arn: String,
    /// Another password must be chosen before anything else.
    pub reset_required: bool,
    /// The password has expired.
    pub expired: bool,
    /// The password has expired, and only an administrator can set another.
    pub expired_hard: bool,
}

impl Iam {
    /// What holds for the account as a whole.
    pub(crate) fn settings(&self) -> Settings {
        self.store.get::<Settings>(Settings::NAME).map_or_else(fresh, |settings| Settings::clone(&settings))
    }

    /// The same within a change.
    pub(crate) fn settings_in(&self, tx: &Tx<'_>) -> Settings {
        tx.get::<Settings>(Settings::NAME).map_or_else(fresh, |settings| Settings::clone(&settings))
    }

    /// Whether users may change their own passwords without a policy that says so. Source: IAM user guide, "Permit IAM users to change
    /// their own passwords".
    pub fn may_change_own_password(&self) -> bool {
        self.settings().password_policy.is_some_and(|policy| policy.change_allowed)
    }

    /// The account's alias.
    pub fn alias(&self) -> Option<String> {
        self.settings().alias
    }

    /// Which version of tokens the global endpoint of STS gives.
    pub fn global_token_version(&self) -> u32 {
        self.settings().token_version.unwrap_or(1)
    }

    /// The OpenID Connect provider of this issuer (`https://token.example.com`, or without `https://`).
    pub fn oidc_provider(&self, url: &str) -> Option<Arc<OidcProvider>> {
        self.store.get::<OidcProvider>(url.strip_prefix("https://").unwrap_or(url).trim_end_matches('/'))
    }

    /// Whether this is the user's password. Takes as long for users that do not exist. That a right one
    /// was used is noted as [`Iam::note_use`] does.
    pub async fn verify_password(&self, user_name: &str, password: &str) -> Result<PasswordCheck, ApiError> {
        let known = self.store.get::<User>(user_name);
        let hash = known.as_ref().and_then(|user| user.login.as_ref()).map(|login| login.hash.clone());
        if !self.hasher.is_right(hash.as_deref(), password).await? {
            return Ok(PasswordCheck::Wrong);
        }
        let (now, settings) = (self.env.clock.now(), self.settings());
        // Somebody may have set another password meanwhile.
        let Some(user) = self.store.get::<User>(user_name) else { return Ok(PasswordCheck::Wrong) };
        let Some(login) = user.login.as_ref().filter(|login| Some(&login.hash) == hash.as_ref()) else {
            return Ok(PasswordCheck::Wrong);
        };
        self.uses.note(&user.id, now, "", "");
        let expired = expires(login, &settings).is_some_and(|end| end <= now);
        let hard = settings.password_policy.as_ref().and_then(|policy| policy.hard_expiry) == Some(true);
        Ok(PasswordCheck::Right(PasswordUser {
            reset_required: login.reset_required,
            expired,
            expired_hard: expired && hard,
            id: user.id.clone(),
            name: user.name.clone(),
            arn: user.arn.clone(),
        }))
    }

    /// Sets a user's password, which it chooses itself: the old one must be known. For ChangePassword, and for signing in where another
    /// must be chosen.
    pub async fn change_own_password(&self, user_name: &str, old: &str, new: &str) -> Result<(), ApiError> {
        let missing = || Error::NoSuchEntity(format!("Login Profile for User {user_name} cannot be found."));
        let user = self.store.need::<User>(user_name)?;
        let login = user.login.as_ref().ok_or_else(missing)?;
        if !self.hasher.is_right(Some(&login.hash), old).await? {
            return Err(Error::AccessDenied("The old password is incorrect.".into()).into());
        }
        let (now, settings) = (self.env.clock.now(), self.settings());
        let hard = settings.password_policy.as_ref().and_then(|policy| policy.hard_expiry) == Some(true);
        if hard && expires(login, &settings).is_some_and(|end| end <= now) {
            let text = "The password has expired and only an administrator can set a new one.";
            return Err(Error::AccessDenied(text.into()).into());
        }
        let hash = self.checked_hash(&user, new).await?;
        let known = login.hash.clone();
        self.store
            .edit::<User, _>(user_name, |user| {
                let login = user.login.as_mut().filter(|login| login.hash == known);
                login.ok_or(Error::ConcurrentModification)?.set(hash, false, now);
                Ok(())
            })
            .await
    }

    /// Gives the account itself a password, as the server's settings say; none takes it away. Returns when its hash is made; it is not stored.
    pub async fn set_root_password(&self, password: Option<&str>) -> Result<(), ApiError> {
        let hash = match password {
            Some(password) => Some(self.hasher.hash(&*self.env.rng, password).await?),
            None => None,
        };
        *self.root_password.write().expect("no holder of this lock can panic") = hash;
        Ok(())
    }

    /// Whether this is the account's own password.
    pub async fn verify_root_password(&self, password: &str) -> Result<bool, ApiError> {
        let hash = self.root_password.read().expect("no holder of this lock can panic").clone();
        let right = self.hasher.is_right(hash.as_deref(), password).await?;
        if right {
            self.uses.note(&self.account, self.env.clock.now(), "", "");
        }
        Ok(right)
    }

    /// The user of this name, whatever the case, for signing in.
    pub fn person(&self, user_name: &str) -> Option<ports::Person> {
        self.store.get::<User>(user_name).map(|user| ports::Person {
            id: Arc::from(user.id.as_str()),
            name: Arc::from(user.name.as_str()),
            arn: Arc::from(user.arn.as_str()),
        })
    }

    /// The serial numbers of the MFA devices of a user (by identifier), or of root.
    pub fn mfa_serials(&self, user_id: Option<&str>) -> Vec<String> {
        let owner = user_id.map_or(crate::mfa::Owner::Root, |id| crate::mfa::Owner::User(id.to_owned()));
        self.mfa.of(&owner).iter().map(|device| device.serial.clone()).collect()
    }

    pub(crate) fn has_root_password(&self) -> bool {
        self.root_password.read().expect("no holder of this lock can panic").is_some()
    }

    /// The hash of a password that the user may have.
    pub(crate) async fn checked_hash(&self, user: &User, password: &str) -> Result<String, ApiError> {
        let settings = self.settings();
        let policy = settings.password_policy.as_ref();
        passwords::check(policy, password, &[&user.name, &self.account])?;
        let remembered = policy.and_then(|policy| policy.reuse_prevented).unwrap_or(0);
        let remembered = usize::try_from(remembered).unwrap_or(REMEMBERED_MAX);
        if let Some(login) = user.login.as_ref() {
            for hash in std::iter::once(&login.hash).chain(&login.previous).take(remembered) {
                if self.hasher.is_right(Some(hash), password).await? {
                    let text = "Policy constraint violation with password reuse prevention during password change.";
                    return Err(Error::PasswordPolicyViolation(text.into()).into());
                }
            }
        }
        self.hasher.hash(&*self.env.rng, password).await
    }
}

fn fresh() -> Settings {
    Settings { v: Settings::VERSION, ..Settings::default() }
}

/// When a password expires, if it does.
pub(crate) fn expires(login: &Login, settings: &Settings) -> Option<Timestamp> {
    let days = settings.password_policy.as_ref()?.age_days_max?;
    Some(login.changed().plus_ms(i64::from(days) * DAY_MS))
}

impl Login {
    /// When the password was last set.
    pub fn changed(&self) -> Timestamp {
        self.changed.unwrap_or(self.created)
    }

    /// Takes another password in the place of the one that was.
    pub fn set(&mut self, hash: String, reset_required: bool, now: Timestamp) {
        let old = std::mem::replace(&mut self.hash, hash);
        self.previous.insert(0, old);
        // With the password in force, as many as a policy can ask for.
        self.previous.truncate(REMEMBERED_MAX - 1);
        (self.reset_required, self.changed) = (reset_required, Some(now.trunc_secs()));
    }
}
