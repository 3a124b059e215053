//! Users: made, shown, renamed, removed, listed.

use ports::Caller;

use crate::managed::Managed;
use crate::mfa::Owner;
use crate::names::{check_name, path_or_root, under};
use crate::operation::operation;
use crate::ops::named_or_caller;
use crate::ops::paging::page;
use crate::store::{self, USERS_MAX, World};
use crate::tags::{self, Tag};
use crate::views::User;
use crate::{Error, Iam};

fn taken(name: &str) -> Error {
    Error::EntityAlreadyExists(format!("User with name {name} already exists."))
}

/// What must go before a user can. In the order in which IAM complains.
fn check_free(iam: &Iam, world: &World, user: &store::User) -> Result<(), Error> {
    if world.groups_of(&user.id).next().is_some() {
        return Err(Error::delete_conflict("remove users from group"));
    }
    if !user.grants.attached.is_empty() {
        return Err(Error::delete_conflict("detach all policies"));
    }
    if !user.grants.inline.is_empty() {
        return Err(Error::delete_conflict("delete policies"));
    }
    if !user.keys.is_empty() {
        return Err(Error::delete_conflict("delete access keys"));
    }
    if user.login.is_some() {
        return Err(Error::delete_conflict("delete login profile"));
    }
    if !iam.mfa.of(&Owner::User(user.id.clone())).is_empty() {
        return Err(Error::delete_conflict("delete MFA device"));
    }
    Ok(())
}

operation! {
    /// Makes a user, who may do nothing until a policy allows it.
    CreateUser on "user/{UserName}"
    takes {
        path: Option<String>,
        user_name: String,
        permissions_boundary: Option<String>,
        #[serde(default)]
        tags: Vec<Tag>,
    }
    gives { user: User }
    |iam, call, input| {
        check_name(&input.user_name, "userName")?;
        let path = path_or_root(input.path)?;
        let name = input.user_name;
        let user = store::User {
            v: store::User::VERSION,
            arn: format!("arn:aws:iam::{}:user{path}{name}", iam.account),
            id: base::ids::iam_id(&*iam.env.rng, "AIDA"),
            name: name.clone(),
            path,
            created: call.time.trunc_secs(),
            tags: tags::set(tags::Keys::AnyCase, "User", &[], input.tags)?,
            boundary: input.permissions_boundary,
            ..store::User::default()
        };
        iam.store
            .change(|tx| {
                if tx.get::<store::User>(&name).is_some() {
                    return Err(taken(&name).into());
                }
                tx.check_room::<store::User>(USERS_MAX, "UsersPerAccount")?;
                if let Some(arn) = &user.boundary {
                    Managed::boundary(tx.before(), arn)?;
                }
                let output = Output { user: User::with_tags(&user) };
                tx.put(user);
                Ok(output)
            })
            .await
    }
}

operation! {
    /// Shows a user, or the caller if none is named.
    GetUser on "user/{UserName}"
    takes { user_name: Option<String> }
    gives { user: User }
    |iam, call, input| {
        if let (None, Caller::Root { account, .. }) = (&input.user_name, &call.caller) {
            return Ok(Output { user: User::root(account) });
        }
        let user = iam.store.need::<store::User>(&named_or_caller(call, input.user_name)?)?;
        Ok(Output { user: User::with_tags(&user).signed_in(iam.last_use(&user.id).map(|last| last.time)) })
    }
}

operation! {
    /// Renames a user, or moves it to another path. Its keys, groups and policies stay; its identifier too.
    UpdateUser on "user/{UserName}"
    takes { user_name: String, new_path: Option<String>, new_user_name: Option<String> }
    gives {}
    |iam, _call, input| {
        if let Some(name) = &input.new_user_name {
            check_name(name, "newUserName")?;
        }
        let path = input.new_path.map(|path| path_or_root(Some(path))).transpose()?;
        iam.store
            .change(|tx| {
                let mut user = tx.need::<store::User>(&input.user_name)?;
                let old = user.name.to_lowercase();
                if let Some(name) = input.new_user_name {
                    if name.to_lowercase() != old && tx.get::<store::User>(&name).is_some() {
                        return Err(taken(&name).into());
                    }
                    user.name = name;
                }
                user.path = path.unwrap_or(user.path);
                user.arn = format!("arn:aws:iam::{}:user{}{}", iam.account, user.path, user.name);
                if user.name.to_lowercase() != old {
                    tx.remove::<store::User>(&old);
                }
                tx.put(user);
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// Removes a user on whom nothing hangs any more.
    DeleteUser on "user/{UserName}"
    takes { user_name: String }
    gives {}
    |iam, _call, input| {
        let id = iam
            .store
            .change(|tx| {
                let user = tx.need::<store::User>(&input.user_name)?;
                check_free(iam, tx.before(), &user)?;
                tx.remove::<store::User>(&user.name);
                Ok(user.id)
            })
            .await?;
        iam.forget_uses(&[id]).await;
        Ok(Output {})
    }
}

operation! {
    /// Lists users under a path, by name.
    ListUsers on "user/*"
    takes { path_prefix: Option<String>, marker: Option<String>, max_items: Option<i64> }
    gives { users: Vec<User>, is_truncated: bool, marker: Option<String> }
    |iam, _call, input| {
        let mut users = iam.store.all::<store::User>();
        users.retain(|user| under(&user.path, input.path_prefix.as_deref()));
        let (users, marker) = page(users, |user| user.name.to_lowercase(), input.marker.as_deref(), input.max_items)?;
        let last = |user: &store::User| iam.last_use(&user.id).map(|last| last.time);
        let users = users.iter().map(|user| User::listed(user).signed_in(last(user))).collect();
        Ok(Output { users, is_truncated: marker.is_some(), marker })
    }
}
