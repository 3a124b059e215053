//! The library of sample queries: own queries in a data file, each of which runs as it stands over the built-in store.

use std::sync::LazyLock;

use serde::Deserialize;

use super::names::is_uuid;
use crate::error::Error;

/// The library.
const FILE: &str = include_str!("../../data/sample-queries.json");

/// What every sample reads; an alias may be told to read something else.
const FROM: &str = "\nFROM events\n";

/// Words that say nothing of what is looked for.
const EMPTY_WORDS: [&str; 24] = [
    "a", "all", "an", "and", "are", "by", "did", "for", "from", "how", "i", "in", "is", "me", "my", "of", "on", "show",
    "that", "the", "to", "was", "what", "with",
];

/// A sample.
#[derive(Debug, Deserialize)]
pub struct Sample {
    /// Names it in StartQuery and DescribeQuery.
    pub alias: String,
    /// Its title.
    pub name: String,
    /// What it answers.
    pub description: String,
    /// The statement.
    pub sql: String,
    /// What else it is looked for by.
    pub keywords: Vec<String>,
}

/// All samples, in the order of the file.
pub static SAMPLES: LazyLock<Vec<Sample>> =
    LazyLock::new(|| serde_json::from_str(FILE).expect("the library of samples is part of the program, and tested"));

/// Samples that have to do with a phrase, the nearest first, each with its relevance: more than 0, at most 1.
pub fn search(phrase: &str) -> Vec<(&'static Sample, f64)> {
    let asked: Vec<String> = words(phrase).filter(|word| !EMPTY_WORDS.contains(&word.as_str())).collect();
    let mut found: Vec<(&Sample, f64)> = SAMPLES
        .iter()
        .filter_map(|sample| {
            let sum: f64 = asked.iter().map(|word| weight(sample, word)).sum();
            let of = asked.len().max(1);
            let relevance = sum / f64::from(u32::try_from(of).unwrap_or(u32::MAX));
            (relevance > 0.0).then_some((sample, (relevance * 1_000.0).round() / 1_000.0))
        })
        .collect();
    // Equal ones stay in the order of the file.
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    found
}

/// How much a word says for a sample.
fn weight(sample: &Sample, word: &str) -> f64 {
    let has = |text: &str| words(text).any(|other| same(&other, word));
    if has(&sample.name) || sample.keywords.iter().any(|keyword| same(keyword, word)) {
        1.0
    } else if has(&sample.description) {
        0.7
    } else if words(&sample.sql).any(|other| other == word) {
        0.4
    } else {
        0.0
    }
}

/// Equal but for an ending: `login` and `logins`, `delete` and `deleted`.
fn same(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    a == b
        || (short.len() >= 4
            && long.strip_prefix(short).is_some_and(|rest| ["s", "d", "ed", "es", "ing"].contains(&rest)))
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_ascii_lowercase)
}

/// The statement of an alias, and its parameters. The first parameter is the UUID of the event data store to read; without one, the
/// built-in store is read.
pub fn by_alias(alias: &str, parameters: Vec<String>) -> Result<(String, Vec<String>), Error> {
    let sample = SAMPLES.iter().find(|sample| sample.alias == alias);
    let sample = sample.ok_or_else(|| Error::InvalidParameterException(format!("There is no query alias {alias}.")))?;
    match parameters.as_slice() {
        [] => Ok((sample.sql.clone(), Vec::new())),
        [store] if is_uuid(store) => Ok((sample.sql.replacen(FROM, &format!("\nFROM {store}\n"), 1), Vec::new())),
        [other] => Err(Error::InvalidParameterException(format!(
            "QueryParameters must be the ID of an event data store, not {other}."
        ))),
        _ => Err(Error::InvalidParameterException(format!("The query alias {alias} has one parameter."))),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_sample_is_sql_that_lake_takes() {
        assert!(SAMPLES.len() >= 25);
        for sample in SAMPLES.iter() {
            let parsed = query_lang::parse(&sample.sql, query_lang::Dialect::Lake, &[]);
            assert!(parsed.is_ok(), "{}: {:?}", sample.alias, parsed.err());
            assert_eq!(sample.sql.matches(FROM).count(), 1, "{}", sample.alias);
        }
        let aliases: BTreeSet<&str> = SAMPLES.iter().map(|sample| sample.alias.as_str()).collect();
        assert_eq!(aliases.len(), SAMPLES.len());
    }

    #[test]
    fn the_nearest_samples_come_first() {
        let first = |phrase: &str| search(phrase).first().map(|(sample, _)| sample.alias.as_str());
        assert_eq!(first("console logins without MFA"), Some("console-logins-without-mfa"));
        assert_eq!(first("show me what the root user did"), Some("root-use"));
        assert_eq!(first("deleted S3 objects"), Some("s3-deleted-objects"));
        assert_eq!(first("old TLS"), Some("tls-versions"));
        assert_eq!(first("xyzzy"), None);
        assert!(search("security").iter().all(|(_, relevance)| (0.0..=1.0).contains(relevance)));
    }

    #[test]
    fn an_alias_reads_the_store_it_is_told() {
        let id = "ee54f254-e4d5-4e0c-8f5b-0123456789ab";
        let (sql, _) = by_alias("root-use", vec![id.to_owned()]).unwrap();
        assert!(sql.contains(&format!("FROM {id}")), "{sql}");
        assert!(by_alias("root-use", vec!["x; DROP".to_owned()]).is_err());
        assert!(by_alias("nothing", Vec::new()).is_err());
    }
}
