//! What CloudWatch shows of queues: what happened to each in a minute, and what lies in it at the end of the minute. Counts are in memory: what
//! was counted and not yet told is lost when the server stops. Source: SQS developer guide, "Available CloudWatch metrics for Amazon SQS".

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard};

use base::Region;
use ports::{Datum, Unavailable};

use crate::Sqs;
use crate::queue::Live;

const NAMESPACE: &str = "AWS/SQS";
/// By what CloudWatch knows that it was told something before.
const SOURCE: &str = "sqs";
const MINUTE_MS: i64 = 60_000;
/// A queue with which nothing happened for so long is told of only while something lies in it.
const ACTIVE_MS: i64 = 6 * 60 * MINUTE_MS;
/// Data that are told at once. Each time has a position of its own, which begins with the minute.
const DATA_MAX: usize = 2_000;
const POSITION_BITS: u32 = 16;
/// Sizes of messages that are told apart within a minute; further ones count as the next power of two.
const SIZES_MAX: usize = 100;

/// What happened to a queue since it was last asked.
#[derive(Default)]
pub struct Tally(Mutex<Counted>);

#[derive(Default)]
struct Counted {
    /// When something happened.
    last_ms: Option<i64>,
    /// How often messages of a size in bytes were sent.
    sizes: BTreeMap<usize, u64>,
    sent: u64,
    deduplicated: u64,
    received: u64,
    deleted: u64,
    empty: u64,
}

impl Tally {
    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().expect("no holder of this lock can panic")
    }

    /// Messages were sent, of these sizes in bytes, and so many that the queue had before.
    pub fn sent(&self, now_ms: i64, sizes: impl IntoIterator<Item = usize>, deduplicated: usize) {
        let mut counted = self.lock();
        counted.last_ms = Some(now_ms);
        counted.deduplicated += wide(deduplicated);
        for size in sizes {
            let known = counted.sizes.len() < SIZES_MAX || counted.sizes.contains_key(&size);
            let size = if known { size } else { size.next_power_of_two() };
            *counted.sizes.entry(size).or_default() += 1;
            counted.sent += 1;
        }
    }

    /// A receive got so many messages.
    pub fn received(&self, now_ms: i64, messages: usize) {
        let mut counted = self.lock();
        counted.last_ms = Some(now_ms);
        counted.received += wide(messages);
        counted.empty += u64::from(messages == 0);
    }

    /// Messages were deleted by those who had received them.
    pub fn deleted(&self, now_ms: i64, messages: usize) {
        let mut counted = self.lock();
        counted.last_ms = Some(now_ms);
        counted.deleted += wide(messages);
    }
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// As metrics have it: exact far beyond what a minute holds.
#[expect(clippy::cast_precision_loss, reason = "metrics are of this type")]
fn value(number: u64) -> f64 {
    number as f64
}

impl Live {
    /// What is to be told of the minute that began at `minute_ms`; nothing of a queue at rest.
    fn told(&self, now_ms: i64, minute_ms: i64) -> Vec<Datum> {
        let (counts, groups, age_ms) = {
            let lying = self.lock_at(now_ms);
            let age_ms = lying.shelf.oldest_ms().map(|sent_ms| (now_ms - sent_ms).max(0));
            (lying.shelf.counts(), lying.shelf.groups_in_flight(), age_ms)
        };
        let counted = {
            let mut counted = self.tally.lock();
            let last_ms = counted.last_ms;
            std::mem::replace(&mut *counted, Counted { last_ms, ..Counted::default() })
        };
        let is_active = counted.last_ms.is_some_and(|last_ms| now_ms - last_ms < ACTIVE_MS);
        if !is_active && age_ms.is_none() && counts.delayed + counts.in_flight == 0 {
            return Vec::new();
        }
        let datum = |name: &str, unit: &str, value: f64, count: f64| Datum {
            namespace: NAMESPACE.to_owned(),
            name: name.to_owned(),
            dimensions: vec![("QueueName".to_owned(), self.name.clone())],
            timestamp_ms: minute_ms,
            value,
            count,
            unit: Some(unit.to_owned()),
        };
        let mut told: Vec<Datum> = [
            ("ApproximateNumberOfMessagesVisible", wide(counts.visible)),
            ("ApproximateNumberOfMessagesNotVisible", wide(counts.in_flight)),
            ("ApproximateNumberOfMessagesDelayed", wide(counts.delayed)),
            ("NumberOfMessagesSent", counted.sent),
            ("NumberOfMessagesReceived", counted.received),
            ("NumberOfMessagesDeleted", counted.deleted),
            ("NumberOfEmptyReceives", counted.empty),
        ]
        .into_iter()
        .map(|(name, number)| datum(name, "Count", value(number), 1.0))
        .collect();
        let age_secs = u64::try_from(age_ms.unwrap_or(0) / 1000).unwrap_or(0);
        told.push(datum("ApproximateAgeOfOldestMessage", "Seconds", value(age_secs), 1.0));
        if self.is_fifo {
            let groups = value(wide(groups));
            told.push(datum("ApproximateNumberOfGroupsWithInflightMessages", "Count", groups, 1.0));
            told.push(datum("NumberOfDeduplicatedSentMessages", "Count", value(counted.deduplicated), 1.0));
        }
        let sizes = counted.sizes.into_iter();
        told.extend(sizes.map(|(bytes, times)| datum("SentMessageSize", "Bytes", value(wide(bytes)), value(times))));
        told
    }
}

impl Sqs {
    /// Tells CloudWatch of the minute that ended last, if that was not done. To be called every few seconds.
    pub async fn measure(&self) -> Result<(), Unavailable> {
        let Some(metrics) = &self.deps.metrics else { return Ok(()) };
        let now_ms = self.now_ms();
        let minute = now_ms.div_euclid(MINUTE_MS);
        if self.measured.swap(minute, Ordering::Relaxed) == minute {
            return Ok(());
        }
        let mut data: BTreeMap<Region, Vec<Datum>> = BTreeMap::new();
        for live in self.all() {
            let told = live.told(now_ms, (minute - 1) * MINUTE_MS);
            if !told.is_empty() {
                data.entry(live.region).or_default().extend(told);
            }
        }
        let mut failed = None;
        for (region, data) in data {
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
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::testing::{START, World};

    /// What was told of the last minute, by queue and metric: the value, and how often it occurred.
    fn told(world: &World) -> BTreeMap<String, Vec<(f64, f64)>> {
        let mut found: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for (region, _, data) in world.metrics.told.lock().unwrap().drain(..) {
            assert_eq!(region.as_str(), "us-east-1");
            for datum in data {
                assert_eq!((datum.namespace.as_str(), datum.timestamp_ms % MINUTE_MS), (NAMESPACE, 0));
                let name = format!("{} {}", datum.dimensions[0].1, datum.name);
                found.entry(name).or_default().push((datum.value, datum.count));
            }
        }
        found
    }

    #[tokio::test]
    async fn a_minute_of_a_queue() {
        let world = World::new().await;
        let url = world.queue("q", json!({"VisibilityTimeout": "600"})).await;
        world.queue("rests", json!({})).await;
        world.sqs.measure().await.unwrap();
        assert!(told(&world).is_empty(), "nothing is told of the minute that has only begun");
        for body in ["a", "b", "four"] {
            world.send(&url, body).await;
        }
        world.run("SendMessage", json!({"QueueUrl": url, "MessageBody": "later", "DelaySeconds": 900})).await;
        let one = json!({"QueueUrl": url, "MaxNumberOfMessages": 1});
        let got = world.run("ReceiveMessage", one.clone()).await;
        let handle = &got["Messages"][0]["ReceiptHandle"];
        world.run("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": handle})).await;
        world.run("ReceiveMessage", one).await;
        world.pass(60);
        world.sqs.measure().await.unwrap();
        let position = world.metrics.told.lock().unwrap()[0].1;
        assert_eq!(position >> POSITION_BITS, u64::try_from((START + MINUTE_MS) / MINUTE_MS).unwrap());
        let minute = told(&world);
        for (name, value) in [
            ("NumberOfMessagesSent", 4.0),
            ("NumberOfMessagesReceived", 2.0),
            ("NumberOfMessagesDeleted", 1.0),
            ("NumberOfEmptyReceives", 0.0),
            ("ApproximateNumberOfMessagesVisible", 1.0),
            ("ApproximateNumberOfMessagesNotVisible", 1.0),
            ("ApproximateNumberOfMessagesDelayed", 1.0),
            ("ApproximateAgeOfOldestMessage", 60.0),
        ] {
            assert_eq!(minute[&format!("q {name}")], [(value, 1.0)], "{name}");
        }
        assert_eq!(minute["q SentMessageSize"], [(1.0, 2.0), (4.0, 1.0), (5.0, 1.0)]);
        assert!(!minute.keys().any(|name| name.starts_with("rests") || name.contains("Deduplicated")));
        world.sqs.measure().await.unwrap();
        assert!(told(&world).is_empty(), "a minute is told of once");

        // The next minute has nothing of the last one, and what lies there is older.
        world.pass(60);
        world.sqs.measure().await.unwrap();
        let minute = told(&world);
        assert_eq!(minute["q NumberOfMessagesSent"], [(0.0, 1.0)]);
        assert_eq!(minute["q ApproximateAgeOfOldestMessage"], [(120.0, 1.0)]);
        assert!(!minute.contains_key("q SentMessageSize"));

        // At rest and empty, a queue is told of for six hours.
        world.run("PurgeQueue", json!({"QueueUrl": url})).await;
        world.pass(5 * 3_600);
        world.sqs.measure().await.unwrap();
        assert_eq!(told(&world)["q ApproximateNumberOfMessagesVisible"], [(0.0, 1.0)]);
        world.pass(3_600);
        world.sqs.measure().await.unwrap();
        assert!(told(&world).is_empty());
    }

    #[tokio::test]
    async fn many_queues_are_told_of_in_pieces() {
        let world = World::new().await;
        for number in 0..300 {
            let url = world.queue(&format!("q{number}"), json!({})).await;
            world.send(&url, "x").await;
        }
        world.pass(60);
        world.sqs.measure().await.unwrap();
        let told: Vec<(u64, usize)> =
            world.metrics.told.lock().unwrap().iter().map(|(_, position, data)| (*position, data.len())).collect();
        assert_eq!(told.iter().map(|(_, data)| data).sum::<usize>(), 300 * 9);
        assert!(told.len() == 2 && told[0].0 < told[1].0, "{told:?}");
    }

    #[tokio::test]
    async fn what_lies_in_a_queue_is_told_of_after_a_start() {
        let mut world = World::new().await;
        let url = world.queue("q.fifo", json!({"FifoQueue": "true", "ContentBasedDeduplication": "true"})).await;
        let message = json!({"QueueUrl": url, "MessageBody": "x", "MessageGroupId": "g"});
        world.run("SendMessage", message.clone()).await;
        world.run("SendMessage", message).await;
        world.receive(&url).await;
        world.pass(60);
        world.sqs.measure().await.unwrap();
        let minute = told(&world);
        assert_eq!(minute["q.fifo NumberOfDeduplicatedSentMessages"], [(1.0, 1.0)]);
        assert_eq!(minute["q.fifo ApproximateNumberOfGroupsWithInflightMessages"], [(0.0, 1.0)], "its time is over");
        world.reopen().await;
        world.pass(7 * 3_600);
        world.sqs.measure().await.unwrap();
        let minute = told(&world);
        assert_eq!(minute["q.fifo ApproximateNumberOfMessagesVisible"], [(1.0, 1.0)]);
        assert_eq!(minute["q.fifo NumberOfMessagesSent"], [(0.0, 1.0)]);
    }

    #[tokio::test]
    async fn many_sizes_take_little() {
        let tally = Tally::default();
        tally.sent(START, 1..=100_000, 0);
        let counted = tally.lock();
        assert_eq!((counted.sent, counted.sizes.values().sum::<u64>()), (100_000, 100_000));
        assert!(counted.sizes.len() < 2 * SIZES_MAX);
    }
}
