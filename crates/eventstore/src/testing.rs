//! What tests share: odd records, and a world whose storage outlives the stores.

/// Records as odd as real ones, and odder.
pub(crate) const ODD_RECORDS: &[&str] = &[
    "{}",
    " { } \n",
    r#"{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","principalId":"AIDA","arn":"arn:aws:iam::1:user/a","accountId":"1","accessKeyId":"AKIA","userName":"a"},"eventTime":"2023-07-10T12:00:24Z","eventSource":"s3.amazonaws.com","eventName":"GetBucketTagging","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.1","userAgent":"[aws-cli/2.0]","errorCode":"NoSuchTagSet","errorMessage":"The TagSet does not exist","requestParameters":{"tagging":"","bucketName":"b","Host":"b.s3.amazonaws.com"},"responseElements":null,"additionalEventData":{"SignatureVersion":"SigV4","bytesTransferredIn":0},"requestID":"FZHC","eventID":"f02d00a8-9736-4fa7-9c52-497d550c6092","readOnly":true,"resources":[{"accountId":"1","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::b"}],"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"1","eventCategory":"Management","tlsDetails":{"tlsVersion":"TLSv1.2","cipherSuite":"ECDHE","clientProvidedHostHeader":"b.s3.amazonaws.com"}}"#,
    r#"{"eventID":"a","eventID":"b","userIdentity":{"arn":"x","arn":"y"},"userIdentity":{"type":"u"},"eventID":null}"#,
    r#"{"userIdentity":null,"eventTime":null,"resources":null,"readOnly":null,"requestParameters":null}"#,
    r#"{"userIdentity":"me","eventTime":1689,"resources":{"a":1},"readOnly":"yes","requestParameters":"text","tlsDetails":[]}"#,
    r#"{"userIdentity":[1],"eventTime":"2023-07-10T12:00:24.120Z","resources":[],"readOnly":"False","errorCode":[1,2]}"#,
    r#"{"eventTime":"2023-07-10T12:00:24+02:00","eventName":"\u0041\"\\\/\ud83d\ude00\ud800","userAgent":"é \t\\"}"#,
    r#"{"resources":[null,7,{"ARN":"a","ARN":"b","type":null,"new":{"x":1}},[],{"accountId":1,"ARNPrefix":"p"}],"resources":[{"ARN":"\u0061"}]}"#,
    "{\n  \"eventName\" : \"X\" ,\r\n\t\"unknown\" : { \"deep\" : [ 1 , 2.5e+3 , \"\\n\" ] } , \"another\":\"one\" , \"n\":-0.0\n}\n",
    r#"{"sessionCredentialFromConsole":"true","managementEvent":"TRUE","eventjson":"x","":"empty name","eventName":""}"#,
    r#"{"userIdentity":{"sessionContext":{"webIdFederationData":{},"attributes":{"creationDate":"2023-07-10T11:55:22Z","mfaAuthenticated":"false"},"ec2RoleDelivery":"2.0","sessionIssuer":{}},"inScopeOf":{"a":1}},"addendum":{"reason":"DELIVERY_FAILURE","updatedFields":["eventID"]}}"#,
    r#"{"userIdentity":{"sessionContext":{"attributes":{"creationDate":"x"}},"sessionContext":[{"attributes":1}]},"event\u0049D":"escaped name"}"#,
    "{\"userAgent\":\"snow \u{2603} and \u{1f600}\",\"errorMessage\":\"\u{7f}\"}",
];
