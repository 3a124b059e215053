//! Flush: delivers all that is recorded now, without waiting for the delivery interval.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::{Cairn, number};

/// Delivers all that is recorded now.
pub struct Flush;

/// Nothing.
#[derive(Deserialize)]
pub struct Input {}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    cut: i64,
    files_delivered: i64,
    trails_waiting: Vec<Waiting>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Waiting {
    trail: String,
    why: String,
}

impl Operation for Flush {
    type Service = Cairn;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "Flush";
    const RESOURCE: &'static str = "*";

    async fn run(cairn: &Cairn, _: &Call, _: Input) -> Result<Output, ApiError> {
        let flushed = cairn.operator.flush().await?;
        let waiting =
            flushed.trails_waiting.into_iter().map(|waiting| Waiting { trail: waiting.trail, why: waiting.why });
        Ok(Output {
            cut: number(flushed.cut),
            files_delivered: number(flushed.files_delivered),
            trails_waiting: waiting.collect(),
        })
    }
}
