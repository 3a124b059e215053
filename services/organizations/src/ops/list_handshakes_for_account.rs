//! ListHandshakesForAccount: lists handshakes for the caller's account, those of the last 30 days too.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::ops::feature_handshakes::{Filter, is_to};
use crate::paging::page;
use crate::records::Action;
use crate::views::HandshakeView;

/// Lists handshakes for the caller's account, those of the last 30 days too.
pub struct ListHandshakesForAccount;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    filter: Option<Filter>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    handshakes: Vec<HandshakeView>,
    next_token: Option<String>,
}

impl Operation for ListHandshakesForAccount {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListHandshakesForAccount";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let world = organizations.store.world();
        let filter = input.filter.unwrap_or_default();
        let found = world.handshakes.values().filter(|handshake| {
            is_to(&world, handshake, &call.account)
                && handshake.action != Action::EnableAllFeatures
                && filter.takes(handshake)
        });
        let items: Vec<_> = found.map(|handshake| HandshakeView::new(handshake, call.time)).collect();
        let key = |handshake: &HandshakeView| handshake.id.clone();
        let (handshakes, next_token) = page(items, key, input.next_token.as_deref(), input.max_results)?;
        Ok(Output { handshakes, next_token })
    }
}
