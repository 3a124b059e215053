//! PreviewMetricFilter: what a filter pattern would have matched. The caller must be allowed `logs:FilterLogEvents` on the group too.

use ports::PastEvents;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::{Cairn, number, refused};

/// Looks at past events.
pub struct PreviewMetricFilter;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    log_group_name: String,
    filter_pattern: String,
    days: u32,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    events_searched: i64,
    events_matched: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_match: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_match: Option<i64>,
    samples: Vec<Sample>,
    complete: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Sample {
    timestamp: i64,
    message: String,
}

impl Operation for PreviewMetricFilter {
    type Service = Cairn;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PreviewMetricFilter";
    const RESOURCE: &'static str = "*";

    async fn run(cairn: &Cairn, call: &Call, input: Input) -> Result<Output, ApiError> {
        let Input { log_group_name, filter_pattern, days } = input;
        let context = call.context(&[]);
        let asked = PastEvents { caller: &call.caller, context: &context, group: &log_group_name, days };
        let found = cairn.metric_filters()?.preview(&asked, &filter_pattern).await.map_err(refused)?;
        let sample = |(timestamp, message)| Sample { timestamp, message };
        Ok(Output {
            events_searched: number(found.searched),
            events_matched: number(found.matched),
            first_match: found.times.map(|(first, _)| first),
            last_match: found.times.map(|(_, last)| last),
            samples: found.samples.into_iter().map(sample).collect(),
            complete: found.is_complete,
        })
    }
}
