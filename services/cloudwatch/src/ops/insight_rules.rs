//! Contributor Insights rules: kept as put. They are not evaluated.

use serde::{Deserialize, Serialize};
use serde_json::json;
use service::{ApiError, Call};

use super::put_alarm::{Tag, tags};
use crate::error::storage;
use crate::recorded::{self, Recorded};
use crate::{CloudWatch, Error};

const KIND: &str = "insight-rule";

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutInput {
    rule_name: String,
    rule_state: Option<String>,
    rule_definition: String,
    tags: Option<Vec<Tag>>,
    apply_on_transformed_logs: Option<bool>,
}

operation! {
    /// Keeps a rule.
    PutInsightRule on "insight-rule/{RuleName}": PutInput => (), |cloudwatch, call, input| {
        if !serde_json::from_str::<serde_json::Value>(&input.rule_definition).is_ok_and(|value| value.is_object()) {
            return Err(Error::value("The value for parameter RuleDefinition is not a JSON object.").into());
        }
        let word = input.rule_state.unwrap_or_else(|| "ENABLED".to_owned());
        if !["ENABLED", "DISABLED"].contains(&word.as_str()) {
            return Err(Error::value(format!("The value {word} for parameter RuleState must be ENABLED or DISABLED.")).into());
        }
        let state = &*cloudwatch.deps.state;
        let given = tags(input.tags)?;
        let known = recorded::get(state, call.region, KIND, &input.rule_name).await.map_err(storage)?;
        let document = json!({"definition": input.rule_definition, "transformed": input.apply_on_transformed_logs});
        let tags = known.map_or(given, |known| known.tags);
        let one = Recorded::new(&input.rule_name, &word, document, tags, call.time);
        recorded::put(state, call.region, KIND, &one).await.map_err(storage)
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeInput {
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeOutput {
    next_token: Option<String>,
    insight_rules: Vec<InsightRule>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InsightRule {
    name: String,
    state: String,
    schema: String,
    definition: String,
    apply_on_transformed_logs: Option<bool>,
}

operation! {
    /// The rules.
    DescribeInsightRules on "*": DescribeInput => DescribeOutput, |cloudwatch, call, input| {
        let all = recorded::all(&*cloudwatch.deps.state, call.region, KIND).await.map_err(storage)?;
        let page = super::page(all, |one| &one.name, input.next_token.as_deref(), super::limit(input.max_results, 500))?;
        let shown = |one: Recorded| {
            let definition = one.document["definition"].as_str().unwrap_or_default().to_owned();
            let parsed: serde_json::Value = serde_json::from_str(&definition).unwrap_or_default();
            let schema = parsed["Schema"]["Name"].as_str().unwrap_or("CloudWatchLogRule");
            let version = parsed["Schema"]["Version"].as_i64().unwrap_or(1);
            InsightRule {
                name: one.name,
                state: one.state,
                schema: json!({"Name": schema, "Version": version}).to_string(),
                apply_on_transformed_logs: one.document["transformed"].as_bool(),
                definition,
            }
        };
        Ok(DescribeOutput { insight_rules: page.items.into_iter().map(shown).collect(), next_token: page.next_token })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NamesInput {
    rule_names: Vec<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Failed {
    failures: Vec<Failure>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Failure {
    failure_resource: String,
    exception_type: &'static str,
    failure_code: &'static str,
    failure_description: String,
}

fn missing(name: &str) -> Failure {
    Failure {
        failure_resource: name.to_owned(),
        exception_type: "ResourceNotFoundException",
        failure_code: "404",
        failure_description: format!("Rule {name} does not exist"),
    }
}

operation! {
    /// Removes rules.
    DeleteInsightRules on "insight-rule/*": NamesInput => Failed, |cloudwatch, call, input| {
        let state = &*cloudwatch.deps.state;
        let mut failures = Vec::new();
        for name in &input.rule_names {
            match recorded::get(state, call.region, KIND, name).await.map_err(storage)? {
                Some(_) => recorded::delete(state, call.region, KIND, name).await.map_err(storage)?,
                None => failures.push(missing(name)),
            }
        }
        Ok(Failed { failures })
    }
}

operation! {
    /// Says that rules are enabled.
    EnableInsightRules on "insight-rule/*": NamesInput => Failed, |cloudwatch, call, input| {
        set(cloudwatch, call, &input.rule_names, "ENABLED").await
    }
}

operation! {
    /// Says that rules are disabled.
    DisableInsightRules on "insight-rule/*": NamesInput => Failed, |cloudwatch, call, input| {
        set(cloudwatch, call, &input.rule_names, "DISABLED").await
    }
}

async fn set(cloudwatch: &CloudWatch, call: &Call, names: &[String], word: &str) -> Result<Failed, ApiError> {
    let state = &*cloudwatch.deps.state;
    let mut failures = Vec::new();
    for name in names {
        match recorded::get(state, call.region, KIND, name).await.map_err(storage)? {
            Some(mut known) => {
                known.state = word.to_owned();
                known.updated = call.time;
                recorded::put(state, call.region, KIND, &known).await.map_err(storage)?;
            }
            None => failures.push(missing(name)),
        }
    }
    Ok(Failed { failures })
}
