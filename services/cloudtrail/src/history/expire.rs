//! What history drops: segments older than 90 days, and contents that no row names. Never a record that LookupEvents may still ask for.

use std::collections::BTreeSet;

use base::time::{DAY_MS, HOUR_MS};
use state::{Expect, Range};
use worker::Failure;

use super::index::{Index, Segment};
use crate::rows::{self, SEGMENT_FILTERS, SEGMENTS};

/// LookupEvents reaches this far back. CloudTrail user guide, "Working with CloudTrail event history".
pub const KEPT_DAYS: i64 = 90;
/// Segments are kept so much longer, so that none goes while a lookup reads it.
const MARGIN_MS: i64 = HOUR_MS;
/// Segments dropped at a time; the rest goes an hour later.
const EXPIRED_MAX: usize = 1_000;
/// Where segments are in the object store.
pub(super) const FOLDER: &str = "history/";
/// Names listed at a time.
const PAGE: usize = 1_000;

fn failed(what: &str, error: impl std::fmt::Display) -> Failure {
    Failure(format!("{what}: {error}"))
}

impl Index {
    /// Drops segments that hold nothing younger than 90 days.
    pub(super) async fn expire(&self) -> Result<(), Failure> {
        let shared = &self.shared;
        let horizon_secs = shared.env.clock.now().plus_ms(-KEPT_DAYS * DAY_MS - MARGIN_MS).secs();
        let mut old = Vec::new();
        // Records are in the order of the journal, not of their times: an older segment may come after a younger one.
        let all = state::scan_all(&*shared.state, SEGMENTS, Range::all(), |row| {
            let segment: Segment = rows::read(SEGMENTS, &row)?;
            if segment.newest_secs < horizon_secs {
                old.push((row.key, segment));
            }
            Ok::<bool, state::Error>(old.len() < EXPIRED_MAX)
        });
        all.await.map_err(|error| failed("reading the segments of history", error))?;
        for (key, segment) in old {
            // The content first: a crash in between leaves a row, from which this begins again. Lookups leave it alone, because
            // they do not reach so far back.
            let gone = shared.objects.delete(&segment.object).await;
            gone.map_err(|error| failed("deleting a segment of history", error))?;
            let gone =
                vec![rows::delete(SEGMENTS, key.clone(), Expect::Any), rows::delete(SEGMENT_FILTERS, key, Expect::Any)];
            shared.state.commit(gone).await.map_err(|error| failed("dropping a segment of history", error))?;
            self.count_expired(segment.records);
        }
        Ok(())
    }

    /// Removes contents that no row names: a crash came between storing and committing them. Called before the first seal.
    pub(super) async fn sweep(&self) -> Result<(), Failure> {
        let mut named = BTreeSet::new();
        let all = state::scan_all(&*self.shared.state, SEGMENTS, Range::all(), |row| {
            named.insert(rows::read::<Segment>(SEGMENTS, &row)?.object);
            Ok::<bool, state::Error>(true)
        });
        all.await.map_err(|error| failed("reading the segments of history", error))?;
        let mut after = None;
        loop {
            let names = self.shared.objects.list(FOLDER, after.as_deref(), PAGE).await;
            let names = names.map_err(|error| failed("listing the segments of history", error))?;
            let Some(last) = names.last().cloned() else { return Ok(()) };
            for name in names.iter().filter(|name| !named.contains(&name.name)) {
                let gone = self.shared.objects.delete(&name.name).await;
                gone.map_err(|error| failed("tidying history", error))?;
            }
            after = Some(last.name);
        }
    }
}
