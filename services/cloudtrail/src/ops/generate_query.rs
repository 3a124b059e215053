//! GenerateQuery: SQL from a question in English, by rules. Runs nothing. Source: CloudTrail API reference, GenerateQuery.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use super::event_data_stores::KIND;
use super::queries::{check_not_denied, store_named};
use crate::CloudTrail;
use crate::error::Error;
use crate::lake::data_store::arn_of;
use crate::lake::generated;
use crate::lake::translate::{EXAMPLES, translate};

/// See the module.
pub struct GenerateQuery;

/// The request: one store, and a question.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    event_data_stores: Vec<String>,
    prompt: String,
}

/// The answer: a statement, and the alias by which StartQuery runs it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    query_statement: String,
    query_alias: String,
    event_data_store_owner_account_id: String,
}

impl Operation for GenerateQuery {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GenerateQuery";
    const RESOURCE: &'static str = "eventdatastore/*";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        let [named] = input.event_data_stores.as_slice() else {
            let text = "EventDataStores must name exactly one event data store.";
            return Err(Error::InvalidParameterException(text.to_owned()).into());
        };
        let store = store_named(cloudtrail, call, named).await?;
        let account = &cloudtrail.shared.account;
        if store != ports::lake::EVENTS {
            let arn = arn_of(call.region, account, &store);
            check_not_denied(cloudtrail, call, &arn, "cloudtrail:GenerateQuery").await?;
            call.note_resource(KIND, &arn);
        }
        let now = cloudtrail.shared.env.clock.now();
        let statement = translate(&input.prompt, &store, now).map_err(|no| {
            let words = if no.words.is_empty() {
                "It says nothing of what to look for.".to_owned()
            } else {
                format!("Not understood: {}.", no.words.join(", "))
            };
            Error::GenerateResponseException(format!(
                "A valid query could not be generated for the provided prompt. {words} Prompts that are understood: {EXAMPLES}."
            ))
        })?;
        let query_statement = statement.clone();
        let query_alias = generated::keep(&cloudtrail.shared, call.region, input.prompt, statement).await?;
        Ok(Output { query_statement, query_alias, event_data_store_owner_account_id: account.to_string() })
    }
}
