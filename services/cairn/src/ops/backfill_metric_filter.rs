//! BackfillMetricFilter: one step of counting events that came before a metric filter. The caller must be allowed `logs:FilterLogEvents`
//! and `logs:PutMetricFilter` on the group too.

use ports::PastEvents;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::{Cairn, number, refused};

/// Counts past events.
pub struct BackfillMetricFilter;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    log_group_name: String,
    filter_name: String,
    days: u32,
    #[serde(default)]
    dry_run: bool,
    /// Where a dry run goes on. Others know it themselves.
    before: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    events_searched: i64,
    events_matched: i64,
    values: i64,
    defaults: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_before: Option<i64>,
    nothing_left: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out_from: Option<i64>,
}

impl Operation for BackfillMetricFilter {
    type Service = Cairn;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "BackfillMetricFilter";
    const RESOURCE: &'static str = "*";

    async fn run(cairn: &Cairn, call: &Call, input: Input) -> Result<Output, ApiError> {
        let Input { log_group_name, filter_name, days, dry_run, before } = input;
        if before.is_some() && !dry_run {
            let text = "Before goes with DryRun: a run that puts values knows where it is.";
            return Err(ApiError::new("InvalidParameterException", 400, text));
        }
        let context = call.context(&[]);
        let asked = PastEvents { caller: &call.caller, context: &context, group: &log_group_name, days };
        let dry_run = dry_run.then_some(before);
        let done = cairn.metric_filters()?.backfill(&asked, &filter_name, dry_run).await.map_err(refused)?;
        Ok(Output {
            events_searched: number(done.searched),
            events_matched: number(done.matched),
            values: number(done.values),
            defaults: number(done.defaults),
            next_before: done.next_ms,
            nothing_left: done.is_nothing_left,
            left_out_from: done.left_out_from_ms,
        })
    }
}
