//! Any text as a filter policy of SNS, held against any message: an error that can be shown, or an answer, the same each time; and whether
//! a message fits does not depend on what the policy says of keys that it asks nothing about.

use sns::filter::{Attribute, Filter, Scope};

/// A policy up to the first line break, then a message: as a body, and as the value of an attribute `a` of each type. See the module.
pub fn filter_policy(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (policy, message) = text.split_once('\n').unwrap_or((&text, "{}"));
    for scope in [Scope::Attributes, Scope::Body] {
        let filter = match Filter::parse(policy, scope) {
            Ok(filter) => filter,
            Err(why) => {
                assert!(!why.is_empty());
                continue;
            }
        };
        for kind in ["String", "String.Array", "Number", "Binary"] {
            let attribute = Attribute { name: "a", kind, value: message };
            let fits = || filter.matches(std::iter::once(attribute), message);
            assert_eq!(fits(), fits());
        }
        // What a policy does not name makes no difference to it.
        let unnamed = Attribute { name: "\u{1}unnamed", kind: "String", value: message };
        if scope == Scope::Attributes && !policy.contains("unnamed") {
            let (with, without) =
                (filter.matches(std::iter::once(unnamed), ""), filter.matches(std::iter::empty(), ""));
            assert_eq!(with, without);
        }
    }
}
