//! Results: a table for people as they come, and a line of JSON each for machines.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::load::Run;

/// Each figure is the median of this many alternating runs.
pub const ROUNDS: usize = 3;

/// See the module.
pub struct Report {
    file: Option<File>,
}

impl Report {
    /// Writes to a file too, if one is given.
    pub fn new(path: Option<&Path>) -> Report {
        let mut report = Report { file: path.map(|path| File::create(path).expect("the results can be written")) };
        report.line("machine", machine());
        report
    }

    /// A heading.
    pub fn section(&self, title: &str) {
        println!("\n{title}");
    }

    /// One result of a section.
    pub fn line(&mut self, section: &str, values: Value) {
        if let Some(file) = &mut self.file {
            let mut line = Map::from_iter([("section".to_owned(), section.into())]);
            line.extend(values.as_object().cloned().unwrap_or_default());
            writeln!(file, "{}", Value::Object(line)).expect("the results can be written");
        }
    }

    /// Two contestants over the same load, `names[0]` beside `names[1]`, as medians of alternating runs.
    pub fn pair(&mut self, section: &str, load: &str, clients: usize, names: [&str; 2], runs: [Vec<Run>; 2]) {
        let mut ratios: Vec<f64> = runs[0].iter().zip(&runs[1]).map(|(a, b)| a.per_second / b.per_second).collect();
        ratios.sort_by(f64::total_cmp);
        let ratio = ratios[ratios.len() / 2];
        let [a, b] = runs.map(median);
        println!("{load:<18} {clients:>4} clients | {} | {} | ratio {ratio:.2}", text(&a), text(&b));
        let mut values = json!({ "load": load, "clients": clients, "ratio": round(ratio) });
        for (name, run) in names.into_iter().zip([a, b]) {
            values[name] = of_run(&run);
        }
        self.line(section, values);
    }

    /// A number with its unit.
    pub fn number(&mut self, section: &str, what: &str, value: f64, unit: &str) {
        println!("{what:<60} {value:>10.1} {unit}");
        self.line(section, json!({ "what": what, "value": round(value), "unit": unit }));
    }
}

/// A run as JSON.
pub fn of_run(run: &Run) -> Value {
    let cpu_us = run.cpu_us.map(round);
    json!({ "per_second": round(run.per_second), "p50_us": round(run.p50_us), "p99_us": round(run.p99_us), "cpu_us": cpu_us })
}

/// A run as text.
pub fn text(run: &Run) -> String {
    let cpu_us = run.cpu_us.unwrap_or_default();
    format!("{:>8.0}/s p50 {:>7.0} p99 {:>7.0} cpu {cpu_us:>6.0} µs", run.per_second, run.p50_us, run.p99_us)
}

/// The middle one by calls per second.
pub fn median(mut runs: Vec<Run>) -> Run {
    runs.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    runs[runs.len() / 2]
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// What the figures were measured on.
fn machine() -> Value {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let values = json!({
        "cpu": field(&cpus, "model name"),
        "cores": cpus.lines().filter(|line| line.starts_with("processor")).count(),
        "memory": field(&read("/proc/meminfo"), "MemTotal"),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "load_before": read("/proc/loadavg").trim(),
    });
    println!("{values}");
    values
}
