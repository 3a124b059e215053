//! Access keys of users.

use base::Timestamp;
use serde::Serialize;

use crate::Error;
use crate::operation::operation;
use crate::ops::named_or_caller;
use crate::ops::paging::page;
use crate::store::{KEYS_MAX, Key, User};

/// The modelled `AccessKey`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccessKey {
    user_name: String,
    access_key_id: String,
    status: &'static str,
    secret_access_key: String,
    create_date: Timestamp,
}

/// The modelled `AccessKeyMetadata`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccessKeyMetadata {
    user_name: String,
    access_key_id: String,
    status: &'static str,
    create_date: Timestamp,
}

/// The modelled `AccessKeyLastUsed`: `N/A` where it never was.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccessKeyLastUsed {
    last_used_date: Option<Timestamp>,
    service_name: String,
    region: String,
}

operation! {
    /// Makes an access key. Its secret is shown this once.
    CreateAccessKey on "user/{UserName}"
    takes { user_name: Option<String> }
    gives { access_key: AccessKey }
    |iam, call, input| {
        let key = Key {
            id: base::ids::iam_id(&*iam.env.rng, "AKIA"),
            secret: base::ids::secret_key(&*iam.env.rng),
            active: true,
            created: call.time.trunc_secs(),
        };
        iam.store
            .edit(&named_or_caller(call, input.user_name)?, |user: &mut User| {
                if user.keys.len() >= KEYS_MAX {
                    return Err(Error::quota("AccessKeysPerUser", KEYS_MAX).into());
                }
                let access_key = AccessKey {
                    user_name: user.name.clone(),
                    access_key_id: key.id.clone(),
                    status: "Active",
                    secret_access_key: key.secret.clone(),
                    create_date: key.created,
                };
                user.keys.push(key);
                Ok(Output { access_key })
            })
            .await
    }
}

operation! {
    /// Switches an access key on or off. Switched off, it is refused from the next call on.
    UpdateAccessKey on "user/{UserName}"
    takes { user_name: Option<String>, access_key_id: String, status: String }
    gives {}
    |iam, call, input| {
        let active = match input.status.as_str() {
            "Active" => true,
            "Inactive" => false,
            other => {
                return Err(Error::ValidationError(format!("Status must be Active or Inactive, not {other}")).into());
            }
        };
        iam.store
            .edit(&named_or_caller(call, input.user_name)?, |user: &mut User| {
                let key = user.keys.iter_mut().find(|key| key.id == input.access_key_id);
                key.ok_or_else(|| Error::no_key(&input.access_key_id))?.active = active;
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// Removes an access key, which is refused from the next call on.
    DeleteAccessKey on "user/{UserName}"
    takes { user_name: Option<String>, access_key_id: String }
    gives {}
    |iam, call, input| {
        iam.store
            .edit(&named_or_caller(call, input.user_name)?, |user: &mut User| {
                let at = user.keys.iter().position(|key| key.id == input.access_key_id);
                user.keys.remove(at.ok_or_else(|| Error::no_key(&input.access_key_id))?);
                Ok(())
            })
            .await?;
        iam.forget_uses(&[input.access_key_id]).await;
        Ok(Output {})
    }
}

operation! {
    /// Lists a user's access keys, without secrets.
    ListAccessKeys on "user/{UserName}"
    takes { user_name: Option<String>, marker: Option<String>, max_items: Option<i64> }
    gives { access_key_metadata: Vec<AccessKeyMetadata>, is_truncated: bool, marker: Option<String> }
    |iam, call, input| {
        let user = iam.store.need::<User>(&named_or_caller(call, input.user_name)?)?;
        let mut keys = user.keys.clone();
        keys.sort_by(|a, b| a.id.cmp(&b.id));
        let (keys, marker) = page(keys, |key| key.id.clone(), input.marker.as_deref(), input.max_items)?;
        let view = |key: Key| AccessKeyMetadata {
            user_name: user.name.clone(),
            access_key_id: key.id,
            status: if key.active { "Active" } else { "Inactive" },
            create_date: key.created,
        };
        let access_key_metadata = keys.into_iter().map(view).collect();
        Ok(Output { access_key_metadata, is_truncated: marker.is_some(), marker })
    }
}

operation! {
    /// When, where and for which service a key was last used.
    GetAccessKeyLastUsed on "user/*"
    takes { access_key_id: String }
    gives { user_name: Option<String>, access_key_last_used: AccessKeyLastUsed }
    |iam, call, input| {
        let id = input.access_key_id;
        let user_name = iam.store.credential(&id).and_then(|credential| match &credential.caller {
            ports::Caller::User { user_name, .. } => Some(user_name.to_string()),
            _ => None,
        });
        if user_name.is_none() {
            // So it is with AWS: whose key it would be is nobody's business.
            return Err(Error::AccessDenied(format!(
                "User: {} is not authorized to perform iam:GetAccessKeyLastUsed on resource: access key {id}",
                call.caller.arn().unwrap_or_default()
            ))
            .into());
        }
        let access_key_last_used = match iam.last_use(&id) {
            Some(last) => AccessKeyLastUsed {
                last_used_date: Some(last.time),
                service_name: last.service,
                region: last.region,
            },
            None => AccessKeyLastUsed { last_used_date: None, service_name: "N/A".into(), region: "N/A".into() },
        };
        Ok(Output { user_name, access_key_last_used })
    }
}
