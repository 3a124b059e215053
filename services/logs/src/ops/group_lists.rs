//! DescribeLogGroups and ListLogGroups.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::page;
use crate::Logs;
use crate::error::invalid;
use crate::rows::{Group, MetricFilter};

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeInput {
    account_identifiers: Option<Vec<String>>,
    log_group_name_prefix: Option<String>,
    log_group_name_pattern: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
    include_linked_accounts: Option<bool>,
    log_group_class: Option<String>,
    log_group_identifiers: Option<Vec<String>>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeOutput {
    log_groups: Vec<Described>,
    next_token: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Described {
    log_group_name: String,
    creation_time: i64,
    retention_in_days: Option<i64>,
    metric_filter_count: usize,
    arn: String,
    stored_bytes: u64,
    kms_key_id: Option<String>,
    data_protection_status: Option<&'static str>,
    log_group_class: String,
    log_group_arn: String,
    deletion_protection_enabled: bool,
    bearer_token_authentication_enabled: Option<bool>,
}

impl Logs {
    fn described(&self, group: &Group) -> Described {
        let arn = group.arn(&self.deps.account);
        Described {
            log_group_name: group.name.clone(),
            creation_time: group.created,
            retention_in_days: group.retention_days,
            metric_filter_count: self.store.see(|memory| memory.of_group::<MetricFilter>(group.id).count()),
            arn: format!("{arn}:*"),
            stored_bytes: self.live().stored_bytes(group.id),
            kms_key_id: group.kms_key.clone(),
            data_protection_status: group.data_protection.as_ref().map(|_| "ACTIVATED"),
            log_group_class: group.class.clone(),
            log_group_arn: arn,
            deletion_protection_enabled: group.is_protected,
            bearer_token_authentication_enabled: group.takes_bearer_tokens,
        }
    }

    /// Whether groups of this account are among those that are asked for. No account here is linked to another.
    fn is_asked(&self, accounts: Option<&[String]>, linked: Option<bool>) -> Result<bool, service::ApiError> {
        match accounts {
            None | Some([]) => Ok(true),
            Some(_) if linked != Some(true) => {
                Err(invalid("accountIdentifiers can only be specified when includeLinkedAccounts is set to true."))
            }
            Some(accounts) => Ok(accounts.iter().any(|account| **account == *self.deps.account)),
        }
    }
}

operation! {
    /// Shows log groups.
    DescribeLogGroups on "log-group::log-stream:": DescribeInput => DescribeOutput, |logs, call, input| {
        if input.log_group_name_prefix.is_some() && input.log_group_name_pattern.is_some() {
            return Err(invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."));
        }
        let named = match &input.log_group_identifiers {
            Some(_) if input.log_group_name_prefix.is_some() || input.log_group_name_pattern.is_some() => {
                return Err(invalid("logGroupIdentifiers and LogGroup name prefix or pattern are mutually exclusive parameters."));
            }
            Some(identifiers) => {
                let names: Result<Vec<String>, _> = identifiers.iter().map(|one| logs.name_of(call, one)).collect();
                Some(names?)
            }
            None => None,
        };
        let is_asked = logs.is_asked(input.account_identifiers.as_deref(), input.include_linked_accounts)?;
        let groups: Vec<std::sync::Arc<Group>> = logs.store.see(|memory| {
            let all = memory.of_region::<Group>(call.region).filter(|group| {
                is_asked
                    && input.log_group_name_prefix.as_ref().is_none_or(|prefix| group.name.starts_with(prefix.as_str()))
                    && input.log_group_name_pattern.as_ref().is_none_or(|part| group.name.contains(part.as_str()))
                    && input.log_group_class.as_ref().is_none_or(|class| group.class == *class)
                    && named.as_ref().is_none_or(|names| names.contains(&group.name))
            });
            all.cloned().collect()
        });
        let page = page(groups, |group| &group.name, input.next_token.as_deref(), input.limit)?;
        let log_groups = page.items.iter().map(|group| logs.described(group)).collect();
        Ok(DescribeOutput { log_groups, next_token: page.next_token })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListInput {
    log_group_name_pattern: Option<String>,
    log_group_class: Option<String>,
    include_linked_accounts: Option<bool>,
    account_identifiers: Option<Vec<String>>,
    next_token: Option<String>,
    limit: Option<i64>,
    data_sources: Option<Vec<DataSource>>,
    field_index_names: Option<Vec<String>>,
    log_group_tags: Option<Vec<TagFilter>>,
}

/// See the model.
#[derive(Deserialize)]
pub struct DataSource {
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "type")]
    _kind: Option<String>,
}

/// See the model.
#[derive(Deserialize)]
pub struct TagFilter {
    key: String,
    #[serde(default)]
    values: Vec<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListOutput {
    log_groups: Vec<Listed>,
    next_token: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    log_group_name: String,
    log_group_arn: String,
    log_group_class: String,
}

/// Whether a name matches: parts between bars, each anywhere or, with a caret, at the beginning. Source: CloudWatch Logs API reference,
/// ListLogGroups.
fn matches(name: &str, pattern: &str) -> bool {
    pattern.split('|').any(|part| match part.strip_prefix('^') {
        Some(prefix) => name.starts_with(prefix),
        None => name.contains(part),
    })
}

fn has_tags(tags: &BTreeMap<String, String>, filters: &[TagFilter]) -> bool {
    filters.iter().all(|filter| {
        tags.get(&filter.key).is_some_and(|value| filter.values.is_empty() || filter.values.contains(value))
    })
}

operation! {
    /// Names log groups.
    ListLogGroups on "log-group::log-stream:": ListInput => ListOutput, |logs, call, input| {
        let is_asked = logs.is_asked(input.account_identifiers.as_deref(), input.include_linked_accounts)?;
        // No group here has data sources that were found in it.
        let is_asked = is_asked && input.data_sources.is_none_or(|sources| sources.is_empty());
        let tags = input.log_group_tags.unwrap_or_default();
        let fields = input.field_index_names.unwrap_or_default();
        let groups: Vec<std::sync::Arc<Group>> = logs.store.see(|memory| {
            let all = memory.of_region::<Group>(call.region).filter(|group| {
                let indexed = group.index_policy.as_ref().map(|policy| super::field_indexes::fields(&policy.text)).unwrap_or_default();
                is_asked
                    && input.log_group_name_pattern.as_ref().is_none_or(|pattern| matches(&group.name, pattern))
                    && input.log_group_class.as_ref().is_none_or(|class| group.class == *class)
                    && has_tags(&group.tags, &tags)
                    && fields.iter().all(|field| indexed.contains(field))
            });
            all.cloned().collect()
        });
        let page = page(groups, |group| &group.name, input.next_token.as_deref(), input.limit)?;
        let listed = |group: &std::sync::Arc<Group>| Listed {
            log_group_name: group.name.clone(),
            log_group_arn: group.arn(&logs.deps.account),
            log_group_class: group.class.clone(),
        };
        Ok(ListOutput { log_groups: page.items.iter().map(listed).collect(), next_token: page.next_token })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_parts_and_beginnings() {
        let cases = [
            ("/a/audit", "audit", true),
            ("/a/audit", "^audit", false),
            ("/a/audit", "xyz|^/a/", true),
            ("/a", "bcd", false),
        ];
        assert!(cases.into_iter().all(|(name, pattern, is)| matches(name, pattern) == is));
    }
}
