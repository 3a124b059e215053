//! `xtask parity-doc`: writes docs/parity.md, the list of every modelled operation and how far it is written, from the code itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use service::Definition;

use crate::definitions::definitions;
use crate::{Failure, inputs};

pub const HELP: &str = "parity-doc [--check]
    Writes docs/parity.md: every modelled operation, and whether it is done, partial or recorded only.
    --check     write nothing; fail if docs/parity.md differs";

const PATH: &str = "docs/parity.md";

const HEAD: &str = "# What works, operation by operation

`make parity-doc` writes this file from the code; do not edit it.

- **done**: every member of the request is honoured, or refused with an error that says so.
- **partial**: it works; the members named are accepted, and the operation does nothing about them.
- **recorded only**: the call is routed, authenticated, authorized, validated and recorded, then refused as not implemented.

| service | done | partial | recorded only |
|---|---|---|---|
";

/// How far one service is.
struct Progress {
    name: &'static str,
    done: Vec<String>,
    /// With the members that nothing is done about.
    partial: Vec<(String, Vec<&'static str>)>,
    recorded: Vec<String>,
}

/// Runs the task.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let check = match args {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => return Err(format!("unknown options {args:?}\n{HELP}").into()),
    };
    let text = document(&progress(definitions()?)?);
    let path = crate::workspace().join(PATH);
    if !check {
        return fs::write(&path, text).map_err(|error| format!("writing {PATH}: {error}").into());
    }
    let there = fs::read_to_string(&path).map_err(|error| format!("reading {PATH}: {error}; run make parity-doc"))?;
    if there != text {
        return Err(format!("{PATH} differs from the code; run make parity-doc and commit the result").into());
    }
    println!("parity-doc: {PATH} says what the code does");
    Ok(())
}

fn progress(definitions: Vec<Definition>) -> Result<Vec<Progress>, Failure> {
    let written: BTreeMap<&str, Definition> = definitions.into_iter().map(|one| (one.model, one)).collect();
    let services = model::catalog().names().map(|name| {
        let model = model::catalog().get(name).ok_or_else(|| format!("the model {name} cannot be read"))?;
        let mut progress = Progress { name, done: Vec::new(), partial: Vec::new(), recorded: Vec::new() };
        let mut operations: Vec<_> = model.operations.values().collect();
        operations.sort_by(|a, b| a.name.cmp(&b.name));
        for operation in operations {
            let name = operation.name.to_string();
            let handler = written.get(progress.name).and_then(|one| one.operations.get(&*operation.name));
            let Some(handler) = handler else {
                progress.recorded.push(name);
                continue;
            };
            let body = inputs::streamed(&model, operation);
            let ignores: Vec<_> = handler.ignores().iter().copied().filter(|member| Some(*member) != body).collect();
            match ignores.is_empty() {
                true => progress.done.push(name),
                false => progress.partial.push((name, ignores)),
            }
        }
        Ok(progress)
    });
    services.collect()
}

fn document(services: &[Progress]) -> String {
    let mut text = HEAD.to_owned();
    let counts = |one: &Progress| [one.done.len(), one.partial.len(), one.recorded.len()];
    for one in services {
        let [done, partial, recorded] = counts(one);
        let link = format!("[{0}](#{0})", one.name);
        writeln!(text, "| {link} | {done} | {partial} | {recorded} |").expect("text takes text");
    }
    let sum = |column: usize| services.iter().map(|one| counts(one)[column]).sum::<usize>();
    writeln!(text, "| **all** | {} | {} | {} |", sum(0), sum(1), sum(2)).expect("text takes text");
    for one in services {
        write!(text, "\n## {}\n", one.name).expect("text takes text");
        section(&mut text, "Done", &one.done);
        if !one.partial.is_empty() {
            text.push_str("\nPartial, with the members that nothing is done about:\n\n");
            for (name, ignores) in &one.partial {
                let ignores: Vec<String> = ignores.iter().map(|member| format!("`{member}`")).collect();
                writeln!(text, "- {name}: {}", ignores.join(", ")).expect("text takes text");
            }
        }
        section(&mut text, "Recorded only", &one.recorded);
    }
    text
}

fn section(text: &mut String, title: &str, names: &[String]) {
    if !names.is_empty() {
        write!(text, "\n{title}: {}.\n", names.join(", ")).expect("text takes text");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_modelled_operation_is_listed_once() {
        let services = progress(definitions().unwrap()).unwrap();
        for one in &services {
            let model = model::catalog().get(one.name).unwrap();
            let listed = one.done.len() + one.partial.len() + one.recorded.len();
            assert_eq!(listed, model.operations.len(), "{}", one.name);
        }
        assert_eq!(services.len(), model::catalog().index().len());
    }

    #[test]
    fn the_document_says_how_far_each_service_is() {
        let one = Progress {
            name: "demo",
            done: vec!["Get".into(), "List".into()],
            partial: vec![("Put".into(), vec!["Later"])],
            recorded: vec!["Delete".into()],
        };
        let text = document(&[one]);
        let rest = text.strip_prefix(HEAD).unwrap();
        assert_eq!(
            rest,
            "| [demo](#demo) | 2 | 1 | 1 |\n| **all** | 2 | 1 | 1 |\n\n## demo\n\nDone: Get, List.\n\n\
             Partial, with the members that nothing is done about:\n\n- Put: `Later`\n\nRecorded only: Delete.\n"
        );
    }
}
