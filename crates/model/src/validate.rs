//! Holds a request's [`Value`] against its shape: required members, lengths, values, counts, enumerations, patterns; and says
//! what is wrong in AWS's words.
//!
//! Never stops at the first violation (but at [`VIOLATIONS_MAX`]), never shows a sensitive value, and does not look at unknown
//! members: the decoders drop them.

use std::fmt::Write;

use crate::secret::is_secret_name;
use crate::serde_bridge::{DEPTH_MAX, PathPart};
use crate::shape::{Limits, Member, Model, Shape, ShapeKind, ShapeRef};
use crate::value::{Fields, Name, Value};

/// No more violations than these are looked for in one request. AWS's own lists end at about ten.
pub const VIOLATIONS_MAX: usize = 10;

/// A value is shown up to here; AWS shows all of it, but we neither return nor log megabytes.
const SHOWN_BYTES_MAX: usize = 1024;

/// One thing that is wrong with a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// From the operation's input to the offending value.
    pub path: Vec<PathPart>,
    /// The offending value as the message shows it; `None` if there is none.
    pub shown: Option<String>,
    /// The constraint it fails.
    pub kind: ViolationKind,
}

/// The constraint that a value fails.
#[derive(Debug, Clone, PartialEq)]
pub enum ViolationKind {
    /// A required member is missing, or a list has a hole.
    Null,
    /// Longer than this many characters, bytes, items or entries.
    LongerThan(f64),
    /// Shorter than this.
    ShorterThan(f64),
    /// A number above this.
    GreaterThan(f64),
    /// A number below this.
    LessThan(f64),
    /// Not one of these.
    NotInEnum(Vec<String>),
    /// Does not match this.
    Pattern(String),
    /// The value is of another kind than its shape. A decoder's mistake, or a document in a structure's place.
    Kind {
        /// What the shape is.
        expected: &'static str,
    },
    /// A union without, or with more than one, member.
    UnionMembers,
    /// Nested deeper than [`DEPTH_MAX`].
    Depth,
    /// Some item of a list of plain values fails: AWS names the list and every constraint of its items.
    Items(Vec<ViolationKind>),
    /// Some key of a map fails.
    Keys(Vec<ViolationKind>),
    /// Some plain value of a map fails.
    Values(Vec<ViolationKind>),
}

/// What is wrong with `value`, in the model's order of members; empty if nothing is.
pub fn validate(model: &Model, shape: &ShapeRef, value: &Value) -> Vec<Violation> {
    let mut check = Check { model, path: Vec::new(), sensitive: 0, violations: Vec::new() };
    check.any(shape, value);
    check.violations
}

struct Check<'a> {
    model: &'a Model,
    path: Vec<PathPart>,
    /// How many of the shapes on the way here are sensitive.
    sensitive: usize,
    violations: Vec<Violation>,
}

impl Check<'_> {
    fn report(&mut self, value: Option<(&ShapeRef, &Value)>, kind: ViolationKind) {
        if self.violations.len() >= VIOLATIONS_MAX {
            return;
        }
        let shown = value.map(|(shape, value)| match self.sensitive > 0 {
            true => HIDDEN.to_owned(),
            false => shown(self.model, shape, value),
        });
        self.violations.push(Violation { path: self.path.clone(), shown, kind });
    }

    fn at(&mut self, step: PathPart, shape: &ShapeRef, value: &Value) {
        let sensitive = match &step {
            PathPart::Member(name) | PathPart::Key(name) => usize::from(is_secret_name(name)),
            PathPart::Index(_) => 0,
        };
        self.sensitive += sensitive;
        self.path.push(step);
        self.any(shape, value);
        self.path.pop();
        self.sensitive -= sensitive;
    }

    fn any(&mut self, reference: &ShapeRef, value: &Value) {
        let shape = self.model.shape(reference);
        let sensitive = usize::from(reference.traits.sensitive || shape.traits.sensitive);
        self.sensitive += sensitive;
        if self.path.len() > DEPTH_MAX {
            self.report(None, ViolationKind::Depth);
        } else if self.violations.len() < VIOLATIONS_MAX {
            match (&shape.kind, value) {
                (ShapeKind::Structure(structure), Value::Struct(fields)) => {
                    if structure.union && fields.iter().filter(|(_, value)| **value != Value::Null).count() != 1 {
                        self.report(Some((reference, value)), ViolationKind::UnionMembers);
                    }
                    for member in &structure.members {
                        match fields.get(&member.name) {
                            None | Some(Value::Null) if member.required && !travels_beside(member) => {
                                self.path.push(PathPart::Member(Name::clone(&member.name)));
                                self.report(None, ViolationKind::Null);
                                self.path.pop();
                            }
                            None | Some(Value::Null) => {}
                            Some(value) => self.at(PathPart::Member(Name::clone(&member.name)), &member.target, value),
                        }
                    }
                }
                (ShapeKind::List(item), Value::List(items)) => {
                    self.plain(reference, shape, value);
                    self.items(reference, item, items, value);
                }
                (ShapeKind::Map(key, item), Value::Struct(fields)) => {
                    self.plain(reference, shape, value);
                    self.entries(reference, (key, item), fields, value);
                }
                _ => self.plain(reference, shape, value),
            }
        }
        self.sensitive -= sensitive;
    }

    fn plain(&mut self, reference: &ShapeRef, shape: &Shape, value: &Value) {
        for kind in broken(shape, value) {
            self.report(Some((reference, value)), kind);
        }
    }

    fn items(&mut self, reference: &ShapeRef, item: &ShapeRef, items: &[Value], list: &Value) {
        let shape = self.model.shape(item);
        if is_plain(shape) {
            if items.iter().any(|value| *value != Value::Null && !broken(shape, value).is_empty()) {
                self.report(Some((reference, list)), ViolationKind::Items(constraints(shape)));
            }
            return;
        }
        for (index, value) in items.iter().enumerate().filter(|(_, value)| **value != Value::Null) {
            self.at(PathPart::Index(index), item, value);
        }
    }

    fn entries(&mut self, reference: &ShapeRef, (key, item): (&ShapeRef, &ShapeRef), fields: &Fields, map: &Value) {
        let key_shape = self.model.shape(key);
        if !constraints(key_shape).is_empty() {
            let bad = |name: &Name| !broken(key_shape, &Value::String(name.to_string())).is_empty();
            if fields.iter().any(|(name, _)| bad(name)) {
                self.report(Some((reference, map)), ViolationKind::Keys(constraints(key_shape)));
            }
        }
        let shape = self.model.shape(item);
        if is_plain(shape) {
            if fields.iter().any(|(_, value)| *value != Value::Null && !broken(shape, value).is_empty()) {
                self.report(Some((reference, map)), ViolationKind::Values(constraints(shape)));
            }
            return;
        }
        for (name, value) in fields.iter().filter(|(_, value)| **value != Value::Null) {
            self.at(PathPart::Key(Name::clone(name)), item, value);
        }
    }
}

/// Whether a member is a stream, which has no value: it is read by the operation itself.
fn travels_beside(member: &Member) -> bool {
    member.target.traits.streaming || member.target.traits.event_stream
}

/// Makes a violation of a bound.
type Bound = fn(f64) -> ViolationKind;

fn is_plain(shape: &Shape) -> bool {
    !matches!(shape.kind, ShapeKind::Structure(_) | ShapeKind::List(_) | ShapeKind::Map(..) | ShapeKind::Document)
}

/// Every constraint of a plain shape, in the order in which AWS lists them.
fn constraints(shape: &Shape) -> Vec<ViolationKind> {
    let Limits { min, max, pattern, .. } = &shape.limits;
    let numeric = matches!(shape.kind, ShapeKind::Integer | ShapeKind::Long | ShapeKind::Float | ShapeKind::Double);
    let (above, below): (Bound, Bound) = match numeric {
        true => (ViolationKind::GreaterThan, ViolationKind::LessThan),
        false => (ViolationKind::LongerThan, ViolationKind::ShorterThan),
    };
    let mut all: Vec<_> = max.map(above).into_iter().chain(min.map(below)).collect();
    all.extend(pattern.clone().map(ViolationKind::Pattern));
    if let ShapeKind::String(values) = &shape.kind
        && !values.is_empty()
    {
        all.push(ViolationKind::NotInEnum(values.clone()));
    }
    all
}

/// The constraints of its own that a value breaks, without a look at members or items.
fn broken(shape: &Shape, value: &Value) -> Vec<ViolationKind> {
    let limits = &shape.limits;
    let length = |count: usize| {
        #[expect(clippy::cast_precision_loss, reason = "lengths in memory are below 2^53")]
        let count = count as f64;
        outside(limits, count, ViolationKind::ShorterThan, ViolationKind::LongerThan)
    };
    let number = |number: f64| outside(limits, number, ViolationKind::LessThan, ViolationKind::GreaterThan);
    match (&shape.kind, value) {
        (ShapeKind::String(values), Value::String(text)) => {
            let mut kinds =
                if limits.min.is_some() || limits.max.is_some() { length(text.chars().count()) } else { Vec::new() };
            if !limits.pattern_allows(text) {
                kinds.push(ViolationKind::Pattern(limits.pattern.clone().unwrap_or_default()));
            }
            if !values.is_empty() && !values.contains(text) {
                kinds.push(ViolationKind::NotInEnum(values.clone()));
            }
            kinds
        }
        (ShapeKind::Blob, Value::Blob(bytes)) => length(bytes.len()),
        (ShapeKind::List(_), Value::List(items)) => length(items.len()),
        (ShapeKind::Map(..), Value::Struct(fields)) => length(fields.len()),
        #[expect(clippy::cast_precision_loss, reason = "only compared with bounds, all of which are below 2^53")]
        (ShapeKind::Integer | ShapeKind::Long, Value::Int(v)) => number(*v as f64),
        (ShapeKind::Float | ShapeKind::Double, Value::Double(v)) => number(*v),
        #[expect(clippy::cast_precision_loss, reason = "as above")]
        (ShapeKind::Float | ShapeKind::Double, Value::Int(v)) => number(*v as f64),
        (ShapeKind::Boolean, Value::Bool(_)) | (ShapeKind::Timestamp, Value::Timestamp(_)) => Vec::new(),
        (ShapeKind::Structure(_), Value::Struct(_)) | (ShapeKind::Document, _) => Vec::new(),
        (_, Value::Null) => Vec::new(),
        _ => vec![ViolationKind::Kind { expected: shape.kind.word() }],
    }
}

fn outside(limits: &Limits, measured: f64, below: Bound, above: Bound) -> Vec<ViolationKind> {
    let over = limits.max.filter(|max| measured > *max).map(above);
    let under = limits.min.filter(|min| measured < *min).map(below);
    over.into_iter().chain(under).collect()
}

/// What stands in a message instead of a secret.
const HIDDEN: &str = "***";

/// A value as Java prints it, which is what AWS's messages show; secrets in it are hidden.
fn shown(model: &Model, shape: &ShapeRef, value: &Value) -> String {
    let mut text = String::new();
    show(model, Some(shape), value, &mut text);
    if text.len() > SHOWN_BYTES_MAX {
        let cut = (0..=SHOWN_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(cut);
        text.push_str("...");
    }
    text
}

/// Below a document, or a value of another kind than its shape, there are no shapes.
fn show(model: &Model, reference: Option<&ShapeRef>, value: &Value, out: &mut String) {
    if out.len() > SHOWN_BYTES_MAX {
        return;
    }
    let shape = reference.map(|reference| model.shape(reference));
    let marked = reference.is_some_and(|reference| reference.traits.sensitive);
    if marked || shape.is_some_and(|shape| shape.traits.sensitive) {
        out.push_str(HIDDEN);
        return;
    }
    let written = match value {
        Value::Null => write!(out, "null"),
        Value::Bool(v) => write!(out, "{v}"),
        Value::Int(v) => write!(out, "{v}"),
        Value::Double(v) => write!(out, "{v:?}"),
        Value::String(v) => write!(out, "{v}"),
        Value::Blob(v) => write!(out, "({} bytes)", v.len()),
        Value::Timestamp(v) => write!(out, "{v}"),
        Value::List(items) => {
            let item = shape.and_then(|shape| match &shape.kind {
                ShapeKind::List(item) => Some(item),
                _ => None,
            });
            out.push('[');
            for (at, value) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                show(model, item, value, out);
            }
            write!(out, "]")
        }
        Value::Struct(fields) => {
            out.push('{');
            for (at, (name, value)) in fields.iter().enumerate() {
                let member = shape.and_then(|shape| match &shape.kind {
                    ShapeKind::Structure(structure) => structure.member(name).map(|member| &member.target),
                    ShapeKind::Map(_, item) => Some(item),
                    _ => None,
                });
                let is_hidden_key = matches!(shape.map(|shape| &shape.kind), Some(ShapeKind::Map(key, _))
                    if key.traits.sensitive || model.shape(key).traits.sensitive);
                let shown_name: &str = if is_hidden_key { HIDDEN } else { name };
                let _ = write!(out, "{}{shown_name}=", if at == 0 { "" } else { ", " });
                if is_secret_name(name) {
                    out.push_str(HIDDEN);
                } else {
                    show(model, member, value, out);
                }
            }
            write!(out, "}}")
        }
    };
    written.expect("writing to a string does not fail");
}

/// The text that AWS answers with: `1 validation error detected: Value 'x' at 'name' failed to satisfy constraint: Member
/// must have length greater than or equal to 3`.
pub fn message(violations: &[Violation]) -> String {
    let plural = if violations.len() == 1 { "" } else { "s" };
    let mut text = format!("{} validation error{plural} detected: ", violations.len());
    for (at, violation) in violations.iter().enumerate() {
        text.push_str(if at == 0 { "" } else { "; " });
        match &violation.shown {
            Some(shown) => text.extend(["Value '", shown, "'"]),
            None => text.push_str("Value null"),
        }
        let place = place(&violation.path);
        let _ = write!(text, " at '{place}' failed to satisfy constraint: {}", constraint(&violation.kind));
    }
    text
}

/// `tags.1.member.key`: members begin in lower case, items count from 1, and `member` follows an item's number or a map's key.
fn place(path: &[PathPart]) -> String {
    let mut steps = Vec::with_capacity(path.len() * 2);
    for part in path {
        match part {
            PathPart::Member(name) => steps.push(lower_camel(name)),
            PathPart::Key(name) => steps.extend([name.to_string(), "member".to_owned()]),
            PathPart::Index(index) => steps.extend([(index + 1).to_string(), "member".to_owned()]),
        }
    }
    steps.join(".")
}

/// `S3BucketName` is `s3BucketName`, `KMSKeyId` is `kMSKeyId`: only the first letter changes.
fn lower_camel(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(chars).collect()
}

fn constraint(kind: &ViolationKind) -> String {
    let all = |kinds: &[ViolationKind]| kinds.iter().map(constraint).collect::<Vec<_>>().join(", ");
    match kind {
        ViolationKind::Null => "Member must not be null".to_owned(),
        ViolationKind::LongerThan(max) => format!("Member must have length less than or equal to {max}"),
        ViolationKind::ShorterThan(min) => format!("Member must have length greater than or equal to {min}"),
        ViolationKind::GreaterThan(max) => format!("Member must have value less than or equal to {max}"),
        ViolationKind::LessThan(min) => format!("Member must have value greater than or equal to {min}"),
        ViolationKind::NotInEnum(values) => format!("Member must satisfy enum value set: [{}]", values.join(", ")),
        ViolationKind::Pattern(pattern) => format!("Member must satisfy regular expression pattern: {pattern}"),
        ViolationKind::Kind { expected } => format!("Member must be of type {expected}"),
        ViolationKind::UnionMembers => "Exactly one member must be set".to_owned(),
        ViolationKind::Depth => format!("Member must not be nested deeper than {DEPTH_MAX} levels"),
        ViolationKind::Items(kinds) => format!("Member must satisfy constraint: [{}]", all(kinds)),
        ViolationKind::Keys(kinds) => format!("Map keys must satisfy constraint: [{}]", all(kinds)),
        ViolationKind::Values(kinds) => format!("Map value must satisfy constraint: [{}]", all(kinds)),
    }
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
