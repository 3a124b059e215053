//! What events can be divided by, and where records have it.

use super::sql::{like, text};

/// A property of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// Who.
    User,
    /// The service.
    Service,
    /// The operation.
    Event,
    /// The error's code.
    Error,
    /// The region.
    Region,
    /// The account.
    Account,
    /// Where from.
    Address,
    /// With what.
    Agent,
    /// The access key.
    Key,
    /// The role behind a session.
    Role,
    /// The bucket.
    Bucket,
    /// The type of event.
    Kind,
    /// The version of TLS.
    Tls,
    /// The type of identity.
    IdentityKind,
    /// The hour.
    Hour,
    /// The day.
    Day,
    /// The week.
    Week,
    /// The month.
    Month,
}

impl Dimension {
    /// What is selected, and what is grouped by.
    pub fn columns(self) -> Vec<(&'static str, Option<&'static str>)> {
        let one = |sql| vec![(sql, None)];
        match self {
            Dimension::User => one("userIdentity.arn"),
            Dimension::Service => one("eventSource"),
            Dimension::Event => vec![("eventSource", None), ("eventName", None)],
            Dimension::Error => one("errorCode"),
            Dimension::Region => one("awsRegion"),
            Dimension::Account => one("recipientAccountId"),
            Dimension::Address => one("sourceIPAddress"),
            Dimension::Agent => one("userAgent"),
            Dimension::Key => one("userIdentity.accessKeyId"),
            Dimension::Role => one("userIdentity.sessionContext.sessionIssuer.arn"),
            Dimension::Bucket => vec![("element_at(requestParameters, 'bucketName')", Some("bucket"))],
            Dimension::Kind => one("eventType"),
            Dimension::Tls => one("tlsDetails.tlsVersion"),
            Dimension::IdentityKind => one("userIdentity.type"),
            Dimension::Hour => vec![("date_trunc('hour', eventTime)", Some("since"))],
            Dimension::Day => vec![("date_trunc('day', eventTime)", Some("since"))],
            Dimension::Week => vec![("date_trunc('week', eventTime)", Some("since"))],
            Dimension::Month => vec![("date_trunc('month', eventTime)", Some("since"))],
        }
    }

    /// Whether it is a stretch of time.
    pub fn is_time(self) -> bool {
        matches!(self, Dimension::Hour | Dimension::Day | Dimension::Week | Dimension::Month)
    }

    /// What must hold for events to have it at all, where many have not.
    pub fn is_there(self) -> Option<&'static str> {
        match self {
            Dimension::Error => Some("errorCode IS NOT NULL"),
            Dimension::Bucket => Some("element_at(requestParameters, 'bucketName') IS NOT NULL"),
            Dimension::Role => Some("userIdentity.sessionContext.sessionIssuer.arn IS NOT NULL"),
            Dimension::Key => Some("userIdentity.accessKeyId IS NOT NULL"),
            Dimension::Tls => Some("tlsDetails.tlsVersion IS NOT NULL"),
            _ => None,
        }
    }

    /// The noun in names of operations, for what can be made and deleted.
    pub fn noun(self) -> Option<&'static str> {
        match self {
            Dimension::User => Some("User"),
            Dimension::Role => Some("Role"),
            Dimension::Bucket => Some("Bucket"),
            Dimension::Key => Some("AccessKey"),
            _ => None,
        }
    }

    /// The condition that it is this one.
    pub fn is(self, name: &str) -> Option<String> {
        let plain = |column: &str| Some(format!("{column} = {}", text(name)));
        match self {
            Dimension::User => {
                let arn = like("userIdentity.arn", "%/", name, "");
                Some(format!("(userIdentity.userName = {} OR {arn})", text(name)))
            }
            Dimension::Role => plain("userIdentity.sessionContext.sessionIssuer.userName"),
            Dimension::Service if name.contains('.') => plain("eventSource"),
            Dimension::Service => {
                Some(format!("eventSource = {}", text(&format!("{}.amazonaws.com", name.to_ascii_lowercase()))))
            }
            Dimension::Event => plain("eventName"),
            Dimension::Error => plain("errorCode"),
            Dimension::Region => plain("awsRegion"),
            Dimension::Account => plain("recipientAccountId"),
            Dimension::Address => plain("sourceIPAddress"),
            Dimension::Agent => Some(like("userAgent", "%", name, "%")),
            Dimension::Key => plain("userIdentity.accessKeyId"),
            Dimension::Bucket => plain("element_at(requestParameters, 'bucketName')"),
            Dimension::Kind => plain("eventType"),
            Dimension::Tls => plain("tlsDetails.tlsVersion"),
            Dimension::IdentityKind => plain("userIdentity.type"),
            Dimension::Hour | Dimension::Day | Dimension::Week | Dimension::Month => None,
        }
    }
}
