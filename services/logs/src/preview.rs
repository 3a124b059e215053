//! What is asked of metric filters about events that came before them: [`ports::MetricFilters`]. What a pattern would have matched is
//! answered here, what puts values is in [`crate::backfill`].

use async_trait::async_trait;
use base::time::DAY_MS;
use pattern::Event;
use ports::{AccessRequest, Backfilled, FilterPreview, HandOver, MetricFilters, PastEvents};
use service::ApiError;

use crate::Logs;
use crate::ops::metric_filters::parse;
use crate::scan::Query;

/// Bytes of texts that a preview reads at most.
const READ_BYTES_MAX: u64 = 256 << 20;
/// Matches that are shown.
const SAMPLES_MAX: usize = 5;
/// Characters of each of them.
const SAMPLE_CHARS_MAX: usize = 2_000;

fn handed(error: ApiError) -> HandOver {
    match (error.status, &*error.code) {
        (500.., _) => HandOver::Unavailable(error.log.unwrap_or(error.message)),
        (_, "ResourceNotFoundException") => HandOver::NotFound(error.message),
        _ => HandOver::Invalid(error.message),
    }
}

impl Logs {
    /// Refuses who may not do this with a group.
    async fn may_ask(&self, asked: &PastEvents<'_>, actions: &[&str]) -> Result<(), HandOver> {
        let PastEvents { caller, context, group, .. } = asked;
        let resource = crate::rows::group_arn(context.region, &self.deps.account, group) + ":log-stream:";
        for action in actions {
            let request = AccessRequest { caller, action, resource: &resource, context };
            let decision = self.deps.authorizer.decide(&request).await?;
            if !decision.is_allow() {
                let who = caller.arn().unwrap_or_else(|| "anonymous".to_owned());
                let why = decision.reason(action);
                return Err(HandOver::Denied(format!(
                    "User: {who} is not authorized to perform: {action} on resource: {resource} {why}"
                )));
            }
        }
        Ok(())
    }

    async fn previewed(&self, asked: &PastEvents<'_>, pattern: &str) -> Result<FilterPreview, ApiError> {
        let pattern = parse(pattern)?;
        let group = self.store.see(|memory| memory.group(asked.context.region, asked.group).cloned())?;
        let now_ms = self.deps.env.clock.now().ms();
        let from = now_ms - i64::from(asked.days) * DAY_MS;
        let mut query = Query { streams: None, from, to: i64::MAX, after: None, forward: false };
        let (mut preview, mut read_bytes) = (FilterPreview::default(), 0);
        loop {
            let mut scan = self.scan(std::sync::Arc::clone(&group), query.clone());
            while let Some(found) = scan.next().await? {
                preview.searched += 1;
                query.after = Some(found.place);
                if pattern.matches(&Event::new(found.text())) {
                    preview.matched += 1;
                    let last = preview.times.map_or(found.place.ts, |(_, last)| last);
                    preview.times = Some((found.place.ts, last));
                    if preview.samples.len() < SAMPLES_MAX {
                        let text = found.text().chars().take(SAMPLE_CHARS_MAX).collect();
                        preview.samples.push((found.place.ts, text));
                    }
                }
                if read_bytes + scan.read_bytes > READ_BYTES_MAX {
                    return Ok(preview);
                }
            }
            read_bytes += scan.read_bytes;
            if !scan.is_cut {
                return Ok(FilterPreview { is_complete: true, ..preview });
            }
            query.after = scan.reached();
        }
    }
}

#[async_trait]
impl MetricFilters for Logs {
    async fn preview(&self, asked: &PastEvents<'_>, pattern: &str) -> Result<FilterPreview, HandOver> {
        self.may_ask(asked, &["logs:FilterLogEvents"]).await?;
        self.previewed(asked, pattern).await.map_err(handed)
    }

    async fn backfill(
        &self,
        asked: &PastEvents<'_>,
        filter: &str,
        dry_run: Option<Option<i64>>,
    ) -> Result<Backfilled, HandOver> {
        self.may_ask(asked, &["logs:FilterLogEvents", "logs:PutMetricFilter"]).await?;
        self.backfill_step(asked, filter, dry_run).await.map_err(handed)
    }
}
