//! Statements that GenerateQuery made, kept under their aliases so that StartQuery can run them.

use base::{Region, Timestamp};
use serde::{Deserialize, Serialize};
use service::ApiError;
use state::{Expect, Range};

use super::query::row::time_key;
use crate::rows::{self, GENERATED, GENERATED_BY_TIME};
use crate::shared::Shared;

/// For so long an alias can be used. AWS does not say; longer than results are kept.
pub const KEPT_MS: i64 = 30 * base::time::DAY_MS;

/// Aliases forgotten at a time.
const FORGET_BATCH: usize = 100;

/// A statement that was made of a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generated {
    /// 1.
    pub version: u32,
    /// Where it was asked.
    pub region: Region,
    /// The question.
    pub prompt: String,
    /// The answer.
    pub statement: String,
    /// When it was asked.
    pub created_ms: i64,
}

/// Keeps a statement and returns its alias. Durable when it returns.
pub async fn keep(shared: &Shared, region: Region, prompt: String, statement: String) -> Result<String, ApiError> {
    let created_ms = shared.env.clock.now().ms();
    let alias = format!("AWSCloudTrail-{}", base::ids::uuid(&*shared.env.rng));
    let row = Generated { version: 1, region, prompt, statement, created_ms };
    let ops = vec![
        rows::put(GENERATED, alias.as_str(), &row, Expect::Absent),
        rows::put(GENERATED_BY_TIME, time_key(created_ms, &alias), &1_u32, Expect::Any),
    ];
    shared.state.commit(ops).await.map_err(ApiError::unavailable)?;
    Ok(alias)
}

/// The statement of an alias of this region, if there is one and it is not too old.
pub async fn find(shared: &Shared, region: Region, alias: &str) -> Result<Option<Generated>, ApiError> {
    let found = rows::get::<Generated>(&*shared.state, GENERATED, alias.as_bytes()).await;
    let found = found.map_err(ApiError::unavailable)?.map(|found| found.value);
    let now = shared.env.clock.now();
    let is_young = |row: &Generated| now.since_ms(Timestamp::from_ms(row.created_ms)) <= KEPT_MS;
    Ok(found.filter(|row| row.region == region && is_young(row)))
}

/// Forgets what is too old.
pub async fn forget_old(shared: &Shared) -> Result<(), ApiError> {
    let before = shared.env.clock.now().ms().saturating_sub(KEPT_MS);
    let before = rows::seq_text(u64::try_from(before).unwrap_or(0));
    let range = Range::all().before(state::key::key(&[before.as_str()]));
    loop {
        let old = shared.state.scan(GENERATED_BY_TIME, range.clone(), FORGET_BATCH).await;
        let old = old.map_err(ApiError::unavailable)?;
        let full = old.len() == FORGET_BATCH;
        let mut ops = Vec::new();
        for row in old {
            let alias = state::key::parts(&row.key).and_then(|parts| parts.into_iter().nth(1));
            ops.extend(alias.map(|alias| rows::delete(GENERATED, alias, Expect::Any)));
            ops.push(rows::delete(GENERATED_BY_TIME, row.key, Expect::Any));
        }
        if !ops.is_empty() {
            shared.state.commit(ops).await.map_err(ApiError::unavailable)?;
        }
        if !full {
            return Ok(());
        }
    }
}
