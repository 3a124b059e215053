//! A result as a table for people: columns beside one another where they fit, else the values of each row below one another.

use ports::lake::{Column, TextRow};
use unicode_width::UnicodeWidthStr;

use crate::terminal::{clean, shorten};

/// The widest column.
const WIDTH_MAX: usize = 60;
/// Columns of text are not made narrower than this to fit a terminal.
const WIDTH_MIN: usize = 12;
/// What stands between columns.
const GAP: &str = "  ";
/// The most of a value that is shown on a line of its own.
const VALUE_MAX: usize = 2_000;

/// The form of a table.
#[derive(Debug)]
pub struct Grid {
    /// `None`: the values of a row stand below one another.
    widths: Option<Vec<usize>>,
    /// The width of the longest name.
    name_width: usize,
    /// Rows printed.
    printed: usize,
}

/// Whether values are numbers.
pub fn is_number(column: &Column) -> bool {
    ["bigint", "integer", "smallint", "tinyint", "double", "real"].contains(&column.r#type.as_str())
        || column.r#type.starts_with("decimal")
}

impl Grid {
    /// The form for columns whose first rows are these, on a terminal of so many columns, if it is one.
    pub fn new(columns: &[Column], rows: &[TextRow], terminal: Option<usize>) -> Grid {
        let natural = widths(columns, rows);
        let name_width = columns.iter().map(|column| column.name.width()).max().unwrap_or(0);
        Grid {
            widths: terminal.map_or(Some(natural.clone()), |width| fitting(natural, columns, width)),
            name_width,
            printed: 0,
        }
    }

    /// The titles.
    pub fn head(&self, columns: &[Column]) -> String {
        let Some(widths) = &self.widths else { return String::new() };
        let titles = columns.iter().map(|column| column.name.as_str());
        let line: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
        format!("{}\n{}\n", cells(columns, widths, titles), line.join(GAP))
    }

    /// The next row.
    pub fn row(&mut self, columns: &[Column], row: &TextRow) -> String {
        self.printed += 1;
        let values = row.iter().map(|value| value.as_deref().unwrap_or("-"));
        match &self.widths {
            Some(widths) => cells(columns, widths, values) + "\n",
            None => {
                let mut text = format!("── row {} ──\n", self.printed);
                for (column, value) in columns.iter().zip(values) {
                    let missing = " ".repeat(self.name_width.saturating_sub(column.name.width()));
                    let value = shorten(&clean(value), VALUE_MAX);
                    text.push_str(&format!("{}{missing}{GAP}{value}\n", clean(&column.name)));
                }
                text
            }
        }
    }
}

fn widths(columns: &[Column], rows: &[TextRow]) -> Vec<usize> {
    let length = |text: &str| clean(text).width();
    let widest = |at: usize| rows.iter().filter_map(|row| row.get(at)?.as_deref()).map(length).max().unwrap_or(0);
    columns.iter().enumerate().map(|(at, column)| length(&column.name).max(widest(at)).clamp(1, WIDTH_MAX)).collect()
}

/// The widths, made smaller so that a row is no longer than a line; `None` if that cannot be.
fn fitting(mut widths: Vec<usize>, columns: &[Column], line: usize) -> Option<Vec<usize>> {
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    loop {
        let over = (widths.iter().sum::<usize>() + gaps).checked_sub(line).filter(|over| *over > 0);
        if over.is_none() {
            return Some(widths);
        }
        // The widest gives way; names and numbers stay whole.
        let least =
            |at: usize| columns.get(at).map_or(WIDTH_MIN, |column| column.name.width().clamp(WIDTH_MIN, WIDTH_MAX));
        let can = |at: &usize| widths[*at] > least(*at) && columns.get(*at).is_some_and(|column| !is_number(column));
        let widest = (0..widths.len()).filter(can).max_by_key(|at| widths[*at])?;
        widths[widest] -= 1;
    }
}

fn cells<'a>(columns: &[Column], widths: &[usize], values: impl Iterator<Item = &'a str>) -> String {
    let cells = values.zip(columns).zip(widths).map(|((value, column), width)| {
        let value = shorten(&clean(value), *width);
        let missing = " ".repeat(width.saturating_sub(value.width()));
        if is_number(column) { format!("{missing}{value}") } else { format!("{value}{missing}") }
    });
    cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A column of text, one of numbers, one of JSON.
    pub(in crate::query) fn columns() -> Vec<Column> {
        let column = |name: &str, kind: &str| Column { name: name.to_owned(), r#type: kind.to_owned() };
        vec![column("eventName", "varchar"), column("n", "bigint"), column("j", "json")]
    }

    /// A row of theirs.
    pub(in crate::query) fn row(values: [Option<&str>; 3]) -> TextRow {
        values.map(|value| value.map(str::to_owned)).to_vec()
    }

    #[test]
    fn columns_are_as_wide_as_their_values() {
        let rows = [row([Some("a,\"b\""), Some("12"), Some(r#"{"x":1}"#)]), row([Some("日本"), None, None])];
        let mut grid = Grid::new(&columns(), &rows, None);
        assert_eq!(grid.widths, Some(vec![9, 2, 7]));
        assert_eq!(grid.head(&columns()), "eventName   n  j\n─────────  ──  ───────\n");
        assert_eq!(grid.row(&columns(), &rows[0]), "a,\"b\"      12  {\"x\":1}\n");
        assert_eq!(grid.row(&columns(), &rows[1]), "日本        -  -\n");
        let steering = row([Some("\x1b[2J"), Some("1"), None]);
        assert_eq!(grid.row(&columns(), &steering), "\u{fffd}[2J        1  -\n");
    }

    #[test]
    fn what_is_too_wide_is_cut_or_put_below() {
        let long = "arn:aws:iam::123456789012:user/alice-with-a-long-name-and-more-than-sixty-columns";
        let rows = [row([Some(long), Some("12345678901234567890"), Some(long)])];
        let line = |width: Option<usize>| Grid::new(&columns(), &rows, width).row(&columns(), &rows[0]);
        assert_eq!(line(None).trim_end().width(), 60 + 2 + 20 + 2 + 60);
        assert_eq!(line(Some(80)).trim_end().width(), 80);
        assert!(line(Some(80)).starts_with("arn:aws:iam::"));
        let below = line(Some(40));
        assert_eq!(below.lines().next(), Some("── row 1 ──"));
        assert_eq!(below.lines().nth(2), Some("n          12345678901234567890"));
        assert!(below.contains(long));
    }
}
