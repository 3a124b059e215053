//! Links between documents: the file must exist, and the heading in it.

use std::collections::BTreeSet;

use super::Finding;
use super::tree::Tree;

/// Follows every relative link of every Markdown file.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.iter().filter(|(path, _)| path.ends_with(".md")) {
        for (line, target) in targets(text.as_deref().unwrap_or_default()) {
            if let Some(why) = broken(tree, path, target) {
                findings.push(Finding::new(path, line, format!("the link to {target} is broken: {why}")));
            }
        }
    }
    findings
}

/// The targets of inline links outside code, with their lines.
fn targets(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (at, line) in prose(text) {
        // Every second piece between backticks is code.
        for piece in line.split('`').step_by(2) {
            let links = piece.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
            found.extend(links.map(|(target, _)| (at, target)));
        }
    }
    found
}

/// The lines outside fenced code, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            return None;
        }
        (!fenced).then_some((at + 1, line))
    })
}

fn broken(tree: &Tree, from: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { from.to_owned() } else { resolve(from, file) };
    let folder = format!("{}/", path.trim_end_matches('/'));
    let Some(text) = tree.get(&path) else {
        let is_folder = tree.keys().any(|known| known.starts_with(&folder));
        return (!is_folder).then(|| format!("there is no {path}"));
    };
    let text = text.as_deref().unwrap_or_default();
    let missing = !heading.is_empty() && path.ends_with(".md") && !anchors(text).contains(heading);
    missing.then(|| format!("{path} has no heading #{heading}"))
}

/// The path that `target` means in the file `from`.
fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The anchors of a document's headings, as forges make them: lower case, blanks as hyphens, other marks dropped.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter_map(|(_, line)| line.strip_prefix('#'));
    headings.map(|heading| slug(heading.trim_start_matches('#').trim())).collect()
}

fn slug(heading: &str) -> String {
    let kept = heading.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
        _ => None,
    });
    kept.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_doc(text: &str, expected: &str) {
        let files = [("docs/a.md", text), ("docs/b.md", "# One\n\n## Two: parts & more\n"), ("README.md", "")];
        let tree = files.map(|(path, text)| (path.to_owned(), Some(text.to_owned()))).into_iter().collect();
        let found: Vec<String> = check(&tree).iter().map(|finding| finding.to_string()).collect();
        let found = found.join("\n");
        assert!(if expected.is_empty() { found.is_empty() } else { found.contains(expected) }, "{text:?}: {found:?}");
    }

    #[test]
    fn links_lead_somewhere() {
        check_doc("[b](b.md) [root](../README.md) [folder](../docs) [web](https://example.org)", "");
        check_doc("x\n[c](c.md)", "docs/a.md:2: the link to c.md is broken: there is no docs/c.md");
        check_doc("[b](../b.md)", "there is no b.md");
    }

    #[test]
    fn headings_exist() {
        check_doc("# Here\n[up](#here) [two](b.md#two-parts--more)", "");
        check_doc("[three](b.md#three)", "docs/b.md has no heading #three");
    }

    #[test]
    fn code_holds_no_links() {
        check_doc("```\n[c](c.md)\n```\n`[c](c.md)`", "");
    }
}
