//! A folder in the making: `NAME.unfinished` until it is whole and durable, `NAME` from then on. A failure removes the first, with the
//! keys that may be in it; a crash leaves it. It says what it is, and the next attempt clears it away.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::commands::Failure;

/// Held by whoever makes the folder. Only a folder with such a file is ever cleared away.
const LOCK: &str = "unfinished.lock";

/// See the module.
pub struct Unfinished {
    target: PathBuf,
    folder: PathBuf,
    _lock: File,
    is_finished: bool,
}

fn failed(doing: &str, path: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    let text = format!("{doing} {}", path.display());
    move |error| format!("{text}: {error}").into()
}

impl Unfinished {
    /// Makes it. The target must be absent, or an empty folder.
    pub fn begin(target: &Path) -> Result<Unfinished, Failure> {
        let taken = match fs::read_dir(target) {
            Ok(mut entries) => entries.next().is_some(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
            Err(_) => true,
        };
        if taken {
            return Err(format!("{} is there already: choose a new or empty folder", target.display()).into());
        }
        let name = target.file_name().ok_or_else(|| format!("{} is no name of a folder", target.display()))?;
        let mut unfinished = name.to_os_string();
        unfinished.push(".unfinished");
        let folder = target.with_file_name(unfinished);
        clear(&folder)?;
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed("making", &folder))?;
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(folder.join(LOCK));
        let lock = lock.map_err(failed("making the lock of", &folder))?;
        lock.try_lock().map_err(|_| format!("{} is being written by another cairn", folder.display()))?;
        Ok(Unfinished { target: target.to_owned(), folder, _lock: lock, is_finished: false })
    }

    /// Where to put things.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Gives the folder its name. Its files are durable already; on return it is, too.
    pub fn finish(mut self) -> Result<(), Failure> {
        fs::remove_file(self.folder.join(LOCK)).map_err(failed("removing the lock of", &self.folder))?;
        sync_folders(&self.folder)?;
        fs::rename(&self.folder, &self.target).map_err(failed("renaming", &self.folder))?;
        self.is_finished = true;
        let above = base::env::folder_of(&self.target);
        File::open(above).and_then(|above| above.sync_all()).map_err(failed("syncing", above))
    }

    /// Removes the folder.
    pub fn discard(mut self) -> Result<(), Failure> {
        self.is_finished = true;
        fs::remove_dir_all(&self.folder).map_err(failed("removing", &self.folder))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            let folder = self.folder.display();
            eprintln!("cairn: {folder} could not be removed ({error}): remove it, keys may be in it");
        }
    }
}

/// Clears away what an interrupted attempt has left.
fn clear(folder: &Path) -> Result<(), Failure> {
    if !folder.exists() {
        return Ok(());
    }
    let lock = match OpenOptions::new().write(true).open(folder.join(LOCK)) {
        Ok(lock) => lock,
        Err(_) if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none()) => return Ok(()),
        Err(_) => return Err(format!("{} is in the way and was not made by cairn: remove it", folder.display()).into()),
    };
    lock.try_lock().map_err(|_| format!("{} is being written by another cairn", folder.display()))?;
    eprintln!("cairn: clearing away {}, which was left by an attempt that did not finish", folder.display());
    fs::remove_dir_all(folder).map_err(failed("clearing away", folder))
}

/// Makes the names in a folder and those below it durable.
fn sync_folders(folder: &Path) -> Result<(), Failure> {
    for entry in fs::read_dir(folder).map_err(failed("listing", folder))? {
        let entry = entry.map_err(failed("listing", folder))?;
        if entry.file_type().map_err(failed("looking at", &entry.path()))?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    File::open(folder).and_then(|file| file.sync_all()).map_err(failed("syncing", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_its_name_only_when_it_is_whole() {
        let above = tempfile::tempdir().unwrap();
        let target = above.path().join("b");
        let first = Unfinished::begin(&target).unwrap();
        fs::write(first.folder().join("x"), "1").unwrap();
        let second = Unfinished::begin(&target).err().unwrap().to_string();
        assert!(second.contains("another cairn"), "{second}");
        let folder = first.folder().to_owned();
        drop(first);
        assert!(!target.exists() && !folder.exists(), "a failure leaves nothing");
        // A crash does.
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(LOCK), "").unwrap();
        fs::write(folder.join("x"), "1").unwrap();
        let again = Unfinished::begin(&target).unwrap();
        assert!(!again.folder().join("x").exists(), "what was left is cleared away");
        fs::write(again.folder().join("y"), "2").unwrap();
        again.finish().unwrap();
        let names: Vec<_> = fs::read_dir(&target).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["y"]);
        assert!(Unfinished::begin(&target).is_err(), "nothing is written over");
    }

    #[test]
    fn folders_of_others_are_left_alone() {
        let above = tempfile::tempdir().unwrap();
        fs::create_dir(above.path().join("b.unfinished")).unwrap();
        fs::write(above.path().join("b.unfinished/mine"), "").unwrap();
        let error = Unfinished::begin(&above.path().join("b")).err().unwrap().to_string();
        assert!(error.contains("not made by cairn"), "{error}");
        assert!(above.path().join("b.unfinished/mine").exists());
    }
}
