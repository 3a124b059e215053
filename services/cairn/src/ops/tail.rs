//! Tail: streams records as they come, one line of JSON each, until the client goes away or the server stops.

use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use service::{ApiError, Body, Call, Operation};

use crate::Cairn;

/// Streams records as they come.
pub struct Tail;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    after_sequence: Option<i64>,
    positions: Option<bool>,
}

/// The records are the body.
#[derive(Serialize)]
pub struct Output {}

impl Operation for Tail {
    type Service = Cairn;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "Tail";
    const RESOURCE: &'static str = "*";

    async fn run(cairn: &Cairn, call: &Call, input: Input) -> Result<Output, ApiError> {
        let after = input.after_sequence.map(u64::try_from).transpose();
        let after =
            after.map_err(|_| ApiError::new("ValidationException", 400, "AfterSequence must not be negative."))?;
        let end = cairn.operator.journal_end();
        if after.is_some_and(|after| after >= end) {
            let text = format!("AfterSequence is beyond the journal, whose last entry is {}.", end.saturating_sub(1));
            return Err(ApiError::new("ValidationException", 400, text));
        }
        call.stream_reply(Body::new(cairn.operator.tail(after, input.positions.unwrap_or(false)).map(Ok), None));
        Ok(Output {})
    }
}
