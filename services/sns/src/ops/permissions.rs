//! AddPermission, RemovePermission: statements of a topic's policy.

use base::arn::is_account_id;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::topic::{self, Setting};
use crate::{Error, Sns};

/// A policy whose statements keep their text.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document<S> {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    statement: S,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Label {
    sid: Option<String>,
}

fn read(text: &str) -> Result<Document<Vec<Box<RawValue>>>, Error> {
    let failed = |_| Error::invalid("Policy Error: null");
    let Document { version, id, statement }: Document<Box<RawValue>> = serde_json::from_str(text).map_err(failed)?;
    let statement = match statement.get().starts_with('[') {
        true => serde_json::from_str(statement.get()).map_err(failed)?,
        false => vec![statement],
    };
    Ok(Document { version, id, statement })
}

fn is_labelled(statement: &RawValue, label: &str) -> bool {
    serde_json::from_str::<Label>(statement.get()).is_ok_and(|found| found.sid.as_deref() == Some(label))
}

impl Sns {
    async fn change_statements(
        &self,
        call: &service::Call,
        topic_arn: &str,
        change: impl FnOnce(Vec<Box<RawValue>>) -> Result<Vec<Box<RawValue>>, Error>,
    ) -> Result<(), service::ApiError> {
        let held = self.topic(call, topic_arn, "TopicArn")?;
        let account = &self.deps.account;
        self.change_topic(&held, |topic| {
            let document = read(&topic.policy(account))?;
            let statements = change(document.statement)?;
            let document = Document { version: document.version, id: document.id, statement: statements };
            let text = serde_json::to_string(&document).map_err(|_| Error::invalid("Policy Error: null"))?;
            topic::set(topic, account, "Policy", &text, Setting::Change)
        })
        .await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AddInput {
    topic_arn: String,
    label: String,
    #[serde(rename = "AWSAccountId")]
    aws_account_id: Vec<String>,
    action_name: Vec<String>,
}

/// One as itself, several as a list.
fn one_or_many(list: &[String]) -> serde_json::Value {
    match list {
        [one] => one.as_str().into(),
        many => many.into(),
    }
}

operation! {
    /// Lets accounts do something with a topic.
    AddPermission on "{TopicArn}": AddInput => (), |sns, call, input| {
        const ACTIONS: [&str; 11] = [
            "AddPermission", "DeleteTopic", "GetDataProtectionPolicy", "GetTopicAttributes", "ListSubscriptionsByTopic",
            "ListTagsForResource", "Publish", "PutDataProtectionPolicy", "RemovePermission", "SetTopicAttributes", "Subscribe",
        ];
        if input.label.is_empty() || input.label.len() > 100 {
            return Err(Error::invalid("Label").into());
        }
        if input.aws_account_id.is_empty() || !input.aws_account_id.iter().all(|account| is_account_id(account)) {
            return Err(Error::invalid("AWSAccountId").into());
        }
        if input.action_name.is_empty() || input.action_name.iter().any(|action| action != "*" && !ACTIONS.contains(&action.as_str())) {
            return Err(Error::invalid("Policy statement action out of service scope!").into());
        }
        let principals: Vec<String> =
            input.aws_account_id.iter().map(|account| format!("arn:{}:iam::{account}:root", call.region.partition())).collect();
        let actions: Vec<String> = input.action_name.iter().map(|action| format!("SNS:{action}")).collect();
        let text = format!(
            r#"{{"Sid":{},"Effect":"Allow","Principal":{{"AWS":{}}},"Action":{},"Resource":{}}}"#,
            serde_json::Value::from(input.label.as_str()),
            one_or_many(&principals),
            one_or_many(&actions),
            serde_json::Value::from(input.topic_arn.as_str())
        );
        let statement = RawValue::from_string(text).map_err(service::ApiError::internal)?;
        sns.change_statements(call, &input.topic_arn, |mut statements| {
            if statements.iter().any(|known| is_labelled(known, &input.label)) {
                return Err(Error::invalid("Statement already exists"));
            }
            statements.push(statement);
            Ok(statements)
        }).await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RemoveInput {
    topic_arn: String,
    label: String,
}

operation! {
    /// Takes back what AddPermission gave under a label.
    RemovePermission on "{TopicArn}": RemoveInput => (), |sns, call, input| {
        sns.change_statements(call, &input.topic_arn, |mut statements| {
            let before = statements.len();
            statements.retain(|known| !is_labelled(known, &input.label));
            if statements.len() == before {
                return Err(Error::NotFound("Statement does not exist".to_owned()));
            }
            if statements.is_empty() {
                return Err(Error::invalid("Policy must have at least one statement"));
            }
            Ok(statements)
        }).await
    }
}
