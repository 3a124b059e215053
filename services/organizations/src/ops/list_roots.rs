//! ListRoots: shows the root of the organization.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::paging::page;
use crate::views::RootView;

/// Shows the root of the organization.
pub struct ListRoots;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    roots: Vec<RootView>,
    next_token: Option<String>,
}

impl Operation for ListRoots {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListRoots";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let world = organizations.store.world();
        let organization = access::reader(&world, call)?;
        let items: Vec<_> = vec![RootView::new(organization)];
        let (roots, next_token) =
            page(items, |root| root.id().to_owned(), input.next_token.as_deref(), input.max_results)?;
        Ok(Output { roots, next_token })
    }
}
