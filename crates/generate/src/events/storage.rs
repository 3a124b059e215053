//! Services that keep things: S3, KMS, DynamoDB, secrets, parameters, RDS, queues, streams, Glue and Athena.

use super::{By, Event, fault, read, write};

const S3: &str = r#"{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"%base75%=","bytesTransferredOut":%n4%}"#;
const S3_OUT: &str = r#"{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"SSEApplied":"SSE_S3","AuthenticationMethod":"AuthHeader","x-amz-id-2":"%base75%=","bytesTransferredOut":%n6%}"#;
const S3_IN: &str = r#"{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":%n6%,"SSEApplied":"Default_SSE_S3","AuthenticationMethod":"AuthHeader","x-amz-id-2":"%base75%=","bytesTransferredOut":0}"#;
const HOST: &str = r#"{"bucketName":"%bucket%","Host":"%bucket%.s3.%region%.amazonaws.com"}"#;
const BUCKET: &[(&str, &str)] = &[("AWS::S3::Bucket", "arn:aws:s3:::%bucket%")];
const OBJECT: &[(&str, &str)] =
    &[("AWS::S3::Object", "arn:aws:s3:::%bucket%/%key%"), ("AWS::S3::Bucket", "arn:aws:s3:::%bucket%")];
const KEY: &[(&str, &str)] = &[("AWS::KMS::Key", "arn:aws:kms:%region%:%account%:key/%kms%")];
const TABLE: &[(&str, &str)] = &[("AWS::DynamoDB::Table", "arn:aws:dynamodb:%region%:%account%:table/%table%")];

const fn s3(name: &'static str, weight: u64, request: &'static str) -> Event {
    read("s3", name, weight).request(request).more(S3).resources(BUCKET)
}

const fn object(name: &'static str, weight: u64, reads: bool) -> Event {
    let event = if reads { read("s3", name, weight) } else { write("s3", name, weight) };
    event.by(By::Apps).data().resources(OBJECT)
}

const fn dynamo(name: &'static str, weight: u64, reads: bool) -> Event {
    let event = if reads { read("dynamodb", name, weight) } else { write("dynamodb", name, weight) };
    event.by(By::Apps).data().version("2012-08-10").resources(TABLE)
}

pub(super) static EVENTS: &[Event] = &[
    object("GetObject", 700, true)
        .request(r#"{"bucketName":"%bucket%","Host":"%bucket%.s3.%region%.amazonaws.com","key":"%key%"}"#)
        .more(S3_OUT)
        .faults(&[fault(9_000, "NoSuchKey", "The specified key does not exist.")]),
    object("HeadObject", 180, true)
        .request(r#"{"bucketName":"%bucket%","Host":"%bucket%.s3.%region%.amazonaws.com","key":"%key%"}"#)
        .more(S3)
        .faults(&[fault(30_000, "NoSuchKey", "The specified key does not exist.")]),
    object("PutObject", 260, false)
        .request(r#"{"bucketName":"%bucket%","Host":"%bucket%.s3.%region%.amazonaws.com","x-amz-acl":"bucket-owner-full-control","x-amz-server-side-encryption":"AES256","key":"%key%"}"#)
        .response(r#"{"x-amz-server-side-encryption":"AES256","x-amz-version-id":"%base32%"}"#)
        .more(S3_IN),
    object("DeleteObject", 30, false)
        .request(r#"{"bucketName":"%bucket%","Host":"%bucket%.s3.%region%.amazonaws.com","key":"%key%"}"#)
        .response(r#"{"x-amz-delete-marker":"true","x-amz-version-id":"%base32%"}"#)
        .more(S3),
    s3("ListObjects", 120, r#"{"list-type":"2","bucketName":"%bucket%","encoding-type":"url","prefix":"%word%/%word:2%/","delimiter":"/","Host":"%bucket%.s3.%region%.amazonaws.com"}"#).by(By::Apps).data(),
    read("s3", "ListBuckets", 60).request(r#"{"Host":"s3.%region%.amazonaws.com"}"#).more(S3),
    s3("GetBucketLocation", 60, r#"{"location":"","bucketName":"%bucket%","Host":"%bucket%.s3.%region%.amazonaws.com"}"#),
    s3("GetBucketAcl", 110, r#"{"bucketName":"%bucket%","Host":"%bucket%.s3.%region%.amazonaws.com","acl":""}"#).by(By::Service("cloudtrail.amazonaws.com")),
    s3("GetBucketPolicy", 30, r#"{"bucketName":"%bucket%","Host":"%bucket%.s3.%region%.amazonaws.com","policy":""}"#)
        .faults(&[fault(150_000, "NoSuchBucketPolicy", "The bucket policy does not exist")]),
    s3("GetBucketPolicyStatus", 20, r#"{"policyStatus":"","bucketName":"%bucket%","Host":"%bucket%.s3.%region%.amazonaws.com"}"#)
        .faults(&[fault(150_000, "NoSuchBucketPolicy", "The bucket policy does not exist")]),
    s3("GetBucketEncryption", 35, r#"{"bucketName":"%bucket%","encryption":"","Host":"%bucket%.s3.%region%.amazonaws.com"}"#),
    s3("GetBucketVersioning", 35, r#"{"bucketName":"%bucket%","versioning":"","Host":"%bucket%.s3.%region%.amazonaws.com"}"#),
    s3("GetBucketPublicAccessBlock", 35, r#"{"publicAccessBlock":"","bucketName":"%bucket%","Host":"%bucket%.s3.%region%.amazonaws.com"}"#)
        .faults(&[fault(60_000, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found")]),
    s3("GetBucketTagging", 25, r#"{"tagging":"","bucketName":"%bucket%","Host":"%bucket%.s3.%region%.amazonaws.com"}"#)
        .faults(&[fault(200_000, "NoSuchTagSet", "The TagSet does not exist")]),
    s3("GetBucketLogging", 20, HOST),
    write("s3", "PutBucketPolicy", 3).by(By::People).more(S3).resources(BUCKET)
        .request(r#"{"bucketPolicy":{"Version":"2012-10-17","Statement":[{"Sid":"%word%","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%account%:root"},"Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::%bucket%","arn:aws:s3:::%bucket%/*"]}]},"bucketName":"%bucket%","Host":"%bucket%.s3.%region%.amazonaws.com","policy":""}"#)
        .faults(&[fault(30_000, "MalformedPolicy", "Policy has invalid resource")]),
    write("s3", "PutBucketLifecycle", 2).by(By::People).more(S3).resources(BUCKET)
        .request(r#"{"LifecycleConfiguration":{"Rule":{"Status":"Enabled","ID":"expire-%word%","Filter":{"Prefix":"%word%/"},"Expiration":{"Days":90}}},"lifecycle":"","bucketName":"%bucket%","Host":"%bucket%.s3.%region%.amazonaws.com"}"#),
    write("s3", "CreateBucket", 2).by(By::People).more(S3).resources(BUCKET)
        .request(r#"{"CreateBucketConfiguration":{"LocationConstraint":"%region%","xmlns":"http://s3.amazonaws.com/doc/2006-03-01/"},"bucketName":"%bucket%","Host":"%bucket%.s3.%region%.amazonaws.com"}"#)
        .faults(&[fault(60_000, "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it.")]),
    write("s3", "DeleteBucket", 1).by(By::People).more(S3).resources(BUCKET).request(HOST)
        .faults(&[fault(250_000, "BucketNotEmpty", "The bucket you tried to delete is not empty")]),

    read("kms", "Decrypt", 620).by(By::Apps).resources(KEY)
        .request(r#"{"encryptionAlgorithm":"SYMMETRIC_DEFAULT","encryptionContext":{"aws:s3:arn":"arn:aws:s3:::%bucket%/%key%"}}"#)
        .more(r#"{"keyMaterialId":"%hex64%"}"#),
    read("kms", "GenerateDataKey", 260).by(By::Service("s3.amazonaws.com")).resources(KEY)
        .request(r#"{"encryptionContext":{"aws:s3:arn":"arn:aws:s3:::%bucket%"},"keySpec":"AES_256","keyId":"arn:aws:kms:%region%:%account%:key/%kms%"}"#),
    read("kms", "DescribeKey", 50).by(By::People).resources(KEY).request(r#"{"keyId":"%kms%"}"#),
    read("kms", "ListAliases", 40).by(By::People).request(r#"{"limit":100}"#),
    write("kms", "CreateGrant", 12).by(By::Apps).resources(KEY)
        .request(r#"{"keyId":"arn:aws:kms:%region%:%account%:key/%kms%","operations":["Decrypt","GenerateDataKeyWithoutPlaintext","CreateGrant"],"granteePrincipal":"ec2.%region%.amazonaws.com","constraints":{"encryptionContextSubset":{"aws:ebs:id":"%volume%"}}}"#)
        .response(r#"{"grantId":"%hex64%","keyId":"arn:aws:kms:%region%:%account%:key/%kms%"}"#),
    write("kms", "RetireGrant", 8).by(By::Service("ec2-frontend-api.amazonaws.com")).resources(KEY).request(r#"{"grantId":"%hex64%"}"#),

    dynamo("GetItem", 170, true).request(r#"{"tableName":"%table%","key":{"pk":"HIDDEN_DUE_TO_SECURITY_REASONS"},"consistentRead":false}"#),
    dynamo("Query", 130, true).request(r#"{"tableName":"%table%","keyConditionExpression":"pk = :pk","limit":%n2%,"scanIndexForward":false}"#),
    dynamo("PutItem", 80, false).request(r#"{"tableName":"%table%","key":{"pk":"HIDDEN_DUE_TO_SECURITY_REASONS"},"items":["pk","sk"]}"#)
        .faults(&[fault(4_000, "ConditionalCheckFailedException", "The conditional request failed")]),
    dynamo("UpdateItem", 60, false).request(r#"{"tableName":"%table%","key":{"pk":"HIDDEN_DUE_TO_SECURITY_REASONS"},"updateExpression":"SET #s = :s"}"#)
        .faults(&[fault(3_000, "ProvisionedThroughputExceededException", "The level of configured provisioned throughput for the table was exceeded.")]),
    read("dynamodb", "DescribeTable", 90).version("2012-08-10").resources(TABLE).request(r#"{"tableName":"%table%"}"#),
    read("dynamodb", "ListTables", 25).version("2012-08-10").by(By::People).request(r#"{"limit":100}"#),
    write("dynamodb", "UpdateTable", 2).version("2012-08-10").by(By::People).resources(TABLE)
        .request(r#"{"tableName":"%table%","provisionedThroughput":{"readCapacityUnits":%n2%,"writeCapacityUnits":%n2:2%}}"#)
        .response(r#"{"tableDescription":{"tableName":"%table%","tableStatus":"UPDATING","itemCount":%n6%,"tableSizeBytes":%n8%,"tableArn":"arn:aws:dynamodb:%region%:%account%:table/%table%"}}"#),

    read("secretsmanager", "GetSecretValue", 150).by(By::Apps).request(r#"{"secretId":"arn:aws:secretsmanager:%region%:%account%:secret:%secret%-AbCdEf"}"#)
        .faults(&[fault(2_000, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")]),
    read("secretsmanager", "DescribeSecret", 40).request(r#"{"secretId":"%secret%"}"#),
    read("secretsmanager", "ListSecrets", 20).by(By::People).request(r#"{"maxResults":100,"includePlannedDeletion":false}"#),
    write("secretsmanager", "PutSecretValue", 3).by(By::People).request(r#"{"secretId":"%secret%","clientRequestToken":"%uuid:3%","versionStages":["AWSCURRENT"]}"#)
        .response(r#"{"arn":"arn:aws:secretsmanager:%region%:%account%:secret:%secret%-AbCdEf"}"#),
    write("secretsmanager", "RotateSecret", 4).by(By::Service("secretsmanager.amazonaws.com")).request(r#"{"secretId":"%secret%","rotationRules":{"automaticallyAfterDays":30}}"#),

    read("ssm", "GetParameter", 130).by(By::Apps).request(r#"{"name":"%param%","withDecryption":true}"#)
        .resources(&[("AWS::SSM::Parameter", "arn:aws:ssm:%region%:%account%:parameter%param%")])
        .faults(&[fault(12_000, "ParameterNotFound", "")]),
    read("ssm", "GetParametersByPath", 50).by(By::Apps).request(r#"{"path":"/%stage%/%word%","recursive":true,"withDecryption":true,"maxResults":10}"#),
    read("ssm", "DescribeInstanceInformation", 40).by(By::People).request(r#"{"maxResults":50}"#),
    write("ssm", "UpdateInstanceInformation", 240).by(By::Apps)
        .request(r#"{"instanceId":"%instance%","agentVersion":"3.3.%n3%.0","agentStatus":"Active","platformType":"Linux","platformName":"Amazon Linux","platformVersion":"2023","iPAddress":"10.0.%n2%.%n2:2%","computerName":"ip-10-0-%n2%-%n2:2%.%region%.compute.internal","agentName":"amazon-ssm-agent","availabilityZone":"%region%a","sSMConnectionChannel":"ssmmessages"}"#),
    write("ssm", "StartSession", 3).by(By::People).request(r#"{"target":"%instance%"}"#)
        .response(r#"{"sessionId":"%caller%-0%hex16%","tokenValue":"Value hidden due to security reasons.","streamUrl":"wss://ssmmessages.%region%.amazonaws.com/v1/data-channel/%caller%-0%hex16%?role=publish_subscribe"}"#),
    write("ssm", "SendCommand", 3).by(By::People)
        .request(r#"{"instanceIds":["%instance%","%instance:2%"],"documentName":"AWS-RunShellScript","timeoutSeconds":600,"parameters":"HIDDEN_DUE_TO_SECURITY_REASONS","interactive":false}"#)
        .response(r#"{"command":{"commandId":"%uuid:2%","documentName":"AWS-RunShellScript","documentVersion":"$DEFAULT","comment":"","expiresAfter":"%longtime:7201%","requestedDateTime":"%longtime%","status":"Pending","statusDetails":"Pending","targetCount":2,"completedCount":0,"errorCount":0}}"#),
    write("ssm", "PutParameter", 3).by(By::People).request(r#"{"name":"%param%","type":"SecureString","overwrite":true,"value":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#)
        .response(r#"{"version":%n2%,"tier":"Standard"}"#),

    read("rds", "DescribeDBInstances", 120).version("2014-10-31").request(r#"{"dBInstanceIdentifier":"%db%"}"#)
        .faults(&[fault(4_000, "DBInstanceNotFound", "DBInstance %db% not found.")]),
    read("rds", "DescribeDBClusters", 60).version("2014-10-31").request(r#"{"maxRecords":100}"#),
    read("rds", "ListTagsForResource", 40).version("2014-10-31").request(r#"{"resourceName":"arn:aws:rds:%region%:%account%:db:%db%"}"#),
    write("rds", "CreateDBSnapshot", 4).version("2014-10-31").by(By::People)
        .request(r#"{"dBSnapshotIdentifier":"%db%-before-%hex6%","dBInstanceIdentifier":"%db%"}"#)
        .response(r#"{"dBSnapshotIdentifier":"%db%-before-%hex6%","dBInstanceIdentifier":"%db%","engine":"postgres","allocatedStorage":200,"status":"creating","port":5432,"vpcId":"%vpc%","masterUsername":"cairnadmin","engineVersion":"16.4","licenseModel":"postgresql-license","snapshotType":"manual","percentProgress":0,"storageType":"gp3","encrypted":true,"kmsKeyId":"arn:aws:kms:%region%:%account%:key/%kms%","dBSnapshotArn":"arn:aws:rds:%region%:%account%:snapshot:%db%-before-%hex6%"}"#),
    write("rds", "ModifyDBInstance", 2).version("2014-10-31").by(By::People)
        .request(r#"{"dBInstanceIdentifier":"%db%","applyImmediately":true,"backupRetentionPeriod":14,"masterUserPassword":"****"}"#)
        .response(r#"{"dBInstanceIdentifier":"%db%","dBInstanceClass":"db.r6g.large","engine":"postgres","dBInstanceStatus":"available","pendingModifiedValues":{"masterUserPassword":"****"},"multiAZ":true,"publiclyAccessible":false,"storageEncrypted":true,"deletionProtection":true}"#),

    read("sqs", "GetQueueAttributes", 90).version("2012-11-05").by(By::Apps).request(r#"{"queueUrl":"https://sqs.%region%.amazonaws.com/%account%/%queue%","attributeNames":["ApproximateNumberOfMessages"]}"#),
    read("sqs", "ListQueues", 20).version("2012-11-05").by(By::People).request(r#"{"maxResults":1000}"#),
    write("sqs", "SendMessage", 60).by(By::Apps).data().request(concat!(r#"{"queueUrl":""#, "https://sqs.%region%.amazonaws.com/%account%/%queue%", r#"","messageBody":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#))
        .response(r#"{"mD5OfMessageBody":"%hex32%","messageId":"%uuid:2%"}"#)
        .resources(&[("AWS::SQS::Queue", "arn:aws:sqs:%region%:%account%:%queue%")]),
    write("sqs", "CreateQueue", 1).version("2012-11-05").by(By::People).request(r#"{"queueName":"%queue%","attribute":{"VisibilityTimeout":"60"}}"#).response(r#"{"queueUrl":"https://sqs.%region%.amazonaws.com/%account%/%queue%"}"#),
    read("sns", "GetTopicAttributes", 40).version("2010-03-31").request(r#"{"topicArn":"arn:aws:sns:%region%:%account%:%topic%"}"#),
    read("sns", "ListTopics", 25).version("2010-03-31").by(By::People),
    write("sns", "Publish", 40).by(By::Apps).data().request(r#"{"topicArn":"arn:aws:sns:%region%:%account%:%topic%","message":"HIDDEN_DUE_TO_SECURITY_REASONS","subject":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#)
        .response(r#"{"messageId":"%uuid:2%"}"#).resources(&[("AWS::SNS::Topic", "arn:aws:sns:%region%:%account%:%topic%")]),
    write("sns", "Subscribe", 1).version("2010-03-31").by(By::People).request(r#"{"topicArn":"arn:aws:sns:%region%:%account%:%topic%","protocol":"email","endpoint":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#).response(r#"{"subscriptionArn":"pending confirmation"}"#),
    read("kinesis", "DescribeStreamSummary", 60).by(By::Apps).version("2013-12-02").request(r#"{"streamName":"%stream%"}"#),
    read("kinesis", "ListShards", 40).by(By::Apps).version("2013-12-02").request(r#"{"streamName":"%stream%"}"#),
    read("glue", "GetTable", 70).request(r#"{"catalogId":"%account%","databaseName":"%gluedb%","name":"%gluetable%"}"#)
        .faults(&[fault(9_000, "EntityNotFoundException", "Entity Not Found")]),
    read("glue", "GetDatabases", 30).request(r#"{"catalogId":"%account%"}"#),
    read("glue", "GetPartitions", 40).by(By::Apps).request(r#"{"catalogId":"%account%","databaseName":"%gluedb%","tableName":"%gluetable%","expression":"dt >= '2025-01-01'","maxResults":1000}"#),
    write("glue", "StartJobRun", 8).by(By::Apps).request(r#"{"jobName":"%word%-to-%gluedb%","arguments":{"--day":"%day%"}}"#).response(r#"{"jobRunId":"jr_%hex64%"}"#),
    write("athena", "StartQueryExecution", 25)
        .request(r#"{"queryString":"HIDDEN_DUE_TO_SECURITY_REASONS","queryExecutionContext":{"database":"%gluedb%","catalog":"AwsDataCatalog"},"resultConfiguration":{"outputLocation":"s3://%bucket%/results/"},"workGroup":"%workgroup%","clientRequestToken":"%uuid:3%"}"#)
        .response(r#"{"queryExecutionId":"%uuid:2%"}"#),
    read("athena", "GetQueryExecution", 60).request(r#"{"queryExecutionId":"%uuid:2%"}"#),
    read("athena", "GetQueryResults", 25).request(r#"{"queryExecutionId":"%uuid:2%","maxResults":1000}"#),
    read("backup", "ListBackupJobs", 12).by(By::People),
    write("backup", "StartBackupJob", 6).by(By::Service("backup.amazonaws.com")).request(r#"{"backupVaultName":"Default","resourceArn":"arn:aws:rds:%region%:%account%:db:%db%","iamRoleArn":"arn:aws:iam::%account%:role/service-role/AWSBackupDefaultServiceRole"}"#).response(r#"{"backupJobId":"%uuid:2%","creationDate":"%longtime%"}"#),
];
