//! StartQuery: runs SQL over the event data stores of the region, in the background. Its result is kept for a week, and goes into a
//! bucket if that is asked for.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use super::event_data_stores::KIND;
use super::queries::{check_not_denied, check_owner, read_s3_uri};
use crate::CloudTrail;
use crate::error::Error;
use crate::lake::query::run::Ask;
use crate::lake::{generated, samples};

/// See the module.
pub struct StartQuery;

/// The request: a statement, or the alias of one with its parameters.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    query_statement: Option<String>,
    #[serde(rename = "DeliveryS3Uri")]
    delivery_s3_uri: Option<String>,
    query_alias: Option<String>,
    query_parameters: Option<Vec<String>>,
    event_data_store_owner_account_id: Option<String>,
}

/// What an alias stands for: a statement that GenerateQuery made, or a sample. Statement, parameters, and the question behind it.
async fn by_alias(
    cloudtrail: &CloudTrail,
    call: &Call,
    alias: &str,
    parameters: Vec<String>,
) -> Result<(String, Vec<String>, Option<String>), ApiError> {
    if let Some(made) = generated::find(&cloudtrail.shared, call.region, alias).await? {
        if !parameters.is_empty() {
            let text = format!("The query alias {alias} has no parameters.");
            return Err(Error::InvalidParameterException(text).into());
        }
        return Ok((made.statement, Vec::new(), Some(made.prompt)));
    }
    let (statement, parameters) = samples::by_alias(alias, parameters)?;
    Ok((statement, parameters, None))
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    query_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_data_store_owner_account_id: Option<String>,
}

impl Operation for StartQuery {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "StartQuery";
    const RESOURCE: &'static str = "eventdatastore/*";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        check_owner(cloudtrail, input.event_data_store_owner_account_id.as_deref())?;
        let delivery = input.delivery_s3_uri.as_deref().map(read_s3_uri).transpose()?;
        let parameters = input.query_parameters.unwrap_or_default();
        let here = cloudtrail.lake.stores.of_region(call.region).await?;
        let (statement, parameters, prompt) = match (input.query_statement, &input.query_alias) {
            (Some(_), None) if !parameters.is_empty() => {
                let text = "QueryParameters can only be used with QueryAlias.";
                return Err(Error::InvalidParameterException(text.to_owned()).into());
            }
            (Some(statement), None) => (statement, parameters, None),
            (None, Some(alias)) => by_alias(cloudtrail, call, alias, parameters).await?,
            _ => {
                let text = "Specify either QueryStatement or QueryAlias.";
                return Err(Error::InvalidParameterException(text.to_owned()).into());
            }
        };
        let checked = cloudtrail.lake.queries.check(&statement, parameters, &here)?;
        for store in here.iter().filter(|store| checked.stores.contains(&store.id)) {
            check_not_denied(cloudtrail, call, &store.arn, "cloudtrail:StartQuery").await?;
            call.note_resource(KIND, &store.arn);
        }
        let ask = Ask { alias: input.query_alias, prompt, delivery, refresh_id: None };
        let query_id = cloudtrail.lake.queries.start(call.region, checked, ask).await?;
        Ok(Output { query_id, event_data_store_owner_account_id: input.event_data_store_owner_account_id })
    }
}
