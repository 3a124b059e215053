//! Whether the host keys are those under which contents were encrypted: known by a check value in the tables, so that a wrong key
//! is noticed at the start and not when somebody reads. The keys themselves are never stored.

use base::Timestamp;
use seal::HostKeys;
use serde::{Deserialize, Serialize};
use state::{Expect, Op, Range, State, Table};

/// Every host key that was ever used, by its name.
const TABLE_HOST_KEYS: Table = "node/host_keys";

#[derive(Serialize, Deserialize)]
struct Known {
    v: u8,
    check: String,
    since_ms: i64,
}

/// Why the host keys do not fit the data.
#[derive(Debug, thiserror::Error)]
pub enum HostKeyError {
    /// See the text.
    #[error(
        "the host key {id} is not among those given ({given}); since {since} contents have been encrypted under it and cannot be \
         read without it. Put the line of that key back into the file of host keys; see \"The host key\" in docs/guide/operations.md"
    )]
    Missing {
        /// Which is missing.
        id: String,
        /// The names of those that are there.
        given: String,
        /// When it was first used.
        since: String,
    },
    /// See the text.
    #[error("what is known of host keys cannot be read: {0}")]
    Tables(String),
}

fn failed(error: impl std::fmt::Display) -> HostKeyError {
    HostKeyError::Tables(error.to_string())
}

/// Whether contents were encrypted in these tables' node before, so that there must be a host key already.
pub async fn has_host_keys(state: &dyn State) -> Result<bool, HostKeyError> {
    Ok(!state.scan(TABLE_HOST_KEYS, Range::all(), 1).await.map_err(failed)?.is_empty())
}

/// Refuses keys of which one is missing that was used before; notes the newest as used. Returns when that is durable.
pub(crate) async fn check(state: &dyn State, keys: &HostKeys, now: Timestamp) -> Result<(), HostKeyError> {
    let newest = keys.newest().to_string();
    let mut missing = None;
    let mut known = false;
    let mut unreadable = None;
    state::scan_all::<state::Error>(state, TABLE_HOST_KEYS, Range::all(), |row| {
        let id = String::from_utf8_lossy(&row.key).into_owned();
        match serde_json::from_slice::<Known>(&row.value) {
            Ok(row) => {
                let given = keys.ids().find(|given| given.to_string() == id);
                if given.and_then(|given| keys.check(given)) != Some(row.check.as_str()) {
                    missing.get_or_insert((id.clone(), row.since_ms));
                }
            }
            Err(error) => unreadable = Some(failed(error)),
        }
        known |= id == newest;
        Ok(true)
    })
    .await
    .map_err(failed)?;
    if let Some(error) = unreadable {
        return Err(error);
    }
    if let Some((id, since_ms)) = missing {
        let given = keys.ids().map(|id| id.to_string()).collect::<Vec<_>>().join(", ");
        return Err(HostKeyError::Missing { id, given, since: Timestamp::from_ms(since_ms).iso8601_secs() });
    }
    if known {
        return Ok(());
    }
    let check = keys.check(keys.newest()).expect("the newest is one of them").to_owned();
    let value = serde_json::to_vec(&Known { v: 1, check, since_ms: now.ms() }).map_err(failed)?;
    let put = Op::Put { table: TABLE_HOST_KEYS, key: newest.into(), value: value.into(), expect: Expect::Absent };
    state.commit(vec![put]).await.map_err(failed)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(lines: &[&str]) -> HostKeys {
        let lines: Vec<String> = lines.iter().map(|line| line.repeat(32)).collect();
        HostKeys::parse(&lines.join("\n")).unwrap()
    }

    #[tokio::test]
    async fn keys_may_come_and_none_may_go() {
        let state = state::Memory::new();
        assert!(!has_host_keys(&state).await.unwrap());
        let check = async |lines: &[&str]| check(&state, &keys(lines), Timestamp::from_ms(1_700_000_000_000)).await;
        check(&["aa"]).await.unwrap();
        assert!(has_host_keys(&state).await.unwrap());
        check(&["aa"]).await.unwrap();
        let error = check(&["bb"]).await.unwrap_err().to_string();
        let (used, given) = (keys(&["aa"]).newest().to_string(), keys(&["bb"]).newest().to_string());
        for part in [used.as_str(), given.as_str(), "2023-11-14T22:13:20Z"] {
            assert!(error.contains(part), "{error}");
        }
        // Never used, so it may go again.
        check(&["cc", "aa"]).await.unwrap();
        check(&["aa"]).await.unwrap();
        check(&["aa", "bb"]).await.unwrap();
        assert!(check(&["aa"]).await.is_err());
        assert!(check(&["bb"]).await.is_err());
        check(&["bb", "aa"]).await.unwrap();
    }
}
