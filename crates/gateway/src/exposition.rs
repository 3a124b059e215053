//! Figures as text that Prometheus reads: the text format 0.0.4. Each name has its HELP and TYPE once, names and labels are in
//! order, and no series comes twice. Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::collections::BTreeMap;
use std::fmt::Write;

use ports::{Figure, FigureValue};

/// What a scrape is answered with as `Content-Type`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The figures as text. Of two with the same name and labels the first counts; one whose kind is not that of its name's first is
/// left out: both are our own mistakes, and must not cost the other figures.
pub fn text(figures: &[Figure]) -> String {
    let mut by_name: BTreeMap<&str, Vec<&Figure>> = BTreeMap::new();
    for figure in figures {
        by_name.entry(figure.name).or_default().push(figure);
    }
    let mut out = String::new();
    for (name, all) in by_name {
        let kind = kind(&all[0].value);
        let _ = writeln!(out, "# HELP {name} {}", escape(all[0].help, false));
        let _ = writeln!(out, "# TYPE {name} {kind}");
        let mut series: BTreeMap<String, &FigureValue> = BTreeMap::new();
        for figure in all.into_iter().filter(|figure| self::kind(&figure.value) == kind) {
            series.entry(labels(&figure.labels)).or_insert(&figure.value);
        }
        for (labels, value) in series {
            write_series(&mut out, name, &labels, value);
        }
    }
    out
}

fn kind(value: &FigureValue) -> &'static str {
    match value {
        FigureValue::Counter(_) => "counter",
        FigureValue::Gauge(_) => "gauge",
        FigureValue::Histogram { .. } => "histogram",
    }
}

fn write_series(out: &mut String, name: &str, labels: &str, value: &FigureValue) {
    match value {
        FigureValue::Counter(value) | FigureValue::Gauge(value) => {
            let _ = writeln!(out, "{name}{} {}", braced(labels), number(*value));
        }
        FigureValue::Histogram { bounds, counts, count, sum } => {
            let comma = if labels.is_empty() { "" } else { "," };
            for (bound, count) in bounds.iter().zip(counts) {
                let _ = writeln!(out, "{name}_bucket{{{labels}{comma}le=\"{}\"}} {count}", number(*bound));
            }
            let _ = writeln!(out, "{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {count}");
            let _ = writeln!(out, "{name}_sum{} {}", braced(labels), number(*sum));
            let _ = writeln!(out, "{name}_count{} {count}", braced(labels));
        }
    }
}

fn braced(labels: &str) -> String {
    if labels.is_empty() { String::new() } else { format!("{{{labels}}}") }
}

fn labels(labels: &[(&'static str, String)]) -> String {
    let mut labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value, true))).collect();
    labels.sort_unstable();
    labels.join(",")
}

/// HELP has backslashes and line ends escaped, label values quotes too.
fn escape(text: &str, quotes: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes => out.push_str("\\\""),
            other => out.push(other),
        }
    }
    out
}

fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_once_in_order_and_values_are_escaped() {
        let figures = [
            Figure::gauge("b", "says\n\\", &[("x", "a\"b\\c\nd"), ("a", "1")], 1.5),
            Figure::counter("a_total", "counts", &[], 3.0),
            Figure::gauge("b", "other help", &[("x", "0"), ("a", "0")], f64::INFINITY),
            Figure::gauge("b", "again", &[("a", "0"), ("x", "0")], 7.0),
            Figure::counter("b", "of another kind", &[], 7.0),
        ];
        let expected = "# HELP a_total counts\n# TYPE a_total counter\na_total 3\n# HELP b says\\n\\\\\n# TYPE b gauge\n\
                        b{a=\"0\",x=\"0\"} +Inf\nb{a=\"1\",x=\"a\\\"b\\\\c\\nd\"} 1.5\n";
        assert_eq!(text(&figures), expected);
    }

    #[test]
    fn a_histogram_ends_with_its_whole_count() {
        let value = FigureValue::Histogram { bounds: vec![0.001, 1.0], counts: vec![1, 2], count: 4, sum: 2.25 };
        let figure = Figure { name: "h", help: "", labels: vec![("k", "v".to_owned())], value };
        let expected = "# HELP h \n# TYPE h histogram\nh_bucket{k=\"v\",le=\"0.001\"} 1\nh_bucket{k=\"v\",le=\"1\"} 2\n\
                        h_bucket{k=\"v\",le=\"+Inf\"} 4\nh_sum{k=\"v\"} 2.25\nh_count{k=\"v\"} 4\n";
        assert_eq!(text(&[figure]), expected);
    }
}
