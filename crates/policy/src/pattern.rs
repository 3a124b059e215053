//! Patterns with `*`, `?` and policy variables, and how they match text. Sources: IAM user guide, "IAM JSON policy elements:
//! Resource", "IAM policy elements: Variables and tags".
//!
//! What a variable stands for is always literal: a user named `*` matches only the text `*`.

/// A pattern as it is written in a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    pieces: Vec<Piece>,
    text: String,
    /// It has no variables, so that nothing has to be looked up.
    is_plain: bool,
}

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// Exactly this text.
    Text(String),
    /// `?`: one character.
    One,
    /// `*`: any text, also none.
    Any,
    /// `${key}` or `${key, 'default'}`.
    Variable { key: String, default: Option<String> },
}

/// One step of a pattern whose variables are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Char(char),
    One,
    Any,
}

/// Whether `${…}` is a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variables {
    /// Policies of version 2012-10-17.
    On,
    /// Older policies: `${…}` is just text.
    Off,
}

/// Whether `*` and `?` are wildcards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wildcards {
    /// Resources, actions, the `Like` operators.
    On,
    /// `StringEquals` and its kin.
    Off,
}

/// Finds the value of a variable: `None` if the request has no such key, or more than one value for it.
pub type Lookup<'l> = &'l dyn Fn(&str) -> Option<String>;

impl Pattern {
    /// Reads a pattern. With variables on, `${*}`, `${?}` and `${$}` stand for the characters themselves, and an unclosed
    /// `${` is text.
    pub fn new(text: &str, variables: Variables, wildcards: Wildcards) -> Pattern {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if variables == Variables::On
                && let Some(inner) = rest.strip_prefix("${")
                && let Some((inside, after)) = inner.split_once('}')
            {
                rest = after;
                match inside.trim() {
                    "*" | "?" | "$" => plain.push_str(inside.trim()),
                    variable => {
                        flush(&mut pieces, &mut plain);
                        pieces.push(variable_piece(variable));
                    }
                }
                continue;
            }
            rest = &rest[first.len_utf8()..];
            match first {
                '*' | '?' if wildcards == Wildcards::On => {
                    flush(&mut pieces, &mut plain);
                    pieces.push(if first == '*' { Piece::Any } else { Piece::One });
                }
                other => plain.push(other),
            }
        }
        flush(&mut pieces, &mut plain);
        let is_plain = !pieces.iter().any(|piece| matches!(piece, Piece::Variable { .. }));
        Pattern { pieces, text: text.to_owned(), is_plain }
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a variable of the pattern has neither a value nor a default. Such a pattern matches nothing.
    pub fn is_unresolved(&self, lookup: Lookup<'_>) -> bool {
        self.pieces.iter().any(|piece| match piece {
            Piece::Variable { key, default } => default.is_none() && lookup(key).is_none(),
            Piece::Text(_) | Piece::One | Piece::Any => false,
        })
    }

    /// The steps with every variable's value in place. `None` if one is missing.
    pub(crate) fn steps(&self, lookup: Lookup<'_>) -> Option<Vec<Step>> {
        let mut steps = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => steps.extend(text.chars().map(Step::Char)),
                Piece::One => steps.push(Step::One),
                // Two stars in a row are one.
                Piece::Any if steps.last() == Some(&Step::Any) => {}
                Piece::Any => steps.push(Step::Any),
                Piece::Variable { key, default } => {
                    let value = lookup(key).or_else(|| default.clone())?;
                    steps.extend(value.chars().map(Step::Char));
                }
            }
        }
        Some(steps)
    }

    /// The condition keys that the pattern's variables name, as they are written.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable { key, .. } => Some(key.as_str()),
            Piece::Text(_) | Piece::One | Piece::Any => None,
        })
    }

    /// Whether the pattern matches the whole of `text`. A pattern with a missing variable matches nothing.
    pub fn matches(&self, text: &str, lookup: Lookup<'_>) -> bool {
        if self.is_plain {
            return plain(&self.pieces, text);
        }
        self.steps(lookup).is_some_and(|steps| matches(&steps, text))
    }

    /// Like [`Pattern::matches`], for letters of either case.
    pub fn matches_ignoring_case(&self, text: &str, lookup: Lookup<'_>) -> bool {
        self.steps(lookup).is_some_and(|steps| walk(&steps, text, |a, b| a.to_lowercase().eq(b.to_lowercase())))
    }
}

fn flush(pieces: &mut Vec<Piece>, plain: &mut String) {
    if !plain.is_empty() {
        pieces.push(Piece::Text(std::mem::take(plain)));
    }
}

/// `key` or `key, 'default'`.
fn variable_piece(inside: &str) -> Piece {
    let parts = inside.split_once(',').and_then(|(key, default)| {
        let default = default.trim().strip_prefix('\'')?.strip_suffix('\'')?;
        Some((key.trim(), default))
    });
    match parts {
        Some((key, default)) => Piece::Variable { key: key.to_owned(), default: Some(default.to_owned()) },
        None => Piece::Variable { key: inside.to_owned(), default: None },
    }
}

/// Like [`walk`], for pieces without variables: whole texts are compared at a time, and nothing is allocated.
fn plain(pieces: &[Piece], text: &str) -> bool {
    let (mut piece, mut at) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let next = match pieces.get(piece) {
            // The rest is as it may be.
            Some(Piece::Any) if piece + 1 == pieces.len() => return true,
            Some(Piece::Any) => {
                piece += 1;
                retry = Some((piece, at));
                continue;
            }
            Some(Piece::One) => text[at..].chars().next().map(char::len_utf8),
            Some(Piece::Text(wanted)) => text[at..].starts_with(wanted.as_str()).then_some(wanted.len()),
            Some(Piece::Variable { .. }) => None,
            None if at == text.len() => return true,
            None => None,
        };
        if let Some(taken) = next {
            (piece, at) = (piece + 1, at + taken);
            continue;
        }
        let Some((after_star, taken)) = retry else { return false };
        let Some(c) = text[taken..].chars().next() else { return false };
        (piece, at) = (after_star, taken + c.len_utf8());
        retry = Some((after_star, at));
    }
}

/// Whether the steps match the whole of `text`.
pub(crate) fn matches(steps: &[Step], text: &str) -> bool {
    walk(steps, text, |a, b| a == b)
}

/// Matches from left to right; on a dead end the last star takes one character more. Time is at most steps times text: only
/// the last star ever needs to be reconsidered.
fn walk(steps: &[Step], text: &str, same: impl Fn(char, char) -> bool) -> bool {
    let (mut step, mut at) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let next = text[at..].chars().next();
        match (steps.get(step), next) {
            (Some(Step::Any), _) => {
                step += 1;
                retry = Some((step, at));
                continue;
            }
            (Some(Step::One), Some(c)) => {
                (step, at) = (step + 1, at + c.len_utf8());
                continue;
            }
            (Some(Step::Char(wanted)), Some(c)) if same(*wanted, c) => {
                (step, at) = (step + 1, at + c.len_utf8());
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        let Some((after_star, taken)) = retry else { return false };
        let Some(c) = text[taken..].chars().next() else { return false };
        (step, at) = (after_star, taken + c.len_utf8());
        retry = Some((after_star, at));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOTHING: Lookup<'static> = &|_| None;

    fn wild(pattern: &str) -> Pattern {
        Pattern::new(pattern, Variables::On, Wildcards::On)
    }

    fn check(pattern: &str, text: &str, expected: bool) {
        assert_eq!(wild(pattern).matches(text, NOTHING), expected, "{pattern:?} on {text:?}");
    }

    #[test]
    fn wildcards() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "a/b:c", true),
            ("?", "", false),
            ("?", "é", true),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("a?c", "abbc", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("**", "x", true),
            ("a**", "a", true),
            ("arn:aws:s3:::b/AWSLogs/*", "arn:aws:s3:::b/AWSLogs/1/CloudTrail/x.json.gz", true),
            ("arn:aws:s3:::b/*", "arn:aws:s3:::b", false),
            ("A", "a", false),
        ] {
            check(pattern, text, expected);
        }
        assert!(wild("S3:Get*").matches_ignoring_case("s3:getobject", NOTHING));
    }

    #[test]
    fn variables_are_literal_and_must_be_there() {
        let lookup: Lookup<'_> = &|key| match key {
            "aws:username" => Some("alice".into()),
            "star" => Some("*".into()),
            "empty" => Some(String::new()),
            _ => None,
        };
        for (pattern, text, expected) in [
            ("home/${aws:username}/*", "home/alice/x", true),
            ("home/${aws:username}/*", "home/bob/x", false),
            ("home/${star}", "home/anything", false),
            ("home/${star}", "home/*", true),
            ("home/${missing}", "home/", false),
            ("home/${missing}*", "home/x", false),
            ("home/${missing, 'guest'}", "home/guest", true),
            ("home/${missing,'*'}", "home/x", false),
            ("home/${aws:username, 'guest'}", "home/alice", true),
            ("home/${empty}", "home/", true),
            ("${*}${?}${$}", "*?$", true),
            ("${*}", "x", false),
            ("a${b", "a${b", true),
            ("${${star}}", "*}", false),
        ] {
            assert_eq!(wild(pattern).matches(text, lookup), expected, "{pattern:?} on {text:?}");
        }
        assert!(wild("${missing}").is_unresolved(lookup));
        assert!(!wild("${star}${missing,'x'}").is_unresolved(lookup));
    }

    #[test]
    fn older_policies_have_no_variables() {
        let old = Pattern::new("x${aws:username}*", Variables::Off, Wildcards::On);
        assert!(old.matches("x${aws:username}y", NOTHING));
        let equals = Pattern::new("a*${*}", Variables::On, Wildcards::Off);
        assert!(equals.matches("a**", NOTHING));
        assert!(!equals.matches("ab*", NOTHING));
    }

    #[test]
    fn hostile_patterns_end() {
        let pattern = format!("{}b", "*a".repeat(200));
        check(&pattern, &"a".repeat(5_000), false);
    }

    /// The obvious way: every star tries every length. Slow, and easy to believe.
    fn slow(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), _) => (0..=text.len()).any(|take| slow(rest, &text[take..])),
            (Some(('?', rest)), Some((_, more))) => slow(rest, more),
            (Some((p, rest)), Some((t, more))) => p == t && slow(rest, more),
            _ => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]
        #[test]
        fn matching_is_what_the_obvious_way_says(pattern in "[ab*?é]{0,9}", text in "[abé]{0,9}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(wild(&pattern).matches(&text, NOTHING), slow(&chars(&pattern), &chars(&text)));
        }

        #[test]
        fn any_text_matches_itself_escaped(text in any::<String>()) {
            let escaped: String = text.chars().map(|c| match c {
                '*' | '?' | '$' => format!("${{{c}}}"),
                other => other.to_string(),
            }).collect();
            prop_assert!(wild(&escaped).matches(&text, NOTHING));
            prop_assert!(wild("*").matches(&text, NOTHING));
        }
    }
}
