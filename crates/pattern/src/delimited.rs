//! Patterns for space-delimited events: `[ip, user, ..., status = 4* && status != 404, bytes > 1000]`.
//!
//! Each part stands for one field, an ellipsis for any number of them. Without an ellipsis the last part stands for the rest of the
//! event; no parts at all, `[]`, for all fields.

use crate::{PatternError, cursor::Cursor, fields::Fields, joined, selector::is_of_a_field, test::Test};

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

/// Tests on the parts of these names.
type Expr = joined::Expr<(Box<str>, Test)>;

impl Delimited {
    /// Reads what stands between the brackets.
    pub fn parse(cursor: &mut Cursor<'_>) -> Result<Delimited, PatternError> {
        let mut pattern = Delimited { parts: Vec::new(), ellipsis: None };
        cursor.skip_space();
        if cursor.done() {
            return Ok(pattern);
        }
        loop {
            cursor.skip_space();
            let at = cursor.at();
            if cursor.eat("...") {
                if pattern.ellipsis.replace(pattern.parts.len()).is_some() {
                    return Err(PatternError::answered(at, "Duplicate field '...'"));
                }
            } else {
                let part = part(cursor)?;
                match &part.name {
                    Some(name) if pattern.part(name).is_some() => {
                        return Err(PatternError::answered(at, format!("Duplicate field '{name}'")));
                    }
                    _ => pattern.parts.push(part),
                }
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

    pub fn matches(&self, fields: &Fields<'_>) -> bool {
        let holds = |part: &Part| {
            part.condition.as_ref().is_none_or(|condition| condition.holds(&|leaf| self.holds(leaf, fields)))
        };
        self.fits(fields) && self.parts.iter().all(holds)
    }

    /// The fields of an event by name: those of parts with a name under it, the others under their number.
    pub fn extracted(&self, fields: &Fields<'_>) -> Vec<(String, String)> {
        if !self.fits(fields) {
            return Vec::new();
        }
        let open = self.ellipsis.is_some() || self.parts.is_empty();
        let count = if open { fields.len() } else { self.parts.len() };
        let mut names: Vec<_> = (1..=count).map(|number| number.to_string()).collect();
        for (part, index) in self.parts.iter().zip(self.indices(fields)) {
            if let Some(name) = &part.name {
                names[index] = name.to_string();
            }
        }
        let field = |index| self.at(index, fields).unwrap_or_default().to_owned();
        names.into_iter().enumerate().map(|(index, name)| (format!("${name}"), field(index))).collect()
    }

    /// The field of that name or number.
    pub fn field<'f>(&self, name: &str, fields: &Fields<'f>) -> Option<&'f str> {
        if !self.fits(fields) {
            return None;
        }
        let index = match self.part(name) {
            Some(part) => self.indices(fields).nth(part)?,
            None => name.parse::<usize>().ok()?.checked_sub(1)?,
        };
        self.at(index, fields)
    }

    pub fn expressions(&self) -> usize {
        self.parts
            .iter()
            .filter_map(|part| part.condition.as_ref())
            .map(|condition| condition.count(&|(_, test)| test.is_expression()))
            .sum()
    }

    fn fits(&self, fields: &Fields<'_>) -> bool {
        fields.len() >= self.parts.len().max(1)
    }

    fn part(&self, name: &str) -> Option<usize> {
        self.parts.iter().position(|part| part.name.as_deref() == Some(name))
    }

    /// Which fields the parts stand for.
    fn indices(&self, fields: &Fields<'_>) -> impl Iterator<Item = usize> + use<'_> {
        let skipped = fields.len() - self.parts.len();
        let from = self.ellipsis.unwrap_or(usize::MAX);
        (0..self.parts.len()).map(move |part| if part >= from { part + skipped } else { part })
    }

    /// A field; the last part's takes the rest with it, unless there is an ellipsis.
    fn at<'f>(&self, index: usize, fields: &Fields<'f>) -> Option<&'f str> {
        let last = self.ellipsis.is_none() && index + 1 == self.parts.len() && fields.len() > self.parts.len();
        if last { fields.rest(index) } else { fields.get(index) }
    }

    fn holds(&self, (name, test): &(Box<str>, Test), fields: &Fields<'_>) -> bool {
        match self.field(name, fields) {
            Some(field) => test.holds_for_field(field),
            None => test.holds_without(),
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
    let condition = Expr::parse(cursor, &test)?;
    Ok(Part { name: Some(name), condition: Some(condition) })
}

fn name(cursor: &mut Cursor<'_>) -> Result<Box<str>, PatternError> {
    let name = cursor.take_while(|_, next| is_of_a_field(next));
    if name.is_empty() { Err(cursor.wrong("a field's name was expected")) } else { Ok(name.into()) }
}

/// A name and what is asked of its field.
fn test(cursor: &mut Cursor<'_>) -> Result<(Box<str>, Test), PatternError> {
    let name = name(cursor)?;
    cursor.skip_space();
    Ok((name, Test::parse(cursor, ends_value)?))
}

/// Where a value without quotes ends.
fn ends_value(rest: &str, next: char) -> bool {
    matches!(next, ',' | ')') || rest.starts_with("&&") || rest.starts_with("||")
}
