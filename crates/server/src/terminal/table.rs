//! Tables for a terminal: columns as wide as what is in them, the flexible ones cut until all fits.

use unicode_width::UnicodeWidthStr;

use super::{Style, Terminal, clean, shorten, wrap};

/// A flexible column is not cut below this.
const FLEXIBLE_MIN: usize = 8;
/// Between columns, and before the first.
const GAP: usize = 2;

/// A column.
#[derive(Clone, Copy)]
pub struct Column {
    /// Its heading.
    pub title: &'static str,
    /// Numbers stand at the right.
    pub right: bool,
    /// May be cut.
    pub flexible: bool,
}

/// A piece of text in a style.
pub type Cell = (Style, String);

/// A row.
pub enum Row {
    /// A cell for each column.
    Cells(Vec<Cell>),
    /// A remark on the row before, across the columns.
    Note(Cell),
}

/// A table.
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Row>,
}

impl Table {
    /// Without rows yet. Titles that begin with `>` are of columns that stand at the right, with `~` of flexible ones.
    pub fn new(titles: &[&'static str]) -> Table {
        let column = |title: &&'static str| Column {
            title: title.trim_start_matches(['>', '~']),
            right: title.starts_with('>'),
            flexible: title.starts_with('~'),
        };
        Table { columns: titles.iter().map(column).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<Cell>) {
        debug_assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        self.rows.push(Row::Cells(cells));
    }

    /// Adds a remark on the row before.
    pub fn note(&mut self, style: Style, text: impl Into<String>) {
        self.rows.push(Row::Note((style, text.into())));
    }

    /// The lines, without their ends.
    pub fn render(&self, terminal: &Terminal) -> Vec<String> {
        let widths = self.widths(terminal.width);
        let titles = self.columns.iter().map(|column| (Style::Dim, column.title.to_owned())).collect::<Vec<_>>();
        let mut lines = vec![self.line(&titles, &widths, terminal)];
        for row in &self.rows {
            match row {
                Row::Cells(cells) => lines.push(self.line(cells, &widths, terminal)),
                Row::Note((style, text)) => {
                    let indent = 2 * GAP;
                    let wrapped = wrap(&clean(text), terminal.width.saturating_sub(indent));
                    lines.extend(wrapped.iter().map(|line| " ".repeat(indent) + &terminal.paint(*style, line)));
                }
            }
        }
        lines
    }

    /// How wide each column is, so that all fit, if they can.
    fn widths(&self, width: usize) -> Vec<usize> {
        let cells = |row: &Row| match row {
            Row::Cells(cells) => cells.iter().map(|(_, text)| clean(text).width()).collect(),
            Row::Note(_) => vec![0; self.columns.len()],
        };
        let titles = self.columns.iter().map(|column| column.title.width()).collect::<Vec<_>>();
        let mut widths =
            self.rows.iter().map(cells).fold(titles, |widest, row| {
                widest.into_iter().zip(row).map(|(widest, cell)| widest.max(cell)).collect()
            });
        loop {
            let used: usize = widths.iter().map(|column| column + GAP).sum();
            let flexible = self.columns.iter().enumerate().filter(|(_, column)| column.flexible);
            let widest = flexible.map(|(index, _)| index).max_by_key(|index| widths[*index]);
            match widest {
                Some(index) if used > width && widths[index] > FLEXIBLE_MIN => widths[index] -= 1,
                _ => return widths,
            }
        }
    }

    fn line(&self, cells: &[Cell], widths: &[usize], terminal: &Terminal) -> String {
        let mut line = String::new();
        for ((column, width), (style, text)) in self.columns.iter().zip(widths).zip(cells) {
            let text = shorten(&clean(text), *width);
            let room = " ".repeat(width.saturating_sub(text.width()));
            let text = terminal.paint(*style, &text);
            line.push_str(&" ".repeat(GAP));
            line.push_str(&if column.right { room + &text } else { text + &room });
        }
        line.truncate(line.trim_end().len());
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(width: usize, expected: &[&str]) {
        let mut table = Table::new(&["~NAME", ">FILES", "STATE"]);
        let plain = |text: &str| (Style::Plain, text.to_owned());
        table.row(vec![plain("audit"), plain("12"), plain("ok")]);
        table.row(vec![plain("a-name-that-is-rather-long"), plain("1,000"), (Style::Bad, "broken".to_owned())]);
        table.note(Style::Bad, "its bucket is gone since yesterday");
        let terminal = Terminal { is_terminal: true, colours: false, width };
        assert_eq!(table.render(&terminal), expected);
    }

    #[test]
    fn columns_are_as_wide_as_they_must() {
        check(
            80,
            &[
                "  NAME                        FILES  STATE",
                "  audit                          12  ok",
                "  a-name-that-is-rather-long  1,000  broken",
                "    its bucket is gone since yesterday",
            ],
        );
    }

    #[test]
    fn columns_stand_straight_behind_wide_letters() {
        let mut table = Table::new(&["NAME", "STATE"]);
        for name in ["日本", "audit"] {
            table.row(vec![(Style::Plain, name.to_owned()), (Style::Good, "ok".to_owned())]);
        }
        let lines = table.render(&Terminal { is_terminal: true, colours: false, width: 80 });
        assert_eq!(lines, ["  NAME   STATE", "  日本   ok", "  audit  ok"]);
    }

    #[test]
    fn flexible_columns_are_cut_until_all_fits() {
        check(
            30,
            &[
                "  NAME           FILES  STATE",
                "  audit             12  ok",
                "  a-name…r-long  1,000  broken",
                "    its bucket is gone since",
                "    yesterday",
            ],
        );
    }
}
