//! The worked examples of AWS's documentation: their requests and the signatures printed there.

use super::Request;

/// The secret of the examples in the Amazon S3 API reference, which belongs to `AKIAIOSFODNN7EXAMPLE`.
pub const S3_SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// The secret of the examples in the IAM user guide, which belongs to `AKIDEXAMPLE`.
const IAM_SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn check(request: &str, signed_headers: &str, signature: &str) {
    let mut request = Request::new(request);
    request.set(
        "authorization",
        &format!(
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
             SignedHeaders={signed_headers},Signature={signature}"
        ),
    );
    let verified = request.verify(S3_SECRET).unwrap();
    assert_eq!(verified.seed_signature(), signature);
}

/// Page `sig-v4-header-based-auth`.
#[test]
fn s3_requests_with_their_payload_in_a_single_chunk() {
    check(
        &format!(
            "GET /test.txt
             host: examplebucket.s3.amazonaws.com
             range: bytes=0-9
             x-amz-content-sha256: {EMPTY}
             x-amz-date: 20130524T000000Z"
        ),
        "host;range;x-amz-content-sha256;x-amz-date",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    );
    check(
        "PUT /test$file.text
         host: examplebucket.s3.amazonaws.com
         date: Fri, 24 May 2013 00:00:00 GMT
         x-amz-date: 20130524T000000Z
         x-amz-storage-class: REDUCED_REDUNDANCY
         x-amz-content-sha256: 44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
        "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    );
    check(
        &format!(
            "GET /?lifecycle
             host: examplebucket.s3.amazonaws.com
             x-amz-date: 20130524T000000Z
             x-amz-content-sha256: {EMPTY}"
        ),
        "host;x-amz-content-sha256;x-amz-date",
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    );
    check(
        &format!(
            "GET /?max-keys=2&prefix=J
             host: examplebucket.s3.amazonaws.com
             x-amz-date: 20130524T000000Z
             x-amz-content-sha256: {EMPTY}"
        ),
        "host;x-amz-content-sha256;x-amz-date",
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    );
}

/// Page `sigv4-query-string-auth`.
#[test]
fn a_presigned_url() {
    let request = Request::new(
        "GET /test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2F\
         aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=\
         aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404
         host: examplebucket.s3.amazonaws.com",
    );
    request.verify(S3_SECRET).unwrap();
}

/// "Create a signed AWS API request", IAM user guide (the example of the page's earlier edition).
#[test]
fn a_query_service() {
    let mut request = Request::new(
        "GET /?Action=ListUsers&Version=2010-05-08
         content-type: application/x-www-form-urlencoded; charset=utf-8
         host: iam.amazonaws.com
         x-amz-date: 20150830T123600Z",
    );
    request.set(
        "authorization",
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date, \
         Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
    );
    request.verify(IAM_SECRET).unwrap();
}
