//! GetStatus: shows the version, the journal's end and how far its consumers are.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Cairn;

/// Shows how the server is.
pub struct GetStatus;

/// Nothing.
#[derive(Deserialize)]
pub struct Input {}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    version: &'static str,
    uptime_seconds: i64,
    journal_end: i64,
    consumers: Vec<Consumer>,
    validation: Vec<Validation>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Consumer {
    name: String,
    cursor: i64,
    lag: i64,
    failure: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Validation {
    trail: String,
    checked_at: Timestamp,
    valid: bool,
    digests_checked: i64,
    files_checked: i64,
    problem_count: i64,
    problems: Vec<String>,
}

impl Operation for GetStatus {
    type Service = Cairn;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetStatus";
    const RESOURCE: &'static str = "*";

    async fn run(cairn: &Cairn, _: &Call, _: Input) -> Result<Output, ApiError> {
        let number = |count| i64::try_from(count).unwrap_or(i64::MAX);
        let consumers = cairn.operator.consumers().into_iter().map(|consumer| Consumer {
            name: consumer.name,
            cursor: number(consumer.cursor),
            lag: number(consumer.lag),
            failure: consumer.failure,
        });
        let validation = cairn.operator.validation().into_iter().map(|validation| Validation {
            trail: validation.trail,
            checked_at: Timestamp::from_ms(validation.checked_at_ms),
            valid: validation.valid,
            digests_checked: number(validation.digests_checked),
            files_checked: number(validation.files_checked),
            problem_count: number(validation.problem_count),
            problems: validation.problems,
        });
        Ok(Output {
            version: env!("CARGO_PKG_VERSION"),
            uptime_seconds: number(cairn.operator.uptime_ms() / 1000),
            journal_end: number(cairn.operator.journal_end()),
            consumers: consumers.collect(),
            validation: validation.collect(),
        })
    }
}
