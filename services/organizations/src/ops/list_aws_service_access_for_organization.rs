//! ListAWSServiceAccessForOrganization: lists the services that have access to the organization.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::paging::page;

/// Lists the services that have access to the organization.
pub struct ListAWSServiceAccessForOrganization;

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
    enabled_service_principals: Vec<EnabledServicePrincipal>,
    next_token: Option<String>,
}

impl Operation for ListAWSServiceAccessForOrganization {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListAWSServiceAccessForOrganization";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let world = organizations.store.world();
        let organization = access::reader(&world, call)?;
        let items: Vec<_> = organization
            .services
            .iter()
            .map(|trusted| EnabledServicePrincipal {
                service_principal: trusted.service.clone(),
                date_enabled: trusted.since,
            })
            .collect();
        let (enabled_service_principals, next_token) =
            page(items, |service| service.service_principal.clone(), input.next_token.as_deref(), input.max_results)?;
        Ok(Output { enabled_service_principals, next_token })
    }
}

/// The modelled `EnabledServicePrincipal`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EnabledServicePrincipal {
    service_principal: String,
    date_enabled: Timestamp,
}
