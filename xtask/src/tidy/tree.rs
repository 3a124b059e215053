//! The files of the project: everything below the root but what tools make.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::Failure;

/// Folders that tools and runs make. All of them are in `.gitignore`.
const MADE: &[&str] = &["target", "cairn-data", "corpus-local", "__pycache__", "node_modules"];

/// Folders with a dot in front that are ours.
const DOTTED: &[&str] = &[".ci", ".cargo", ".config", ".github"];

/// A file's content, where it is text.
pub type Tree = BTreeMap<String, Option<String>>;

/// Reads every file below `root`, by its path from there.
pub fn read(root: &Path) -> Result<Tree, Failure> {
    let mut tree = Tree::new();
    read_folder(root, "", &mut tree)?;
    Ok(tree)
}

fn read_folder(folder: &Path, prefix: &str, tree: &mut Tree) -> Result<(), Failure> {
    let entries = fs::read_dir(folder).map_err(|error| format!("reading {}: {error}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|name| format!("the file name {name:?} is not UTF-8"))?;
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() && is_ours(&name) {
            read_folder(&entry.path(), &format!("{path}/"), tree)?;
        } else if kind.is_file() {
            let bytes = fs::read(entry.path()).map_err(|error| format!("reading {path}: {error}"))?;
            tree.insert(path, String::from_utf8(bytes).ok());
        }
    }
    Ok(())
}

fn is_ours(folder: &str) -> bool {
    !MADE.contains(&folder) && (!folder.starts_with('.') || DOTTED.contains(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_tools_make_are_left_out() {
        let ours = |name| assert!(is_ours(name), "{name}");
        let made = |name| assert!(!is_ours(name), "{name}");
        ["crates", "docs", ".ci"].into_iter().for_each(ours);
        [".git", ".venv", "target", "cairn-data", "__pycache__"].into_iter().for_each(made);
    }
}
