//! Numbers of FIFO topics' messages, and which messages were there before. Source: SNS developer guide, "Amazon SNS message deduplication
//! for FIFO topics".

use std::collections::HashMap;
use std::sync::Arc;

use base::time::MINUTE_MS;
use base::{Region, Timestamp};
use serde::{Deserialize, Serialize};
use service::ApiError;
use sha2::{Digest, Sha256};
use state::{Expect, Op, Range, State, Table};

use crate::store;

const NUMBERS: Table = "sns/numbers";
const KNOWN: Table = "sns/known";

/// A message that comes again within this time is not delivered again. Source: the same, five minutes.
pub const WINDOW_MS: i64 = 5 * MINUTE_MS;
/// The same for what other services publish, which may say it again after a crash.
pub const ONCE_WINDOW_MS: i64 = 24 * 60 * MINUTE_MS;
/// Messages that are known of one topic: 300 a second for five minutes, and some.
const KNOWN_MAX: usize = 100_000;
/// Those whose time is over are forgotten so many at a time, with a publish.
const FORGET: usize = 100;
/// The first number: AWS's have twenty digits.
const FIRST: u64 = 10_000_000_000_000_000_000;

/// A message that was published.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Known {
    version: u32,
    /// Its identifier.
    pub id: String,
    /// Its number.
    pub sequence: Option<String>,
    until_ms: i64,
}

#[derive(Serialize, Deserialize)]
struct Numbers {
    version: u32,
    next: u64,
}

/// What is known of one topic.
pub struct Order {
    next: u64,
    known: HashMap<String, Known>,
}

/// Under which a message is known.
pub fn name(scope: &str, id: &str) -> String {
    base::ids::hex(&Sha256::digest(format!("{scope}\0{id}")))
}

impl Order {
    /// What is stored.
    pub async fn load(state: &dyn State, region: Region, topic: &str) -> Result<Order, state::Error> {
        let mut order = Order { next: FIRST, known: HashMap::new() };
        if let Some(row) = state.get(NUMBERS, &state::key::key(&[region.as_str(), topic])).await?
            && let Ok(numbers) = serde_json::from_slice::<Numbers>(&row.value)
        {
            order.next = numbers.next;
        }
        state::scan_all(state, KNOWN, Range::prefix(state::key::key(&[region.as_str(), topic])), |row| {
            if let (Some(parts), Ok(known)) = (state::key::texts(&row.key), serde_json::from_slice::<Known>(&row.value))
                && let Some(name) = parts.into_iter().nth(2)
            {
                order.known.insert(name, known);
            }
            Ok::<_, state::Error>(true)
        })
        .await?;
        Ok(order)
    }

    /// The message that is known by this name.
    pub fn known(&self, name: &str, now: Timestamp) -> Option<&Known> {
        self.known.get(name).filter(|known| now.ms() < known.until_ms)
    }

    /// Whether no further message can be known.
    pub fn is_full(&self, now: Timestamp) -> bool {
        self.known.len() >= KNOWN_MAX && self.known.values().all(|known| now.ms() < known.until_ms)
    }

    /// The next number.
    pub fn take_number(&mut self) -> String {
        let number = self.next;
        self.next += 1;
        number.to_string()
    }

    /// Knows a message from now on.
    pub fn learn(&mut self, name: String, id: String, sequence: Option<String>, until: Timestamp) {
        self.known.insert(name, Known { version: 1, id, sequence, until_ms: until.ms() });
    }

    /// The operations that store what changed: the number, the messages of these names, and what is forgotten.
    pub fn ops(
        &mut self,
        region: Region,
        topic: &str,
        names: &[String],
        has_numbers: bool,
        now: Timestamp,
    ) -> Result<Vec<Op>, ApiError> {
        let mut ops = Vec::new();
        if has_numbers {
            let numbers = Numbers { version: 1, next: self.next };
            ops.push(store::put(NUMBERS, &[region.as_str(), topic], &numbers, Expect::Any)?);
        }
        for name in names {
            if let Some(known) = self.known.get(name) {
                ops.push(store::put(KNOWN, &[region.as_str(), topic, name], known, Expect::Any)?);
            }
        }
        let over = self.known.iter().filter(|(name, known)| known.until_ms <= now.ms() && !names.contains(name));
        let over: Vec<String> = over.map(|(name, _)| name.clone()).take(FORGET).collect();
        for name in over {
            self.known.remove(&name);
            ops.push(store::delete(KNOWN, &[region.as_str(), topic, &name], Expect::Any));
        }
        Ok(ops)
    }
}

/// Forgets a topic that is gone.
pub async fn forget(state: &Arc<dyn State>, region: Region, topic: &str) -> Result<(), state::Error> {
    let mut ops = vec![store::delete(NUMBERS, &[region.as_str(), topic], Expect::Any)];
    state::scan_all(&**state, KNOWN, Range::prefix(state::key::key(&[region.as_str(), topic])), |row| {
        ops.push(Op::Delete { table: KNOWN, key: row.key, expect: Expect::Any });
        Ok::<_, state::Error>(true)
    })
    .await?;
    for some in ops.chunks(state::COMMIT_OPS_MAX / 2) {
        state.commit(some.to_vec()).await?;
    }
    Ok(())
}
