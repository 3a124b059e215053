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
    metrics: Vec<(u64, Vec<Made>)>,
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

    /// What is reported of a minute in which nothing matched.
    fn default(&self, minute: i64) -> Option<Datum> {
        self.transformation.default_value.map(|value| self.datum(minute, value, Vec::new()))
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
    /// Of one metric filter alone.
    pub fn of_one(group: &Group, filter: &MetricFilter, account: &str) -> GroupFilters {
        let mut filters =
            GroupFilters { set: PatternSet::new(Vec::new()), metrics: Vec::new(), subscriptions: Vec::new() };
        let mut patterns = Vec::new();
        filters.add_metric_filter(&mut patterns, group, filter, account);
        filters.set = PatternSet::new(patterns);
        filters
    }

    fn add_metric_filter(
        &mut self,
        patterns: &mut Vec<(Which, FilterPattern)>,
        group: &Group,
        filter: &MetricFilter,
        account: &str,
    ) {
        let fields = filter.system_fields.iter().flatten().filter_map(|field| match field.as_str() {
            "@aws.account" => Some((field.clone(), account.to_owned())),
            "@aws.region" => Some((field.clone(), group.region.to_string())),
            _ => None,
        });
        let fields: Vec<(String, String)> = fields.collect();
        let made = filter.transformations.iter().filter_map(|one| Made::new(one, &fields)).collect();
        if let Ok(pattern) = FilterPattern::parse(&filter.pattern) {
            patterns.push((Which::Metric(self.metrics.len()), pattern));
            self.metrics.push((filter.live_from, made));
        }
    }

    /// Of a group as it is now. A pattern that does not read any more matches nothing.
    pub fn new(memory: &Memory, group: &Group, account: &str) -> GroupFilters {
        let mut patterns = Vec::new();
        let mut filters =
            GroupFilters { set: PatternSet::new(Vec::new()), metrics: Vec::new(), subscriptions: Vec::new() };
        for filter in memory.of_group::<MetricFilter>(group.id) {
            filters.add_metric_filter(&mut patterns, group, filter, account);
        }
        for filter in memory.of_group::<SubscriptionFilter>(group.id) {
            if let Ok(pattern) = FilterPattern::parse(&filter.pattern) {
                patterns.push((Which::Subscription(filters.subscriptions.len()), pattern));
                filters.subscriptions.push(Arc::clone(filter));
            }
        }
        filters.set = PatternSet::new(patterns);
        filters
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// What is to be done with a batch. Its entry says which metric filters are there for it.
    pub fn apply(&self, entry: u64, events: &[(Place, Event)]) -> Outcome {
        let mut outcome = Outcome { data: Vec::new(), matched: vec![Vec::new(); self.subscriptions.len()] };
        let live: Vec<&[Made]> =
            self.metrics.iter().map(|(from, made)| if *from <= entry { made.as_slice() } else { &[] }).collect();
        let mut defaults = Defaults::new(&live);
        for (place, event) in events {
            defaults.see(place.ts);
            let Ok(text) = std::str::from_utf8(&event.text) else { continue };
            let read = PatternEvent::new(text);
            for (which, pattern) in self.set.matching_patterns(&read) {
                match *which {
                    Which::Metric(at) => {
                        let before = outcome.data.len();
                        outcome.data.extend(live[at].iter().filter_map(|made| made.of(pattern, &read, place.ts)));
                        if outcome.data.len() > before {
                            defaults.matched(at, place.ts);
                        }
                    }
                    Which::Subscription(at) => outcome.matched[at].push((*place, event.text.clone())),
                }
            }
        }
        outcome.data.extend(defaults.data(&live));
        outcome
    }

    /// The pattern and what is made of its matches, of filters of [`GroupFilters::of_one`]. Whether the event matches, and its values.
    pub fn one(&self, place: Place, text: &str) -> (bool, Vec<Datum>) {
        let read = PatternEvent::new(text);
        let made = self.metrics.iter().flat_map(|(_, made)| made);
        match self.set.matching_patterns(&read).next() {
            Some((_, pattern)) => (true, made.filter_map(|made| made.of(pattern, &read, place.ts)).collect()),
            None => (false, Vec::new()),
        }
    }

    /// The defaults of a minute in which nothing matched.
    pub fn quiet(&self, minute: i64) -> impl Iterator<Item = Datum> {
        self.metrics.iter().flat_map(|(_, made)| made).filter_map(move |made| made.default(minute))
    }
}

/// Where defaults are due: minutes that have events, and filters that made nothing of them.
struct Defaults {
    is_any: bool,
    minutes: BTreeSet<i64>,
    matched: BTreeSet<(usize, i64)>,
}

/// The minute that a time is in.
pub fn minute_of(ts: i64) -> i64 {
    ts.div_euclid(MINUTE_MS) * MINUTE_MS
}

impl Defaults {
    fn new(live: &[&[Made]]) -> Defaults {
        let is_any = live.iter().any(|made| made.iter().any(|made| made.transformation.default_value.is_some()));
        Defaults { is_any, minutes: BTreeSet::new(), matched: BTreeSet::new() }
    }

    fn see(&mut self, ts: i64) {
        if self.is_any {
            self.minutes.insert(minute_of(ts));
        }
    }

    fn matched(&mut self, at: usize, ts: i64) {
        if self.is_any {
            self.matched.insert((at, minute_of(ts)));
        }
    }

    fn data(&self, live: &[&[Made]]) -> Vec<Datum> {
        let mut data = Vec::new();
        for (at, made) in live.iter().enumerate() {
            for made in *made {
                let quiet = self.minutes.iter().filter(|minute| !self.matched.contains(&(at, **minute)));
                data.extend(quiet.filter_map(|minute| made.default(*minute)));
            }
        }
        data
    }
}
