//! The text that is being edited: pure, the cursor in it, and where it stands on a screen.

use unicode_width::UnicodeWidthChar;

/// The longest text.
const CHARS_MAX: usize = 256 << 10;
/// What lines behind the first begin with.
const MORE: &str = "    -> ";

/// A text and the cursor in it.
#[derive(Debug, Default, Clone)]
pub struct Buffer {
    chars: Vec<char>,
    at: usize,
}

/// A text as a screen shows it.
#[derive(Debug, PartialEq, Eq)]
pub struct Drawn {
    /// What is written, with line breaks.
    pub text: String,
    /// The rows it takes, but for the first.
    pub rows: usize,
    /// The row and column of the cursor.
    pub cursor: (usize, usize),
}

impl Buffer {
    /// The text.
    pub fn text(&self) -> String {
        self.chars.iter().collect()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.chars.is_empty()
    }

    /// What stands before the cursor.
    pub fn before(&self) -> String {
        self.chars[..self.at].iter().collect()
    }

    /// Another text, the cursor at its end.
    pub fn set(&mut self, text: &str) {
        self.chars = text.chars().take(CHARS_MAX).collect();
        self.at = self.chars.len();
    }

    /// Puts a character in at the cursor.
    pub fn insert(&mut self, c: char) {
        if self.chars.len() < CHARS_MAX {
            self.chars.insert(self.at, c);
            self.at += 1;
        }
    }

    /// Puts a text in at the cursor.
    pub fn insert_all(&mut self, text: &str) {
        let room = CHARS_MAX.saturating_sub(self.chars.len());
        let new: Vec<char> = text.chars().take(room).collect();
        let count = new.len();
        self.chars.splice(self.at..self.at, new);
        self.at += count;
    }

    /// Removes the character before the cursor.
    pub fn backspace(&mut self) {
        if self.at > 0 {
            self.at -= 1;
            self.chars.remove(self.at);
        }
    }

    /// Removes the character at the cursor.
    pub fn delete(&mut self) {
        if self.at < self.chars.len() {
            self.chars.remove(self.at);
        }
    }

    /// Moves by a character.
    pub fn left(&mut self) {
        self.at = self.at.saturating_sub(1);
    }

    /// Moves by a character.
    pub fn right(&mut self) {
        self.at = (self.at + 1).min(self.chars.len());
    }

    /// Moves to the begin of a word.
    pub fn word_left(&mut self) {
        self.at = self.word_begin();
    }

    /// Moves behind a word.
    pub fn word_right(&mut self) {
        let is_word = |at: &usize| self.chars[*at].is_alphanumeric();
        let word = (self.at..self.chars.len()).find(is_word).unwrap_or(self.chars.len());
        self.at = (word..self.chars.len()).find(|at| !is_word(at)).unwrap_or(self.chars.len());
    }

    fn word_begin(&self) -> usize {
        let before = &self.chars[..self.at];
        let end = before.iter().rposition(|c| c.is_alphanumeric()).map_or(0, |at| at + 1);
        before[..end].iter().rposition(|c| !c.is_alphanumeric()).map_or(0, |at| at + 1)
    }

    /// The begin of the line that the cursor is in.
    fn line_begin(&self) -> usize {
        self.chars[..self.at].iter().rposition(|c| *c == '\n').map_or(0, |at| at + 1)
    }

    fn line_end(&self) -> usize {
        self.chars[self.at..].iter().position(|c| *c == '\n').map_or(self.chars.len(), |end| self.at + end)
    }

    /// Moves to the begin of the line.
    pub fn home(&mut self) {
        self.at = self.line_begin();
    }

    /// Moves to the end of the line.
    pub fn end(&mut self) {
        self.at = self.line_end();
    }

    /// Moves to the end of the text.
    pub fn last(&mut self) {
        self.at = self.chars.len();
    }

    /// Moves to the line above; `false` if there is none.
    pub fn up(&mut self) -> bool {
        let begin = self.line_begin();
        if begin == 0 {
            return false;
        }
        let column = self.at - begin;
        self.at = begin - 1;
        let above = self.line_begin();
        self.at = (above + column).min(begin - 1);
        true
    }

    /// Moves to the line below; `false` if there is none.
    pub fn down(&mut self) -> bool {
        let end = self.line_end();
        if end == self.chars.len() {
            return false;
        }
        let column = self.at - self.line_begin();
        self.at = end + 1;
        self.at = (self.at + column).min(self.line_end());
        true
    }

    /// Removes the word before the cursor.
    pub fn remove_word(&mut self) {
        let begin = self.word_begin();
        self.chars.drain(begin..self.at);
        self.at = begin;
    }

    /// Removes the line before the cursor.
    pub fn remove_before(&mut self) {
        let begin = self.line_begin();
        self.chars.drain(begin..self.at);
        self.at = begin;
    }

    /// Removes the line behind the cursor.
    pub fn remove_behind(&mut self) {
        let end = self.line_end();
        self.chars.drain(self.at..end);
    }

    /// The text behind a prompt, on a screen so many columns wide.
    pub fn draw(&self, prompt: &str, width: usize) -> Drawn {
        let (mut text, mut row, mut column) = (prompt.to_owned(), 0, prompt.chars().count());
        let mut cursor = (0, column);
        for (at, c) in self.chars.iter().enumerate() {
            if at == self.at {
                cursor = (row, column);
            }
            if *c == '\n' {
                text.push_str("\r\n");
                text.push_str(MORE);
                (row, column) = (row + 1, MORE.len());
                continue;
            }
            let shown = if c.is_control() { ' ' } else { *c };
            let wide = shown.width().unwrap_or(0);
            if column + wide > width {
                text.push_str("\r\n");
                (row, column) = (row + 1, 0);
            }
            text.push(shown);
            column += wide;
        }
        if self.at == self.chars.len() {
            cursor = (row, column);
        }
        // Behind the last column there is no place for a cursor.
        if cursor.1 >= width {
            if cursor.0 == row {
                text.push_str("\r\n");
                row += 1;
            }
            cursor = (cursor.0 + 1, 0);
        }
        Drawn { text, rows: row, cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text with `|` where the cursor is.
    fn buffer(text: &str) -> Buffer {
        let at = text.chars().position(|c| c == '|').unwrap();
        Buffer { chars: text.chars().filter(|c| *c != '|').collect(), at }
    }

    fn shown(buffer: &Buffer) -> String {
        let mut chars = buffer.chars.clone();
        chars.insert(buffer.at, '|');
        chars.into_iter().collect()
    }

    #[test]
    fn keys_move_and_remove() {
        let check = |before: &str, key: fn(&mut Buffer), after: &str| {
            let mut edited = buffer(before);
            key(&mut edited);
            assert_eq!(shown(&edited), after, "{before}");
        };
        check("ab|", Buffer::backspace, "a|");
        check("|ab", Buffer::backspace, "|ab");
        check("|äb", Buffer::delete, "|b");
        check("ab|", Buffer::delete, "ab|");
        check("a|b", Buffer::left, "|ab");
        check("ab|", Buffer::right, "ab|");
        check("one two_|x", Buffer::word_left, "one |two_x");
        check("on|e two", Buffer::word_right, "one| two");
        check("one, two  |", Buffer::remove_word, "one, |");
        check("a\nb|c\nd", Buffer::home, "a\n|bc\nd");
        check("a\nb|c\nd", Buffer::end, "a\nbc|\nd");
        check("a\nb|c\nd", Buffer::remove_before, "a\n|c\nd");
        check("a\nb|c\nd", Buffer::remove_behind, "a\nb|\nd");
        check("abc\nd|", |buffer| assert!(buffer.up()), "a|bc\nd");
        check("a\nbcd|", |buffer| assert!(buffer.up()), "a|\nbcd");
        check("ab|\nc", |buffer| assert!(buffer.down()), "ab\nc|");
        check("a|b", |buffer| assert!(!buffer.up() && !buffer.down()), "a|b");
        check("a|b", |buffer| buffer.insert_all("xy"), "axy|b");
    }

    #[test]
    fn long_lines_are_broken_at_the_edge() {
        let check = |text: &str, rows: usize, cursor: (usize, usize), drawn: &str| {
            let found = buffer(text).draw("> ", 6);
            assert_eq!((found.rows, found.cursor, found.text.as_str()), (rows, cursor, drawn), "{text}");
        };
        check("|", 0, (0, 2), "> ");
        check("abc|", 0, (0, 5), "> abc");
        check("abcd|", 1, (1, 0), "> abcd\r\n");
        check("abcd|e", 1, (1, 0), "> abcd\r\ne");
        check("ab日|本", 1, (1, 0), "> ab日\r\n本");
        let two = buffer("ab\nc|").draw("> ", 40);
        assert_eq!((two.rows, two.cursor), (1, (1, MORE.len() + 1)));
    }
}
