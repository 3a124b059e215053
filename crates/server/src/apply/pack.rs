//! Packs: metric filters and their alarms as TOML, and what becomes of them with an edition and parameters.

use std::collections::BTreeMap;

use pattern::FilterPattern;
use serde::Deserialize;

use crate::commands::Failure;

/// The packs that are in the command.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("cis", include_str!("../../../../packs/cis.toml")),
    ("critical", include_str!("../../../../packs/critical.toml")),
    ("security", include_str!("../../../../packs/security.toml")),
];
/// A file of TOML larger than this is no pack.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// A pack, as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// What it is called in a sentence.
    pub title: String,
    #[serde(default)]
    description: String,
    /// Of the metrics.
    namespace: String,
    /// Of the names of filters and alarms: what tells them from others'.
    pub prefix: String,
    /// The edition that is applied if none is named.
    default_version: Option<String>,
    /// What alarms have in common.
    #[serde(default)]
    alarm: Alarm,
    #[serde(default)]
    parameters: BTreeMap<String, Parameter>,
    filter: Vec<Filter>,
}

/// When an alarm goes off. What is not said is the pack's, or AWS's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Alarm {
    period: Option<u32>,
    threshold: Option<f64>,
    comparison: Option<String>,
    statistic: Option<String>,
    evaluation_periods: Option<u32>,
    datapoints: Option<u32>,
    missing: Option<String>,
}

/// A part of patterns that depends on who uses the pack: `@{name}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameter {
    description: String,
    default: Vec<String>,
    /// What a value becomes; `@` stands for it.
    each: String,
    /// What stands between several.
    join: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    name: String,
    title: String,
    /// Without this, made of the name.
    metric: Option<String>,
    value: Option<String>,
    default_value: Option<f64>,
    /// In which editions it is, and under which number.
    controls: Option<BTreeMap<String, String>>,
    pattern: String,
    /// Something that somebody should know who applies it.
    warning: Option<String>,
    /// An event that matches, and one that nearly does. Tests hold the pattern to them.
    #[cfg_attr(not(test), expect(dead_code, reason = "for tests and readers"))]
    example: Option<String>,
    #[cfg_attr(not(test), expect(dead_code, reason = "for tests and readers"))]
    near_miss: Option<String>,
    #[serde(default)]
    alarm: Alarm,
}

/// A filter and its alarm, ready to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The name in the pack.
    pub short: String,
    /// The name of filter and alarm.
    pub name: String,
    pub title: String,
    pub description: String,
    pub warning: Option<String>,
    pub pattern: String,
    pub namespace: String,
    pub metric: String,
    pub value: String,
    pub default_value: Option<f64>,
    pub period: u32,
    pub threshold: f64,
    pub comparison: String,
    pub statistic: String,
    pub evaluation_periods: u32,
    pub datapoints: u32,
    pub missing: String,
}

impl Pack {
    /// A pack of the command by name, or one in a file.
    pub fn load(name: &str) -> Result<Pack, Failure> {
        let text = match BUILT_IN.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => (*text).to_owned(),
            None => read(name)?,
        };
        Pack::parse(&text).map_err(|why| format!("{name} is not a pack: {why}").into())
    }

    fn parse(text: &str) -> Result<Pack, Failure> {
        let pack: Pack = toml::from_str(text)?;
        for filter in &pack.filter {
            if pack.prefix.is_empty() {
                return Err("its prefix is empty: it must tell the pack's filters from others".into());
            }
            let default = pack.written(filter, &BTreeMap::new())?;
            FilterPattern::parse(&default).map_err(|why| format!("the pattern of {}: {why}", filter.name))?;
        }
        Ok(pack)
    }

    /// What it is, in a line.
    pub fn about(&self) -> String {
        format!("{}: {}", self.title, self.description)
    }

    /// Its parameters and what they are.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(name, parameter)| (&**name, &*parameter.description))
    }

    /// The filters of an edition, or of the usual one, with these parameters.
    pub fn items(&self, edition: Option<&str>, set: &BTreeMap<String, Vec<String>>) -> Result<Vec<Item>, Failure> {
        if let Some(unknown) = set.keys().find(|name| !self.parameters.contains_key(*name)) {
            let known: Vec<&str> = self.parameters.keys().map(|name| &**name).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(format!("--set {unknown}: the pack has no such parameter. It has: {known}").into());
        }
        let edition = self.edition(edition)?;
        let among = |filter: &&Filter| match (&filter.controls, edition) {
            (Some(controls), Some(edition)) => controls.contains_key(edition),
            _ => true,
        };
        self.filter.iter().filter(among).map(|filter| self.item(filter, edition, set)).collect()
    }

    /// One item for each name that any edition has, for removal.
    pub fn all(&self) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        for filter in &self.filter {
            let item = self.item(filter, None, &BTreeMap::new());
            items.extend(item.ok().filter(|item| items.iter().all(|known| known.name != item.name)));
        }
        items
    }

    /// The edition meant: `5` and `v5.0.0` are `5.0`, too.
    fn edition<'a>(&'a self, asked: Option<&'a str>) -> Result<Option<&'a str>, Failure> {
        let mut editions: Vec<&str> = self
            .filter
            .iter()
            .filter_map(|filter| filter.controls.as_ref())
            .flatten()
            .map(|(edition, _)| &**edition)
            .collect();
        editions.sort_unstable();
        editions.dedup();
        let Some(asked) = asked.or(self.default_version.as_deref()) else { return Ok(None) };
        let bare = asked.trim_start_matches('v');
        let same = |edition: &&&str| {
            **edition == bare || bare.strip_suffix(".0") == Some(**edition) || **edition == format!("{bare}.0")
        };
        match editions.iter().find(same) {
            Some(edition) => Ok(Some(edition)),
            None if editions.is_empty() => Err("--version: the pack has no editions".into()),
            None => Err(format!("--version {asked}: the pack has these: {}", editions.join(", ")).into()),
        }
    }

    fn item(
        &self,
        filter: &Filter,
        edition: Option<&str>,
        set: &BTreeMap<String, Vec<String>>,
    ) -> Result<Item, Failure> {
        let pattern = self.written(filter, set)?;
        FilterPattern::parse(&pattern).map_err(|why| format!("the pattern of {}, {pattern}: {why}", filter.name))?;
        let control = edition.and_then(|edition| Some((edition, filter.controls.as_ref()?.get(edition)?)));
        let description = match control {
            Some((edition, control)) => format!("{} {edition}, {control}: {}", self.title, filter.title),
            None => format!("{}: {}", self.title, filter.title),
        };
        let (own, common) = (&filter.alarm, &self.alarm);
        let text = |own: &Option<String>, common: &Option<String>, usual: &str| {
            own.as_ref().or(common.as_ref()).map_or_else(|| usual.to_owned(), String::clone)
        };
        let evaluation_periods = own.evaluation_periods.or(common.evaluation_periods).unwrap_or(1);
        Ok(Item {
            short: filter.name.clone(),
            name: format!("{}{}", self.prefix, filter.name),
            title: filter.title.clone(),
            description,
            warning: filter.warning.clone(),
            pattern,
            namespace: self.namespace.clone(),
            metric: filter.metric.clone().unwrap_or_else(|| camel(&filter.name)),
            value: filter.value.clone().unwrap_or_else(|| "1".to_owned()),
            default_value: filter.default_value,
            period: own.period.or(common.period).unwrap_or(300),
            threshold: own.threshold.or(common.threshold).unwrap_or(1.0),
            comparison: text(&own.comparison, &common.comparison, "GreaterThanOrEqualToThreshold"),
            statistic: text(&own.statistic, &common.statistic, "Sum"),
            evaluation_periods,
            datapoints: own.datapoints.or(common.datapoints).unwrap_or(evaluation_periods),
            missing: text(&own.missing, &common.missing, "missing"),
        })
    }

    /// A filter's pattern with its parameters in it.
    fn written(&self, filter: &Filter, set: &BTreeMap<String, Vec<String>>) -> Result<String, Failure> {
        let mut pattern = filter.pattern.clone();
        for (name, parameter) in &self.parameters {
            let values = set.get(name).unwrap_or(&parameter.default);
            let each = |value: &String| parameter.each.replace('@', &value.replace('\\', "\\\\").replace('"', "\\\""));
            let joined = values.iter().map(each).collect::<Vec<_>>().join(&parameter.join);
            pattern = pattern.replace(&format!("@{{{name}}}"), &joined);
        }
        if let Some((_, rest)) = pattern.split_once("@{") {
            let name = rest.split('}').next().unwrap_or_default();
            return Err(format!(
                "the pattern of {} has the parameter {name}, which the pack does not have",
                filter.name
            )
            .into());
        }
        Ok(pattern)
    }
}

#[expect(clippy::disallowed_methods, reason = "reads a file that the user named")]
fn read(name: &str) -> Result<String, Failure> {
    let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
    let advice = format!("it is neither a pack ({}) nor a file", names.join(", "));
    let size = std::fs::metadata(name).map_err(|_| format!("{name}: {advice}"))?.len();
    if size > FILE_BYTES_MAX {
        return Err(format!("{name} has {size} bytes; a pack has at most {FILE_BYTES_MAX}").into());
    }
    std::fs::read_to_string(name).map_err(|why| format!("{name} cannot be read: {why}").into())
}

/// `root-usage` as a metric is called: `RootUsage`.
fn camel(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
    };
    name.split(['-', '_']).map(word).collect()
}

#[cfg(test)]
mod tests {
    use pattern::{Event, PatternSet};

    use super::*;

    const EDITIONS: [&str; 8] = ["1.2", "1.3", "1.4", "1.5", "2.0", "3.0", "4.0", "5.0"];

    #[test]
    fn the_packs_of_the_command_are_packs_whose_filters_do_what_they_say() {
        for (name, _) in BUILT_IN {
            let pack = Pack::load(name).unwrap();
            for filter in &pack.filter {
                let item = pack.item(filter, None, &BTreeMap::new()).unwrap();
                let pattern = FilterPattern::parse(&item.pattern).unwrap();
                let example =
                    filter.example.as_deref().unwrap_or_else(|| panic!("{name}/{} has an example", filter.name));
                let near_miss =
                    filter.near_miss.as_deref().unwrap_or_else(|| panic!("{name}/{} has a near miss", filter.name));
                assert!(pattern.matches(&Event::new(example)), "{name}/{}: {example}", filter.name);
                assert!(!pattern.matches(&Event::new(near_miss)), "{name}/{}: {near_miss}", filter.name);
                assert!(item.name.len() <= 255 && item.description.len() <= 1024);
            }
        }
    }

    #[test]
    fn each_edition_of_cis_has_each_control_once() {
        let pack = Pack::load("cis").unwrap();
        for edition in EDITIONS {
            let items = pack.items(Some(edition), &BTreeMap::new()).unwrap();
            let mut names: Vec<&str> = items.iter().map(|item| &*item.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!((items.len(), names.len()), if edition == "1.2" { (14, 14) } else { (15, 15) }, "{edition}");
        }
        assert_eq!(pack.all().len(), 15);
        assert_eq!(pack.items(None, &BTreeMap::new()).unwrap(), pack.items(Some("v5.0.0"), &BTreeMap::new()).unwrap());
        assert!(pack.items(Some("6.0"), &BTreeMap::new()).unwrap_err().to_string().contains("1.2, 1.3"));
    }

    #[test]
    fn the_patterns_of_an_edition_are_told_apart_together() {
        let pack = Pack::load("cis").unwrap();
        let items = pack.items(Some("5.0"), &BTreeMap::new()).unwrap();
        let keyed = items.iter().map(|item| (item.short.clone(), FilterPattern::parse(&item.pattern).unwrap()));
        let set = PatternSet::new(keyed.collect());
        let cases = [
            (
                r#"{"eventSource":"ec2.amazonaws.com","eventName":"ModifySecurityGroupRules"}"#,
                vec!["security-group-changes"],
            ),
            (
                r#"{"userIdentity":{"type":"Root"},"eventSource":"organizations.amazonaws.com","eventName":"CreatePolicy","eventType":"AwsApiCall"}"#,
                vec!["root-usage", "iam-changes", "organizations-changes"],
            ),
            (r#"{"eventSource":"s3.amazonaws.com","eventName":"ListBuckets"}"#, vec![]),
        ];
        for (event, expected) in cases {
            assert_eq!(set.matches(&Event::new(event)).collect::<Vec<_>>(), expected, "{event}");
        }
    }

    #[test]
    fn parameters_become_conditions() {
        let pack = Pack::load("critical").unwrap();
        let set =
            BTreeMap::from([("home_regions".to_owned(), vec!["eu-west-1".to_owned(), "eu-central-1".to_owned()])]);
        let items = pack.items(None, &set).unwrap();
        let item = items.iter().find(|item| item.short == "cross-region-calls").unwrap();
        assert!(
            item.pattern.starts_with(r#"{ $.awsRegion != "eu-west-1" && $.awsRegion != "eu-central-1" && "#),
            "{}",
            item.pattern
        );
        let unknown = BTreeMap::from([("regions".to_owned(), Vec::new())]);
        assert!(pack.items(None, &unknown).unwrap_err().to_string().contains("home_regions"));
        let broken = BTreeMap::from([("off_hours".to_owned(), vec!["(".to_owned()])]);
        assert!(pack.items(None, &broken).unwrap_err().to_string().contains("Invalid character(s)"));
    }

    #[test]
    fn what_is_no_pack_says_why() {
        for (text, why) in [
            ("title = 1", "invalid type"),
            (
                "title = 'x'\nnamespace = 'n'\nprefix = 'p'\n[[filter]]\nname='a'\ntitle='a'\npattern='{'",
                "pattern of a",
            ),
            (
                "title = 'x'\nnamespace = 'n'\nprefix = 'p'\n[[filter]]\nname='a'\ntitle='a'\npattern='@{x}'",
                "parameter x",
            ),
            ("title = 'x'\nnamespace = 'n'\nprefix = ''\n[[filter]]\nname='a'\ntitle='a'\npattern='a'", "prefix"),
        ] {
            let error = Pack::parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
