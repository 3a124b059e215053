//! The event record, to write. Source: CloudTrail user guide, "CloudTrail record contents for management, data, and network
//! activity events" (version 1.11); the order of members is that of real records.
//!
//! Nothing is shortened: where CloudTrail cuts members above 100 KB so that a record stays below 256 KB, the evidence
//! written here is whole.

use std::borrow::Cow;

use base::Timestamp;

use crate::identity::UserIdentity;
use crate::json::{ObjectWriter, write_str};

/// The version of the record format that is written.
pub const EVENT_VERSION: &str = "1.11";

/// Borrowed or owned text.
type Text<'a> = Cow<'a, str>;

/// What produced a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// A call of an API.
    AwsApiCall,
    /// Something a service did by itself.
    AwsServiceEvent,
    /// An action in the console that is no API call.
    AwsConsoleAction,
    /// A sign-in.
    AwsConsoleSignIn,
    /// Network activity at a VPC endpoint.
    AwsVpceEvent,
    /// An insight.
    AwsCloudTrailInsight,
}

impl EventType {
    /// The word in the record.
    pub fn as_str(self) -> &'static str {
        match self {
            EventType::AwsApiCall => "AwsApiCall",
            EventType::AwsServiceEvent => "AwsServiceEvent",
            EventType::AwsConsoleAction => "AwsConsoleAction",
            EventType::AwsConsoleSignIn => "AwsConsoleSignIn",
            EventType::AwsVpceEvent => "AwsVpceEvent",
            EventType::AwsCloudTrailInsight => "AwsCloudTrailInsight",
        }
    }
}

/// Which event selectors a record answers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventCategory {
    /// Control plane.
    Management,
    /// Data plane.
    Data,
    /// Calls through VPC endpoints.
    NetworkActivity,
    /// Insights.
    Insight,
}

impl EventCategory {
    /// The word in the record.
    pub fn as_str(self) -> &'static str {
        match self {
            EventCategory::Management => "Management",
            EventCategory::Data => "Data",
            EventCategory::NetworkActivity => "NetworkActivity",
            EventCategory::Insight => "Insight",
        }
    }
}

/// Something that a call touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource<'a> {
    /// The account that owns it.
    pub account_id: Option<Text<'a>>,
    /// `AWS::S3::Bucket`.
    pub kind: Option<Text<'a>>,
    /// Its ARN, or what the ARNs of all that it touched begin with.
    pub arn: Text<'a>,
    /// Whether `arn` is only what they begin with: the record has it as `ARNPrefix`, as those of a bucket's listing have.
    pub is_prefix: bool,
}

/// How the connection was protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsDetails<'a> {
    /// `TLSv1.3`.
    pub version: Text<'a>,
    /// `TLS_AES_128_GCM_SHA256`.
    pub cipher_suite: Text<'a>,
    /// The host name that the client asked for.
    pub client_provided_host_header: Text<'a>,
}

/// One event record. Members that end in `_json` are JSON text already (one valid value each) and are copied as they are.
#[derive(Clone, Debug)]
pub struct EventRecord<'a> {
    /// Who made the call.
    pub user_identity: UserIdentity<'a>,
    /// When it was answered.
    pub event_time: Timestamp,
    /// `s3.amazonaws.com`.
    pub event_source: Text<'a>,
    /// The operation.
    pub event_name: Text<'a>,
    /// The region that was asked.
    pub aws_region: Text<'a>,
    /// An address, or the name of a service.
    pub source_ip_address: Text<'a>,
    /// The client, as it calls itself.
    pub user_agent: Text<'a>,
    /// The error's code, if the call failed.
    pub error_code: Option<Text<'a>>,
    /// The error's text, if the call failed.
    pub error_message: Option<Text<'a>>,
    /// The request; `null` if absent.
    pub request_parameters_json: Option<Text<'a>>,
    /// The response of a call that changes something; `null` if absent.
    pub response_elements_json: Option<Text<'a>>,
    /// What else is known of the call.
    pub additional_event_data_json: Option<Text<'a>>,
    /// The service's identifier of the call.
    pub request_id: Option<Text<'a>>,
    /// The record's own identifier.
    pub event_id: Text<'a>,
    /// Whether the call only reads.
    pub read_only: bool,
    /// What it touched. Not written if empty.
    pub resources: Vec<Resource<'a>>,
    /// What produced the record.
    pub event_type: EventType,
    /// The version of the service's API.
    pub api_version: Option<Text<'a>>,
    /// Whether it is a management event.
    pub management_event: bool,
    /// The account that gets the record.
    pub recipient_account_id: Text<'a>,
    /// Shared by the records of one action in several accounts.
    pub shared_event_id: Option<Text<'a>>,
    /// What a service says of its event.
    pub service_event_details_json: Option<Text<'a>>,
    /// The VPC endpoint the call came through.
    pub vpc_endpoint_id: Option<Text<'a>>,
    /// Its owner.
    pub vpc_endpoint_account_id: Option<Text<'a>>,
    /// Which event selectors the record answers to.
    pub event_category: EventCategory,
    /// Why the record is late or corrects another.
    pub addendum_json: Option<Text<'a>>,
    /// The edge device that took the call.
    pub edge_device_details_json: Option<Text<'a>>,
    /// How the connection was protected.
    pub tls_details: Option<TlsDetails<'a>>,
    /// Whether the credentials are those of a console session. Written only if true, as a string.
    pub session_credential_from_console: bool,
}

impl EventRecord<'_> {
    /// A management event that says nothing yet: the rest of records that say little.
    pub fn blank() -> EventRecord<'static> {
        EventRecord {
            user_identity: UserIdentity::Unknown { account_id: None, access_key_id: None },
            event_time: Timestamp::from_ms(0),
            event_source: Text::default(),
            event_name: Text::default(),
            aws_region: Text::default(),
            source_ip_address: Text::default(),
            user_agent: Text::default(),
            error_code: None,
            error_message: None,
            request_parameters_json: None,
            response_elements_json: None,
            additional_event_data_json: None,
            request_id: None,
            event_id: Text::default(),
            read_only: false,
            resources: Vec::new(),
            event_type: EventType::AwsApiCall,
            api_version: None,
            management_event: true,
            recipient_account_id: Text::default(),
            shared_event_id: None,
            service_event_details_json: None,
            vpc_endpoint_id: None,
            vpc_endpoint_account_id: None,
            event_category: EventCategory::Management,
            addendum_json: None,
            edge_device_details_json: None,
            tls_details: None,
            session_credential_from_console: false,
        }
    }

    /// Appends the record as compact JSON, without a line end.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.reserve(2048);
        let mut record = ObjectWriter::begin(out);
        record.text("eventVersion", EVENT_VERSION);
        self.user_identity.write(record.name("userIdentity"));
        record.time("eventTime", self.event_time);
        record.text("eventSource", &self.event_source);
        record.text("eventName", &self.event_name);
        record.text("awsRegion", &self.aws_region);
        record.text("sourceIPAddress", &self.source_ip_address);
        record.text("userAgent", &self.user_agent);
        record.text_if("errorCode", self.error_code.as_deref());
        record.text_if("errorMessage", self.error_message.as_deref());
        record.raw("requestParameters", self.request_parameters_json.as_deref().unwrap_or("null"));
        record.raw("responseElements", self.response_elements_json.as_deref().unwrap_or("null"));
        raw_if(&mut record, "additionalEventData", &self.additional_event_data_json);
        record.text_if("requestID", self.request_id.as_deref());
        record.text("eventID", &self.event_id);
        record.flag("readOnly", self.read_only);
        if !self.resources.is_empty() {
            write_resources(record.name("resources"), &self.resources);
        }
        record.text("eventType", self.event_type.as_str());
        record.text_if("apiVersion", self.api_version.as_deref());
        record.flag("managementEvent", self.management_event);
        record.text("recipientAccountId", &self.recipient_account_id);
        record.text_if("sharedEventID", self.shared_event_id.as_deref());
        raw_if(&mut record, "serviceEventDetails", &self.service_event_details_json);
        record.text_if("vpcEndpointId", self.vpc_endpoint_id.as_deref());
        record.text_if("vpcEndpointAccountId", self.vpc_endpoint_account_id.as_deref());
        record.text("eventCategory", self.event_category.as_str());
        raw_if(&mut record, "addendum", &self.addendum_json);
        raw_if(&mut record, "edgeDeviceDetails", &self.edge_device_details_json);
        if let Some(tls) = &self.tls_details {
            let mut object = ObjectWriter::begin(record.name("tlsDetails"));
            object.text("tlsVersion", &tls.version);
            object.text("cipherSuite", &tls.cipher_suite);
            object.text("clientProvidedHostHeader", &tls.client_provided_host_header);
            object.end();
        }
        if self.session_credential_from_console {
            record.text("sessionCredentialFromConsole", "true");
        }
        record.end();
    }
}

fn raw_if(record: &mut ObjectWriter<'_>, name: &'static str, json: &Option<Text<'_>>) {
    if let Some(json) = json {
        record.raw(name, json);
    }
}

fn write_resources(out: &mut Vec<u8>, resources: &[Resource<'_>]) {
    out.push(b'[');
    for (at, resource) in resources.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        let mut object = ObjectWriter::begin(out);
        object.text_if("accountId", resource.account_id.as_deref());
        object.text_if("type", resource.kind.as_deref());
        write_str(object.name(if resource.is_prefix { "ARNPrefix" } else { "ARN" }), &resource.arn);
        object.end();
    }
    out.push(b']');
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::view::RecordView;

    pub(crate) fn smallest() -> EventRecord<'static> {
        EventRecord {
            user_identity: UserIdentity::AwsService { invoked_by: "cloudtrail.amazonaws.com".into() },
            event_time: Timestamp::from_secs(1_689_000_000).plus_ms(999),
            event_source: "s3.amazonaws.com".into(),
            event_name: "PutObject".into(),
            aws_region: "eu-central-1".into(),
            source_ip_address: "10.0.0.1".into(),
            user_agent: "a \"client\"".into(),
            event_id: "e".into(),
            management_event: false,
            recipient_account_id: "123456789012".into(),
            event_category: EventCategory::Data,
            ..EventRecord::blank()
        }
    }

    fn written(record: &EventRecord<'_>) -> String {
        let mut out = Vec::new();
        record.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    /// The names of an object's members in the order of the text (a `Value` would sort them).
    fn names(text: &str) -> Vec<String> {
        struct Names;
        impl<'de> serde::de::Visitor<'de> for Names {
            type Value = Vec<String>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Vec<String>, A::Error> {
                let mut names = Vec::new();
                while let Some((name, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                    names.push(name);
                }
                Ok(names)
            }
        }
        serde::Deserializer::deserialize_map(&mut serde_json::Deserializer::from_str(text), Names).unwrap()
    }

    #[test]
    fn what_is_absent_is_null_or_left_out_as_in_real_records() {
        assert_eq!(
            written(&smallest()),
            concat!(
                r#"{"eventVersion":"1.11","userIdentity":{"type":"AWSService","invokedBy":"cloudtrail.amazonaws.com"},"#,
                r#""eventTime":"2023-07-10T14:40:00Z","eventSource":"s3.amazonaws.com","eventName":"PutObject","#,
                r#""awsRegion":"eu-central-1","sourceIPAddress":"10.0.0.1","userAgent":"a \"client\"","#,
                r#""requestParameters":null,"responseElements":null,"eventID":"e","readOnly":false,"#,
                r#""eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"123456789012","#,
                r#""eventCategory":"Data"}"#,
            )
        );
    }

    pub(crate) fn fullest() -> EventRecord<'static> {
        let some = |text: &'static str| Some(Text::from(text));
        let resource = |account_id, kind, arn: &'static str, is_prefix| Resource {
            account_id,
            kind: some(kind),
            arn: arn.into(),
            is_prefix,
        };
        EventRecord {
            error_code: some("AccessDenied"),
            error_message: some("no"),
            request_parameters_json: some(r#"{"bucketName":"b","key":"k"}"#),
            response_elements_json: some(r#"{"x":1}"#),
            additional_event_data_json: some("{}"),
            request_id: some("r"),
            read_only: true,
            resources: vec![
                resource(None, "AWS::S3::Object", "arn:aws:s3:::b/k", false),
                resource(some("1"), "AWS::S3::Bucket", "arn:aws:s3:::b", false),
                resource(None, "AWS::S3::Object", "arn:aws:s3:::b/", true),
            ],
            api_version: some("2006-03-01"),
            shared_event_id: some("s"),
            service_event_details_json: some("{}"),
            vpc_endpoint_id: some("vpce-1"),
            vpc_endpoint_account_id: some("1"),
            addendum_json: some("{}"),
            edge_device_details_json: some("{}"),
            tls_details: Some(TlsDetails {
                version: "TLSv1.3".into(),
                cipher_suite: "c".into(),
                client_provided_host_header: "h".into(),
            }),
            session_credential_from_console: true,
            ..smallest()
        }
    }

    #[test]
    fn members_are_in_the_order_of_real_records() {
        let expected = "eventVersion userIdentity eventTime eventSource eventName awsRegion sourceIPAddress userAgent errorCode \
            errorMessage requestParameters responseElements additionalEventData requestID eventID readOnly resources eventType \
            apiVersion managementEvent recipientAccountId sharedEventID serviceEventDetails vpcEndpointId vpcEndpointAccountId \
            eventCategory addendum edgeDeviceDetails tlsDetails sessionCredentialFromConsole";
        assert_eq!(names(&written(&fullest())).join(" "), expected.split_whitespace().collect::<Vec<_>>().join(" "));
    }

    #[test]
    fn what_is_written_has_a_view() {
        let text = written(&fullest());
        let view = RecordView::parse(text.as_bytes()).unwrap();
        assert_eq!(view.event_name(), "PutObject");
        assert_eq!(view.read_only, Some(true));
        assert_eq!(view.resources.len(), 3);
        assert_eq!(view.resources[1].arn.as_deref(), Some("arn:aws:s3:::b"));
        assert_eq!(view.resources[2].arn_prefix.as_deref(), Some("arn:aws:s3:::b/"));
        assert_eq!(view.session_credential_from_console, Some(true));
    }

    #[test]
    fn nothing_is_shortened() {
        let large = format!(r#"{{"body":"{}"}}"#, "x".repeat(300_000));
        let record = EventRecord { request_parameters_json: Some(large.as_str().into()), ..smallest() };
        assert!(written(&record).contains(&large));
    }
}
