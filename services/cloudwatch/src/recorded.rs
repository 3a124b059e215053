//! What is kept as it was put and does nothing here: mute rules, metric streams, insight rules. Named documents by region.

use base::{Region, Timestamp};
use serde::{Deserialize, Serialize};
use state::{Expect, State, Typed, key};

const RECORDED: Typed<Recorded> = Typed::new("cloudwatch/recorded");
/// Of a kind in a region: a page of all is read at a time.
pub const OF_A_KIND_MAX: usize = 1000;

/// A document.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recorded {
    v: u32,
    pub name: String,
    pub created: Timestamp,
    pub updated: Timestamp,
    /// Running, stopped, ENABLED …
    pub state: String,
    /// As it was put.
    pub document: serde_json::Value,
    pub tags: Vec<(String, String)>,
}

impl Recorded {
    /// A new one.
    pub fn new(
        name: &str,
        state: &str,
        document: serde_json::Value,
        tags: Vec<(String, String)>,
        now: Timestamp,
    ) -> Recorded {
        let (name, state) = (name.to_owned(), state.to_owned());
        Recorded { v: 1, name, created: now, updated: now, state, document, tags }
    }
}

fn key(region: Region, kind: &str, name: &str) -> Vec<u8> {
    key::key(&[region.as_str(), kind, name])
}

/// The document of a name.
pub async fn get(state: &dyn State, region: Region, kind: &str, name: &str) -> Result<Option<Recorded>, state::Error> {
    Ok(RECORDED.get(state, &key(region, kind, name)).await?.map(|doc| doc.value))
}

/// Writes a document.
pub async fn put(state: &dyn State, region: Region, kind: &str, document: &Recorded) -> Result<(), state::Error> {
    RECORDED.put(state, &key(region, kind, &document.name), document, Expect::Any).await.map(drop)
}

/// Removes a document, which may be absent.
pub async fn delete(state: &dyn State, region: Region, kind: &str, name: &str) -> Result<(), state::Error> {
    RECORDED.delete(state, &key(region, kind, name), Expect::Any).await
}

/// All of a kind, by name.
pub async fn all(state: &dyn State, region: Region, kind: &str) -> Result<Vec<Recorded>, state::Error> {
    let range = state::Range::prefix(key::key(&[region.as_str(), kind]));
    Ok(RECORDED.scan(state, range, OF_A_KIND_MAX).await?.into_iter().map(|doc| doc.value).collect())
}
