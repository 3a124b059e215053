//! Metric streams: kept as put. Nothing is streamed: there is no Firehose.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::{ApiError, Call};

use super::put_alarm::{Tag, tags};
use crate::error::storage;
use crate::recorded::{self, Recorded};
use crate::{CloudWatch, Error};

const KIND: &str = "metric-stream";

fn arn(call: &Call, name: &str) -> String {
    format!("arn:{}:cloudwatch:{}:{}:metric-stream/{name}", call.region.partition(), call.region, call.account)
}

/// See the model.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Filter {
    namespace: Option<String>,
    metric_names: Option<Vec<String>>,
}

/// See the model.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statistics {
    include_metrics: Vec<Included>,
    additional_statistics: Vec<String>,
}

/// See the model.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Included {
    namespace: String,
    metric_name: String,
}

/// What is kept.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Kept {
    include: Option<Vec<Filter>>,
    exclude: Option<Vec<Filter>>,
    firehose: String,
    role: String,
    format: String,
    statistics: Option<Vec<Statistics>>,
    linked: Option<bool>,
}

fn kept(one: &Recorded) -> Kept {
    serde_json::from_value(one.document.clone()).unwrap_or_default()
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutInput {
    name: String,
    include_filters: Option<Vec<Filter>>,
    exclude_filters: Option<Vec<Filter>>,
    firehose_arn: String,
    role_arn: String,
    output_format: String,
    tags: Option<Vec<Tag>>,
    statistics_configurations: Option<Vec<Statistics>>,
    include_linked_accounts_metrics: Option<bool>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutOutput {
    arn: String,
}

operation! {
    /// Keeps a metric stream.
    PutMetricStream on "metric-stream/{Name}": PutInput => PutOutput, |cloudwatch, call, input| {
        let has_filters = |filters: &Option<Vec<Filter>>| filters.as_ref().is_some_and(|filters| !filters.is_empty());
        if has_filters(&input.include_filters) && has_filters(&input.exclude_filters) {
            return Err(Error::combination("IncludeFilters and ExcludeFilters must not be specified together.").into());
        }
        let state = &*cloudwatch.deps.state;
        let given = tags(input.tags)?;
        let known = recorded::get(state, call.region, KIND, &input.name).await.map_err(storage)?;
        let document = json!(Kept {
            include: input.include_filters,
            exclude: input.exclude_filters,
            firehose: input.firehose_arn,
            role: input.role_arn,
            format: input.output_format,
            statistics: input.statistics_configurations,
            linked: input.include_linked_accounts_metrics,
        });
        let mut one = Recorded::new(&input.name, "running", document, given, call.time);
        if let Some(known) = known {
            one.created = known.created;
            one.tags = known.tags;
        }
        recorded::put(state, call.region, KIND, &one).await.map_err(storage)?;
        Ok(PutOutput { arn: arn(call, &input.name) })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NameInput {
    name: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    arn: String,
    name: String,
    include_filters: Option<Vec<Filter>>,
    exclude_filters: Option<Vec<Filter>>,
    firehose_arn: String,
    role_arn: String,
    state: String,
    creation_date: Timestamp,
    last_update_date: Timestamp,
    output_format: String,
    statistics_configurations: Option<Vec<Statistics>>,
    include_linked_accounts_metrics: Option<bool>,
}

operation! {
    /// A metric stream.
    GetMetricStream on "metric-stream/{Name}": NameInput => GetOutput, |cloudwatch, call, input| {
        let known = recorded::get(&*cloudwatch.deps.state, call.region, KIND, &input.name).await.map_err(storage)?;
        let known = known.ok_or_else(|| Error::ResourceNotFoundException(format!("MetricStream {} does not exist", input.name)))?;
        let kept = kept(&known);
        Ok(GetOutput {
            arn: arn(call, &known.name),
            name: known.name,
            include_filters: kept.include,
            exclude_filters: kept.exclude,
            firehose_arn: kept.firehose,
            role_arn: kept.role,
            state: known.state,
            creation_date: known.created,
            last_update_date: known.updated,
            output_format: kept.format,
            statistics_configurations: kept.statistics,
            include_linked_accounts_metrics: kept.linked,
        })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInput {
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    next_token: Option<String>,
    entries: Vec<Entry>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Entry {
    arn: String,
    creation_date: Timestamp,
    last_update_date: Timestamp,
    name: String,
    firehose_arn: String,
    state: String,
    output_format: String,
}

operation! {
    /// Lists metric streams.
    ListMetricStreams on "*": ListInput => ListOutput, |cloudwatch, call, input| {
        let all = recorded::all(&*cloudwatch.deps.state, call.region, KIND).await.map_err(storage)?;
        let page = super::page(all, |one| &one.name, input.next_token.as_deref(), super::limit(input.max_results, 500))?;
        let entry = |one: Recorded| {
            let kept = kept(&one);
            Entry {
                arn: arn(call, &one.name),
                creation_date: one.created,
                last_update_date: one.updated,
                name: one.name,
                firehose_arn: kept.firehose,
                state: one.state,
                output_format: kept.format,
            }
        };
        Ok(ListOutput { entries: page.items.into_iter().map(entry).collect(), next_token: page.next_token })
    }
}

operation! {
    /// Removes a metric stream, which may be absent.
    DeleteMetricStream on "metric-stream/{Name}": NameInput => (), |cloudwatch, call, input| {
        recorded::delete(&*cloudwatch.deps.state, call.region, KIND, &input.name).await.map_err(storage)
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NamesInput {
    names: Vec<String>,
}

operation! {
    /// Says that streams run.
    StartMetricStreams on "metric-stream/*": NamesInput => (), |cloudwatch, call, input| {
        set(cloudwatch, call, &input.names, "running").await
    }
}

operation! {
    /// Says that streams are stopped.
    StopMetricStreams on "metric-stream/*": NamesInput => (), |cloudwatch, call, input| {
        set(cloudwatch, call, &input.names, "stopped").await
    }
}

async fn set(cloudwatch: &CloudWatch, call: &Call, names: &[String], word: &str) -> Result<(), ApiError> {
    let state = &*cloudwatch.deps.state;
    for name in names {
        let Some(mut known) = recorded::get(state, call.region, KIND, name).await.map_err(storage)? else { continue };
        known.state = word.to_owned();
        known.updated = call.time;
        recorded::put(state, call.region, KIND, &known).await.map_err(storage)?;
    }
    Ok(())
}
