//! GetQueueUrl, ListQueues, ListDeadLetterSourceQueues.

use serde::{Deserialize, Serialize};
use service::paging::{BadToken, page};

use crate::Error;

/// The most URLs of a page, and as many as come if nobody says.
const PAGE_MAX: i64 = 1_000;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UrlInput {
    queue_name: String,
    #[serde(rename = "QueueOwnerAWSAccountId")]
    queue_owner_aws_account_id: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UrlOutput {
    queue_url: String,
}

operation! {
    /// Tells the URL of a queue.
    GetQueueUrl: UrlInput => UrlOutput, |sqs, call, input| {
        let owner = input.queue_owner_aws_account_id.as_deref().unwrap_or(&sqs.deps.account);
        sqs.authorize(call, &sqs.arn(call.region, &input.queue_name), "GetQueueUrl", &[]).await?;
        if *owner != *sqs.deps.account || sqs.live(call.region, &input.queue_name).is_none() {
            return Err(Error::QueueDoesNotExist.into());
        }
        Ok(UrlOutput { queue_url: sqs.url(call, &input.queue_name) })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInput {
    queue_name_prefix: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    queue_urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

operation! {
    /// Lists the queues of a region, by name.
    ListQueues on "*": ListInput => ListOutput, |sqs, call, input| {
        let max = check_page(input.max_results, input.next_token.as_deref())?;
        let prefix = input.queue_name_prefix.unwrap_or_default();
        let names = sqs.in_region(call.region).into_iter().map(|live| live.name.clone());
        let names = names.filter(|name| name.starts_with(&prefix));
        let page = page(names, |name| name, input.next_token.as_deref(), max).map_err(bad_token)?;
        let queue_urls = page.items.iter().map(|name| sqs.url(call, name)).collect();
        // Who names no size gets no token. Source: SQS API reference, ListQueues.
        let next_token = page.next_token.filter(|_| input.max_results.is_some());
        Ok(ListOutput { queue_urls, next_token })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SourcesInput {
    queue_url: String,
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
pub struct SourcesOutput {
    #[serde(rename = "queueUrls")]
    queue_urls: Vec<String>,
    #[serde(rename = "NextToken", skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

operation! {
    /// Lists the queues whose dead letters come into this one.
    ListDeadLetterSourceQueues: SourcesInput => SourcesOutput, |sqs, call, input| {
        let live = sqs.queue(call, &input.queue_url, "ListDeadLetterSourceQueues").await?;
        let max = check_page(input.max_results, input.next_token.as_deref())?;
        let sources = sqs.in_region(call.region).into_iter().filter(|source| {
            source.setup().redrive.as_ref().is_some_and(|redrive| redrive.target_arn == live.arn)
        });
        let names = sources.map(|source| source.name.clone());
        let page = page(names, |name| name, input.next_token.as_deref(), max).map_err(bad_token)?;
        let queue_urls = page.items.iter().map(|name| sqs.url(call, name)).collect();
        let next_token = page.next_token.filter(|_| input.max_results.is_some());
        Ok(SourcesOutput { queue_urls, next_token })
    }
}

fn check_page(max: Option<i64>, token: Option<&str>) -> Result<usize, Error> {
    if let Some(max) = max
        && !(1..=PAGE_MAX).contains(&max)
    {
        return Err(Error::value(max, "MaxResults", "MaxResults must be an integer between 1 and 1000."));
    }
    if max.is_none() && token.is_some() {
        return Err(Error::InvalidParameterValue(
            "MaxResults is a mandatory parameter when you provide a value for NextToken.".to_owned(),
        ));
    }
    Ok(usize::try_from(max.unwrap_or(PAGE_MAX)).unwrap_or(1))
}

fn bad_token(_: BadToken) -> Error {
    Error::InvalidParameterValue("Invalid or expired next token.".to_owned())
}
