//! S3 as it is spoken: which request is which operation, and the forms that its model does not tell.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::io::Read;

use http::{HeaderMap, HeaderName, HeaderValue};
use model::{Fields, Model, Protocol, Value};
use wire::{ErrorReply, Request, Response, Router};

fn s3() -> Model {
    let mut json = Vec::new();
    let packed: &[u8] = include_bytes!("../../../models/s3.json.gz");
    flate2::read::GzDecoder::new(packed).read_to_end(&mut json).unwrap();
    model::load("s3", &json).unwrap()
}

/// `name: value` lines.
fn headers(lines: &[&str]) -> HeaderMap {
    let pairs = lines.iter().map(|line| line.split_once(": ").unwrap());
    pairs.map(|(name, value)| (HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap())).collect()
}

#[test]
fn every_request_finds_its_operation() {
    let router = Router::new(&s3());
    let cases: [(&str, &str, &str, &str); 45] = [
        ("GET /", "", "", "ListBuckets"),
        ("GET /", "x-id=ListBuckets", "", "ListBuckets"),
        ("GET /b", "", "", "ListObjects"),
        ("GET /b/", "prefix=a%2F&marker=x", "", "ListObjects"),
        ("GET /b/", "list-type=2&prefix=", "", "ListObjectsV2"),
        ("GET /b", "list-type=1", "", "ListObjects"),
        ("GET /b", "versions", "", "ListObjectVersions"),
        ("GET /b", "versions=&prefix=x", "", "ListObjectVersions"),
        ("GET /b", "uploads", "", "ListMultipartUploads"),
        ("GET /b", "location", "", "GetBucketLocation"),
        ("GET /b", "lifecycle", "", "GetBucketLifecycleConfiguration"),
        ("PUT /b", "lifecycle", "", "PutBucketLifecycleConfiguration"),
        ("GET /b", "notification", "", "GetBucketNotificationConfiguration"),
        ("PUT /b", "notification", "", "PutBucketNotificationConfiguration"),
        ("GET /b", "analytics", "", "ListBucketAnalyticsConfigurations"),
        ("GET /b", "analytics&id=x", "", "GetBucketAnalyticsConfiguration"),
        ("GET /b", "policy", "", "GetBucketPolicy"),
        ("GET /b", "policyStatus", "", "GetBucketPolicyStatus"),
        ("HEAD /b", "", "", "HeadBucket"),
        ("HEAD /b/", "", "", "HeadBucket"),
        ("HEAD /b/k", "", "", "HeadObject"),
        ("PUT /b", "", "", "CreateBucket"),
        ("PUT /b/", "", "", "CreateBucket"),
        ("DELETE /b", "", "", "DeleteBucket"),
        ("POST /b", "delete", "", "DeleteObjects"),
        ("POST /b/", "delete=", "", "DeleteObjects"),
        ("GET /b/k", "", "", "GetObject"),
        ("GET /b/k", "x-id=GetObject&versionId=1", "", "GetObject"),
        ("GET /b/a/b//c/../d", "", "", "GetObject"),
        ("GET /b//", "", "", "GetObject"),
        ("GET /b/k", "uploadId=u", "", "ListParts"),
        ("GET /b/k", "acl", "", "GetObjectAcl"),
        ("GET /b/k", "attributes", "x-amz-object-attributes: ETag", "GetObjectAttributes"),
        ("PUT /b/k", "", "", "PutObject"),
        ("PUT /b/k", "x-id=PutObject", "", "PutObject"),
        ("PUT /b/k", "x-id=CopyObject", "x-amz-copy-source: b/o", "CopyObject"),
        ("PUT /b/k", "partNumber=1&uploadId=u", "", "UploadPart"),
        ("PUT /b/k", "partNumber=1&uploadId=u&x-id=UploadPart", "x-amz-copy-source: b/o", "UploadPartCopy"),
        ("PUT /b/k", "tagging", "", "PutObjectTagging"),
        ("POST /b/k", "uploads", "", "CreateMultipartUpload"),
        ("POST /b/k", "uploadId=u", "", "CompleteMultipartUpload"),
        ("DELETE /b/k", "uploadId=u", "", "AbortMultipartUpload"),
        ("DELETE /b/k", "versionId=v", "", "DeleteObject"),
        ("POST /b/k", "select&select-type=2", "", "SelectObjectContent"),
        ("PATCH /b/k", "", "", "-"),
    ];
    for (line, query, header, expected) in cases {
        let (method, path) = line.split_once(' ').unwrap();
        let lines: Vec<&str> = Some(header).into_iter().filter(|header| !header.is_empty()).collect();
        let found = router.find(method, path, query, &headers(&lines));
        assert_eq!(found.as_deref().unwrap_or("-"), expected, "{line}?{query} {header}");
    }
}

fn decode(name: &str, path: &str, query: &str, lines: &[&str], body: &str) -> Result<String, (String, String)> {
    let model = s3();
    let operation = &model.operations[name];
    let headers = headers(lines);
    let request = Request { method: &operation.method, path, query, headers: &headers, body: body.as_bytes() };
    let decoded = wire::decode(Protocol::RestXml, &model, operation, &request);
    let decoded = decoded.map(|fields| show(&Value::Struct(fields)));
    decoded.map_err(|error| (format!("{} {}: {}", error.status, error.code, error.message), error.detail))
}

/// A value on one line.
fn show(value: &Value) -> String {
    match value {
        Value::Struct(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{name}: {}", show(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", ")),
        Value::String(text) => format!("{text:?}"),
        Value::Timestamp(moment) => moment.iso8601(),
        Value::Int(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        other => format!("{other:?}"),
    }
}

#[test]
fn keys_and_metadata_arrive_as_they_were_written() {
    let found = decode(
        "PutObject",
        "/b/a//b/../%C3%A9%2F+%20c/",
        "x-id=PutObject",
        &[
            "x-amz-meta-one: 1, 2",
            "X-Amz-Meta-Two: zwei",
            "Content-Length: 5",
            "Expires: not a date",
            "x-amz-object-lock-retain-until-date: 2030-01-01T00:00:00Z",
        ],
        "the body is a stream",
    );
    assert_eq!(
        found.unwrap(),
        "{Bucket: \"b\", ContentLength: 5, Expires: \"not a date\", Key: \"a//b/../é/+ c/\", Metadata: {one: \"1, 2\", two: \"zwei\"}, \
         ObjectLockRetainUntilDate: 2030-01-01T00:00:00Z}"
    );
}

#[test]
fn bodies_are_read_with_any_root_and_prefix() {
    let body = r#"<?xml version="1.0"?><d:Whatever xmlns:d="http://s3.amazonaws.com/doc/2006-03-01/">
        <d:Object><d:Key>a&amp;b &#60;c&gt;<![CDATA[<&>]]> </d:Key></d:Object>
        <Object><Key>x</Key><VersionId>v</VersionId></Object><Quiet> true </Quiet><Unknown><Deep/></Unknown></d:Whatever>"#;
    let found = decode("DeleteObjects", "/b", "delete", &[], body).unwrap();
    assert_eq!(
        found,
        "{Bucket: \"b\", Delete: {Objects: [{Key: \"a&b <c><&> \"}, {Key: \"x\", VersionId: \"v\"}], Quiet: true}}"
    );
    let acl = r#"<AccessControlPolicy><AccessControlList><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
        xsi:type="CanonicalUser"><ID>i</ID></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>"#;
    let found = decode("PutBucketAcl", "/b", "acl", &[], acl).unwrap();
    assert_eq!(
        found,
        "{Bucket: \"b\", AccessControlPolicy: {Grants: [{Grantee: {ID: \"i\", Type: \"CanonicalUser\"}, Permission: \"READ\"}]}}"
    );
}

#[test]
fn what_cannot_be_read_is_refused_in_s3s_words() {
    let malformed =
        "400 MalformedXML: The XML you provided was not well-formed or did not validate against our published schema";
    let versioning = "PutBucketVersioning";
    for (body, detail) in [
        ("<a>", "the document is cut off"),
        ("<a/><b/>", "more than one root element"),
        ("text", "text outside of the root element"),
        ("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "document type definitions are not accepted"),
        ("<a><Status>&x;</Status></a>", "an entity that XML does not define"),
        ("<a><Status><b/></Status></a>", "VersioningConfiguration.Status: expected a string, found an element inside"),
    ] {
        let error = decode(versioning, "/b", "versioning", &[], body).unwrap_err();
        assert_eq!(error, (malformed.to_owned(), detail.to_owned()), "{body}");
    }
    for (name, path, query, header, message) in [
        (
            "ListObjects",
            "/b",
            "max-keys=many",
            "",
            "400 InvalidArgument: Provided max-keys not an integer or within integer range",
        ),
        (
            "UploadPart",
            "/b/k",
            "partNumber=x&uploadId=u",
            "",
            "400 InvalidArgument: Part number must be an integer between 1 and 10000, inclusive",
        ),
        ("GetObject", "/b/%ff", "", "", "400 InvalidURI: Couldn't parse the specified URI."),
        (
            "PutObject",
            "/b/k",
            "",
            "x-amz-object-lock-retain-until-date: soon",
            "400 InvalidArgument: ObjectLockRetainUntilDate: expected a timestamp that follows ISO8601, found \"soon\"",
        ),
    ] {
        let lines: Vec<&str> = Some(header).into_iter().filter(|header| !header.is_empty()).collect();
        assert_eq!(decode(name, path, query, &lines, "").unwrap_err().0, message);
    }
}

fn encode(name: &str, output: Fields) -> String {
    let model = s3();
    show_response(&wire::encode(Protocol::RestXml, &model, &model.operations[name], &output, "ID1").unwrap())
}

fn show_response(response: &Response) -> String {
    let headers = response.headers.iter().filter(|(name, _)| name != "x-amz-id-2" && name != "x-amz-request-id");
    let headers: Vec<String> = headers.map(|(name, value)| format!("{name}: {value}\n")).collect();
    let body = std::str::from_utf8(&response.body).unwrap();
    format!(
        "{}\n{}{}",
        response.status,
        headers.concat(),
        body.replace("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", "")
    )
}

fn fields<const N: usize>(members: [(&str, Value); N]) -> Fields {
    Fields(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

#[test]
fn answers_have_s3s_roots_and_forms() {
    let xmlns = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";
    let moment = base::Timestamp::from_secs(1_398_796_238);
    let object = fields([("Key", "a\r&\u{1}".into()), ("LastModified", moment.into()), ("ETag", "\"e\"".into())]);
    let cases = [
        (
            "ListObjectsV2",
            fields([
                ("Name", "b".into()),
                ("KeyCount", 1_i64.into()),
                ("Contents", vec![object.into()].into()),
                ("CommonPrefixes", vec![fields([("Prefix", "p/".into())]).into()].into()),
            ]),
            format!(
                "200\ncontent-type: application/xml\n<ListBucketResult {xmlns}><Name>b</Name><KeyCount>1</KeyCount>\
                 <Contents><Key>a&#xd;&amp;&#x1;</Key><LastModified>2014-04-29T18:30:38.000Z</LastModified>\
                 <ETag>&quot;e&quot;</ETag></Contents><CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes></ListBucketResult>"
            ),
        ),
        (
            "GetBucketLocation",
            fields([("LocationConstraint", "eu-west-1".into())]),
            format!("200\ncontent-type: application/xml\n<LocationConstraint {xmlns}>eu-west-1</LocationConstraint>"),
        ),
        (
            "GetBucketLocation",
            Fields::new(),
            format!("200\ncontent-type: application/xml\n<LocationConstraint {xmlns}></LocationConstraint>"),
        ),
        (
            "ListBuckets",
            fields([
                ("Buckets", vec![fields([("Name", "b".into())]).into()].into()),
                ("Owner", fields([("ID", "i".into())]).into()),
            ]),
            format!(
                "200\ncontent-type: application/xml\n<ListAllMyBucketsResult {xmlns}><Buckets><Bucket><Name>b</Name></Bucket>\
                 </Buckets><Owner><ID>i</ID></Owner></ListAllMyBucketsResult>"
            ),
        ),
        (
            "CopyObject",
            fields([
                ("CopyObjectResult", fields([("ETag", "e".into()), ("LastModified", moment.into())]).into()),
                ("VersionId", "v".into()),
            ]),
            format!(
                "200\nx-amz-version-id: v\ncontent-type: application/xml\n<CopyObjectResult {xmlns}><ETag>e</ETag>\
                 <LastModified>2014-04-29T18:30:38.000Z</LastModified></CopyObjectResult>"
            ),
        ),
        (
            "GetObjectRetention",
            fields([("Retention", fields([("Mode", "GOVERNANCE".into())]).into())]),
            format!("200\ncontent-type: application/xml\n<Retention {xmlns}><Mode>GOVERNANCE</Mode></Retention>"),
        ),
        (
            "GetBucketAcl",
            fields([(
                "Grants",
                vec![fields([("Grantee", fields([("Type", "Group".into()), ("URI", "u".into())]).into())]).into()].into(),
            )]),
            format!(
                "200\ncontent-type: application/xml\n<AccessControlPolicy {xmlns}><AccessControlList><Grant><Grantee \
                 xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"Group\"><URI>u</URI></Grantee></Grant>\
                 </AccessControlList></AccessControlPolicy>"
            ),
        ),
        (
            "GetBucketPolicy",
            fields([("Policy", "{}".into())]),
            "200\ncontent-type: application/json\n{}".to_owned(),
        ),
        (
            "HeadObject",
            fields([
                ("ContentLength", 5_i64.into()),
                ("LastModified", moment.into()),
                ("ContentDisposition", "a\r\nset-cookie: x".into()),
                ("Metadata", fields([("one", "1".into())]).into()),
            ]),
            "200\ncontent-length: 5\nlast-modified: Tue, 29 Apr 2014 18:30:38 GMT\ncontent-disposition: a  set-cookie: x\n\
             x-amz-meta-one: 1\n"
                .to_owned(),
        ),
        ("GetObject", fields([("ETag", "\"e\"".into())]), "200\netag: \"e\"\n".to_owned()),
        ("DeleteBucket", Fields::new(), "204\n".to_owned()),
        ("PutObject", fields([("ETag", "\"e\"".into())]), "200\netag: \"e\"\n".to_owned()),
    ];
    for (name, output, expected) in cases {
        assert_eq!(encode(name, output), expected, "{name}");
    }
}

#[test]
fn streams_are_told_from_bodies() {
    let model = s3();
    let streamed = |name: &str| {
        let operation = &model.operations[name];
        (wire::body_is_streamed(&model, operation), wire::reply_is_streamed(&model, operation))
    };
    assert_eq!(streamed("PutObject"), (true, false));
    assert_eq!(streamed("UploadPart"), (true, false));
    assert_eq!(streamed("GetObject"), (false, true));
    assert_eq!(streamed("DeleteObjects"), (false, false));
}

#[test]
fn errors_are_s3s_own() {
    let model = s3();
    let fields = fields([("BucketName", "b".into())]);
    let error = ErrorReply {
        code: "NoSuchBucket",
        message: "The specified bucket does not exist",
        status: 404,
        sender_fault: true,
        fields: &fields,
        request_id: "ID1",
        resource: Some("/b"),
        host_id: Some("H"),
        head: false,
    };
    let response = wire::encode_error(Protocol::RestXml, Some(&model), model.operations.get("GetObject"), &error);
    assert_eq!(
        show_response(&response),
        "404\ncontent-type: application/xml\n<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not \
         exist</Message><BucketName>b</BucketName><Resource>/b</Resource><RequestId>ID1</RequestId><HostId>H</HostId></Error>"
    );
    let ids: Vec<_> = response.headers.iter().filter(|(name, _)| name.starts_with("x-amz")).collect();
    assert_eq!(format!("{ids:?}"), "[(\"x-amz-request-id\", \"ID1\"), (\"x-amz-id-2\", \"H\")]");
    let head = wire::encode_error(Protocol::RestXml, Some(&model), None, &ErrorReply { head: true, ..error });
    assert_eq!((head.status, head.body.len()), (404, 0));
}
