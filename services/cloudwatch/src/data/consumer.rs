//! Takes metric data from the journal, and has alarms look at them. Who put them waits for that; nothing here waits for the outside.

use std::sync::Arc;

use async_trait::async_trait;
use journal::{Entry, Seq};
use worker::{Consumer, Failure};

use super::entry::Given;
use crate::CloudWatch;
use crate::alarms::Touched;

/// What was taken is written at the latest after this long: a start after a crash reads this much again.
const WRITE_AFTER_MS: i64 = 5_000;
/// Without data, the cursor is written when it is this far behind.
const CURSOR_ENTRIES_MAX: u64 = 4096;
/// See [`CURSOR_ENTRIES_MAX`].
const CURSOR_AFTER_MS: i64 = 60_000;

/// See the module.
pub struct MetricsConsumer {
    cloudwatch: Arc<CloudWatch>,
    name: &'static str,
    /// The length of the topic and the topic, as an entry begins.
    head: Vec<u8>,
    /// The first entry that is not written.
    needs: u64,
    /// The first entry that was not taken into memory.
    next: u64,
    /// What alarms have not looked at yet.
    touched: Touched,
    has_data: bool,
    written_ms: i64,
}

impl MetricsConsumer {
    pub(crate) fn new(cloudwatch: Arc<CloudWatch>, name: &'static str, next: u64) -> MetricsConsumer {
        let topic = super::entry::topic(&cloudwatch.deps.account);
        let mut head = vec![u8::try_from(topic.len()).expect("a topic is short")];
        head.extend(topic.as_bytes());
        let written_ms = cloudwatch.now_ms();
        MetricsConsumer {
            cloudwatch,
            name,
            head,
            needs: next,
            next,
            touched: Touched::default(),
            has_data: false,
            written_ms,
        }
    }

    async fn write(&mut self) -> Result<(), Failure> {
        let store = &self.cloudwatch.store;
        store.write(self.next).await.map_err(|error| Failure(format!("writing metric data: {error}")))?;
        self.needs = self.next;
        self.cloudwatch.written.store(self.next, std::sync::atomic::Ordering::Release);
        self.has_data = false;
        self.written_ms = self.cloudwatch.now_ms();
        Ok(())
    }
}

#[async_trait]
impl Consumer for MetricsConsumer {
    fn name(&self) -> &'static str {
        self.name
    }

    fn needs(&self) -> Seq {
        Seq::new(self.needs)
    }

    async fn take(&mut self, entries: &[Entry]) -> Result<(), Failure> {
        for entry in entries {
            let seq = entry.seq.get();
            // A batch that failed comes again: what is in memory is not taken twice.
            if seq < self.next {
                continue;
            }
            if entry.kind == worker::entry::DATA && entry.payload.starts_with(&self.head) {
                match Given::decode(&entry.payload[self.head.len()..]) {
                    Ok(given) => {
                        let taken = self.cloudwatch.store.take(seq, &given).await;
                        let touched = taken.map_err(|error| Failure(format!("taking metric data: {error}")))?;
                        self.touched.extend(touched);
                        self.has_data = true;
                    }
                    Err(why) => {
                        tracing::error!(seq, why, "metric data in the journal do not read; they are passed over")
                    }
                }
            }
            self.next = seq + 1;
        }
        if !self.touched.is_empty() {
            let looked = self.cloudwatch.arrived(&self.touched).await;
            looked.map_err(|error| Failure(format!("evaluating alarms: {error}")))?;
            self.touched.clear();
        }
        self.cloudwatch.taken.send_replace(self.next);
        if self.cloudwatch.store.is_full() {
            self.write().await?;
        }
        Ok(())
    }

    async fn idle(&mut self) -> Result<(), Failure> {
        let since = self.cloudwatch.now_ms().saturating_sub(self.written_ms);
        let behind = self.next - self.needs;
        let is_due = match self.has_data {
            true => since >= WRITE_AFTER_MS || since < 0,
            false => behind >= CURSOR_ENTRIES_MAX || (behind > 0 && !(0..CURSOR_AFTER_MS).contains(&since)),
        };
        if is_due { self.write().await } else { Ok(()) }
    }

    async fn stop(&mut self) -> Result<(), Failure> {
        if self.next > self.needs { self.write().await } else { Ok(()) }
    }
}
