//! Terms: `ERROR "out of memory" -DEBUG ?WARN ?FATAL %5[0-9]{2}%`.

use memchr::memmem::Finder;

use crate::{PatternError, cursor::Cursor, expression::Expression};

/// What an event is searched for.
#[derive(Clone, Debug)]
pub(crate) enum Term {
    Phrase(Box<Finder<'static>>),
    Expression(Expression),
}

/// A pattern of terms.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms {
    /// All of them are there.
    pub required: Vec<Term>,
    /// One of them is there. "If you combine '?' with other filter patterns, such as include and exclude terms, it will be
    /// ignored": they count only if they stand alone.
    pub optional: Vec<Term>,
    /// None of them is there.
    pub excluded: Vec<Term>,
}

impl Terms {
    pub fn parse(cursor: &mut Cursor<'_>) -> Result<Terms, PatternError> {
        let mut terms = Terms::default();
        loop {
            cursor.skip_space();
            let list = match cursor.peek() {
                None => return Ok(terms),
                Some('?') => &mut terms.optional,
                Some('-') => &mut terms.excluded,
                Some(_) => &mut terms.required,
            };
            if matches!(cursor.peek(), Some('?' | '-')) {
                cursor.next();
                cursor.skip_space();
            }
            list.push(term(cursor)?);
        }
    }

    pub fn matches(&self, text: &str) -> bool {
        let among = |term: &Term| term.is_in(text);
        if self.excluded.iter().any(among) {
            return false;
        }
        match self.are_optional() {
            true => self.optional.iter().any(among),
            false => self.required.iter().all(among),
        }
    }

    /// Whether the optional terms have a say.
    pub fn are_optional(&self) -> bool {
        self.required.is_empty() && self.excluded.is_empty() && !self.optional.is_empty()
    }

    /// Whether there is nothing but words, none of them empty.
    pub fn are_words(&self) -> bool {
        let mut all = self.required.iter().chain(&self.optional).chain(&self.excluded);
        all.all(|term| term.word().is_some_and(|word| !word.is_empty()))
    }

    pub fn expressions(&self) -> usize {
        let all = self.required.iter().chain(&self.optional).chain(&self.excluded);
        all.filter(|term| matches!(term, Term::Expression(_))).count()
    }
}

impl Term {
    /// The word or phrase, unless it is an expression.
    pub fn word(&self) -> Option<&[u8]> {
        match self {
            Term::Phrase(finder) => Some(finder.needle()),
            Term::Expression(_) => None,
        }
    }

    fn is_in(&self, text: &str) -> bool {
        match self {
            Term::Phrase(finder) => finder.find(text.as_bytes()).is_some(),
            Term::Expression(expression) => expression.finds(text),
        }
    }
}

fn term(cursor: &mut Cursor<'_>) -> Result<Term, PatternError> {
    let phrase = |text: &str| Term::Phrase(Box::new(Finder::new(text.as_bytes()).into_owned()));
    let start = cursor.at();
    match cursor.peek() {
        None => Err(cursor.wrong("a term was expected")),
        Some('"') => Ok(phrase(&cursor.quoted()?)),
        Some('%') => Ok(Term::Expression(Expression::parse(cursor)?)),
        Some(_) => {
            let word = cursor.take_while(|_, letter| !letter.is_whitespace() && !matches!(letter, '"' | '%'));
            // "Terms that include characters other than alphanumeric or underscore must be placed inside double quotes."
            match word.char_indices().find(|(_, letter)| !letter.is_alphanumeric() && !matches!(letter, '_' | '-')) {
                None => Ok(phrase(word)),
                Some((at, letter)) => Err(PatternError::term(start + at, letter.encode_utf8(&mut [0; 4]))),
            }
        }
    }
}
