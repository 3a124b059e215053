//! Tags: what may be one, and how they are added to those of a trail, an event data store, a channel or a dashboard. Source: CloudTrail API reference, Tag and AddTags.

use service::{ApiError, Call};

use crate::CloudTrail;
use crate::error::Error;
use crate::lake::names::{Named, named};
use crate::lake::{channel, dashboard};
use crate::trail::Tag;
use crate::trail::names::{Reference, parse_reference};

use super::settings::TagInput;

/// CloudTrail API reference, AddTags: tags per resource.
pub const TAGS_MAX: usize = 50;

/// Adds tags, each over the one of its key if there is one.
pub fn add(tags: &mut Vec<Tag>, new: Vec<TagInput>) -> Result<(), Error> {
    for (index, tag) in new.iter().enumerate() {
        if tag.key.to_ascii_lowercase().starts_with("aws:") {
            let text = format!("Tag keys starting with aws: are reserved for system use: {}", tag.key);
            return Err(Error::InvalidTagParameterException(text));
        }
        let text = tag.key.chars().chain(tag.value.iter().flat_map(|value| value.chars()));
        if let Some(bad) = text.into_iter().find(|c| !is_tag_char(*c)) {
            let text = format!("The tag {} has a character that is not allowed: {bad:?}", tag.key);
            return Err(Error::InvalidTagParameterException(text));
        }
        if new[..index].iter().any(|other| other.key == tag.key) {
            let text = format!("Duplicate tag keys are not allowed: {}", tag.key);
            return Err(Error::InvalidTagParameterException(text));
        }
    }
    for tag in new {
        match tags.iter_mut().find(|known| known.key == tag.key) {
            Some(known) => known.value = tag.value,
            None => tags.push(Tag { key: tag.key, value: tag.value }),
        }
    }
    if tags.len() > TAGS_MAX {
        let text = format!("The number of tags per resource exceeds the limit of {TAGS_MAX}.");
        return Err(Error::TagsLimitExceededException(text));
    }
    Ok(())
}

/// Letters, digits, space and `_.:/=+@-`, in any script.
fn is_tag_char(c: char) -> bool {
    c.is_alphanumeric() || c.is_whitespace() || "_.:/=+@-".contains(c)
}

/// Whose tags are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tagged {
    /// A trail's, by ARN.
    Trail(String),
    /// An event data store's: its ARN and UUID.
    DataStore(String, String),
    /// A channel's: its ARN and UUID.
    Channel(String, String),
    /// A dashboard's: its ARN and name.
    Dashboard(String, String),
}

impl Tagged {
    /// Whose tags an ARN means: tags are asked for by ARN alone.
    pub fn parse(cloudtrail: &CloudTrail, call: &Call, id: &str) -> Result<Tagged, Error> {
        let account = &cloudtrail.shared.account;
        match named(id, call.region, account) {
            Named::DataStore(store) => return Ok(Tagged::DataStore(id.to_owned(), store)),
            Named::Channel(channel) => return Ok(Tagged::Channel(id.to_owned(), channel)),
            Named::Dashboard(dashboard) => return Ok(Tagged::Dashboard(id.to_owned(), dashboard)),
            Named::Other => {}
        }
        match parse_reference(id, account) {
            Ok(Reference::Arn { .. }) => Ok(Tagged::Trail(id.to_owned())),
            Ok(Reference::Name(_)) => {
                Err(Error::CloudTrailARNInvalidException(format!("The resource must be named by its ARN: {id}")))
            }
            Err(error) if !id.starts_with("arn:") => Err(Error::CloudTrailARNInvalidException(error.to_string())),
            Err(_) if base::Arn::parse(id).is_some_and(|arn| !arn.resource.starts_with("trail/")) => {
                Err(Error::ResourceTypeNotSupportedException(format!("The resource type is not supported: {id}")))
            }
            Err(error) => Err(error),
        }
    }

    /// Has the record name it.
    pub fn note(&self, call: &Call) {
        let (kind, arn) = match self {
            Tagged::Trail(arn) => ("AWS::CloudTrail::Trail", arn),
            Tagged::DataStore(arn, _) => ("AWS::CloudTrail::EventDataStore", arn),
            Tagged::Channel(arn, _) => ("AWS::CloudTrail::Channel", arn),
            Tagged::Dashboard(arn, _) => ("AWS::CloudTrail::Dashboard", arn),
        };
        call.note_resource(kind, arn);
    }

    /// The tags.
    pub async fn tags(&self, cloudtrail: &CloudTrail, call: &Call) -> Result<Vec<Tag>, ApiError> {
        Ok(match self {
            Tagged::Trail(arn) => {
                let found = cloudtrail.trails.find(arn, call.region).await;
                found.map_err(|error| if error.status < 500 { missing(arn).into() } else { error })?.tags
            }
            Tagged::DataStore(arn, id) => cloudtrail.lake.stores.get(id).await?.ok_or_else(|| missing(arn))?.value.tags,
            Tagged::Channel(arn, id) => channel::get(cloudtrail, id).await?.ok_or_else(|| missing(arn))?.value.tags,
            Tagged::Dashboard(arn, name) => {
                dashboard::get(cloudtrail, call.region, name).await?.ok_or_else(|| missing(arn))?.value.tags
            }
        })
    }

    /// Changes the tags.
    pub async fn change(
        &self,
        cloudtrail: &CloudTrail,
        call: &Call,
        change: impl FnOnce(&mut Vec<Tag>) -> Result<(), Error>,
    ) -> Result<(), ApiError> {
        match self {
            Tagged::Trail(arn) => cloudtrail.trails.change_tags(arn, change).await,
            Tagged::DataStore(arn, id) => {
                let changing = cloudtrail.lake.stores.change().await?;
                let mut found = cloudtrail.lake.stores.get(id).await?.ok_or_else(|| missing(arn))?;
                change(&mut found.value.tags)?;
                changing.write_quietly(&found.value, found.rev).await
            }
            Tagged::Channel(arn, id) => {
                let mut found = channel::get(cloudtrail, id).await?.ok_or_else(|| missing(arn))?;
                change(&mut found.value.tags)?;
                channel::put(cloudtrail, &found.value, Some(found.rev)).await
            }
            Tagged::Dashboard(arn, name) => {
                let mut found = dashboard::get(cloudtrail, call.region, name).await?.ok_or_else(|| missing(arn))?;
                change(&mut found.value.tags)?;
                dashboard::put(cloudtrail, &found.value, Some(found.rev)).await
            }
        }
    }
}

fn missing(arn: &str) -> Error {
    Error::ResourceNotFoundException(format!("Resource not found: {arn}"))
}
