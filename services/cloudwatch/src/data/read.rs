//! Reading: the buckets of a metric over a stretch of time, by periods.

use std::collections::BTreeMap;

use base::Region;

use super::block::{Block, Tier};
use super::bucket::Bucket;
use super::store::{BlockKey, Store};
use crate::metric::Metric;

/// Old data are folded now and then: for this long they may still be where they were.
const FOLD_SLACK_MS: i64 = 2 * base::time::DAY_MS;

/// A stretch of time in periods: the first begins at `start_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first moment.
    pub start_ms: i64,
    /// The moment behind the last.
    pub end_ms: i64,
    /// The length of a period.
    pub period_ms: i64,
}

impl Span {
    /// The period that a time is in begins here.
    pub fn at(&self, time_ms: i64) -> i64 {
        self.start_ms + (time_ms - self.start_ms).div_euclid(self.period_ms) * self.period_ms
    }
}

impl Store {
    /// What a metric has in a span, by unit and by period. Only of one unit, if it is named.
    pub async fn read(
        &self,
        region: Region,
        metric: &Metric,
        unit: Option<&str>,
        span: Span,
        now_ms: i64,
    ) -> Result<Vec<(String, BTreeMap<i64, Bucket>)>, state::Error> {
        let all = self.see(|memory| memory.series_of(region, metric));
        let mut answer = Vec::new();
        for (id, series) in all {
            if unit.is_some_and(|unit| unit != series.unit) {
                continue;
            }
            let mut buckets: BTreeMap<i64, Bucket> = BTreeMap::new();
            for (tier, from, to) in parts(span, now_ms) {
                let from = from.max(tier.bucket_of(series.first_ms));
                let to = to.min(series.last_ms + 1);
                let mut start_ms = tier.block_of(from);
                while start_ms < to {
                    let key = BlockKey { tier, start_ms, series: id };
                    let mut take = |block: &Block| {
                        for (at, bucket) in block.buckets.range(from..to.max(from)) {
                            match buckets.entry(span.at(*at)) {
                                std::collections::btree_map::Entry::Occupied(mut known) => known.get_mut().add(bucket),
                                std::collections::btree_map::Entry::Vacant(entry) => {
                                    entry.insert(bucket.clone());
                                }
                            }
                        }
                    };
                    let is_held = self.see(|memory| memory.block(&key).map(&mut take).is_some());
                    if !is_held && let Some(block) = self.read_block(key).await? {
                        take(&block);
                    }
                    start_ms += tier.block_ms();
                }
            }
            if !buckets.is_empty() {
                answer.push((series.unit, buckets));
            }
        }
        Ok(answer)
    }

    /// The same with all units together.
    pub async fn read_all(
        &self,
        region: Region,
        metric: &Metric,
        unit: Option<&str>,
        span: Span,
        now_ms: i64,
    ) -> Result<BTreeMap<i64, Bucket>, state::Error> {
        let mut whole: BTreeMap<i64, Bucket> = BTreeMap::new();
        for (_, buckets) in self.read(region, metric, unit, span, now_ms).await? {
            for (at, bucket) in buckets {
                match whole.entry(at) {
                    std::collections::btree_map::Entry::Occupied(mut known) => known.get_mut().add(&bucket),
                    std::collections::btree_map::Entry::Vacant(entry) => {
                        entry.insert(bucket);
                    }
                }
            }
        }
        Ok(whole)
    }
}

/// At which resolution which part of a span lies.
fn parts(span: Span, now_ms: i64) -> Vec<(Tier, i64, i64)> {
    let Span { start_ms, end_ms, period_ms } = span;
    if period_ms < base::time::MINUTE_MS {
        return vec![(Tier::Second, start_ms.max(now_ms - Tier::Second.kept_ms()), end_ms)];
    }
    let minutes_end = now_ms - Tier::Minute.kept_ms();
    let five_end = now_ms - Tier::FiveMinutes.kept_ms();
    let parts = [
        (Tier::Hour, start_ms.max(now_ms - Tier::Hour.kept_ms()), end_ms.min(five_end + FOLD_SLACK_MS)),
        (Tier::FiveMinutes, start_ms.max(five_end - FOLD_SLACK_MS), end_ms.min(minutes_end + FOLD_SLACK_MS)),
        (Tier::Minute, start_ms.max(minutes_end - FOLD_SLACK_MS), end_ms),
    ];
    parts.into_iter().filter(|(_, from, to)| from < to).collect()
}
