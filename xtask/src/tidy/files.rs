//! Rules for single files: module docs, lengths, words that must not stay.

use std::collections::BTreeMap;

use super::Finding;
use super::tree::Tree;

/// Where a file is longer than this, it holds more than one idea (STYLE.md).
const LINES_MAX: usize = 600;

/// Files that are longer for now: path, tab, lines. The numbers may only shrink.
const LONG_FILES: &str = "xtask/long-files.txt";

/// What must not stay in Rust code, and why. Put together from halves, so that this file does not hold them.
const UNFINISHED: &[(&str, &str)] = &[
    (concat!("todo", "!("), "write it, or return an error that says it is missing"),
    (concat!("unimplemented", "!("), "write it, or return an error that says it is missing"),
    (concat!("FIX", "ME"), "fix it, or say in a plain comment what is missing and why that is safe"),
];

/// What must be in no file: paths of one machine.
const FOREIGN: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/")];

/// Holds all files against the rules.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree {
        let Some(text) = text else { continue };
        check_words(path, text, &mut findings);
        if path.ends_with(".rs") {
            check_rust(path, text, &mut findings);
        }
        if path.ends_with("/Cargo.toml") && path != "fuzz/Cargo.toml" {
            check_manifest(path, text, &mut findings);
        }
    }
    let listed = tree.get(LONG_FILES).and_then(Option::as_deref).unwrap_or_default();
    check_lengths(tree, listed, &mut findings);
    findings
}

fn check_words(path: &str, text: &str, findings: &mut Vec<Finding>) {
    for (at, line) in text.lines().enumerate() {
        if let Some(word) = FOREIGN.iter().find(|word| line.contains(**word)) {
            findings.push(Finding::new(
                path,
                at + 1,
                format!("names {word}, a folder of one machine; say it relative to the project"),
            ));
        }
    }
}

fn check_rust(path: &str, text: &str, findings: &mut Vec<Finding>) {
    if !text.starts_with("//!") {
        findings.push(Finding::new(
            path,
            1,
            "begins without //! lines that say what it is for and what it must never do",
        ));
    }
    for (at, line) in text.lines().enumerate() {
        for (word, remedy) in UNFINISHED.iter().filter(|(word, _)| line.contains(word)) {
            findings.push(Finding::new(path, at + 1, format!("has {word}: {remedy}")));
        }
    }
}

/// A crate takes the workspace's lints, or it has none.
fn check_manifest(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let mut lines = text.lines().skip_while(|line| line.trim() != "[lints]").skip(1);
    let takes = lines.by_ref().take_while(|line| !line.starts_with('[')).any(|line| line.trim() == "workspace = true");
    if !takes {
        findings.push(Finding::new(path, 1, "add the section [lints] with workspace = true"));
    }
}

fn check_lengths(tree: &Tree, listed: &str, findings: &mut Vec<Finding>) {
    let mut allowed = BTreeMap::new();
    for (at, line) in listed.lines().enumerate() {
        let entry = line.split_once('\t').and_then(|(path, lines)| Some((path, lines.parse::<usize>().ok()?)));
        match entry {
            Some((path, lines)) => drop(allowed.insert(path, (at + 1, lines))),
            None => findings.push(Finding::new(LONG_FILES, at + 1, "is not a path, a tab and a number of lines")),
        }
    }
    for (path, text) in tree.iter().filter(|(path, _)| path.ends_with(".rs")) {
        let lines = text.as_deref().unwrap_or_default().lines().count();
        match allowed.remove(path.as_str()) {
            None if lines > LINES_MAX => {
                let text = format!("has {lines} lines, {LINES_MAX} is the most; split it by what its parts are for");
                findings.push(Finding::new(path, 0, text));
            }
            Some((at, _)) if lines <= LINES_MAX => {
                findings.push(Finding::new(
                    LONG_FILES,
                    at,
                    format!("{path} has only {lines} lines now; remove this line"),
                ));
            }
            Some((at, most)) if lines < most => {
                findings.push(Finding::new(
                    LONG_FILES,
                    at,
                    format!("{path} has {lines} lines now; lower its number to that"),
                ));
            }
            Some((_, most)) if lines > most => {
                let text = format!(
                    "has {lines} lines, and {LONG_FILES} allows {most}; make it shorter, not the number larger"
                );
                findings.push(Finding::new(path, 0, text));
            }
            None | Some(_) => {}
        }
    }
    for (path, (at, _)) in allowed {
        findings.push(Finding::new(LONG_FILES, at, format!("{path} is gone; remove this line")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Findings as lines, for files given as (path, content).
    fn check_tree(files: &[(&str, &str)]) -> Vec<String> {
        let tree = files.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned()))).collect();
        check(&tree).iter().map(|finding| finding.to_string()).collect()
    }

    fn check_one(path: &str, text: &str, expected: &str) {
        let found = check_tree(&[(path, text)]).join("\n");
        assert!(if expected.is_empty() { found.is_empty() } else { found.contains(expected) }, "{path}: {found:?}");
    }

    #[test]
    fn modules_begin_with_their_purpose() {
        check_one("a.rs", "//! For a.\n", "");
        check_one("a.rs", "use b;\n", "a.rs:1: begins without //!");
        check_one("a.py", "import b\n", "");
    }

    #[test]
    fn nothing_unfinished_stays() {
        check_one("a.rs", concat!("//! A.\nfn a() { todo", "!() }\n"), "a.rs:2: has");
        check_one("a.rs", concat!("//! A.\n\n// FIX", "ME later\n"), "a.rs:3: has");
    }

    #[test]
    fn no_file_names_a_folder_of_one_machine() {
        check_one("a.md", concat!("see /wo", "rk/x\n"), "a.md:1: names");
        check_one("a.md", "see work/x\n", "");
    }

    #[test]
    fn crates_take_the_workspace_lints() {
        check_one("crates/a/Cargo.toml", "[lints]\nworkspace = true\n\n[dependencies]\n", "");
        check_one(
            "crates/a/Cargo.toml",
            "[lints]\n\n[package]\nworkspace = true\n",
            "crates/a/Cargo.toml:1: add the section",
        );
        check_one("Cargo.toml", "[workspace]\n", "");
    }

    #[test]
    fn long_files_are_listed_and_may_only_shrink() {
        let of_lines = |lines: usize| format!("//! A.\n{}", "x\n".repeat(lines - 1));
        let check = |lines: usize, listed: &str, expected: &str| {
            let text = of_lines(lines);
            let found = check_tree(&[("a.rs", &text), (LONG_FILES, listed)]).join("\n");
            assert!(
                if expected.is_empty() { found.is_empty() } else { found.contains(expected) },
                "{lines} {listed:?}: {found:?}"
            );
        };
        check(600, "", "");
        check(601, "", "a.rs: has 601 lines, 600 is the most");
        check(601, "a.rs\t601\n", "");
        check(700, "a.rs\t601\n", "a.rs: has 700 lines, and xtask/long-files.txt allows 601");
        check(601, "a.rs\t700\n", "xtask/long-files.txt:1: a.rs has 601 lines now; lower its number");
        check(600, "a.rs\t700\n", "a.rs has only 600 lines now; remove this line");
        check(600, "b.rs\t700\n", "b.rs is gone");
        check(600, "b.rs 700\n", "is not a path, a tab and a number");
    }
}
