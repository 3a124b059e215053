//! Groups of users, and who is in them.

use crate::Error;
use crate::names::{check_name, path_or_root, under};
use crate::operation::operation;
use crate::ops::paging::page;
use crate::store::{self, GROUPS_MAX, GROUPS_PER_USER_MAX};
use crate::views::{Group, User};

fn taken(name: &str) -> Error {
    Error::EntityAlreadyExists(format!("Group with name {name} already exists."))
}

operation! {
    /// Makes a group.
    CreateGroup on "group/{GroupName}"
    takes { path: Option<String>, group_name: String }
    gives { group: Group }
    |iam, call, input| {
        check_name(&input.group_name, "groupName")?;
        let path = path_or_root(input.path)?;
        let name = input.group_name;
        let group = store::Group {
            v: store::Group::VERSION,
            arn: format!("arn:aws:iam::{}:group{path}{name}", iam.account),
            id: base::ids::iam_id(&*iam.env.rng, "AGPA"),
            name: name.clone(),
            path,
            created: call.time.trunc_secs(),
            ..store::Group::default()
        };
        iam.store
            .change(|tx| {
                if tx.get::<store::Group>(&name).is_some() {
                    return Err(taken(&name).into());
                }
                tx.check_room::<store::Group>(GROUPS_MAX, "GroupsPerAccount")?;
                let output = Output { group: Group::of(&group) };
                tx.put(group);
                Ok(output)
            })
            .await
    }
}

operation! {
    /// Shows a group and its users.
    GetGroup on "group/{GroupName}"
    takes { group_name: String, marker: Option<String>, max_items: Option<i64> }
    gives { group: Group, users: Vec<User>, is_truncated: bool, marker: Option<String> }
    |iam, _call, input| {
        let group = iam.store.need::<store::Group>(&input.group_name)?;
        let mut users: Vec<_> =
            iam.store.read(|world| group.members.iter().filter_map(|id| world.user_of_id(id)).collect());
        users.sort_by_key(|user| user.name.to_lowercase());
        let (users, marker) = page(users, |user| user.name.to_lowercase(), input.marker.as_deref(), input.max_items)?;
        let users = users.iter().map(|user| User::listed(user)).collect();
        Ok(Output { group: Group::of(&group), users, is_truncated: marker.is_some(), marker })
    }
}

operation! {
    /// Renames a group, or moves it to another path. Its users and policies stay; its identifier too.
    UpdateGroup on "group/{GroupName}"
    takes { group_name: String, new_path: Option<String>, new_group_name: Option<String> }
    gives {}
    |iam, _call, input| {
        if let Some(name) = &input.new_group_name {
            check_name(name, "newGroupName")?;
        }
        let path = input.new_path.map(|path| path_or_root(Some(path))).transpose()?;
        iam.store
            .change(|tx| {
                let mut group = tx.need::<store::Group>(&input.group_name)?;
                let old = group.name.to_lowercase();
                if let Some(name) = input.new_group_name {
                    if name.to_lowercase() != old && tx.get::<store::Group>(&name).is_some() {
                        return Err(taken(&name).into());
                    }
                    group.name = name;
                }
                group.path = path.unwrap_or(group.path);
                group.arn = format!("arn:aws:iam::{}:group{}{}", iam.account, group.path, group.name);
                if group.name.to_lowercase() != old {
                    tx.remove::<store::Group>(&old);
                }
                tx.put(group);
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// Removes a group without users and policies.
    DeleteGroup on "group/{GroupName}"
    takes { group_name: String }
    gives {}
    |iam, _call, input| {
        iam.store
            .change(|tx| {
                let group = tx.need::<store::Group>(&input.group_name)?;
                if !group.members.is_empty() {
                    return Err(Error::delete_conflict("remove users from group").into());
                }
                if !group.grants.attached.is_empty() {
                    return Err(Error::delete_conflict("detach all policies").into());
                }
                if !group.grants.inline.is_empty() {
                    return Err(Error::delete_conflict("delete policies").into());
                }
                tx.remove::<store::Group>(&group.name);
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// Lists groups under a path, by name.
    ListGroups on "group/*"
    takes { path_prefix: Option<String>, marker: Option<String>, max_items: Option<i64> }
    gives { groups: Vec<Group>, is_truncated: bool, marker: Option<String> }
    |iam, _call, input| {
        let mut groups = iam.store.all::<store::Group>();
        groups.retain(|group| under(&group.path, input.path_prefix.as_deref()));
        let key = |group: &std::sync::Arc<store::Group>| group.name.to_lowercase();
        let (groups, marker) = page(groups, key, input.marker.as_deref(), input.max_items)?;
        let groups = groups.iter().map(|group| Group::of(group)).collect();
        Ok(Output { groups, is_truncated: marker.is_some(), marker })
    }
}

operation! {
    /// Puts a user into a group. If it is in it, nothing changes.
    AddUserToGroup on "group/{GroupName}"
    takes { group_name: String, user_name: String }
    gives {}
    |iam, _call, input| {
        iam.store
            .change(|tx| {
                let mut group = tx.need::<store::Group>(&input.group_name)?;
                let user = tx.need::<store::User>(&input.user_name)?;
                if group.members.contains(&user.id) {
                    return Ok(Output {});
                }
                if tx.before().groups_of(&user.id).count() >= GROUPS_PER_USER_MAX {
                    return Err(Error::quota("GroupsPerUser", GROUPS_PER_USER_MAX).into());
                }
                group.members.insert(user.id);
                tx.put(group);
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// Takes a user out of a group. If it is not in it, nothing changes.
    RemoveUserFromGroup on "group/{GroupName}"
    takes { group_name: String, user_name: String }
    gives {}
    |iam, _call, input| {
        iam.store
            .change(|tx| {
                let user = tx.need::<store::User>(&input.user_name)?;
                let mut group = tx.need::<store::Group>(&input.group_name)?;
                if group.members.remove(&user.id) {
                    tx.put(group);
                }
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// Lists the groups that a user is in, by name.
    ListGroupsForUser on "user/{UserName}"
    takes { user_name: String, marker: Option<String>, max_items: Option<i64> }
    gives { groups: Vec<Group>, is_truncated: bool, marker: Option<String> }
    |iam, _call, input| {
        let user = iam.store.need::<store::User>(&input.user_name)?;
        let groups: Vec<_> = iam.store.read(|world| world.groups_of(&user.id).cloned().collect());
        let key = |group: &std::sync::Arc<store::Group>| group.name.to_lowercase();
        let (groups, marker) = page(groups, key, input.marker.as_deref(), input.max_items)?;
        let groups = groups.iter().map(|group| Group::of(group)).collect();
        Ok(Output { groups, is_truncated: marker.is_some(), marker })
    }
}
