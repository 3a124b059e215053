//! A line of progress on a terminal, drawn over itself. Sixty lines of our own: a library for this brings threads, locks and four
//! more crates, for one line that one loop draws.

use std::io::Write;

use ::validate::{Event, Report};
use base::Env;

/// Between two drawings.
const INTERVAL_MS: u64 = 100;
const BAR_CELLS: usize = 24;
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// See the module.
pub struct Progress {
    env: Env,
    shows: bool,
    started_ms: u64,
    drawn_ms: Option<u64>,
    /// The region, which one of how many, and its time in milliseconds.
    spot: (String, usize, usize, i64, i64),
    /// How much of everything is done, in thousandths.
    done: usize,
}

impl Progress {
    /// Nothing is drawn yet, and never if it is not to show.
    pub fn new(env: Env, shows: bool) -> Progress {
        let started_ms = env.clock.monotonic_ms();
        Progress { env, shows, started_ms, drawn_ms: None, spot: (String::new(), 0, 1, 0, 0), done: 0 }
    }

    /// Takes note, and draws if it is time to.
    pub fn take(&mut self, event: &Event, report: &Report) {
        match event {
            Event::Spot { region, number, of, from, to } => {
                self.spot = (region.clone(), *number, *of, from.ms(), to.ms());
                self.done = number * 1000 / of.max(&1);
            }
            // Digests come from the newest to the oldest.
            Event::Digest { start, .. } => {
                let (_, number, of, from, to) = &self.spot;
                let (past, all) = (to.saturating_sub(start.ms()).max(0), (to - from).max(1));
                let within = usize::try_from(past.saturating_mul(1000) / all).unwrap_or(0).min(1000);
                self.done = self.done.max((number * 1000 + within) / of.max(&1)).min(1000);
            }
            _ => {}
        }
        let now_ms = self.env.clock.monotonic_ms();
        if self.shows && self.drawn_ms.is_none_or(|drawn_ms| now_ms >= drawn_ms + INTERVAL_MS) {
            self.drawn_ms = Some(now_ms);
            self.write(&format!("\r{}\x1b[K", self.line(report, now_ms)));
        }
    }

    /// Takes the line away, so that others can be printed.
    pub fn clear(&mut self) {
        if self.shows && self.drawn_ms.take().is_some() {
            self.write("\r\x1b[K");
        }
    }

    fn write(&self, text: &str) {
        let mut out = std::io::stderr().lock();
        // Progress that cannot be shown is no failure.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    fn line(&self, report: &Report, now_ms: u64) -> String {
        let eighths = self.done * BAR_CELLS * 8 / 1000;
        let bar = format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8]);
        let elapsed_ms = now_ms.saturating_sub(self.started_ms).max(1);
        let (files, digests) = (report.log_files.total(), report.digests.total() + report.backfill_digests.total());
        let per_second = files.saturating_mul(1000) / elapsed_ms;
        let megabytes = report.content_bytes / 1_000_000;
        let bad = report.problems.len();
        let problems = if bad > 0 { format!(" \x1b[31m· {bad} INVALID\x1b[0m") } else { String::new() };
        let (region, ..) = &self.spot;
        format!(
            "\x1b[36m{bar:<BAR_CELLS$}\x1b[0m {:>3}% \x1b[2m{region}\x1b[0m {digests} digests · {files} files · {megabytes} MB · {per_second} files/s{problems}",
            self.done / 10
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Timestamp;

    #[test]
    fn the_bar_grows_with_time_gone_back() {
        let mut progress = Progress::new(system::env(), false);
        let report = Report::default();
        let time = Timestamp::from_secs;
        let spot = |number| Event::Spot { region: "r".into(), number, of: 2, from: time(0), to: time(100) };
        let digest = |start| Event::Digest {
            subject: ::validate::Subject::Digest,
            bucket: String::new(),
            key: String::new(),
            start: time(start),
            end: time(start + 1),
        };
        let mut check = |event, done| {
            progress.take(&event, &report);
            assert_eq!(progress.done, done);
            let line = progress.line(&report, 1);
            assert_eq!(line.chars().filter(|c| *c == '█').count(), done * BAR_CELLS / 1000, "{line}");
        };
        check(spot(0), 0);
        check(digest(75), 125);
        check(digest(0), 500);
        check(spot(1), 500);
        check(digest(50), 750);
        check(digest(-50), 1000);
    }
}
