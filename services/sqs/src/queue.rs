//! A queue in memory: how it is set up, what lies in it, who waits at it. Memory follows commits: what is seen here is durable, or
//! reserved by somebody who is making it so.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};

use base::Region;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use md5::{Digest, Md5};
use policy::PolicySet;
use serde::{Deserialize, Serialize};
use state::{Expect, Op, Typed, key};
use tokio::sync::Notify;

use crate::access;
use crate::attributes::{self, Attributes, Redrive};
use crate::measure::Tally;
use crate::message::Content;
use crate::shelf::{Entry, Shelf};

/// Queues by region and name.
pub const QUEUES: Typed<Row> = Typed::new("sqs/queues");
/// When queues were deleted, by region and name.
pub const DELETED: Typed<Deleted> = Typed::new("sqs/deleted");
/// What messages say, by queue and number.
pub const CONTENTS: Typed<Content> = Typed::new("sqs/contents");
/// What changes of messages, by queue and number.
pub const ENTRIES: Typed<Entry> = Typed::new("sqs/entries");
/// What was sent under which deduplication identifier, by queue and identifier.
pub const SENT: Typed<Sent> = Typed::new("sqs/sent");

/// How long a deduplication identifier is known. Source: SQS developer guide, "Exactly-once processing in Amazon SQS".
pub const DEDUPLICATION_MS: i64 = 5 * 60 * 1000;
/// Messages in one queue: each takes some 300 bytes of memory, wherever its body lies.
pub const MESSAGES_MAX: usize = 2_000_000;
/// Messages out at one time. Source: SQS developer guide, "Amazon SQS message quotas".
pub const IN_FLIGHT_MAX: usize = 120_000;
/// Retries of receives that FIFO queues know.
pub const ATTEMPTS_MAX: usize = 1_000;
/// Rows of messages that are no more, deleted along with another commit.
const GARBAGE_PER_COMMIT: usize = 200;
/// Sends under deduplication identifiers of one queue that run beside one another.
const TURNS: usize = 16;

/// How a queue is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// The form of this row.
    pub v: u32,
    /// Tells the queue from earlier ones of its name: sixteen letters.
    pub id: String,
    /// When it was made.
    pub created_ms: i64,
    /// When an attribute was last set.
    pub modified_ms: i64,
    /// Its attributes, without the computed ones.
    pub attributes: Attributes,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// When it was last emptied.
    #[serde(default)]
    pub purged_ms: Option<i64>,
}

/// That a queue was deleted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Deleted {
    /// When.
    pub ms: i64,
}

/// What was sent under a deduplication identifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The message.
    pub id: String,
    /// FIFO: its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<String>,
    /// Until when the identifier is known.
    pub until_ms: i64,
}

/// A row with what follows from it.
pub struct Setup {
    pub row: Row,
    pub policies: Arc<PolicySet>,
    pub redrive: Option<Redrive>,
}

impl Setup {
    fn new(arn: &str, row: Row) -> Arc<Setup> {
        let policies = access::policy_set(arn, row.attributes.get("Policy"));
        let redrive = row.attributes.get("RedrivePolicy").and_then(|text| attributes::redrive(text));
        Arc::new(Setup { row, policies, redrive })
    }

    /// An attribute.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.row.attributes.get(name).map(String::as_str)
    }

    /// An attribute that is a number; zero if it is not set.
    pub fn number(&self, name: &str) -> i64 {
        self.text(name).and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// A number of seconds, in milliseconds.
    pub fn ms(&self, name: &str) -> i64 {
        self.number(name) * 1000
    }

    /// Whether an attribute is `true`.
    pub fn is(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }
}

/// See the module.
pub struct Live {
    pub region: Region,
    pub name: String,
    pub arn: String,
    pub id: String,
    pub is_fifo: bool,
    setup: RwLock<Arc<Setup>>,
    lying: Mutex<Lying>,
    /// What happened lately.
    pub tally: Tally,
    /// Somebody may receive something that nobody could before.
    pub arrival: Notify,
    /// One of them is held while something is sent under a deduplication identifier.
    pub turns: [tokio::sync::Mutex<()>; TURNS],
}

/// What lies in a queue.
pub struct Lying {
    pub shelf: Shelf,
    last: u64,
    sent: HashMap<String, Sent>,
    sent_by_end: BTreeSet<(i64, String)>,
    /// FIFO: what receives got, by their attempt's identifier.
    pub attempts: HashMap<String, Attempt>,
    /// The queue is deleted.
    pub is_gone: bool,
    garbage: Vec<Op>,
}

/// What a receive got.
#[derive(Clone)]
pub struct Attempt {
    pub at_ms: i64,
    /// Numbers and nonces.
    pub got: Vec<(u64, u64)>,
}

impl Live {
    pub fn new(region: Region, name: String, arn: String, row: Row) -> Live {
        let is_fifo = name.ends_with(".fifo");
        let id = row.id.clone();
        let setup = RwLock::new(Setup::new(&arn, row));
        let lying = Lying {
            shelf: Shelf::new(is_fifo),
            last: 0,
            sent: HashMap::new(),
            sent_by_end: BTreeSet::new(),
            attempts: HashMap::new(),
            is_gone: false,
            garbage: Vec::new(),
        };
        let turns = std::array::from_fn(|_| tokio::sync::Mutex::default());
        let (lying, tally, arrival) = (Mutex::new(lying), Tally::default(), Notify::new());
        Live { region, name, arn, id, is_fifo, setup, lying, tally, arrival, turns }
    }

    pub fn setup(&self) -> Arc<Setup> {
        Arc::clone(&self.setup.read().expect("no holder of this lock can panic"))
    }

    pub fn set(&self, row: Row) {
        *self.setup.write().expect("no holder of this lock can panic") = Setup::new(&self.arn, row);
    }

    pub fn lock(&self) -> MutexGuard<'_, Lying> {
        self.lying.lock().expect("no holder of this lock can panic")
    }

    /// What lies there now: what is too old is not.
    pub fn lock_at(&self, now_ms: i64) -> MutexGuard<'_, Lying> {
        let retention_ms = self.setup().ms("MessageRetentionPeriod");
        let mut lying = self.lock();
        lying.shelf.advance(now_ms);
        for number in lying.shelf.sent_before(now_ms - retention_ms, usize::MAX) {
            lying.shelf.remove(number);
            lying.discard(self, number);
        }
        lying
    }

    /// The key of this queue's row.
    pub fn row_key(&self) -> Vec<u8> {
        row_key(self.region, &self.name)
    }

    /// The key of a message's rows.
    pub fn message_key(&self, number: u64) -> Vec<u8> {
        key::key(&[self.id.as_bytes(), &number.to_be_bytes()])
    }

    /// The key of what was sent under an identifier.
    pub fn sent_key(&self, identifier: &str) -> Vec<u8> {
        key::key(&[self.id.as_bytes(), identifier.as_bytes()])
    }

    /// Removes a message's rows.
    pub fn delete_ops(&self, number: u64) -> [Op; 2] {
        let key = self.message_key(number);
        [CONTENTS.delete_op(&key, Expect::Any), ENTRIES.delete_op(&key, Expect::Any)]
    }

    /// A commit that holds only while the queue is there.
    pub fn check_op(&self) -> Op {
        QUEUES.check_op(&self.row_key(), Expect::Present)
    }

    /// Which turn an identifier takes.
    pub fn turn(identifier: &str) -> usize {
        usize::from(Md5::digest(identifier.as_bytes())[0]) % TURNS
    }

    /// Tells as many who wait.
    pub fn arrived(&self, messages: usize) {
        for _ in 0..messages {
            self.arrival.notify_one();
        }
    }

    /// A receipt handle.
    pub fn handle(&self, number: u64, nonce: u64) -> String {
        let mut bytes = Vec::with_capacity(40);
        bytes.extend_from_slice(self.id.as_bytes());
        bytes.extend_from_slice(&number.to_be_bytes());
        bytes.extend_from_slice(&nonce.to_be_bytes());
        let sum = Md5::digest(&bytes);
        bytes.extend_from_slice(&sum[..8]);
        BASE64.encode(bytes)
    }

    /// The number and nonce of a receipt handle of this queue.
    pub fn read_handle(&self, handle: &str) -> Option<(u64, u64)> {
        let bytes = BASE64.decode(handle).ok()?;
        let (head, sum) = bytes.split_at_checked(bytes.len().checked_sub(8)?)?;
        let rest = head.strip_prefix(self.id.as_bytes())?;
        let (number, nonce) = rest.split_at_checked(8)?;
        if *sum != Md5::digest(head)[..8] {
            return None;
        }
        Some((u64::from_be_bytes(number.try_into().ok()?), u64::from_be_bytes(nonce.try_into().ok()?)))
    }
}

pub fn row_key(region: Region, name: &str) -> Vec<u8> {
    key::key(&[region.as_str(), name])
}

impl Lying {
    /// The number of the next message: larger than all before, also those that are no more.
    pub fn next(&mut self, now_ms: i64) -> u64 {
        let by_time = u64::try_from(now_ms).unwrap_or(0) << 20;
        self.last = by_time.max(self.last + 1);
        self.last
    }

    /// Puts a message there that was kept before.
    pub fn restore(&mut self, number: u64, entry: Entry) {
        self.last = self.last.max(number);
        self.shelf.put(number, entry);
    }

    /// What was sent before. Its number is not given again, though the message may be gone and the clock may stand.
    pub fn restore_sent(&mut self, identifier: String, sent: Sent) {
        let number = sent.sequence.as_deref().and_then(number_of);
        self.last = self.last.max(number.unwrap_or(0));
        self.note_sent(identifier, sent);
    }

    /// What was sent under an identifier that is still known.
    pub fn sent(&self, identifier: &str, now_ms: i64) -> Option<&Sent> {
        self.sent.get(identifier).filter(|sent| sent.until_ms > now_ms)
    }

    pub fn note_sent(&mut self, identifier: String, sent: Sent) {
        self.sent_by_end.insert((sent.until_ms, identifier.clone()));
        if let Some(before) = self.sent.insert(identifier.clone(), sent) {
            self.sent_by_end.remove(&(before.until_ms, identifier));
        }
    }

    /// The rows of a message are deleted with some later commit: what they say counts no more.
    pub fn discard(&mut self, live: &Live, number: u64) {
        self.garbage.extend(live.delete_ops(number));
    }

    /// Deletes what was discarded, and identifiers that are known no longer, as far as one commit takes them.
    pub fn sweep(&mut self, live: &Live, now_ms: i64) -> Vec<Op> {
        let from = self.garbage.len().saturating_sub(GARBAGE_PER_COMMIT);
        let mut ops = self.garbage.split_off(from);
        while let Some((until_ms, _)) = self.sent_by_end.first()
            && *until_ms <= now_ms
            && ops.len() < 2 * GARBAGE_PER_COMMIT
        {
            let Some((until_ms, identifier)) = self.sent_by_end.pop_first() else { break };
            if self.sent.get(&identifier).is_some_and(|sent| sent.until_ms == until_ms) {
                self.sent.remove(&identifier);
                ops.push(SENT.delete_op(&live.sent_key(&identifier), Expect::Any));
            }
        }
        ops
    }

    /// Whether [`Lying::sweep`] would do something.
    pub fn has_garbage(&self, now_ms: i64) -> bool {
        !self.garbage.is_empty() || self.sent_by_end.first().is_some_and(|(until_ms, _)| *until_ms <= now_ms)
    }
}

/// Sequence numbers have twenty digits.
const SEQUENCE_START: u128 = 10_000_000_000_000_000_000;

/// FIFO: twenty digits that only grow.
pub fn sequence(number: u64) -> String {
    (SEQUENCE_START + u128::from(number)).to_string()
}

/// The number of [`sequence`].
fn number_of(sequence: &str) -> Option<u64> {
    u64::try_from(sequence.parse::<u128>().ok()?.checked_sub(SEQUENCE_START)?).ok()
}
