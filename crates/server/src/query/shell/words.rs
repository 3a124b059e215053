//! Names that Tab completes: tables, columns, functions, and the words of the language.

use std::collections::BTreeMap;

/// The most that is offered at once.
const OFFERED_MAX: usize = 60;
/// Words of the language.
const LANGUAGE: &[&str] = &[
    "AND",
    "ARRAY",
    "AS",
    "ASC",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "CROSS",
    "CURRENT_TIMESTAMP",
    "DESC",
    "DISTINCT",
    "ELSE",
    "END",
    "ESCAPE",
    "EXCEPT",
    "EXISTS",
    "FALSE",
    "FILTER",
    "FROM",
    "FULL",
    "GROUP",
    "HAVING",
    "IN",
    "INNER",
    "INTERSECT",
    "INTERVAL",
    "IS",
    "JOIN",
    "LEFT",
    "LIKE",
    "LIMIT",
    "NOT",
    "NULL",
    "NULLS",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "PARTITION",
    "RIGHT",
    "SELECT",
    "THEN",
    "TIMESTAMP",
    "TRUE",
    "UNION",
    "UNNEST",
    "VALUES",
    "WHEN",
    "WHERE",
    "WITH",
];

/// See the module.
#[derive(Debug, Default)]
pub struct Words {
    /// In lower case, and as they are written.
    all: BTreeMap<String, String>,
}

impl Words {
    /// These names, and those of the language.
    pub fn new(names: &[String]) -> Words {
        let language = LANGUAGE.iter().chain(query_lang::KNOWN).map(|word| (*word).to_owned());
        let all = language.chain(names.iter().cloned()).map(|word| (word.to_lowercase(), word)).collect();
        Words { all }
    }

    /// What the word before the cursor can become: what to put behind it, and what to offer if there are several.
    pub fn complete(&self, before: &str) -> (String, Vec<String>) {
        let begin = before.rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |at| at + 1);
        let begin = (begin..=before.len()).find(|at| before.is_char_boundary(*at)).unwrap_or(before.len());
        let word = &before[begin..];
        if word.is_empty() {
            return (String::new(), Vec::new());
        }
        let lower = word.to_lowercase();
        let fitting: Vec<(&String, &String)> =
            self.all.range(lower.clone()..).take_while(|(name, _)| name.starts_with(&lower)).collect();
        let Some((first, _)) = fitting.first() else { return (String::new(), Vec::new()) };
        let same = |other: &str| first.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
        let common = fitting.iter().map(|(name, _)| same(name)).min().unwrap_or(0);
        let typed = lower.chars().count();
        let shown = fitting.first().map_or("", |(_, shown)| shown.as_str());
        // As it was begun: lower case stays lower case, for words of the language too.
        let capitals = word.chars().any(char::is_uppercase) || shown.chars().any(char::is_lowercase);
        let shown = if capitals { shown.to_owned() } else { shown.to_lowercase() };
        let more: String = shown.chars().skip(typed).take(common.saturating_sub(typed)).collect();
        let offered = match fitting.as_slice() {
            [_] => Vec::new(),
            several => several.iter().take(OFFERED_MAX).map(|(_, shown)| (*shown).clone()).collect(),
        };
        (more, offered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_completed_as_far_as_they_agree() {
        let words = Words::new(&["eventName".to_owned(), "eventSource".to_owned(), "events".to_owned()]);
        let check = |before: &str, more: &str, offered: &[&str]| {
            let (found, several) = words.complete(before);
            assert_eq!(found, more, "{before}");
            assert_eq!(several, offered, "{before}");
        };
        check("SELECT eventn", "ame", &[]);
        check("SELECT even", "t", &["eventName", "events", "eventSource"]);
        check("whe", "", &["WHEN", "WHERE"]);
        check("wher", "e", &[]);
        check("WHER", "E", &[]);
        check("SELECT ", "", &[]);
        check("é.eventn", "ame", &[]);
        check("nothingatall", "", &[]);
    }
}
