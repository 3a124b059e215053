//! HoldForBackup: keeps every file that a backup needs while the caller copies them, and copies the tables. Streams a line of JSON
//! that says what to copy, then an empty line a second; the hold ends with the stream.

use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use service::{ApiError, Body, Call, Operation};

use crate::Cairn;

/// Keeps files while they are copied.
pub struct HoldForBackup;

/// Nothing.
#[derive(Deserialize)]
pub struct Input {}

/// What to copy is the body.
#[derive(Serialize)]
pub struct Output {}

impl Operation for HoldForBackup {
    type Service = Cairn;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "HoldForBackup";
    const RESOURCE: &'static str = "*";

    async fn run(cairn: &Cairn, call: &Call, _: Input) -> Result<Output, ApiError> {
        let lines = cairn.operator.hold_for_backup().await?;
        call.stream_reply(Body::new(lines.map(Ok), None));
        Ok(Output {})
    }
}
