//! Evaluation of metric alarms over periods that end at a moment. Source: CloudWatch user guide, "Alarm evaluation".

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Timestamp;

use super::judge::{Verdict, judge};
use super::reason::{self, Datapoint, Told};
use super::store::{Changes, Compiled, Name, NewState};
use super::{Alarm, MetricAlarm, Source, StateValue, Watches};
use crate::CloudWatch;
use crate::data::bucket::Bucket;
use crate::data::read::Span;
use crate::data::statistic::{Ranged, Statistic};

/// So many periods more than are evaluated are looked at: the evaluation range of the tables is five for three.
const MORE_PERIODS: i64 = 2;
/// Alarms over more than this are evaluated by the hour.
const BY_HOUR_S: i64 = 24 * 3600;

/// When it is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The periods are over.
    Over,
    /// Data have come, and the last period is not over: only what no further data can undo counts.
    Arriving,
    /// Data have come for periods that are over: what they breach counts now, the rest by the minute.
    Late,
}

/// How often an alarm is evaluated, in milliseconds.
pub fn interval_ms(metric: &MetricAlarm) -> i64 {
    let period = metric.period();
    if period < 60 {
        10 * base::time::SECOND_MS
    } else if period * metric.evaluation_periods > BY_HOUR_S {
        base::time::HOUR_MS
    } else {
        base::time::MINUTE_MS
    }
}

/// How far back of now an evaluation reaches at most, in milliseconds: the range, the two moments that periods are counted from (the
/// next and the last, see [`CloudWatch::evaluate_arriving`]), and a period of whatever else an expression reads.
pub fn looks_back_ms(metric: &MetricAlarm) -> i64 {
    let periods = (metric.evaluation_periods + MORE_PERIODS) * metric.period();
    (periods + metric.longest_period()) * 1000 + 2 * interval_ms(metric)
}

/// The data points of an evaluation range, oldest first.
struct Range {
    points: Vec<Option<Datapoint>>,
    /// Whether more data cannot make the last one breach less.
    is_final: bool,
    /// Whether some have too few samples for their percentile.
    is_low: bool,
    start_ms: i64,
}

impl CloudWatch {
    /// Evaluates an alarm and notes what changes. `end_ms`: where the last period ends.
    pub(super) async fn evaluate_alarm(
        &self,
        changes: &mut Changes,
        name: &Name,
        when: When,
        end_ms: i64,
        now: Timestamp,
    ) -> Result<(), state::Error> {
        let Some((_, compiled)) = self.alarms.see(|memory| memory.held(name)) else { return Ok(()) };
        let Some(alarm) = changes.alarm(self, name) else { return Ok(()) };
        let Watches::Metric(metric) = &alarm.watches else { return Ok(()) };
        // It was decided with data of a period that is over only later.
        if when != When::Arriving && end_ms < alarm.state.decided_until_ms {
            return Ok(());
        }
        let range = match self.range(&alarm, metric, &compiled, end_ms).await? {
            Ok(range) => range,
            Err(why) => {
                if alarm.state.evaluation.as_deref() != Some("EVALUATION_ERROR") {
                    tracing::debug!(alarm = %alarm.arn, why, "an alarm could not be evaluated");
                    let mut alarm = Alarm::clone(&alarm);
                    alarm.state.evaluation = Some("EVALUATION_ERROR".to_owned());
                    changes.alarms.insert(name.clone(), alarm);
                }
                return Ok(());
            }
        };
        if range.is_low && metric.low_samples.as_deref() == Some("ignore") {
            return Ok(());
        }
        let breaches =
            |point: &Option<Datapoint>| point.map(|point| metric.comparison.breaches(point.value, metric.threshold));
        let breaching: Vec<Option<bool>> = range.points.iter().map(breaches).collect();
        let periods = usize::try_from(metric.evaluation_periods).unwrap_or(1);
        let needed = usize::try_from(metric.needed()).unwrap_or(1);
        let verdict = judge(&breaching, periods, needed, metric.missing());
        let Verdict::Is { state, .. } = &verdict else { return Ok(()) };
        if when == When::Late && *state != StateValue::Alarm {
            return Ok(());
        }
        if when == When::Arriving
            && (*state != StateValue::Alarm || !range.is_final || breaching.last() != Some(&Some(true)))
        {
            return Ok(());
        }
        let decided_until_ms = if when == When::Arriving { end_ms } else { 0 };
        if *state == alarm.state.value {
            // The same state for longer: an evaluation of periods that are over must not undo it.
            if when == When::Arriving && decided_until_ms > alarm.state.decided_until_ms {
                let mut alarm = Alarm::clone(&alarm);
                alarm.state.decided_until_ms = decided_until_ms;
                changes.alarms.insert(name.clone(), alarm);
            }
            return Ok(());
        }
        let (statistic, unit) = match &metric.source {
            Source::One { stat, unit, .. } => (Some(stat.as_str()), unit.as_deref()),
            Source::Many(_) => (None, None),
        };
        let told = Told {
            comparison: metric.comparison,
            threshold: metric.threshold,
            periods: metric.evaluation_periods,
            datapoints_to_alarm: metric.datapoints_to_alarm,
            missing: metric.missing(),
            range: &range.points,
            statistic,
            unit,
            period: metric.period(),
            start_ms: range.start_ms,
            now,
        };
        let new = NewState {
            value: *state,
            reason: reason::sentence(&verdict, &told),
            data: Some(reason::data(&verdict, &told)),
            decided_until_ms,
        };
        let mut alarm = Alarm::clone(&alarm);
        alarm.state.evaluation = None;
        self.set_state(changes, &alarm, new, now);
        Ok(())
    }

    async fn range(
        &self,
        alarm: &Alarm,
        metric: &MetricAlarm,
        compiled: &Arc<Compiled>,
        end_ms: i64,
    ) -> Result<Result<Range, String>, state::Error> {
        let period_ms = metric.period() * 1000;
        let count = metric.evaluation_periods + MORE_PERIODS;
        let start_ms = end_ms - count * period_ms;
        let mut range = Range { points: Vec::new(), is_final: false, is_low: false, start_ms };
        match &**compiled {
            Compiled::One { metric: name, statistic } => {
                let unit = match &metric.source {
                    Source::One { unit, .. } => unit.as_deref(),
                    Source::Many(_) => None,
                };
                let span = Span { start_ms, end_ms, period_ms };
                let buckets = self.store.read_all(alarm.region, name, unit, span, self.now_ms()).await?;
                range.is_final =
                    buckets.last_key_value().is_some_and(|(_, bucket)| is_final(statistic, bucket, metric));
                range.is_low = buckets.values().any(|bucket| is_low(statistic, bucket));
                for i in 0..count {
                    let at_ms = start_ms + i * period_ms;
                    let bucket = buckets.get(&at_ms);
                    let point = bucket.and_then(|bucket| {
                        Some(Datapoint { at_ms, value: statistic.of(bucket)?, samples: Some(bucket.count) })
                    });
                    range.points.push(point);
                }
                Ok(Ok(range))
            }
            Compiled::Many(queries, id) => {
                let mut values = self.evaluate(alarm.region, queries, start_ms, end_ms).await?;
                let value = match values.remove(id) {
                    Some(Ok(value)) => value,
                    Some(Err(why)) => return Ok(Err(why)),
                    None => return Ok(Err("nothing is returned".to_owned())),
                };
                let points: BTreeMap<i64, f64> = match (&value, value.lines()) {
                    (crate::math::Value::Scalar(number), _) => {
                        (0..count).map(|i| (start_ms + i * period_ms, *number)).collect()
                    }
                    (_, [line]) => line.points.clone(),
                    (_, lines) => return Ok(Err(format!("the expression returns {} time series", lines.len()))),
                };
                for i in 0..count {
                    let at_ms = start_ms + i * period_ms;
                    range.points.push(points.get(&at_ms).map(|value| Datapoint {
                        at_ms,
                        value: *value,
                        samples: None,
                    }));
                }
                Ok(Ok(range))
            }
            Compiled::Rule(_) | Compiled::Broken => Ok(Err("it cannot be evaluated".to_owned())),
        }
    }
}

/// Whether further data of the period cannot take back that it breaches.
fn is_final(statistic: &Statistic, bucket: &Bucket, metric: &MetricAlarm) -> bool {
    let is_upward = metric.comparison.is_upward();
    match statistic {
        Statistic::SampleCount | Statistic::Maximum => is_upward,
        // Sums of what is not negative only grow.
        Statistic::Sum => is_upward && bucket.min >= 0.0,
        Statistic::Minimum => !is_upward,
        Statistic::Average | Statistic::Percentile(_) | Statistic::Ranged(..) => false,
    }
}

/// Whether a percentile has too few samples to say much. Source: CloudWatch user guide, "Percentile-based alarms and low data samples".
fn is_low(statistic: &Statistic, bucket: &Bucket) -> bool {
    let rank = match statistic {
        Statistic::Percentile(rank) => rank / 100.0,
        Statistic::Ranged(Ranged::TrimmedMean, _) => return bucket.count < 20.0,
        _ => return false,
    };
    let needed = if rank >= 0.5 { 10.0 / (1.0 - rank) } else { 10.0 / rank };
    bucket.count < needed
}
