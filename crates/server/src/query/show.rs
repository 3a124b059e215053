//! Rows as a table for people, CSV, JSON lines, or Parquet, written while they come.

use std::fmt::Display;
use std::io::{self, Write};

use async_trait::async_trait;
use lake::{Answer, ParquetWriter, RecordBatch};
use ports::lake::{Column, QueryError, QueryErrorKind, RowSink, TextRow};
use serde_json::Value;

use super::grid::{self, Grid};
use super::target::Target;
use crate::terminal::ignore_closed;

/// Rows whose widths decide those of a table's columns.
const MEASURED_ROWS: usize = 1_000;

/// The shape of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Shape {
    /// Columns for people; long values are cut.
    Table,
    /// Comma-separated values, as RFC 4180 has them. Null is empty.
    Csv,
    /// A JSON object on each line.
    Json,
    /// Apache Parquet, with the types of the columns (from a server all are varchar). Needs --into, or a pipe.
    Parquet,
}

/// Prints a result.
pub struct Printer {
    shape: Shape,
    /// Until Parquet takes it.
    out: Option<Target>,
    parquet: Option<ParquetWriter<Target>>,
    columns: Vec<Column>,
    /// Rows of a table that is not measured yet.
    waiting: Vec<TextRow>,
    grid: Option<Grid>,
    /// The columns of the terminal, if it is one.
    terminal: Option<usize>,
    closed: bool,
}

impl Printer {
    /// Prints into a target. `terminal`: the width of the terminal that the target is.
    pub fn new(shape: Shape, out: Target, terminal: Option<usize>) -> Printer {
        Printer {
            shape,
            out: Some(out),
            parquet: None,
            columns: Vec::new(),
            waiting: Vec::new(),
            grid: None,
            terminal,
            closed: false,
        }
    }

    /// What it prints.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Whether nobody reads any more: `cairn query … | head`.
    pub fn closed(&self) -> bool {
        self.closed
    }

    /// Whether it knows the columns.
    pub fn has_begun(&self) -> bool {
        !self.columns.is_empty()
    }

    /// Prints what is left; what goes into a file is in place now.
    pub fn finish(mut self) -> io::Result<()> {
        if !self.columns.is_empty() && self.shape == Shape::Table && self.grid.is_none() {
            self.measure()?;
        }
        let out = match self.parquet.take() {
            Some(parquet) => Some(parquet.finish().map_err(io::Error::other)?),
            None => self.out.take(),
        };
        ignore_closed(out.map_or(Ok(()), Target::finish))
    }

    /// Begins Parquet with the types that the answer's columns have.
    pub fn begin(&mut self, answer: &Answer) -> Result<(), QueryError> {
        self.columns = answer.columns().to_vec();
        let out = self.out.take().ok_or_else(|| failed("it has begun already"))?;
        self.parquet = Some(ParquetWriter::of_answer(out, answer).map_err(failed)?);
        Ok(())
    }

    /// Writes rows of an answer as Parquet.
    pub fn batch(&mut self, batch: &RecordBatch) -> Result<(), QueryError> {
        let parquet = self.parquet.as_mut().ok_or_else(|| failed("it has not begun"))?;
        parquet.write(batch).map_err(failed)
    }

    /// Chooses the form of a table and prints the rows that waited for it.
    fn measure(&mut self) -> io::Result<()> {
        let mut grid = Grid::new(&self.columns, &self.waiting, self.terminal);
        let mut text = grid.head(&self.columns);
        for row in std::mem::take(&mut self.waiting) {
            text.push_str(&grid.row(&self.columns, &row));
        }
        self.grid = Some(grid);
        self.write(&text)
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        let Some(out) = &mut self.out else { return Ok(()) };
        match out.write_all(text.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Err(error)
            }
            done => done,
        }
    }

    fn print(&mut self, rows: Vec<TextRow>) -> io::Result<()> {
        match (self.shape, &mut self.grid) {
            (Shape::Table, None) => {
                self.waiting.extend(rows);
                if self.waiting.len() >= MEASURED_ROWS { self.measure() } else { Ok(()) }
            }
            (Shape::Table, Some(grid)) => {
                let mut text = String::new();
                for row in &rows {
                    text.push_str(&grid.row(&self.columns, row));
                }
                self.write(&text)
            }
            (Shape::Csv, _) => {
                let text: String = rows.iter().map(|row| csv_line(row.iter().map(Option::as_deref))).collect();
                self.write(&text)
            }
            (Shape::Json, _) => {
                let text: String = rows.iter().map(|row| json_line(&self.columns, row)).collect();
                self.write(&text)
            }
            (Shape::Parquet, _) => match &mut self.parquet {
                Some(parquet) => parquet.write_texts(&rows).map_err(io::Error::other),
                None => Ok(()),
            },
        }
    }
}

fn failed(why: impl Display) -> QueryError {
    QueryError::new(QueryErrorKind::Cancelled, format!("writing the result: {why}"))
}

#[async_trait]
impl RowSink for Printer {
    async fn columns(&mut self, columns: Vec<Column>) -> Result<(), QueryError> {
        self.columns = columns;
        if self.shape == Shape::Csv {
            let line = csv_line(self.columns.iter().map(|column| Some(column.name.as_str())));
            self.write(&line).map_err(failed)?;
        }
        if let Some(out) = self.out.take_if(|_| self.shape == Shape::Parquet) {
            self.parquet = Some(ParquetWriter::of_texts(out, &self.columns).map_err(failed)?);
        }
        Ok(())
    }

    async fn rows(&mut self, rows: Vec<TextRow>) -> Result<(), QueryError> {
        self.print(rows).map_err(failed)?;
        // Printing waits for nothing: without this, nobody could cancel while there are rows.
        tokio::task::yield_now().await;
        Ok(())
    }
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
    let plain = grid::is_number(column) || matches!(column.r#type.as_str(), "boolean" | "json");
    if plain && !value.contains('\n') && is_json() { value.to_owned() } else { Value::from(value).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::grid::tests::{columns, row};

    #[test]
    fn lines_of_each_shape() {
        let one = row([Some("a,\"b\""), Some("12"), Some(r#"{"x":1}"#)]);
        let two = row([Some(""), None, None]);
        assert_eq!(csv_line(one.iter().map(Option::as_deref)), "\"a,\"\"b\"\"\",12,\"{\"\"x\"\":1}\"\n");
        assert_eq!(csv_line(two.iter().map(Option::as_deref)), "\"\",,\n");
        assert_eq!(json_line(&columns(), &one), "{\"eventName\":\"a,\\\"b\\\"\",\"n\":12,\"j\":{\"x\":1}}\n");
        assert_eq!(json_line(&columns(), &two), "{\"eventName\":\"\",\"n\":null,\"j\":null}\n");
        assert_eq!(json_line(&columns()[1..2], &vec![Some("NaN".to_owned())]), "{\"n\":\"NaN\"}\n");
    }
}
