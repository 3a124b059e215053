//! Which value of an event: `$.userIdentity.type`, `$.users[0].['e.mail']`, `$.resources[*].ARN`, or a field `$status_code`.

use std::fmt;

use crate::{
    PatternError,
    cursor::Cursor,
    document::{Document, Place},
};

/// How many parts a selector may have. Events nest no deeper than that where people look.
const STEPS_MAX: usize = 64;

const TOO_MANY_WILDCARDS: &str =
    "Your filter pattern has a JSON path selector that exceeds the maximum of 1 wildcard allowed per json selector.";

/// Selects a value of an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Selector {
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum What {
    /// In an event of JSON.
    Path(Path),
    /// In a space-delimited event: a name of the pattern, or a number from 1.
    Field(Box<str>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Path {
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    Member(Box<str>),
    Element(usize),
    /// `[*]` or `.*`: every element, or every member.
    Every,
}

impl Selector {
    /// Reads `$.a.b`, `$.a[0]`, `$.['a.b']`, or `$name` for space-delimited patterns.
    ///
    /// # Errors
    /// If the text is neither.
    pub fn parse(text: &str) -> Result<Selector, PatternError> {
        let mut cursor = Cursor::new(text);
        if text.starts_with("$.") || text.starts_with("$[") {
            let path = Path::parse(&mut cursor)?;
            return match cursor.done() {
                true => Ok(Selector { what: What::Path(path) }),
                false => Err(cursor.wrong("the selector should end here")),
            };
        }
        let Some(name) = text.strip_prefix('$') else {
            return Err(cursor.wrong("a selector starts with '$'"));
        };
        if name.is_empty() || !name.chars().all(is_of_a_field) {
            return Err(cursor.wrong("a field's name consists of letters, digits, '-' and '_'"));
        }
        Ok(Selector { what: What::Field(name.into()) })
    }

    /// Whether it selects in events of JSON, `$.a`; otherwise it names a field of space-delimited ones, `$a`.
    pub fn is_path(&self) -> bool {
        matches!(self.what, What::Path(_))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Path(path) => write!(out, "{path}"),
            What::Field(name) => write!(out, "${name}"),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("$")?;
        for step in &self.steps {
            match step {
                Step::Member(name) if !name.is_empty() && name.chars().all(is_of_a_field) => write!(out, ".{name}")?,
                Step::Member(name) => write!(out, ".['{}']", name.replace('\\', "\\\\").replace('\'', "\\'"))?,
                Step::Element(index) => write!(out, "[{index}]")?,
                Step::Every => out.write_str("[*]")?,
            }
        }
        Ok(())
    }
}

/// What names of fields consist of.
pub(crate) fn is_of_a_field(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '-' | '_')
}

impl Path {
    /// Reads a path; the cursor stands on `$`.
    pub fn parse(cursor: &mut Cursor<'_>) -> Result<Path, PatternError> {
        let start = cursor.at();
        if !cursor.eat("$") {
            // A sign that could begin another one is shown with what follows it.
            return Err(match cursor.peek() {
                Some('!') => {
                    cursor.next();
                    cursor.term_with_next(start)
                }
                Some(':' | '@' | '#' | ';' | '/' | '\\' | '?' | '`') => cursor.term_with_next(start),
                _ => cursor.wrong("a property selector was expected, such as $.eventName"),
            });
        }
        let mut path = Path::default();
        loop {
            let step = if cursor.eat("[") {
                bracket(cursor)?
            } else if cursor.eat(".[") {
                match bracket(cursor)? {
                    Step::Member(name) => Step::Member(name),
                    _ => return Err(cursor.wrong("'.[' is followed by a name in quotation marks")),
                }
            } else if cursor.eat(".*") {
                Step::Every
            } else if cursor.eat(".") {
                let name = cursor.take_while(|_, letter| is_of_a_member(letter));
                if name.is_empty() {
                    return Err(cursor.term_with_next(if path.steps.is_empty() { start } else { cursor.at() - 1 }));
                }
                Step::Member(name.into())
            } else {
                break;
            };
            path.steps.push(step);
            if path.steps.len() > STEPS_MAX {
                return Err(cursor.wrong("the property selector has too many parts"));
            }
        }
        if path.steps.is_empty() {
            return Err(cursor.wrong("a property selector starts with '$.'"));
        }
        if path.wildcards() > 1 {
            return Err(PatternError::answered(start, TOO_MANY_WILDCARDS));
        }
        Ok(path)
    }

    pub fn wildcards(&self) -> usize {
        self.steps.iter().filter(|step| **step == Step::Every).count()
    }

    /// Whether it selects one value at most.
    pub fn is_plain(&self) -> bool {
        self.wildcards() == 0
    }

    /// The one value that a plain path selects.
    pub fn find(&self, document: &Document<'_>) -> Option<Place> {
        self.steps.iter().try_fold(Document::ROOT, |place, step| match step {
            Step::Member(name) => document.member(place, name),
            Step::Element(index) => document.element(place, *index),
            Step::Every => None,
        })
    }

    /// Asks about each value that is selected until `says` is true of one.
    pub fn any(&self, document: &Document<'_>, mut says: impl FnMut(Place) -> bool) -> bool {
        any(&self.steps, document, Document::ROOT, &mut says)
    }
}

fn any(steps: &[Step], document: &Document<'_>, place: Place, says: &mut dyn FnMut(Place) -> bool) -> bool {
    let Some((step, rest)) = steps.split_first() else { return says(place) };
    match step {
        Step::Member(name) => document.member(place, name).is_some_and(|child| any(rest, document, child, says)),
        Step::Element(index) => document.element(place, *index).is_some_and(|child| any(rest, document, child, says)),
        Step::Every => document.children(place).any(|child| any(rest, document, child, says)),
    }
}

/// What stands in brackets; the cursor is behind the opening one.
fn bracket(cursor: &mut Cursor<'_>) -> Result<Step, PatternError> {
    let start = cursor.at() - 1;
    let step = match cursor.peek() {
        Some('\'' | '"') => Step::Member(cursor.quoted()?.into()),
        Some('*') => {
            cursor.next();
            Step::Every
        }
        _ => {
            let digits = cursor.take_while(|_, digit| digit.is_ascii_digit());
            match digits.parse() {
                Ok(index) => Step::Element(index),
                Err(_) => return Err(cursor.term_with_next(start)),
            }
        }
    };
    match cursor.eat("]") {
        true => Ok(step),
        false => Err(cursor.term_with_next(start)),
    }
}

/// What names of properties consist of without quotation marks: AWS says letters, digits, `-` and `_`; we take whatever has no
/// meaning of its own.
fn is_of_a_member(letter: char) -> bool {
    is_of_a_field(letter) || matches!(letter, '@' | '#' | '$')
}
