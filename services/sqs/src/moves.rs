//! Tasks that move dead letters back: one at a time for a queue, in steps that are each durable, resumed after a restart. Source: SQS
//! developer guide, "Learn how to configure a dead-letter queue redrive in Amazon SQS"; SQS API reference, StartMessageMoveTask.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use base::Region;
use serde::{Deserialize, Serialize};
use service::ApiError;
use state::{Expect, Typed, key};

use crate::Sqs;
use crate::error::storage;
use crate::queue::{CONTENTS, Live};

/// Tasks by region and handle.
pub const TASKS: Typed<Task> = Typed::new("sqs/move-tasks");
/// Tasks of a source that are remembered: as many as ListMessageMoveTasks shows.
pub const REMEMBERED_MAX: usize = 10;
/// Messages moved in a second, if the task does not say fewer. Also AWS's maximum.
pub const RATE_MAX: i64 = 500;
/// Steps of a task in a second, unless it is to move fewer messages.
const STEPS_PER_SEC: i64 = 5;

/// How many messages a step moves, and how long it is till the next.
fn pace(rate: Option<i64>) -> (usize, Duration) {
    let rate = rate.unwrap_or(RATE_MAX).clamp(1, RATE_MAX);
    let steps = rate.min(STEPS_PER_SEC);
    (usize::try_from(rate / steps).unwrap_or(1), Duration::from_millis(1000 / steps.unsigned_abs()))
}

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    /// The form of this row.
    pub v: u32,
    pub region: Region,
    pub handle: String,
    pub source_arn: String,
    pub destination_arn: Option<String>,
    pub rate: Option<i64>,
    /// `RUNNING`, `COMPLETED`, `CANCELLING`, `CANCELLED`, `FAILED`.
    pub status: String,
    pub moved: i64,
    pub to_move: i64,
    pub failure: Option<String>,
    pub started_ms: i64,
}

impl Task {
    pub fn is_active(&self) -> bool {
        ["RUNNING", "CANCELLING"].contains(&self.status.as_str())
    }

    fn key(&self) -> Vec<u8> {
        key::key(&[self.region.as_str(), &self.handle])
    }
}

/// All tasks, by handle, and whose they are: what runs a task holds the service only while it does a step.
pub struct Moves(Mutex<BTreeMap<String, Task>>, OnceLock<Weak<Sqs>>);

impl Moves {
    pub fn new(tasks: Vec<Task>) -> Moves {
        Moves(Mutex::new(tasks.into_iter().map(|task| (task.handle.clone(), task)).collect()), OnceLock::new())
    }

    /// Moves in the background, until the task is done or the service is dropped.
    pub fn begin(&self, handle: String) {
        let Some(sqs) = self.1.get().cloned() else { return };
        tokio::spawn(async move {
            loop {
                let Some(sqs) = sqs.upgrade() else { return };
                let (_, step) = pace(sqs.moves.get(&handle).and_then(|task| task.rate));
                match sqs.move_step(&handle).await {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(error) => {
                        tracing::warn!(error = error.log.unwrap_or(error.message), "moving dead letters waits")
                    }
                }
                drop(sqs);
                tokio::time::sleep(step).await;
            }
        });
    }

    pub fn get(&self, handle: &str) -> Option<Task> {
        self.0.lock().expect("no holder of this lock can panic").get(handle).cloned()
    }

    /// Those of a source, the newest first.
    pub fn of(&self, source_arn: &str) -> Vec<Task> {
        let all = self.0.lock().expect("no holder of this lock can panic");
        let mut found: Vec<Task> = all.values().filter(|task| task.source_arn == source_arn).cloned().collect();
        found.sort_by_key(|task| std::cmp::Reverse(task.started_ms));
        found
    }

    fn active(&self) -> Vec<String> {
        let all = self.0.lock().expect("no holder of this lock can panic");
        all.values().filter(|task| task.is_active()).map(|task| task.handle.clone()).collect()
    }
}

impl Sqs {
    /// Goes on with what ran when the server stopped.
    pub(crate) fn resume_moves(self: &Arc<Sqs>) {
        let _ = self.moves.1.set(Arc::downgrade(self));
        for handle in self.moves.active() {
            self.moves.begin(handle);
        }
    }

    /// Keeps a task, and forgets the oldest of its source.
    pub(crate) async fn keep_task(&self, task: Task) -> Result<(), ApiError> {
        let mut ops = vec![TASKS.put_op(&task.key(), &task, Expect::Any).map_err(|error| storage(&error))?];
        let known = self.moves.of(&task.source_arn);
        let old: Vec<Task> =
            known.into_iter().filter(|own| own.handle != task.handle).skip(REMEMBERED_MAX - 1).collect();
        ops.extend(old.iter().map(|task| TASKS.delete_op(&task.key(), Expect::Any)));
        self.commit(ops).await?;
        let mut all = self.moves.0.lock().expect("no holder of this lock can panic");
        for old in old {
            all.remove(&old.handle);
        }
        all.insert(task.handle.clone(), task);
        Ok(())
    }

    /// Moves some messages. Returns whether there may be more.
    pub(crate) async fn move_step(&self, handle: &str) -> Result<bool, ApiError> {
        let _turn = self.changes.lock().await;
        let Some(mut task) = self.moves.get(handle).filter(Task::is_active) else { return Ok(false) };
        let ended = |mut task: Task, status: &str, failure: Option<&str>| {
            task.status = status.to_owned();
            task.failure = failure.map(str::to_owned);
            task
        };
        if task.status == "CANCELLING" {
            self.keep_task(ended(task, "CANCELLED", None)).await?;
            return Ok(false);
        }
        let Some(source) = self.live_by_arn(task.region, &task.source_arn) else {
            self.keep_task(ended(task, "FAILED", Some("AWS.SimpleQueueService.NonExistentQueue"))).await?;
            return Ok(false);
        };
        let (max, _) = pace(task.rate);
        let picked = {
            let lying = source.lock_at(self.now_ms());
            lying.shelf.pick(max, None).live
        };
        if picked.is_empty() {
            self.keep_task(ended(task, "COMPLETED", None)).await?;
            return Ok(false);
        }
        let mut by_target: Vec<(Arc<Live>, Vec<u64>)> = Vec::new();
        for number in picked {
            let target = match &task.destination_arn {
                Some(arn) => self.live_by_arn(task.region, arn).ok_or("AWS.SimpleQueueService.NonExistentQueue"),
                None => self.origin(&source, number).await?,
            };
            let target = match target {
                Ok(target) => target,
                Err(failure) => {
                    self.keep_task(ended(task, "FAILED", Some(failure))).await?;
                    return Ok(false);
                }
            };
            match by_target.iter_mut().find(|(known, _)| known.id == target.id) {
                Some((_, numbers)) => numbers.push(number),
                None => by_target.push((target, vec![number])),
            }
        }
        for (target, numbers) in by_target {
            let moved = self.move_messages(&source, &target, &numbers, false).await?;
            task.moved += i64::try_from(moved).unwrap_or(0);
        }
        // Somebody may have cancelled it meanwhile.
        if let Some(now) = self.moves.get(handle) {
            task.status = now.status;
        }
        self.keep_task(task).await?;
        Ok(true)
    }

    /// The queue that a dead letter is from.
    async fn origin(&self, source: &Live, number: u64) -> Result<Result<Arc<Live>, &'static str>, ApiError> {
        let content = CONTENTS.get(&*self.deps.state, &source.message_key(number)).await;
        let content = content.map_err(|error| storage(&error))?;
        let Some(arn) = content.and_then(|doc| doc.value.source_arn) else {
            return Ok(Err("CouldNotDetermineMessageSource"));
        };
        Ok(self.live_by_arn(source.region, &arn).ok_or("AWS.SimpleQueueService.NonExistentQueue"))
    }
}
