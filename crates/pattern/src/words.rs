//! Many patterns of terms: all their words are looked for in one pass over the event.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::terms::{Term, Terms};

/// With fewer patterns, looking for each word alone is as fast.
const PATTERNS_MIN: usize = 8;

/// Patterns of words only, by number.
#[derive(Debug)]
pub(crate) struct Words {
    automaton: AhoCorasick,
    words: usize,
    patterns: Vec<(usize, Wanted)>,
}

/// As [`Terms`], in numbers of words.
#[derive(Debug)]
struct Wanted {
    required: Vec<usize>,
    optional: Vec<usize>,
    excluded: Vec<usize>,
}

impl Words {
    /// Takes from `patterns` those that are words only, if it is worth it. What it leaves must be asked one by one.
    pub fn new<'p>(patterns: &mut Vec<usize>, terms: impl Fn(usize) -> Option<&'p Terms>) -> Option<Words> {
        let mut numbers: HashMap<&[u8], usize> = HashMap::new();
        let mut taken = Vec::new();
        for which in patterns.iter().copied() {
            let Some(terms) = terms(which).filter(|terms| terms.are_words()) else { continue };
            let mut numbered = |terms: &'p [Term]| {
                let words = terms.iter().filter_map(Term::word);
                words
                    .map(|word| {
                        let next = numbers.len();
                        *numbers.entry(word).or_insert(next)
                    })
                    .collect()
            };
            let required = numbered(&terms.required);
            let optional = if terms.are_optional() { numbered(&terms.optional) } else { Vec::new() };
            let excluded = numbered(&terms.excluded);
            taken.push((which, Wanted { required, optional, excluded }));
        }
        if taken.len() < PATTERNS_MIN {
            return None;
        }
        let mut words: Vec<&[u8]> = vec![&[]; numbers.len()];
        numbers.iter().for_each(|(word, number)| words[*number] = word);
        let mut builder = AhoCorasick::builder();
        builder.match_kind(MatchKind::Standard).kind(Some(AhoCorasickKind::ContiguousNFA));
        // It fails only if the words are longer than any that patterns may have.
        let automaton = builder.build(&words).ok()?;
        patterns.retain(|which| taken.binary_search_by_key(which, |(taken, _)| *taken).is_err());
        Some(Words { automaton, words: words.len(), patterns: taken })
    }

    /// The patterns that match.
    pub fn matching(&self, text: &str, out: &mut Vec<usize>) {
        let mut there = vec![false; self.words];
        for found in self.automaton.find_overlapping_iter(text) {
            there[found.pattern().as_usize()] = true;
        }
        let has = |word: &usize| there[*word];
        let matches = |wanted: &Wanted| {
            !wanted.excluded.iter().any(has)
                && wanted.required.iter().all(has)
                && (wanted.optional.is_empty() || wanted.optional.iter().any(has))
        };
        out.extend(self.patterns.iter().filter(|(_, wanted)| matches(wanted)).map(|(which, _)| *which));
    }
}
