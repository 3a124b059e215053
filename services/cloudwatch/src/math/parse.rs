//! Words to a tree. Precedence, loosest first: `||`, `&&`, comparisons, `+ -`, `* /`, `^`, signs.

use super::lex::{Token, tokens};

/// How deep expressions may be: they are evaluated by recursion.
const DEPTH_MAX: usize = 64;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// The result of another query.
    Name(String),
    /// `[m1, m2]`.
    List(Vec<Expression>),
    /// `-x`.
    Negative(Box<Expression>),
    /// `!x`.
    Not(Box<Expression>),
    /// `a + b`.
    Binary(&'static str, Box<Expression>, Box<Expression>),
    /// `AVG(m1)`; the name in upper case.
    Call(String, Vec<Expression>),
}

impl Expression {
    /// The parts that an expression has.
    pub fn parts(&self) -> Vec<&Expression> {
        match self {
            Expression::Number(_) | Expression::Text(_) | Expression::Name(_) => Vec::new(),
            Expression::List(parts) | Expression::Call(_, parts) => parts.iter().collect(),
            Expression::Negative(one) | Expression::Not(one) => vec![one],
            Expression::Binary(_, left, right) => vec![left, right],
        }
    }

    /// Visits the expression and all in it.
    pub fn visit<'a>(&'a self, visit: &mut dyn FnMut(&'a Expression)) {
        visit(self);
        self.parts().into_iter().for_each(|part| part.visit(visit));
    }

    /// The other queries that it names.
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.visit(&mut |part| {
            if let Expression::Name(name) = part {
                names.push(name.as_str());
            }
        });
        names
    }

    /// The functions that it calls.
    pub fn calls(&self) -> Vec<(&str, &[Expression])> {
        let mut calls = Vec::new();
        self.visit(&mut |part| {
            if let Expression::Call(name, arguments) = part {
                calls.push((name.as_str(), arguments.as_slice()));
            }
        });
        calls
    }
}

/// Reads an expression. The error is for its writer.
pub fn parse(text: &str) -> Result<Expression, String> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
    let expression = parser.binary(0)?;
    match parser.peek() {
        None => Ok(expression),
        Some(token) => Err(format!("unexpected {}", show(token))),
    }
}

fn show(token: &Token) -> String {
    match token {
        Token::Number(number) => format!("{number}"),
        Token::Name(name) => name.clone(),
        Token::Text(text) => format!("'{text}'"),
        Token::Mark(mark) => (*mark).to_owned(),
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
}

/// The operators of each level, loosest first.
const LEVELS: [&[&str]; 6] =
    [&["||", "OR"], &["&&", "AND"], &["==", "!=", "<=", ">=", "<", ">"], &["+", "-"], &["*", "/"], &["^"]];

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn takes(&mut self, mark: &str) -> bool {
        let is_it = self.peek() == Some(&Token::Mark(mark_of(mark)));
        self.at += usize::from(is_it);
        is_it
    }

    fn expect(&mut self, mark: &str) -> Result<(), String> {
        match self.takes(mark) {
            true => Ok(()),
            false => Err(self.peek().map_or(format!("'{mark}' is missing at the end"), |token| {
                format!("'{mark}' is missing before {}", show(token))
            })),
        }
    }

    /// The operator of this level that comes next.
    fn operator(&mut self, level: usize) -> Option<&'static str> {
        let found = match self.peek()? {
            Token::Mark(mark) => LEVELS[level].iter().find(|known| *known == mark),
            Token::Name(name) => LEVELS[level].iter().find(|known| known.eq_ignore_ascii_case(name)),
            _ => None,
        };
        let operator = match *found? {
            "OR" => "||",
            "AND" => "&&",
            other => other,
        };
        self.at += 1;
        Some(operator)
    }

    fn binary(&mut self, level: usize) -> Result<Expression, String> {
        if level == LEVELS.len() {
            return self.unary();
        }
        let mut left = self.binary(level + 1)?;
        let mut count = 0;
        while let Some(operator) = self.operator(level) {
            // A chain is a tree as deep as it is long.
            count += 1;
            self.deeper(count)?;
            let right = self.binary(level + 1)?;
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn deeper(&self, more: usize) -> Result<(), String> {
        match self.depth + more > DEPTH_MAX {
            true => Err(format!("the expression is nested more than {DEPTH_MAX} deep")),
            false => Ok(()),
        }
    }

    fn unary(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        self.deeper(0)?;
        let expression = if self.takes("-") {
            Expression::Negative(Box::new(self.unary()?))
        } else if self.takes("+") {
            self.unary()?
        } else if self.takes("!") {
            Expression::Not(Box::new(self.unary()?))
        } else {
            self.primary()?
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn list(&mut self, end: &str) -> Result<Vec<Expression>, String> {
        let mut parts = Vec::new();
        if self.takes(end) {
            return Ok(parts);
        }
        loop {
            parts.push(self.binary(0)?);
            if self.takes(end) {
                return Ok(parts);
            }
            self.expect(",")?;
        }
    }

    fn primary(&mut self) -> Result<Expression, String> {
        let Some(token) = self.peek().cloned() else { return Err("the expression ends too early".to_owned()) };
        self.at += 1;
        match token {
            Token::Number(number) => Ok(Expression::Number(number)),
            Token::Text(text) => Ok(Expression::Text(text)),
            Token::Mark("(") => {
                let inner = self.binary(0)?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Mark("[") => Ok(Expression::List(self.list("]")?)),
            Token::Name(name) if self.takes("(") => Ok(Expression::Call(name.to_ascii_uppercase(), self.list(")")?)),
            Token::Name(name) => Ok(Expression::Name(name)),
            other => Err(format!("unexpected {}", show(&other))),
        }
    }
}

/// The mark as a constant.
fn mark_of(mark: &str) -> &'static str {
    ["(", ")", "[", "]", ",", "-", "+", "!"].into_iter().find(|known| *known == mark).unwrap_or("")
}
