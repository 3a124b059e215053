//! What CloudWatch does by itself: alarms by the clock, whom they tell, and what is too old.

use std::sync::atomic::Ordering;
use std::time::Duration;

use ports::{Figure, Figures};
use tokio::sync::watch;

use crate::CloudWatch;
use crate::alarms::{StateValue, history};

/// How often the clock is looked at. Evaluations are due by the ten seconds at most.
const TICK: Duration = Duration::from_millis(500);
/// How often old data are looked for.
const SWEEP_MS: i64 = 10 * base::time::MINUTE_MS;
/// Turns of one sweep: what is left waits for the next.
const SWEEP_TURNS_MAX: u32 = 200;

impl CloudWatch {
    /// Until told to stop: evaluates alarms by the clock, carries out their actions and lets old data go.
    pub async fn work(&self, stop: watch::Receiver<bool>) {
        tokio::join!(self.tick(stop.clone()), self.carry_out(stop));
    }

    async fn tick(&self, mut stop: watch::Receiver<bool>) {
        let mut swept_ms = self.now_ms();
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(TICK) => {}
            }
            let now = self.deps.env.clock.now();
            if let Err(error) = self.evaluate_due(now).await {
                tracing::warn!(%error, account = %self.deps.account, "alarms could not be evaluated");
            }
            if (now.ms() - swept_ms).abs() >= SWEEP_MS {
                swept_ms = now.ms();
                if let Err(error) = self.sweep().await {
                    tracing::warn!(%error, account = %self.deps.account, "old metric data could not be folded");
                }
            }
        }
    }

    /// Folds data that are too old for their resolution, and removes old history.
    pub(crate) async fn sweep(&self) -> Result<(), state::Error> {
        for _ in 0..SWEEP_TURNS_MAX {
            // What was taken and not written is written first, with the cursor that goes with it.
            let next = *self.taken.borrow();
            let more = self.store.fold(next, self.now_ms()).await?;
            self.written.fetch_max(next, Ordering::AcqRel);
            if !more {
                break;
            }
        }
        for _ in 0..SWEEP_TURNS_MAX {
            if !history::sweep(&*self.deps.state, self.now_ms()).await? {
                break;
            }
        }
        Ok(())
    }
}

impl Figures for CloudWatch {
    #[expect(clippy::cast_precision_loss, reason = "counts of what is in memory are below 2 to the power of 53")]
    fn figures(&self, into: &mut Vec<Figure>) {
        let mut gauge = |name, help, labels: &[(&'static str, &str)], count: usize| {
            into.push(Figure::gauge(name, help, labels, count as f64));
        };
        let series = self.store.see(|memory| memory.series_count());
        gauge("cairn_metric_series", "Series of metric data: each metric and unit of the first account.", &[], series);
        self.alarms.see(|memory| {
            let help = "Actions of alarms that wait to be carried out.";
            gauge("cairn_alarm_actions_waiting", help, &[], memory.pending_count());
            for state in [StateValue::Alarm, StateValue::InsufficientData, StateValue::Ok] {
                let count = memory.count(state);
                gauge("cairn_alarms", "Alarms of the first account, by state.", &[("state", state.as_str())], count);
            }
        });
    }
}
