//! What a thing is by its shape. Where the shape leaves a doubt, any member of a record may have it.

use std::net::IpAddr;

use clap::ValueEnum;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Anything that a record names.
    Any,
    /// An ARN: of a caller, a role, a resource.
    Arn,
    /// An access key: what was called with it, and who made, changed or deleted it.
    AccessKey,
    /// The address that calls came from.
    Ip,
    /// The name of a user, or of a session.
    User,
    /// A bucket, or any other resource by its name.
    #[value(alias = "bucket")]
    Resource,
    /// The identifier of an event.
    Event,
    /// The identifier of a request.
    Request,
    /// The name of an operation.
    EventName,
}

impl Kind {
    /// By the shape of a text.
    pub fn of(text: &str) -> Kind {
        let is_key = |prefix: &str| {
            text.len() >= 16
                && text.starts_with(prefix)
                && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        };
        if text.starts_with("arn:") {
            Kind::Arn
        } else if is_key("AKIA") || is_key("ASIA") {
            Kind::AccessKey
        } else if text.parse::<IpAddr>().is_ok() {
            Kind::Ip
        } else {
            Kind::Any
        }
    }

    /// The name that the server knows it by. A key is looked for everywhere: the call that made it has it in its response.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Any | Kind::AccessKey => "Any",
            Kind::Arn => "Arn",
            Kind::Ip => "SourceIpAddress",
            Kind::User => "Username",
            Kind::Resource => "ResourceName",
            Kind::Event => "EventId",
            Kind::Request => "RequestId",
            Kind::EventName => "EventName",
        }
    }

    /// In words.
    pub fn words(self) -> Option<&'static str> {
        match self {
            Kind::Any => None,
            Kind::Arn => Some("ARN"),
            Kind::AccessKey => Some("access key"),
            Kind::Ip => Some("address"),
            Kind::User => Some("user or session"),
            Kind::Resource => Some("resource"),
            Kind::Event => Some("event"),
            Kind::Request => Some("request"),
            Kind::EventName => Some("operation"),
        }
    }

    /// The text as records have it: addresses in the one way to write them, identifiers of events in small letters.
    pub fn written(self, text: &str) -> String {
        let text = text.trim();
        match self {
            Kind::Ip => text.parse::<IpAddr>().map_or_else(|_| text.to_owned(), |address| address.to_string()),
            Kind::Event => text.to_ascii_lowercase(),
            _ => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_say_what_things_are() {
        let check = |text: &str, expected: Kind| assert_eq!(Kind::of(text), expected, "{text}");
        check("arn:aws:iam::123456789012:user/alice", Kind::Arn);
        check("AKIAIOSFODNN7EXAMPLE", Kind::AccessKey);
        check("ASIAIOSFODNN7EXAMPLE", Kind::AccessKey);
        check("AKIA", Kind::Any);
        check("203.0.113.7", Kind::Ip);
        check("2001:db8::1", Kind::Ip);
        check("203.0.113.7.example.com", Kind::Any);
        check("0a1b2c3d-1111-2222-3333-444455556666", Kind::Any);
        check("trail-logs", Kind::Any);
        check("alice@example.com", Kind::Any);
        check("123456789012", Kind::Any);
    }

    #[test]
    fn addresses_are_written_in_one_way() {
        assert_eq!(Kind::Ip.written("2001:0db8:0:0::1"), "2001:db8::1");
        assert_eq!(Kind::Event.written(" 0A1B "), "0a1b");
        assert_eq!(Kind::User.written("Alice"), "Alice");
    }
}
