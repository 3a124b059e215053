//! The words of an expression.

/// A word.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// A number.
    Number(f64),
    /// An identifier or a function's name.
    Name(String),
    /// A text in quotes.
    Text(String),
    /// An operator or a mark.
    Mark(&'static str),
}

const MARKS: [&str; 19] =
    ["&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "^", "(", ")", ",", "[", "]", "!"];

/// Splits an expression.
pub fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    'words: loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        if first.is_ascii_digit() || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            let len = number_len(rest);
            let number = rest[..len].parse().map_err(|_| format!("'{}' is not a number", &rest[..len]))?;
            tokens.push(Token::Number(number));
            rest = &rest[len..];
            continue;
        }
        if first.is_ascii_alphabetic() || first == '_' {
            let len = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
            tokens.push(Token::Name(rest[..len].to_owned()));
            rest = &rest[len..];
            continue;
        }
        if first == '\'' || first == '"' {
            let (text, after) = quoted(&rest[1..], first)?;
            tokens.push(Token::Text(text));
            rest = after;
            continue;
        }
        for mark in MARKS {
            if let Some(after) = rest.strip_prefix(mark) {
                tokens.push(Token::Mark(mark));
                rest = after;
                continue 'words;
            }
        }
        return Err(format!("unexpected character '{first}'"));
    }
}

fn number_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let mut at = digits(0);
    if bytes.get(at) == Some(&b'.') {
        at = digits(at + 1);
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let end = digits(at + 1 + sign);
        if end > at + 1 + sign {
            return end;
        }
    }
    at
}

/// The text up to the quote, in which a backslash takes the next character for itself, and what follows.
fn quoted(rest: &str, quote: char) -> Result<(String, &str), String> {
    let mut text = String::new();
    let mut chars = rest.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            _ if c == quote => return Ok((text, &rest[at + c.len_utf8()..])),
            '\\' => match chars.next() {
                Some((_, next)) if next == quote || next == '\\' => text.push(next),
                Some((_, next)) => text.extend(['\\', next]),
                None => break,
            },
            _ => text.push(c),
        }
    }
    Err("a text does not end".to_owned())
}
