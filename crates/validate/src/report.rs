//! [`Report`]: totals, and the problems in words, for a summary or a JSON document.

use base::Timestamp;
use serde::Serialize;

use crate::problem::{Event, Problem, Subject};

/// Problems kept in a report; the others are counted.
pub const PROBLEMS_MAX: usize = 10_000;
/// Things that could not be checked kept in a report.
const UNCHECKED_MAX: usize = 100;

/// How many were looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// That are valid.
    pub valid: u64,
    /// That are not.
    pub invalid: u64,
}

impl Counts {
    /// All.
    pub fn total(self) -> u64 {
        self.valid + self.invalid
    }
}

/// What was found.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Digests.
    pub digests: Counts,
    /// Digests written after the fact.
    pub backfill_digests: Counts,
    /// Log files that digests name.
    pub log_files: Counts,
    /// Of these, found valid by an earlier run and not written since.
    pub log_files_remembered: u64,
    /// Inflated and hashed.
    pub content_bytes: u64,
    /// Problems of a kind that AWS's command does not count.
    pub further_problems: u64,
    /// The first [`PROBLEMS_MAX`] problems.
    pub problems: Vec<Problem>,
    /// How many more there are.
    pub problems_left_out: u64,
    /// Stretches of time without digests between two chains.
    pub gaps: Vec<GapFound>,
    /// What could not be checked.
    pub unchecked: Vec<String>,
    /// The start of the earliest valid digest.
    #[serde(skip)]
    pub found_start: Option<Timestamp>,
    /// The end of the latest.
    #[serde(skip)]
    pub found_end: Option<Timestamp>,
}

/// A stretch of time without digests: the trail did not log, or did not validate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GapFound {
    /// The end of the older chain.
    pub from: String,
    /// The start of the newer.
    pub to: String,
}

impl Report {
    /// Takes what validation says.
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::Spot { .. } => {}
            Event::Digest { subject, start, end, .. } => {
                self.counts(*subject).valid += 1;
                self.found_start = Some(self.found_start.map_or(*start, |found| found.min(*start)));
                self.found_end = Some(self.found_end.map_or(*end, |found| found.max(*end)));
            }
            Event::LogFile { remembered, content_bytes, .. } => {
                self.log_files.valid += 1;
                self.log_files_remembered += u64::from(*remembered);
                self.content_bytes += content_bytes;
            }
            Event::Gap { from, to, .. } => {
                if self.gaps.len() < PROBLEMS_MAX {
                    self.gaps.push(GapFound { from: from.iso8601_secs(), to: to.iso8601_secs() });
                }
            }
            Event::Problem(problem) => self.problem(problem),
            Event::Unchecked(why) => {
                if self.unchecked.len() < UNCHECKED_MAX {
                    self.unchecked.push(why.clone());
                }
            }
        }
    }

    fn counts(&mut self, subject: Subject) -> &mut Counts {
        match subject {
            Subject::Digest => &mut self.digests,
            Subject::BackfillDigest => &mut self.backfill_digests,
            Subject::LogFile | Subject::Object => &mut self.log_files,
        }
    }

    fn problem(&mut self, problem: &Problem) {
        if problem.kind.is_counted() {
            self.counts(problem.subject).invalid += 1;
        } else {
            self.further_problems += 1;
        }
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem.clone());
        } else {
            self.problems_left_out += 1;
        }
    }

    /// Whether everything was checked, and nothing is wrong.
    pub fn is_valid(&self) -> bool {
        self.problems.is_empty()
            && self.unchecked.is_empty()
            && self.digests.total() + self.backfill_digests.total() > 0
    }

    /// What the command ends with: 0 all valid, 1 something invalid, 2 nothing invalid but something (or everything) unchecked.
    pub fn exit_code(&self) -> u8 {
        match (self.problems.is_empty(), self.is_valid()) {
            (false, _) => 1,
            (true, true) => 0,
            (true, false) => 2,
        }
    }
}
