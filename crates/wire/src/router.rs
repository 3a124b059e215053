//! Finds the operation of a REST request by method, path and query string. The most specific operation wins; where a model
//! has two operations with one URI (S3), those whose required query parameters and headers are there.

use std::borrow::Cow;
use std::cmp::{Ordering, Reverse};
use std::collections::HashMap;
use std::sync::Arc;

use http::HeaderMap;
use model::shape::{Segment, UriPattern};
use model::{Location, Model, Operation, ShapeKind};

use crate::{form, path};

/// The operations of one model, by method, the most specific first.
#[derive(Debug)]
pub struct Router {
    by_method: HashMap<String, Vec<Group>>,
}

/// The routes that share a path.
#[derive(Debug)]
struct Group {
    path: UriPattern,
    routes: Vec<Route>,
}

#[derive(Debug)]
struct Route {
    name: Arc<str>,
    /// What the pattern demands of the query string.
    pattern_query: Vec<(String, Option<String>)>,
    /// Required members that travel in the query string or a header, by their names there.
    needs_query: Vec<String>,
    needs_headers: Vec<String>,
}

/// In a query string, names the operation for a reader of logs; S3 itself ignores it.
const OPERATION_HINT: &str = "x-id";

impl Router {
    /// Reads the routes of a model.
    pub fn new(model: &Model) -> Router {
        let mut operations: Vec<&Operation> = model.operations.values().collect();
        operations.sort_by(|a, b| specific_first(a, b));
        let mut by_method: HashMap<String, Vec<Group>> = HashMap::new();
        for operation in operations {
            let groups = by_method.entry(operation.method.clone()).or_default();
            let route = Route::new(model, operation);
            match groups.iter_mut().find(|group| is_same_path(&group.path, &operation.uri)) {
                Some(group) => group.routes.push(route),
                None => groups.push(Group { path: operation.uri.clone(), routes: vec![route] }),
            }
        }
        Router { by_method }
    }

    /// The name of the operation that a request means. `path` and `query` are raw, S3's bucket first in the path.
    pub fn find(&self, method: &str, path: &str, query: &str, headers: &HeaderMap) -> Option<Arc<str>> {
        let groups = self.by_method.get(method)?;
        let mut given: Option<Vec<form::Pair<'_>>> = None;
        let mut best: Option<(&Route, Fit)> = None;
        let mut found_in: Option<&Group> = None;
        for group in groups {
            if found_in.is_some_and(|known| by_segments(&known.path, &group.path) != Ordering::Equal) {
                break;
            }
            if !path::matches(&group.path, path, |_, _| {}) {
                continue;
            }
            let given = given.get_or_insert_with(|| readable_pairs(query));
            for route in &group.routes {
                if let Some(fit) = route.fit(given, headers)
                    && best.as_ref().is_none_or(|(_, known)| fit > *known)
                {
                    best = Some((route, fit));
                    found_in = Some(group);
                }
            }
        }
        best.map(|(route, _)| route.name.clone())
    }
}

/// How well a request fits a route whose URI it matches; greater is better, and of equals the first in order wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Fit {
    in_pattern: usize,
    missing: Reverse<usize>,
    required: usize,
    hinted: bool,
}

impl Route {
    fn new(model: &Model, operation: &Operation) -> Route {
        let mut route = Route {
            name: operation.name.clone(),
            pattern_query: operation.uri.query.clone(),
            needs_query: Vec::new(),
            needs_headers: Vec::new(),
        };
        route.pattern_query.retain(|(key, _)| key != OPERATION_HINT);
        let input = operation.input.as_ref().map(|input| &model.shape(input).kind);
        if let Some(ShapeKind::Structure(input)) = input {
            for member in input.members.iter().filter(|member| member.required) {
                let name = member.target.traits.location_name.as_ref().unwrap_or(&member.name);
                match member.target.traits.location {
                    Some(Location::Query) => route.needs_query.push(name.to_string()),
                    Some(Location::Header) => route.needs_headers.push(name.to_ascii_lowercase()),
                    _ => {}
                }
            }
        }
        route
    }

    fn fit(&self, given: &[form::Pair<'_>], headers: &HeaderMap) -> Option<Fit> {
        let has = |wanted: &str| given.iter().any(|(key, _)| key == wanted);
        let matched = self.pattern_query.iter().all(|(wanted, value)| {
            given.iter().any(|(key, found)| key == wanted && value.as_ref().is_none_or(|value| found == value))
        });
        if !matched {
            return None;
        }
        let missing = self.needs_query.iter().filter(|name| !has(name)).count()
            + self.needs_headers.iter().filter(|name| !headers.contains_key(name.as_str())).count();
        Some(Fit {
            in_pattern: self.pattern_query.len(),
            missing: Reverse(missing),
            required: self.needs_query.len() + self.needs_headers.len(),
            hinted: given.iter().any(|(key, value)| key == OPERATION_HINT && *value == *self.name),
        })
    }
}

fn readable_pairs(query: &str) -> Vec<form::Pair<'_>> {
    let readable = |text| form::decode(text).unwrap_or(Cow::Borrowed(text));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.map(|(key, value)| (readable(key), readable(value))).collect()
}

/// Literals before labels before greedy labels, segment by segment; of those, a name before the name that it begins with
/// (`GetBucketLifecycleConfiguration` took over from `GetBucketLifecycle`), else by name.
fn specific_first(a: &Operation, b: &Operation) -> Ordering {
    by_segments(&a.uri, &b.uri).then_with(|| match (a.name.starts_with(&*b.name), b.name.starts_with(&*a.name)) {
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        _ => a.name.cmp(&b.name),
    })
}

/// Whether two patterns match the same paths.
fn is_same_path(a: &UriPattern, b: &UriPattern) -> bool {
    let (a, b) = (path::significant(a), path::significant(b));
    let same = |(a, b): (&Segment, &Segment)| match (a, b) {
        (Segment::Literal(a), Segment::Literal(b)) => a == b,
        (Segment::Label(_), Segment::Label(_)) | (Segment::Greedy(_), Segment::Greedy(_)) => true,
        _ => false,
    };
    a.len() == b.len() && a.iter().zip(b).all(same)
}

fn by_segments(a: &UriPattern, b: &UriPattern) -> Ordering {
    let rank = |pattern: &UriPattern| -> Vec<u8> {
        let segments = path::significant(pattern).iter().map(|segment| match segment {
            Segment::Literal(_) => 0,
            Segment::Label(_) => 1,
            Segment::Greedy(_) => 2,
        });
        segments.chain([3]).collect()
    };
    rank(a).cmp(&rank(b))
}
