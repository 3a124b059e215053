//! `xtask tidy`: what the compiler does not check: levels of crates, purity, lengths of files, module docs, links in documents.
//!
//! Only reads. Each finding is one line that says where it is and what to do about it.

mod crates;
mod files;
mod links;
mod tree;

use std::fmt;

use crate::Failure;

pub const HELP: &str = "tidy
    Checks the levels of crates against ARCHITECTURE.md, and every source file and document against the rules of STYLE.md.";

/// A finding: where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    /// Relative to the root, with slashes.
    path: String,
    /// Counted from 1; 0 for the whole file.
    line: usize,
    text: String,
}

impl Finding {
    fn new(path: &str, line: usize, text: impl Into<String>) -> Finding {
        Finding { path: path.to_owned(), line, text: text.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.text),
            line => write!(f, "{}:{line}: {}", self.path, self.text),
        }
    }
}

/// Runs the task.
pub fn run(args: &[String]) -> Result<(), Failure> {
    if let Some(unknown) = args.first() {
        return Err(format!("unknown option {unknown}\n{HELP}").into());
    }
    let tree = tree::read(&crate::workspace())?;
    let mut findings = files::check(&tree);
    findings.extend(links::check(&tree));
    findings.extend(crates::check(&tree)?);
    findings.sort();
    findings.iter().for_each(|finding| println!("{finding}"));
    match findings.len() {
        0 => {
            println!("tidy: {} files, nothing to do", tree.len());
            Ok(())
        }
        1 => Err("one thing to do".into()),
        many => Err(format!("{many} things to do").into()),
    }
}
