//! Instance profiles: how a machine comes by a role. One role fits in.

use std::sync::Arc;

use crate::Error;
use crate::names::{check_name, path_or_root, under};
use crate::operation::operation;
use crate::ops::paging::page;
use crate::store::{self, Holder as _, INSTANCE_PROFILES_MAX, Role};
use crate::tags::{self, Tag};
use crate::views::InstanceProfile;

fn key(profile: &Arc<store::InstanceProfile>) -> String {
    profile.name.to_lowercase()
}

operation! {
    /// Makes an instance profile, without a role.
    CreateInstanceProfile on "instance-profile/{InstanceProfileName}"
    takes {
        instance_profile_name: String,
        path: Option<String>,
        #[serde(default)]
        tags: Vec<Tag>,
    }
    gives { instance_profile: InstanceProfile }
    |iam, call, input| {
        check_name(&input.instance_profile_name, "instanceProfileName")?;
        let path = path_or_root(input.path)?;
        let name = input.instance_profile_name;
        let profile = store::InstanceProfile {
            v: store::InstanceProfile::VERSION,
            arn: format!("arn:aws:iam::{}:instance-profile{path}{name}", iam.account),
            id: base::ids::iam_id(&*iam.env.rng, "AIPA"),
            name: name.clone(),
            path,
            created: call.time.trunc_secs(),
            tags: tags::set(tags::Keys::Exact, "InstanceProfile", &[], input.tags)?,
            role: None,
        };
        iam.store
            .change(|tx| {
                if tx.get::<store::InstanceProfile>(&name).is_some() {
                    return Err(Error::EntityAlreadyExists(format!("Instance Profile {name} already exists.")).into());
                }
                tx.check_room::<store::InstanceProfile>(INSTANCE_PROFILES_MAX, "InstanceProfilesPerAccount")?;
                let output = Output { instance_profile: InstanceProfile::made(&profile, tx.before()) };
                tx.put(profile);
                Ok(output)
            })
            .await
    }
}

operation! {
    /// Shows an instance profile and its role.
    GetInstanceProfile on "instance-profile/{InstanceProfileName}"
    takes { instance_profile_name: String }
    gives { instance_profile: InstanceProfile }
    |iam, _call, input| {
        let profile = iam.store.need::<store::InstanceProfile>(&input.instance_profile_name)?;
        let instance_profile = iam.store.read(|world| InstanceProfile::whole(&profile, world));
        Ok(Output { instance_profile })
    }
}

operation! {
    /// Removes an instance profile without a role.
    DeleteInstanceProfile on "instance-profile/{InstanceProfileName}"
    takes { instance_profile_name: String }
    gives {}
    |iam, _call, input| {
        iam.store
            .change(|tx| {
                let profile = tx.need::<store::InstanceProfile>(&input.instance_profile_name)?;
                if profile.role.is_some() {
                    return Err(Error::delete_conflict("remove roles from instance profile").into());
                }
                tx.remove::<store::InstanceProfile>(&profile.name);
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// Lists instance profiles under a path, by name.
    ListInstanceProfiles on "instance-profile/*"
    takes { path_prefix: Option<String>, marker: Option<String>, max_items: Option<i64> }
    gives { instance_profiles: Vec<InstanceProfile>, is_truncated: bool, marker: Option<String> }
    |iam, _call, input| {
        let mut profiles = iam.store.all::<store::InstanceProfile>();
        profiles.retain(|profile| under(&profile.path, input.path_prefix.as_deref()));
        let (profiles, marker) = page(profiles, key, input.marker.as_deref(), input.max_items)?;
        let instance_profiles =
            iam.store.read(|world| profiles.iter().map(|profile| InstanceProfile::listed(profile, world)).collect());
        Ok(Output { instance_profiles, is_truncated: marker.is_some(), marker })
    }
}

operation! {
    /// Lists the instance profiles that have a role, by name.
    ListInstanceProfilesForRole on "role/{RoleName}"
    takes { role_name: String, marker: Option<String>, max_items: Option<i64> }
    gives { instance_profiles: Vec<InstanceProfile>, is_truncated: bool, marker: Option<String> }
    |iam, _call, input| {
        let role = iam.store.need::<Role>(&input.role_name)?;
        let mut profiles = iam.store.all::<store::InstanceProfile>();
        profiles.retain(|profile| profile.role.as_deref() == Some(&*role.name));
        let (profiles, marker) = page(profiles, key, input.marker.as_deref(), input.max_items)?;
        let instance_profiles =
            iam.store.read(|world| profiles.iter().map(|profile| InstanceProfile::listed(profile, world)).collect());
        Ok(Output { instance_profiles, is_truncated: marker.is_some(), marker })
    }
}

operation! {
    /// Puts a role into an instance profile that has none.
    AddRoleToInstanceProfile on "instance-profile/{InstanceProfileName}"
    takes { instance_profile_name: String, role_name: String }
    gives {}
    |iam, _call, input| {
        iam.store
            .change(|tx| {
                let mut profile = tx.need::<store::InstanceProfile>(&input.instance_profile_name)?;
                let role = tx.need::<Role>(&input.role_name)?;
                role.check_modifiable()?;
                if profile.role.is_some() {
                    return Err(Error::quota("InstanceSessionsPerInstanceProfile", 1).into());
                }
                profile.role = Some(role.name);
                tx.put(profile);
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// Takes the role out of an instance profile.
    RemoveRoleFromInstanceProfile on "instance-profile/{InstanceProfileName}"
    takes { instance_profile_name: String, role_name: String }
    gives {}
    |iam, _call, input| {
        iam.store
            .change(|tx| {
                let mut profile = tx.need::<store::InstanceProfile>(&input.instance_profile_name)?;
                let role = tx.need::<Role>(&input.role_name)?;
                if profile.role.as_deref() != Some(&*role.name) {
                    let text = format!("Role {} in Instance Profile {} cannot be found.", role.name, profile.name);
                    return Err(Error::NoSuchEntity(text).into());
                }
                profile.role = None;
                tx.put(profile);
                Ok(Output {})
            })
            .await
    }
}
