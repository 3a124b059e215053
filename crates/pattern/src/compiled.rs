//! A pattern for JSON, prepared: each selector once, and a run of `$.a = x || $.a = y || …` as one look-up.

use crate::{
    document::{Document, Place, Value},
    json::{Condition, Expr},
    selector::Path,
};

#[derive(Debug)]
pub(crate) struct Compiled {
    pub root: Node,
    pub paths: Vec<Path>,
}

#[derive(Clone, Debug)]
pub(crate) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    /// The value at a path is one of these texts, which are sorted.
    OneOf(usize, Box<[Box<str>]>),
    Condition(usize, Condition),
}

/// What must be so of an event if a pattern is to match it; cheap to look up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Guard<'p> {
    /// The value at a plain path is this text.
    Is(usize, &'p str),
    /// There is a value at a plain path.
    Exists(usize),
}

/// Where the values are that a pattern's paths select.
pub(crate) trait Places {
    /// The value at a plain path.
    fn place(&self, path: usize) -> Option<Place>;
}

struct Walked<'c, 'd, 'a>(&'c Compiled, &'d Document<'a>);

impl Places for Walked<'_, '_, '_> {
    fn place(&self, path: usize) -> Option<Place> {
        self.0.paths[path].find(self.1)
    }
}

impl Compiled {
    pub fn new(expr: &Expr) -> Compiled {
        let mut paths = Vec::new();
        let root = node(expr, &mut paths);
        Compiled { root, paths }
    }

    pub fn matches(&self, document: &Document<'_>) -> bool {
        self.root.holds(&self.paths, document, &Walked(self, document))
    }

    pub fn expressions(&self) -> usize {
        self.root.expressions()
    }

    /// How many wildcards the conditions' selectors have.
    pub fn wildcards(&self) -> usize {
        self.root.wildcards(&self.paths)
    }

    /// Conditions of which one at least is true whenever the pattern matches; `None` if there are none to be had.
    pub fn guards(&self) -> Option<Vec<Guard<'_>>> {
        self.root.guards(&self.paths)
    }
}

impl Node {
    pub fn holds(&self, paths: &[Path], document: &Document<'_>, places: &impl Places) -> bool {
        match self {
            Node::All(parts) => parts.iter().all(|part| part.holds(paths, document, places)),
            Node::Any(parts) => parts.iter().any(|part| part.holds(paths, document, places)),
            Node::OneOf(path, texts) => places.place(*path).is_some_and(|place| match document.value(place) {
                Value::String(text) => among(texts, &text),
                Value::Number(text) => among(texts, text),
                Value::Bool(_) | Value::Null | Value::Container => false,
            }),
            Node::Condition(path, condition) if paths[*path].is_plain() => match places.place(*path) {
                Some(place) => condition.holds_for(document, place),
                None => condition.holds_without(),
            },
            Node::Condition(path, condition) => condition.holds(&paths[*path], document),
        }
    }

    fn expressions(&self) -> usize {
        match self {
            Node::All(parts) | Node::Any(parts) => parts.iter().map(Node::expressions).sum(),
            Node::OneOf(..) => 0,
            Node::Condition(_, Condition::Test(test)) => usize::from(test.is_expression()),
            Node::Condition(..) => 0,
        }
    }

    fn wildcards(&self, paths: &[Path]) -> usize {
        match self {
            Node::All(parts) | Node::Any(parts) => parts.iter().map(|part| part.wildcards(paths)).sum(),
            Node::OneOf(path, _) | Node::Condition(path, _) => paths[*path].wildcards(),
        }
    }

    fn guards(&self, paths: &[Path]) -> Option<Vec<Guard<'_>>> {
        match self {
            // Any one of the parts will do; the best is the one that is true least often.
            Node::All(parts) => parts.iter().filter_map(|part| part.guards(paths)).min_by_key(|guards| cost(guards)),
            Node::Any(parts) => {
                let all: Option<Vec<_>> = parts.iter().map(|part| part.guards(paths)).collect();
                all.map(|all| all.into_iter().flatten().collect())
            }
            Node::OneOf(path, texts) => Some(texts.iter().map(|text| Guard::Is(*path, text)).collect()),
            Node::Condition(path, condition) => {
                let needed = paths[*path].is_plain() && !condition.holds_without();
                needed.then(|| vec![Guard::Exists(*path)])
            }
        }
    }
}

/// A guess how often guards let a pattern be asked: that a value exists says far less than that it is a certain text.
fn cost(guards: &[Guard<'_>]) -> usize {
    guards.iter().map(|guard| if matches!(guard, Guard::Is(..)) { 1 } else { 1_000 }).sum()
}

fn among(texts: &[Box<str>], text: &str) -> bool {
    texts.binary_search_by(|candidate| (**candidate).cmp(text)).is_ok()
}

fn node(expr: &Expr, paths: &mut Vec<Path>) -> Node {
    match expr {
        Expr::All(parts) => Node::All(parts.iter().map(|part| node(part, paths)).collect()),
        Expr::Any(parts) => joined(parts.iter().map(|part| node(part, paths)).collect()),
        Expr::One((path, condition)) => {
            let plain = path.is_plain();
            let path = interned(path, paths);
            match condition {
                Condition::Test(test) if plain && test.only_text().is_some() => {
                    Node::OneOf(path, test.only_text().into_iter().map(Box::from).collect())
                }
                other => Node::Condition(path, other.clone()),
            }
        }
    }
}

/// Alternatives, those that ask one path for one text put together.
fn joined(parts: Vec<Node>) -> Node {
    let mut out: Vec<Node> = Vec::new();
    for part in parts {
        match part {
            Node::Any(inner) => inner.into_iter().for_each(|part| add(&mut out, part)),
            part => add(&mut out, part),
        }
    }
    match out.len() {
        1 => out.swap_remove(0),
        _ => Node::Any(out),
    }
}

fn add(out: &mut Vec<Node>, part: Node) {
    if let Node::OneOf(path, texts) = &part {
        for earlier in out.iter_mut() {
            if let Node::OneOf(there, known) = earlier
                && there == path
            {
                let mut all: Vec<_> = known.iter().chain(texts).cloned().collect();
                all.sort();
                all.dedup();
                *known = all.into();
                return;
            }
        }
    }
    out.push(part);
}

fn interned(path: &Path, paths: &mut Vec<Path>) -> usize {
    paths.iter().position(|known| known == path).unwrap_or_else(|| {
        paths.push(path.clone());
        paths.len() - 1
    })
}
