//! One MFA device, and the tags of devices.

use std::collections::BTreeMap;

use base::Timestamp;

use crate::Error;
use crate::operation::operation;
use crate::ops::paging::page;
use crate::tags::{self, Keys, Tag};

operation! {
    /// One device, and whose it is.
    GetMFADevice on "mfa/{SerialNumber}"
    takes { serial_number: String, user_name: Option<String> }
    gives {
        user_name: Option<String>,
        serial_number: String,
        enable_date: Option<Timestamp>,
        certifications: Option<BTreeMap<String, String>>,
    }
    |iam, call, input| {
        let device = iam.mfa.need(&input.serial_number)?;
        if input.user_name.is_some() {
            let owner = iam.device_owner(call, input.user_name.as_deref())?;
            if device.owner.as_ref() != Some(&owner) {
                return Err(Error::NoSuchEntity("MFA Device invalid for user.".into()).into());
            }
        }
        let owner = device.owner.as_ref().and_then(|owner| iam.owner_view(owner));
        Ok(Output {
            user_name: owner.and_then(|user| user.name().map(str::to_owned)),
            serial_number: device.serial.clone(),
            enable_date: device.enabled,
            certifications: None,
        })
    }
}

operation! {
    /// Sets tags on a device.
    TagMFADevice on "mfa/{SerialNumber}"
    takes { serial_number: String, tags: Vec<Tag> }
    gives {}
    |iam, _call, input| {
        let set = |old: &[Tag]| tags::set(Keys::Exact, "MFADevice", old, input.tags);
        iam.mfa.retag(&input.serial_number, set).await?;
        Ok(Output {})
    }
}

operation! {
    /// Takes tags off a device.
    UntagMFADevice on "mfa/{SerialNumber}"
    takes { serial_number: String, tag_keys: Vec<String> }
    gives {}
    |iam, _call, input| {
        let unset = |old: &[Tag]| {
            let mut left = old.to_vec();
            tags::unset(Keys::Exact, &mut left, &input.tag_keys);
            Ok(left)
        };
        iam.mfa.retag(&input.serial_number, unset).await?;
        Ok(Output {})
    }
}

operation! {
    /// The tags of a device.
    ListMFADeviceTags on "mfa/{SerialNumber}"
    takes { serial_number: String, marker: Option<String>, max_items: Option<i64> }
    gives { tags: Vec<Tag>, is_truncated: bool, marker: Option<String> }
    |iam, _call, input| {
        let mut tags = iam.mfa.need(&input.serial_number)?.tags.clone();
        tags.sort_by(|one, other| one.key.cmp(&other.key));
        let (tags, marker) = page(tags, |tag| tag.key.clone(), input.marker.as_deref(), input.max_items)?;
        Ok(Output { tags, is_truncated: marker.is_some(), marker })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::World;

    #[tokio::test]
    async fn devices_are_shown_and_tagged() {
        let world = World::new().await;
        let create = json!({"VirtualMFADeviceName": "phone", "Tags": [{"Key": "b", "Value": "1"}]});
        world.call("CreateVirtualMFADevice", create).await.unwrap();
        let device = json!({"SerialNumber": "arn:aws:iam::123456789012:mfa/phone"});
        let shown = world.call("GetMFADevice", device.clone()).await.unwrap();
        assert_eq!(shown, device);
        let with = |name: &str, value: serde_json::Value| {
            let mut input = device.clone();
            input[name] = value;
            input
        };
        world.call("TagMFADevice", with("Tags", json!([{"Key": "a", "Value": "2"}]))).await.unwrap();
        let listed = world.again().await.call("ListMFADeviceTags", device.clone()).await.unwrap();
        assert_eq!(listed["Tags"], json!([{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "1"}]));
        world.call("UntagMFADevice", with("TagKeys", json!(["b", "c"]))).await.unwrap();
        let listed = world.call("ListMFADeviceTags", device.clone()).await.unwrap();
        assert_eq!(listed["Tags"], json!([{"Key": "a", "Value": "2"}]));
        let other = json!({"SerialNumber": "arn:aws:iam::123456789012:mfa/other"});
        assert_eq!(world.code("GetMFADevice", other.clone()).await, "NoSuchEntity");
        world.call("CreateUser", json!({"UserName": "alice"})).await.unwrap();
        assert_eq!(world.code("GetMFADevice", with("UserName", json!("alice"))).await, "NoSuchEntity");
    }
}
