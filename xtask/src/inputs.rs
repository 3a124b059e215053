//! The members of an operation's input, as the model has them and as the code has them.

use model::{Model, Operation, ShapeKind};

/// The member that is the request's body and comes as a stream beside the `Input`.
pub fn streamed<'m>(model: &'m Model, operation: &'m Operation) -> Option<&'m str> {
    let ShapeKind::Structure(structure) = &model.shape(operation.input.as_ref()?).kind else { return None };
    let payload = structure.member(structure.payload.as_deref()?)?;
    let streaming = payload.target.traits.streaming || model.shape(&payload.target).traits.streaming;
    streaming.then_some(&*payload.name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::definitions::definitions;

    /// The names of the members that a client may send.
    fn modelled<'m>(model: &'m Model, operation: &'m Operation) -> BTreeSet<&'m str> {
        let Some(input) = &operation.input else { return BTreeSet::new() };
        match &model.shape(input).kind {
            ShapeKind::Structure(structure) => structure.members.iter().map(|member| &*member.name).collect(),
            _ => BTreeSet::new(),
        }
    }

    /// What is wrong with an operation's `Input` (and `IGNORES`), line by line, if its model has `modelled`.
    fn differences(modelled: &BTreeSet<&str>, fields: &BTreeSet<&str>, ignores: &BTreeSet<&str>) -> Vec<String> {
        let known: BTreeSet<&str> = fields | ignores;
        let missing = modelled - &known;
        let unknown = &known - modelled;
        let both = fields & ignores;
        let say = |names: BTreeSet<&str>, what: &'static str| {
            names.into_iter().map(move |name| format!("{name}: {what}")).collect::<Vec<_>>()
        };
        [
            say(missing, "is modelled; take it into Input, or name it in IGNORES and say why that is safe"),
            say(unknown, "is not in the model: is it misspelt, or does it need #[serde(rename)]?"),
            say(both, "is in Input and in IGNORES; remove it from IGNORES"),
        ]
        .concat()
    }

    #[test]
    fn every_input_has_the_members_of_its_model() {
        let mut wrong = Vec::new();
        for definition in definitions().unwrap() {
            let model = model::catalog().get(definition.model).expect("the gateway refuses services without a model");
            for (name, handler) in &definition.operations {
                let place = format!("{} {name}", definition.model);
                let Some(operation) = model.operations.get(*name) else {
                    wrong.push(format!("{place}: the model has no such operation"));
                    continue;
                };
                let mut modelled = modelled(&model, operation);
                let fields: BTreeSet<&str> = handler.input_fields().into_iter().collect();
                let ignores: BTreeSet<&str> = handler.ignores().iter().copied().collect();
                // The body comes beside the input; naming it in IGNORES says so and does no harm.
                if let Some(body) = streamed(&model, operation).filter(|body| !ignores.contains(body)) {
                    modelled.remove(body);
                }
                wrong.extend(
                    differences(&modelled, &fields, &ignores).into_iter().map(|line| format!("{place} {line}")),
                );
            }
        }
        assert!(wrong.is_empty(), "inputs differ from their models:\n{}", wrong.join("\n"));
    }

    #[test]
    fn differences_are_found_both_ways() {
        let set = |names: &'static [&'static str]| names.iter().copied().collect::<BTreeSet<&str>>();
        let check = |modelled, fields, ignores, expected: &str| {
            let found = differences(&set(modelled), &set(fields), &set(ignores)).join("\n");
            assert!(if expected.is_empty() { found.is_empty() } else { found.contains(expected) }, "{found:?}");
        };
        check(&["A", "B"], &["A"], &["B"], "");
        check(&["A", "B"], &["A"], &[], "B: is modelled");
        check(&["A"], &["A", "C"], &[], "C: is not in the model");
        check(&["A"], &["A"], &["C"], "C: is not in the model");
        check(&["A"], &["A"], &["A"], "A: is in Input and in IGNORES");
    }

    /// The members of an input, some levels deep, that are ARNs of roles by their names.
    fn roles(model: &Model, shape: &model::ShapeRef, path: &str, deep: usize, found: &mut Vec<String>) {
        let ShapeKind::Structure(structure) = &model.shape(shape).kind else { return };
        for member in &structure.members {
            let path = if path.is_empty() { member.name.to_string() } else { format!("{path}.{}", member.name) };
            if member.name.to_ascii_lowercase().ends_with("rolearn") {
                found.push(path);
            } else if deep > 0 {
                roles(model, &member.target, &path, deep - 1, found);
            }
        }
    }

    #[test]
    fn every_role_in_an_input_is_passed() {
        let mut wrong = Vec::new();
        for definition in definitions().unwrap() {
            // Whose roles are taken on by the caller, and given to no service.
            if definition.model == "sts" {
                continue;
            }
            let model = model::catalog().get(definition.model).expect("the gateway refuses services without a model");
            for (name, handler) in &definition.operations {
                let Some(input) = model.operations.get(*name).and_then(|operation| operation.input.as_ref()) else {
                    continue;
                };
                let mut found = Vec::new();
                roles(&model, input, "", 3, &mut found);
                let is_passed = |path: &String| {
                    handler
                        .passes()
                        .iter()
                        .any(|passed| matches!(passed.place, service::Place::Arn(known) if known == path))
                };
                found.retain(|path| !is_passed(path));
                wrong.extend(found.into_iter().map(|path| format!("{} {name} {path}", definition.model)));
            }
        }
        assert!(wrong.is_empty(), "on_passing::<OPERATION>(…) is to name these roles:\n{}", wrong.join("\n"));
    }

    #[test]
    fn a_streamed_body_is_found() {
        let s3 = model::catalog().get("s3").unwrap();
        let of = |name: &str| streamed(&s3, &s3.operations[name]);
        assert_eq!((of("PutObject"), of("GetObject"), of("PutBucketPolicy")), (Some("Body"), None, None));
    }
}
