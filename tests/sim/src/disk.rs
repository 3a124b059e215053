//! The disk of a world: a `FaultyDisk` whose accesses are counted, so that the power can go at any of them.

use std::io;
use std::path::Path;
use std::sync::Arc;

use base::env::{Disk, DiskFile, Stat};
use journal::faulty_disk::FaultyDisk;

use crate::chance::Chance;
use crate::faults::Faults;
use crate::plants::Plant;

/// See the module.
pub(crate) struct SimDisk {
    pub(crate) disk: FaultyDisk,
    pub(crate) faults: Arc<Faults>,
    pub(crate) lies: Option<Arc<Chance>>,
}

struct SimFile {
    file: Box<dyn DiskFile>,
    faults: Arc<Faults>,
    lies: Option<Arc<Chance>>,
}

impl SimDisk {
    pub(crate) fn new(disk: FaultyDisk, faults: Arc<Faults>, seed: u64, plant: Option<Plant>) -> SimDisk {
        let lies = (plant == Some(Plant::SyncLies)).then(|| Arc::new(Chance::part(seed, "lies")));
        SimDisk { disk, faults, lies }
    }
}

fn alive(faults: &Faults) -> io::Result<()> {
    if faults.access() { Ok(()) } else { Err(io::Error::other("the power is off")) }
}

fn seen<T>(faults: &Faults, result: io::Result<T>) -> io::Result<T> {
    if result.is_err() {
        faults.disk_failed();
    }
    result
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, create: bool) -> io::Result<Box<dyn DiskFile>> {
        alive(&self.faults)?;
        let file = self.disk.open(path, create)?;
        Ok(Box::new(SimFile { file, faults: Arc::clone(&self.faults), lies: self.lies.clone() }))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        alive(&self.faults)?;
        self.disk.list(folder)
    }

    fn create_dir_all(&self, folder: &Path) -> io::Result<()> {
        alive(&self.faults)?;
        self.disk.create_dir_all(folder)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        alive(&self.faults)?;
        seen(&self.faults, self.disk.rename(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        alive(&self.faults)?;
        seen(&self.faults, self.disk.remove(path))
    }

    fn remove_dir(&self, folder: &Path) -> io::Result<()> {
        alive(&self.faults)?;
        seen(&self.faults, self.disk.remove_dir(folder))
    }

    fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        alive(&self.faults)?;
        seen(&self.faults, self.disk.sync_dir(folder))
    }

    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        alive(&self.faults)?;
        self.disk.stat(path)
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        alive(&self.faults)?;
        self.file.read_at(buf, offset)
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        alive(&self.faults)?;
        seen(&self.faults, self.file.write_all_at(buf, offset))
    }

    fn sync_data(&self) -> io::Result<()> {
        alive(&self.faults)?;
        if self.lies.as_ref().is_some_and(|chance| chance.one_in(8)) {
            return Ok(());
        }
        seen(&self.faults, self.file.sync_data())
    }

    fn set_len(&self, len_bytes: u64) -> io::Result<()> {
        alive(&self.faults)?;
        seen(&self.faults, self.file.set_len(len_bytes))
    }

    fn len(&self) -> io::Result<u64> {
        alive(&self.faults)?;
        self.file.len()
    }
}
