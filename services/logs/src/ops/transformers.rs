//! Transformers of groups: PutTransformer, GetTransformer, DeleteTransformer. Checked and kept; events stay as they came. Source: CloudWatch
//! Logs user guide, "Transform logs during ingestion".

use serde::{Deserialize, Serialize};
use service::ApiError;

use super::Empty;
use crate::error::{invalid, missing};
use crate::rows::Transformer;

/// Processors of a transformer. Source: as above, "Configurable parser-type processors".
const PROCESSORS_MAX: usize = 20;
/// A transformer begins with one of these.
const PARSERS: [&str; 10] = [
    "parseJSON",
    "grok",
    "csv",
    "parseKeyValue",
    "parseCloudfront",
    "parseVPC",
    "parseWAF",
    "parseRoute53",
    "parsePostgres",
    "parseToOCSF",
];

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutInput {
    log_group_identifier: String,
    transformer_config: Vec<serde_json::Value>,
}

fn check(config: &[serde_json::Value]) -> Result<(), ApiError> {
    if config.len() > PROCESSORS_MAX {
        return Err(invalid(format!("A transformer can have at most {PROCESSORS_MAX} processors.")));
    }
    for processor in config {
        if processor.as_object().is_none_or(|members| members.len() != 1) {
            return Err(invalid("Each entry of transformerConfig must have exactly one processor."));
        }
    }
    let first = config.first().and_then(|first| first.as_object()).and_then(|first| first.keys().next());
    if first.is_none_or(|name| !PARSERS.contains(&name.as_str())) {
        return Err(invalid("The first processor of transformerConfig must be a parser."));
    }
    Ok(())
}

operation! {
    /// Gives a group a transformer.
    PutTransformer on "log-group:{logGroupIdentifier}:log-stream:": PutInput => Empty, |logs, call, input| {
        check(&input.transformer_config)?;
        let group = logs.group(call, None, Some(&input.log_group_identifier))?;
        super::metric_filters::check_class(&group)?;
        logs.change_group(&group, |group| {
            let modified = call.time.ms();
            let created = group.transformer.as_ref().map_or(modified, |known| known.created);
            group.transformer = Some(Transformer { config: input.transformer_config.into(), created, modified });
            Ok(Empty {})
        })
        .await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupInput {
    log_group_identifier: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetOutput {
    log_group_identifier: String,
    creation_time: i64,
    last_modified_time: i64,
    transformer_config: serde_json::Value,
}

operation! {
    /// Shows a group's transformer.
    GetTransformer on "log-group:{logGroupIdentifier}:log-stream:": GroupInput => GetOutput, |logs, call, input| {
        let group = logs.group(call, None, Some(&input.log_group_identifier))?;
        let transformer = group.transformer.clone().ok_or_else(|| missing("The specified transformer does not exist."))?;
        Ok(GetOutput {
            log_group_identifier: group.arn(&logs.deps.account),
            creation_time: transformer.created,
            last_modified_time: transformer.modified,
            transformer_config: transformer.config,
        })
    }
}

operation! {
    /// Takes a group's transformer away.
    DeleteTransformer on "log-group:{logGroupIdentifier}:log-stream:": GroupInput => Empty, |logs, call, input| {
        let group = logs.group(call, None, Some(&input.log_group_identifier))?;
        logs.change_group(&group, |group| {
            group.transformer.take().map(|_| Empty {}).ok_or_else(|| missing("The specified transformer does not exist."))
        })
        .await
    }
}
