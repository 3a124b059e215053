//! The line of progress of an import: how much of all bytes is done, how fast, how long it will take.

use std::io::Write;

use base::Env;
use importer::{Event, Report, Totals};

use crate::terminal::{amounts, clean};

/// Between two drawings.
const INTERVAL_MS: u64 = 100;
const BAR_CELLS: u64 = 24;
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// See the module.
pub struct Progress {
    env: Env,
    shows: bool,
    totals: Totals,
    done: Totals,
    /// Bytes of files that needed no reading: they say nothing of the speed.
    known_bytes: u64,
    started_ms: u64,
    drawn_ms: Option<u64>,
}

impl Progress {
    /// Nothing is drawn yet, and never if it is not to show.
    pub fn new(env: Env, shows: bool, totals: Totals) -> Progress {
        let started_ms = env.clock.monotonic_ms();
        Progress { env, shows, totals, done: Totals::default(), known_bytes: 0, started_ms, drawn_ms: None }
    }

    /// Takes note, and draws if it is time to.
    pub fn take(&mut self, event: &Event, report: &Report) {
        match event {
            Event::Failed { key, why } => {
                if self.shows {
                    self.clear();
                    self.write(&format!("failed {}: {}\n", clean(key), clean(why)));
                }
            }
            Event::Known { files, bytes } => {
                self.done.files += files;
                self.done.bytes += bytes;
                self.known_bytes += bytes;
            }
            Event::Batch { files, bytes } => {
                self.done.files += files;
                self.done.bytes += bytes;
            }
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
        let elapsed_ms = now_ms.saturating_sub(self.started_ms).max(1);
        let all = self.totals.bytes.max(1);
        let done = self.done.bytes.min(all);
        let eighths = usize::try_from(u128::from(done) * u128::from(BAR_CELLS) * 8 / u128::from(all)).unwrap_or(0);
        let bar = format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8]);
        let read = self.done.bytes.saturating_sub(self.known_bytes);
        let left = match read {
            0 => String::new(),
            _ => {
                let ms = u128::from(all - done) * u128::from(elapsed_ms) / u128::from(read);
                format!(" · {} left", amounts::time(i64::try_from(ms).unwrap_or(i64::MAX)))
            }
        };
        let failed = match report.files_failed {
            0 => String::new(),
            failed => format!(" \x1b[31m· {failed} failed\x1b[0m"),
        };
        format!(
            "\x1b[36m{bar:<width$}\x1b[0m {:>3}% · {} of {} · {} · {} records/s · {}/s{left}{failed}",
            u128::from(done) * 100 / u128::from(all),
            amounts::count(self.done.files),
            amounts::counted(self.totals.files, "file"),
            amounts::counted(report.records_read, "record"),
            amounts::count(report.records_read.saturating_mul(1000) / elapsed_ms),
            amounts::bytes(report.json_bytes.saturating_mul(1000) / elapsed_ms),
            width = 24,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_how_fast_and_how_long() {
        let totals = Totals { files: 10, bytes: 1_000 };
        let mut progress = Progress::new(system::env(), false, totals);
        progress.started_ms = 0;
        let report = Report { records_read: 500, json_bytes: 2_048, files_failed: 1, ..Report::default() };
        progress.take(&Event::Known { files: 2, bytes: 200 }, &report);
        progress.take(&Event::Batch { files: 3, bytes: 300 }, &report);
        let line = progress.line(&report, 2_000);
        for part in [" 50% ", "5 of 10 files", "500 records ", "250 records/s", "1.0 KiB/s", "3 s left", "1 failed"] {
            assert!(line.contains(part), "{part} in {line}");
        }
        assert_eq!(line.chars().filter(|c| *c == '█').count(), 12, "{line}");
    }

    #[test]
    fn an_empty_folder_divides_by_nothing() {
        let progress = Progress::new(system::env(), false, Totals::default());
        assert!(progress.line(&Report::default(), 0).contains("0 of 0 files"));
    }
}
