//! Filter policies: which messages a subscription gets. Sources: SNS developer guide, "Amazon SNS subscription filter policies", and the
//! pages on constraints, string value matching, numeric value matching, key matching and AND/OR logic.

mod matching;
mod read;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

pub use matching::Attribute;

/// What a policy looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The message's attributes.
    Attributes,
    /// The message's text, which must be a JSON object.
    Body,
}

impl Scope {
    /// The value of `FilterPolicyScope`.
    pub fn parse(text: &str) -> Option<Scope> {
        match text {
            "MessageAttributes" => Some(Scope::Attributes),
            "MessageBody" => Some(Scope::Body),
            _ => None,
        }
    }
}

/// A policy, ready to be held against messages.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    scope: Scope,
    all: Group,
}

/// Fields that must all fit, and alternatives of which one must.
#[derive(Clone, Debug, Default, PartialEq)]
struct Group {
    fields: Vec<(String, Field)>,
    /// Each `$or`: one of its groups must fit.
    alternatives: Vec<Vec<Group>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Field {
    /// One of these must fit.
    Any(Vec<Test>),
    /// What is below it.
    Below(Group),
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Text(String),
    Number(f64),
    Bool(bool),
    Null,
    Prefix(String),
    Suffix(String),
    /// In lower case.
    IgnoringCase(String),
    /// Not one of these.
    AnythingBut(Vec<Test>),
    /// All of these.
    Numeric(Vec<(Comparison, f64)>),
    Exists(bool),
    /// An address and the length of its prefix.
    Cidr(IpAddr, u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}
