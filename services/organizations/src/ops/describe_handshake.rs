//! DescribeHandshake: shows a handshake to either of its parties.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::ops::feature_handshakes::mine;
use crate::views::HandshakeView;

/// Shows a handshake to either of its parties.
pub struct DescribeHandshake;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    handshake_id: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    handshake: HandshakeView,
}

impl Operation for DescribeHandshake {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DescribeHandshake";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let world = organizations.store.world();
        let handshake = mine(&world, call, &input.handshake_id)?;
        Ok(Output { handshake: HandshakeView::new(handshake, call.time) })
    }
}
