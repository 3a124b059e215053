//! Exports to buckets: CreateExportTask, CancelExportTask, DescribeExportTasks. They are carried out in `export`.

use std::sync::Arc;

use bytes::Bytes;
use ports::BucketError;
use serde::{Deserialize, Serialize};
use service::ApiError;
use state::key::key;

use super::{Empty, page};
use crate::Logs;
use crate::error::{Error, invalid, missing, too_many};
use crate::export::{WRITE_TEST, put_of};
use crate::rows::{ExportTask, VERSION};

/// What keys begin with if nothing is said.
const PREFIX: &str = "exportedlogs";
/// Tasks that are over are remembered, so many of an account; the oldest are forgotten.
const TASKS_MAX: usize = 1_000;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateInput {
    task_name: Option<String>,
    log_group_name: String,
    log_stream_name_prefix: Option<String>,
    from: i64,
    to: i64,
    destination: String,
    destination_prefix: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateOutput {
    task_id: String,
}

impl Logs {
    /// Refuses a bucket that does not let exports in.
    async fn check_bucket(&self, task: &ExportTask) -> Result<(), ApiError> {
        let said = |error: BucketError| match error {
            BucketError::NoSuchBucket => invalid("The given bucket does not exist. Please provide a valid bucket."),
            BucketError::Unavailable(why) => ApiError::unavailable(why),
            _ => invalid(
                "PutObject call on the given bucket failed. Please check if CloudWatch Logs has been granted permission to perform this \
                 action.",
            ),
        };
        let info = self.deps.buckets.describe(&task.bucket).await.map_err(said)?;
        let info = info.ok_or_else(|| said(BucketError::NoSuchBucket))?;
        if info.region != task.region {
            return Err(invalid(
                "The given bucket is in a different region than the log group. Please provide a valid bucket.",
            ));
        }
        let test = put_of(task, &self.deps.account, WRITE_TEST, Bytes::from_static(b"Permission Check Successful"));
        self.deps.buckets.check(&test).await.map_err(said)?;
        self.deps.buckets.put(test).await.map_err(said)
    }
}

operation! {
    /// Begins an export.
    CreateExportTask on "log-group:{logGroupName}:log-stream:": CreateInput => CreateOutput, |logs, call, input| {
        if input.from < 0 || input.to < 0 {
            return Err(invalid("from and to must not be negative."));
        }
        if input.from > input.to {
            return Err(invalid("Invalid time range specified: from must not be after to."));
        }
        let group = logs.group(call, Some(&input.log_group_name), None)?;
        let prefix = input.destination_prefix.filter(|prefix| !prefix.is_empty()).unwrap_or_else(|| PREFIX.to_owned());
        let task = ExportTask {
            v: VERSION,
            region: call.region,
            id: base::ids::uuid(&*logs.deps.env.rng),
            name: input.task_name,
            group: group.id,
            group_name: group.name.clone(),
            stream_prefix: input.log_stream_name_prefix,
            from: input.from,
            to: input.to,
            bucket: input.destination,
            prefix: prefix.trim_matches('/').to_owned(),
            status: "PENDING".to_owned(),
            message: None,
            created: call.time.ms(),
            completed: None,
        };
        logs.check_bucket(&task).await?;
        let task_id = task.id.clone();
        logs.store
            .change(|memory, plan| {
                let all = || memory.of_region::<ExportTask>(call.region);
                if all().any(|task| task.is_open()) {
                    return Err(too_many("Resource limit exceeded."));
                }
                if all().count() >= TASKS_MAX
                    && let Some(oldest) = all().min_by_key(|task| task.created)
                {
                    plan.remove::<ExportTask>(oldest);
                }
                plan.put(task)
            })
            .await?;
        if let Some(logs) = logs.me.upgrade() {
            logs.begin_exports();
        }
        Ok(CreateOutput { task_id })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CancelInput {
    task_id: String,
}

operation! {
    /// Ends an export that is not over.
    CancelExportTask on "*": CancelInput => Empty, |logs, call, input| {
        logs.store
            .change(|memory, plan| {
                let known = memory.get::<ExportTask>(&key(&[call.region.as_str(), &input.task_id]));
                let known = known.ok_or_else(|| missing("The specified export task does not exist."))?;
                if !known.is_open() {
                    let text = format!("The specified export task has already finished with the status {}.", known.status);
                    return Err(Error::InvalidOperationException(text).into());
                }
                let completed = Some(call.time.ms());
                let status = "CANCELLED".to_owned();
                plan.put(ExportTask { status, message: Some("Cancelled by user".to_owned()), completed, ..(**known).clone() })?;
                Ok(Empty {})
            })
            .await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeInput {
    task_id: Option<String>,
    status_code: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeOutput {
    export_tasks: Vec<Described>,
    next_token: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Described {
    task_id: String,
    task_name: Option<String>,
    log_group_name: String,
    from: i64,
    to: i64,
    destination: String,
    destination_prefix: String,
    status: Status,
    execution_info: Execution,
}

/// See the model.
#[derive(Serialize)]
pub struct Status {
    code: String,
    message: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    creation_time: i64,
    completion_time: Option<i64>,
}

operation! {
    /// Shows exports.
    DescribeExportTasks on "*": DescribeInput => DescribeOutput, |logs, call, input| {
        let found: Vec<Arc<ExportTask>> = logs.store.see(|memory| {
            let all = memory.of_region::<ExportTask>(call.region).filter(|task| {
                input.task_id.as_ref().is_none_or(|id| task.id == *id) && input.status_code.as_ref().is_none_or(|code| task.status == *code)
            });
            all.cloned().collect()
        });
        let page = page(found, |task| task.id.as_str(), input.next_token.as_deref(), input.limit)?;
        let described = |task: Arc<ExportTask>| Described {
            task_id: task.id.clone(),
            task_name: task.name.clone(),
            log_group_name: task.group_name.clone(),
            from: task.from,
            to: task.to,
            destination: task.bucket.clone(),
            destination_prefix: task.prefix.clone(),
            status: Status { code: task.status.clone(), message: task.message.clone() },
            execution_info: Execution { creation_time: task.created, completion_time: task.completed },
        };
        Ok(DescribeOutput { export_tasks: page.items.into_iter().map(described).collect(), next_token: page.next_token })
    }
}
