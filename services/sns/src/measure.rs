//! What CloudWatch shows of topics: what was published, and what became of it, in each minute in which something happened. Counts are in
//! memory: what was counted and not yet told is lost when the server stops. Source: SNS developer guide, "Monitoring Amazon SNS topics
//! using CloudWatch".

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use base::Region;
use ports::{Datum, Unavailable};

use crate::Sns;

const NAMESPACE: &str = "AWS/SNS";
/// By what CloudWatch knows that it was told something before.
const SOURCE: &str = "sns";
const MINUTE_MS: i64 = 60_000;
/// Data that are told at once. Each time has a position of its own, which begins with the minute.
const DATA_MAX: usize = 2_000;
const POSITION_BITS: u32 = 16;
/// Sizes of messages that are told apart within a minute; further ones count as the next power of two.
const SIZES_MAX: usize = 100;

/// What became of a notification for one subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Became {
    Delivered,
    /// No further attempt is made.
    Failed,
    /// The subscription's filter does not take it.
    FilteredOut,
    /// It is in the dead-letter queue.
    Redriven,
    /// Not even there.
    NotRedriven,
}

impl Became {
    fn metric(self) -> &'static str {
        match self {
            Became::Delivered => "NumberOfNotificationsDelivered",
            Became::Failed => "NumberOfNotificationsFailed",
            Became::FilteredOut => "NumberOfNotificationsFilteredOut",
            Became::Redriven => "NumberOfNotificationsRedrivenToDlq",
            Became::NotRedriven => "NumberOfNotificationsFailedToRedriveToDlq",
        }
    }
}

#[derive(Default)]
struct Counted {
    /// How often messages of a size in bytes were published.
    sizes: BTreeMap<usize, u64>,
    published: u64,
    became: BTreeMap<Became, u64>,
}

/// What happened since CloudWatch was last told something.
#[derive(Default)]
pub(crate) struct Tally {
    topics: Mutex<BTreeMap<(Region, String), Counted>>,
    /// The minute, since 1970, in which that was.
    minute: AtomicI64,
}

impl Tally {
    /// The minute that runs is told of when it is over.
    pub(crate) fn begun_at(now_ms: i64) -> Tally {
        Tally { minute: AtomicI64::new(now_ms.div_euclid(MINUTE_MS)), ..Tally::default() }
    }

    fn with(&self, region: Region, topic: &str, count: impl FnOnce(&mut Counted)) {
        let mut topics = self.topics.lock().expect("no holder of this lock can panic");
        count(topics.entry((region, topic.to_owned())).or_default());
    }

    /// A message of so many bytes was published.
    pub(crate) fn published(&self, region: Region, topic: &str, bytes: usize) {
        self.with(region, topic, |counted| {
            let known = counted.sizes.len() < SIZES_MAX || counted.sizes.contains_key(&bytes);
            *counted.sizes.entry(if known { bytes } else { bytes.next_power_of_two() }).or_default() += 1;
            counted.published += 1;
        });
    }

    /// Something became of a notification.
    pub(crate) fn became(&self, region: Region, topic: &str, what: Became) {
        self.with(region, topic, |counted| *counted.became.entry(what).or_default() += 1);
    }
}

/// As metrics have it: exact far beyond what a minute holds.
#[expect(clippy::cast_precision_loss, reason = "metrics are of this type")]
fn value(number: u64) -> f64 {
    number as f64
}

fn data(topic: &str, counted: Counted, minute_ms: i64) -> Vec<Datum> {
    let datum = |name: &str, unit: &str, value: f64, count: f64| Datum {
        namespace: NAMESPACE.to_owned(),
        name: name.to_owned(),
        dimensions: vec![("TopicName".to_owned(), topic.to_owned())],
        timestamp_ms: minute_ms,
        value,
        count,
        unit: Some(unit.to_owned()),
    };
    let mut told = Vec::new();
    if counted.published > 0 {
        told.push(datum("NumberOfMessagesPublished", "Count", value(counted.published), 1.0));
    }
    let became = counted.became.into_iter();
    told.extend(became.map(|(what, times)| datum(what.metric(), "Count", value(times), 1.0)));
    let wide = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
    let sizes = counted.sizes.into_iter();
    told.extend(sizes.map(|(bytes, times)| datum("PublishSize", "Bytes", value(wide(bytes)), value(times))));
    told
}

impl Sns {
    /// Tells CloudWatch of the minute that ended last, if that was not done. To be called every few seconds.
    pub async fn measure(&self) -> Result<(), Unavailable> {
        let Some(metrics) = &self.deps.metrics else { return Ok(()) };
        let minute = self.deps.env.clock.now().ms().div_euclid(MINUTE_MS);
        if self.tally.minute.swap(minute, Ordering::Relaxed) == minute {
            return Ok(());
        }
        let topics = std::mem::take(&mut *self.tally.topics.lock().expect("no holder of this lock can panic"));
        let mut by_region: BTreeMap<Region, Vec<Datum>> = BTreeMap::new();
        for ((region, topic), counted) in topics {
            by_region.entry(region).or_default().extend(data(&topic, counted, (minute - 1) * MINUTE_MS));
        }
        let mut failed = None;
        for (region, data) in by_region {
            for (number, data) in (0_u64..).zip(data.chunks(DATA_MAX)) {
                let position = (u64::try_from(minute).unwrap_or(0) << POSITION_BITS) + number;
                let put = metrics.put(region, SOURCE, position, data.to_vec()).await;
                failed = failed.or(put.err());
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{World, queue};

    #[tokio::test(start_paused = true)]
    async fn a_minute_of_a_topic() {
        let world = World::new().await;
        let arn = world.topic("t").await;
        world.topic("rests").await;
        let redrive = json!({"RedrivePolicy": format!(r#"{{"deadLetterTargetArn":"{}"}}"#, queue("dead"))});
        world.subscribe(&arn, "http", "http://h.example/x", redrive).await;
        world.subscribe(&arn, "sqs", &queue("q"), json!({"FilterPolicy": r#"{"kind":["this"]}"#})).await;
        world.endpoints.say.lock().unwrap().extend([403, 200]);
        world.publish(&arn, "refused").await;
        world.rest().await;
        let taken = json!({"TopicArn": arn, "Message": "taken",
            "MessageAttributes": {"kind": {"DataType": "String", "StringValue": "this"}}});
        world.run("Publish", taken).await;
        world.rest().await;
        world.sns.measure().await.unwrap();
        assert!(world.metrics.0.lock().unwrap().is_empty(), "the minute is not over");
        world.pass_secs(60).await;
        world.sns.measure().await.unwrap();
        let told: Vec<_> = std::mem::take(&mut *world.metrics.0.lock().unwrap());
        assert!(told.iter().all(|one| one.namespace == NAMESPACE && one.timestamp_ms % MINUTE_MS == 0));
        assert!(told.iter().all(|one| one.dimensions == [("TopicName".to_owned(), "t".to_owned())]));
        let mut told: Vec<_> = told.iter().map(|one| (one.name.as_str(), one.value, one.count)).collect();
        told.sort_by(|a, b| a.0.cmp(b.0));
        assert_eq!(
            told,
            [
                ("NumberOfMessagesPublished", 2.0, 1.0),
                ("NumberOfNotificationsDelivered", 2.0, 1.0),
                ("NumberOfNotificationsFailed", 1.0, 1.0),
                ("NumberOfNotificationsFilteredOut", 1.0, 1.0),
                ("NumberOfNotificationsRedrivenToDlq", 1.0, 1.0),
                ("PublishSize", 7.0, 1.0),
                ("PublishSize", 19.0, 1.0),
            ]
        );
        world.pass_secs(60).await;
        world.sns.measure().await.unwrap();
        assert!(world.metrics.0.lock().unwrap().is_empty(), "nothing happened");
    }
}
