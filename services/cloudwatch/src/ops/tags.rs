//! TagResource, UntagResource, ListTagsForResource: of alarms, dashboards and what is recorded.

use base::Region;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call};

use super::put_alarm::{TAGS_MAX, Tag, tags};
use crate::alarms::Alarm;
use crate::alarms::store::{Changes, Name};
use crate::error::storage;
use crate::{CloudWatch, Error, dashboards, recorded};

/// See the model.
#[derive(Deserialize)]
pub struct ListInput {
    #[serde(rename = "ResourceARN")]
    arn: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    tags: Vec<Tag>,
}

/// See the model.
#[derive(Deserialize)]
pub struct TagInput {
    #[serde(rename = "ResourceARN")]
    arn: String,
    #[serde(rename = "Tags")]
    tags: Vec<Tag>,
}

/// See the model.
#[derive(Deserialize)]
pub struct UntagInput {
    #[serde(rename = "ResourceARN")]
    arn: String,
    #[serde(rename = "TagKeys")]
    keys: Vec<String>,
}

/// What has tags.
enum Tagged {
    Alarm(Name),
    Dashboard(String),
    Recorded(&'static str, String),
}

fn missing(arn: &str) -> ApiError {
    let error: ApiError = Error::ResourceNotFoundException(format!("The resource {arn} does not exist.")).into();
    error.with("ResourceType", "AWS::CloudWatch::Resource").with("ResourceId", arn)
}

fn tagged(cloudwatch: &CloudWatch, call: &Call, text: &str) -> Result<Tagged, ApiError> {
    let bad = || Error::value(format!("The value {text} for parameter ResourceARN is not a supported ARN."));
    let arn = base::Arn::parse(text).filter(|arn| arn.service == "cloudwatch").ok_or_else(bad)?;
    if *arn.account != *cloudwatch.deps.account {
        return Err(missing(text));
    }
    let is_here = Region::parse(&arn.region) == Some(call.region);
    for (prefix, kind) in [
        ("insight-rule/", "insight-rule"),
        ("metric-stream/", "metric-stream"),
        ("alarm-mute-rule:", "alarm-mute-rule"),
    ] {
        if let Some(name) = arn.resource.strip_prefix(prefix) {
            return Ok(Tagged::Recorded(kind, name.to_owned()));
        }
    }
    match (arn.resource.strip_prefix("alarm:"), arn.resource.strip_prefix("dashboard/")) {
        (Some(name), _) if is_here => Ok(Tagged::Alarm((call.region, name.to_owned()))),
        (Some(_), _) => Err(missing(text)),
        (None, Some(name)) => Ok(Tagged::Dashboard(name.to_owned())),
        (None, None) => Err(bad().into()),
    }
}

/// Changes the tags of a resource.
async fn change(
    cloudwatch: &CloudWatch,
    call: &Call,
    arn: &str,
    change: impl Fn(&mut Vec<(String, String)>) -> Result<(), ApiError> + Send,
) -> Result<Vec<(String, String)>, ApiError> {
    let state = &*cloudwatch.deps.state;
    match tagged(cloudwatch, call, arn)? {
        Tagged::Alarm(name) => {
            let _turn = cloudwatch.alarms.lock().await;
            let known =
                cloudwatch.alarms.see(|memory| memory.alarm(name.0, &name.1).cloned()).ok_or_else(|| missing(arn))?;
            let mut alarm = Alarm::clone(&known);
            change(&mut alarm.tags)?;
            let tags = alarm.tags.clone();
            if tags != known.tags {
                let mut changes = Changes::default();
                changes.alarms.insert(name, alarm);
                cloudwatch.commit(changes, call.time).await.map_err(storage)?;
            }
            Ok(tags)
        }
        Tagged::Dashboard(name) => {
            let mut known = dashboards::get(state, &name).await.map_err(storage)?.ok_or_else(|| missing(arn))?;
            let before = known.tags.clone();
            change(&mut known.tags)?;
            if known.tags != before {
                dashboards::put(state, &known).await.map_err(storage)?;
            }
            Ok(known.tags)
        }
        Tagged::Recorded(kind, name) => {
            let known = recorded::get(state, call.region, kind, &name).await.map_err(storage)?;
            let mut known = known.ok_or_else(|| missing(arn))?;
            let before = known.tags.clone();
            change(&mut known.tags)?;
            if known.tags != before {
                recorded::put(state, call.region, kind, &known).await.map_err(storage)?;
            }
            Ok(known.tags)
        }
    }
}

operation! {
    /// The tags of a resource.
    ListTagsForResource on "{ResourceARN}": ListInput => ListOutput, |cloudwatch, call, input| {
        let tags = change(cloudwatch, call, &input.arn, |_| Ok(())).await?;
        Ok(ListOutput { tags: tags.into_iter().map(|(key, value)| Tag { key, value }).collect() })
    }
}

operation! {
    /// Sets tags of a resource.
    TagResource on "{ResourceARN}": TagInput => (), |cloudwatch, call, input| {
        let more = tags(Some(input.tags))?;
        let set = |known: &mut Vec<(String, String)>| {
            known.retain(|(key, _)| more.iter().all(|(other, _)| other != key));
            known.extend(more.iter().cloned());
            if known.len() > TAGS_MAX {
                return Err(Error::value(format!("A resource has at most {TAGS_MAX} tags.")).into());
            }
            Ok(())
        };
        change(cloudwatch, call, &input.arn, set).await.map(drop)
    }
}

operation! {
    /// Takes tags from a resource.
    UntagResource on "{ResourceARN}": UntagInput => (), |cloudwatch, call, input| {
        let unset = |known: &mut Vec<(String, String)>| {
            known.retain(|(key, _)| !input.keys.contains(key));
            Ok(())
        };
        change(cloudwatch, call, &input.arn, unset).await.map(drop)
    }
}
