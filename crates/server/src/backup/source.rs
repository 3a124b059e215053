//! What of a data folder is copied, by rule: all of it, but for what only a running server needs and what is still being made.

use std::fs;
use std::path::{Path, PathBuf};

use journal::{Extent, Seq};

use super::hold::Told;
use crate::commands::Failure;

/// The tables' file, and what the names of SQLite's files beside it begin with.
pub const TABLES: &str = "state.sqlite";
/// What the running server leaves for other commands, locks, and what queries spill.
const OF_THE_PROCESS: [&str; 3] = ["lock", "endpoint", crate::data_folder::SPILL_FOLDER];
/// Files that are being made, and locks.
const SUFFIXES_LEFT: [&str; 2] = [".new", ".lock"];

/// The moment that is copied.
pub struct Moment {
    /// The tables as of that moment.
    pub tables: PathBuf,
    /// The position after the last entry.
    pub journal_end: u64,
    /// The journal's hash there, in hexadecimal.
    pub journal_head: String,
    /// The bytes of the journal that hold the entries before it.
    pub journal: Vec<Extent>,
    /// The server's account, if one runs.
    pub account: Option<String>,
    _copy: Option<state::FileCopy>,
}

/// Whether to copy files that are no tables, journal or objects: keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Extra {
    /// With everything else.
    Copy,
    /// Not.
    LeaveOut,
}

/// A file to copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Where it is.
    pub path: PathBuf,
    /// Its place in a data folder, with slashes.
    pub name: String,
    /// So many bytes of it.
    pub len_bytes: u64,
    /// It may go while we copy: then nothing names it any more.
    pub may_go: bool,
    /// It is only read and hashed.
    pub only_hash: bool,
}

/// What to copy.
pub struct Sources {
    /// The files, by name.
    pub files: Vec<Source>,
    /// Names that were left out on request.
    pub left_out: Vec<String>,
    /// Whether objects lie in the data folder.
    pub has_objects: bool,
}

fn failed(doing: &str, path: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    let text = format!("{doing} {}", path.display());
    move |error| format!("{text}: {error}").into()
}

/// Of a folder whose server is stopped, and whose lock we have.
pub fn stopped(folder: &Path, runtime: &tokio::runtime::Runtime) -> Result<Moment, Failure> {
    let (verified, journal) = journal::extents(&system::env(), &folder.join("journal"), None)?;
    let tables = state::Sqlite::open(&folder.join(TABLES), state::Options::default())?;
    let copy = runtime.block_on(state::State::copy(&tables, Box::new(|| {})))?;
    Ok(Moment {
        tables: copy.path().to_owned(),
        journal_end: verified.head.seq.next().get(),
        journal_head: base::ids::hex(&verified.head.hash),
        journal,
        account: None,
        _copy: Some(copy),
    })
}

/// Of a folder whose server holds it for us.
pub fn running(folder: &Path, told: &Told) -> Result<Moment, Failure> {
    let tables = folder.join(&told.tables);
    if told.tables.contains('/') || !tables.is_file() {
        let text = format!(
            "{} is not the folder of the server that answered: name that one with --data-dir",
            folder.display()
        );
        return Err(text.into());
    }
    let end = Seq::new(told.journal_end);
    let (verified, journal) = journal::extents(&system::env(), &folder.join("journal"), Some(end))?;
    if base::ids::hex(&verified.head.hash) != told.journal_head {
        return Err(format!("the journal in {} is not the one that the server writes", folder.display()).into());
    }
    Ok(Moment {
        tables,
        journal_end: told.journal_end,
        journal_head: told.journal_head.clone(),
        journal,
        account: Some(told.account.clone()),
        _copy: None,
    })
}

/// What to copy of a folder.
pub fn list(folder: &Path, moment: &Moment, extra: Extra) -> Result<Sources, Failure> {
    let mut sources = Sources { files: Vec::new(), left_out: Vec::new(), has_objects: false };
    let len_bytes = fs::metadata(&moment.tables).map_err(failed("measuring", &moment.tables))?.len();
    sources.files.push(Source {
        path: moment.tables.clone(),
        name: TABLES.to_owned(),
        len_bytes,
        may_go: false,
        only_hash: false,
    });
    for Extent { name, len_bytes } in &moment.journal {
        let path = folder.join("journal").join(name);
        sources.files.push(Source {
            path,
            name: format!("journal/{name}"),
            len_bytes: *len_bytes,
            may_go: false,
            only_hash: false,
        });
    }
    for (name, is_folder) in names(folder)? {
        match name.as_str() {
            "journal" => {}
            "objects" => {
                sources.has_objects = true;
                for (below, _) in names(&folder.join("objects"))?.into_iter().filter(|(name, _)| name != "tmp") {
                    walk(&folder.join("objects").join(&below), &format!("objects/{below}"), true, &mut sources.files)?;
                }
            }
            name if name.starts_with(TABLES) || OF_THE_PROCESS.contains(&name) => {}
            name if SUFFIXES_LEFT.iter().any(|suffix| name.ends_with(suffix)) => {}
            name if extra == Extra::LeaveOut => {
                sources.left_out.push(if is_folder { format!("{name}/") } else { name.to_owned() });
            }
            name => walk(&folder.join(name), name, false, &mut sources.files)?,
        }
    }
    sources.files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(sources)
}

/// Adds a file, or those below a folder.
fn walk(path: &Path, name: &str, may_go: bool, into: &mut Vec<Source>) -> Result<(), Failure> {
    let data = match fs::symlink_metadata(path) {
        Ok(data) => data,
        Err(error) if may_go && error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("looking at", path)(error)),
    };
    if data.is_dir() {
        for (below, _) in names(path)? {
            walk(&path.join(&below), &format!("{name}/{below}"), may_go, into)?;
        }
        return Ok(());
    }
    if !data.is_file() {
        return Err(format!("{} is neither a file nor a folder: it cannot be backed up", path.display()).into());
    }
    into.push(Source { path: path.to_owned(), name: name.to_owned(), len_bytes: data.len(), may_go, only_hash: false });
    Ok(())
}

/// The names in a folder, sorted, and whether each is a folder.
fn names(folder: &Path) -> Result<Vec<(String, bool)>, Failure> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed("listing", folder))? {
        let entry = entry.map_err(failed("listing", folder))?;
        let name = entry.file_name().into_string();
        let name = name.map_err(|name| format!("{}: the name {name:?} is not UTF-8", folder.display()))?;
        if name.contains('\n') {
            return Err(format!("{}: the name {name:?} has a line end", folder.display()).into());
        }
        names.push((name, entry.file_type().is_ok_and(|kind| kind.is_dir())));
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_copied_but_what_is_the_process_s() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for name in [
            "lock",
            "endpoint",
            "root-credentials",
            "host-key",
            "host-key.new",
            "state.sqlite",
            "state.sqlite-wal",
            "state.sqlite.lock",
            "state.sqlite.copy-1",
            "journal/00000000000000000001.seg",
            "journal/00000000000000000009.seg.new",
            "objects/tmp/1",
            "spill/query-1/0",
            "objects/data/s3/ab/abcd",
            "objects/data/history/1-2",
            "tls/key.pem",
        ] {
            put(name, name);
        }
        let moment = Moment {
            tables: folder.path().join("state.sqlite.copy-1"),
            journal_end: 1,
            journal_head: String::new(),
            journal: vec![Extent { name: "00000000000000000001.seg".into(), len_bytes: 5 }],
            account: None,
            _copy: None,
        };
        let listed = |extra| {
            let sources = list(folder.path(), &moment, extra).unwrap();
            let files = sources.files.into_iter().map(|file| (file.name, file.len_bytes)).collect::<Vec<_>>();
            (files, sources.left_out)
        };
        let named =
            |names: &[(&str, u64)]| names.iter().map(|(name, len)| ((*name).to_owned(), *len)).collect::<Vec<_>>();
        let kept = [
            ("journal/00000000000000000001.seg", 5),
            ("objects/data/history/1-2", 24),
            ("objects/data/s3/ab/abcd", 23),
        ];
        let (files, left_out) = listed(Extra::Copy);
        let keys = [("host-key", 8)].into_iter().chain(kept);
        let keys = keys.chain([("root-credentials", 16), ("state.sqlite", 19), ("tls/key.pem", 11)]);
        assert_eq!((files, left_out), (named(&keys.collect::<Vec<_>>()), vec![]));
        let (files, left_out) = listed(Extra::LeaveOut);
        assert_eq!(files, named(&kept.into_iter().chain([("state.sqlite", 19)]).collect::<Vec<_>>()));
        assert_eq!(left_out, ["host-key", "root-credentials", "tls/"]);
    }
}
