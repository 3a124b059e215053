//! Exports of events to a bucket: one object of lines for each stream (and each 64 MiB of it), gzip. Source: CloudWatch Logs user guide,
//! "Export log data to Amazon S3".

use std::collections::HashSet;
use std::io::Write as _;
use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use ports::ServicePut;
use service::ApiError;

use crate::Logs;
use crate::rows::{ExportTask, Stream};
use crate::scan::Query;
use crate::store::Row;

/// What an object has at most, before it is packed.
const OBJECT_BYTES_MAX: usize = 64 << 20;
/// The object that shows whether writing works.
pub const WRITE_TEST: &str = "aws-logs-write-test";

/// An object of an export.
pub fn put_of(task: &ExportTask, account: &str, name: &str, body: Bytes) -> ServicePut {
    ServicePut {
        principal: format!("logs.{}.amazonaws.com", task.region),
        source_arn: crate::rows::group_arn(task.region, account, &task.group_name),
        source_account: account.to_owned(),
        bucket: task.bucket.clone(),
        key: format!("{}/{name}", task.prefix),
        body,
        acl: "bucket-owner-full-control".to_owned(),
        content_type: None,
        content_encoding: None,
        metadata: Vec::new(),
        kms_key: None,
    }
}

enum Ended {
    Whole,
    Cancelled,
}

impl Logs {
    /// Carries out what was asked for, also by an earlier run.
    pub(crate) fn begin_exports(self: &Arc<Logs>) {
        let open: Vec<Arc<ExportTask>> = self.store.see(|memory| {
            let open = memory.all::<ExportTask>().filter(|task| task.is_open());
            open.cloned().collect()
        });
        let mut tasks = self.exports.lock().expect("no holder of this lock can panic");
        while tasks.try_join_next().is_some() {}
        for task in open {
            let logs = Arc::clone(self);
            tasks.spawn(async move { logs.export(&task).await });
        }
    }

    async fn export(self: &Arc<Logs>, task: &ExportTask) {
        let (status, message) = match self.export_all(task).await {
            Ok(Ended::Whole) => ("COMPLETED", "Completed successfully".to_owned()),
            Ok(Ended::Cancelled) => return,
            Err(error) => ("FAILED", error),
        };
        let completed = self.deps.env.clock.now().ms();
        let ended = self.store.change(|memory, plan| {
            if let Some(found) = memory.get::<ExportTask>(&task.key()).filter(|task| task.is_open()) {
                let (status, message) = (status.to_owned(), Some(message.clone()));
                plan.put(ExportTask { status, message, completed: Some(completed), ..(**found).clone() })?;
            }
            Ok(())
        });
        if let Err(error) = ended.await {
            tracing::warn!(%error, task = task.id, "how an export ended could not be written; it begins anew at the next start");
        }
    }

    async fn export_all(self: &Arc<Logs>, task: &ExportTask) -> Result<Ended, String> {
        let said = |error: ApiError| error.log.unwrap_or(error.message);
        let group = self.store.see(|memory| memory.group_by_id(task.group).cloned());
        let group = group.ok_or_else(|| "The specified log group does not exist.".to_owned())?;
        let prefix = task.stream_prefix.clone().unwrap_or_default();
        let streams: Vec<Arc<Stream>> = self.store.see(|memory| {
            memory.of_group::<Stream>(group.id).filter(|stream| stream.name.starts_with(&prefix)).cloned().collect()
        });
        for stream in streams {
            let is_open = |found: &Arc<ExportTask>| found.is_open();
            if !self.store.see(|memory| memory.get::<ExportTask>(&task.key()).is_some_and(is_open)) {
                return Ok(Ended::Cancelled);
            }
            let mut query = Query {
                streams: Some(HashSet::from([stream.id])),
                from: task.from,
                to: task.to,
                after: None,
                forward: true,
            };
            let (mut lines, mut number) = (Vec::new(), 0_u32);
            loop {
                let mut scan = self.scan(Arc::clone(&group), query.clone());
                while let Some(found) = scan.next().await.map_err(said)? {
                    query.after = Some(found.place);
                    let time = Timestamp::from_ms(found.place.ts).iso8601_ms();
                    lines.extend_from_slice(format!("{time} {}\n", found.text()).as_bytes());
                    if lines.len() >= OBJECT_BYTES_MAX {
                        self.export_lines(task, &stream.name, number, std::mem::take(&mut lines)).await?;
                        number += 1;
                    }
                }
                if !scan.is_cut {
                    break;
                }
            }
            if !lines.is_empty() {
                self.export_lines(task, &stream.name, number, lines).await?;
            }
        }
        Ok(Ended::Whole)
    }

    async fn export_lines(&self, task: &ExportTask, stream: &str, number: u32, lines: Vec<u8>) -> Result<(), String> {
        let packed = worker::blocking(move || {
            let mut packed = GzEncoder::new(Vec::new(), Compression::default());
            packed.write_all(&lines)?;
            packed.finish()
        });
        let packed = packed.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        let name = format!("{}/{}/{number:06}.gz", task.id, stream.replace('/', "-"));
        let put = self.deps.buckets.put(put_of(task, &self.deps.account, &name, packed.into())).await;
        put.map_err(|error| format!("PutObject call on the given bucket failed: {error}"))
    }
}

impl ExportTask {
    /// Whether it is not over.
    pub fn is_open(&self) -> bool {
        matches!(self.status.as_str(), "PENDING" | "RUNNING")
    }
}
