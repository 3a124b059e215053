//! A place in a pattern's text, and the few things that all syntaxes read there.

use crate::PatternError;

#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str) -> Cursor<'a> {
        Cursor { text, at: 0 }
    }

    pub fn at(&self) -> usize {
        self.at
    }

    pub fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub fn done(&self) -> bool {
        self.at == self.text.len()
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// What was read since a place.
    pub fn since(&self, start: usize) -> &'a str {
        &self.text[start..self.at]
    }

    pub fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Steps over `text`, if it is what comes next.
    pub fn eat(&mut self, text: &str) -> bool {
        let there = self.rest().starts_with(text);
        if there {
            self.at += text.len();
        }
        there
    }

    /// Steps over a word in whatever case, if it comes next and ends there.
    pub fn eat_word(&mut self, word: &str) -> bool {
        let rest = self.rest();
        let there = rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
            && !rest[word.len()..].starts_with(|next: char| next.is_alphanumeric() || next == '_');
        if there {
            self.at += word.len();
        }
        there
    }

    /// Takes characters as long as `takes` says so, told what is left from each on.
    pub fn take_while(&mut self, takes: impl Fn(&str, char) -> bool) -> &'a str {
        let start = self.at;
        while let Some(next) = self.peek() {
            if !takes(self.rest(), next) {
                break;
            }
            self.at += next.len_utf8();
        }
        &self.text[start..self.at]
    }

    /// A quoted text; the cursor stands on the quote. `\` before a quote or another `\` makes that an ordinary character.
    pub fn quoted(&mut self) -> Result<String, PatternError> {
        let start = self.at;
        let quote = self.next();
        let mut out = String::new();
        loop {
            match self.next() {
                None => return Err(self.term(start)),
                next if next == quote => return Ok(out),
                Some('\\') if self.peek() == quote || self.peek() == Some('\\') => out.extend(self.next()),
                Some(next) => out.push(next),
            }
        }
    }

    /// A mistake at a place: what was read since is no term.
    pub fn term(&self, start: usize) -> PatternError {
        PatternError::term(start, self.text[start..self.at].trim_end())
    }

    /// The same, with the character that comes next.
    pub fn term_with_next(&mut self, start: usize) -> PatternError {
        self.next();
        self.term(start)
    }

    pub fn wrong(&self, message: impl Into<String>) -> PatternError {
        PatternError::new(self.at, message)
    }

    pub fn wrong_at(&self, position: usize, message: impl Into<String>) -> PatternError {
        PatternError::new(position, message)
    }
}
