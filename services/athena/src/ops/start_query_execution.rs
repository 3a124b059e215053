//! StartQueryExecution: runs a statement in the background. Its result goes into a bucket that the caller may write to.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::error::invalid;
use crate::rows::WorkGroup;
use crate::run::{Ask, plan, result_key};
use crate::{Athena, catalog, work_group};

/// See the module.
pub struct StartQueryExecution;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    query_string: String,
    client_request_token: Option<String>,
    query_execution_context: Option<Context>,
    result_configuration: Option<ResultConfiguration>,
    work_group: Option<String>,
    execution_parameters: Option<Vec<String>>,
    /// No result is used a second time, whatever its age: the answer says so.
    result_reuse_configuration: Option<IgnoredAny>,
    engine_configuration: Option<IgnoredAny>,
}

/// Where names are looked for.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Context {
    database: Option<String>,
    catalog: Option<String>,
}

/// Where the result goes.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResultConfiguration {
    output_location: Option<String>,
    encryption_configuration: Option<Encryption>,
    expected_bucket_owner: Option<String>,
    #[serde(flatten)]
    _rest: BTreeMap<String, IgnoredAny>,
}

/// How the result is encrypted: as everything in the bucket.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Encryption {
    encryption_option: String,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    query_execution_id: String,
}

impl Operation for StartQueryExecution {
    type Service = Athena;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "StartQueryExecution";
    const RESOURCE: &'static str = "workgroup/primary";

    async fn run(athena: &Athena, call: &Call, input: Input) -> Result<Output, ApiError> {
        work_group::check(input.work_group.as_deref())?;
        let group = work_group::of(&athena.deps, call.region).await?;
        if !group.enabled {
            return Err(invalid(format!("WorkGroup {} is disabled.", work_group::PRIMARY)));
        }
        if input.engine_configuration.is_some() {
            return Err(invalid("EngineConfiguration is for Apache Spark work groups, and there are none."));
        }
        let _ = input.result_reuse_configuration;
        let context = input.query_execution_context.unwrap_or_default();
        catalog::check_catalog(context.catalog.as_deref())?;
        let id = base::ids::uuid(&*athena.deps.env.rng);
        let parameters = input.execution_parameters.unwrap_or_default();
        let plan = plan(&input.query_string, &parameters)?;
        let asked = input.result_configuration.unwrap_or_default();
        let key = |prefix: &str| result_key(prefix, &id, plan.as_ref());
        let (bucket, prefix) = destination(athena, call, &group, asked, key).await?;
        let ask = Ask {
            statement: input.query_string,
            parameters,
            database: context.database,
            catalog: context.catalog,
            bucket,
            prefix,
            id,
            token: input.client_request_token,
        };
        let query_execution_id = athena.executions.start(call.region, ask, plan).await?;
        Ok(Output { query_execution_id })
    }
}

/// Bucket and folder of the result, which the caller may write to. `key` makes its key out of the folder.
async fn destination(
    athena: &Athena,
    call: &Call,
    group: &WorkGroup,
    asked: ResultConfiguration,
    key: impl Fn(&str) -> String,
) -> Result<(String, String), ApiError> {
    let encryption = asked.encryption_configuration.map(|encryption| encryption.encryption_option);
    if let Some(option) = encryption.filter(|option| option != "SSE_S3") {
        let text = format!("ResultConfiguration.EncryptionConfiguration: {option} is not supported. Specify SSE_S3.");
        return Err(invalid(text));
    }
    let (location, owner) = match asked.output_location {
        Some(location) if !group.enforced || group.output_location.is_none() => {
            (Some(location), asked.expected_bucket_owner)
        }
        _ => (group.output_location.clone(), group.expected_bucket_owner.clone().or(asked.expected_bucket_owner)),
    };
    let location = location.filter(|location| !location.is_empty()).ok_or_else(|| {
        invalid(
            "No output location provided. An output location is required either through the Workgroup result configuration \
             setting or as an API input.",
        )
    })?;
    let (bucket, prefix) = work_group::read_location(&location)?;
    let unverified = || invalid(format!("Unable to verify/create output bucket {bucket}"));
    let found = athena.deps.buckets.describe(&bucket).await.map_err(ApiError::unavailable)?;
    let found = found.ok_or_else(unverified)?;
    if owner.is_some_and(|owner| owner != found.account) {
        return Err(invalid(format!("The bucket {bucket} does not belong to ExpectedBucketOwner.")));
    }
    if !athena.deps.may(call, "s3:PutObject", &bucket, &key(&prefix)).await? {
        return Err(invalid(format!(
            "Access denied when writing output to url: {location}. Please ensure you are allowed to access the S3 bucket."
        )));
    }
    Ok((bucket, prefix))
}
