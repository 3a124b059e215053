//! Files with records in a folder: found by their names, read one after the other, and listed where they cannot be read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use base::Env;
use base::env::{Stat, read_file};
use bytes::Bytes;
use lake::{ParquetFile, Piece, Records, Take};

use crate::commands::Failure;
use crate::terminal::amounts;

/// The largest log file, as it lies there and inflated: it is held in memory whole.
const FILE_BYTES_MAX: u64 = 1 << 30;
/// How deep folders are searched; AWS's layout needs eight levels.
const DEPTH_MAX: usize = 32;
/// The most files.
const FILES_MAX: usize = 10_000_000;
/// The most files that are listed as unreadable.
const PROBLEMS_MAX: usize = 1_000;
/// How gzip begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// What names of files with records end with.
const ENDINGS: &[&str] = &[".json", ".json.gz", ".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz"];
/// What names of Parquet files end with.
const PARQUET: &str = ".parquet";
/// Folders of AWS's layout that hold no records.
const WITHOUT_RECORDS: &[&str] = &["CloudTrail-Digest"];

/// What is found below a folder.
#[derive(Debug, Default)]
pub struct Found {
    /// Log files.
    pub logs: Vec<PathBuf>,
    /// Parquet files.
    pub parquet: Vec<PathBuf>,
}

impl Found {
    /// The files of a folder with all below it, or the file itself, whatever its name.
    pub fn below(env: &Env, path: &Path) -> Result<Found, Failure> {
        let mut found = Found::default();
        match env.disk.stat(path).map_err(|error| format!("looking for {}: {error}", path.display()))? {
            None => return Err(format!("there is no folder or file {}", path.display()).into()),
            Some(Stat::Dir) => walk(env, path, 0, &mut found)?,
            Some(Stat::File(_)) if is_parquet(env, path)? => found.parquet.push(path.to_owned()),
            Some(Stat::File(_)) => found.logs.push(path.to_owned()),
        }
        if found.logs.is_empty() && found.parquet.is_empty() {
            let endings = ENDINGS.join(", ");
            return Err(format!(
                "{} has no files to ask: none of their names ends with {endings} or {PARQUET}",
                path.display()
            )
            .into());
        }
        Ok(found)
    }
}

/// Whether a file is meant to be Parquet: by its name, or by how it begins.
fn is_parquet(env: &Env, path: &Path) -> Result<bool, Failure> {
    if path.to_string_lossy().ends_with(PARQUET) {
        return Ok(true);
    }
    let mut begin = [0; 4];
    let read = env.disk.open(path, false).and_then(|file| file.read_at(&mut begin, 0));
    let read = read.map_err(|error| format!("reading {}: {error}", path.display()))?;
    Ok(lake::is_parquet(&begin[..read]))
}

/// Something that holds records.
pub enum Part {
    /// A log file.
    Log(PathBuf),
    /// A group of rows of a Parquet file.
    Rows(Arc<ParquetFile>, usize),
}

/// See the module.
pub struct Files {
    env: Env,
    parts: Vec<Part>,
    problems: Mutex<BTreeSet<String>>,
}

impl Files {
    /// The records of these.
    pub fn new(env: Env, parts: Vec<Part>) -> Files {
        Files { env, parts, problems: Mutex::default() }
    }

    /// What could not be read, a line each.
    pub fn problems(&self) -> BTreeSet<String> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn content(&self, path: &Path) -> Result<(Bytes, u64), String> {
        let failed = |error: std::io::Error| error.to_string();
        if let Some(Stat::File(bytes)) = self.env.disk.stat(path).map_err(failed)?
            && bytes > FILE_BYTES_MAX
        {
            let (bytes, most) = (amounts::bytes(bytes), amounts::bytes(FILE_BYTES_MAX));
            return Err(format!("the file is too large: it has {bytes}, and at most {most} can be read"));
        }
        let stored = read_file(self.env.disk.as_ref(), path).map_err(failed)?;
        let bytes = u64::try_from(stored.len()).unwrap_or(u64::MAX);
        let content = if stored.starts_with(&GZIP) {
            let most = usize::try_from(FILE_BYTES_MAX).unwrap_or(usize::MAX);
            record::file::inflate(&stored, most).map_err(|error| error.to_string())?
        } else {
            stored
        };
        Ok((Bytes::from(content), bytes))
    }

    fn log(&self, path: &Path) -> Result<Piece, String> {
        let read = self.content(path).and_then(|(content, stored_bytes)| Ok((records(&content)?, stored_bytes)));
        let (records, stored_bytes) = read.map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Piece { records, stored_bytes })
    }
}

fn walk(env: &Env, folder: &Path, depth: usize, found: &mut Found) -> Result<(), Failure> {
    if depth > DEPTH_MAX {
        return Err(format!("{} is more than {DEPTH_MAX} folders deep", folder.display()).into());
    }
    for name in env.disk.list(folder).map_err(|error| format!("listing {}: {error}", folder.display()))? {
        let path = folder.join(&name);
        match env.disk.stat(&path).map_err(|error| format!("looking at {}: {error}", path.display()))? {
            Some(Stat::Dir) if !WITHOUT_RECORDS.contains(&name.as_str()) => walk(env, &path, depth + 1, found)?,
            Some(Stat::File(_)) if ENDINGS.iter().any(|ending| name.ends_with(ending)) => found.logs.push(path),
            Some(Stat::File(_)) if name.ends_with(PARQUET) => found.parquet.push(path),
            _ => {}
        }
        if found.logs.len() + found.parquet.len() > FILES_MAX {
            return Err(format!("there are more than {FILES_MAX} files").into());
        }
    }
    Ok(())
}

impl Records for Files {
    fn pieces(&self) -> usize {
        self.parts.len()
    }

    fn read(&self, piece: usize, columns: &BTreeSet<String>, take: Take<'_>) -> Result<(), String> {
        let read = match self.parts.get(piece) {
            None => Ok(()),
            Some(Part::Rows(file, group)) => file.records(*group, columns, take),
            Some(Part::Log(path)) => self.log(path).map(|piece| {
                // It is the last anyhow.
                let _ = take(piece);
            }),
        };
        if let Err(problem) = read {
            let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
            if problems.len() < PROBLEMS_MAX {
                problems.insert(problem);
            }
        }
        Ok(())
    }
}

/// The records of a log file (`{"Records": […]}`), or of a file with one on each line. They share the content's memory.
fn records(content: &Bytes) -> Result<Vec<Bytes>, String> {
    let text = std::str::from_utf8(content).map_err(|error| error.to_string())?;
    let text = text.trim_start_matches('\u{feff}');
    let whole = match record::file::records(text) {
        Ok(found) => return Ok(found.iter().map(|one| content.slice_ref(one.get().as_bytes())).collect()),
        Err(error) => error.to_string(),
    };
    let mut found = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let is_record = line.starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok();
        if !is_record || line.starts_with("{\"Records\"") {
            return Err(format!("no log file: {whole}"));
        }
        found.push(content.slice_ref(line.as_bytes()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    #[test]
    fn records_of_log_files_and_of_lines() {
        let check = |content: &str, expected: Option<&[&str]>| {
            let found = records(&Bytes::from(content.to_owned())).ok();
            let expected = expected.map(|all| all.iter().map(|one| Bytes::from((*one).to_owned())).collect::<Vec<_>>());
            assert_eq!(found, expected, "{content}");
        };
        check(r#"{"Records":[{"a":1}, {"b":2}]}"#, Some(&[r#"{"a":1}"#, r#"{"b":2}"#]));
        check(r#"{"version":1,"Records":[]}"#, Some(&[]));
        check("{\"a\":1}\n\n  {\"b\":2}\r\n", Some(&[r#"{"a":1}"#, r#"{"b":2}"#]));
        check("", Some(&[]));
        check(r#"{"Records":[{"a":1}"#, None);
        check("[1]", None);
        check("{\"a\":1}\nno", None);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test's own folder")]
    fn files_are_found_below_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let day = folder.path().join("AWSLogs/1/CloudTrail/us-east-1/2025/03/01");
        let digests = folder.path().join("AWSLogs/1/CloudTrail-Digest/us-east-1");
        for path in [&day, &digests] {
            std::fs::create_dir_all(path).unwrap();
        }
        std::fs::write(day.join("a.json.gz"), record::file::deflate(br#"{"Records":[{"eventName":"A"}]}"#)).unwrap();
        std::fs::write(day.join("b.json"), "broken").unwrap();
        std::fs::write(day.join("c.txt"), "{}").unwrap();
        std::fs::write(digests.join("d.json.gz"), "{}").unwrap();
        let env = system::env();
        std::fs::write(day.join("e.parquet"), "PAR1").unwrap();
        let found = Found::below(&env, folder.path()).unwrap();
        assert_eq!(found.parquet, [day.join("e.parquet")]);
        let files = Files::new(env.clone(), found.logs.into_iter().map(Part::Log).collect());
        assert_eq!(files.pieces(), 2);
        let read = |piece: usize| {
            let mut records = Vec::new();
            let mut take = |piece: Piece| {
                records.extend(piece.records);
                ControlFlow::Continue(())
            };
            files.read(piece, &BTreeSet::new(), &mut take).unwrap();
            records
        };
        assert_eq!(read(0), [Bytes::from(r#"{"eventName":"A"}"#)]);
        assert!(read(1).is_empty());
        let problems = files.problems();
        assert!(problems.first().unwrap().contains("b.json: no log file"), "{problems:?}");
        assert!(Found::below(&env, &digests.join("none")).is_err());
    }

    #[test]
    fn what_does_not_fit_in_memory_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let (env, path) = (system::env(), folder.path().join("a.json"));
        // A file of holes, which takes no room on the disk.
        env.disk.open(&path, true).unwrap().set_len(2 * FILE_BYTES_MAX).unwrap();
        let files = Files::new(env, vec![Part::Log(path)]);
        let mut take = |_: Piece| ControlFlow::Continue(());
        files.read(0, &BTreeSet::new(), &mut take).unwrap();
        let problems = files.problems();
        let expected = "a.json: the file is too large: it has 2.0 GiB, and at most 1.0 GiB can be read";
        assert!(problems.first().unwrap().ends_with(expected), "{problems:?}");
    }
}
