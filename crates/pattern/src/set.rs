//! Many patterns, one look at each event.
//!
//! Every value that any pattern asks for is found once, in one walk over the event. Most patterns demand that some value is a
//! certain text, or is there at all: those are reached from the value, and not asked about other events.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use crate::{
    Event, FilterPattern, Form,
    compiled::{Compiled, Guard, Node, Places},
    document::{Document, Kind, Place, Value},
    selector::{Path, Step},
    words::Words,
};

/// Patterns by key, matched together.
#[derive(Debug)]
pub struct PatternSet<K> {
    patterns: Vec<(K, FilterPattern)>,
    /// The roots of patterns for JSON, by number of pattern; their paths are numbered as in `paths`.
    roots: Vec<Option<Node>>,
    paths: Vec<Path>,
    trie: Trie,
    index: Index,
    /// Patterns of words.
    words: Option<Words>,
    /// Other patterns that must be asked about every event.
    always: Vec<usize>,
    /// The same, for events of JSON.
    always_json: Vec<usize>,
}

/// Which patterns may match, from the values of an event.
#[derive(Debug, Default)]
struct Index {
    by_text: BTreeMap<usize, Names<Vec<usize>>>,
    by_presence: BTreeMap<usize, Vec<usize>>,
}

/// By names of members, or texts. The keys are those of patterns, which only who may put filters chooses; events are looked up.
type Names<V> = HashMap<Box<str>, V, BuildHasherDefault<Quick>>;

/// A hash that takes a few nanoseconds for a name.
#[derive(Debug, Default)]
struct Quick(u64);

impl Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = (self.0.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(0x517c_c1b7_2722_0a95);
        }
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

const NOWHERE: Place = Place::MAX;

struct Found(Vec<Place>);

impl Places for Found {
    fn place(&self, path: usize) -> Option<Place> {
        Some(self.0[path]).filter(|place| *place != NOWHERE)
    }
}

impl<K> PatternSet<K> {
    /// A set of these patterns.
    pub fn new(patterns: Vec<(K, FilterPattern)>) -> PatternSet<K> {
        let mut set = PatternSet {
            roots: vec![None; patterns.len()],
            paths: Vec::new(),
            trie: Trie::default(),
            index: Index::default(),
            words: None,
            always: Vec::new(),
            always_json: Vec::new(),
            patterns,
        };
        let mut numbers = HashMap::new();
        for which in 0..set.patterns.len() {
            let pattern = set.patterns[which].1.clone();
            match &*pattern.form {
                Form::Json(compiled) => set.add(which, compiled, &mut numbers),
                _ => set.always.push(which),
            }
        }
        let forms: Vec<_> = set.patterns.iter().map(|(_, pattern)| pattern.form.clone()).collect();
        set.words = Words::new(&mut set.always, |which| match &*forms[which] {
            Form::Terms(terms) => Some(terms),
            _ => None,
        });
        for (number, path) in set.paths.iter().enumerate() {
            if path.is_plain() {
                set.trie.add(path, number);
            }
        }
        set
    }

    /// How many patterns there are.
    pub fn len(&self) -> usize {
        self.patterns.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The keys of the patterns that match an event, in the order they were given.
    pub fn matches<'s>(&'s self, event: &Event<'_>) -> impl Iterator<Item = &'s K> + use<'s, K> {
        self.matching(event).into_iter().map(|which| &self.patterns[which].0)
    }

    /// The patterns that match an event, with their keys, in the order they were given.
    pub fn matching_patterns<'s>(
        &'s self,
        event: &Event<'_>,
    ) -> impl Iterator<Item = &'s (K, FilterPattern)> + use<'s, K> {
        self.matching(event).into_iter().map(|which| &self.patterns[which])
    }

    fn matching(&self, event: &Event<'_>) -> Vec<usize> {
        let mut out: Vec<usize> =
            self.always.iter().copied().filter(|which| self.patterns[*which].1.matches(event)).collect();
        if let Some(words) = &self.words {
            words.matching(event.text(), &mut out);
        }
        if !self.paths.is_empty()
            && let Some(document) = event.document()
        {
            self.matching_json(document, &mut out);
        }
        out.sort_unstable();
        out
    }

    fn matching_json(&self, document: &Document<'_>, out: &mut Vec<usize>) {
        let found = self.trie.find(document, self.paths.len());
        let mut candidates = self.always_json.clone();
        self.index.candidates(document, &found, &mut candidates);
        candidates.sort_unstable();
        candidates.dedup();
        out.extend(
            candidates.into_iter().filter(|which| {
                self.roots[*which].as_ref().is_some_and(|root| root.holds(&self.paths, document, &found))
            }),
        );
    }

    fn add(&mut self, which: usize, compiled: &Compiled, numbers: &mut HashMap<Path, usize>) {
        let mut number = |path: usize| {
            let path = &compiled.paths[path];
            *numbers.entry(path.clone()).or_insert_with(|| {
                self.paths.push(path.clone());
                self.paths.len() - 1
            })
        };
        match compiled.guards() {
            None => self.always_json.push(which),
            Some(guards) => {
                for guard in guards {
                    let list = match guard {
                        Guard::Is(path, text) => {
                            self.index.by_text.entry(number(path)).or_default().entry(text.into()).or_default()
                        }
                        Guard::Exists(path) => self.index.by_presence.entry(number(path)).or_default(),
                    };
                    if list.last() != Some(&which) {
                        list.push(which);
                    }
                }
            }
        }
        let mut root = compiled.root.clone();
        root.renumber(&mut number);
        self.roots[which] = Some(root);
    }
}

impl Index {
    fn candidates(&self, document: &Document<'_>, found: &Found, out: &mut Vec<usize>) {
        for (path, patterns) in &self.by_presence {
            if found.place(*path).is_some() {
                out.extend(patterns);
            }
        }
        for (path, texts) in &self.by_text {
            let Some(place) = found.place(*path) else { continue };
            let patterns = match document.value(place) {
                Value::String(text) => texts.get(&*text),
                Value::Number(text) => texts.get(text),
                Value::Bool(_) | Value::Null | Value::Container => None,
            };
            out.extend(patterns.into_iter().flatten());
        }
    }
}

impl Node {
    fn renumber(&mut self, number: &mut impl FnMut(usize) -> usize) {
        match self {
            Node::All(parts) | Node::Any(parts) => parts.iter_mut().for_each(|part| part.renumber(number)),
            Node::OneOf(path, _) | Node::Condition(path, _) => *path = number(*path),
        }
    }
}

/// All plain paths as one tree.
#[derive(Debug, Default)]
struct Trie {
    members: Names<Trie>,
    /// Which lengths the members' names have, a bit each; 63 and more are one. Most names of an event are told by that.
    lengths: u64,
    elements: BTreeMap<usize, Trie>,
    /// The path that ends here.
    path: Option<usize>,
}

impl Trie {
    fn add(&mut self, path: &Path, number: usize) {
        let mut here = self;
        for step in &path.steps {
            here = match step {
                Step::Member(name) => {
                    here.lengths |= length(name);
                    here.members.entry(name.clone()).or_default()
                }
                Step::Element(index) => here.elements.entry(*index).or_default(),
                Step::Every => return,
            };
        }
        here.path = Some(number);
    }

    fn find(&self, document: &Document<'_>, paths: usize) -> Found {
        let mut found = Found(vec![NOWHERE; paths]);
        self.walk(document, Document::ROOT, &mut found);
        found
    }

    fn walk(&self, document: &Document<'_>, place: Place, found: &mut Found) {
        if let Some(path) = self.path {
            found.0[path] = place;
        }
        match document.kind(place) {
            Kind::Object if !self.members.is_empty() => {
                for child in document.children(place) {
                    let key = document.key(child);
                    if self.lengths & length(&key) == 0 {
                        continue;
                    }
                    if let Some(deeper) = self.members.get(&*key) {
                        deeper.forget(found);
                        deeper.walk(document, child, found);
                    }
                }
            }
            Kind::Array if !self.elements.is_empty() => {
                for (index, child) in document.children(place).enumerate() {
                    if let Some(deeper) = self.elements.get(&index) {
                        deeper.walk(document, child, found);
                    }
                }
            }
            _ => {}
        }
    }

    /// Of two members of one name the last counts: what was found in the first is forgotten.
    fn forget(&self, found: &mut Found) {
        if let Some(path) = self.path {
            found.0[path] = NOWHERE;
        }
        self.members.values().chain(self.elements.values()).for_each(|deeper| deeper.forget(found));
    }
}

fn length(name: &str) -> u64 {
    1 << name.len().min(63)
}
