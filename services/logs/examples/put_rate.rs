//! How many log events a second are durable and to be seen, and how many bytes one takes: `put_rate FOLDER [CALLERS] [EVENTS_A_BATCH] [BATCHES]`.

#![expect(clippy::disallowed_methods, reason = "it measures real time")]

use std::error::Error;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use async_trait::async_trait;
use base::Region;
use bytes::Bytes;
use journal::Journal;
use model::{Fields, Value};
use ports::{
    AccessRequest, Authorizer, BucketError, BucketInfo, BucketObject, Buckets, Caller, Decision, OpenedObject,
    ServicePut, Unavailable,
};
use service::{ApiError, Call, Definition};

const ACCOUNT: &str = "123456789012";

struct Nobody;

#[async_trait]
impl Authorizer for Nobody {
    async fn decide(&self, _: &AccessRequest<'_>) -> Result<Decision, Unavailable> {
        Ok(Decision::FREE)
    }
}

#[async_trait]
impl Buckets for Nobody {
    async fn describe(&self, _: &str) -> Result<Option<BucketInfo>, BucketError> {
        Ok(None)
    }
    async fn check(&self, _: &ServicePut) -> Result<(), BucketError> {
        Err(BucketError::NoSuchBucket)
    }
    async fn kms_key(&self, _: &ServicePut) -> Result<(), BucketError> {
        Ok(())
    }
    async fn put(&self, _: ServicePut) -> Result<(), BucketError> {
        Err(BucketError::NoSuchBucket)
    }
    async fn put_permitted(&self, _: &str, _: &str, _: Bytes, _: &str) -> Result<(), BucketError> {
        Err(BucketError::NoSuchBucket)
    }
    async fn get(&self, _: &str, _: &str) -> Result<(Bytes, Vec<(String, String)>), BucketError> {
        Err(BucketError::NoSuchKey)
    }
    async fn list(&self, _: &str, _: &str, _: Option<&str>) -> Result<Vec<BucketObject>, BucketError> {
        Ok(Vec::new())
    }
    async fn folders(&self, _: &str, _: &str) -> Result<Vec<String>, BucketError> {
        Ok(Vec::new())
    }
    async fn open(&self, _: &str, _: &str) -> Result<OpenedObject, BucketError> {
        Err(BucketError::NoSuchKey)
    }
}

async fn run(definition: &Definition, operation: &str, input: Vec<(&str, Value)>) -> Result<Fields, ApiError> {
    let (name, handler) = definition.operations.get_key_value(operation).expect("it is written");
    let call = Call {
        caller: Caller::Root { account: ACCOUNT.into(), access_key_id: "AKIA".into() },
        account: ACCOUNT.into(),
        region: Region::US_EAST_1,
        time: system::env().clock.now(),
        request_id: "r".to_owned(),
        operation: Arc::from(*name),
        headers: http::HeaderMap::new(),
        query: String::new(),
        source_ip: "127.0.0.1".into(),
        tls: None,
        host: "localhost".to_owned(),
        body: Mutex::default(),
        reply: Mutex::default(),
        notes: Mutex::default(),
    };
    handler.run(&call, Fields(input.into_iter().map(|(name, value)| (name.into(), value)).collect())).await
}

/// A record as CloudTrail would have it, of some 1,100 bytes.
fn text(n: usize) -> String {
    let user = n * 7 % 50;
    format!(
        r#"{{"eventVersion":"1.11","userIdentity":{{"type":"IAMUser","principalId":"AIDA{user:016}","arn":"arn:aws:iam::123456789012:user/user-{user}","accountId":"123456789012","accessKeyId":"AKIA{n:016X}","userName":"user-{user}"}},"eventTime":"2026-11-01T10:{:02}:{:02}Z","eventSource":"s3.amazonaws.com","eventName":"{}","awsRegion":"us-east-1","sourceIPAddress":"10.0.{}.{}","userAgent":"[aws-cli/2.15.30 Python/3.11.8 Linux/6.1.0 exe/x86_64 prompt/off]","requestParameters":{{"bucketName":"bucket-{}","Host":"s3.amazonaws.com","key":"folder/{n}/object.json"}},"responseElements":null,"additionalEventData":{{"SignatureVersion":"SigV4","CipherSuite":"ECDHE-RSA-AES128-GCM-SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"{:032x}","bytesTransferredOut":{n}}},"requestID":"{:016X}","eventID":"{:08x}-0000-4000-8000-{:012x}","readOnly":true,"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"123456789012","eventCategory":"Data"}}"#,
        n / 60 % 60,
        n % 60,
        ["GetObject", "PutObject", "DeleteObject"][n % 3],
        n % 5,
        n % 251,
        n % 11,
        n.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        n.wrapping_mul(0x85eb_ca6b),
        n & 0xffff_ffff,
        n.wrapping_mul(0xc2b2_ae35) & 0xffff_ffff_ffff,
    )
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().collect();
    let number = |at: usize, usual: usize| words.get(at).and_then(|word| word.parse().ok()).unwrap_or(usual);
    let folder = words.get(1).ok_or("put_rate FOLDER [CALLERS] [EVENTS_A_BATCH] [BATCHES]")?;
    let (callers, events, batches) = (number(2, 8), number(3, 100), number(4, 100));
    let folder = Path::new(folder);
    let env = system::env();
    for name in ["journal", "objects"] {
        env.disk.create_dir_all(&folder.join(name))?;
    }
    let (journal, _) = journal::SegmentJournal::open(&env, &folder.join("journal"), journal::Options::default())?;
    let journal: Arc<dyn Journal> = Arc::new(journal);
    let logs = logs::Logs::open(logs::Deps {
        env: env.clone(),
        account: ACCOUNT.into(),
        state: Arc::new(state::Sqlite::open(&folder.join("state.sqlite"), state::Options::default())?),
        objects: Arc::new(objects::Local::open(Arc::clone(&env.disk), &folder.join("objects"))?),
        journal: Arc::clone(&journal),
        metrics: None,
        keys: None,
        buckets: Arc::new(Nobody),
        functions: None,
        outbound: None,
        roles: None,
        authorizer: Arc::new(Nobody),
    })
    .await?;
    let crew = worker::Crew::new(Arc::clone(&journal), env.clone());
    crew.add(logs.consumer().await?);
    let definition = Arc::new(logs::definition(Arc::clone(&logs)));
    let group = ("logGroupName", Value::String("g".to_owned()));
    run(&definition, "CreateLogGroup", vec![group.clone()]).await?;
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for caller in 0..callers {
        let (definition, group, clock) = (Arc::clone(&definition), group.clone(), Arc::clone(&env.clock));
        let stream = ("logStreamName", Value::String(format!("s{caller}")));
        tasks.push(tokio::spawn(async move {
            run(&definition, "CreateLogStream", vec![group.clone(), stream.clone()]).await?;
            let mut times = Vec::new();
            for batch in 0..batches {
                let now = clock.now().ms();
                let event = |n: usize| {
                    let message = Value::String(text((batch * callers + caller) * events + n));
                    Value::Struct(Fields(vec![("timestamp".into(), Value::Int(now)), ("message".into(), message)]))
                };
                let list = ("logEvents", Value::List((0..events).map(event).collect()));
                let put = Instant::now();
                run(&definition, "PutLogEvents", vec![group.clone(), stream.clone(), list]).await?;
                times.push(put.elapsed());
            }
            Ok::<_, ApiError>(times)
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    let took = begun.elapsed().as_secs_f64();
    times.sort_unstable();
    let count = callers * events * batches;
    crew.stop().await;
    let mut stored = 0;
    let objects = objects::Local::open(Arc::clone(&env.disk), &folder.join("objects"))?;
    for object in objects::Objects::list(&objects, "logs/", None, 10_000).await? {
        stored += object.len;
    }
    let texts: usize = (0..1_000).map(|n| text(n).len()).sum::<usize>() / 1_000;
    println!(
        "{callers} callers, {events} events a batch of some {texts} bytes each: {:.0} events/s durable and seen",
        count as f64 / took
    );
    println!("a call: p50 {:?}, p99 {:?}", times[times.len() / 2], times[times.len() * 99 / 100]);
    println!("sealed: {:.1} bytes an event", stored as f64 / count as f64);
    journal.close();
    Ok(())
}
