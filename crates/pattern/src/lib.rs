//! CloudWatch Logs' filter patterns: compiled once, shown many events.
//!
//! A pattern is terms (`ERROR -DEBUG`), a pattern for space-delimited events (`[ip, ..., status = 4*]`) or one for JSON
//! (`{ $.eventName = "ConsoleLogin" }`); the source is "Filter pattern syntax for metric filters, subscription filters, filter
//! log events, and Live Tail". What AWS leaves open is decided in ADR 26. [`PatternSet`] holds many patterns and looks at each
//! event once for all of them.
//!
//! Never: I/O, a clock, a panic whatever the bytes of pattern or event, work that is not linear in the event.

mod compiled;
mod cursor;
mod delimited;
mod document;
mod error;
mod event;
mod expression;
mod fields;
mod joined;
mod json;
mod selector;
mod set;
mod terms;
mod test;
mod words;

use std::sync::Arc;

pub use error::PatternError;
pub use event::Event;
pub use selector::Selector;
pub use set::PatternSet;

use compiled::Compiled;
use cursor::Cursor;
use delimited::Delimited;
use document::{Document, Place, Value};
use selector::What;
use terms::Terms;

/// How long a pattern may be, in characters (`FilterPattern` in the API reference).
pub const PATTERN_CHARS_MAX: usize = 1024;
/// How many regular expressions a pattern for JSON or for space-delimited events may hold.
pub const EXPRESSIONS_MAX: usize = 2;
/// How many wildcards the selectors of a pattern for JSON may hold together.
pub const WILDCARDS_MAX: usize = 3;
/// How many filters with regular expressions one log group may have ("Supported regular expressions (regex) syntax", quotas).
pub const PATTERNS_WITH_EXPRESSIONS_MAX: usize = 5;

const TOO_MANY_EXPRESSIONS: &str = "Your input has exceeded the maximum of 2 regular expressions per filter pattern.";
const TOO_MANY_WILDCARDS: &str =
    "Your input has exceeded the maximum of 3 JSON wildcard selectors allowed per filter pattern.";

/// A filter pattern. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct FilterPattern {
    form: Arc<Form>,
}

#[derive(Debug)]
pub(crate) enum Form {
    /// The empty pattern.
    Everything,
    Terms(Terms),
    Delimited(Delimited),
    Json(Compiled),
}

impl FilterPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// If it is not one. AWS answers `InvalidParameterException`.
    pub fn parse(text: &str) -> Result<FilterPattern, PatternError> {
        if text.chars().count() > PATTERN_CHARS_MAX {
            return Err(PatternError::new(0, format!("the pattern has more than {PATTERN_CHARS_MAX} characters")));
        }
        let trimmed = text.trim();
        let start = text.len() - text.trim_start().len();
        let (form, expressions_max) = match trimmed.as_bytes().first() {
            None => (Form::Everything, 0),
            Some(b'{') => {
                let (inner, within) = inner(trimmed, '}').map_err(|wrong| wrong.moved(start))?;
                let expr = json::parse(&mut Cursor::new(inner)).map_err(|wrong| wrong.moved(start + within))?;
                (Form::Json(Compiled::new(&expr)), EXPRESSIONS_MAX)
            }
            Some(b'[') => {
                let (inner, within) = inner(trimmed, ']').map_err(|wrong| wrong.moved(start))?;
                let pattern = Delimited::parse(&mut Cursor::new(inner)).map_err(|wrong| wrong.moved(start + within))?;
                (Form::Delimited(pattern), EXPRESSIONS_MAX)
            }
            Some(_) => (Form::Terms(Terms::parse(&mut Cursor::new(text))?), usize::MAX),
        };
        let pattern = FilterPattern { form: Arc::new(form) };
        if pattern.expressions() > expressions_max {
            return Err(PatternError::answered(start, TOO_MANY_EXPRESSIONS));
        }
        match &*pattern.form {
            Form::Json(compiled) if compiled.wildcards() > WILDCARDS_MAX => {
                Err(PatternError::answered(start, TOO_MANY_WILDCARDS))
            }
            _ => Ok(pattern),
        }
    }

    /// Whether an event matches.
    pub fn matches(&self, event: &Event<'_>) -> bool {
        match &*self.form {
            Form::Everything => true,
            Form::Terms(terms) => terms.matches(event.text()),
            Form::Delimited(pattern) => pattern.matches(event.fields()),
            Form::Json(compiled) => event.document().is_some_and(|document| compiled.matches(document)),
        }
    }

    /// The values that selectors find in an event, as text: for a metric's value and dimensions. `None` stands for one that is
    /// not there, is null, or is an object or array.
    pub fn extract(&self, event: &Event<'_>, selectors: &[Selector]) -> Vec<Option<String>> {
        selectors.iter().map(|selector| self.value(event, selector)).collect()
    }

    /// What TestMetricFilter shows as `extractedValues`: the fields of a space-delimited event, by name or number. Other patterns
    /// extract nothing.
    pub fn extracted(&self, event: &Event<'_>) -> Vec<(String, String)> {
        match &*self.form {
            Form::Delimited(pattern) => pattern.extracted(event.fields()),
            _ => Vec::new(),
        }
    }

    /// How many regular expressions it holds. Log groups limit the filters that have any.
    pub fn expressions(&self) -> usize {
        match &*self.form {
            Form::Everything => 0,
            Form::Terms(terms) => terms.expressions(),
            Form::Delimited(pattern) => pattern.expressions(),
            Form::Json(compiled) => compiled.expressions(),
        }
    }

    fn value(&self, event: &Event<'_>, selector: &Selector) -> Option<String> {
        match (&selector.what, &*self.form) {
            (What::Path(path), _) => {
                let document = event.document()?;
                let mut value = None;
                path.any(document, |place| {
                    value = text(document, place);
                    value.is_some()
                });
                value
            }
            (What::Field(name), Form::Delimited(pattern)) => pattern.field(name, event.fields()).map(str::to_owned),
            (What::Field(_), _) => None,
        }
    }
}

fn text(document: &Document<'_>, place: Place) -> Option<String> {
    match document.value(place) {
        Value::String(text) => Some(text.into_owned()),
        Value::Number(text) => Some(text.to_owned()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Container => None,
    }
}

/// What stands between the first character and a last one that must be `closing`, and where it starts.
fn inner(trimmed: &str, closing: char) -> Result<(&str, usize), PatternError> {
    match trimmed[1..].strip_suffix(closing) {
        Some(inner) => Ok((inner, 1)),
        None => Err(PatternError::new(trimmed.len(), format!("'{closing}' was expected at the end"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_read_and_written() {
        for (text, written) in [
            ("$.a.b", "$.a.b"),
            ("$.a[0].b[*]", "$.a[0].b[*]"),
            ("$.a.*", "$.a[*]"),
            ("$.[\"it's\"]", "$.['it\\'s']"),
            ("$['']", "$.['']"),
            ("$status_code", "$status_code"),
            ("$7", "$7"),
        ] {
            let selector = Selector::parse(text).unwrap();
            assert_eq!(selector.to_string(), written);
            assert_eq!(Selector::parse(written), Ok(selector));
        }
        for text in ["", "a", "$", "$.", "$.a b", "$.a[", "$a.b", "$.a[*].*", "1"] {
            assert!(Selector::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn values_are_found_for_metrics_and_dimensions() {
        let all = ["$.n", "$.text", "$.flag", "$.null", "$.list", "$.list[1]", "$.none", "$.list[*]", "$ip"];
        let selectors = all.map(|text| Selector::parse(text).unwrap());
        let json = FilterPattern::parse("{ $.n = * }").unwrap();
        let event = Event::new(r#"{"n":1.50,"text":"a\tb","flag":true,"null":null,"list":[null,"x"]}"#);
        let found = json.extract(&event, &selectors);
        let expected = [Some("1.50"), Some("a\tb"), Some("true"), None, None, Some("x"), None, Some("x"), None];
        assert_eq!(found.iter().map(Option::as_deref).collect::<Vec<_>>(), expected);
        let fields = FilterPattern::parse("[ip, ..., size]").unwrap();
        let selectors = ["$ip", "$size", "$2", "$9", "$none"].map(|text| Selector::parse(text).unwrap());
        let found = fields.extract(&Event::new("10.0.0.1 - x 7"), &selectors);
        assert_eq!(
            found.iter().map(Option::as_deref).collect::<Vec<_>>(),
            [Some("10.0.0.1"), Some("7"), Some("-"), None, None]
        );
    }

    #[test]
    fn the_users_patterns_match() {
        let root = r#"{ $.userIdentity.type = "Root" && $.userIdentity.invokedBy NOT EXISTS && $.eventType != "AwsServiceEvent" }"#;
        let pattern = FilterPattern::parse(root).unwrap();
        assert!(pattern.matches(&Event::new(r#"{"userIdentity":{"type":"Root"},"eventType":"AwsApiCall"}"#)));
        assert!(!pattern.matches(&Event::new(r#"{"userIdentity":{"type":"Root","invokedBy":"x"}}"#)));
        let set = PatternSet::new(vec![("root", pattern), ("all", FilterPattern::parse("").unwrap())]);
        let event = Event::new(r#"{"userIdentity":{"type":"Root"}}"#);
        assert_eq!(set.matches(&event).collect::<Vec<_>>(), [&"root", &"all"]);
    }
}
