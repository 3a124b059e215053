//! What is done with events as they come: metric filters and subscription filters of a group, compiled together, so that an event is read
//! once however many there are.

use std::collections::BTreeSet;
use std::sync::Arc;

use base::time::MINUTE_MS;
use bytes::Bytes;
use pattern::{Event as PatternEvent, FilterPattern, PatternSet, Selector};
use ports::Datum;

use crate::live::{Event, Place};
use crate::rows::{Group, MetricFilter, SubscriptionFilter, Transformation};
use crate::store::Memory;

/// The value of a metric.
enum Value {
    Number(f64),
    Field(Selector),
}

/// A transformation, ready.
struct Made {
    transformation: Transformation,
    value: Value,
    dimensions: Vec<(String, Selector)>,
    system: Vec<(String, String)>,
}

enum Which {
    Metric(usize),
    Subscription(usize),
}

/// All filters of a group, ready.
pub struct GroupFilters {
    set: PatternSet<Which>,
    metrics: Vec<Vec<Made>>,
    /// Of the subscription filters, by number.
    pub subscriptions: Vec<Arc<SubscriptionFilter>>,
}

/// What came of a batch.
#[derive(Default)]
pub struct Outcome {
    /// For metrics.
    pub data: Vec<Datum>,
    /// For each subscription filter by number: places and texts.
    pub matched: Vec<Vec<(Place, Bytes)>>,
}

impl Made {
    fn new(transformation: &Transformation, system: &[(String, String)]) -> Option<Made> {
        let value = match transformation.metric_value.parse::<f64>() {
            Ok(number) => Value::Number(number),
            Err(_) => Value::Field(Selector::parse(&transformation.metric_value).ok()?),
        };
        let dimensions = transformation.dimensions.iter().flatten();
        let dimensions = dimensions.map(|(name, field)| Some((name.clone(), Selector::parse(field).ok()?)));
        Some(Made {
            transformation: transformation.clone(),
            value,
            dimensions: dimensions.collect::<Option<_>>()?,
            system: system.to_vec(),
        })
    }

    fn datum(&self, timestamp_ms: i64, value: f64, dimensions: Vec<(String, String)>) -> Datum {
        Datum {
            namespace: self.transformation.metric_namespace.clone(),
            name: self.transformation.metric_name.clone(),
            dimensions,
            timestamp_ms,
            value,
            count: 1.0,
            unit: self.transformation.unit.clone(),
        }
    }

    /// What a match makes: nothing if the value is no number or a dimension has none. Source: CloudWatch Logs user guide, "Configuring
    /// metric values for a metric filter" and "Publishing dimensions with metrics from values in JSON or space-delimited log events".
    fn of(&self, pattern: &FilterPattern, event: &PatternEvent<'_>, timestamp_ms: i64) -> Option<Datum> {
        let one = |selector: &Selector| pattern.extract(event, std::slice::from_ref(selector)).pop().flatten();
        let value = match &self.value {
            Value::Number(number) => *number,
            Value::Field(selector) => one(selector)?.trim().parse::<f64>().ok().filter(|value| value.is_finite())?,
        };
        let mut dimensions = Vec::with_capacity(self.dimensions.len());
        for (name, selector) in &self.dimensions {
            dimensions.push((name.clone(), one(selector).filter(|value| !value.is_empty())?));
        }
        dimensions.extend(self.system.iter().cloned());
        Some(self.datum(timestamp_ms, value, dimensions))
    }
}

impl GroupFilters {
    /// Of a group as it is now. A pattern that does not read any more matches nothing.
    pub fn new(memory: &Memory, group: &Group, account: &str) -> GroupFilters {
        let (mut patterns, mut metrics, mut subscriptions) = (Vec::new(), Vec::new(), Vec::new());
        for filter in memory.of_group::<MetricFilter>(group.id) {
            let fields = filter.system_fields.iter().flatten().filter_map(|field| match field.as_str() {
                "@aws.account" => Some((field.clone(), account.to_owned())),
                "@aws.region" => Some((field.clone(), group.region.to_string())),
                _ => None,
            });
            let fields: Vec<(String, String)> = fields.collect();
            let made = filter.transformations.iter().filter_map(|one| Made::new(one, &fields)).collect();
            if let Ok(pattern) = FilterPattern::parse(&filter.pattern) {
                patterns.push((Which::Metric(metrics.len()), pattern));
                metrics.push(made);
            }
        }
        for filter in memory.of_group::<SubscriptionFilter>(group.id) {
            if let Ok(pattern) = FilterPattern::parse(&filter.pattern) {
                patterns.push((Which::Subscription(subscriptions.len()), pattern));
                subscriptions.push(Arc::clone(filter));
            }
        }
        GroupFilters { set: PatternSet::new(patterns), metrics, subscriptions }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// What is to be done with a batch.
    pub fn apply(&self, events: &[(Place, Event)]) -> Outcome {
        let mut outcome = Outcome { data: Vec::new(), matched: vec![Vec::new(); self.subscriptions.len()] };
        let defaults =
            self.metrics.iter().any(|made| made.iter().any(|made| made.transformation.default_value.is_some()));
        // Minutes in which a filter matched, and all.
        let mut matched: BTreeSet<(usize, i64)> = BTreeSet::new();
        let mut minutes: BTreeSet<i64> = BTreeSet::new();
        for (place, event) in events {
            let minute = place.ts.div_euclid(MINUTE_MS) * MINUTE_MS;
            if defaults {
                minutes.insert(minute);
            }
            let Ok(text) = std::str::from_utf8(&event.text) else { continue };
            let read = PatternEvent::new(text);
            for (which, pattern) in self.set.matching_patterns(&read) {
                match *which {
                    Which::Metric(at) => {
                        let data = self.metrics[at].iter().filter_map(|made| made.of(pattern, &read, place.ts));
                        let before = outcome.data.len();
                        outcome.data.extend(data);
                        if outcome.data.len() > before && defaults {
                            matched.insert((at, minute));
                        }
                    }
                    Which::Subscription(at) => outcome.matched[at].push((*place, event.text.clone())),
                }
            }
        }
        for (at, made) in self.metrics.iter().enumerate() {
            for made in made {
                let Some(value) = made.transformation.default_value else { continue };
                let quiet = minutes.iter().filter(|minute| !matched.contains(&(at, **minute)));
                outcome.data.extend(quiet.map(|minute| made.datum(*minute, value, Vec::new())));
            }
        }
        outcome
    }
}
