//! DeclineHandshake: refuses an invitation, or the consent to all features.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::error::Error;
use crate::ops::feature_handshakes::{for_me, must_be_open};
use crate::records::{Action, Handshake, HandshakeState};
use crate::views::HandshakeView;

/// Refuses an invitation, or the consent to all features.
pub struct DeclineHandshake;

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

impl Operation for DeclineHandshake {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeclineHandshake";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        organizations
            .store
            .change(|world, draft| {
                let handshake = for_me(world, call, &input.handshake_id)?;
                if handshake.action == Action::EnableAllFeatures {
                    return Err(Error::AccessDeniedException.into());
                }
                must_be_open(handshake, HandshakeState::Declined, call.time)?;
                let (state, ended) = (HandshakeState::Declined, Some(call.time));
                let declined = Handshake { state, ended, ..(**handshake).clone() };
                let handshake = HandshakeView::new(&declined, call.time);
                draft.handshake(declined);
                Ok(Output { handshake })
            })
            .await
    }
}
