//! DeleteQueue, PurgeQueue.

use serde::Deserialize;

use crate::Error;
use crate::keep::PAUSE_MS;
use crate::queue::Row;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    queue_url: String,
}

operation! {
    /// Deletes a queue with all its messages.
    DeleteQueue: Input => (), |sqs, call, input| {
        let live = sqs.own_queue(call, &input.queue_url, "DeleteQueue", &[]).await?;
        sqs.delete(&live).await
    }
}

operation! {
    /// Deletes the messages that are in a queue.
    PurgeQueue: Input => (), |sqs, call, input| {
        let live = sqs.queue(call, &input.queue_url, "PurgeQueue").await?;
        let now_ms = call.time.ms();
        {
            let _turn = sqs.changes.lock().await;
            let setup = live.setup();
            if setup.row.purged_ms.is_some_and(|before| now_ms - before < PAUSE_MS) {
                return Err(Error::PurgeQueueInProgress(live.name.clone()).into());
            }
            sqs.change(&live, Row { purged_ms: Some(now_ms), ..setup.row.clone() }).await?;
        }
        sqs.purge(&live).await
    }
}
