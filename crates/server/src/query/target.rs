//! Where a result goes: standard output, or a file that is there whole or not at all.

use std::io::{self, BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};

use base::Env;
use base::env::{Disk, DiskFile, Stat, folder_of};

use crate::commands::Failure;

/// Bytes that are written to a file at once.
const BUFFER_BYTES: usize = 1 << 18;

/// See the module.
pub enum Target {
    /// Standard output.
    Stdout(BufWriter<Stdout>),
    /// A file.
    File(BufWriter<NewFile>),
}

impl Target {
    /// Standard output.
    pub fn stdout() -> Target {
        Target::Stdout(BufWriter::new(io::stdout()))
    }

    /// A file. What is there stays until the new content is whole.
    pub fn file(env: &Env, path: &Path) -> Result<Target, Failure> {
        let failed = |error: io::Error| format!("writing {}: {error}", path.display());
        // The file behind a link is what is replaced, and what is no file is left alone.
        let path = match env.disk.stat(path).map_err(failed)? {
            Some(Stat::Dir) => return Err(format!("{} is a folder", path.display()).into()),
            Some(Stat::File(_)) if !std::fs::metadata(path).map_err(failed)?.is_file() => {
                return Err(format!("{} is no file that can be replaced", path.display()).into());
            }
            Some(Stat::File(_)) => std::fs::canonicalize(path).map_err(failed)?,
            None => path.to_owned(),
        };
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{}.partial", std::process::id()));
        let partial = path.with_file_name(name);
        let file = env.disk.open(&partial, true).and_then(|file| file.set_len(0).map(|()| file)).map_err(failed)?;
        let new = NewFile { env: env.clone(), file, at: 0, partial, path, whole: false };
        Ok(Target::File(BufWriter::with_capacity(BUFFER_BYTES, new)))
    }

    /// Writes what is left; a file gets its name.
    pub fn finish(self) -> io::Result<()> {
        match self {
            Target::Stdout(mut out) => out.flush(),
            Target::File(out) => out.into_inner().map_err(io::IntoInnerError::into_error)?.finish(),
        }
    }
}

impl Write for Target {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Target::Stdout(out) => out.write(buf),
            Target::File(out) => out.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Target::Stdout(out) => out.flush(),
            Target::File(out) => out.flush(),
        }
    }
}

/// A file that is being written under another name.
pub struct NewFile {
    env: Env,
    file: Box<dyn DiskFile>,
    at: u64,
    partial: PathBuf,
    path: PathBuf,
    whole: bool,
}

impl NewFile {
    fn finish(mut self) -> io::Result<()> {
        let disk: &dyn Disk = self.env.disk.as_ref();
        self.file.sync_data()?;
        disk.rename(&self.partial, &self.path)?;
        self.whole = true;
        disk.sync_dir(folder_of(&self.path))
    }
}

impl Write for NewFile {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.file.write_all_at(buf, self.at)?;
        self.at = self.at.saturating_add(u64::try_from(buf.len()).unwrap_or(u64::MAX));
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.whole {
            // A leftover is no harm; that the result failed was said already.
            let _ = self.env.disk.remove(&self.partial);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test's own folder")]
    fn a_file_is_whole_or_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let (env, path) = (system::env(), folder.path().join("a.csv"));
        let names = || std::fs::read_dir(folder.path()).unwrap().count();
        let mut first = Target::file(&env, &path).unwrap();
        first.write_all(b"one").unwrap();
        assert!(!path.exists());
        first.finish().unwrap();
        let mut second = Target::file(&env, &path).unwrap();
        second.write_all(b"two").unwrap();
        drop(second);
        assert_eq!((std::fs::read(&path).unwrap(), names()), (b"one".to_vec(), 1));
        let mut third = Target::file(&env, &path).unwrap();
        third.write_all(b"three").unwrap();
        third.finish().unwrap();
        assert_eq!((std::fs::read(&path).unwrap(), names()), (b"three".to_vec(), 1));
        assert!(Target::file(&env, folder.path()).is_err());
        assert!(Target::file(&env, Path::new("/dev/null")).is_err());
    }
}
