//! StartMessageMoveTask, CancelMessageMoveTask, ListMessageMoveTasks.

use base::ids;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Error;
use crate::moves::{RATE_MAX, REMEMBERED_MAX, Task};

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartInput {
    source_arn: String,
    destination_arn: Option<String>,
    max_number_of_messages_per_second: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartOutput {
    task_handle: String,
}

fn no_resource(parameter: &str) -> Error {
    Error::ResourceNotFoundException(format!(
        "The resource that you specified for the {parameter} parameter doesn't exist."
    ))
}

operation! {
    /// Begins to move dead letters back.
    StartMessageMoveTask on "{SourceArn}": StartInput => StartOutput, |sqs, call, input| {
        let source = sqs.live_by_arn(call.region, &input.source_arn).ok_or_else(|| no_resource("SourceArn"))?;
        if let Some(rate) = input.max_number_of_messages_per_second
            && !(1..=RATE_MAX).contains(&rate)
        {
            let reason = format!("Must be between 1 and {RATE_MAX}, if provided.");
            return Err(Error::value(rate, "MaxNumberOfMessagesPerSecond", &reason).into());
        }
        let is_target = |live: &crate::queue::Live| {
            live.setup().redrive.as_ref().is_some_and(|redrive| redrive.target_arn == source.arn)
        };
        if !sqs.in_region(call.region).iter().any(|live| is_target(live)) {
            let text = "Source queue must be configured as a Dead Letter Queue.";
            return Err(Error::InvalidParameterValue(text.to_owned()).into());
        }
        if let Some(arn) = &input.destination_arn {
            sqs.authorize(call, arn, "SendMessage", &[]).await?;
            let target = sqs.live_by_arn(call.region, arn).ok_or_else(|| no_resource("DestinationArn"))?;
            if target.is_fifo != source.is_fifo || target.id == source.id {
                let text = "Source and destination must be two queues of the same type.";
                return Err(Error::InvalidParameterValue(text.to_owned()).into());
            }
        }
        let handle = {
            let _turn = sqs.changes.lock().await;
            if sqs.moves.of(&source.arn).iter().any(Task::is_active) {
                let text = "There is already a task running. Only one active task is allowed for a source queue arn at a given time.";
                return Err(Error::InvalidParameterValue(text.to_owned()).into());
            }
            let counts = source.lock_at(sqs.now_ms()).shelf.counts();
            let id = ids::uuid(&*sqs.deps.env.rng);
            let handle = BASE64.encode(json!({"taskId": id, "sourceArn": source.arn}).to_string());
            let task = Task {
                v: 1,
                region: call.region,
                handle: handle.clone(),
                source_arn: source.arn.clone(),
                destination_arn: input.destination_arn,
                rate: input.max_number_of_messages_per_second,
                status: "RUNNING".to_owned(),
                moved: 0,
                to_move: i64::try_from(counts.visible).unwrap_or(i64::MAX),
                failure: None,
                started_ms: sqs.now_ms(),
            };
            sqs.keep_task(task).await?;
            handle
        };
        sqs.moves.begin(handle.clone());
        Ok(StartOutput { task_handle: handle })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CancelInput {
    task_handle: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CancelOutput {
    approximate_number_of_messages_moved: i64,
}

operation! {
    /// Ends a task; what it moved stays where it is.
    CancelMessageMoveTask: CancelInput => CancelOutput, |sqs, call, input| {
        let bad = || Error::InvalidParameterValue("Value for parameter TaskHandle is invalid.".to_owned());
        let text = BASE64.decode(&input.task_handle).map_err(|_| bad())?;
        let named: serde_json::Value = serde_json::from_slice(&text).map_err(|_| bad())?;
        let source_arn = named["sourceArn"].as_str().ok_or_else(bad)?;
        sqs.authorize(call, source_arn, "CancelMessageMoveTask", &[]).await?;
        let _turn = sqs.changes.lock().await;
        let task = sqs.moves.get(&input.task_handle).filter(|task| task.region == call.region);
        let task = task.ok_or_else(|| Error::ResourceNotFoundException("Task does not exist.".to_owned()))?;
        if task.status != "RUNNING" {
            let text = "Only active tasks can be cancelled.";
            return Err(Error::UnsupportedOperation(text.to_owned()).into());
        }
        let moved = task.moved;
        sqs.keep_task(Task { status: "CANCELLING".to_owned(), ..task }).await?;
        Ok(CancelOutput { approximate_number_of_messages_moved: moved })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInput {
    source_arn: String,
    max_results: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    results: Vec<Entry>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Entry {
    #[serde(skip_serializing_if = "Option::is_none")]
    task_handle: Option<String>,
    status: String,
    source_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_number_of_messages_per_second: Option<i64>,
    approximate_number_of_messages_moved: i64,
    approximate_number_of_messages_to_move: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<String>,
    started_timestamp: i64,
}

operation! {
    /// Lists the newest tasks of a source.
    ListMessageMoveTasks on "{SourceArn}": ListInput => ListOutput, |sqs, call, input| {
        sqs.live_by_arn(call.region, &input.source_arn).ok_or_else(|| no_resource("SourceArn"))?;
        let most = i64::try_from(REMEMBERED_MAX).unwrap_or(10);
        super::check_range(input.max_results, "MaxResults", 1..=most)?;
        let max = usize::try_from(input.max_results.unwrap_or(1)).unwrap_or(1);
        let results = sqs.moves.of(&input.source_arn).into_iter().take(max).map(|task| Entry {
            // Only tasks that run can be cancelled, so only they have a handle. Source: SQS API reference, ListMessageMoveTasksResultEntry.
            task_handle: (task.status == "RUNNING").then_some(task.handle),
            status: task.status,
            source_arn: task.source_arn,
            destination_arn: task.destination_arn,
            max_number_of_messages_per_second: task.rate,
            approximate_number_of_messages_moved: task.moved,
            approximate_number_of_messages_to_move: task.to_move,
            failure_reason: task.failure,
            started_timestamp: task.started_ms,
        });
        Ok(ListOutput { results: results.collect() })
    }
}
