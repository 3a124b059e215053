//! The place of an error in a statement, shown under the line it is in.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How much of a line is shown.
const SHOWN_CHARS: usize = 100;
/// How much of that stands before the place.
const BEFORE_CHARS: usize = 60;

/// The error with the line of the statement that it names, and a caret under the place. An error of no place stays as it is.
pub fn pointed(error: &str, statement: &str) -> String {
    let shown = place(error).and_then(|(line, column)| caret(statement, line, column));
    shown.map_or_else(|| error.to_owned(), |shown| format!("{error}\n{shown}"))
}

/// The line and column, from 1, of `line 2:19: …`, wherever that stands.
fn place(error: &str) -> Option<(usize, usize)> {
    error.match_indices("line ").find_map(|(at, word)| {
        let (line, rest) = error[at + word.len()..].split_once(':')?;
        let (column, _) = rest.split_once(':')?;
        let (line, column): (usize, usize) = (line.parse().ok()?, column.parse().ok()?);
        (line > 0 && column > 0).then_some((line, column))
    })
}

fn caret(statement: &str, line: usize, column: usize) -> Option<String> {
    let text: Vec<char> = statement.split('\n').nth(line - 1)?.chars().collect();
    let at = (column - 1).min(text.len());
    let from = if text.len() <= SHOWN_CHARS { 0 } else { at.saturating_sub(BEFORE_CHARS) };
    let to = text.len().min(from + SHOWN_CHARS);
    let visible = |c: &char| if c.is_control() { ' ' } else { *c };
    let before: String = text[from..at].iter().map(visible).collect();
    let rest: String = text[at..to.max(at)].iter().map(visible).collect();
    let (open, close) = (if from > 0 { "…" } else { "" }, if to < text.len() { "…" } else { "" });
    let width = open.width() + before.chars().map(|c| c.width().unwrap_or(0)).sum::<usize>();
    Some(format!("  {open}{before}{}{close}\n  {}^", rest.trim_end(), " ".repeat(width)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_is_under_the_place() {
        let check = |error: &str, statement: &str, expected: &str| assert_eq!(pointed(error, statement), expected);
        check("line 1:8: x", "SELECT x", "line 1:8: x\n  SELECT x\n         ^");
        check("line 2:3: x", "SELECT\n\t日本 x\n", "line 2:3: x\n   日本 x\n     ^");
        check("refused: line 1:99: end", "SELECT", "refused: line 1:99: end\n  SELECT\n        ^");
        check("no place", "SELECT", "no place");
        check("line 7:1: none", "SELECT", "line 7:1: none");
        check("line up: 3:4", "SELECT", "line up: 3:4");
        let long = format!("SELECT {} FROM", "a, ".repeat(100));
        let shown = pointed("line 1:200: x", &long);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!((lines[1].chars().count(), lines[2].chars().count()), (104, 64));
        assert!(lines[1].starts_with("  …") && lines[1].ends_with('…'));
    }
}
