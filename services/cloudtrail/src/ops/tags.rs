//! Tags: what may be one, and how they are added to those of a trail. Source: CloudTrail API reference, Tag and AddTags.

use crate::CloudTrail;
use crate::error::Error;
use crate::trail::Tag;
use crate::trail::names::{Reference, parse_reference};

use super::settings::TagInput;

/// CloudTrail API reference, AddTags: tags per trail.
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

/// The ARN of the trail whose tags are meant: tags are asked for by ARN alone.
pub fn resource(cloudtrail: &CloudTrail, id: &str) -> Result<String, Error> {
    match parse_reference(id, &cloudtrail.shared.account) {
        Ok(Reference::Arn { .. }) => Ok(id.to_owned()),
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
