//! Writes what became of deliveries, many in one commit.

use std::collections::BTreeMap;
use std::sync::Weak;
use std::time::Duration;

use state::{Expect, Op};
use tokio::sync::{mpsc, oneshot};

use super::{MESSAGES, Outcome, PENDING, pending_key, pending_op};
use crate::Sns;

/// Outcomes in one commit.
const BATCH: usize = 1_000;
/// Before a commit that failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Until the service is gone.
pub(crate) async fn run(sns: Weak<Sns>, mut outcomes: mpsc::Receiver<Outcome>) {
    let mut batch = Vec::with_capacity(BATCH);
    while outcomes.recv_many(&mut batch, BATCH).await > 0 {
        let Some(sns) = sns.upgrade() else { return };
        let mut rows: BTreeMap<Vec<u8>, Op> = BTreeMap::new();
        let mut messages = Vec::new();
        let mut marks: Vec<oneshot::Sender<()>> = Vec::new();
        for outcome in batch.drain(..) {
            match outcome {
                Outcome::Over { lane, item } => {
                    let key = pending_key(&lane, item.number);
                    let delete = Op::Delete { table: PENDING, key: key.clone(), expect: Expect::Any };
                    rows.insert(key, delete);
                    if sns.deliveries.ledger().over(&item.pending.message) {
                        let key = state::key::key(&[&item.pending.message]);
                        messages.push(Op::Delete { table: MESSAGES, key, expect: Expect::Any });
                    }
                }
                Outcome::Later { lane, item } => {
                    if let Ok(put) = pending_op(&lane, &item) {
                        rows.insert(pending_key(&lane, item.number), put);
                    }
                }
                Outcome::Mark(mark) => marks.push(mark),
            }
        }
        let ops: Vec<Op> = rows.into_values().chain(messages).collect();
        while !ops.is_empty() {
            match sns.deliveries.state.commit(ops.clone()).await {
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "what became of notifications could not be written; subscribers may get them again");
                    if *sns.deliveries.stop.borrow() {
                        break;
                    }
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        for mark in marks {
            let _ = mark.send(());
        }
    }
}
