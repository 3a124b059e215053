//! Dashboards: kept byte for byte, and held against what a dashboard is. Source: CloudWatch API reference, "Dashboard body structure and
//! syntax".

use base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use state::{Expect, State, Typed, key};

const DASHBOARDS: Typed<Dashboard> = Typed::new("cloudwatch/dashboards");
/// Widgets of a dashboard. Source: CloudWatch user guide, "CloudWatch quotas".
const WIDGETS_MAX: usize = 500;
/// Metrics of a widget. Source: the same.
const METRICS_MAX: usize = 500;
/// The columns of the grid.
const COLUMNS: i64 = 24;
/// What is said of one dashboard at most.
const MESSAGES_MAX: usize = 100;

/// A dashboard. Dashboards are of the account, not of a region.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Dashboard {
    v: u32,
    pub name: String,
    pub body: String,
    pub modified: Timestamp,
    pub tags: Vec<(String, String)>,
}

impl Dashboard {
    /// A new one.
    pub fn new(name: String, body: String, tags: Vec<(String, String)>, modified: Timestamp) -> Dashboard {
        Dashboard { v: 1, name, body, modified, tags }
    }
}

/// The dashboard of a name.
pub async fn get(state: &dyn State, name: &str) -> Result<Option<Dashboard>, state::Error> {
    Ok(DASHBOARDS.get(state, &key::key(&[name])).await?.map(|doc| doc.value))
}

/// Writes a dashboard.
pub async fn put(state: &dyn State, dashboard: &Dashboard) -> Result<(), state::Error> {
    DASHBOARDS.put(state, &key::key(&[&dashboard.name]), dashboard, Expect::Any).await.map(drop)
}

/// Removes dashboards, all of which are there, or none. Which is not there.
pub async fn delete(state: &dyn State, names: &[String]) -> Result<Option<String>, state::Error> {
    let mut ops = Vec::new();
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) {
            continue;
        }
        match DASHBOARDS.get(state, &key::key(&[name])).await? {
            Some(doc) => ops.push(DASHBOARDS.delete_op(&doc.key, Expect::Any)),
            None => return Ok(Some(name.clone())),
        }
    }
    if !ops.is_empty() {
        state.commit(ops).await?;
    }
    Ok(None)
}

/// Up to `max` dashboards whose names begin so and come after `after`, by name.
pub async fn list(
    state: &dyn State,
    prefix: &str,
    after: Option<&str>,
    max: usize,
) -> Result<Vec<Dashboard>, state::Error> {
    let mut range = state::Range::prefix(key::prefix::<&str>(&[], prefix));
    if let Some(after) = after {
        range = range.after(key::key(&[after]));
    }
    Ok(DASHBOARDS.scan(state, range, max).await?.into_iter().map(|doc| doc.value).collect())
}

/// Something about a dashboard's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Message {
    pub data_path: String,
    pub message: String,
}

/// What is wrong with a text, and what may be.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// The dashboard cannot be put.
    pub errors: Vec<Message>,
    /// It can, but something in it is not known.
    pub warnings: Vec<Message>,
}

impl Checked {
    fn error(&mut self, path: &str, message: impl Into<String>) {
        push(&mut self.errors, path, message.into());
    }

    fn warn(&mut self, path: &str, message: impl Into<String>) {
        push(&mut self.warnings, path, message.into());
    }
}

fn push(messages: &mut Vec<Message>, path: &str, message: String) {
    if messages.len() < MESSAGES_MAX {
        messages.push(Message { data_path: path.to_owned(), message });
    }
}

/// Kinds of widgets.
const KINDS: [&str; 6] = ["metric", "text", "log", "alarm", "explorer", "custom"];

/// Checks a dashboard's text.
pub fn check(body: &str) -> Checked {
    let mut checked = Checked::default();
    let Ok(value) = serde_json::from_str::<Value>(body) else {
        checked.error("", "The field DashboardBody must be a valid JSON object");
        return checked;
    };
    let Some(members) = value.as_object() else {
        checked.error("", "Should be object");
        return checked;
    };
    for name in members.keys() {
        if !["widgets", "start", "end", "periodOverride", "variables"].contains(&name.as_str()) {
            checked.warn("", format!("Unknown property '{name}'"));
        }
    }
    if let Some(way) = members.get("periodOverride")
        && !matches!(way.as_str(), Some("auto" | "inherit"))
    {
        checked.error("/periodOverride", "Should be equal to one of the allowed values");
    }
    match members.get("widgets") {
        None => checked.error("", "Should have required property 'widgets'"),
        Some(Value::Array(widgets)) => {
            if widgets.len() > WIDGETS_MAX {
                checked.error("/widgets", format!("Should NOT have more than {WIDGETS_MAX} items"));
            }
            for (at, widget) in widgets.iter().enumerate().take(WIDGETS_MAX) {
                widget_checked(&mut checked, &format!("/widgets/{at}"), widget);
            }
        }
        Some(_) => checked.error("/widgets", "Should be array"),
    }
    checked
}

fn widget_checked(checked: &mut Checked, path: &str, widget: &Value) {
    let Some(members) = widget.as_object() else {
        checked.error(path, "Should be object");
        return;
    };
    for (name, min, max) in [("x", 0, COLUMNS - 1), ("y", 0, i64::MAX), ("width", 1, COLUMNS), ("height", 1, 1000)] {
        let Some(value) = members.get(name) else { continue };
        match value.as_i64() {
            None => checked.error(&format!("{path}/{name}"), "Should be integer"),
            Some(value) if value < min => checked.error(&format!("{path}/{name}"), format!("Should be >= {min}")),
            Some(value) if value > max => checked.error(&format!("{path}/{name}"), format!("Should be <= {max}")),
            Some(_) => {}
        }
    }
    for name in members.keys() {
        if !["type", "x", "y", "width", "height", "properties"].contains(&name.as_str()) {
            checked.warn(path, format!("Unknown property '{name}'"));
        }
    }
    let kind = match members.get("type") {
        None => {
            checked.error(path, "Should have required property 'type'");
            return;
        }
        Some(kind) => kind.as_str().unwrap_or_default(),
    };
    if !KINDS.contains(&kind) {
        checked.error(&format!("{path}/type"), "Should be equal to one of the allowed values");
        return;
    }
    let place = format!("{path}/properties");
    let Some(properties) = members.get("properties") else {
        checked.error(path, "Should have required property 'properties'");
        return;
    };
    let Some(properties) = properties.as_object() else {
        checked.error(&place, "Should be object");
        return;
    };
    let require = |checked: &mut Checked, name: &str| {
        if !properties.contains_key(name) {
            checked.error(&place, format!("Should have required property '{name}'"));
        }
    };
    match kind {
        "text" => require(checked, "markdown"),
        "log" => {
            require(checked, "region");
            require(checked, "query");
        }
        "alarm" => require(checked, "alarms"),
        "custom" => require(checked, "endpoint"),
        "metric" => metric_checked(checked, &place, properties),
        _ => {}
    }
}

/// What a metric widget has. The three errors of one without data are AWS's.
fn metric_checked(checked: &mut Checked, place: &str, properties: &serde_json::Map<String, Value>) {
    let has_alarms = properties.get("annotations").and_then(|all| all.get("alarms")).and_then(Value::as_array);
    let has_alarms = has_alarms.is_some_and(|alarms| !alarms.is_empty());
    let metrics = properties.get("metrics");
    let is_empty = metrics.and_then(Value::as_array).is_some_and(Vec::is_empty);
    if !has_alarms && (metrics.is_none() || is_empty) {
        match is_empty {
            true => checked.error(&format!("{place}/metrics"), "Should NOT have fewer than 1 items"),
            false => checked.error(place, "Should have required property 'metrics'"),
        }
        checked
            .error(place, "The metric widget should have specified a region and a data source or an alarm annotation");
        checked.error(place, "Should have required property 'annotations'");
        return;
    }
    if !has_alarms && !properties.contains_key("region") {
        checked.error(place, "Should have required property 'region'");
    }
    for (name, allowed) in [
        ("view", &["timeSeries", "singleValue", "gauge", "bar", "pie", "table"][..]),
        ("stacked", &[]),
        ("period", &[]),
        ("stat", &[]),
    ] {
        let Some(value) = properties.get(name) else { continue };
        let path = format!("{place}/{name}");
        match name {
            "view" if !value.as_str().is_some_and(|view| allowed.contains(&view)) => {
                checked.error(&path, "Should be equal to one of the allowed values");
            }
            "stacked" if !value.is_boolean() => checked.error(&path, "Should be boolean"),
            "period" => match value.as_i64() {
                None => checked.error(&path, "Should be integer"),
                Some(period) if !(matches!(period, 1 | 5 | 10 | 20 | 30) || (period >= 60 && period % 60 == 0)) => {
                    checked.error(&path, "Should be 1, 5, 10, 20, 30 or a multiple of 60");
                }
                Some(_) => {}
            },
            "stat" if !value.as_str().is_some_and(|stat| crate::data::statistic::Statistic::parse(stat).is_some()) => {
                checked.error(&path, "Should match a supported statistic");
            }
            _ => {}
        }
    }
    let Some(metrics) = metrics else { return };
    let Some(rows) = metrics.as_array() else {
        checked.error(&format!("{place}/metrics"), "Should be array");
        return;
    };
    if rows.len() > METRICS_MAX {
        checked.error(&format!("{place}/metrics"), format!("Should NOT have more than {METRICS_MAX} items"));
    }
    if let Err((at, why)) = crate::widget::metrics(rows) {
        checked.error(&format!("{place}/metrics/{at}"), why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(body: &str) -> Vec<(String, String)> {
        check(body).errors.into_iter().map(|one| (one.data_path, one.message)).collect()
    }

    #[test]
    fn bodies_are_checked() {
        let fine = r#"{"widgets":[{"type":"metric","properties":{"metrics":[["Security","RootAccountUsageCount"],[".","UnauthorizedApiCallCount"]],"period":300,"stat":"Sum","region":"ap-southeast-1","title":"t"}},{"type":"text","x":0,"y":0,"width":6,"height":3,"properties":{"markdown":"hi"}}]}"#;
        assert_eq!(check(fine), Checked::default());
        for (body, path, message) in [
            ("{", "", "The field DashboardBody must be a valid JSON object"),
            ("[]", "", "Should be object"),
            ("{}", "", "Should have required property 'widgets'"),
            (
                r#"{"widgets":[{"type":"none","properties":{}}]}"#,
                "/widgets/0/type",
                "Should be equal to one of the allowed values",
            ),
            (
                r#"{"widgets":[{"type":"text","width":25,"properties":{"markdown":""}}]}"#,
                "/widgets/0/width",
                "Should be <= 24",
            ),
            (
                r#"{"widgets":[{"type":"text","properties":{}}]}"#,
                "/widgets/0/properties",
                "Should have required property 'markdown'",
            ),
            (
                r#"{"widgets":[{"type":"metric","properties":{"region":"us-east-1"}}]}"#,
                "/widgets/0/properties",
                "Should have required property 'metrics'",
            ),
        ] {
            assert!(errors(body).contains(&(path.to_owned(), message.to_owned())), "{body}: {:?}", errors(body));
        }
        let unknown = check(r#"{"widgets":[],"colour":1}"#);
        assert!(unknown.errors.is_empty() && unknown.warnings.len() == 1);
    }
}
