//! Which events a trail selects: selectors as they are given and stored ([`EventSelector`], [`AdvancedEventSelector`]), their
//! rules ([`rules`]) and whether they match a record ([`matching`]).

pub mod matching;
pub mod rules;

use serde::{Deserialize, Serialize};

pub use matching::Selection;

/// What a trail selects by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Selectors {
    /// No selectors were put: all management events, nothing else.
    #[default]
    Default,
    /// Basic selectors, in the order given.
    Basic(Vec<EventSelector>),
    /// Advanced selectors, in the order given.
    Advanced(Vec<AdvancedEventSelector>),
}

impl Selectors {
    /// `HasCustomEventSelectors`: whether they select anything but what a new trail selects.
    pub fn are_custom(&self) -> bool {
        match self {
            Selectors::Default => false,
            Selectors::Basic(basic) => *basic != [EventSelector::default().filled()],
            Selectors::Advanced(_) => true,
        }
    }

    /// The basic selectors, as GetEventSelectors shows them. `None` if there are advanced ones instead.
    pub fn basic(&self) -> Option<Vec<EventSelector>> {
        match self {
            Selectors::Default => Some(vec![EventSelector::default().filled()]),
            Selectors::Basic(basic) => Some(basic.clone()),
            Selectors::Advanced(_) => None,
        }
    }

    /// The advanced selectors.
    pub fn advanced(&self) -> Option<Vec<AdvancedEventSelector>> {
        match self {
            Selectors::Advanced(advanced) => Some(advanced.clone()),
            Selectors::Default | Selectors::Basic(_) => None,
        }
    }
}

/// A basic selector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EventSelector {
    /// `ReadOnly`, `WriteOnly`, `All` (the default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_write_type: Option<String>,
    /// Whether it selects management events; by default it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_management_events: Option<bool>,
    /// The data events it selects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_resources: Option<Vec<DataResource>>,
    /// Services whose management events it leaves out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_management_event_sources: Option<Vec<String>>,
}

impl EventSelector {
    /// The same with what was left out filled in with its default, as it reads back.
    pub fn filled(mut self) -> EventSelector {
        self.read_write_type.get_or_insert_with(|| "All".to_owned());
        self.include_management_events.get_or_insert(true);
        self.data_resources.get_or_insert_default();
        self.exclude_management_event_sources.get_or_insert_default();
        self
    }
}

/// Data events of one type of resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DataResource {
    /// `AWS::S3::Object`, `AWS::Lambda::Function`, `AWS::DynamoDB::Table`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// ARNs, or what ARNs begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
}

/// An advanced selector: matches if all of its field selectors do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AdvancedEventSelector {
    /// What its author calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its conditions.
    pub field_selectors: Vec<FieldSelector>,
}

/// What must hold for one field of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct FieldSelector {
    /// The field: `eventCategory`, `resources.ARN` …
    pub field: String,
    /// The field is one of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Vec<String>>,
    /// The field begins with one of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_with: Option<Vec<String>>,
    /// The field ends with one of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_with: Option<Vec<String>>,
    /// The field is none of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_equals: Option<Vec<String>>,
    /// The field begins with none of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_starts_with: Option<Vec<String>>,
    /// The field ends with none of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_ends_with: Option<Vec<String>>,
}

impl FieldSelector {
    /// The operators that are given, by name, with their values.
    pub fn operators(&self) -> impl Iterator<Item = (&'static str, &[String])> {
        let all = [
            ("Equals", &self.equals),
            ("StartsWith", &self.starts_with),
            ("EndsWith", &self.ends_with),
            ("NotEquals", &self.not_equals),
            ("NotStartsWith", &self.not_starts_with),
            ("NotEndsWith", &self.not_ends_with),
        ];
        all.into_iter().filter_map(|(name, values)| Some((name, values.as_deref()?)))
    }
}
