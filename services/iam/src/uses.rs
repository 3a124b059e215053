//! When keys and roles were last used. Noted in memory, which costs a call next to nothing, and written by the way: what a crash takes is at
//! most the last few minutes. AWS itself shows uses hours late.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use base::Timestamp;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use state::{Expect, Op, State};

const USES: state::Table = "iam/last-used";

/// Writes at one go; what remains is written at the next.
const WRITES_MAX: usize = 1000;

/// The last use of a key or a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// The version of this document.
    pub v: u32,
    /// When.
    pub time: Timestamp,
    /// Where.
    pub region: String,
    /// Of which service, as its actions begin: `s3`. Not known for roles.
    pub service: String,
}

#[derive(Default)]
struct Memory {
    uses: HashMap<String, Use>,
    /// Not written yet.
    fresh: BTreeSet<String>,
}

pub(crate) struct Uses {
    state: Arc<dyn State>,
    memory: Mutex<Memory>,
}

impl Uses {
    pub async fn open(state: Arc<dyn State>) -> Result<Uses, state::Error> {
        let mut memory = Memory::default();
        state::scan_all(&*state, USES, state::Range::all(), |row| {
            let used: Use = serde_json::from_slice(&row.value)
                .map_err(|error| state::Error::Document { table: USES, source: Arc::new(error) })?;
            if let Some([id]) = state::key::texts(&row.key).as_deref() {
                memory.uses.insert(id.clone(), used);
            }
            Ok::<_, state::Error>(true)
        })
        .await?;
        Ok(Uses { state, memory: Mutex::new(memory) })
    }

    /// Notes a use, unless a later one is known.
    pub fn note(&self, id: &str, time: Timestamp, region: &str, service: &str) {
        let mut memory = self.memory.lock().expect("no holder of this lock can panic");
        let time = time.trunc_secs();
        match memory.uses.get_mut(id) {
            Some(known) if known.time >= time => return,
            Some(known) if known.region == region && known.service == service => known.time = time,
            _ => {
                let used = Use { v: 1, time, region: region.to_owned(), service: service.to_owned() };
                memory.uses.insert(id.to_owned(), used);
            }
        }
        if !memory.fresh.contains(id) {
            memory.fresh.insert(id.to_owned());
        }
    }

    /// The last use that is known.
    pub fn last(&self, id: &str) -> Option<Use> {
        self.memory.lock().expect("no holder of this lock can panic").uses.get(id).cloned()
    }

    /// Forgets what does not exist any more.
    pub async fn forget(&self, ids: &[String]) -> Result<(), state::Error> {
        {
            let mut memory = self.memory.lock().expect("no holder of this lock can panic");
            for id in ids {
                memory.uses.remove(id);
                memory.fresh.remove(id);
            }
        }
        let delete = |id: &String| Op::Delete { table: USES, key: state::key::key(&[id]), expect: Expect::Any };
        match ids {
            [] => Ok(()),
            ids => self.state.commit(ids.iter().map(delete).collect()).await.map(drop),
        }
    }

    /// Writes what was noted since the last time. Returns when it is durable.
    pub async fn flush(&self) -> Result<(), state::Error> {
        let fresh: Vec<(String, Use)> = {
            let mut memory = self.memory.lock().expect("no holder of this lock can panic");
            let ids: Vec<String> = memory.fresh.iter().take(WRITES_MAX).cloned().collect();
            memory.fresh.retain(|id| !ids.contains(id));
            ids.into_iter().filter_map(|id| Some((id.clone(), memory.uses.get(&id)?.clone()))).collect()
        };
        let mut ops = Vec::with_capacity(fresh.len());
        for (id, used) in &fresh {
            let value = serde_json::to_vec(used)
                .map_err(|error| state::Error::Document { table: USES, source: Arc::new(error) })?;
            ops.push(Op::Put {
                table: USES,
                key: state::key::key(&[id]),
                value: Bytes::from(value),
                expect: Expect::Any,
            });
        }
        if ops.is_empty() {
            return Ok(());
        }
        let result = self.state.commit(ops).await.map(drop);
        if result.is_err() {
            let mut memory = self.memory.lock().expect("no holder of this lock can panic");
            memory.fresh.extend(fresh.into_iter().map(|(id, _)| id));
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_use_is_kept() {
        let state: Arc<dyn State> = Arc::new(state::Memory::new());
        let uses = Uses::open(Arc::clone(&state)).await.unwrap();
        assert_eq!(uses.last("AKIA1"), None);
        let at = |secs: i64| Timestamp::EPOCH.plus_ms(secs * 1000 + 7);
        uses.note("AKIA1", at(10), "us-east-1", "s3");
        uses.note("AKIA1", at(20), "eu-west-1", "iam");
        uses.note("AKIA1", at(15), "us-east-1", "s3");
        uses.note("AKIA2", at(15), "us-east-1", "s3");
        uses.flush().await.unwrap();
        uses.note("AKIA2", at(30), "us-east-1", "s3");
        let again = Uses::open(Arc::clone(&state)).await.unwrap();
        let used = again.last("AKIA1").unwrap();
        assert_eq!((used.time.secs(), used.region.as_str(), used.service.as_str()), (20, "eu-west-1", "iam"));
        assert_eq!(again.last("AKIA2").unwrap().time.secs(), 15);
        uses.forget(&["AKIA1".to_owned()]).await.unwrap();
        uses.flush().await.unwrap();
        let again = Uses::open(state).await.unwrap();
        assert_eq!((again.last("AKIA1"), again.last("AKIA2").unwrap().time.secs()), (None, 30));
    }
}
