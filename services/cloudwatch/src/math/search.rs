//! What SEARCH looks for. Source: CloudWatch user guide, "CloudWatch search expression syntax".
//!
//! ```text
//! search = [ '{' namespace { ',' dimension name } '}' ] terms
//! terms  = terms 'OR' terms | terms ['AND'] terms | 'NOT' term | '(' terms ')' | [ key '=' ] ( word | '"' words '"' )
//! ```

use crate::metric::Metric;

/// How deep parentheses may be.
const DEPTH_MAX: usize = 32;

/// A search.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// The namespace and exactly these dimensions.
    schema: Option<(String, Vec<String>)>,
    terms: Option<Term>,
}

#[derive(Clone, Debug, PartialEq)]
enum Term {
    And(Box<Term>, Box<Term>),
    Or(Box<Term>, Box<Term>),
    Not(Box<Term>),
    Word { key: Option<String>, text: String, is_exact: bool },
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Equals,
    Word(String),
    Quoted(String),
}

impl Search {
    /// Reads the text of a SEARCH.
    pub fn parse(text: &str) -> Result<Search, String> {
        let text = text.trim();
        let (schema, rest) = match text.strip_prefix('{') {
            Some(inside) => {
                let (schema, rest) = inside.split_once('}').ok_or("'}' is missing")?;
                let mut parts = split_schema(schema).into_iter();
                let namespace = parts.next().filter(|name| !name.is_empty()).ok_or("the schema names no namespace")?;
                (Some((namespace, parts.collect())), rest)
            }
            None => (None, text),
        };
        let tokens = tokens(rest)?;
        let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
        let terms = if tokens.is_empty() { None } else { Some(parser.or()?) };
        if parser.at < tokens.len() {
            return Err("the search has a word that does not belong there".to_owned());
        }
        if schema.is_none() && terms.is_none() {
            return Err("the search is empty".to_owned());
        }
        Ok(Search { schema, terms })
    }

    /// Whether it finds a metric.
    pub fn finds(&self, metric: &Metric) -> bool {
        let fits = self.schema.as_ref().is_none_or(|(namespace, names)| {
            *namespace == metric.namespace
                && names.len() == metric.dimensions.len()
                && metric.dimensions.iter().all(|(name, _)| names.contains(name))
        });
        fits && self.terms.as_ref().is_none_or(|term| term.finds(metric))
    }
}

/// The parts of a schema; one in quotes may hold commas.
fn split_schema(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut is_quoted = false;
    for c in text.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => parts.push(String::new()),
            c => parts.last_mut().expect("there is one from the start").push(c),
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).collect()
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let after = &rest[first.len_utf8()..];
        match first {
            '(' => tokens.push(Token::Open),
            ')' => tokens.push(Token::Close),
            '=' => tokens.push(Token::Equals),
            '"' => {
                let (inside, after) = after.split_once('"').ok_or("a quote does not end")?;
                tokens.push(Token::Quoted(inside.to_owned()));
                rest = after.trim_start();
                continue;
            }
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || "()=\"".contains(c)).unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..end].to_owned()));
                rest = rest[end..].trim_start();
                continue;
            }
        }
        rest = after.trim_start();
    }
    Ok(tokens)
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is_it = matches!(self.peek(), Some(Token::Word(text)) if text == word);
        self.at += usize::from(is_it);
        is_it
    }

    fn or(&mut self) -> Result<Term, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("the search is nested more than {DEPTH_MAX} deep"));
        }
        let mut left = self.and()?;
        while self.takes_word("OR") {
            left = Term::Or(Box::new(left), Box::new(self.and()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn and(&mut self) -> Result<Term, String> {
        let mut left = self.term()?;
        loop {
            let is_more = match self.peek() {
                None | Some(Token::Close) => false,
                Some(Token::Word(word)) => word != "OR",
                Some(_) => true,
            };
            if !is_more {
                return Ok(left);
            }
            self.takes_word("AND");
            left = Term::And(Box::new(left), Box::new(self.term()?));
        }
    }

    fn term(&mut self) -> Result<Term, String> {
        let mut is_negative = false;
        while self.takes_word("NOT") {
            is_negative = !is_negative;
        }
        let term = match self.peek().cloned() {
            Some(Token::Open) => {
                self.at += 1;
                let inner = self.or()?;
                if self.peek() != Some(&Token::Close) {
                    return Err("')' is missing".to_owned());
                }
                self.at += 1;
                inner
            }
            Some(Token::Word(text)) => {
                self.at += 1;
                self.value(text, false)?
            }
            Some(Token::Quoted(text)) => {
                self.at += 1;
                self.value(text, true)?
            }
            Some(Token::Equals) => return Err("'=' has nothing before it".to_owned()),
            Some(Token::Close) | None => return Err("the search ends too early".to_owned()),
        };
        Ok(if is_negative { Term::Not(Box::new(term)) } else { term })
    }

    /// A word, or the value of the key that it turns out to be.
    fn value(&mut self, text: String, is_exact: bool) -> Result<Term, String> {
        if self.peek() != Some(&Token::Equals) {
            return Ok(Term::Word { key: None, text, is_exact });
        }
        self.at += 1;
        // `Key=(a OR b)`: each of them is the key's.
        if self.peek() == Some(&Token::Open) {
            self.at += 1;
            let inner = self.or()?;
            if self.peek() != Some(&Token::Close) {
                return Err("')' is missing".to_owned());
            }
            self.at += 1;
            return Ok(inner.of_key(&text));
        }
        let (value, is_exact) = match self.peek().cloned() {
            Some(Token::Word(value)) => (value, false),
            Some(Token::Quoted(value)) => (value, true),
            _ => return Err(format!("'{text}=' has no value")),
        };
        self.at += 1;
        Ok(Term::Word { key: Some(text), text: value, is_exact })
    }
}

impl Term {
    fn of_key(self, key: &str) -> Term {
        match self {
            Term::And(a, b) => Term::And(Box::new(a.of_key(key)), Box::new(b.of_key(key))),
            Term::Or(a, b) => Term::Or(Box::new(a.of_key(key)), Box::new(b.of_key(key))),
            Term::Not(inner) => Term::Not(Box::new(inner.of_key(key))),
            Term::Word { text, is_exact, .. } => Term::Word { key: Some(key.to_owned()), text, is_exact },
        }
    }

    fn finds(&self, metric: &Metric) -> bool {
        match self {
            Term::And(a, b) => a.finds(metric) && b.finds(metric),
            Term::Or(a, b) => a.finds(metric) || b.finds(metric),
            Term::Not(inner) => !inner.finds(metric),
            Term::Word { key: Some(key), text, is_exact } => match key.as_str() {
                "Namespace" => matches(&metric.namespace, text, *is_exact),
                "MetricName" => matches(&metric.name, text, *is_exact),
                key => metric.dimension(key).is_some_and(|value| matches(value, text, *is_exact)),
            },
            Term::Word { key: None, text, is_exact } => {
                let mut texts = [&metric.namespace, &metric.name]
                    .into_iter()
                    .chain(metric.dimensions.iter().flat_map(|(name, value)| [name, value]));
                texts.any(|known| matches(known, text, *is_exact))
            }
        }
    }
}

/// A quoted text is the whole; another one is a run of the words that names are made of: `NetworkOut` of Network and Out.
fn matches(known: &str, text: &str, is_exact: bool) -> bool {
    if is_exact {
        return known == text;
    }
    if known.eq_ignore_ascii_case(text) {
        return true;
    }
    let (known, wanted) = (words(known), words(text));
    !wanted.is_empty() && known.windows(wanted.len()).any(|run| run == wanted.as_slice())
}

/// The words of a name, in lower case: between marks, where a word in mixed case begins (`CPUUtilization` is CPU and Utilization), and
/// between letters and digits.
fn words(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut words: Vec<String> = Vec::new();
    for (at, c) in chars.iter().enumerate() {
        if !c.is_alphanumeric() {
            continue;
        }
        let before = at.checked_sub(1).map(|at| chars[at]).filter(|before| before.is_alphanumeric());
        let goes_on = before.is_some_and(|before| {
            let is_next_lower = chars.get(at + 1).is_some_and(|next| next.is_lowercase());
            let begins = c.is_uppercase() && (before.is_lowercase() || (before.is_uppercase() && is_next_lower));
            before.is_numeric() == c.is_numeric() && !begins
        });
        match words.last_mut() {
            Some(word) if goes_on => word.extend(c.to_lowercase()),
            _ => words.push(c.to_lowercase().collect()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_find_metrics() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let one = Metric::new("AWS/EC2", "CPUUtilization", [pair("InstanceId", "i-123")]);
        let two = Metric::new("AWS/EC2", "NetworkOut", [pair("InstanceId", "i-456")]);
        for (search, found) in [
            ("{AWS/EC2,InstanceId} MetricName=\"CPUUtilization\"", (true, false)),
            ("{AWS/EC2,InstanceId}", (true, true)),
            ("{AWS/EC2}", (false, false)),
            ("{AWS/EC2,InstanceId,ImageId}", (false, false)),
            ("Namespace=\"AWS/EC2\" NetworkOut", (false, true)),
            ("network", (false, true)),
            ("MetricName=(CPUUtilization OR NetworkOut)", (true, true)),
            ("cpu OR network", (true, true)),
            ("NOT cpu", (false, true)),
            ("InstanceId=i-123 AND NOT (network OR disk)", (true, false)),
            ("\"Network\"", (false, false)),
        ] {
            let parsed = Search::parse(search).unwrap();
            assert_eq!((parsed.finds(&one), parsed.finds(&two)), found, "{search}");
        }
        for bad in ["", "{", "{}", "(a", "a)", "=b", "a=", "\"a", "NOT", "a OR"] {
            assert!(Search::parse(bad).is_err(), "{bad}");
        }
    }
}
