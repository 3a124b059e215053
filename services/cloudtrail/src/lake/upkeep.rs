//! What Lake does now and then: stores whose deletion has been pending for a week are removed, old queries forgotten, dashboards
//! refreshed that are due.

use std::sync::atomic::{AtomicU64, Ordering};

use base::time::DAY_MS;
use service::ApiError;

use super::change::store_id;
use super::data_store::Status;
use crate::CloudTrail;
use crate::rows::{self, EVENT_CONFIGURATIONS, RESOURCE_POLICIES};

/// How often there is something to do.
const INTERVAL_MS: u64 = 30_000;

/// For so long a deleted store can be restored. Source: CloudTrail API reference, DeleteEventDataStore.
pub const RESTORABLE_MS: i64 = 7 * DAY_MS;

/// When it was last done.
#[derive(Default)]
pub struct Upkeep {
    next_ms: AtomicU64,
}

impl CloudTrail {
    /// Does what is due. To be called every few seconds; most calls do next to nothing.
    pub(crate) async fn lake_upkeep(&self) -> Result<(), ApiError> {
        self.lake.stores.catch_up().await?;
        let now_ms = self.shared.env.clock.monotonic_ms();
        if now_ms < self.lake.upkeep.next_ms.load(Ordering::Acquire) {
            return Ok(());
        }
        self.lake.upkeep.next_ms.store(now_ms.saturating_add(INTERVAL_MS), Ordering::Release);
        self.remove_deleted().await?;
        self.lake.queries.forget_old().await?;
        super::generated::forget_old(&self.shared).await?;
        self.refresh_due().await
    }

    async fn remove_deleted(&self) -> Result<(), ApiError> {
        let since_ms = self.shared.env.clock.now().ms().saturating_sub(RESTORABLE_MS);
        for store in self.lake.stores.all().await? {
            if store.status != Status::PendingDeletion || store.deleted_ms.is_none_or(|at| at > since_ms) {
                continue;
            }
            let changing = self.lake.stores.change().await?;
            let Some(found) = self.lake.stores.get(&store.id).await? else { continue };
            // It may have been restored meanwhile.
            if found.value.status != Status::PendingDeletion || found.value.deleted_ms != store.deleted_ms {
                continue;
            }
            // Records first: a row without them is tried again.
            if let Some(stores) = &self.shared.event_stores {
                stores.remove(&store_id(&store.id)?).await?;
            }
            self.imports.forget(&store_id(&store.id)?).await?;
            let ops = [RESOURCE_POLICIES, EVENT_CONFIGURATIONS];
            let ops = ops.map(|table| rows::delete(table, store.arn.as_str(), state::Expect::Any)).to_vec();
            self.shared.state.commit(ops).await.map_err(ApiError::unavailable)?;
            changing.remove(&store.id, found.rev).await?;
            tracing::info!(store = store.arn, "an event data store was removed, a week after its deletion");
        }
        Ok(())
    }
}
