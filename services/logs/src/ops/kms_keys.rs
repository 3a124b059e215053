//! AssociateKmsKey and DisassociateKmsKey: what new events are encrypted under. Events that are there stay as they are.

use serde::Deserialize;

use super::Empty;
use crate::Logs;
use crate::error::invalid;
use crate::rows::Group;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssociateInput {
    log_group_name: Option<String>,
    kms_key_id: String,
    resource_identifier: Option<String>,
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DisassociateInput {
    log_group_name: Option<String>,
    resource_identifier: Option<String>,
}

impl Logs {
    fn keyed(
        &self,
        call: &service::Call,
        name: Option<&str>,
        identifier: Option<&str>,
    ) -> Result<std::sync::Arc<Group>, service::ApiError> {
        if identifier.is_some_and(|one| one.contains(":query-result:")) {
            return Err(invalid("Keys of query results are not supported."));
        }
        if name.is_some() && identifier.is_some() {
            return Err(invalid("logGroupName and resourceIdentifier are mutually exclusive parameters."));
        }
        self.group(call, name, identifier)
    }
}

operation! {
    /// Has new events encrypted under a key.
    AssociateKmsKey on "log-group:{logGroupName|resourceIdentifier}:log-stream:": AssociateInput => Empty, |logs, call, input| {
        let group = logs.keyed(call, input.log_group_name.as_deref(), input.resource_identifier.as_deref())?;
        let wrapped = logs.new_key(call, &group, &input.kms_key_id).await?;
        logs.change_group(&group, |group| {
            let id = group.data_keys.last().map_or(1, |key| key.id + 1);
            group.data_keys.push(crate::rows::WrappedKey { id, ..wrapped });
            group.kms_key = Some(input.kms_key_id);
            Ok(Empty {})
        })
        .await
    }
}

operation! {
    /// Has new events not encrypted any more.
    DisassociateKmsKey on "log-group:{logGroupName|resourceIdentifier}:log-stream:": DisassociateInput => Empty, |logs, call, input| {
        let group = logs.keyed(call, input.log_group_name.as_deref(), input.resource_identifier.as_deref())?;
        logs.change_group(&group, |group| {
            group.kms_key = None;
            Ok(Empty {})
        })
        .await
    }
}
