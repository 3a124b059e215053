//! What the commands know of the terminal they write to: its width, and whether it shows colours. Control characters of others
//! never reach it.

pub mod amounts;
pub mod table;

use std::io::{self, IsTerminal, Write};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The width that is taken where none is known.
const WIDTH_DEFAULT: usize = 80;
/// Lines are not made longer than this: the eye would lose them.
const WIDTH_MAX: usize = 160;
/// Narrower than this nothing fits; lines then break where the terminal breaks them.
const WIDTH_MIN: usize = 40;

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Colours {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// As it comes.
    #[default]
    Plain,
    /// A heading, a name.
    Bold,
    /// What is less important.
    Dim,
    /// All is well.
    Good,
    /// Wants a look.
    Warning,
    /// Wants somebody's attention.
    Bad,
    /// A kind of name that stands apart from others.
    Accent,
}

/// What is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Whether somebody looks at it.
    pub is_terminal: bool,
    /// Whether to use colours.
    pub colours: bool,
    /// Columns.
    pub width: usize,
}

impl Terminal {
    /// Standard output.
    #[expect(clippy::disallowed_methods, reason = "what the terminal says of itself is no setting of ours")]
    pub fn stdout(colours: Colours) -> Terminal {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let is_terminal = std::io::stdout().is_terminal();
        let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|size| usize::from(size.ws_col));
        let columns = || set("COLUMNS")?.parse().ok();
        let width = size.filter(|width| *width > 0).or_else(columns).unwrap_or(WIDTH_DEFAULT);
        let colours = match colours {
            Colours::Always => true,
            Colours::Never => false,
            // Source: https://no-color.org
            Colours::Auto => is_terminal && set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb"),
        };
        Terminal { is_terminal, colours, width: width.clamp(WIDTH_MIN, WIDTH_MAX) }
    }

    /// The text in a style.
    pub fn paint(&self, style: Style, text: &str) -> String {
        let text = clean(text);
        let code = match style {
            Style::Plain => return text,
            Style::Bold => "1",
            Style::Dim => "2",
            Style::Good => "32",
            Style::Warning => "33",
            Style::Bad => "1;31",
            Style::Accent => "36",
        };
        if !self.colours || text.is_empty() {
            return text;
        }
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Writes to standard output. That nobody reads it any more (`| head`) is no failure.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    ignore_closed(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// What writing came to, where nobody who reads is no failure.
pub fn ignore_closed(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// The text without control characters: what a caller wrote must not steer somebody's terminal.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The text in at most `width` columns, its middle left out if it is longer: both ends of an ARN tell something.
pub fn shorten(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    // One column is for the dots.
    let Some(kept) = width.checked_sub(1) else { return String::new() };
    let fits = |chars: &mut dyn Iterator<Item = char>, room: usize| -> Vec<char> {
        let mut used = 0;
        chars
            .take_while(|c| {
                // Control characters have no width; `clean` puts a letter in their place.
                used += c.width().unwrap_or(1);
                used <= room
            })
            .collect()
    };
    let head = fits(&mut text.chars(), kept - kept / 2);
    let mut tail = fits(&mut text.chars().rev(), kept / 2);
    tail.reverse();
    head.into_iter().chain(['…']).chain(tail).collect()
}

/// The text in lines of at most `width` columns, broken between words where that is possible.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        let line = lines.last_mut().expect("there is one from the start");
        let used = line.chars().count();
        if used > 0 && used + 1 + word.len() <= width {
            line.push(' ');
            line.extend(word);
            continue;
        }
        if used > 0 {
            lines.push(String::new());
        }
        while word.len() > width.max(1) {
            let rest = word.split_off(width.max(1));
            lines.last_mut().expect("there is one from the start").extend(word);
            lines.push(String::new());
            word = rest;
        }
        lines.last_mut().expect("there is one from the start").extend(word);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_loses_its_middle() {
        let check = |text, width, expected| assert_eq!(shorten(text, width), expected);
        check("short", 5, "short");
        check("longer than that", 9, "long…that");
        check("longer", 1, "…");
        check("longer", 0, "");
        check("", 0, "");
        check("ünïcödé", 4, "ün…é");
    }

    #[test]
    fn wide_letters_are_cut_whole() {
        assert_eq!(shorten("日本語日本語", 6), "日…語");
        assert_eq!(shorten("abcdef", 4), "ab…f");
        assert_eq!(shorten("abc", 3), "abc");
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("arn:aws:s3:::x y", 6), ["arn:aw", "s:s3::", ":x y"]);
        assert_eq!(wrap("", 6), [""]);
    }

    #[test]
    fn a_terminal_is_not_steered_by_what_callers_wrote() {
        let terminal = Terminal { is_terminal: true, colours: true, width: 80 };
        assert_eq!(terminal.paint(Style::Bad, "a\x1b[2Jb\n"), "\x1b[1;31ma\u{fffd}[2Jb\u{fffd}\x1b[0m");
        assert_eq!(Terminal { colours: false, ..terminal }.paint(Style::Bad, "a"), "a");
    }
}
