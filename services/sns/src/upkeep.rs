//! What is due by the clock: subscriptions that nobody confirmed, and those that ended.

use base::time::HOUR_MS;

use crate::Sns;
use crate::store::{Step, key_of};

/// Subscriptions that wait longer for an answer are removed, as are those that could be brought back. Source: SNS API reference, Subscribe:
/// confirmation tokens are valid for two days.
const UNANSWERED_MS: i64 = 48 * HOUR_MS;
/// Removed in one commit.
const BATCH: usize = 500;

impl Sns {
    /// Removes what is over. To be called every minute or so.
    pub async fn round(&self) {
        let now = self.deps.env.clock.now();
        let removed = self.store.change(|memory| {
            let over = memory.all().filter(|one| !one.is_confirmed() && now.since_ms(one.since) > UNANSWERED_MS);
            let over: Vec<_> = over.take(BATCH).cloned().collect();
            let keys: Vec<_> = over.iter().map(|one| key_of(one)).collect();
            Ok((over.into_iter().map(Step::Remove).collect(), keys))
        });
        match removed.await {
            Ok(keys) => {
                for key in keys {
                    self.forget_lane(&key).await;
                }
            }
            Err(error) => {
                tracing::warn!(
                    error = error.log.unwrap_or(error.message),
                    "subscriptions that nobody confirmed could not be removed"
                );
            }
        }
    }
}
