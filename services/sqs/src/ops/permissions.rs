//! AddPermission, RemovePermission: statements of a queue's policy, by label.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::Error;
use crate::attributes::{Attributes, checked};
use crate::queue::{Live, Row};

/// Source: SQS API reference, AddPermission: "An Amazon SQS policy can have a maximum of seven actions per statement".
const ACTIONS_MAX: usize = 7;
/// Source: SQS developer guide, "Quotas related to policies".
const STATEMENTS_MAX: usize = 20;
/// What may be permitted so. Source: SQS API reference, AddPermission.
const ACTIONS: [&str; 8] = [
    "*",
    "ChangeMessageVisibility",
    "DeleteMessage",
    "GetQueueAttributes",
    "GetQueueUrl",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
];

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AddInput {
    queue_url: String,
    label: String,
    #[serde(rename = "AWSAccountIds")]
    aws_account_ids: Vec<String>,
    actions: Vec<String>,
}

fn one_or_many(mut values: Vec<String>) -> Value {
    match values.len() {
        1 => Value::String(values.remove(0)),
        _ => json!(values),
    }
}

/// The policy of a queue as JSON; a new one if it has none.
fn policy_of(live: &Live) -> (Value, Vec<Value>) {
    let setup = live.setup();
    let policy = setup.text("Policy").and_then(|text| serde_json::from_str(text).ok());
    let policy: Value =
        policy.unwrap_or_else(|| json!({"Version": "2008-10-17", "Id": format!("{}/SQSDefaultPolicy", live.arn)}));
    let statements = match policy.get("Statement") {
        Some(Value::Array(statements)) => statements.clone(),
        Some(statement) => vec![statement.clone()],
        None => Vec::new(),
    };
    (policy, statements)
}

/// The row of the queue with these statements.
fn with_statements(live: &Live, mut policy: Value, statements: Vec<Value>, now_ms: i64) -> Result<Row, Error> {
    let mut attributes: Attributes = live.setup().row.attributes.clone();
    if statements.is_empty() {
        attributes.remove("Policy");
    } else {
        policy["Statement"] = json!(statements);
        attributes.insert("Policy".to_owned(), checked("Policy", &policy.to_string(), live.is_fifo, false)?);
    }
    Ok(Row { attributes, modified_ms: now_ms, ..live.setup().row.clone() })
}

operation! {
    /// Lets accounts use a queue.
    AddPermission: AddInput => (), |sqs, call, input| {
        let live = sqs.own_queue(call, &input.queue_url, "AddPermission", &[]).await?;
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !(1..=80).contains(&input.label.len()) || !input.label.chars().all(is_allowed) {
            let reason = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.";
            return Err(Error::value(&input.label, "Label", reason).into());
        }
        let missing = |name| Err(Error::MissingParameter(name).into());
        if input.actions.is_empty() {
            return missing("Actions");
        }
        if input.aws_account_ids.is_empty() {
            return missing("AWSAccountIds");
        }
        if input.actions.len() > ACTIONS_MAX {
            let text = format!("{} Actions were found, maximum allowed is {ACTIONS_MAX}.", input.actions.len());
            return Err(Error::OverLimit(text).into());
        }
        if let Some(action) = input.actions.iter().find(|action| !ACTIONS.contains(&action.as_str())) {
            let reason = "Only the queue owner is allowed to invoke this action.";
            return Err(Error::value(format!("SQS:{action}"), "ActionName", reason).into());
        }
        if let Some(id) = input.aws_account_ids.iter().find(|id| !base::arn::is_account_id(id)) {
            return Err(Error::value(format!("[{id}]"), "PrincipalId", "Unable to verify.").into());
        }
        let _turn = sqs.changes.lock().await;
        let (policy, mut statements) = policy_of(&live);
        if statements.iter().any(|statement| statement["Sid"] == input.label.as_str()) {
            return Err(Error::value(&input.label, "Label", "Already exists.").into());
        }
        if statements.len() >= STATEMENTS_MAX {
            let text = format!("{} statements were found, maximum allowed is {STATEMENTS_MAX}.", statements.len() + 1);
            return Err(Error::OverLimit(text).into());
        }
        let partition = call.region.partition();
        let principals = input.aws_account_ids.iter().map(|id| format!("arn:{partition}:iam::{id}:root")).collect();
        let actions = input.actions.iter().map(|action| format!("SQS:{action}")).collect();
        statements.push(json!({
            "Sid": input.label,
            "Effect": "Allow",
            "Principal": {"AWS": one_or_many(principals)},
            "Action": one_or_many(actions),
            "Resource": live.arn,
        }));
        let row = with_statements(&live, policy, statements, call.time.ms())?;
        sqs.change(&live, row).await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RemoveInput {
    queue_url: String,
    label: String,
}

operation! {
    /// Takes back what a label let accounts do.
    RemovePermission: RemoveInput => (), |sqs, call, input| {
        let live = sqs.own_queue(call, &input.queue_url, "RemovePermission", &[]).await?;
        let _turn = sqs.changes.lock().await;
        let (policy, mut statements) = policy_of(&live);
        let before = statements.len();
        statements.retain(|statement| statement["Sid"] != input.label.as_str());
        if statements.len() == before {
            return Err(Error::value(&input.label, "Label", "can't find label on existing policy.").into());
        }
        let row = with_statements(&live, policy, statements, call.time.ms())?;
        sqs.change(&live, row).await
    }
}
