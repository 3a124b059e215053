//! ListHandshakesForOrganization: lists handshakes of the organization, those of the last 30 days too.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::ops::feature_handshakes::Filter;
use crate::paging::page;
use crate::views::HandshakeView;

/// Lists handshakes of the organization, those of the last 30 days too.
pub struct ListHandshakesForOrganization;

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

impl Operation for ListHandshakesForOrganization {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListHandshakesForOrganization";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let world = organizations.store.world();
        let organization = access::reader(&world, call)?;
        let filter = input.filter.unwrap_or_default();
        let found = world
            .handshakes
            .values()
            .filter(|handshake| handshake.organization == organization.id && filter.takes(handshake));
        let items: Vec<_> = found.map(|handshake| HandshakeView::new(handshake, call.time)).collect();
        let key = |handshake: &HandshakeView| handshake.id.clone();
        let (handshakes, next_token) = page(items, key, input.next_token.as_deref(), input.max_results)?;
        Ok(Output { handshakes, next_token })
    }
}
