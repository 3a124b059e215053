//! Errors both ways: what a client reads when a request cannot be read, and how each protocol carries a service's own error.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use http::HeaderMap;
use model::{Fields, Protocol};
use support::service::{model, operation};
use wire::{ErrorReply, Request};

fn refused(protocol: Protocol, name: &str, body: &[u8]) -> String {
    let model = model(name);
    let headers = HeaderMap::new();
    let request = Request { method: "POST", path: "/", query: "", headers: &headers, body };
    match wire::decode(protocol, &model, operation(&model, "Body"), &request) {
        Ok(fields) => format!("{fields:?}"),
        Err(error) => format!("{} {}: {}", error.status, error.code, error.message),
    }
}

#[test]
fn a_refusal_names_the_member_and_what_was_expected() {
    let json = |body: &str| refused(Protocol::Json, "json", body.as_bytes());
    for (body, expected) in [
        (r#"{"Text": 3}"#, "Text: expected a string, found a number"),
        (r#"{"Inner": {"Numbers": [1, 2.5]}}"#, "Inner.Numbers[1]: expected an integer of 32 bits, found 2.5"),
        (r#"{"Table": {"k": {"Deeper": []}}}"#, "Table.k.Deeper: expected a structure, found a list"),
        (r#"{"Many": [{}, {"xsi:mark": true}]}"#, "Many[1].Mark: expected a string, found true"),
        (r#"{"Small": 2147483648}"#, "Small: expected an integer of 32 bits, found 2147483648"),
        (r#"{"Big": 9223372036854775808}"#, "Big: expected an integer of 64 bits, found 9223372036854"),
        (r#"{"Bytes": "*"}"#, "Bytes: expected bytes in base64, found \"*\""),
        (r#"{"When": "yesterday"}"#, "When: expected a timestamp in seconds, found \"yesterday\""),
        (r#"{"Flag": "true"}"#, "Flag: expected true or false, found the string \"true\""),
        ("[]", "expected a structure, found a list"),
        ("{\"Text\": ", "Text: EOF while parsing a value"),
        ("{} {}", "trailing characters"),
        ("\u{0}", "expected value"),
    ] {
        let found = json(body);
        let expected = format!("400 SerializationException: {expected}");
        assert!(found.starts_with(&expected), "{body}: {found}");
    }
    let query = |body: &str| refused(Protocol::Query, "query", body.as_bytes());
    assert_eq!(query("When=1"), "400 MalformedInput: When: expected a timestamp that follows ISO8601, found \"1\"");
    assert_eq!(query("Texts.member.x=1"), "400 MalformedInput: Texts: expected a number after the name, found \"x\"");
    assert_eq!(query("FlatTable.1.Value=1"), "400 MalformedInput: FlatTable[0]: an entry without its key");
    assert_eq!(query("Text=%ff"), "404 MalformedQueryString: expected percent-encoded UTF-8, found \"%ff\"");
    let ec2 = refused(Protocol::Ec2, "ec2", b"Small=many");
    assert_eq!(ec2, "400 InvalidParameterValue: Small: expected an integer of 32 bits, found \"many\"");
    let cbor = |body: &[u8]| refused(Protocol::RpcV2Cbor, "smithy-rpc-v2-cbor", body);
    assert_eq!(cbor(b"\xa1\x64Text\x01"), "400 SerializationException: Text: expected a string, found a number");
    assert_eq!(cbor(b"\xbf\x64Text"), "400 SerializationException: Text: the message is cut off");
    assert_eq!(cbor(b"\xa0\xa0"), "400 SerializationException: bytes follow the end of the message");
}

#[test]
fn nulls_and_strangers_are_as_good_as_absent() {
    let body = br#"{"Text": null, "Stranger": {"a": [1, {"b": null}]}, "Small": 1.0, "renamed-on-the-wire": "r", "Renamed": "n"}"#;
    let found = refused(Protocol::Json, "json", body);
    assert_eq!(found, "Fields([(\"Small\", Int(1)), (\"Renamed\", String(\"r\"))])");
    assert_eq!(refused(Protocol::Json, "json", b" "), "Fields([])");
    assert_eq!(
        refused(Protocol::Json, "json", b"{\"Text\":\"a\",\"Text\":\"b\"}"),
        "Fields([(\"Text\", String(\"b\"))])"
    );
    // {"x": (_ [1, {"y": h'00'}]), "Text": null, "When": 1(1.5)}
    let cbor = b"\xa3\x61x\x9f\x01\xa1\x61y\x41\x00\xff\x64Text\xf6\x64When\xc1\xf9\x3e\x00";
    assert_eq!(
        refused(Protocol::RpcV2Cbor, "smithy-rpc-v2-cbor", cbor),
        "Fields([(\"When\", Timestamp(1970-01-01T00:00:01.500Z))])"
    );
    let query = b"Action=Body&Version=1&Text=a+b%26&Stranger.1.x=1&Flat.2=two&Flat.1=one&Texts=&Text=last";
    assert_eq!(
        refused(Protocol::Query, "query", query),
        "Fields([(\"Flat\", List([String(\"one\"), String(\"two\")])), (\"Text\", String(\"last\")), (\"Texts\", List([]))])"
    );
}

fn error_of(protocol: Protocol, name: &str, code: &str) -> String {
    let model = model(name);
    let mut fields = Fields::new();
    fields.push("Count", 3_i64);
    fields.push("Retry", 7_i64);
    let error = ErrorReply {
        code,
        message: "No <way>",
        status: 409,
        sender_fault: true,
        fields: &fields,
        request_id: "ID1",
        resource: None,
        host_id: None,
        head: false,
    };
    let response = wire::encode_error(protocol, Some(&model), Some(operation(&model, "Body")), &error);
    let headers: Vec<String> = response.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    format!("{}\n{}{}", response.status, headers.concat(), String::from_utf8_lossy(&response.body))
}

#[test]
fn each_protocol_carries_errors_its_own_way() {
    for code in ["Oops", "Oops.Wire"] {
        assert_eq!(
            error_of(Protocol::Json, "json", code),
            "409\ncontent-type: application/x-amz-json-1.1\nx-amzn-requestid: ID1\n\
             {\"__type\":\"Oops\",\"Message\":\"No <way>\",\"Count\":3}"
        );
        assert_eq!(
            error_of(Protocol::RestJson, "rest-json", code),
            "409\nretry-after: 7\nx-amzn-errortype: Oops\ncontent-type: application/json\nx-amzn-requestid: ID1\n\
             {\"Message\":\"No <way>\",\"Count\":3}"
        );
        assert_eq!(
            error_of(Protocol::Query, "query", code),
            "409\ncontent-type: text/xml\nx-amzn-requestid: ID1\n<ErrorResponse><Error><Type>Sender</Type>\
             <Code>Oops.Wire</Code><Message>No &lt;way&gt;</Message><Count>3</Count></Error><RequestId>ID1</RequestId></ErrorResponse>"
        );
        assert_eq!(
            error_of(Protocol::Ec2, "ec2", code),
            "409\ncontent-type: text/xml;charset=UTF-8\nx-amzn-requestid: ID1\n<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <Response><Errors><Error><Code>Oops.Wire</Code><Message>No &lt;way&gt;</Message><Count>3</Count></Error></Errors>\
             <RequestID>ID1</RequestID></Response>"
        );
    }
    assert_eq!(
        error_of(Protocol::Json, "json", "AccessDeniedException"),
        "409\ncontent-type: application/x-amz-json-1.1\nx-amzn-requestid: ID1\n\
         {\"__type\":\"AccessDeniedException\",\"message\":\"No <way>\",\"Count\":3,\"Retry\":7}"
    );
}

#[test]
fn an_error_needs_no_model() {
    let error = ErrorReply {
        code: "InternalFailure",
        message: "x",
        status: 500,
        sender_fault: false,
        fields: &Fields::new(),
        request_id: "ID1",
        resource: None,
        host_id: None,
        head: false,
    };
    for protocol in
        [Protocol::Json, Protocol::Query, Protocol::Ec2, Protocol::RestJson, Protocol::RestXml, Protocol::RpcV2Cbor]
    {
        let response = wire::encode_error(protocol, None, None, &error);
        assert_eq!(response.status, 500);
        let text = String::from_utf8_lossy(&response.body).into_owned() + &format!("{:?}", response.headers);
        assert!(text.contains("InternalFailure") && text.contains("ID1"), "{protocol:?}: {text}");
    }
}
