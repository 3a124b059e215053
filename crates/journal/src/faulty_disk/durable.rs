//! What of a [`FaultyDisk`] is certain to survive the power, as a disk that can be read and never written.

use std::io;
use std::path::Path;

use base::env::{Disk, DiskFile, Stat};

use super::FaultyDisk;

/// See the module. It shows what is durable at the moment of each call.
#[derive(Clone)]
pub struct DurableDisk(FaultyDisk);

impl DurableDisk {
    pub(super) fn new(disk: FaultyDisk) -> DurableDisk {
        DurableDisk(disk)
    }
}

fn read_only<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

impl Disk for DurableDisk {
    fn open(&self, path: &Path, _create: bool) -> io::Result<Box<dyn DiskFile>> {
        let inode = *self.0.world().durable_names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(DurableFile { disk: self.0.clone(), inode }))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let world = self.0.world();
        let inside = world.durable_names.keys().filter(|path| path.parent() == Some(folder));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }

    fn create_dir_all(&self, _folder: &Path) -> io::Result<()> {
        read_only()
    }

    fn rename(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        read_only()
    }

    fn remove(&self, _path: &Path) -> io::Result<()> {
        read_only()
    }

    fn remove_dir(&self, _folder: &Path) -> io::Result<()> {
        read_only()
    }

    fn sync_dir(&self, _folder: &Path) -> io::Result<()> {
        read_only()
    }

    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        let world = self.0.world();
        let file = world.durable_names.get(path).map(|inode| world.inodes[*inode].durable.len());
        Ok(file.map(|len| Stat::File(u64::try_from(len).unwrap_or(u64::MAX))))
    }
}

struct DurableFile {
    disk: FaultyDisk,
    inode: usize,
}

impl DiskFile for DurableFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let world = self.disk.world();
        let durable = &world.inodes[self.inode].durable;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(durable.len());
        let count = buf.len().min(durable.len() - from);
        buf[..count].copy_from_slice(&durable[from..from + count]);
        Ok(count)
    }

    fn write_all_at(&self, _buf: &[u8], _offset: u64) -> io::Result<()> {
        read_only()
    }

    fn sync_data(&self) -> io::Result<()> {
        read_only()
    }

    fn set_len(&self, _len_bytes: u64) -> io::Result<()> {
        read_only()
    }

    fn len(&self) -> io::Result<u64> {
        u64::try_from(self.disk.world().inodes[self.inode].durable.len()).map_err(io::Error::other)
    }
}
