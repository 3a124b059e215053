//! What an import came to, in words and as JSON.

use importer::Report;
use serde_json::Value;

use crate::commands::Failure;
use crate::terminal::{amounts, clean};

/// Failures and missing files that are printed; `--json` has them all.
const LISTED_MAX: usize = 20;

/// The reconciliation, in words.
pub fn words(report: &Report, ms: u64) -> String {
    let count = amounts::count;
    let mut lines = vec![format!(
        "files    seen {} · imported before {} · read {} · failed {}{}{}",
        count(report.files_seen),
        count(report.files_known),
        count(report.files_read),
        count(report.files_failed),
        some(" · not asked for ", report.files_left_out),
        some(" · of other sorts ", report.files_other),
    )];
    lines.push(format!(
        "records  read {} · kept {} · there already {}{}{}{}",
        count(report.records_read),
        count(report.records_kept),
        count(report.records_duplicate),
        some(" · not asked for ", report.records_left_out),
        some(" · too large ", report.records_refused),
        some(" · of those kept, too old to be found ", report.records_expired),
    ));
    if report.records_expired > 0 {
        lines.push(
            "         The store keeps records for a time, and these are older: see its retention period.".to_owned(),
        );
    }
    if report.digests_read + report.digests_failed > 0 {
        lines.push(format!(
            "digests  read {} · they name {} · missing {}{}",
            count(report.digests_read),
            amounts::counted(report.files_named, "file"),
            count(report.files_missing),
            some(" · unreadable ", report.digests_failed),
        ));
    }
    let rate = |amount: u64| amount.saturating_mul(1000) / ms.max(1);
    lines.push(format!(
        "time     {} · {} records/s · {}/s",
        amounts::time(i64::try_from(ms).unwrap_or(i64::MAX)),
        count(rate(report.records_read)),
        amounts::bytes(rate(report.json_bytes)),
    ));
    for failure in report.failures.iter().take(LISTED_MAX) {
        lines.push(format!("failed   {}: {}", clean(&failure.key), clean(&failure.why)));
    }
    lines.extend(more("failed   ", report.files_failed, report.failures.len()));
    for key in report.missing.iter().take(LISTED_MAX) {
        lines.push(format!("missing  {}", clean(key)));
    }
    lines.extend(more("missing  ", report.files_missing, report.missing.len()));
    if report.stopped {
        lines.push("It was stopped; the same command goes on from here.".to_owned());
    }
    lines.join("\n")
}

fn some(name: &str, number: u64) -> String {
    if number == 0 { String::new() } else { format!("{name}{}", amounts::count(number)) }
}

fn more(name: &str, all: u64, listed: usize) -> Option<String> {
    let shown = u64::try_from(listed.min(LISTED_MAX)).unwrap_or(0);
    let rest = all.saturating_sub(shown);
    (rest > 0).then(|| format!("{name}and {} more (--json lists them)", amounts::count(rest)))
}

/// The reconciliation, as JSON (docs/guide/import.md).
pub fn document(report: &Report, from: &str, into: &str, ms: u64) -> Result<String, Failure> {
    let mut json = serde_json::json!({
        "v": 1,
        "from": from,
        "into": into,
        "seconds": std::time::Duration::from_millis(ms).as_secs_f64(),
        "whole": report.is_whole(),
    });
    let Value::Object(of_report) = serde_json::to_value(report)? else { return Err("a report is an object".into()) };
    if let Some(json) = json.as_object_mut() {
        json.extend(of_report);
    }
    Ok(json.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use importer::FileFailure;

    #[test]
    fn a_report_is_told_without_steering_the_terminal() {
        let mut report = Report { files_seen: 1_200, files_read: 1_170, files_failed: 30, ..Report::default() };
        report.records_read = 5_000;
        report.failures = vec![FileFailure { key: "a\x1b[2J".to_owned(), why: "damaged".to_owned() }; 30];
        let text = words(&report, 2_000);
        assert!(text.contains("seen 1,200 · imported before 0 · read 1,170 · failed 30\n"), "{text}");
        assert!(text.contains("2,500 records/s"), "{text}");
        assert!(text.contains("and 10 more") && !text.contains('\x1b') && !text.contains("digests"), "{text}");
        let json: Value = serde_json::from_str(&document(&report, "a", "events", 1_500).unwrap()).unwrap();
        assert_eq!((&json["seconds"], &json["whole"], &json["filesFailed"]), (&1.5.into(), &false.into(), &30.into()));
    }
}
