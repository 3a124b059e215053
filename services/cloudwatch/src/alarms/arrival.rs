//! When alarms are evaluated: as data come, and by the clock.

use base::{Region, Timestamp};

use super::evaluate::{When, interval_ms, looks_back_ms};
use super::store::{Changes, Name};
use super::{Touched, Watches};
use crate::CloudWatch;

/// Alarms evaluated in one turn: between two turns others may change alarms.
const TURN_ALARMS_MAX: usize = 200;

impl CloudWatch {
    /// Data have come: alarms over them that they put outside the threshold for good are in ALARM when this returns.
    pub(crate) async fn arrived(&self, touched: &Touched) -> Result<(), state::Error> {
        let names: Vec<Name> = self.alarms.see(|memory| {
            let watching = touched
                .iter()
                .flat_map(|(region, metric)| memory.watching(*region, metric).map(|name| (*region, name.clone())));
            watching.collect()
        });
        if names.is_empty() {
            return Ok(());
        }
        let _turn = self.alarms.turn.lock().await;
        self.evaluate_arriving(&names).await
    }

    /// The same for these alarms, in a turn that is held.
    pub(crate) async fn evaluate_arriving(&self, names: &[Name]) -> Result<(), state::Error> {
        let now = self.deps.env.clock.now();
        let mut changes = Changes::default();
        for name in names {
            let interval = self.alarms.see(|memory| {
                let alarm = memory.alarm(name.0, &name.1)?;
                match &alarm.watches {
                    Watches::Metric(metric) => Some(interval_ms(metric)),
                    Watches::Composite(_) => None,
                }
            });
            let Some(interval) = interval else { continue };
            let end_ms = (now.ms().div_euclid(interval) + 1) * interval;
            self.evaluate_alarm(&mut changes, name, When::Arriving, end_ms, now).await?;
            // A value may come a moment after the minute that it is of.
            self.evaluate_alarm(&mut changes, name, When::Late, end_ms - interval, now).await?;
        }
        self.commit(changes, now).await
    }

    /// The earliest moment that alarms over any of these metrics look at from now on.
    pub(crate) fn alarms_look_from(&self, region: Region, metrics: &[(String, String)]) -> Option<i64> {
        let now_ms = self.now_ms();
        self.alarms.see(|memory| {
            let watching = memory.watching_any(region, |metric| {
                metrics.iter().any(|(namespace, name)| *namespace == metric.namespace && *name == metric.name)
            });
            let from = watching.filter_map(|alarm| match &alarm.watches {
                Watches::Metric(metric) => Some(now_ms - looks_back_ms(metric)),
                Watches::Composite(_) => None,
            });
            from.min()
        })
    }

    /// What is due by the clock: alarms whose periods are over, and what holds actions of composite alarms back.
    pub(crate) async fn evaluate_due(&self, now: Timestamp) -> Result<(), state::Error> {
        let due: Vec<(Name, i64)> = self.alarms.see(|memory| {
            let due = memory.all().filter_map(|(name, held)| match &held.alarm.watches {
                Watches::Metric(metric) => {
                    let interval = interval_ms(metric);
                    Some((name.clone(), now.ms().div_euclid(interval) * interval))
                }
                Watches::Composite(_) => None,
            });
            due.collect()
        });
        let due: Vec<(Name, i64)> = self.alarms.change_memory(|memory| {
            due.into_iter().filter(|(name, end_ms)| memory.begin_evaluation(name, *end_ms)).collect()
        });
        for some in due.chunks(TURN_ALARMS_MAX) {
            let _turn = self.alarms.turn.lock().await;
            let mut changes = Changes::default();
            for (name, end_ms) in some {
                self.evaluate_alarm(&mut changes, name, When::Over, *end_ms, now).await?;
            }
            self.commit(changes, now).await?;
        }
        let is_held_back =
            self.alarms.see(|memory| memory.all().any(|(_, held)| held.alarm.state.suppressed.is_some()));
        if is_held_back {
            let _turn = self.alarms.turn.lock().await;
            let mut changes = Changes::default();
            self.release(&mut changes, now);
            self.commit(changes, now).await?;
        }
        Ok(())
    }
}
