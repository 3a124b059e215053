//! Tags of users, roles, managed policies and instance profiles.

use crate::managed::{Managed, check_arn};
use crate::operation::operation;
use crate::ops::paging::page;
use crate::store::{InstanceProfile, ManagedPolicy, Role, Tx, User};
use crate::tags::{self, Keys, Tag};
use crate::{Error, Iam};

/// A page of tags by key, and the marker of the next.
fn listed(
    mut tags: Vec<Tag>,
    marker: Option<&str>,
    items_max: Option<i64>,
) -> Result<(Vec<Tag>, Option<String>), Error> {
    tags.sort_by(|a, b| a.key.cmp(&b.key));
    page(tags, |tag| tag.key.clone(), marker, items_max)
}

/// What kind of thing is tagged.
trait Tagged: crate::store::Entity {
    const KIND: &'static str;
    const KEYS: Keys;
    fn tags_mut(&mut self) -> Result<&mut Vec<Tag>, Error>;
    /// The name by which an input means it.
    fn name_of(tx: &Tx<'_>, given: &str) -> Result<String, Error> {
        let _ = tx;
        Ok(given.to_owned())
    }
}

impl Tagged for User {
    const KIND: &'static str = "User";
    const KEYS: Keys = Keys::AnyCase;
    fn tags_mut(&mut self) -> Result<&mut Vec<Tag>, Error> {
        Ok(&mut self.tags)
    }
}

impl Tagged for Role {
    const KIND: &'static str = "Role";
    const KEYS: Keys = Keys::AnyCase;
    fn tags_mut(&mut self) -> Result<&mut Vec<Tag>, Error> {
        Ok(&mut self.tags)
    }
}

impl Tagged for InstanceProfile {
    const KIND: &'static str = "InstanceProfile";
    const KEYS: Keys = Keys::Exact;
    fn tags_mut(&mut self) -> Result<&mut Vec<Tag>, Error> {
        Ok(&mut self.tags)
    }
}

impl Tagged for ManagedPolicy {
    const KIND: &'static str = "Policy";
    const KEYS: Keys = Keys::Exact;
    fn tags_mut(&mut self) -> Result<&mut Vec<Tag>, Error> {
        Ok(&mut self.tags)
    }
    fn name_of(tx: &Tx<'_>, given: &str) -> Result<String, Error> {
        match Managed::need(tx.before(), given)? {
            Managed::Customer(policy) => Ok(policy.name.clone()),
            Managed::Aws(_) => {
                Err(Error::InvalidInput("Tagging is not supported for AWS managed policies.".to_owned()))
            }
        }
    }
}

async fn change<E: Tagged>(
    iam: &Iam,
    given: &str,
    change: impl FnOnce(&mut Vec<Tag>) -> Result<(), Error>,
) -> Result<(), service::ApiError> {
    iam.store
        .change(|tx| {
            let mut entity = tx.need::<E>(&E::name_of(tx, given)?)?;
            change(entity.tags_mut()?)?;
            tx.put(entity);
            Ok(())
        })
        .await
}

macro_rules! tagging {
    ($kind:ident, $member:ident, $resource:tt, $tag:ident, $untag:ident, $list:ident, |$iam:ident, $given:ident| $tags:expr) => {
        operation! {
            #[doc = concat!("Sets tags on a ", stringify!($kind), ".")]
            $tag on $resource
            takes { $member: String, tags: Vec<Tag> }
            gives {}
            |iam, _call, input| {
                change::<$kind>(iam, &input.$member, |tags| {
                    *tags = tags::set($kind::KEYS, $kind::KIND, tags, input.tags)?;
                    Ok(())
                })
                .await?;
                Ok(Output {})
            }
        }

        operation! {
            #[doc = concat!("Takes tags off a ", stringify!($kind), ". Keys that are not there are no error.")]
            $untag on $resource
            takes { $member: String, tag_keys: Vec<String> }
            gives {}
            |iam, _call, input| {
                change::<$kind>(iam, &input.$member, |tags| {
                    tags::unset($kind::KEYS, tags, &input.tag_keys);
                    Ok(())
                })
                .await?;
                Ok(Output {})
            }
        }

        operation! {
            #[doc = concat!("Lists the tags of a ", stringify!($kind), ", by key.")]
            $list on $resource
            takes { $member: String, marker: Option<String>, max_items: Option<i64> }
            gives { tags: Vec<Tag>, is_truncated: bool, marker: Option<String> }
            |$iam, _call, input| {
                let $given = input.$member;
                let (tags, marker) = listed($tags, input.marker.as_deref(), input.max_items)?;
                Ok(Output { tags, is_truncated: marker.is_some(), marker })
            }
        }
    };
}

tagging!(User, user_name, "user/{UserName}", TagUser, UntagUser, ListUserTags, |iam, name| iam
    .store
    .need::<User>(&name)?
    .tags
    .clone());
tagging!(Role, role_name, "role/{RoleName}", TagRole, UntagRole, ListRoleTags, |iam, name| iam
    .store
    .need::<Role>(&name)?
    .tags
    .clone());
tagging!(
    InstanceProfile,
    instance_profile_name,
    "instance-profile/{InstanceProfileName}",
    TagInstanceProfile,
    UntagInstanceProfile,
    ListInstanceProfileTags,
    |iam, name| iam.store.need::<InstanceProfile>(&name)?.tags.clone()
);
tagging!(ManagedPolicy, policy_arn, "{PolicyArn}", TagPolicy, UntagPolicy, ListPolicyTags, |iam, arn| {
    check_arn(&arn)?;
    iam.store.read(|world| Managed::need(world, &arn).map(|policy| policy.tags().to_vec()))?
});
