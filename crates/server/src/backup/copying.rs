//! Copies files by a few threads, each hashed as it goes by and durable before it counts, and says how far it is.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::hold::interrupted;
use super::manifest::{Base, Listed};
use super::source::Source;
use crate::commands::Failure;
use crate::terminal::amounts;

/// Threads that copy: enough to keep a disk busy while one of them waits for it.
const THREADS: usize = 4;
/// Read at once.
const BUFFER_BYTES: usize = 1 << 20;
/// Between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(100);

/// See the module.
pub struct Copier<'a> {
    to: PathBuf,
    base: Option<&'a Base>,
    doing: &'static str,
    done_files: AtomicUsize,
    done_bytes: AtomicU64,
    linked: AtomicU64,
    stop: AtomicBool,
}

/// What was copied.
pub struct Copied {
    /// The files, by name.
    pub files: Vec<Listed>,
    /// Their bytes.
    pub bytes: u64,
    /// How many were linked and not copied.
    pub linked: u64,
}

fn failed(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> Failure {
    let text = format!("{doing} {}", path.display());
    move |error| format!("{text}: {error}").into()
}

impl<'a> Copier<'a> {
    /// Into a folder, which is made. Files that `base` has are linked to those.
    pub fn new(to: PathBuf, base: Option<&'a Base>, doing: &'static str) -> Copier<'a> {
        Copier {
            to,
            base,
            doing,
            done_files: AtomicUsize::new(0),
            done_bytes: AtomicU64::new(0),
            linked: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        }
    }

    /// Copies all of them, for as long as `may_go_on`.
    pub fn all(&self, sources: &[Source], may_go_on: impl Fn() -> bool) -> Result<Copied, Failure> {
        make_folder(&self.to)?;
        let next = AtomicUsize::new(0);
        let results = Mutex::new(Vec::with_capacity(sources.len()));
        let all_bytes = sources.iter().map(|source| source.len_bytes).sum::<u64>();
        let work = || {
            while let Some(source) = sources.get(next.fetch_add(1, Ordering::Relaxed)) {
                if self.stop.load(Ordering::Relaxed) {
                    return;
                }
                let result = self.one(source);
                self.stop.fetch_or(result.is_err(), Ordering::Relaxed);
                results.lock().unwrap_or_else(PoisonError::into_inner).push(result);
                self.done_files.fetch_add(1, Ordering::Relaxed);
            }
        };
        let still_held = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS.min(sources.len())).map(|_| scope.spawn(work)).collect();
            let progress = Progress::new(self.doing, sources.len(), all_bytes);
            let mut still_held = true;
            while threads.iter().any(|thread| !thread.is_finished()) {
                std::thread::sleep(LOOK);
                progress.show(self.done_files.load(Ordering::Relaxed), self.done_bytes.load(Ordering::Relaxed));
                if !may_go_on() {
                    still_held = false;
                    self.stop.store(true, Ordering::Relaxed);
                }
            }
            progress.clear();
            still_held
        });
        if !still_held {
            return Err(interrupted().into());
        }
        let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        let files = results.into_iter().filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()?;
        let mut files: Vec<Listed> = files;
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let (bytes, linked) = (self.done_bytes.load(Ordering::Relaxed), self.linked.load(Ordering::Relaxed));
        Ok(Copied { files, bytes, linked })
    }

    /// Copies one file; `None` if it is gone and may be.
    fn one(&self, source: &Source) -> Result<Option<Listed>, Failure> {
        let mut from = match File::open(&source.path) {
            Ok(from) => from,
            Err(error) if source.may_go && error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("opening", &source.path)(error)),
        };
        if source.only_hash {
            let sha256 = self.read(&mut from, source, &mut |bytes| {
                self.done_bytes.fetch_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
                Ok(())
            })?;
            return Ok(Some(Listed { name: source.name.clone(), sha256 }));
        }
        let to = self.to.join(&source.name);
        make_folder(to.parent().unwrap_or(&self.to))?;
        if let Some(sha256) = self.link(source, &to)? {
            self.done_bytes.fetch_add(source.len_bytes, Ordering::Relaxed);
            self.linked.fetch_add(1, Ordering::Relaxed);
            return Ok(Some(Listed { name: source.name.clone(), sha256 }));
        }
        let mut copy =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&to).map_err(failed("making", &to))?;
        let sha256 = self.read(&mut from, source, &mut |bytes| {
            self.done_bytes.fetch_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
            copy.write_all(bytes).map_err(failed("writing", &to))
        })?;
        copy.sync_all().map_err(failed("syncing", &to))?;
        Ok(Some(Listed { name: source.name.clone(), sha256 }))
    }

    /// Links to the same file of the earlier backup, if it has it: same name, length and bytes.
    fn link(&self, source: &Source, to: &Path) -> Result<Option<String>, Failure> {
        let Some(base) = self.base else { return Ok(None) };
        let Some(sha256) = base.files.get(&source.name) else { return Ok(None) };
        let earlier = base.data.join(&source.name);
        if !fs::metadata(&earlier).is_ok_and(|data| data.len() == source.len_bytes) {
            return Ok(None);
        }
        let mut from = File::open(&source.path).map_err(failed("opening", &source.path))?;
        if self.read(&mut from, source, &mut |_| Ok(()))? != *sha256 {
            return Ok(None);
        }
        // On another file system there are no links to it: then it is copied.
        Ok(fs::hard_link(&earlier, to).is_ok().then(|| sha256.clone()))
    }

    /// Reads as many bytes of a file as are wanted. Returns their hash.
    fn read(
        &self,
        from: &mut File,
        source: &Source,
        each: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<String, Failure> {
        let mut hash = Sha256::new();
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut left = source.len_bytes;
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let count = from.read(&mut buffer[..want]).map_err(failed("reading", &source.path))?;
            if count == 0 {
                return Err(format!("{} became shorter while it was read", source.path.display()).into());
            }
            hash.update(&buffer[..count]);
            each(&buffer[..count])?;
            left -= u64::try_from(count).unwrap_or(left);
            if self.stop.load(Ordering::Relaxed) {
                return Err("another file could not be copied".into());
            }
        }
        Ok(base::ids::hex(&hash.finalize()))
    }
}

/// Makes a folder for its owner alone, and those above it.
fn make_folder(folder: &Path) -> Result<(), Failure> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed("making", folder))
}

/// A line on standard error that says how far it is, if somebody looks.
struct Progress {
    doing: &'static str,
    files: usize,
    bytes: u64,
    is_seen: bool,
}

impl Progress {
    fn new(doing: &'static str, files: usize, bytes: u64) -> Progress {
        Progress { doing, files, bytes, is_seen: io::stderr().is_terminal() }
    }

    fn show(&self, files: usize, bytes: u64) {
        if self.is_seen {
            eprint!("\r{}\x1b[K", self.line(files, bytes));
        }
    }

    fn line(&self, files: usize, bytes: u64) -> String {
        const BAR: u64 = 20;
        let part = |whole: u64| (whole * bytes.min(self.bytes)).checked_div(self.bytes).unwrap_or(whole);
        let full = usize::try_from(part(BAR)).unwrap_or_default();
        let bar = "█".repeat(full) + &"░".repeat(usize::try_from(BAR).unwrap_or_default() - full);
        let count = |number: usize| amounts::count(u64::try_from(number).unwrap_or(u64::MAX));
        let (done, all) = (count(files), count(self.files));
        let bytes = format!("{} of {}", amounts::bytes(bytes), amounts::bytes(self.bytes));
        format!("{} {bar} {:>3} % · {done} of {all} files · {bytes}", self.doing, part(100))
    }

    fn clear(&self) {
        if self.is_seen {
            eprint!("\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_a_line() {
        let progress = Progress { doing: "copying", files: 1200, bytes: 4 << 30, is_seen: false };
        let line = progress.line(300, 1 << 30);
        assert_eq!(line, "copying █████░░░░░░░░░░░░░░░  25 % · 300 of 1,200 files · 1.0 GiB of 4.0 GiB");
        let nothing = Progress { bytes: 0, ..progress };
        assert!(nothing.line(0, 0).contains("100 %"));
    }

    #[test]
    fn what_an_earlier_backup_has_is_linked_and_only_that() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let source = |name: &str, text: &str| {
            fs::write(path(name), text).unwrap();
            let len_bytes = u64::try_from(text.len()).unwrap();
            Source { path: path(name), name: format!("objects/{name}"), len_bytes, may_go: true, only_hash: false }
        };
        let first = [source("a", "same"), source("b", "then"), source("c", "long")];
        let copied = Copier::new(path("one"), None, "copying").all(&first, || true).unwrap();
        assert_eq!((copied.bytes, copied.linked, copied.files.len()), (12, 0, 3));
        let files = copied.files.into_iter().map(|file| (file.name, file.sha256)).collect();
        let base = Base { data: path("one"), files };
        let mut second = vec![source("a", "same"), source("b", "now!"), source("c", "longer"), source("d", "new")];
        second.push(Source {
            path: path("gone"),
            name: "objects/gone".into(),
            len_bytes: 3,
            may_go: true,
            only_hash: false,
        });
        let copied = Copier::new(path("two"), Some(&base), "copying").all(&second, || true).unwrap();
        assert_eq!((copied.linked, copied.files.len()), (1, 4));
        let inode = |name: &str| fs::metadata(path(name)).unwrap().ino();
        assert_eq!(inode("one/objects/a"), inode("two/objects/a"));
        assert_ne!(inode("one/objects/b"), inode("two/objects/b"));
        assert_eq!(fs::read_to_string(path("two/objects/b")).unwrap(), "now!");
    }

    #[test]
    fn a_file_that_cannot_be_copied_and_a_hold_that_ended_stop_it() {
        let folder = tempfile::tempdir().unwrap();
        let gone = Source {
            path: folder.path().join("gone"),
            name: "x".into(),
            len_bytes: 3,
            may_go: false,
            only_hash: false,
        };
        let copier = Copier::new(folder.path().join("to"), None, "copying");
        let error = copier.all(std::slice::from_ref(&gone), || true).err().unwrap().to_string();
        assert!(error.contains("opening") && error.contains("gone"), "{error}");
    }
}
