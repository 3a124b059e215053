//! Users' passwords: set, shown to be there, changed and taken away by an administrator, and changed by the user.

use base::Timestamp;
use ports::Caller;
use serde::Serialize;

use crate::Error;
use crate::operation::operation;
use crate::ops::named_or_caller;
use crate::store::{Login, User};

/// The modelled `LoginProfile`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    user_name: String,
    create_date: Timestamp,
    password_reset_required: bool,
}

fn missing(name: &str) -> Error {
    Error::NoSuchEntity(format!("Login Profile for User {name} cannot be found."))
}

impl Shown {
    fn of(user: &User) -> Result<Shown, Error> {
        let login = user.login.as_ref().ok_or_else(|| missing(&user.name))?;
        let (create_date, password_reset_required) = (login.created, login.reset_required);
        Ok(Shown { user_name: user.name.clone(), create_date, password_reset_required })
    }
}

operation! {
    /// Gives a user a password.
    CreateLoginProfile on "user/{UserName}"
    takes { user_name: Option<String>, password: Option<String>, password_reset_required: Option<bool> }
    gives { login_profile: Shown }
    |iam, call, input| {
        let name = named_or_caller(call, input.user_name)?;
        let taken = || Error::EntityAlreadyExists(format!("Login Profile for User {name} already exists."));
        let user = iam.store.need::<User>(&name)?;
        if user.login.is_some() {
            return Err(taken().into());
        }
        let Some(password) = input.password else {
            return Err(Error::ValidationError("Must specify password for the user.".into()).into());
        };
        let hash = iam.checked_hash(&user, &password).await?;
        let reset_required = input.password_reset_required.unwrap_or(false);
        let created = call.time.trunc_secs();
        let login_profile = iam
            .store
            .edit::<User, _>(&name, |user| {
                if user.login.is_some() {
                    return Err(taken().into());
                }
                user.login = Some(Login { created, reset_required, hash, ..Login::default() });
                Ok(Shown::of(user)?)
            })
            .await?;
        Ok(Output { login_profile })
    }
}

operation! {
    /// Says whether a user has a password, and since when.
    GetLoginProfile on "user/{UserName}"
    takes { user_name: Option<String> }
    gives { login_profile: Shown }
    |iam, call, input| {
        let name = named_or_caller(call, input.user_name)?;
        let user = iam.store.need::<User>(&name)?;
        Ok(Output { login_profile: Shown::of(&user)? })
    }
}

operation! {
    /// Sets another password for a user.
    UpdateLoginProfile on "user/{UserName}"
    takes { user_name: String, password: Option<String>, password_reset_required: Option<bool> }
    gives {}
    |iam, call, input| {
        let name = input.user_name;
        let user = iam.store.need::<User>(&name)?;
        if user.login.is_none() {
            return Err(missing(&name).into());
        }
        let hash = match &input.password {
            Some(password) => Some(iam.checked_hash(&user, password).await?),
            None => None,
        };
        iam.store
            .edit::<User, _>(&name, |user| {
                let login = user.login.as_mut().ok_or_else(|| missing(&name))?;
                let reset_required = input.password_reset_required.unwrap_or(login.reset_required);
                match hash {
                    Some(hash) => login.set(hash, reset_required, call.time),
                    None => login.reset_required = reset_required,
                }
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// Takes a user's password away.
    DeleteLoginProfile on "user/{UserName}"
    takes { user_name: Option<String> }
    gives {}
    |iam, call, input| {
        let name = named_or_caller(call, input.user_name)?;
        iam.store
            .edit::<User, _>(&name, |user| {
                user.login.take().ok_or_else(|| missing(&name))?;
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// Changes the caller's own password.
    ChangePassword on "user/*"
    takes { old_password: String, new_password: String }
    gives {}
    |iam, call, input| {
        let Caller::User { user_name, .. } = &call.caller else {
            return Err(Error::InvalidUserType("Only IAM Users can change their own password.".into()).into());
        };
        iam.change_own_password(user_name, &input.old_password, &input.new_password).await?;
        Ok(Output {})
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::settings::PasswordCheck;
    use crate::testing::World;

    const ONE: &str = "First-Password-1";
    const TWO: &str = "Second-Password-2";

    async fn world() -> World {
        let world = World::new().await;
        world.call("CreateUser", json!({"UserName": "alice"})).await.unwrap();
        world
    }

    async fn right(world: &World, password: &str) -> Option<(bool, bool, bool)> {
        match world.iam.verify_password("Alice", password).await.unwrap() {
            PasswordCheck::Wrong => None,
            PasswordCheck::Right(user) => Some((user.reset_required, user.expired, user.expired_hard)),
        }
    }

    #[tokio::test]
    async fn a_profiles_life() {
        let world = world().await;
        let alice = json!({"UserName": "alice"});
        let (code, text) = world.refused("GetLoginProfile", alice.clone()).await;
        assert_eq!((code.as_str(), text.as_str()), ("NoSuchEntity", "Login Profile for User alice cannot be found."));
        assert_eq!(world.code("UpdateLoginProfile", alice.clone()).await, "NoSuchEntity");
        assert_eq!(world.code("DeleteLoginProfile", alice.clone()).await, "NoSuchEntity");
        let weak = json!({"UserName": "alice", "Password": "x"});
        assert_eq!(world.code("CreateLoginProfile", weak).await, "PasswordPolicyViolation");
        let create = json!({"UserName": "alice", "Password": ONE, "PasswordResetRequired": true});
        let made = world.call("CreateLoginProfile", create.clone()).await.unwrap();
        assert_eq!(made["LoginProfile"]["PasswordResetRequired"], true);
        assert_eq!(world.code("CreateLoginProfile", create).await, "EntityAlreadyExists");
        assert_eq!(world.call("GetLoginProfile", alice.clone()).await.unwrap(), made);
        let world = world.again().await;
        assert_eq!(right(&world, ONE).await, Some((true, false, false)));
        assert_eq!(right(&world, TWO).await, None);
        assert!(matches!(world.iam.verify_password("nobody", ONE).await.unwrap(), PasswordCheck::Wrong));
        let update = json!({"UserName": "alice", "Password": TWO, "PasswordResetRequired": false});
        world.call("UpdateLoginProfile", update).await.unwrap();
        assert_eq!((right(&world, ONE).await, right(&world, TWO).await), (None, Some((false, false, false))));
        world.call("DeleteLoginProfile", alice).await.unwrap();
        assert_eq!(right(&world, TWO).await, None);
    }

    #[tokio::test]
    async fn users_change_their_own_and_not_back() {
        let world = world().await;
        world.call("CreateLoginProfile", json!({"UserName": "alice", "Password": ONE})).await.unwrap();
        let change = |old: &str, new: &str| json!({"OldPassword": old, "NewPassword": new});
        assert_eq!(world.code("ChangePassword", change(ONE, TWO)).await, "InvalidUserType");
        let policy = json!({"PasswordReusePrevention": 2});
        world.call("UpdateAccountPasswordPolicy", policy).await.unwrap();
        let code = async |old, new| {
            let answer = world.call_as_user("alice", "ChangePassword", change(old, new)).await;
            answer.err().map(|error| error.code.into_owned())
        };
        assert_eq!(code(TWO, ONE).await.as_deref(), Some("AccessDenied"));
        assert_eq!(code(ONE, ONE).await.as_deref(), Some("PasswordPolicyViolation"));
        assert_eq!(code(ONE, TWO).await, None);
        assert_eq!(code(TWO, ONE).await.as_deref(), Some("PasswordPolicyViolation"));
        assert_eq!(code(TWO, "Third-Password-3").await, None);
        assert_eq!(code("Third-Password-3", ONE).await, None);
    }

    #[tokio::test]
    async fn passwords_expire() {
        let world = world().await;
        world.call("CreateLoginProfile", json!({"UserName": "alice", "Password": ONE})).await.unwrap();
        world.call("UpdateAccountPasswordPolicy", json!({"MaxPasswordAge": 1})).await.unwrap();
        assert_eq!(right(&world, ONE).await, Some((false, false, false)));
        world.clock.advance_ms(24 * 60 * 60 * 1000);
        assert_eq!(right(&world, ONE).await, Some((false, true, false)));
        world.call("UpdateAccountPasswordPolicy", json!({"MaxPasswordAge": 1, "HardExpiry": true})).await.unwrap();
        assert_eq!(right(&world, ONE).await, Some((false, true, true)));
        let change = json!({"OldPassword": ONE, "NewPassword": TWO});
        let error = world.call_as_user("alice", "ChangePassword", change).await.unwrap_err();
        assert_eq!(error.code, "AccessDenied");
        world.call("UpdateLoginProfile", json!({"UserName": "alice", "Password": TWO})).await.unwrap();
        assert_eq!(right(&world, TWO).await, Some((false, false, false)));
    }

    #[tokio::test]
    async fn hashes_are_not_shown() {
        let world = world().await;
        world.call("CreateLoginProfile", json!({"UserName": "alice", "Password": ONE})).await.unwrap();
        let user = world.iam.store.get::<crate::store::User>("alice").unwrap();
        assert!(!format!("{user:?}").contains("argon2id"));
    }
}
