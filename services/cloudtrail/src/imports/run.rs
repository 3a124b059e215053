//! The task of an import: from its row to its end. A crash leaves the row as being in progress, and the next start goes on.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use importer::{Event, Filter, Options, Origin, Report, StoreTarget, Target, import};
use ports::StoreId;
use service::ApiError;
use state::Expect;
use tokio::sync::watch;

use super::failures::{self, FailureRow, FailureStatus};
use super::row::{IMPORTS, ImportRow, Statistics, Status};
use super::source::InBuckets;
use super::{Imports, Running, parse_uri, storage};
use crate::rows;

impl Imports {
    /// Runs an import in the background.
    pub(super) fn spawn(self: &Arc<Self>, row: ImportRow) -> Result<(), ApiError> {
        let target = self.target(&row)?;
        let (stop, stopped) = watch::channel(false);
        let (ends, over) = watch::channel(false);
        let running = Running { id: row.id.clone(), stop, asked: false, statistics: row.statistics, over };
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
        let imports = Arc::clone(self);
        tokio::spawn(async move {
            let id = row.id.clone();
            if let Err(error) = imports.run(row, target, stopped).await {
                tracing::warn!(%error, import = id, "an import cannot say how it ended; it goes on in a few seconds");
                imports.left_over.store(true, Ordering::Release);
            }
            *imports.running.lock().unwrap_or_else(PoisonError::into_inner) = None;
            ends.send_replace(true);
        });
        Ok(())
    }

    fn target(&self, row: &ImportRow) -> Result<Arc<StoreTarget>, ApiError> {
        let receiver = Arc::clone(&self.parts()?.receiver);
        let store = StoreId::parse(&row.store);
        let store = store.ok_or_else(|| ApiError::internal(format!("import {}: no store {}", row.id, row.store)))?;
        // As on AWS: what lies in folders named CloudTrail, and nothing of other services, Insights or network activity.
        let filter = Filter { from_ms: row.start_ms, to_ms: row.end_ms, events_only: true, ..Filter::default() };
        Ok(Arc::new(StoreTarget { receiver, store, filter }))
    }

    async fn run(
        &self,
        mut row: ImportRow,
        target: Arc<StoreTarget>,
        stopped: watch::Receiver<bool>,
    ) -> Result<(), ApiError> {
        row.status = Status::InProgress;
        self.save(&mut row).await?;
        let (bucket, prefix) = parse_uri(&row.uri).ok_or_else(|| ApiError::internal("the URI was checked"))?;
        let source = Arc::new(InBuckets(Arc::clone(&self.buckets)));
        let origin = Origin { source, bucket: bucket.to_owned(), prefix };
        let bucket = &origin.bucket;
        let filter = target.filter.clone();
        let options = Options::new(format!("s3://{bucket}/"));
        let before = row.statistics;
        let (progress, mut progressed) = watch::channel(before);
        let mut say = |_: Event, report: &Report| {
            let now = statistics(before, report, false);
            if let Some(running) = &mut *self.running.lock().unwrap_or_else(PoisonError::into_inner) {
                running.statistics = now;
            }
            progress.send_replace(now);
        };
        let target: Arc<dyn Target> = target;
        let outcome = {
            let work = import(&origin, &filter, target, &options, &stopped, &mut say);
            let mut work = std::pin::pin!(work);
            loop {
                let now = tokio::select! {
                    biased;
                    outcome = &mut work => break outcome,
                    changed = progressed.changed() => changed.map(|()| *progressed.borrow_and_update()),
                };
                // What is written is less than what is done, never more: the files' own rows count.
                if let Ok(now) = now {
                    row.statistics = now;
                    if let Err(error) = self.save(&mut row).await {
                        tracing::debug!(%error, import = row.id, "how far an import is could not be written");
                    }
                }
            }
        };
        let now = self.env.clock.now();
        let failed = |location: String, error_type: &str, message: String| FailureRow {
            v: 1,
            location,
            status: FailureStatus::Failed,
            error_type: error_type.to_owned(),
            message,
            updated_ms: now.ms(),
        };
        match outcome {
            Ok(report) => {
                row.statistics = statistics(before, &report, !report.stopped);
                let rows = report.failures.into_iter();
                let rows = rows.map(|one| failed(format!("s3://{bucket}/{}", one.key), "InvalidLogFile", one.why));
                failures::settle(&*self.state, &row.id, rows.collect(), !report.stopped, now).await?;
                row.status = match (report.stopped, report.files_failed) {
                    (true, _) if !self.was_asked() => return self.save(&mut row).await,
                    (true, _) => Status::Stopped,
                    (false, 0) => Status::Completed,
                    (false, _) => Status::Failed,
                };
            }
            Err(error) => {
                tracing::warn!(%error, import = row.id, "an import failed");
                let one = failed(row.uri.clone(), "ImportFailed", error.to_string());
                failures::settle(&*self.state, &row.id, vec![one], false, now).await?;
                row.statistics.failed += 1;
                row.status = Status::Failed;
            }
        }
        self.save(&mut row).await
    }

    /// Whether somebody asked for the end of what goes on.
    fn was_asked(&self) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.as_ref().is_some_and(|running| running.asked)
    }

    async fn save(&self, row: &mut ImportRow) -> Result<(), ApiError> {
        row.updated_ms = self.env.clock.now().ms();
        let put = rows::put(IMPORTS, row.id.as_bytes(), &*row, Expect::Present);
        self.state.commit(vec![put]).await.map_err(storage)?;
        Ok(())
    }
}

/// How far an import is that had done so much before.
fn statistics(before: Statistics, report: &Report, over: bool) -> Statistics {
    Statistics {
        prefixes_found: report.folders_seen,
        prefixes_completed: if over { report.folders_seen } else { report.folders_seen.saturating_sub(1) },
        files: report.files_known + report.files_read,
        events: before.events + report.records_read - report.records_left_out,
        failed: report.files_failed,
    }
}
