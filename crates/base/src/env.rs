//! The seams to the world outside: clock, chance and disk. Nothing reads the originals but the crate `system`; a test or a
//! simulator puts its own in their place.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Timestamp;

/// What the program takes from the world outside. Cheap to clone.
#[derive(Clone)]
pub struct Env {
    /// The time of day and the passing of time.
    pub clock: Arc<dyn Clock>,
    /// Random bytes fit for secrets.
    pub rng: Arc<dyn Rng>,
    /// Files.
    pub disk: Arc<dyn Disk>,
}

/// The time of day and the passing of time.
pub trait Clock: Send + Sync {
    /// The time of day, which may jump either way.
    fn now(&self) -> Timestamp;

    /// Milliseconds since some fixed moment; never goes back.
    fn monotonic_ms(&self) -> u64;
}

/// Random bytes fit for secrets.
pub trait Rng: Send + Sync {
    /// Fills `bytes` with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// A disk: blocking calls, for threads that may wait. Paths are absolute or relative to the process's folder.
pub trait Disk: Send + Sync {
    /// Opens a file for reading and writing, making it (empty) if it is absent and `create` is set.
    fn open(&self, path: &Path, create: bool) -> io::Result<Box<dyn DiskFile>>;

    /// Names (not paths) of what a folder holds, sorted. An absent folder is `NotFound`.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// Makes a folder and those above it. Existing ones are left as they are.
    fn create_dir_all(&self, folder: &Path) -> io::Result<()>;

    /// Moves a file over whatever has the new name, atomically. Durable after [`Disk::sync_dir`] of the new folder.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes an empty folder.
    fn remove_dir(&self, folder: &Path) -> io::Result<()>;

    /// Returns when the names in a folder are durable.
    fn sync_dir(&self, folder: &Path) -> io::Result<()>;

    /// Whether the path names a folder, a file (with its length in bytes), or nothing.
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>>;
}

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stat {
    /// A folder.
    Dir,
    /// A file and its length in bytes.
    File(u64),
}

/// An open file. Closed when dropped; what was not synced may be lost in a crash.
pub trait DiskFile: Send + Sync {
    /// Reads up to `buf.len()` bytes at `offset`; 0 only at the end of the file.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `buf` at `offset`, making the file longer if it has to.
    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()>;

    /// Returns when all written bytes (and the length) are durable.
    fn sync_data(&self) -> io::Result<()>;

    /// Cuts the file, or lengthens it with zeros.
    fn set_len(&self, len_bytes: u64) -> io::Result<()>;

    /// The length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file has no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// Reads a whole file.
pub fn read_file(disk: &dyn Disk, path: &Path) -> io::Result<Vec<u8>> {
    let file = disk.open(path, false)?;
    let len = usize::try_from(file.len()?).map_err(io::Error::other)?;
    let mut bytes = vec![0; len];
    let mut done = 0;
    while done < len {
        let count = file.read_at(&mut bytes[done..], done as u64)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        done += count;
    }
    Ok(bytes)
}

/// The folder that a path's last name is in: of a bare name, which has an empty parent, the process's own.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a whole file so that after a crash either the old content or the new is there. Returns when it is durable.
pub fn write_file(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = folder_of(path);
    let mut new_name = path.file_name().unwrap_or_default().to_os_string();
    new_name.push(".new");
    let new_path: PathBuf = folder.join(new_name);
    let file = disk.open(&new_path, true)?;
    file.set_len(0)?;
    file.write_all_at(bytes, 0)?;
    file.sync_data()?;
    drop(file);
    disk.rename(&new_path, path)?;
    disk.sync_dir(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_in_a_folder() {
        for (path, folder) in [("state.bin", "."), ("a/b", "a"), ("./b", "."), ("/b", "/"), ("/a/b", "/a"), ("/", ".")]
        {
            assert_eq!(folder_of(Path::new(path)), Path::new(folder), "{path}");
        }
    }
}
