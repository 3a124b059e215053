//! The real clock, chance and disk behind [`base::Env`]. The only crate that calls what `clippy.toml` bans elsewhere.
#![allow(clippy::disallowed_methods, reason = "this crate is where the originals are called")]

pub mod process;

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use base::Timestamp;
use base::env::{Clock, Disk, DiskFile, Env, Rng, Stat};
use rand::Rng as _;

/// The machine's own clock, random numbers and disk.
pub fn env() -> Env {
    Env { clock: Arc::new(SystemClock { start: Instant::now() }), rng: Arc::new(SystemRng), disk: Arc::new(SystemDisk) }
}

/// The machine's clock.
pub struct SystemClock {
    start: Instant,
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// A cryptographic generator per thread, seeded and reseeded by the operating system.
pub struct SystemRng;

impl Rng for SystemRng {
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// The machine's file systems. What it makes is for its owner alone (files 0600, folders 0700), whatever the umask: it is evidence,
/// secrets and other people's data.
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn open(&self, path: &Path, create: bool) -> io::Result<Box<dyn DiskFile>> {
        let mut options = fs::OpenOptions::new();
        let file = options.read(true).write(true).create(create).truncate(false).mode(0o600).open(path)?;
        Ok(Box::new(SystemFile(file)))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name().into_string();
            names.push(name.map_err(|name| io::Error::other(format!("the file name {name:?} is not UTF-8")))?);
        }
        names.sort_unstable();
        Ok(names)
    }

    fn create_dir_all(&self, folder: &Path) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, folder: &Path) -> io::Result<()> {
        fs::remove_dir(folder)
    }

    fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        fs::File::open(folder)?.sync_all()
    }

    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        match fs::metadata(path) {
            Ok(data) if data.is_dir() => Ok(Some(Stat::Dir)),
            Ok(data) => Ok(Some(Stat::File(data.len()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

struct SystemFile(fs::File);

impl DiskFile for SystemFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buf, offset)
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(buf, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn set_len(&self, len_bytes: u64) -> io::Result<()> {
        self.0.set_len(len_bytes)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

/// The room of the file system that holds a folder: bytes that are free for us, and bytes in all.
pub fn room(folder: &Path) -> io::Result<(u64, u64)> {
    let stat = rustix::fs::statvfs(folder)?;
    Ok((stat.f_bavail.saturating_mul(stat.f_frsize), stat.f_blocks.saturating_mul(stat.f_frsize)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_made_is_for_its_owner_alone() {
        let above = tempfile::tempdir().unwrap();
        let (disk, mode) = (env().disk, |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777);
        disk.create_dir_all(&above.path().join("journal/deeper")).unwrap();
        drop(disk.open(&above.path().join("journal/1.seg"), true).unwrap());
        base::env::write_file(&*disk, &above.path().join("whole"), b"x").unwrap();
        for (name, expected) in
            [("journal", 0o700), ("journal/deeper", 0o700), ("journal/1.seg", 0o600), ("whole", 0o600)]
        {
            assert_eq!(mode(&above.path().join(name)), expected, "{name}");
        }
        // What is there keeps the mode that its owner gave it.
        fs::set_permissions(above.path().join("whole"), fs::Permissions::from_mode(0o640)).unwrap();
        drop(disk.open(&above.path().join("whole"), true).unwrap());
        assert_eq!(mode(&above.path().join("whole")), 0o640);
    }
}
