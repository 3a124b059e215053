//! Reads texts from a terminal, with the keys that people know. The terminal is as it was whenever nothing is read.

use std::io::{IsTerminal, Write};

use base::Env;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use super::buffer::{Buffer, Drawn};
use super::history::History;
use super::words::Words;

/// The width that is taken where none is known.
const WIDTH_DEFAULT: usize = 80;
/// Bytes that are read at once.
const READ_BYTES: usize = 4_096;
/// What a terminal puts around a text that is pasted, if it is asked to.
const PASTE_ON: &str = "\x1b[?2004h";
/// No more.
const PASTE_OFF: &str = "\x1b[?2004l";

/// What came of reading.
#[derive(Debug, PartialEq, Eq)]
pub enum Input {
    /// A text that is done.
    Text(String),
    /// Somebody thought better of it.
    Cleared,
    /// There will be no more.
    End,
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    Char(char),
    /// Ctrl and a letter.
    Control(char),
    Enter,
    Tab,
    Backspace,
    Delete,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    WordLeft,
    WordRight,
    RemoveWord,
    Paste(String),
    Unknown,
}

/// See the module.
pub struct Editor {
    history: History,
    words: Words,
    /// Bytes that were read and not used yet.
    bytes: Vec<u8>,
    /// Whether to write to standard error: standard output is for results, and nobody looks at it.
    aside: bool,
}

/// The terminal takes every key by itself, until this is dropped.
struct Raw(Termios);

impl Raw {
    fn begin() -> std::io::Result<Raw> {
        let before = tcgetattr(std::io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(std::io::stdin(), OptionalActions::Drain, &raw)?;
        Ok(Raw(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // There is nobody to tell.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Drain, &self.0);
    }
}

impl Editor {
    /// Reads from standard input.
    pub fn new(history: History, words: Words) -> Editor {
        Editor { history, words, bytes: Vec::new(), aside: !std::io::stdout().is_terminal() }
    }

    /// Writes to whoever types.
    pub fn say(&self, text: &str) {
        // A terminal that is gone says so when it is read.
        let _ = if self.aside {
            std::io::stderr().write_all(text.as_bytes())
        } else {
            let mut out = std::io::stdout();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        };
    }

    /// Remembers a text.
    pub fn remember(&mut self, env: &Env, text: &str) {
        self.history.add(env, text);
    }

    /// Reads a text until it is done.
    pub fn read(&mut self, prompt: &str, is_done: &dyn Fn(&str) -> bool) -> std::io::Result<Input> {
        let _raw = Raw::begin()?;
        self.say(PASTE_ON);
        let read = self.edit(prompt, is_done);
        self.say(PASTE_OFF);
        read
    }

    fn edit(&mut self, prompt: &str, is_done: &dyn Fn(&str) -> bool) -> std::io::Result<Input> {
        let mut buffer = Buffer::default();
        // Where in the history: behind its end is what was typed, which waits in `typed`.
        let mut at = self.history.texts().len();
        let mut typed = Buffer::default();
        let mut row = self.draw(prompt, &buffer, 0);
        loop {
            let Some(key) = self.key()? else { return Ok(Input::End) };
            match key {
                Key::Char(c) => buffer.insert(c),
                Key::Paste(text) => buffer.insert_all(&text.replace("\r\n", "\n").replace('\r', "\n")),
                Key::Enter => {
                    let done = is_done(&buffer.text());
                    buffer.last();
                    if done {
                        self.draw(prompt, &buffer, row);
                        self.say("\r\n");
                        return Ok(Input::Text(buffer.text()));
                    }
                    buffer.insert('\n');
                }
                Key::Control('c') => {
                    buffer.last();
                    self.draw(prompt, &buffer, row);
                    self.say("^C\r\n");
                    return Ok(Input::Cleared);
                }
                Key::Control('d') if buffer.is_empty() => {
                    self.say("\r\n");
                    return Ok(Input::End);
                }
                Key::Control('d') | Key::Delete => buffer.delete(),
                Key::Backspace | Key::Control('h') => buffer.backspace(),
                Key::Left | Key::Control('b') => buffer.left(),
                Key::Right | Key::Control('f') => buffer.right(),
                Key::WordLeft => buffer.word_left(),
                Key::WordRight => buffer.word_right(),
                Key::Home | Key::Control('a') => buffer.home(),
                Key::End | Key::Control('e') => buffer.end(),
                Key::Control('w') | Key::RemoveWord => buffer.remove_word(),
                Key::Control('u') => buffer.remove_before(),
                Key::Control('k') => buffer.remove_behind(),
                Key::Control('l') => {
                    self.say("\x1b[H\x1b[2J");
                    row = 0;
                }
                Key::Up | Key::Control('p') => {
                    if !buffer.up() && at > 0 {
                        if at == self.history.texts().len() {
                            typed = buffer.clone();
                        }
                        at -= 1;
                        buffer.set(&self.history.texts()[at]);
                    }
                }
                Key::Down | Key::Control('n') => {
                    if !buffer.down() && at < self.history.texts().len() {
                        at += 1;
                        match self.history.texts().get(at) {
                            Some(text) => buffer.set(text),
                            None => buffer = typed.clone(),
                        }
                    }
                }
                Key::Tab => {
                    let (more, offered) = self.words.complete(&buffer.before());
                    if more.is_empty() && !offered.is_empty() {
                        let end = buffer.draw(prompt, width());
                        self.say(&format!("{}\r\n{}\r\n", down(end.rows - end.cursor.0), offered.join("  ")));
                        row = 0;
                    }
                    buffer.insert_all(&more);
                }
                Key::Control(_) | Key::Unknown => {}
            }
            // What was pasted key by key is shown when it is all there.
            if self.bytes.is_empty() {
                row = self.draw(prompt, &buffer, row);
            }
        }
    }

    /// Draws the text over what was drawn before, whose cursor is in `row`. Answers the row that the cursor is in now.
    fn draw(&self, prompt: &str, buffer: &Buffer, row: usize) -> usize {
        let Drawn { text, rows, cursor } = buffer.draw(prompt, width());
        let up = if row > 0 { format!("\x1b[{row}A") } else { String::new() };
        let back = if rows > cursor.0 { format!("\x1b[{}A", rows - cursor.0) } else { String::new() };
        let right = if cursor.1 > 0 { format!("\x1b[{}C", cursor.1) } else { String::new() };
        self.say(&format!("{up}\r\x1b[J{text}{back}\r{right}"));
        cursor.0
    }

    /// The next byte; `None` at the end.
    fn byte(&mut self) -> std::io::Result<Option<u8>> {
        if self.bytes.is_empty() {
            let mut buffer = [0; READ_BYTES];
            let count = loop {
                match rustix::io::read(std::io::stdin(), &mut buffer[..]) {
                    Err(rustix::io::Errno::INTR) => {}
                    // So ends a terminal that was closed.
                    Err(rustix::io::Errno::IO) => break 0,
                    read => break read?,
                }
            };
            self.bytes.extend_from_slice(&buffer[..count]);
            self.bytes.reverse();
        }
        Ok(self.bytes.pop())
    }

    fn key(&mut self) -> std::io::Result<Option<Key>> {
        let Some(byte) = self.byte()? else { return Ok(None) };
        Ok(Some(match byte {
            b'\r' | b'\n' => Key::Enter,
            b'\t' => Key::Tab,
            0x7f => Key::Backspace,
            0x1b => self.escape()?,
            0..0x20 => Key::Control(char::from(byte + 0x60)),
            _ => self.char(byte)?,
        }))
    }

    /// A character of one to four bytes.
    fn char(&mut self, first: u8) -> std::io::Result<Key> {
        let mut bytes = vec![first];
        let len = match first {
            0xc0..0xe0 => 2,
            0xe0..0xf0 => 3,
            0xf0..0xf8 => 4,
            _ => 1,
        };
        while bytes.len() < len {
            match self.byte()? {
                Some(byte) => bytes.push(byte),
                None => return Ok(Key::Unknown),
            }
        }
        let decoded = std::str::from_utf8(&bytes).ok().and_then(|text| text.chars().next());
        Ok(decoded.map_or(Key::Unknown, Key::Char))
    }

    /// What comes behind the key Esc: mostly one that has no byte of its own.
    fn escape(&mut self) -> std::io::Result<Key> {
        let Some(byte) = self.byte()? else { return Ok(Key::Unknown) };
        match byte {
            b'[' | b'O' => {}
            b'b' => return Ok(Key::WordLeft),
            b'f' => return Ok(Key::WordRight),
            0x7f | 0x08 => return Ok(Key::RemoveWord),
            _ => return Ok(Key::Unknown),
        }
        let mut sequence = String::new();
        let last = loop {
            match self.byte()? {
                None => return Ok(Key::Unknown),
                Some(byte @ 0x40..=0x7e) => break char::from(byte),
                Some(byte) if sequence.len() < 16 => sequence.push(char::from(byte)),
                Some(_) => return Ok(Key::Unknown),
            }
        };
        Ok(match (last, sequence.as_str()) {
            ('A', _) => Key::Up,
            ('B', _) => Key::Down,
            ('C', "1;5" | "1;3") => Key::WordRight,
            ('D', "1;5" | "1;3") => Key::WordLeft,
            ('C', _) => Key::Right,
            ('D', _) => Key::Left,
            ('H', _) | ('~', "1" | "7") => Key::Home,
            ('F', _) | ('~', "4" | "8") => Key::End,
            ('~', "3") => Key::Delete,
            ('~', "200") => self.pasted()?,
            _ => Key::Unknown,
        })
    }

    /// What is pasted, up to the sign that ends it.
    fn pasted(&mut self) -> std::io::Result<Key> {
        const END: &[u8] = b"\x1b[201~";
        let mut bytes = Vec::new();
        while let Some(byte) = self.byte()? {
            bytes.push(byte);
            if bytes.ends_with(END) {
                bytes.truncate(bytes.len() - END.len());
                break;
            }
        }
        Ok(Key::Paste(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

fn down(rows: usize) -> String {
    if rows > 0 { format!("\x1b[{rows}B") } else { String::new() }
}

fn width() -> usize {
    let size = tcgetwinsize(std::io::stdin()).ok().map(|size| usize::from(size.ws_col));
    size.filter(|width| *width > 1).unwrap_or(WIDTH_DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_keys() {
        let check = |bytes: &[u8], keys: &[Key]| {
            let mut editor = Editor::new(History::default(), Words::default());
            editor.bytes = bytes.iter().rev().copied().collect();
            for key in keys {
                assert_eq!(editor.key().unwrap().as_ref(), Some(key), "{bytes:?}");
            }
            assert!(editor.bytes.is_empty(), "{bytes:?}");
        };
        check("aä日".as_bytes(), &[Key::Char('a'), Key::Char('ä'), Key::Char('日')]);
        check(b"\x01\x03\r\t\x7f", &[Key::Control('a'), Key::Control('c'), Key::Enter, Key::Tab, Key::Backspace]);
        check(b"\x1b[A\x1bOB\x1b[3~\x1b[1;5C", &[Key::Up, Key::Down, Key::Delete, Key::WordRight]);
        check(b"\x1bb\x1b[99~x", &[Key::WordLeft, Key::Unknown, Key::Char('x')]);
        check(b"\x1b[200~a\rb\x1b[201~c", &[Key::Paste("a\rb".to_owned()), Key::Char('c')]);
        check(b"\xffa", &[Key::Unknown, Key::Char('a')]);
    }
}
