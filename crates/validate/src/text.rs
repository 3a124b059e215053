//! [`Text`]: what `aws cloudtrail validate-logs` prints, line for line: verdicts of what is valid (if wanted) and the summary to one
//! writer, what is wrong to the other. What that command does not know of comes in lines of the same form.

use std::io::{self, Write};

use base::Timestamp;

use crate::problem::{Event, Subject};
use crate::report::{Counts, Report};

/// See the module.
pub struct Text<'a> {
    out: &'a mut (dyn Write + Send),
    errors: &'a mut (dyn Write + Send),
    verbose: bool,
    /// Whether the last thing printed ended in an empty line.
    spaced: bool,
}

impl<'a> Text<'a> {
    /// Nothing is printed yet.
    pub fn new(out: &'a mut (dyn Write + Send), errors: &'a mut (dyn Write + Send), verbose: bool) -> Text<'a> {
        Text { out, errors, verbose, spaced: true }
    }

    /// The first line.
    pub fn begin(&mut self, what: &str, from: Option<Timestamp>, to: Timestamp) -> io::Result<()> {
        let to = to.iso8601_secs();
        let time = from.map_or(format!("up to {to}"), |from| format!("between {} and {to}", from.iso8601_secs()));
        write!(self.out, "Validating log files for {what} {time}\n\n")?;
        self.out.flush()
    }

    /// What validation says, as it says it.
    pub fn say(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Spot { .. } => Ok(()),
            Event::Digest { subject, bucket, key, .. } => self.valid(*subject, bucket, key),
            Event::LogFile { bucket, key, .. } => self.valid(Subject::LogFile, bucket, key),
            Event::Problem(problem) => self.error(&problem.line()),
            Event::Gap { subject, from, to } => {
                let backfill = if *subject == Subject::BackfillDigest { "(backfill) " } else { "" };
                let (from, to) = (from.iso8601_secs(), to.iso8601_secs());
                self.error(&format!("{backfill}No log files were delivered by CloudTrail between {from} and {to}"))
            }
            Event::Unchecked(why) => self.error(&format!("Not checked\t{why}")),
        }
    }

    fn valid(&mut self, subject: Subject, bucket: &str, key: &str) -> io::Result<()> {
        if !self.verbose {
            return Ok(());
        }
        self.spaced = false;
        writeln!(self.out, "{}\ts3://{bucket}/{key}\tvalid", subject.words())
    }

    fn error(&mut self, line: &str) -> io::Result<()> {
        let before = if self.spaced { "" } else { "\n" };
        self.spaced = true;
        self.out.flush()?;
        write!(self.errors, "{before}{line}\n\n")
    }

    /// The summary.
    pub fn end(&mut self, report: &Report, from: Timestamp, to: Timestamp) -> io::Result<()> {
        if !self.spaced {
            writeln!(self.out)?;
        }
        writeln!(self.out, "Results requested for {} to {}", from.iso8601_secs(), to.iso8601_secs())?;
        if report.digests.total() + report.backfill_digests.total() == 0 {
            writeln!(self.out, "No digests found")?;
            return self.further(report);
        }
        match (report.found_start, report.found_end) {
            (Some(found_start), Some(found_end)) => {
                let (found_start, found_end) = (found_start.max(from).iso8601_secs(), found_end.min(to).iso8601_secs());
                writeln!(self.out, "Results found for {found_start} to {found_end}:")?;
            }
            _ => writeln!(self.out, "No valid digests found in range")?,
        }
        self.ratio(report.digests, "digest")?;
        self.ratio(report.backfill_digests, "backfill digest")?;
        self.ratio(report.log_files, "log")?;
        writeln!(self.out)?;
        self.further(report)
    }

    fn ratio(&mut self, counts: Counts, name: &str) -> io::Result<()> {
        let total = counts.total();
        if total > 0 {
            write!(self.out, "\n{}/{total} {name} files valid", counts.valid)?;
        }
        if counts.invalid > 0 {
            write!(self.out, ", {}/{total} {name} files INVALID", counts.invalid)?;
        }
        Ok(())
    }

    /// What AWS's summary has no line for.
    fn further(&mut self, report: &Report) -> io::Result<()> {
        if report.log_files_remembered > 0 {
            writeln!(
                self.out,
                "{} log files are as they were when they were last found valid",
                report.log_files_remembered
            )?;
        }
        if report.further_problems > 0 {
            writeln!(self.out, "{} further problems", report.further_problems)?;
        }
        if !report.unchecked.is_empty() {
            writeln!(self.out, "{} not checked", report.unchecked.len())?;
        }
        self.out.flush()
    }
}
