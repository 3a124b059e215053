//! What was asked before, kept in a file that only its owner reads.

use std::path::PathBuf;

use base::Env;
use base::env::{folder_of, read_file, write_file};

/// The most texts that are kept; the oldest go first.
const KEPT_MAX: usize = 1_000;
/// Longer texts are not kept.
const TEXT_BYTES_MAX: usize = 16 << 10;
/// A file that is larger is none of ours.
const FILE_BYTES_MAX: u64 = 32 << 20;
/// The file, in the folder for state.
const FILE: &str = "cairn/query_history";

/// See the module.
#[derive(Debug, Default)]
pub struct History {
    /// `None`: nowhere to keep it.
    path: Option<PathBuf>,
    texts: Vec<String>,
}

impl History {
    /// Of the user whose process this is.
    pub fn open(env: &Env) -> History {
        History::at(env, path())
    }

    fn at(env: &Env, path: Option<PathBuf>) -> History {
        let texts = path.as_ref().map(|path| load(env, path)).unwrap_or_default();
        History { path, texts }
    }

    /// From the oldest to the newest.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// Adds a text, unless it is the newest already.
    pub fn add(&mut self, env: &Env, text: &str) {
        if text.is_empty() || text.len() > TEXT_BYTES_MAX {
            return;
        }
        // Another shell may have added to the file.
        if let Some(path) = &self.path {
            let stored = load(env, path);
            if !stored.is_empty() {
                self.texts = stored;
            }
        }
        if self.texts.last().is_none_or(|last| last != text) {
            self.texts.push(text.to_owned());
        }
        let over = self.texts.len().saturating_sub(KEPT_MAX);
        self.texts.drain(..over);
        let Some(path) = &self.path else { return };
        let lines: String = self.texts.iter().map(|text| escaped(text) + "\n").collect();
        let written = env
            .disk
            .create_dir_all(folder_of(path))
            .and_then(|()| write_file(env.disk.as_ref(), path, lines.as_bytes()));
        if let Err(error) = written {
            eprintln!("cairn: what was asked is not remembered: writing {}: {error}", path.display());
            self.path = None;
        }
    }
}

/// Where it is kept. Source: XDG Base Directory Specification.
#[expect(clippy::disallowed_methods, reason = "where a user's files are is no setting of ours")]
fn path() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var(name).ok().map(PathBuf::from).filter(|path| path.is_absolute());
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?;
    Some(state.join(FILE))
}

fn load(env: &Env, path: &std::path::Path) -> Vec<String> {
    let small = matches!(env.disk.stat(path), Ok(Some(base::env::Stat::File(bytes))) if bytes <= FILE_BYTES_MAX);
    let bytes = if small { read_file(env.disk.as_ref(), path).unwrap_or_default() } else { Vec::new() };
    let text = String::from_utf8_lossy(&bytes);
    let mut texts: Vec<String> = text.lines().filter(|line| !line.is_empty()).map(unescaped).collect();
    let over = texts.len().saturating_sub(KEPT_MAX);
    texts.drain(..over);
    texts
}

/// A text on one line.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "")
}

fn unescaped(line: &str) -> String {
    let mut text = String::new();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => text.push('\n'),
                Some(other) => text.push(other),
                None => {}
            },
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_kept_for_their_owner() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (env, path) = (system::env(), folder.path().join("a/b"));
        let mut history = History::at(&env, Some(path.clone()));
        for text in ["SELECT 1;", "SELECT 1;", "SELECT '\\n'\nFROM x;", ""] {
            history.add(&env, text);
        }
        let expected = ["SELECT 1;", "SELECT '\\n'\nFROM x;"];
        assert_eq!(history.texts(), expected);
        assert_eq!(History::at(&env, Some(path.clone())).texts(), expected);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        // Two shells at a time.
        let mut other = History::at(&env, Some(path.clone()));
        history.add(&env, "a");
        other.add(&env, "b");
        assert_eq!(other.texts()[2..], ["a", "b"]);
        for number in 0..KEPT_MAX {
            history.texts.push(number.to_string());
        }
        history.path = None;
        history.add(&env, "last");
        assert_eq!((history.texts().len(), history.texts().last().map(String::as_str)), (KEPT_MAX, Some("last")));
    }
}
