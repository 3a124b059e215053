//! The rules of composite alarms. Source: CloudWatch API reference, PutCompositeAlarm (AlarmRule).
//!
//! ```text
//! rule  = or; or = and { OR and }; and = not { AND not }; not = NOT not | '(' rule ')' | TRUE | FALSE | state '(' alarm ')'
//!       | AT_LEAST '(' ( number | percent '%' ) ',' [ NOT ] state ',' '(' alarm { ',' alarm } ')' ')'
//! state = ALARM | OK | INSUFFICIENT_DATA; alarm = a name or an ARN, in quotes if it holds other than letters, digits and marks
//! ```

use super::StateValue;

/// How deep a rule may be.
const DEPTH_MAX: usize = 64;
/// Alarms that a rule names at most. Source: PutCompositeAlarm.
const ALARMS_MAX: usize = 100;
/// Elements of a rule at most: functions, alarms, operators and the rest. Source: PutCompositeAlarm.
const ELEMENTS_MAX: usize = 500;

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    Constant(bool),
    /// Whether an alarm, by name or ARN, is in a state.
    Is(StateValue, String),
    Not(Box<Rule>),
    And(Box<Rule>, Box<Rule>),
    Or(Box<Rule>, Box<Rule>),
    /// Whether so many alarms are, or are not, in a state.
    AtLeast {
        count: usize,
        is_not: bool,
        state: StateValue,
        alarms: Vec<String>,
    },
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Comma,
    Quoted(String),
    Word(String),
}

impl Rule {
    /// Reads a rule. The error is for its writer.
    pub fn parse(text: &str) -> Result<Rule, String> {
        let tokens = tokens(text)?;
        let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
        let rule = parser.or()?;
        if parser.at < tokens.len() {
            return Err("something stands behind its end".to_owned());
        }
        if rule.alarms().len() > ALARMS_MAX {
            return Err(format!("it names more than {ALARMS_MAX} alarms"));
        }
        Ok(rule)
    }

    /// The alarms it names, each once.
    pub fn alarms(&self) -> Vec<&str> {
        let mut alarms = Vec::new();
        self.collect(&mut alarms);
        alarms
    }

    fn collect<'a>(&'a self, alarms: &mut Vec<&'a str>) {
        let mut add = |name: &'a String| {
            if !alarms.contains(&name.as_str()) {
                alarms.push(name);
            }
        };
        match self {
            Rule::Constant(_) => {}
            Rule::Is(_, name) => add(name),
            Rule::AtLeast { alarms: all, .. } => all.iter().for_each(add),
            Rule::Not(inner) => inner.collect(alarms),
            Rule::And(a, b) | Rule::Or(a, b) => {
                a.collect(alarms);
                b.collect(alarms);
            }
        }
    }

    /// Whether it holds; alarms that are gone are in no state.
    pub fn holds(&self, state: &dyn Fn(&str) -> Option<StateValue>) -> bool {
        match self {
            Rule::Constant(value) => *value,
            Rule::Is(wanted, name) => state(name) == Some(*wanted),
            Rule::Not(inner) => !inner.holds(state),
            Rule::And(a, b) => a.holds(state) && b.holds(state),
            Rule::Or(a, b) => a.holds(state) || b.holds(state),
            Rule::AtLeast { count, is_not, state: wanted, alarms } => {
                alarms.iter().filter(|name| (state(name) == Some(*wanted)) != *is_not).count() >= *count
            }
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let after = &rest[first.len_utf8()..];
        let (token, after) = match first {
            '(' => (Token::Open, after),
            ')' => (Token::Close, after),
            ',' => (Token::Comma, after),
            '"' | '\'' => {
                let (inside, after) = after.split_once(first).ok_or("a quote does not end")?;
                (Token::Quoted(inside.to_owned()), after)
            }
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || "(),\"".contains(c)).unwrap_or(rest.len());
                (Token::Word(rest[..end].to_owned()), &rest[end..])
            }
        };
        tokens.push(token);
        if tokens.len() > ELEMENTS_MAX * 4 {
            return Err(format!("it has more than {ELEMENTS_MAX} elements"));
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
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is_it = matches!(self.tokens.get(self.at), Some(Token::Word(text)) if text.eq_ignore_ascii_case(word));
        self.at += usize::from(is_it);
        is_it
    }

    fn expect(&mut self, token: &Token, what: &str) -> Result<(), String> {
        if self.next().as_ref() == Some(token) { Ok(()) } else { Err(format!("{what} is missing")) }
    }

    fn or(&mut self) -> Result<Rule, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("it is nested more than {DEPTH_MAX} deep"));
        }
        let mut left = self.and()?;
        while self.takes_word("OR") {
            left = Rule::Or(Box::new(left), Box::new(self.and()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn and(&mut self) -> Result<Rule, String> {
        let mut left = self.not()?;
        while self.takes_word("AND") {
            left = Rule::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Rule, String> {
        let mut is_negative = false;
        while self.takes_word("NOT") {
            is_negative = !is_negative;
        }
        let rule = self.primary()?;
        Ok(if is_negative { Rule::Not(Box::new(rule)) } else { rule })
    }

    fn primary(&mut self) -> Result<Rule, String> {
        match self.next() {
            Some(Token::Open) => {
                let inner = self.or()?;
                self.expect(&Token::Close, "')'")?;
                Ok(inner)
            }
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("TRUE") => Ok(Rule::Constant(true)),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("FALSE") => Ok(Rule::Constant(false)),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("AT_LEAST") => self.at_least(),
            Some(Token::Word(word)) => {
                let state = StateValue::parse(&word.to_ascii_uppercase())
                    .ok_or_else(|| format!("'{word}' is neither a function nor an operator"))?;
                self.expect(&Token::Open, "'('")?;
                let name = self.name()?;
                self.expect(&Token::Close, "')'")?;
                Ok(Rule::Is(state, name))
            }
            Some(_) => Err("an element is where it does not belong".to_owned()),
            None => Err("it ends too early".to_owned()),
        }
    }

    fn name(&mut self) -> Result<String, String> {
        match self.next() {
            Some(Token::Quoted(name) | Token::Word(name)) if !name.is_empty() => Ok(name),
            _ => Err("the name of an alarm is missing".to_owned()),
        }
    }

    fn at_least(&mut self) -> Result<Rule, String> {
        self.expect(&Token::Open, "'('")?;
        let Some(Token::Word(number)) = self.next() else { return Err("AT_LEAST names no number".to_owned()) };
        self.expect(&Token::Comma, "','")?;
        let is_not = self.takes_word("NOT");
        let state = match self.next() {
            Some(Token::Word(word)) => StateValue::parse(&word.to_ascii_uppercase()),
            _ => None,
        };
        let state = state.ok_or("AT_LEAST names no state")?;
        self.expect(&Token::Comma, "','")?;
        self.expect(&Token::Open, "'('")?;
        let mut alarms = vec![self.name()?];
        while self.tokens.get(self.at) == Some(&Token::Comma) {
            self.at += 1;
            alarms.push(self.name()?);
        }
        self.expect(&Token::Close, "')'")?;
        self.expect(&Token::Close, "')'")?;
        let count = match number.strip_suffix('%') {
            Some(percent) => {
                let percent: usize = percent.parse().map_err(|_| "AT_LEAST names no number")?;
                if percent > 100 {
                    return Err("AT_LEAST takes at most 100%".to_owned());
                }
                (percent * alarms.len()).div_ceil(100)
            }
            None => number.parse().map_err(|_| "AT_LEAST names no number")?,
        };
        if count == 0 || count > alarms.len() {
            return Err("AT_LEAST takes from one to as many as there are alarms".to_owned());
        }
        Ok(Rule::AtLeast { count, is_not, state, alarms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_hold_or_not() {
        let state = |name: &str| match name {
            "bad" | "arn:aws:cloudwatch:us-east-1:1:alarm:bad one" => Some(StateValue::Alarm),
            "good" => Some(StateValue::Ok),
            "new" => Some(StateValue::InsufficientData),
            _ => None,
        };
        for (rule, expected) in [
            ("TRUE", true),
            ("ALARM(bad)", true),
            ("ALARM(\"bad\") AND OK(good)", true),
            ("ALARM(good) OR ALARM(bad) AND FALSE", false),
            ("(ALARM(good) OR ALARM(bad)) AND NOT FALSE", true),
            ("NOT INSUFFICIENT_DATA(new)", false),
            ("ALARM(\"arn:aws:cloudwatch:us-east-1:1:alarm:bad one\")", true),
            ("alarm(bad) and not ok(gone)", true),
            ("AT_LEAST(2, ALARM, (bad, good, new))", false),
            ("AT_LEAST(50%, NOT ALARM, (bad, good, new))", true),
        ] {
            assert_eq!(Rule::parse(rule).unwrap().holds(&state), expected, "{rule}");
        }
        for bad in [
            "",
            "ALARM",
            "ALARM()",
            "ALARM(a",
            "a",
            "TRUE TRUE",
            "NOT",
            "(TRUE",
            "\"a",
            "AT_LEAST(4, ALARM, (a))",
            "OK(a) XOR OK(b)",
        ] {
            assert!(Rule::parse(bad).is_err(), "{bad}");
        }
        assert!(Rule::parse(&"(".repeat(1000)).is_err());
    }
}
