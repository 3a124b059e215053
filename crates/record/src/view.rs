//! What selection and lookup ask of an event record, read in one pass and borrowed from its bytes.
//!
//! Real records are odd: any member may be absent, `null` or of another type than documented. None of that is an error. The
//! bytes are those of a record that was split off a log file or written by [`crate::event`], so they are JSON already; of bytes
//! that are not, some are refused and some give a view of what looks like members.

use std::borrow::Cow;

use base::Timestamp;

use crate::scan::{Malformed, Read, Scanner, object};

/// The bytes are not an event record.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// Not UTF-8.
    #[error("the record is not UTF-8 text")]
    Utf8(#[from] std::str::Utf8Error),
    /// Not JSON.
    #[error("the record is not JSON at byte {at}")]
    Json {
        /// Where it was noticed.
        at: usize,
    },
    /// JSON, but not an object.
    #[error("the record is not a JSON object")]
    NotAnObject,
}

object! {
    /// The members of a record that selection and lookup need. Absent, `null` and misfitting members are `None`.
    pub struct RecordView<'a> {
        /// `eventID`: not always unique among real records.
        event_id: Option<Cow<'a, str>> = "eventID",
        /// `eventTime` as it is written.
        event_time_text: Option<Cow<'a, str>> = "eventTime",
        /// `s3.amazonaws.com`.
        event_source: Option<Cow<'a, str>> = "eventSource",
        /// The operation.
        event_name: Option<Cow<'a, str>> = "eventName",
        /// The region.
        aws_region: Option<Cow<'a, str>> = "awsRegion",
        /// Whether the call only reads.
        read_only: Option<bool> = "readOnly",
        /// Whether it is a management event.
        management_event: Option<bool> = "managementEvent",
        /// `Management`, `Data`, `NetworkActivity`, `Insight`.
        event_category: Option<Cow<'a, str>> = "eventCategory",
        /// `AwsApiCall` …
        event_type: Option<Cow<'a, str>> = "eventType",
        /// The error's code.
        error_code: Option<Cow<'a, str>> = "errorCode",
        /// The service's identifier of the call.
        request_id: Option<Cow<'a, str>> = "requestID",
        /// The account that gets the record.
        recipient_account_id: Option<Cow<'a, str>> = "recipientAccountId",
        /// An address or a service's name.
        source_ip_address: Option<Cow<'a, str>> = "sourceIPAddress",
        /// The VPC endpoint.
        vpc_endpoint_id: Option<Cow<'a, str>> = "vpcEndpointId",
        /// Whether the credentials are those of a console session.
        session_credential_from_console: Option<bool> = "sessionCredentialFromConsole",
        /// Who.
        user_identity: IdentityView<'a> = "userIdentity",
        /// What it touched, as the record says.
        resources: Vec<ResourceView<'a>> = "resources",
        /// The request, as JSON text.
        request_parameters: Option<&'a str> = "requestParameters",
        /// The response, as JSON text.
        response_elements: Option<&'a str> = "responseElements",
    }
}

object! {
    /// Who made the call.
    pub struct IdentityView<'a> {
        /// `IAMUser` …; service events often have none.
        kind: Option<Cow<'a, str>> = "type",
        /// The caller's ARN.
        arn: Option<Cow<'a, str>> = "arn",
        /// The user's name.
        user_name: Option<Cow<'a, str>> = "userName",
        /// The key that signed.
        access_key_id: Option<Cow<'a, str>> = "accessKeyId",
        /// The caller's account.
        account_id: Option<Cow<'a, str>> = "accountId",
        /// `AROA…:SESSION`, `AIDA…`.
        principal_id: Option<Cow<'a, str>> = "principalId",
        /// The service that made the call.
        invoked_by: Option<Cow<'a, str>> = "invokedBy",
        /// How temporary credentials came to be.
        session_context: SessionView<'a> = "sessionContext",
    }
}

object! {
    /// How temporary credentials came to be.
    pub struct SessionView<'a> {
        /// Who issued them.
        issuer: IssuerView<'a> = "sessionIssuer",
    }
}

object! {
    /// The role, user or account behind a session.
    pub struct IssuerView<'a> {
        /// Its ARN.
        arn: Option<Cow<'a, str>> = "arn",
        /// Its name.
        user_name: Option<Cow<'a, str>> = "userName",
    }
}

object! {
    /// One of a record's `resources`.
    pub struct ResourceView<'a> {
        /// `ARN`.
        arn: Option<Cow<'a, str>> = "ARN",
        /// `ARNPrefix`, which some data events have in place of an ARN.
        arn_prefix: Option<Cow<'a, str>> = "ARNPrefix",
        /// `AWS::S3::Bucket`.
        kind: Option<Cow<'a, str>> = "type",
        /// The owner's account.
        account_id: Option<Cow<'a, str>> = "accountId",
    }
}

impl<'a> RecordView<'a> {
    /// Reads a record. Unknown members are skipped unread.
    pub fn parse(bytes: &'a [u8]) -> Result<RecordView<'a>, ViewError> {
        let mut scanner = Scanner::new(std::str::from_utf8(bytes)?);
        if scanner.peek() != b'{' {
            return Err(ViewError::NotAnObject);
        }
        let malformed = |Malformed(at)| ViewError::Json { at };
        let view = RecordView::read(&mut scanner).map_err(malformed)?;
        scanner.finish().map_err(malformed)?;
        Ok(view)
    }

    /// The time of the event. `None` if it is absent or no ISO 8601 time.
    pub fn event_time(&self) -> Option<Timestamp> {
        Timestamp::parse_iso8601(self.event_time_text.as_deref()?)
    }

    /// The operation, or nothing.
    pub fn event_name(&self) -> &str {
        self.event_name.as_deref().unwrap_or("")
    }

    /// The service, or nothing.
    pub fn event_source(&self) -> &str {
        self.event_source.as_deref().unwrap_or("")
    }

    /// Whether it is a management event: `eventCategory` decides, then `managementEvent`; records older than both (version
    /// 1.06 and before) are management events unless they are insights.
    pub fn is_management(&self) -> bool {
        match (self.event_category.as_deref(), self.management_event) {
            (Some(category), _) => category == "Management",
            (None, Some(flag)) => flag,
            (None, None) => self.event_type.as_deref() != Some("AwsCloudTrailInsight"),
        }
    }
}

/// The user's name as LookupEvents shows it and searches for it: the name of a user, `root` for the account itself, the
/// session's name for a role or federated user. Services and strangers have none. Source: AWS CLI reference, "lookup-events"
/// (examples); CloudTrail user guide, "Looking up events with the AWS CLI".
pub fn username<'v>(view: &'v RecordView<'_>) -> Option<&'v str> {
    let who = &view.user_identity;
    let session_name = || who.principal_id.as_deref()?.split_once(':').map(|(_, name)| name);
    let name = match who.kind.as_deref() {
        Some("Root") => Some("root"),
        Some("AssumedRole" | "FederatedUser") => session_name().or(who.user_name.as_deref()),
        _ => who.user_name.as_deref(),
    };
    name.filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn view(text: &str) -> RecordView<'_> {
        RecordView::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn oddities_of_real_records_are_read() {
        for odd in [
            "{}",
            r#"{"userIdentity":null,"resources":null,"requestParameters":null}"#,
            r#"{"userIdentity":"x","resources":{},"readOnly":7,"eventID":{}}"#,
            r#"{"userIdentity":[],"resources":[null,7,"x",[],{}],"eventID":[[]]}"#,
            r#"{"userIdentity":{"sessionContext":{"sessionIssuer":{},"webIdFederationData":{}}}}"#,
            r#"{"userIdentity":{"invokedBy":"x"},"unknown":{"deep":[{}]}}"#,
            " {\"eventName\" : \"x\"}\n",
        ] {
            view(odd);
        }
        assert_eq!(view(r#"{"resources":[null,7,"x",[],{"ARN":"a"}]}"#).resources[4].arn.as_deref(), Some("a"));
    }

    #[test]
    fn values_of_other_types_are_taken_for_what_they_say() {
        assert_eq!(view(r#"{"readOnly":"true"}"#).read_only, Some(true));
        assert_eq!(view(r#"{"readOnly":"False"}"#).read_only, Some(false));
        assert_eq!(view(r#"{"readOnly":"maybe"}"#).read_only, None);
        assert_eq!(
            view(r#"{"recipientAccountId":123456789012}"#).recipient_account_id.as_deref(),
            Some("123456789012")
        );
        assert_eq!(view(r#"{"eventName":"a","eventName":"b"}"#).event_name(), "b");
        assert_eq!(view(r#"{"eventName":"a\u0062\n"}"#).event_name(), "ab\n");
    }

    #[test]
    fn raw_members_keep_their_bytes() {
        let view = view(r#"{"requestParameters":{ "a" : 1.0 , "a":2},"responseElements":null}"#);
        assert_eq!(view.request_parameters, Some(r#"{ "a" : 1.0 , "a":2}"#));
        assert!(view.response_elements.is_none());
    }

    #[test]
    fn what_is_no_record_is_refused() {
        for bad in [
            "",
            "[]",
            "null",
            "\"x\"",
            "{",
            "{}x",
            "{}{}",
            "{a:1}",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{"a":1 "b":2}"#,
            r#"{"a":"x}"#,
            r#"{"a":"x\"}"#,
            r#"{"a":["#,
            r#"{"resources":[{}"#,
            r#"{"resources":[{} {}]}"#,
            "{\"a\":\"\\",
        ] {
            assert!(RecordView::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(RecordView::parse(b"{\"a\":\"\xff\"}").is_err());
    }

    #[test]
    fn strings_with_escapes() {
        assert_eq!(view(r#"{"eventID":"\"}{\\","event\u004eame":"\\\""}"#).event_id.as_deref(), Some(r#""}{\"#));
        assert_eq!(view(r#"{"event\u004eame":"\\\""}"#).event_name(), "\\\"");
        assert_eq!(view(r#"{"eventName":"\ud800x"}"#).event_name(), r"\ud800x");
        assert_eq!(view(r#"{"requestParameters":{"a":"]}\"]}","b":[{"c":"\\"}]},"eventName":"é"}"#).event_name(), "é");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]
        #[test]
        fn any_text_is_read_without_panic(inside in r#"[{}\[\]",:\\a-c0 é]{0,40}"#) {
            let _ = RecordView::parse(inside.as_bytes());
            let _ = RecordView::parse(format!("{{{inside}}}").as_bytes());
            let _ = RecordView::parse(format!(r#"{{"resources":[{inside}],"userIdentity":{inside}}}"#).as_bytes());
        }

        #[test]
        fn it_agrees_with_a_full_parse(name in any::<String>(), noise in any::<Vec<(String, String)>>()) {
            let mut object: serde_json::Map<_, _> = noise.into_iter().map(|(k, v)| (format!("x{k}"), v.into())).collect();
            object.insert("eventName".into(), name.clone().into());
            object.insert("requestParameters".into(), serde_json::Value::Object(object.clone()));
            let text = serde_json::to_string(&object).unwrap();
            let view = RecordView::parse(text.as_bytes()).unwrap();
            prop_assert_eq!(view.event_name(), name);
            let inner: serde_json::Value = serde_json::from_str(view.request_parameters.unwrap()).unwrap();
            prop_assert_eq!(&inner, &object["requestParameters"]);
        }
    }

    #[test]
    fn deep_nesting_is_skipped() {
        let deep = format!(r#"{{"requestParameters":{}1{},"eventName":"x"}}"#, "[".repeat(5000), "]".repeat(5000));
        assert_eq!(view(&deep).event_name(), "x");
    }

    #[test]
    fn user_names_are_those_of_lookup() {
        let cases = [
            (r#"{"type":"Root","principalId":"1","userName":"my-alias"}"#, Some("root")),
            (r#"{"type":"IAMUser","principalId":"AIDA","userName":"alice"}"#, Some("alice")),
            (r#"{"type":"AssumedRole","principalId":"AROA:my-session-name"}"#, Some("my-session-name")),
            (r#"{"type":"FederatedUser","principalId":"1:bob"}"#, Some("bob")),
            (r#"{"type":"AWSService","invokedBy":"ec2.amazonaws.com"}"#, None),
            (r#"{"type":"AWSAccount","principalId":"AROA:x","accountId":"2"}"#, None),
            (r#"{"accountId":"1"}"#, None),
            ("null", None),
        ];
        for (identity, expected) in cases {
            let text = format!(r#"{{"userIdentity":{identity}}}"#);
            assert_eq!(username(&view(&text)), expected, "{identity}");
        }
    }

    #[test]
    fn category_decides_before_the_older_flag() {
        assert!(view(r#"{"eventCategory":"Management","managementEvent":false}"#).is_management());
        assert!(!view(r#"{"eventCategory":"Data"}"#).is_management());
        assert!(!view(r#"{"managementEvent":false}"#).is_management());
        assert!(view("{}").is_management());
        assert!(!view(r#"{"eventType":"AwsCloudTrailInsight"}"#).is_management());
    }
}
