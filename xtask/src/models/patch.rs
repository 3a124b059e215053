//! `models/patches/*.json`: where a service does not do what its model says, each with the reason.

use std::fs;
use std::path::Path;

use super::json::Json;
use crate::Failure;

pub struct Patch {
    /// A JSON pointer (RFC 6901).
    path: String,
    /// `None` removes what is there.
    value: Option<Json>,
}

/// The patches in a file; none if there is no file.
pub fn read(path: &Path) -> Result<Vec<Patch>, Failure> {
    let Ok(text) = fs::read(path) else { return Ok(Vec::new()) };
    let place = |problem: &dyn std::fmt::Display| format!("{}: {problem}", path.display());
    let Json::Array(entries) = serde_json::from_slice(&text).map_err(|error| place(&error))? else {
        return Err(place(&"not a list").into());
    };
    entries
        .iter()
        .map(|entry| parse(entry).ok_or_else(|| place(&format!("not a patch: {}", entry.compact())).into()))
        .collect()
}

fn parse(entry: &Json) -> Option<Patch> {
    let Json::Object(keys) = entry else { return None };
    let text = |key: &str| match entry.get(key) {
        Some(Json::String(text)) if !text.is_empty() => Some(text.clone()),
        _ => None,
    };
    text("why")?;
    match (text("path"), entry.get("value"), text("remove")) {
        (Some(path), Some(value), None) if keys.len() == 3 => Some(Patch { path, value: Some(value.clone()) }),
        (None, None, Some(path)) if keys.len() == 2 => Some(Patch { path, value: None }),
        _ => None,
    }
}

impl Patch {
    /// Changes the model. An error if the place is not there, or if the change has no effect: then the patch is obsolete.
    pub fn apply(&self, model: &mut Json) -> Result<(), Failure> {
        let wrong = |problem: &str| -> Failure { format!("patch {}: {problem}", self.path).into() };
        let (parents, last) = self.path.rsplit_once('/').ok_or_else(|| wrong("not a JSON pointer"))?;
        let last = unescape(last);
        let mut node = model;
        for step in parents.split('/').skip(1).map(unescape) {
            node = child(node, &step).ok_or_else(|| wrong(&format!("there is no {step}")))?;
        }
        match (&self.value, child(node, &last)) {
            (Some(value), Some(old)) if old == value => Err(wrong("the model says so already")),
            (Some(value), Some(old)) => {
                *old = value.clone();
                Ok(())
            }
            (Some(value), None) => match node {
                Json::Object(entries) => {
                    let at = entries.partition_point(|(key, _)| *key < last);
                    entries.insert(at, (last, value.clone()));
                    Ok(())
                }
                _ => Err(wrong("nothing can be added there")),
            },
            (None, None) => Err(wrong("there is nothing to remove")),
            (None, Some(_)) => {
                match node {
                    Json::Object(entries) => entries.retain(|(key, _)| *key != last),
                    Json::Array(items) => drop(items.remove(last.parse()?)),
                    _ => unreachable!("it has a child"),
                }
                Ok(())
            }
        }
    }
}

fn child<'a>(node: &'a mut Json, step: &str) -> Option<&'a mut Json> {
    match node {
        Json::Object(entries) => entries.iter_mut().find(|(key, _)| key == step).map(|(_, value)| value),
        Json::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        _ => None,
    }
}

fn unescape(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(patch: &str, expected: Result<&str, &str>) {
        let mut model: Json = serde_json::from_str(r#"{"a":{"b":[1,{"c":2}],"x/y":3}}"#).unwrap();
        let patch = parse(&serde_json::from_str(patch).unwrap()).expect("a patch");
        let result = patch.apply(&mut model).map(|()| model.compact()).map_err(|failure| failure.to_string());
        assert_eq!(result.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn a_patch_sets_adds_and_removes() {
        check(r#"{"path":"/a/b/1/c","value":[],"why":"w"}"#, Ok(r#"{"a":{"b":[1,{"c":[]}],"x/y":3}}"#));
        check(r#"{"path":"/a/d","value":true,"why":"w"}"#, Ok(r#"{"a":{"b":[1,{"c":2}],"d":true,"x/y":3}}"#));
        check(r#"{"remove":"/a/x~1y","why":"w"}"#, Ok(r#"{"a":{"b":[1,{"c":2}]}}"#));
        check(r#"{"remove":"/a/b/0","why":"w"}"#, Ok(r#"{"a":{"b":[{"c":2}],"x/y":3}}"#));
    }

    #[test]
    fn an_obsolete_patch_is_refused() {
        check(r#"{"path":"/a/b/1/c","value":2,"why":"w"}"#, Err("patch /a/b/1/c: the model says so already"));
        check(r#"{"remove":"/a/z","why":"w"}"#, Err("patch /a/z: there is nothing to remove"));
        check(r#"{"path":"/z/b","value":2,"why":"w"}"#, Err("patch /z/b: there is no z"));
        assert!(
            parse(&serde_json::from_str(r#"{"path":"/a","value":2}"#).unwrap()).is_none(),
            "a patch needs a reason"
        );
    }
}
