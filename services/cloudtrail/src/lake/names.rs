//! How event data stores, channels and dashboards are named in requests: by ARN, or by what follows the slash in it.

use base::{Arn, Region};

use crate::error::Error;

/// Whether this is a UUID as we make them: lower-case, with dashes.
pub fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        })
}

/// What an ARN of this service and account names: its region and the part after `KIND/`. `None` if it names nothing of the kind.
fn resource<'a>(text: &'a str, account: &str, kind: &str) -> Option<(Region, &'a str)> {
    let arn = Arn::parse(text)?;
    let region = Region::parse(&arn.region).filter(|region| region.as_str() == arn.region)?;
    let ours = arn.service == "cloudtrail" && arn.account == account && arn.partition == region.partition();
    let at = text.find(kind)?;
    let name = text[at..].strip_prefix(kind)?.strip_prefix('/')?;
    (ours && arn.resource.starts_with(kind)).then_some((region, name))
}

/// The UUID of the event data store that is meant, which must be one of the region called.
pub fn data_store_id(named: &str, region: Region, account: &str) -> Result<String, Error> {
    let invalid = || {
        Error::EventDataStoreARNInvalidException(format!(
            "The specified event data store ARN is not valid or does not map to an event data store in your account: {named}"
        ))
    };
    if !named.starts_with("arn:") {
        return if is_uuid(named) { Ok(named.to_owned()) } else { Err(invalid()) };
    }
    let (home, id) = resource(named, account, "eventdatastore").filter(|(_, id)| is_uuid(id)).ok_or_else(invalid)?;
    if home == region { Ok(id.to_owned()) } else { Err(no_data_store(named)) }
}

/// The refusal for a store that is not there.
pub fn no_data_store(named: &str) -> Error {
    Error::EventDataStoreNotFoundException(format!("The specified event data store was not found: {named}"))
}

/// The UUID of the channel that is meant.
pub fn channel_id(named: &str, region: Region, account: &str) -> Result<String, Error> {
    let invalid =
        || Error::ChannelARNInvalidException(format!("The specified value of ChannelARN is not valid: {named}"));
    if !named.starts_with("arn:") {
        return if is_uuid(named) { Ok(named.to_owned()) } else { Err(invalid()) };
    }
    let (home, id) = resource(named, account, "channel").filter(|(_, id)| is_uuid(id)).ok_or_else(invalid)?;
    if home == region { Ok(id.to_owned()) } else { Err(no_channel(named)) }
}

/// The refusal for a channel that is not there.
pub fn no_channel(named: &str) -> Error {
    Error::ChannelNotFoundException(format!("CloudTrail cannot find the specified channel: {named}"))
}

/// The name of the dashboard that is meant.
pub fn dashboard_name(named: &str, region: Region, account: &str) -> Result<String, Error> {
    if !named.starts_with("arn:") {
        return Ok(named.to_owned());
    }
    let found = resource(named, account, "dashboard").filter(|(home, _)| *home == region);
    found.map(|(_, name)| name.to_owned()).ok_or_else(|| no_dashboard(named))
}

/// The refusal for a dashboard that is not there.
pub fn no_dashboard(named: &str) -> Error {
    Error::ResourceNotFoundException(format!("The specified dashboard was not found: {named}"))
}

/// The sort of thing that an ARN of this service names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// The UUID of an event data store.
    DataStore(String),
    /// The UUID of a channel.
    Channel(String),
    /// The name of a dashboard.
    Dashboard(String),
    /// Anything else.
    Other,
}

/// Which of Lake's things an ARN of this region names.
pub fn named(arn: &str, region: Region, account: &str) -> Named {
    let of =
        |kind: &str| resource(arn, account, kind).filter(|(home, _)| *home == region).map(|(_, name)| name.to_owned());
    if let Some(id) = of("eventdatastore") {
        Named::DataStore(id)
    } else if let Some(id) = of("channel") {
        Named::Channel(id)
    } else if let Some(name) = of("dashboard") {
        Named::Dashboard(name)
    } else {
        Named::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "ee54f254-e4d5-4e0c-8f5b-0123456789ab";
    const ACCOUNT: &str = "123456789012";

    #[test]
    fn stores_are_named_by_arn_or_id() {
        let check = |text: &str, expected: &str| {
            let found = match data_store_id(text, Region::US_EAST_1, ACCOUNT) {
                Ok(id) => id,
                Err(error) => error.code().to_owned(),
            };
            assert_eq!(found, expected, "{text}");
        };
        check(ID, ID);
        check(&arn_of("us-east-1", ACCOUNT), ID);
        check(&arn_of("eu-west-1", ACCOUNT), "EventDataStoreNotFoundException");
        check(&arn_of("nowhere", ACCOUNT), "EventDataStoreARNInvalidException");
        check(&arn_of("us-east-1", "999999999999"), "EventDataStoreARNInvalidException");
        check("arn:aws:cloudtrail:us-east-1:123456789012:trail/x", "EventDataStoreARNInvalidException");
        check("audit", "EventDataStoreARNInvalidException");
        check(&ID.to_uppercase(), "EventDataStoreARNInvalidException");
    }

    fn arn_of(region: &str, account: &str) -> String {
        format!("arn:aws:cloudtrail:{region}:{account}:eventdatastore/{ID}")
    }

    #[test]
    fn arns_name_things_of_lake() {
        let of =
            |kind: &str| named(&format!("arn:aws:cloudtrail:us-east-1:{ACCOUNT}:{kind}"), Region::US_EAST_1, ACCOUNT);
        assert_eq!(of(&format!("eventdatastore/{ID}")), Named::DataStore(ID.to_owned()));
        assert_eq!(of(&format!("channel/{ID}")), Named::Channel(ID.to_owned()));
        assert_eq!(of("dashboard/overview"), Named::Dashboard("overview".to_owned()));
        assert_eq!(of("trail/dashboard"), Named::Other);
        assert_eq!(named("x", Region::US_EAST_1, ACCOUNT), Named::Other);
    }
}
