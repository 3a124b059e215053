//! The records of pages: events of `signin.amazonaws.com`. Source: CloudTrail user guide, "AWS Management Console sign-in events". They
//! have no request parameters, no request identifier and no error codes, and all of them are of us-east-1: a server has one endpoint for
//! signing in, which is what AWS calls the global one.

use std::borrow::Cow;
use std::sync::Arc;

use base::{Region, Timestamp};
use ports::{PageEvent, PageIdentity};
use record::event::{EventRecord, EventType, TlsDetails};
use record::identity::{SigningIn, UserIdentity};
use record::json::ObjectWriter;

use super::build;
use crate::tls::TlsSession;

/// In the place of a name that no user has: it may be a password. Source: CloudTrail user guide, as above.
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";
const SOURCE: &str = "signin.amazonaws.com";

/// What is known of the request around an event.
pub struct Around<'a> {
    /// When it came in.
    pub time: Timestamp,
    /// Who gets the records of nobody's account.
    pub first_account: &'a Arc<str>,
    /// The client's address.
    pub source_ip: &'a str,
    /// The client as it calls itself.
    pub user_agent: &'a str,
    /// The record's own.
    pub event_id: String,
    /// How the connection was protected.
    pub tls: Option<TlsSession>,
    /// The host that the client asked for.
    pub host: &'a str,
}

/// Appends the record as JSON.
pub fn write(event: &PageEvent, around: &Around<'_>, out: &mut Vec<u8>) {
    let account = event.account.as_ref().unwrap_or(around.first_account);
    let record = EventRecord {
        user_identity: identity(&event.identity),
        event_time: around.time,
        event_source: SOURCE.into(),
        event_name: event.name.into(),
        aws_region: Region::US_EAST_1.as_str().into(),
        source_ip_address: around.source_ip.into(),
        user_agent: around.user_agent.into(),
        error_message: event.error.as_deref().map(Cow::Borrowed),
        response_elements_json: event
            .is_success
            .map(|is_success| object(&[(event.name, if is_success { "Success" } else { "Failure" })])),
        additional_event_data_json: (!event.additional.is_empty()).then(|| {
            let pairs: Vec<_> = event.additional.iter().map(|(name, value)| (*name, value.as_str())).collect();
            object(&pairs)
        }),
        event_id: around.event_id.as_str().into(),
        event_type: EventType::AwsConsoleSignIn,
        recipient_account_id: Cow::Borrowed(account),
        tls_details: around.tls.map(|session| TlsDetails {
            version: session.version.into(),
            cipher_suite: session.cipher_suite.into(),
            client_provided_host_header: around.host.into(),
        }),
        ..EventRecord::blank()
    };
    record.write(out);
}

fn object(pairs: &[(&'static str, &str)]) -> Cow<'static, str> {
    let mut out = Vec::new();
    let mut object = ObjectWriter::begin(&mut out);
    for (name, value) in pairs {
        object.text(name, value);
    }
    object.end();
    Cow::Owned(String::from_utf8(out).expect("only text was written"))
}

fn identity(identity: &PageIdentity) -> UserIdentity<'_> {
    let someone = |kind: &'static str, account_id| SigningIn {
        kind: kind.into(),
        principal_id: None,
        arn: None,
        account_id,
        has_empty_key: false,
        user_name: None,
    };
    UserIdentity::SigningIn(match identity {
        PageIdentity::Root { account } => SigningIn {
            principal_id: Some(Cow::Borrowed(account)),
            arn: Some(Cow::Owned(format!("arn:aws:iam::{account}:root"))),
            has_empty_key: true,
            ..someone("Root", Cow::Borrowed(account))
        },
        PageIdentity::User { account, id, name, arn } => SigningIn {
            principal_id: Some(Cow::Borrowed(id)),
            arn: Some(Cow::Borrowed(arn)),
            user_name: Some(Cow::Borrowed(name)),
            ..someone("IAMUser", Cow::Borrowed(account))
        },
        PageIdentity::Claimed { account, user } => SigningIn {
            principal_id: user.as_ref().map(|(id, _)| Cow::Borrowed(&**id)),
            has_empty_key: true,
            user_name: Some(user.as_ref().map_or(HIDDEN.into(), |(_, name)| Cow::Borrowed(&**name))),
            ..someone("IAMUser", Cow::Borrowed(account))
        },
        PageIdentity::Switched(session) => SigningIn {
            principal_id: Some(Cow::Owned(session.principal_id())),
            arn: Some(Cow::Owned(session.arn())),
            ..someone("AssumedRole", Cow::Borrowed(&session.account))
        },
        PageIdentity::Session(session) => return build::of_session(session),
        PageIdentity::Nobody => return UserIdentity::Unknown { account_id: None, access_key_id: None },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(event: &PageEvent, expected: &str) {
        let first_account = Arc::from("999999999999");
        let around = Around {
            time: Timestamp::from_secs(1_689_000_000),
            first_account: &first_account,
            source_ip: "192.0.2.1",
            user_agent: "a browser",
            event_id: "e".to_owned(),
            tls: None,
            host: "localhost",
        };
        let mut out = Vec::new();
        write(event, &around, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_success_is_written_as_in_real_records() {
        let event = PageEvent {
            name: "ConsoleLogin",
            account: Some("111122223333".into()),
            identity: PageIdentity::User {
                account: "111122223333".into(),
                id: "AIDA1".into(),
                name: "anaya".into(),
                arn: "arn:aws:iam::111122223333:user/anaya".into(),
            },
            error: None,
            is_success: Some(true),
            additional: vec![
                ("LoginTo", "http://localhost/".to_owned()),
                ("MobileVersion", "No".to_owned()),
                ("MFAUsed", "No".to_owned()),
            ],
        };
        check(
            &event,
            r#"{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","principalId":"AIDA1","arn":"arn:aws:iam::111122223333:user/anaya","accountId":"111122223333","userName":"anaya"},"eventTime":"2023-07-10T14:40:00Z","eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.1","userAgent":"a browser","requestParameters":null,"responseElements":{"ConsoleLogin":"Success"},"additionalEventData":{"LoginTo":"http://localhost/","MobileVersion":"No","MFAUsed":"No"},"eventID":"e","readOnly":false,"eventType":"AwsConsoleSignIn","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}"#,
        );
    }

    #[test]
    fn what_nobody_has_is_not_shown() {
        let event = PageEvent {
            name: "ConsoleLogin",
            account: Some("1".into()),
            identity: PageIdentity::Claimed { account: "1".into(), user: None },
            error: Some("No username found in supplied account".to_owned()),
            is_success: Some(false),
            additional: Vec::new(),
        };
        check(
            &event,
            r#"{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","accountId":"1","accessKeyId":"","userName":"HIDDEN_DUE_TO_SECURITY_REASONS"},"eventTime":"2023-07-10T14:40:00Z","eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.1","userAgent":"a browser","errorMessage":"No username found in supplied account","requestParameters":null,"responseElements":{"ConsoleLogin":"Failure"},"eventID":"e","readOnly":false,"eventType":"AwsConsoleSignIn","managementEvent":true,"recipientAccountId":"1","eventCategory":"Management"}"#,
        );
    }

    #[test]
    fn root_and_strangers() {
        let root = PageIdentity::Root { account: "1".into() };
        let mut out = Vec::new();
        identity(&root).write(&mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"{"type":"Root","principalId":"1","arn":"arn:aws:iam::1:root","accountId":"1","accessKeyId":""}"#
        );
        let mut out = Vec::new();
        identity(&PageIdentity::Nobody).write(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), r#"{"type":"Unknown"}"#);
    }
}
