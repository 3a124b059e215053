//! Many patterns, one look at each event.
//!
//! Every value that any pattern asks for is found once, in one walk over the event. Most patterns demand that some value is a
//! certain text, or is there at all: those are reached from the value, and not asked about other events.

use std::collections::HashMap;

use crate::{
    Event, FilterPattern, Form,
    compiled::{Compiled, Guard, Node, Places},
    document::{Document, Kind, Place, Value},
    selector::{Path, Step},
};

/// Patterns by key, matched together.
#[derive(Debug)]
pub struct PatternSet<K> {
    patterns: Vec<(K, FilterPattern)>,
    /// The roots of patterns for JSON, their paths numbered as in `paths`.
    roots: HashMap<usize, Node>,
    paths: Vec<Path>,
    trie: Trie,
    index: Index,
    /// Patterns that must be asked about every event.
    always: Vec<usize>,
    /// The same, for events of JSON.
    always_json: Vec<usize>,
}

/// Which patterns may match, from the values of an event.
#[derive(Debug, Default)]
struct Index {
    by_text: HashMap<usize, HashMap<Box<str>, Vec<usize>>>,
    by_presence: HashMap<usize, Vec<usize>>,
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
            roots: HashMap::new(),
            paths: Vec::new(),
            trie: Trie::default(),
            index: Index::default(),
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
        if self.roots.is_empty() {
            return out;
        }
        let Some(document) = event.document() else { return out };
        let found = self.trie.find(document, self.paths.len());
        let mut candidates = self.always_json.clone();
        self.index.candidates(document, &found, &mut candidates);
        candidates.sort_unstable();
        candidates.dedup();
        out.extend(candidates.into_iter().filter(|which| self.roots[which].holds(&self.paths, document, &found)));
        out.sort_unstable();
        out
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
        self.roots.insert(which, root);
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
                Value::Bool(flag) => texts.get(if flag { "true" } else { "false" }),
                Value::Null | Value::Container => None,
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
    members: HashMap<Box<str>, Trie>,
    elements: HashMap<usize, Trie>,
    /// The path that ends here.
    path: Option<usize>,
}

impl Trie {
    fn add(&mut self, path: &Path, number: usize) {
        let mut here = self;
        for step in &path.steps {
            here = match step {
                Step::Member(name) => here.members.entry(name.clone()).or_default(),
                Step::Element(index) => here.elements.entry(*index).or_default(),
                Step::Elements | Step::Members => return,
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
                    if let Some(deeper) = self.members.get(&*document.key(child)) {
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
