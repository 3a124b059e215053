//! Management policies from the root to an account, merged into the one that holds there. Sources: Organizations user guide,
//! "Inheritance operators" and "Inheritance examples".

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::content::{CONTROL, OPERATORS};

/// A setting, or a group of settings.
#[derive(Default)]
struct Node {
    value: Option<Value>,
    members: BTreeMap<String, Node>,
    /// Operators that policies of lower levels may use here; none: all.
    allowed: Option<BTreeSet<String>>,
}

/// Merges documents level by level; on one level in the order given. `None` if nothing is set.
pub fn merge(levels: &[Vec<Value>]) -> Option<Value> {
    let mut root = Node::default();
    for level in levels {
        for document in level {
            root.apply(document);
        }
        // What a policy forbids to lower levels it does not forbid to those beside it.
        for document in level {
            root.restrict(document);
        }
    }
    root.shown()
}

impl Node {
    fn allows(&self, operator: &str) -> bool {
        self.allowed.as_ref().is_none_or(|allowed| allowed.contains(operator))
    }

    fn apply(&mut self, document: &Value) {
        let Value::Object(members) = document else { return };
        for operator in OPERATORS {
            if let Some(value) = members.get(operator).filter(|_| self.allows(operator)) {
                self.set(operator, value);
            }
        }
        for (name, member) in members.iter().filter(|(name, _)| !name.starts_with("@@")) {
            // A new member is an assignment to the group that it is in.
            if self.members.contains_key(name) || self.allows("@@assign") {
                self.members.entry(name.clone()).or_default().apply(member);
            }
        }
    }

    fn set(&mut self, operator: &str, value: &Value) {
        if operator == "@@assign" {
            self.value = Some(value.clone());
            return;
        }
        let Value::Array(items) = value else { return };
        let list = match &mut self.value {
            Some(Value::Array(list)) => list,
            Some(_) => return,
            None if operator == "@@remove" => return,
            none => match none.insert(Value::Array(Vec::new())) {
                Value::Array(list) => list,
                _ => return,
            },
        };
        if operator == "@@remove" {
            list.retain(|item| !items.contains(item));
            return;
        }
        for item in items {
            if !list.contains(item) {
                list.push(item.clone());
            }
        }
    }

    fn restrict(&mut self, document: &Value) {
        let Value::Object(members) = document else { return };
        if let Some(Value::Array(names)) = members.get(CONTROL) {
            let named: BTreeSet<String> = names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect();
            if !named.contains("@@all") {
                // What an upper level forbade stays forbidden.
                self.allowed = Some(match self.allowed.take() {
                    Some(before) => before.intersection(&named).cloned().collect(),
                    None => named,
                });
            }
        }
        for (name, member) in members.iter().filter(|(name, _)| !name.starts_with("@@")) {
            if let Some(node) = self.members.get_mut(name) {
                node.restrict(member);
            }
        }
    }

    fn shown(self) -> Option<Value> {
        if self.value.is_some() {
            return self.value;
        }
        let members = self.members.into_iter().filter_map(|(name, node)| Some((name, node.shown()?)));
        let members: Map<String, Value> = members.collect();
        (!members.is_empty()).then_some(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(levels: &[&[&str]], expected: &str) {
        let read = |text: &&str| serde_json::from_str(text).unwrap();
        let levels: Vec<Vec<Value>> = levels.iter().map(|level| level.iter().map(read).collect()).collect();
        let merged = merge(&levels).unwrap_or(Value::Null);
        assert_eq!(merged, serde_json::from_str::<Value>(expected).unwrap(), "{levels:?}");
    }

    #[test]
    fn levels_are_merged() {
        let root = r#"{"tags":{"cc":{"tag_key":{"@@assign":"CC"},"tag_value":{"@@assign":["1","2"]}}}}"#;
        check(&[], "null");
        check(&[&[root]], r#"{"tags":{"cc":{"tag_key":"CC","tag_value":["1","2"]}}}"#);
        let append = r#"{"tags":{"cc":{"tag_value":{"@@append":["2","3"]}}}}"#;
        check(&[&[root], &[append]], r#"{"tags":{"cc":{"tag_key":"CC","tag_value":["1","2","3"]}}}"#);
        let remove = r#"{"tags":{"cc":{"tag_value":{"@@remove":["1","9"]}}}}"#;
        check(&[&[root], &[append], &[remove]], r#"{"tags":{"cc":{"tag_key":"CC","tag_value":["2","3"]}}}"#);
        let assign = r#"{"tags":{"cc":{"tag_value":{"@@assign":["x"]}},"new":{"tag_key":{"@@assign":"New"}}}}"#;
        check(
            &[&[root], &[], &[assign]],
            r#"{"tags":{"cc":{"tag_key":"CC","tag_value":["x"]},"new":{"tag_key":"New"}}}"#,
        );
        check(&[&[append]], r#"{"tags":{"cc":{"tag_value":["2","3"]}}}"#);
        check(&[&[remove]], "null");
    }

    #[test]
    fn upper_levels_say_what_lower_ones_may() {
        let none = r#""@@operators_allowed_for_child_policies":["@@none"]"#;
        let append = r#""@@operators_allowed_for_child_policies":["@@append"]"#;
        let child = r#"{"tags":{"cc":{"tag_value":{"@@assign":["x"]}},"new":{"tag_key":{"@@assign":"New"}}}}"#;
        let root = format!(r#"{{"tags":{{{none},"cc":{{"tag_value":{{"@@assign":["1"]}}}}}}}}"#);
        check(&[&[&root], &[child]], r#"{"tags":{"cc":{"tag_value":["x"]}}}"#);
        let root = format!(r#"{{"tags":{{"cc":{{"tag_value":{{{append},"@@assign":["1"]}}}}}}}}"#);
        check(&[&[&root], &[child]], r#"{"tags":{"cc":{"tag_value":["1"]},"new":{"tag_key":"New"}}}"#);
        let more =
            r#"{"tags":{"cc":{"tag_value":{"@@append":["2"],"@@operators_allowed_for_child_policies":["@@all"]}}}}"#;
        check(&[&[&root], &[more], &[child]], r#"{"tags":{"cc":{"tag_value":["1","2"]},"new":{"tag_key":"New"}}}"#);
        // Beside one another policies do not restrict.
        check(&[&[&root, child]], r#"{"tags":{"cc":{"tag_value":["x"]},"new":{"tag_key":"New"}}}"#);
    }
}
