//! The one who changes trails and log buckets, and knows what they must be.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::Stopped;
use crate::chance::Chance;
use crate::client::{Line, Request, Who, end_of};
use crate::http::Manner;
use crate::model::{End, Possible};
use crate::setup::{self, LOGS, SELECTORS, TRAILS, TrailPlan, create_trail, must, of_trail, put_policy, put_selectors};

/// A trail as the admin knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrailModel {
    logging: bool,
    /// An index into `setup::selectors`.
    selectors: usize,
    bucket: String,
}

/// A log bucket: whether it is there, and whether it lets CloudTrail in.
type BucketModel = Option<bool>;

/// See the module.
pub(crate) struct Admin {
    chance: Chance,
    inner: Mutex<Inner>,
}

struct Inner {
    left: u64,
    trails: Vec<Possible<Option<TrailModel>>>,
    buckets: Vec<Possible<BucketModel>>,
}

impl Admin {
    /// Who makes `calls` calls.
    pub(crate) fn new(seed: u64, calls: u64) -> Admin {
        let trails = TRAILS.iter().map(|_| Possible::certain(None)).collect();
        let buckets = LOGS.iter().map(|_| Possible::certain(Some(true))).collect();
        Admin { chance: Chance::part(seed, "admin"), inner: Mutex::new(Inner { left: calls, trails, buckets }) }
    }

    /// A trail was made when the world was set up.
    pub(crate) fn made(&self, index: usize) {
        let plan = &TRAILS[index];
        let model = TrailModel { logging: true, selectors: plan.selectors, bucket: plan.bucket.to_owned() };
        self.inner().trails[index] = Possible::certain(Some(model));
    }

    /// The server has stopped: no call is under way.
    pub(crate) fn settle(&self) {
        let mut inner = self.inner();
        inner.trails.iter_mut().for_each(Possible::settle);
        inner.buckets.iter_mut().for_each(Possible::settle);
    }

    /// Works until nothing is left to do, or `pause` is true.
    pub(crate) async fn work(self: Arc<Self>, line: Arc<Line>, pause: watch::Receiver<bool>) {
        loop {
            tokio::time::sleep(Duration::from_millis(self.chance.between(50, 20_000))).await;
            if *pause.borrow() || self.inner().left == 0 {
                return;
            }
            self.inner().left -= 1;
            self.step(&line).await;
        }
    }

    async fn step(&self, line: &Line) {
        let chance = &self.chance;
        let index = usize::try_from(chance.below(5)).unwrap_or(0);
        let plan = &TRAILS[index];
        match chance.below(16) {
            0..=1 => self.change_bucket(line, chance).await,
            2 => {
                let request = Request::json(Who::Root, "cairn", "Flush", &json!({}));
                let _ = self.send(line, &request).await;
            }
            3 => {
                let request = Request::json(Who::Alice, "cloudtrail", "LookupEvents", &json!({ "MaxResults": 20 }));
                let _ = self.send(line, &request).await;
            }
            4 => {
                let _ = self.send(line, &of_trail("GetTrailStatus", plan)).await;
            }
            5 => {
                let _ = self.send(line, &Request::json(Who::Alice, "cloudtrail", "DescribeTrails", &json!({}))).await;
            }
            _ => self.change_trail(line, index, plan).await,
        }
    }

    async fn send(&self, line: &Line, request: &Request) -> End {
        let manner = if self.chance.one_in(12) { Manner::DropBeforeAnswer } else { Manner::Plain };
        let patience = Duration::from_secs(if self.chance.one_in(10) { 1 } else { 120 });
        end_of(line.call(request, manner, patience, &self.chance).await.as_ref())
    }

    async fn change_trail(&self, line: &Line, index: usize, plan: &TrailPlan) {
        let chance = &self.chance;
        let possible = self.inner().trails[index].clone();
        if possible.is_tainted() {
            return;
        }
        // What the change would make of it, if it is there.
        let Some(present) = possible.values().iter().flatten().next().cloned() else {
            let model = TrailModel { logging: false, selectors: 0, bucket: plan.bucket.to_owned() };
            return self.trail(line, index, &create_trail(plan), |_| Some(model.clone())).await;
        };
        match chance.below(9) {
            0..=2 => {
                let start = |old: &TrailModel| Some(TrailModel { logging: true, ..old.clone() });
                self.trail_if_there(line, index, &of_trail("StartLogging", plan), start).await;
            }
            3..=4 => {
                let stop = |old: &TrailModel| Some(TrailModel { logging: false, ..old.clone() });
                self.trail_if_there(line, index, &of_trail("StopLogging", plan), stop).await;
            }
            5 => self.trail_if_there(line, index, &of_trail("DeleteTrail", plan), |_| None).await,
            6 => {
                let selectors = usize::try_from(chance.below(SELECTORS)).unwrap_or(0);
                let change = |old: &TrailModel| Some(TrailModel { selectors, ..old.clone() });
                self.trail_if_there(line, index, &put_selectors(plan, selectors), change).await;
            }
            _ => {
                let bucket = LOGS.iter().find(|bucket| **bucket != present.bucket).copied().unwrap_or(LOGS[0]);
                let body = json!({ "Name": plan.name, "S3BucketName": bucket });
                let request = Request::json(Who::Alice, "cloudtrail", "UpdateTrail", &body).within(plan.region);
                let change = |old: &TrailModel| Some(TrailModel { bucket: bucket.to_owned(), ..old.clone() });
                self.trail_if_there(line, index, &request, change).await;
            }
        }
    }

    async fn trail_if_there(
        &self,
        line: &Line,
        index: usize,
        request: &Request,
        change: impl Fn(&TrailModel) -> Option<TrailModel>,
    ) {
        self.trail(line, index, request, |old| old.as_ref().and_then(&change)).await;
    }

    /// Sends a change of a trail and keeps track of what it may be then.
    async fn trail(
        &self,
        line: &Line,
        index: usize,
        request: &Request,
        change: impl Fn(&Option<TrailModel>) -> Option<TrailModel>,
    ) {
        let before = self.inner().trails[index].clone();
        let after: Vec<Option<TrailModel>> = before.values().iter().map(&change).collect();
        after.iter().for_each(|value| self.inner().trails[index].begin(value));
        let end = self.send(line, request).await;
        let mut inner = self.inner();
        match (&after[..], end) {
            ([only], _) => inner.trails[index].end(only, before, end),
            // Several were possible before: all that follow from them are, then.
            (_, End::Done) => {
                let mut now = Possible::certain(after[0].clone());
                after.iter().for_each(|value| now.begin(value));
                inner.trails[index] = now;
            }
            (several, _) => inner.trails[index].end(&several[0], before, end),
        }
    }

    async fn change_bucket(&self, line: &Line, chance: &Chance) {
        let index = usize::try_from(chance.below(2)).unwrap_or(0);
        let bucket = LOGS[index];
        let before = self.inner().buckets[index].clone();
        if before.is_tainted() {
            return;
        }
        let (request, after) = match (before.values()[0], chance.below(3)) {
            (None, _) => (create_bucket(bucket), Some(false)),
            (Some(true), 0) => {
                let path = format!("/{bucket}");
                (Request::s3(Who::Root, "DeleteBucket", "DELETE", &path, "", Vec::new()), None)
            }
            (Some(true), _) => {
                let path = format!("/{bucket}");
                (Request::s3(Who::Root, "DeleteBucketPolicy", "DELETE", &path, "policy=", Vec::new()), Some(false))
            }
            (Some(false), _) => (put_policy(Who::Alice, bucket), Some(true)),
        };
        self.inner().buckets[index].begin(&after);
        let end = self.send(line, &request).await;
        // What is done without being certain what was there before leaves more than one possibility.
        let end = if before.only().is_none() && end == End::Done { End::Unknown } else { end };
        self.inner().buckets[index].end(&after, before, end);
    }

    /// Reads all log buckets and gives them back what delivery needs.
    pub(crate) async fn restore(&self, line: &Line) -> Result<(), Stopped> {
        for (index, bucket) in LOGS.iter().enumerate() {
            let path = format!("/{bucket}");
            let get = Request::s3(Who::Root, "GetBucketPolicy", "GET", &path, "policy=", Vec::new());
            let answer = line.ask(&get).await;
            let seen = match answer.as_ref().and_then(|answer| Some((answer.status, answer.error_code()?))) {
                None => Some(true),
                Some((_, code)) if code == "NoSuchBucketPolicy" => Some(false),
                Some((_, code)) if code == "NoSuchBucket" => None,
                Some((status, code)) => {
                    line.witness.violated(8, format!("GetBucketPolicy {bucket} is answered {status} {code}"));
                    return Err(Stopped);
                }
            };
            let mut possible = self.inner().buckets[index].clone();
            if !possible.observe(&seen) {
                let text = format!("bucket {bucket} (with policy?) is {seen:?}; it can be {possible:?}");
                line.witness.violated(7, text);
                return Err(Stopped);
            }
            if seen.is_none() {
                must(line, &create_bucket(bucket)).await?;
            }
            must(line, &put_policy(Who::Root, bucket)).await?;
            self.inner().buckets[index] = Possible::certain(Some(true));
        }
        Ok(())
    }

    /// Reads all trails and holds them against what they can be.
    pub(crate) async fn check(&self, line: &Line) -> Result<(), Stopped> {
        for (index, plan) in TRAILS.iter().enumerate() {
            let seen = read_trail(line, plan).await?;
            let mut possible = self.inner().trails[index].clone();
            if !possible.observe(&seen) {
                let text = format!("trail {} is {seen:?}; it can be {possible:?}", plan.name);
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

fn create_bucket(bucket: &str) -> Request {
    Request::s3(Who::Root, "CreateBucket", "PUT", &format!("/{bucket}"), "", Vec::new())
}

async fn read_trail(line: &Line, plan: &TrailPlan) -> Result<Option<TrailModel>, Stopped> {
    let body = json!({ "Name": setup::arn(plan) });
    let get = Request::json(Who::Root, "cloudtrail", "GetTrail", &body).within(plan.region);
    let Some(answer) = line.ask(&get).await.filter(|answer| answer.status < 500) else { return Err(Stopped) };
    if answer.status >= 400 {
        return Ok(None);
    }
    let bucket = answer.json()["Trail"]["S3BucketName"].as_str().unwrap_or_default().to_owned();
    let status = must(line, &of_trail("GetTrailStatus", plan)).await?.json();
    let body = json!({ "TrailName": plan.name });
    let get = Request::json(Who::Root, "cloudtrail", "GetEventSelectors", &body).within(plan.region);
    let found = must(line, &get).await?.json();
    let same = |index: &usize| {
        let (member, value) = setup::selectors(*index);
        found.get(member).is_some_and(|found: &Value| *found == value)
    };
    let selectors = (0..usize::try_from(SELECTORS).unwrap_or(0)).find(same).unwrap_or(usize::MAX);
    Ok(Some(TrailModel { logging: status["IsLogging"] == true, selectors, bucket }))
}
