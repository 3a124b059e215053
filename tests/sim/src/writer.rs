//! Those who put, get and delete objects, each under keys of its own, and call much else on the way, rightly and wrongly.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;

use crate::Stopped;
use crate::chance::Chance;
use crate::client::{Line, Request, Who, end_of};
use crate::http::{Answer, Manner};
use crate::model::{End, Possible};
use crate::setup::{DATA, LOGS, TRAILS, of_trail, put_policy};

/// Names the content of an object: its bytes follow from it.
type Content = u64;

/// What a denied call is told; the last three if the clock was set since it was signed.
const DENIED: [&str; 5] = [
    "AccessDenied",
    "AccessDeniedException",
    "RequestTimeTooSkewed",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
];

/// See the module.
pub(crate) struct Writer {
    name: String,
    chance: Chance,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    left: u64,
    next_content: Content,
    objects: BTreeMap<String, Possible<Option<Content>>>,
    /// Versions that were acknowledged: path, version, content.
    versions: Vec<(String, String, Content)>,
}

/// The bytes of a content. Some are empty, most small, some larger than what goes into the tables.
fn bytes_of(content: Content) -> Vec<u8> {
    let chance = Chance::new(content.wrapping_mul(0x1234_5678_9abc_def1));
    let len = match chance.below(8) {
        0 => 0,
        1..=4 => chance.between(1, 400),
        5 => chance.between(400, 9_000),
        6 => chance.between(8_000, 8_400),
        _ => chance.between(9_000, 70_000),
    };
    chance.bytes(usize::try_from(len).unwrap_or(0))
}

impl Writer {
    /// The writer of this number, who makes `calls` calls.
    pub(crate) fn new(seed: u64, number: u64, calls: u64) -> Writer {
        let inner = Inner { left: calls, next_content: (seed << 20) ^ (number << 14), ..Inner::default() };
        let name = format!("w{number}");
        Writer { chance: Chance::part(seed, &name), name, inner: Mutex::new(inner) }
    }

    /// The server has stopped: no call is under way.
    pub(crate) fn settle(&self) {
        self.inner().objects.values_mut().for_each(Possible::settle);
    }

    /// Works until nothing is left to do, or `pause` is true.
    pub(crate) async fn work(self: Arc<Self>, line: Arc<Line>, pause: watch::Receiver<bool>) {
        loop {
            let ms = if self.chance.one_in(3) { self.chance.below(60) } else { self.chance.between(60, 15_000) };
            tokio::time::sleep(Duration::from_millis(ms)).await;
            if *pause.borrow() || self.inner().left == 0 {
                return;
            }
            self.inner().left -= 1;
            if self.step(&line).await.is_err() {
                return;
            }
        }
    }

    async fn step(&self, line: &Line) -> Result<(), Stopped> {
        let path = self.some_path();
        match self.chance.below(32) {
            0..=10 => self.put(line, &path).await,
            11..=16 => return self.get(line, &path).await,
            17..=19 => self.delete(line, &path).await,
            20..=21 => self.upload(line, &path).await,
            22..=25 => return self.denied(line, &path).await,
            _ => self.other(line, &path).await,
        }
        Ok(())
    }

    fn some_path(&self) -> String {
        let bucket = self.chance.pick(&DATA);
        format!("/{bucket}/{}/key-{}", self.name, self.chance.below(5))
    }

    fn someone(&self) -> Who {
        if self.chance.one_in(2) { Who::Root } else { Who::Alice }
    }

    fn region(&self) -> &'static str {
        if self.chance.one_in(3) { "eu-west-1" } else { "us-east-1" }
    }

    async fn send(&self, line: &Line, request: &Request) -> Option<Answer> {
        let manner = match self.chance.below(24) {
            0 => Manner::DropBeforeAnswer,
            1 => Manner::DropWhileSending(u8::try_from(self.chance.below(256)).unwrap_or(0)),
            2 | 3 => Manner::Trickle,
            _ => Manner::Plain,
        };
        let patience = Duration::from_millis(if self.chance.one_in(12) { 300 } else { 90_000 });
        line.call(request, manner, patience, &self.chance).await
    }

    /// Sends it, and once more if there is no answer.
    async fn send_again(&self, line: &Line, request: &Request) -> Option<Answer> {
        match self.send(line, request).await {
            None if self.chance.one_in(2) => {
                tokio::time::sleep(Duration::from_millis(self.chance.below(500))).await;
                // It is answered now, but the first may still be under way.
                let _ = self.send(line, request).await;
                None
            }
            answer => answer,
        }
    }

    fn begin(&self, path: &str, value: Option<Content>) -> Option<Possible<Option<Content>>> {
        let mut inner = self.inner();
        let object = inner.objects.entry(path.to_owned()).or_insert_with(|| Possible::certain(None));
        if object.is_tainted() {
            return None;
        }
        let before = object.clone();
        object.begin(&value);
        Some(before)
    }

    fn end(&self, path: &str, value: Option<Content>, before: Possible<Option<Content>>, end: End) {
        if let Some(object) = self.inner().objects.get_mut(path) {
            object.end(&value, before, end);
        }
    }

    fn new_content(&self) -> Content {
        let mut inner = self.inner();
        inner.next_content += 1;
        inner.next_content
    }

    async fn put(&self, line: &Line, path: &str) {
        let content = self.new_content();
        let Some(before) = self.begin(path, Some(content)) else { return };
        let request = Request::s3(self.someone(), "PutObject", "PUT", path, "", bytes_of(content));
        let answer = self.send_again(line, &request.within(self.region())).await;
        if let Some((answer, version)) =
            answer.as_ref().and_then(|answer| Some((answer, answer.header("x-amz-version-id")?)))
            && answer.status == 200
        {
            self.inner().versions.push((path.to_owned(), version.to_owned(), content));
        }
        self.end(path, Some(content), before, end_of(answer.as_ref()));
    }

    async fn delete(&self, line: &Line, path: &str) {
        let Some(before) = self.begin(path, None) else { return };
        let request = Request::s3(self.someone(), "DeleteObject", "DELETE", path, "", Vec::new());
        let answer = self.send_again(line, &request).await;
        self.end(path, None, before, end_of(answer.as_ref()));
    }

    /// A multipart upload of one part; some are given up on the way.
    async fn upload(&self, line: &Line, path: &str) {
        let who = self.someone();
        let begun = Request::s3(who.clone(), "CreateMultipartUpload", "POST", path, "uploads=", Vec::new());
        let Some(id) = self.send(line, &begun).await.and_then(|answer| answer.xml("UploadId")) else { return };
        let content = self.new_content();
        let query = format!("partNumber=1&uploadId={id}");
        let part = Request::s3(who.clone(), "UploadPart", "PUT", path, &query, bytes_of(content));
        let Some(etag) = self.send(line, &part).await.and_then(|answer| Some(answer.header("etag")?.to_owned())) else {
            return;
        };
        let query = format!("uploadId={id}");
        if self.chance.one_in(4) {
            let abort = Request::s3(who, "AbortMultipartUpload", "DELETE", path, &query, Vec::new());
            let _ = self.send(line, &abort).await;
            return;
        }
        let Some(before) = self.begin(path, Some(content)) else { return };
        let parts = format!(
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Part><PartNumber>1</PartNumber>\
             <ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
        );
        let complete = Request::s3(who, "CompleteMultipartUpload", "POST", path, &query, parts.into_bytes());
        let answer = self.send(line, &complete).await;
        self.end(path, Some(content), before, end_of(answer.as_ref()));
    }

    async fn get(&self, line: &Line, path: &str) -> Result<(), Stopped> {
        let request = Request::s3(self.someone(), "GetObject", "GET", path, "", Vec::new());
        match self.send(line, &request.within(self.region())).await {
            Some(answer) => self.see(line, path, &answer),
            None => Ok(()),
        }
    }

    /// Holds what was read against what it can be.
    fn see(&self, line: &Line, path: &str, answer: &Answer) -> Result<(), Stopped> {
        let mut inner = self.inner();
        let object = inner.objects.entry(path.to_owned()).or_insert_with(|| Possible::certain(None));
        let seen = match answer.status {
            200 => object.values().iter().flatten().find(|content| bytes_of(**content) == answer.body).copied(),
            404 => None,
            _ => return Ok(()),
        };
        if (answer.status == 200 && seen.is_none()) || !object.observe(&seen) {
            let len = answer.body.len();
            let text = format!(
                "{path} is read with status {} and {len} bytes; it can be {:?}",
                answer.status,
                object.values()
            );
            drop(inner);
            line.witness.violated(7, text);
            return Err(Stopped);
        }
        Ok(())
    }

    /// A call that must be denied and must change nothing.
    async fn denied(&self, line: &Line, path: &str) -> Result<(), Stopped> {
        let plan = self.chance.pick(&TRAILS);
        let bucket = self.chance.pick(&LOGS);
        let as_bob = |request: Request| Request { who: Who::Bob, ..request };
        let request = match self.chance.below(10) {
            0 => Request::s3(
                Who::Bob,
                "PutObject",
                "PUT",
                &format!("/{}/denied/{}", DATA[0], self.name),
                "",
                vec![1; 99],
            ),
            1 => Request::s3(Who::Bob, "PutObject", "PUT", path, "", b"denied".to_vec()),
            2 => Request::s3(Who::Bob, "DeleteObject", "DELETE", path, "", Vec::new()),
            3 => Request::s3(Who::Bob, "CreateBucket", "PUT", "/denied-bucket", "", Vec::new()),
            4 => Request::s3(Who::Bob, "DeleteBucketPolicy", "DELETE", &format!("/{bucket}"), "policy=", Vec::new()),
            5 => as_bob(put_policy(Who::Bob, DATA[0])),
            6 => as_bob(of_trail("DeleteTrail", plan)),
            7 => as_bob(of_trail("StopLogging", plan)),
            8 => Request::query(Who::Bob, "iam", "CreateUser", "&UserName=denied"),
            _ => Request::query(Who::Bob, "iam", "DeleteUser", "&UserName=alice"),
        };
        let Some(answer) = self.send(line, &request).await else { return Ok(()) };
        let denied = answer.error_code().is_some_and(|code| DENIED.contains(&code.as_str()));
        if answer.status < 500 && !denied {
            let text = format!("bob may call {} {}: it is answered {answer:?}", request.event, request.path);
            line.witness.violated(6, text);
            return Err(Stopped);
        }
        Ok(())
    }

    /// Reads of all kinds, and calls that are wrong in some way.
    async fn other(&self, line: &Line, path: &str) {
        let who = self.someone();
        let request = match self.chance.below(14) {
            0 => Request::s3(who, "HeadObject", "HEAD", path, "", Vec::new()),
            1 => Request::s3(who, "ListObjects", "GET", &format!("/{}", DATA[0]), "list-type=2", Vec::new()),
            2 => Request::s3(who, "ListBuckets", "GET", "/", "", Vec::new()),
            3 => Request::query(who, "sts", "GetCallerIdentity", ""),
            4 => Request::query(who, "iam", "ListUsers", ""),
            5 => Request::s3(Who::Forger, "PutObject", "PUT", path, "", b"forged".to_vec()),
            6 => Request::s3(Who::Stranger, "GetObject", "GET", path, "", Vec::new()),
            7 => Request::s3(Who::Nobody, "GetObject", "GET", path, "", Vec::new()),
            8 => {
                Request { body: b"{\"Name\":".to_vec(), ..Request::json(who, "cloudtrail", "CreateTrail", &json!({})) }
            }
            9 => Request::json(who, "cloudtrail", "CreateTrail", &json!({ "Name": 7 })),
            10 => Request::json(who, "cloudtrail", "FrobnicateTrail", &json!({})),
            11 => Request::json(who, "cloudtrail", "ListChannels", &json!({})),
            12 => Request::s3(who, "PutBucketPolicy", "PUT", &format!("/{}", DATA[0]), "policy=", b"{".to_vec()),
            _ => Request::s3(who, "GetObject", "GET", &format!("/{}/nothing", DATA[1]), "", Vec::new()),
        };
        let _ = self.send(line, &request.within(self.region())).await;
    }

    /// Reads every object and every acknowledged version.
    pub(crate) async fn check(&self, line: &Line) -> Result<(), Stopped> {
        let paths: Vec<String> = self.inner().objects.keys().cloned().collect();
        for path in paths {
            let request = Request::s3(Who::Root, "GetObject", "GET", &path, "", Vec::new());
            let answer = line.ask(&request).await.ok_or(Stopped)?;
            if answer.status != 200 && answer.status != 404 {
                line.witness.violated(7, format!("{path} cannot be read: {answer:?}"));
                return Err(Stopped);
            }
            self.see(line, &path, &answer)?;
        }
        let versions = self.inner().versions.clone();
        for (path, version, content) in versions {
            let query = format!("versionId={version}");
            let request = Request::s3(Who::Root, "GetObject", "GET", &path, &query, Vec::new());
            let answer = line.ask(&request).await.ok_or(Stopped)?;
            if answer.status != 200 || answer.body != bytes_of(content) {
                let text =
                    format!("version {version} of {path} was acknowledged; it is read with status {}", answer.status);
                line.witness.violated(7, text);
                return Err(Stopped);
            }
        }
        Ok(())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
