//! Rows as a table for people, CSV, or JSON lines, written while they come.

use std::io::{BufWriter, Stdout, Write};

use async_trait::async_trait;
use ports::lake::{Column, QueryError, QueryErrorKind, RowSink, TextRow};
use serde_json::Value;

use crate::terminal::{clean, shorten};

/// Rows whose widths decide those of a table's columns.
const MEASURED_ROWS: usize = 1_000;
/// The widest column of a table.
const WIDTH_MAX: usize = 60;

/// The shape of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Shape {
    /// Columns for people; long values are cut.
    Table,
    /// Comma-separated values, as RFC 4180 has them. Null is empty.
    Csv,
    /// A JSON object on each line.
    Json,
}

/// Prints a result.
pub struct Printer {
    shape: Shape,
    out: BufWriter<Stdout>,
    columns: Vec<Column>,
    /// Rows of a table that is not measured yet.
    waiting: Vec<TextRow>,
    widths: Vec<usize>,
    closed: bool,
}

impl Printer {
    /// Prints to standard output.
    pub fn new(shape: Shape) -> Printer {
        let out = BufWriter::new(std::io::stdout());
        Printer { shape, out, columns: Vec::new(), waiting: Vec::new(), widths: Vec::new(), closed: false }
    }

    /// Whether nobody reads any more: `cairn query … | head`.
    pub fn closed(&self) -> bool {
        self.closed
    }

    /// Prints what is left.
    pub fn finish(&mut self) -> std::io::Result<()> {
        if !self.columns.is_empty() && self.shape == Shape::Table && self.widths.is_empty() {
            self.flush_table()?;
        }
        match self.out.flush() {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            done => done,
        }
    }

    fn flush_table(&mut self) -> std::io::Result<()> {
        self.widths = widths(&self.columns, &self.waiting);
        let titles: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        let mut text = table_line(&self.columns, &self.widths, titles.into_iter());
        text.push('\n');
        text.push_str(&self.widths.iter().map(|width| "─".repeat(*width)).collect::<Vec<_>>().join("  "));
        text.push('\n');
        for row in std::mem::take(&mut self.waiting) {
            text.push_str(&table_row(&self.columns, &self.widths, &row));
        }
        self.write(&text)
    }

    fn write(&mut self, text: &str) -> std::io::Result<()> {
        match self.out.write_all(text.as_bytes()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Err(error)
            }
            done => done,
        }
    }

    fn print(&mut self, rows: Vec<TextRow>) -> std::io::Result<()> {
        match self.shape {
            Shape::Table if self.widths.is_empty() => {
                self.waiting.extend(rows);
                if self.waiting.len() >= MEASURED_ROWS { self.flush_table() } else { Ok(()) }
            }
            Shape::Table => {
                let text: String = rows.iter().map(|row| table_row(&self.columns, &self.widths, row)).collect();
                self.write(&text)
            }
            Shape::Csv => {
                let text: String = rows.iter().map(|row| csv_line(row.iter().map(Option::as_deref))).collect();
                self.write(&text)
            }
            Shape::Json => {
                let text: String = rows.iter().map(|row| json_line(&self.columns, row)).collect();
                self.write(&text)
            }
        }
    }
}

fn broken(error: &std::io::Error) -> QueryError {
    QueryError::new(QueryErrorKind::Cancelled, format!("writing the result: {error}"))
}

#[async_trait]
impl RowSink for Printer {
    async fn columns(&mut self, columns: Vec<Column>) -> Result<(), QueryError> {
        self.columns = columns;
        if self.shape == Shape::Csv {
            let line = csv_line(self.columns.iter().map(|column| Some(column.name.as_str())));
            self.write(&line).map_err(|error| broken(&error))?;
        }
        Ok(())
    }

    async fn rows(&mut self, rows: Vec<TextRow>) -> Result<(), QueryError> {
        self.print(rows).map_err(|error| broken(&error))
    }
}

fn is_number(column: &Column) -> bool {
    ["bigint", "integer", "smallint", "tinyint", "double", "real"].contains(&column.r#type.as_str())
        || column.r#type.starts_with("decimal")
}

fn widths(columns: &[Column], rows: &[TextRow]) -> Vec<usize> {
    let length = |text: &str| text.chars().count();
    let widest = |at: usize| rows.iter().filter_map(|row| row.get(at)?.as_deref()).map(length).max().unwrap_or(0);
    columns.iter().enumerate().map(|(at, column)| length(&column.name).max(widest(at)).clamp(1, WIDTH_MAX)).collect()
}

fn table_line<'a>(columns: &[Column], widths: &[usize], values: impl Iterator<Item = &'a str>) -> String {
    let cells = values.zip(columns).zip(widths).map(|((value, column), width)| {
        let value = shorten(&clean(value), *width);
        let missing = " ".repeat(width.saturating_sub(value.chars().count()));
        if is_number(column) { format!("{missing}{value}") } else { format!("{value}{missing}") }
    });
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

fn table_row(columns: &[Column], widths: &[usize], row: &TextRow) -> String {
    let values = row.iter().map(|value| value.as_deref().unwrap_or("-"));
    table_line(columns, widths, values) + "\n"
}

fn csv_line<'a>(values: impl Iterator<Item = Option<&'a str>>) -> String {
    let quoted = |value: &str| {
        if value.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", value.replace('"', "\"\""))
        } else {
            value.to_owned()
        }
    };
    // An empty text is not null.
    let cells = values.map(|value| match value {
        None => String::new(),
        Some("") => "\"\"".to_owned(),
        Some(value) => quoted(value),
    });
    cells.collect::<Vec<_>>().join(",") + "\n"
}

fn json_line(columns: &[Column], row: &TextRow) -> String {
    let members = columns.iter().zip(row).map(|(column, value)| {
        let name = Value::from(column.name.as_str());
        let value = match value.as_deref() {
            None => Value::Null.to_string(),
            Some(value) => json_value(column, value),
        };
        format!("{name}:{value}")
    });
    format!("{{{}}}\n", members.collect::<Vec<_>>().join(","))
}

/// Numbers, booleans and JSON as what they are, all else as text.
fn json_value(column: &Column, value: &str) -> String {
    let is_json = || serde_json::from_str::<serde::de::IgnoredAny>(value).is_ok();
    let plain = is_number(column) || matches!(column.r#type.as_str(), "boolean" | "json");
    if plain && !value.contains('\n') && is_json() { value.to_owned() } else { Value::from(value).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Column> {
        let column = |name: &str, kind: &str| Column { name: name.to_owned(), r#type: kind.to_owned() };
        vec![column("eventName", "varchar"), column("n", "bigint"), column("j", "json")]
    }

    fn row(values: [Option<&str>; 3]) -> TextRow {
        values.map(|value| value.map(str::to_owned)).to_vec()
    }

    #[test]
    fn lines_of_each_shape() {
        let one = row([Some("a,\"b\""), Some("12"), Some(r#"{"x":1}"#)]);
        let two = row([Some(""), None, None]);
        assert_eq!(csv_line(one.iter().map(Option::as_deref)), "\"a,\"\"b\"\"\",12,\"{\"\"x\"\":1}\"\n");
        assert_eq!(csv_line(two.iter().map(Option::as_deref)), "\"\",,\n");
        assert_eq!(json_line(&columns(), &one), "{\"eventName\":\"a,\\\"b\\\"\",\"n\":12,\"j\":{\"x\":1}}\n");
        assert_eq!(json_line(&columns(), &two), "{\"eventName\":\"\",\"n\":null,\"j\":null}\n");
        assert_eq!(json_line(&columns()[1..2], &vec![Some("NaN".to_owned())]), "{\"n\":\"NaN\"}\n");
        let widths = widths(&columns(), &[one.clone(), two.clone()]);
        assert_eq!(widths, [9, 2, 7]);
        assert_eq!(table_row(&columns(), &widths, &one), "a,\"b\"      12  {\"x\":1}\n");
        assert_eq!(
            table_row(&columns(), &widths, &row([Some("\x1b[2J"), Some("1"), None])),
            "\u{fffd}[2J        1  -\n"
        );
    }
}
