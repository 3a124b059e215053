//! What a trail, its bucket and its key prefix may be called. Source: CloudTrail user guide, "Naming requirements for CloudTrail
//! resources, S3 buckets, and KMS keys".

use base::{Arn, Region};

use crate::error::Error;

/// CloudTrail API reference, CreateTrail: `S3KeyPrefix`.
const PREFIX_CHARS_MAX: usize = 200;

/// How a trail was named in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// By name: the trail of the region called.
    Name(String),
    /// By ARN.
    Arn {
        /// The trail's home region, by name.
        region: String,
        /// The name.
        name: String,
    },
}

/// Reads a trail's name or ARN.
pub fn parse_reference(text: &str, account: &str) -> Result<Reference, Error> {
    if !text.starts_with("arn:") {
        check_trail_name(text)?;
        return Ok(Reference::Name(text.to_owned()));
    }
    let invalid = |why: &str| Error::CloudTrailARNInvalidException(format!("{why}: {text}"));
    let arn = Arn::parse(text).ok_or_else(|| invalid("The ARN is not valid"))?;
    let name = arn.resource.strip_prefix("trail/").filter(|_| arn.service == "cloudtrail");
    let name = name.ok_or_else(|| invalid("The ARN does not name a trail"))?;
    let region = Region::parse(&arn.region).filter(|region| region.as_str() == arn.region);
    let region = region.ok_or_else(|| invalid("The ARN's region is not valid"))?;
    if arn.account != account {
        return Err(invalid("The ARN's account is not the caller's account"));
    }
    if arn.partition != region.partition() {
        return Err(invalid("The ARN's partition is not valid"));
    }
    check_trail_name(name)?;
    Ok(Reference::Arn { region: region.as_str().to_owned(), name: name.to_owned() })
}

/// Whether a trail may have this name.
pub fn check_trail_name(name: &str) -> Result<(), Error> {
    let refuse = |why: String| Err(Error::InvalidTrailNameException(why));
    let len = name.chars().count();
    if len == 0 {
        return refuse("Trail name cannot be blank!".to_owned());
    }
    if len < 3 {
        return refuse(format!(
            "Trail name too short. Minimum allowed length: 3 characters. Specified name length: {len} characters."
        ));
    }
    if len > 128 {
        return refuse(format!(
            "Trail name too long. Maximum allowed length: 128 characters. Specified name length: {len} characters."
        ));
    }
    let bytes = name.as_bytes();
    if !bytes[0].is_ascii_alphanumeric() {
        return refuse("Trail name must starts with a letter or number.".to_owned());
    }
    if !bytes[bytes.len() - 1].is_ascii_alphanumeric() {
        return refuse("Trail name must ends with a letter or number.".to_owned());
    }
    if !bytes.iter().all(|b| b.is_ascii_alphanumeric() || is_separator(*b)) {
        return refuse(
            "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), hyphens (-), \
             and underscores (_)."
                .to_owned(),
        );
    }
    if bytes.windows(2).any(|pair| is_separator(pair[0]) && is_separator(pair[1])) {
        return refuse("Trail name cannot have adjacent periods, underscores, or dashes.".to_owned());
    }
    if is_ip_address(name) {
        return refuse("Trail name cannot be in IP address format.".to_owned());
    }
    Ok(())
}

/// Whether a bucket that log files go to may have this name.
pub fn check_bucket_name(name: &str) -> Result<(), Error> {
    let bytes = name.as_bytes();
    let ends = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let whole = (3..=63).contains(&bytes.len())
        && bytes.iter().all(|b| ends(b) || matches!(b, b'.' | b'-'))
        && bytes.first().is_some_and(ends)
        && bytes.last().is_some_and(ends)
        && !["..", ".-", "-."].iter().any(|bad| name.contains(bad))
        && !is_ip_address(name);
    if whole { Ok(()) } else { Err(Error::InvalidS3BucketNameException(format!("Bucket name is invalid: {name}"))) }
}

/// Whether log files may be kept under this prefix.
pub fn check_prefix(prefix: &str) -> Result<(), Error> {
    if prefix.chars().count() > PREFIX_CHARS_MAX {
        return Err(Error::InvalidS3PrefixException(format!(
            "S3 prefix is longer than maximum length: {PREFIX_CHARS_MAX} characters."
        )));
    }
    if prefix.starts_with('/') || prefix.chars().any(char::is_control) {
        return Err(Error::InvalidS3PrefixException(format!("S3 prefix is invalid: {prefix}")));
    }
    Ok(())
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b'.' | b'_' | b'-')
}

fn is_ip_address(text: &str) -> bool {
    text.parse::<std::net::Ipv4Addr>().is_ok()
        || (text.split('.').count() == 4 && text.split('.').all(|part| part.bytes().all(|b| b.is_ascii_digit())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trail_names() {
        let check = |name: &str, expected: &str| {
            let found = check_trail_name(name).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(if expected.is_empty() { found.is_empty() } else { found.contains(expected) }, "{name}: {found}");
        };
        check("abc", "");
        check("management-events_2.x", "");
        check(&"a".repeat(128), "");
        check("", "blank");
        check("ab", "too short. Minimum allowed length: 3 characters. Specified name length: 2 characters.");
        check(&"a".repeat(129), "too long");
        check("-abc", "starts with");
        check("abc-", "ends with");
        check("a$c", "can only contain");
        check("my-_namespace", "adjacent");
        check("my--namespace", "adjacent");
        check("192.168.5.4", "IP address");
    }

    #[test]
    fn references_are_names_or_arns() {
        let check = |text: &str, expected: &str| {
            let found = match parse_reference(text, "123456789012") {
                Ok(Reference::Name(name)) => name,
                Ok(Reference::Arn { region, name }) => format!("{region} {name}"),
                Err(error) => error.code().to_owned(),
            };
            assert_eq!(found, expected, "{text}");
        };
        check("audit", "audit");
        check("arn:aws:cloudtrail:eu-west-1:123456789012:trail/audit", "eu-west-1 audit");
        check("arn:aws:cloudtrail:eu-west-1:999999999999:trail/audit", "CloudTrailARNInvalidException");
        check("arn:aws:cloudtrail:nowhere:123456789012:trail/audit", "CloudTrailARNInvalidException");
        check("arn:aws:s3:::audit", "CloudTrailARNInvalidException");
        check("arn:aws:cloudtrail", "CloudTrailARNInvalidException");
        check("arn:aws:cloudtrail:eu-west-1:123456789012:trail/-x", "InvalidTrailNameException");
    }

    #[test]
    fn buckets_and_prefixes() {
        for good in ["abc", "a.b-c", "0a0"] {
            assert!(check_bucket_name(good).is_ok(), "{good}");
        }
        for bad in ["ab", "Abc", "a_b", "a..b", "a.-b", "-ab", "ab-", "192.168.5.4", &"a".repeat(64)] {
            assert!(check_bucket_name(bad).is_err(), "{bad}");
        }
        assert!(check_prefix("a/b").is_ok());
        assert!(check_prefix(&"a".repeat(201)).is_err());
        assert!(check_prefix("/a").is_err());
    }
}
