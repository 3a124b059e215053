//! The folder itself: blocking calls, each one leaving it as it should be after a crash at any point.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base::Disk;
use base::env::{DiskFile, Stat};

use crate::ObjectInfo;
use crate::name::check_name;

/// How many folders are remembered to be durable; beyond that all are forgotten and made durable again, once each.
const FOLDERS_KNOWN_MAX: usize = 10_000;

pub(super) struct Folder {
    pub(super) disk: Arc<dyn Disk>,
    data: PathBuf,
    tmp: PathBuf,
    next_tmp: AtomicU64,
    /// Folders whose names are durable in the folders above them.
    durable: Mutex<HashSet<PathBuf>>,
}

/// A file that is to become an object. Removed unless it did.
pub(super) struct Unfinished {
    pub(super) file: Arc<dyn DiskFile>,
    disk: Arc<dyn Disk>,
    path: PathBuf,
    published: bool,
}

impl Folder {
    pub(super) fn open(disk: Arc<dyn Disk>, root: &Path) -> io::Result<Folder> {
        let (data, tmp) = (root.join("data"), root.join("tmp"));
        let is_new = disk.stat(root)?.is_none();
        disk.create_dir_all(&data)?;
        disk.create_dir_all(&tmp)?;
        disk.sync_dir(root)?;
        if let Some(above) = root.parent().filter(|above| is_new && !above.as_os_str().is_empty()) {
            disk.sync_dir(above)?;
        }
        for name in disk.list(&tmp)? {
            disk.remove(&tmp.join(name))?;
        }
        Ok(Folder { disk, data, tmp, next_tmp: AtomicU64::new(1), durable: Mutex::default() })
    }

    /// The object's file, if there is one.
    pub(super) fn open_object(&self, name: &str) -> io::Result<Option<Box<dyn DiskFile>>> {
        match self.disk.open(&self.data.join(name), false) {
            Ok(file) => Ok(Some(file)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes an object of bytes at hand. Returns when it is durable.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let unfinished = self.begin()?;
        unfinished.file.write_all_at(bytes, 0)?;
        self.publish(unfinished, name)
    }

    /// An empty file for an object.
    pub(super) fn begin(&self) -> io::Result<Unfinished> {
        let path = self.tmp.join(self.next_tmp.fetch_add(1, Ordering::Relaxed).to_string());
        let file = self.disk.open(&path, true)?.into();
        Ok(Unfinished { file, disk: self.disk.clone(), path, published: false })
    }

    /// Makes a file the object. Returns when it is durable.
    pub(super) fn publish(&self, mut unfinished: Unfinished, name: &str) -> io::Result<()> {
        unfinished.file.sync_data()?;
        let path = self.data.join(name);
        let folder = path.parent().unwrap_or(&self.data);
        self.make_folder(folder)?;
        self.disk.rename(&unfinished.path, &path)?;
        unfinished.published = true;
        self.disk.sync_dir(folder)
    }

    /// Removes objects that may be absent. Returns when that is durable.
    pub(super) fn delete(&self, names: &[String]) -> io::Result<()> {
        let mut folders = BTreeSet::new();
        for name in names {
            let path = self.data.join(name);
            match self.disk.remove(&path) {
                Ok(()) => folders.extend(path.parent().map(Path::to_path_buf)),
                // Only an absent file or a folder of other objects is fine.
                Err(error) if is_absent(&error) || self.disk.stat(&path)? == Some(Stat::Dir) => {}
                Err(error) => return Err(error),
            }
        }
        folders.iter().try_for_each(|folder| self.disk.sync_dir(folder))
    }

    /// The first `limit` objects whose names begin with `prefix` and come after `after`, sorted.
    pub(super) fn list(&self, prefix: &str, after: &str, limit: usize) -> io::Result<Vec<ObjectInfo>> {
        let folder = prefix.rfind('/').map_or("", |slash| &prefix[..=slash]);
        let mut listing = Listing { prefix, after, limit, found: Vec::new() };
        if limit > 0 {
            self.walk(folder, &mut listing)?;
        }
        Ok(listing.found)
    }

    /// Adds the objects of a folder (`""`, or a path with a slash at its end) and of those below.
    ///
    /// The order is that of whole names, in which the folder `a` stands for names that begin with `a/`, and so comes after
    /// the file `a.b`. A folder therefore waits until no file before `a/` can follow.
    fn walk(&self, folder: &str, listing: &mut Listing<'_>) -> io::Result<()> {
        let names = match self.disk.list(&self.data.join(folder)) {
            Ok(names) => names,
            Err(error) if is_absent(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut waiting = BTreeSet::new();
        for part in names {
            let name = format!("{folder}{part}");
            while let Some(below) = waiting.first().filter(|below: &&String| **below < name).cloned() {
                waiting.remove(&below);
                self.walk(&below, listing)?;
            }
            if listing.is_full() {
                return Ok(());
            }
            if !listing.may_hold(&name) || check_name(&name).is_err() {
                continue;
            }
            match self.disk.stat(&self.data.join(&name))? {
                Some(Stat::Dir) => drop(waiting.insert(name + "/")),
                Some(Stat::File(len)) if listing.holds(&name) => listing.found.push(ObjectInfo { name, len }),
                // Another call may have deleted it just now.
                Some(Stat::File(_)) | None => {}
            }
        }
        for below in waiting {
            if listing.is_full() {
                return Ok(());
            }
            self.walk(&below, listing)?;
        }
        Ok(())
    }

    /// Makes a folder of objects and those above it, durably.
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        let is_durable = |path: &Path| self.durable.lock().unwrap_or_else(PoisonError::into_inner).contains(path);
        if folder == self.data || is_durable(folder) {
            return Ok(());
        }
        self.disk.create_dir_all(folder)?;
        for path in folder.ancestors().take_while(|path| *path != self.data) {
            if is_durable(path) {
                break;
            }
            self.disk.sync_dir(path.parent().unwrap_or(&self.data))?;
        }
        let mut durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        if durable.len() >= FOLDERS_KNOWN_MAX {
            durable.clear();
        }
        durable.insert(folder.to_path_buf());
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.published {
            // What cannot be removed now is removed at the next start.
            let _ = self.disk.remove(&self.path);
        }
    }
}

struct Listing<'a> {
    prefix: &'a str,
    after: &'a str,
    limit: usize,
    found: Vec<ObjectInfo>,
}

impl Listing<'_> {
    fn is_full(&self) -> bool {
        self.found.len() >= self.limit
    }

    /// Whether the object with this name belongs to it.
    fn holds(&self, name: &str) -> bool {
        name.starts_with(self.prefix) && name > self.after
    }

    /// Whether the object with this name, or one in the folder with this name, can belong to it.
    fn may_hold(&self, name: &str) -> bool {
        // Names in the folder begin with `name/`, and all of those come before `name0`.
        let below = || self.prefix.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
        (name.starts_with(self.prefix) || below()) && format!("{name}0").as_str() > self.after
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory)
}
