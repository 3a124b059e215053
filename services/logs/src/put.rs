//! Log events into the journal, and back to the caller once they are to be seen.

use std::time::Duration;

use bytes::Bytes;
use service::ApiError;
use worker::entry::data;

use crate::Logs;
use crate::entry::{self, Batch, From};
use crate::rows::{Group, Stream};
use crate::scan::about;

/// A caller waits so long until events that are durable are to be seen too; then it is answered all the same.
const SEEN_TIMEOUT: Duration = Duration::from_secs(5);

impl Logs {
    /// Keeps events of one stream. Durable when it returns, with the journal's entry.
    pub(crate) async fn append(
        &self,
        group: &Group,
        stream: &Stream,
        from: Option<From>,
        events: &[(i64, Bytes)],
    ) -> Result<u64, ApiError> {
        let body = entry::body(events.iter().map(|(ts, text)| (*ts, &text[..])));
        let ingested = self.deps.env.clock.now().ms();
        let mut batch = Batch { group: group.id, stream: stream.id, ingested, from, key: None, body: body.into() };
        if let Some(key) = group.key_in_use() {
            let cipher = self.usable_key(group, key.id).await?;
            batch.body = cipher.seal(&*self.deps.env.rng, &about(&batch), &batch.body).into();
            batch.key = Some(key.id);
        }
        let appended = self.deps.journal.append(vec![data(&self.topic, &batch.encode())]).await;
        Ok(appended.map_err(ApiError::unavailable)?.get())
    }

    /// Waits until what an entry brought is to be seen.
    pub(crate) async fn seen(&self, seq: u64) {
        let mut applied = self.applied.subscribe();
        if tokio::time::timeout(SEEN_TIMEOUT, applied.wait_for(|next| *next > seq)).await.is_err() {
            tracing::warn!(seq, "log events are durable, but not to be seen yet");
        }
    }
}
