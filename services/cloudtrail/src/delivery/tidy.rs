//! Rows of trails that are gone: what GetTrailStatus told of them, and where their chains of digests ended. Done by the consumer
//! alone, because it alone knows that nothing of a trail is still to come.

use std::collections::BTreeSet;

use state::{Expect, Op, Range};

use super::consumer::Delivery;
use super::outbox::Status;
use crate::rows::{self, CHAIN_ENDS, CHAINS, DELIVERED, GIVEN_UP, OUTBOX, STATUS};

/// Rows removed in one commit.
const ROWS_MAX: usize = 1_000;

impl Delivery {
    /// Removes what is known of trails that are deleted and for which nothing is left to do.
    pub(super) async fn tidy(&self) -> Result<(), state::Error> {
        let mut gone = BTreeSet::new();
        for table in [STATUS, CHAINS, DELIVERED] {
            let all = state::scan_all(&*self.shared.state, table, Range::all(), |row| {
                let first = state::key::texts(&row.key).and_then(|parts| parts.into_iter().next());
                gone.extend(first.filter(|arn| !self.is_known(arn)));
                Ok::<bool, state::Error>(true)
            });
            all.await?;
        }
        for arn in gone {
            let prefix = state::key::key(&[arn.as_str()]);
            let mut busy = self.shared.state.get(GIVEN_UP, arn.as_bytes()).await?.is_some();
            for table in [OUTBOX, CHAIN_ENDS] {
                busy |= !self.shared.state.scan(table, Range::prefix(prefix.clone()), 1).await?.is_empty();
            }
            if busy {
                continue;
            }
            for table in [STATUS, CHAINS, DELIVERED] {
                loop {
                    let rows = self.shared.state.scan(table, Range::prefix(prefix.clone()), ROWS_MAX).await?;
                    if rows.is_empty() {
                        break;
                    }
                    let gone = rows.into_iter().map(|row| Op::Delete { table, key: row.key, expect: Expect::Any });
                    self.shared.state.commit(gone.collect()).await?;
                }
            }
            self.shared.forget_figures(&arn);
        }
        Ok(())
    }

    /// Whether a trail of this ARN is there, or was a moment ago.
    fn is_known(&self, arn: &str) -> bool {
        self.trails.contains_key(arn) || self.closing.iter().any(|closing| closing.trail.arn == arn)
    }

    /// Lets figures begin with what an earlier run knew.
    pub(super) async fn tell_last_digests(&self) -> Result<(), state::Error> {
        for arn in self.trails.keys() {
            let key = state::key::key(&[arn.as_str(), "digest"]);
            let status = rows::get::<Status>(&*self.shared.state, STATUS, &key).await?;
            if let Some(at_ms) = status.and_then(|found| found.value.delivered_ms) {
                self.shared.figures_of(arn).last_digest(at_ms);
            }
        }
        Ok(())
    }
}
