//! Patterns for space-delimited events: `[ip, user, ..., status = 4* && status != 404, bytes > 1000]`.
//!
//! Each part stands for one field, an ellipsis for any number of them. Without an ellipsis the event has as many fields as the
//! pattern has parts.

use crate::{PatternError, cursor::Cursor, selector::is_of_a_field, test::Test};

/// How deep parentheses may nest.
const DEPTH_MAX: usize = 128;

#[derive(Clone, Debug)]
pub(crate) struct Delimited {
    /// The parts without the ellipsis.
    parts: Vec<Part>,
    /// Before which part the ellipsis stands.
    ellipsis: Option<usize>,
}

#[derive(Clone, Debug)]
struct Part {
    name: Option<Box<str>>,
    condition: Option<Expr>,
}

#[derive(Clone, Debug)]
enum Expr {
    All(Vec<Expr>),
    Any(Vec<Expr>),
    /// A test on the part of that name.
    Test(Box<str>, Test),
}

impl Delimited {
    /// Reads what stands between the brackets.
    pub fn parse(cursor: &mut Cursor<'_>) -> Result<Delimited, PatternError> {
        let mut pattern = Delimited { parts: Vec::new(), ellipsis: None };
        loop {
            cursor.skip_space();
            let at = cursor.at();
            if cursor.eat("...") {
                if pattern.ellipsis.replace(pattern.parts.len()).is_some() {
                    return Err(cursor.wrong_at(at, "there is more than one ellipsis"));
                }
            } else {
                pattern.parts.push(part(cursor)?);
            }
            cursor.skip_space();
            if cursor.done() {
                return Ok(pattern);
            }
            if !cursor.eat(",") {
                return Err(cursor.wrong("',' was expected"));
            }
        }
    }

    pub fn matches(&self, fields: &[&str]) -> bool {
        if !self.fits(fields.len()) {
            return false;
        }
        let holds = |part: &Part| part.condition.as_ref().is_none_or(|condition| self.holds(condition, fields));
        self.parts.iter().all(holds)
    }

    /// The fields of an event by name: those of parts with a name under it, the others under their number.
    pub fn extracted(&self, fields: &[&str]) -> Vec<(String, String)> {
        if !self.fits(fields.len()) {
            return Vec::new();
        }
        let mut out: Vec<_> = (1..=fields.len()).map(|number| number.to_string()).collect();
        for (index, part) in self.parts.iter().enumerate() {
            if let Some(name) = &part.name {
                out[self.index(index, fields.len())] = name.to_string();
            }
        }
        out.into_iter().map(|name| format!("${name}")).zip(fields.iter().map(|field| (*field).to_owned())).collect()
    }

    /// The field of that name or number.
    pub fn field<'f>(&self, name: &str, fields: &[&'f str]) -> Option<&'f str> {
        if !self.fits(fields.len()) {
            return None;
        }
        match self.part(name) {
            Some(part) => Some(fields[self.index(part, fields.len())]),
            None => fields.get(name.parse::<usize>().ok()?.checked_sub(1)?).copied(),
        }
    }

    pub fn expressions(&self) -> usize {
        self.parts.iter().filter_map(|part| part.condition.as_ref()).map(Expr::expressions).sum()
    }

    fn fits(&self, fields: usize) -> bool {
        if self.ellipsis.is_some() { fields >= self.parts.len() } else { fields == self.parts.len() }
    }

    fn part(&self, name: &str) -> Option<usize> {
        self.parts.iter().position(|part| part.name.as_deref() == Some(name))
    }

    /// Which of so many fields a part stands for.
    fn index(&self, part: usize, fields: usize) -> usize {
        match self.ellipsis {
            Some(ellipsis) if part >= ellipsis => fields - self.parts.len() + part,
            _ => part,
        }
    }

    fn holds(&self, expr: &Expr, fields: &[&str]) -> bool {
        match expr {
            Expr::All(parts) => parts.iter().all(|part| self.holds(part, fields)),
            Expr::Any(parts) => parts.iter().any(|part| self.holds(part, fields)),
            Expr::Test(name, test) => match self.part(name) {
                Some(part) => test.holds_for_text(fields[self.index(part, fields.len())]),
                None => test.holds_without(),
            },
        }
    }
}

impl Expr {
    fn expressions(&self) -> usize {
        match self {
            Expr::All(parts) | Expr::Any(parts) => parts.iter().map(Expr::expressions).sum(),
            Expr::Test(_, test) => usize::from(test.is_expression()),
        }
    }
}

fn part(cursor: &mut Cursor<'_>) -> Result<Part, PatternError> {
    if matches!(cursor.peek(), None | Some(',')) {
        return Ok(Part { name: None, condition: None });
    }
    // A part whose condition is in parentheses takes its name from the first test in it.
    let mut ahead = cursor.clone();
    ahead.take_while(|_, next| next == '(' || next.is_whitespace());
    let name = name(&mut ahead)?;
    ahead.skip_space();
    if matches!(ahead.peek(), None | Some(',')) && cursor.peek() != Some('(') {
        *cursor = ahead;
        return Ok(Part { name: Some(name), condition: None });
    }
    let condition = any(cursor, 0)?;
    Ok(Part { name: Some(name), condition: Some(condition) })
}

fn name(cursor: &mut Cursor<'_>) -> Result<Box<str>, PatternError> {
    let name = cursor.take_while(|_, next| is_of_a_field(next));
    if name.is_empty() { Err(cursor.wrong("a field's name was expected")) } else { Ok(name.into()) }
}

fn any(cursor: &mut Cursor<'_>, depth: usize) -> Result<Expr, PatternError> {
    joined(cursor, "||", Expr::Any, |cursor| joined(cursor, "&&", Expr::All, |cursor| one(cursor, depth)))
}

fn joined(
    cursor: &mut Cursor<'_>,
    sign: &str,
    join: fn(Vec<Expr>) -> Expr,
    part: impl Fn(&mut Cursor<'_>) -> Result<Expr, PatternError>,
) -> Result<Expr, PatternError> {
    let first = part(cursor)?;
    cursor.skip_space();
    if !cursor.rest().starts_with(sign) {
        return Ok(first);
    }
    let mut parts = vec![first];
    while cursor.eat(sign) {
        parts.push(part(cursor)?);
        cursor.skip_space();
    }
    Ok(join(parts))
}

fn one(cursor: &mut Cursor<'_>, depth: usize) -> Result<Expr, PatternError> {
    cursor.skip_space();
    let start = cursor.at();
    if cursor.eat("(") {
        if depth == DEPTH_MAX {
            return Err(cursor.wrong_at(start, "parentheses nest too deeply"));
        }
        let inner = any(cursor, depth + 1)?;
        cursor.skip_space();
        return match cursor.eat(")") {
            true => Ok(inner),
            false => Err(cursor.wrong("')' was expected")),
        };
    }
    let name = name(cursor)?;
    cursor.skip_space();
    Ok(Expr::Test(name, Test::parse(cursor, ends_value)?))
}

/// Where a value without quotes ends.
fn ends_value(rest: &str, next: char) -> bool {
    matches!(next, ',' | ')') || rest.starts_with("&&") || rest.starts_with("||")
}
