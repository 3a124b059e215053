//! Any text as a filter pattern, and any text as an event: an error that can be shown, or a pattern that says the same of an event alone,
//! among others, and when asked again.

use pattern::{Event, FilterPattern, PatternSet, Selector};

/// Patterns that are always there: what is found once must serve all.
const OTHERS: [&str; 4] =
    ["{ $.eventName = ConsoleLogin || $.a[0] > 1 }", "[w1=ERROR, ..., w2]", "ERROR -DEBUG", "%^[a-z]+$%"];

/// The first line is a pattern, the second a selector, the rest an event.
pub fn filter_pattern(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut parts = text.splitn(3, '\n');
    let (first, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let event = Event::new(parts.next().unwrap_or_default());
    let pattern = match FilterPattern::parse(first) {
        Ok(pattern) => pattern,
        Err(error) => {
            assert!(error.position() <= first.len());
            return assert!(!error.to_string().is_empty() && !error.for_metric_filter().is_empty());
        }
    };
    let matches = pattern.matches(&event);
    assert_eq!(matches, pattern.matches(&Event::new(event.text())), "a pattern says the same of the same event");
    let mut patterns = vec![(0, pattern.clone())];
    patterns.extend(
        OTHERS.iter().enumerate().map(|(number, text)| (number + 1, FilterPattern::parse(text).expect("a pattern"))),
    );
    let together: Vec<usize> = PatternSet::new(patterns.clone()).matches(&event).copied().collect();
    let alone = patterns.iter().filter(|(_, pattern)| pattern.matches(&event)).map(|(number, _)| *number);
    assert_eq!(together, alone.collect::<Vec<_>>(), "patterns say the same alone and together");
    let extracted = pattern.extracted(&event);
    if let Ok(selector) = Selector::parse(second) {
        assert_eq!(Selector::parse(&selector.to_string()), Ok(selector.clone()), "a selector can be written");
        let value = pattern.extract(&event, std::slice::from_ref(&selector)).remove(0);
        if let Some((_, shown)) = extracted.iter().find(|(name, _)| *name == selector.to_string()) {
            assert_eq!(value.as_ref(), Some(shown), "a field is what is shown of it");
        }
    }
}
