//! Rules between crates: dependencies point down the levels of ARCHITECTURE.md, pure crates stay pure.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde::Deserialize;

use super::Finding;
use super::tree::Tree;
use crate::Failure;

/// Where the levels are written down: a fenced block of the kind `levels`.
const ARCHITECTURE: &str = "ARCHITECTURE.md";
const FENCE: &str = "```levels";

/// What pure crates (marked with `*` in the table) have nowhere below them.
const IMPURE: &[&str] = &["tokio", "hyper", "rusqlite"];

/// Crates that the tests of any crate may use, whatever their level.
const FOR_TESTS: &[&str] = &["system", "testkit"];

/// The only crate that may know the query engine.
const LAKE: &str = "lake";
const ENGINE: &str = "datafusion";

/// The table of levels.
struct Levels {
    of: BTreeMap<String, Place>,
}

/// A crate's line in the table.
struct Place {
    level: u32,
    pure: bool,
    line: usize,
}

/// A crate of the workspace.
struct Package {
    name: String,
    /// Relative to the root.
    manifest: String,
    dependencies: Vec<Dependency>,
    /// The names of all packages below it that it is built with.
    below: BTreeSet<String>,
}

struct Dependency {
    name: String,
    for_tests: bool,
}

/// Holds the workspace against the table of levels.
pub fn check(tree: &Tree) -> Result<Vec<Finding>, Failure> {
    let text = tree.get(ARCHITECTURE).and_then(Option::as_deref).ok_or(format!("there is no {ARCHITECTURE}"))?;
    let levels = Levels::parse(text)?;
    let packages = packages()?;
    let mut findings = check_packages(&levels, &packages);
    for finding in &mut findings {
        place_in_manifest(tree, finding);
    }
    Ok(findings)
}

fn check_packages(levels: &Levels, packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let Some(place) = levels.of.get(&package.name) else {
            let text = format!("the crate {} has no level; put it into the table of {ARCHITECTURE}", package.name);
            findings.push(Finding::new(&package.manifest, 0, text));
            continue;
        };
        for dependency in &package.dependencies {
            if let Some(text) = edge(levels, package, place.level, dependency) {
                findings.push(Finding::new(&package.manifest, 0, text));
            }
        }
        for impure in IMPURE.iter().filter(|name| place.pure && package.below.contains(**name)) {
            let text =
                format!("{} is pure and is built with {impure}; remove the dependency that brings it in", package.name);
            findings.push(Finding::new(&package.manifest, 0, text));
        }
    }
    let known: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    for (name, place) in levels.of.iter().filter(|(name, _)| !known.contains(name.as_str())) {
        findings.push(Finding::new(
            ARCHITECTURE,
            place.line,
            format!("there is no crate {name}; remove it from the table"),
        ));
    }
    findings
}

/// What is wrong with a dependency, if anything is.
fn edge(levels: &Levels, package: &Package, level: u32, dependency: &Dependency) -> Option<String> {
    let Package { name, .. } = package;
    let on = &dependency.name;
    if on.starts_with(ENGINE) && name != LAKE {
        return Some(format!("{name} depends on {on}; only {LAKE} may know the query engine"));
    }
    let allowed = on == name || (dependency.for_tests && FOR_TESTS.contains(&on.as_str()));
    let below = levels.of.get(on).filter(|_| !allowed)?.level;
    if below < level {
        return None;
    }
    if name.starts_with("service-") && on.starts_with("service-") {
        return Some(format!("{name} depends on {on}; services ask things of one another through a trait in ports"));
    }
    Some(format!("{name} (level {level}) depends on {on} (level {below}); dependencies point to lower levels"))
}

/// The line of a crate's manifest that a finding is about: the first that names the dependency.
fn place_in_manifest(tree: &Tree, finding: &mut Finding) {
    let named = finding.text.split_once(" depends on ").and_then(|(_, rest)| rest.split([' ', ';']).next());
    let text = tree.get(&finding.path).and_then(Option::as_deref);
    if let (Some(named), Some(text)) = (named, text) {
        let at = text.lines().position(|line| line.split(['.', ' ', '=']).next() == Some(named));
        finding.line = at.map_or(0, |at| at + 1);
    }
}

impl Levels {
    /// Reads the table: a line is a level's number and the crates of that level; `*` marks pure ones, brackets a remark.
    fn parse(text: &str) -> Result<Levels, Failure> {
        let mut of = BTreeMap::new();
        let lines = text.lines().enumerate().skip_while(|(_, line)| line.trim() != FENCE).skip(1);
        for (at, line) in lines.take_while(|(_, line)| !line.starts_with("```")) {
            let bad = || format!("{ARCHITECTURE}:{}: {line:?} is not a level's number and the names of crates", at + 1);
            let line_of_crates = line.split('(').next().unwrap_or_default();
            let mut words = line_of_crates.split_whitespace();
            let level: u32 = words.next().ok_or_else(bad)?.parse().map_err(|_| bad())?;
            for word in words {
                let name = word.trim_end_matches('*');
                let place = Place { level, pure: name != word, line: at + 1 };
                if of.insert(name.to_owned(), place).is_some() {
                    return Err(format!("{ARCHITECTURE}:{}: {name} has two levels", at + 1).into());
                }
            }
        }
        match of.is_empty() {
            true => Err(format!("{ARCHITECTURE} has no table of levels (a block that begins with {FENCE})").into()),
            false => Ok(Levels { of }),
        }
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
    workspace_members: Vec<String>,
    workspace_root: String,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct MetadataPackage {
    id: String,
    name: String,
    manifest_path: String,
    dependencies: Vec<MetadataDependency>,
}

#[derive(Deserialize)]
struct MetadataDependency {
    name: String,
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<NodeDependency>,
}

#[derive(Deserialize)]
struct NodeDependency {
    pkg: String,
    dep_kinds: Vec<NodeKind>,
}

#[derive(Deserialize)]
struct NodeKind {
    kind: Option<String>,
}

/// The crates of the workspace, as cargo sees them on this machine.
fn packages() -> Result<Vec<Package>, Failure> {
    let host = output(Command::new("rustc").arg("-vV"))?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc -vV names no host")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--format-version", "1", "--filter-platform", host]).current_dir(crate::workspace());
    Ok(read_metadata(serde_json::from_str(&output(&mut command)?)?))
}

fn output(command: &mut Command) -> Result<String, Failure> {
    let output = command.output().map_err(|error| format!("running {command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn read_metadata(metadata: Metadata) -> Vec<Package> {
    let names: BTreeMap<&str, &str> = metadata.packages.iter().map(|p| (p.id.as_str(), p.name.as_str())).collect();
    let nodes: BTreeMap<&str, &Node> = metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let members = metadata.packages.iter().filter(|package| metadata.workspace_members.contains(&package.id));
    let packages = members.map(|package| {
        let manifest = package.manifest_path.strip_prefix(&metadata.workspace_root).unwrap_or(&package.manifest_path);
        let dependencies = package.dependencies.iter().map(|dependency| Dependency {
            name: dependency.name.clone(),
            for_tests: dependency.kind.as_deref() == Some("dev"),
        });
        Package {
            name: package.name.clone(),
            manifest: manifest.trim_start_matches('/').to_owned(),
            dependencies: dependencies.collect(),
            below: below(&nodes, &package.id)
                .into_iter()
                .filter_map(|id| names.get(id))
                .map(|n| (*n).to_owned())
                .collect(),
        }
    });
    packages.collect()
}

/// Everything that is linked into a package: its normal dependencies, and theirs.
fn below<'a>(nodes: &BTreeMap<&'a str, &'a Node>, id: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![id];
    while let Some(id) = waiting.pop() {
        let Some(node) = nodes.get(id) else { continue };
        let normal = node.deps.iter().filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind.is_none()));
        for dependency in normal {
            if found.insert(dependency.pkg.as_str()) {
                waiting.push(&dependency.pkg);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str =
        "# Levels\n\n```levels\n2  server  (wiring)\n1  service-a service-b lake\n0  base* system\n```\n";

    fn package(name: &str, dependencies: &[&str], below: &[&str]) -> Package {
        let dependencies = dependencies.iter().map(|text| match text.strip_prefix("dev:") {
            Some(name) => Dependency { name: name.to_owned(), for_tests: true },
            None => Dependency { name: (*text).to_owned(), for_tests: false },
        });
        Package {
            name: name.to_owned(),
            manifest: format!("crates/{name}/Cargo.toml"),
            dependencies: dependencies.collect(),
            below: below.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    /// Holds one crate, with the others there and blameless, against [`TABLE`].
    fn check(name: &str, dependencies: &[&str], below: &[&str], expected: &str) {
        let mut packages = vec![package(name, dependencies, below)];
        let others =
            ["server", "service-a", "service-b", "lake", "base", "system"].into_iter().filter(|other| *other != name);
        packages.extend(others.map(|other| package(other, &[], &[])));
        let found = check_packages(&Levels::parse(TABLE).unwrap(), &packages);
        let found: Vec<String> = found.iter().map(|finding| finding.to_string()).collect();
        let found = found.join("\n");
        assert!(if expected.is_empty() { found.is_empty() } else { found.contains(expected) }, "{name}: {found:?}");
    }

    #[test]
    fn dependencies_point_down() {
        check("service-a", &["base", "serde"], &[], "");
        check("base", &["lake"], &[], "base (level 0) depends on lake (level 1); dependencies point to lower levels");
        check("base", &["system"], &[], "base (level 0) depends on system (level 0)");
        check("newcomer", &[], &[], "the crate newcomer has no level");
    }

    #[test]
    fn tests_may_use_the_crates_for_tests_and_their_own() {
        check("base", &["dev:system", "dev:base"], &[], "");
        check("base", &["dev:lake"], &[], "depends on lake");
    }

    #[test]
    fn services_do_not_know_one_another() {
        check("service-a", &["service-b"], &[], "through a trait in ports");
    }

    #[test]
    fn only_lake_knows_the_engine() {
        check("lake", &["datafusion"], &[], "");
        check("server", &["datafusion-expr"], &[], "only lake may know");
    }

    #[test]
    fn pure_crates_stay_pure() {
        check("base", &[], &["serde"], "");
        check("base", &[], &["serde", "tokio"], "base is pure and is built with tokio");
        check("system", &[], &["tokio"], "");
    }

    #[test]
    fn the_table_names_crates_that_exist() {
        let found =
            check_packages(&Levels::parse("```levels\n0 base gone\n```").unwrap(), &[package("base", &[], &[])]);
        assert_eq!(found[0].to_string(), "ARCHITECTURE.md:2: there is no crate gone; remove it from the table");
    }

    #[test]
    fn a_table_that_cannot_be_read_is_an_error() {
        let error = |text| Levels::parse(text).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error("nothing").contains("has no table of levels"));
        assert!(error("```levels\nx base\n```").contains("ARCHITECTURE.md:2: \"x base\" is not a level's number"));
        assert!(error("```levels\n0 a\n1 a\n```").contains("a has two levels"));
    }

    #[test]
    fn only_what_is_linked_counts_as_below() {
        let node = |id: &str, deps: &[(&str, Option<&str>)]| Node {
            id: id.to_owned(),
            deps: deps
                .iter()
                .map(|(pkg, kind)| NodeDependency {
                    pkg: (*pkg).to_owned(),
                    dep_kinds: vec![NodeKind { kind: kind.map(str::to_owned) }],
                })
                .collect(),
        };
        let nodes = [
            node("a", &[("b", None), ("c", Some("dev")), ("d", Some("build"))]),
            node("b", &[("e", None)]),
            node("c", &[("f", None)]),
        ];
        let nodes = nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        assert_eq!(below(&nodes, "a").into_iter().collect::<Vec<_>>(), ["b", "e"]);
    }
}
