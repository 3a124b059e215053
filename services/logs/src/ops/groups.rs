//! CreateLogGroup, DeleteLogGroup, and what is set on a group.

use std::collections::BTreeMap;

use base::{Region, Timestamp};
use serde::Deserialize;
use service::ApiError;
use state::key::key;

use super::Empty;
use crate::Logs;
use crate::error::{Error, invalid, too_many};
use crate::rows::{DOOMED, Group, MetricFilter, ResourcePolicy, Stream, SubscriptionFilter, VERSION};
use crate::store::{Row, put_op};

/// Groups in a region. Source: CloudWatch Logs user guide, "CloudWatch Logs quotas".
const GROUPS_MAX: usize = 1_000_000;
/// How long events may be kept. Source: CloudWatch Logs API reference, PutRetentionPolicy.
const RETENTION_DAYS: [i64; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];
/// What groups of the class DELIVERY are kept for. Source: CloudWatch Logs user guide, "Log classes".
const DELIVERY_DAYS: i64 = 2;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateInput {
    log_group_name: String,
    kms_key_id: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    log_group_class: Option<String>,
    deletion_protection_enabled: Option<bool>,
}

fn is_there() -> Error {
    Error::ResourceAlreadyExistsException("The specified log group already exists".to_owned())
}

impl Logs {
    /// A new group of the class STANDARD.
    pub(crate) fn plain_group(&self, region: Region, name: String, now: Timestamp) -> Group {
        Group {
            v: VERSION,
            id: self.new_id(),
            region,
            name,
            created: now.ms(),
            retention_days: None,
            class: "STANDARD".to_owned(),
            is_protected: false,
            takes_bearer_tokens: None,
            tags: BTreeMap::new(),
            kms_key: None,
            data_keys: Vec::new(),
            data_protection: None,
            index_policy: None,
            transformer: None,
        }
    }

    /// Makes a group that is not there.
    pub(crate) async fn add_group(&self, group: Group) -> Result<(), ApiError> {
        let id = group.id;
        self.store
            .change(|memory, plan| {
                if memory.group(group.region, &group.name).is_ok() {
                    return Err(is_there().into());
                }
                if memory.of_region::<Group>(group.region).count() >= GROUPS_MAX {
                    return Err(too_many("Resource limit exceeded."));
                }
                plan.put(group)
            })
            .await?;
        self.live_mut().groups.entry(id).or_default();
        Ok(())
    }
}

operation! {
    /// Makes a log group.
    CreateLogGroup on "log-group:{logGroupName}:log-stream:": CreateInput => Empty, |logs, call, input| {
        let name = input.log_group_name;
        super::tags::check(&input.tags)?;
        if name.starts_with("aws/") {
            return Err(invalid("Log groups starting with AWS/ are reserved for AWS."));
        }
        let class = input.log_group_class.unwrap_or_else(|| "STANDARD".to_owned());
        if logs.store.see(|memory| memory.group(call.region, &name).is_ok()) {
            return Err(is_there().into());
        }
        let mut group = Group {
            retention_days: (class == "DELIVERY").then_some(DELIVERY_DAYS),
            class,
            is_protected: input.deletion_protection_enabled.unwrap_or(false),
            tags: input.tags,
            ..logs.plain_group(call.region, name, call.time)
        };
        if let Some(key) = input.kms_key_id {
            let wrapped = logs.new_key(call, &group, &key).await?;
            group.data_keys.push(wrapped);
            group.kms_key = Some(key);
        }
        logs.add_group(group).await?;
        Ok(Empty {})
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NameInput {
    log_group_name: String,
}

operation! {
    /// Deletes a log group with all that is in it.
    DeleteLogGroup on "log-group:{logGroupName}:log-stream:": NameInput => Empty, |logs, call, input| {
        let id = logs.store
            .change(|memory, plan| {
                let group = memory.group(call.region, &input.log_group_name)?;
                if group.is_protected {
                    let text = "Cannot delete log group with deletion protection enabled. Disable deletion protection first.";
                    return Err(Error::ValidationException(text.to_owned()).into());
                }
                plan.remove::<Group>(group);
                // What is in it goes later, in as many steps as it takes.
                plan.also(put_op(DOOMED, key(&[&group.id.to_be_bytes()[..]]), &group.id)?);
                memory.of_group::<Stream>(group.id).for_each(|row| plan.forget::<Stream>(row.key()));
                memory.of_group::<MetricFilter>(group.id).for_each(|row| plan.forget::<MetricFilter>(row.key()));
                memory.of_group::<SubscriptionFilter>(group.id).for_each(|row| plan.forget::<SubscriptionFilter>(row.key()));
                let arn = group.arn(&logs.deps.account);
                let policies = memory.of_region::<ResourcePolicy>(call.region);
                policies.filter(|policy| policy.resource.as_ref() == Some(&arn)).for_each(|policy| plan.remove(&**policy));
                Ok(group.id)
            })
            .await?;
        logs.live_mut().forget(id);
        Ok(Empty {})
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetentionInput {
    log_group_name: String,
    retention_in_days: i64,
}

operation! {
    /// Says how long events are kept.
    PutRetentionPolicy on "log-group:{logGroupName}:log-stream:": RetentionInput => Empty, |logs, call, input| {
        let days = input.retention_in_days;
        if !RETENTION_DAYS.contains(&days) {
            return Err(invalid(format!(
                "1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: Member must \
                 satisfy enum value set: {RETENTION_DAYS:?}"
            )));
        }
        let group = logs.group(call, Some(&input.log_group_name), None)?;
        logs.change_group(&group, |group| {
            // Groups of the class DELIVERY have a retention of their own.
            if group.class != "DELIVERY" {
                group.retention_days = Some(days);
            }
            Ok(Empty {})
        })
        .await
    }
}

operation! {
    /// Has events kept for good.
    DeleteRetentionPolicy on "log-group:{logGroupName}:log-stream:": NameInput => Empty, |logs, call, input| {
        let group = logs.group(call, Some(&input.log_group_name), None)?;
        logs.change_group(&group, |group| {
            if group.class != "DELIVERY" {
                group.retention_days = None;
            }
            Ok(Empty {})
        })
        .await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProtectionInput {
    log_group_identifier: String,
    deletion_protection_enabled: bool,
}

operation! {
    /// Says whether a group can be deleted.
    PutLogGroupDeletionProtection on "log-group:{logGroupIdentifier}:log-stream:": ProtectionInput => Empty, |logs, call, input| {
        let group = logs.group(call, None, Some(&input.log_group_identifier))?;
        logs.change_group(&group, |group| {
            group.is_protected = input.deletion_protection_enabled;
            Ok(Empty {})
        })
        .await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BearerInput {
    log_group_identifier: String,
    bearer_token_authentication_enabled: bool,
}

operation! {
    /// Says whether writers may come with bearer tokens. Kept and shown; nobody comes with one here.
    PutBearerTokenAuthentication on "log-group:{logGroupIdentifier}:log-stream:": BearerInput => Empty, |logs, call, input| {
        let group = logs.group(call, None, Some(&input.log_group_identifier))?;
        logs.change_group(&group, |group| {
            group.takes_bearer_tokens = Some(input.bearer_token_authentication_enabled);
            Ok(Empty {})
        })
        .await
    }
}
