//! CancelHandshake: takes back a handshake that the caller's account began.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::error::Error;
use crate::records::{Handshake, HandshakeState};
use crate::views::HandshakeView;

/// Takes back a handshake that the caller's account began.
pub struct CancelHandshake;

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

impl Operation for CancelHandshake {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "CancelHandshake";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        organizations
            .store
            .change(|world, draft| {
                let handshake = world.handshakes.get(&input.handshake_id);
                let handshake = handshake.ok_or(Error::HandshakeNotFoundException)?;
                if *handshake.management != *call.account {
                    return Err(Error::AccessDeniedException.into());
                }
                match handshake.state_at(call.time) {
                    HandshakeState::Open | HandshakeState::Requested => {}
                    HandshakeState::Canceled => return Err(Error::HandshakeAlreadyInStateException.into()),
                    _ => return Err(Error::InvalidHandshakeTransitionException.into()),
                }
                let (state, ended) = (HandshakeState::Canceled, Some(call.time));
                let canceled = Handshake { state, ended, ..(**handshake).clone() };
                // What waited for this one, or what this one waited for, makes no sense alone.
                let children = world.handshakes.values().filter(|other| {
                    other.parent.as_deref() == Some(&canceled.id) && other.ended_at(call.time).is_none()
                });
                for child in children {
                    draft.handshake(Handshake { state, ended, ..(**child).clone() });
                }
                let handshake = HandshakeView::new(&canceled, call.time);
                draft.handshake(canceled);
                Ok(Output { handshake })
            })
            .await
    }
}
