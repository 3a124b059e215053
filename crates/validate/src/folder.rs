//! [`Folder`]: a copy of a bucket on a disk, `FOLDER/KEY` for each object. Opened for reading only: it may be evidence on a
//! read-only medium. Only regular files are read: a pipe would be waited for for ever. A link may lead to a file in the copy; one to a
//! folder, or out of the copy, is not followed.
//!
//! A copy made by `aws s3 sync` has no metadata, and a digest's signature is metadata. It may lie beside the digest in a file
//! with [`METADATA_SUFFIX`]: the JSON object that `aws s3api head-object --query Metadata` prints.
#![allow(clippy::disallowed_methods, reason = "Env's disk opens files for writing too; what is validated must not be")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};

use crate::source::{Object, Opened, Source, SourceError};

/// What is appended to an object's name for its metadata.
pub const METADATA_SUFFIX: &str = ".metadata.json";
/// Bytes read at a time.
const PIECE_BYTES: usize = 128 * 1024;
/// Objects of one page of a listing, about.
const PAGE: usize = 10_000;
/// How deep folders may lie in one another: a key has at most 1,024 bytes, hence 512 slashes.
const DEPTH_MAX: usize = 512;
/// The most that a metadata file may have: S3 allows 2 KiB of metadata.
const METADATA_BYTES_MAX: u64 = 64 * 1024;

/// See the module.
pub struct Folder {
    root: PathBuf,
    bucket: String,
}

/// What a path leads to.
enum Leads {
    /// A regular file, and what the system says of it.
    File(fs::Metadata),
    /// Nothing, or a folder: no object.
    Nowhere,
    /// A pipe, a device, a socket.
    Special,
    /// A file outside of the copy.
    Out,
}

impl Folder {
    /// The copy of a bucket in `root`. Reads nothing yet.
    pub fn new(root: &Path, bucket: &str) -> Folder {
        Folder { root: root.to_owned(), bucket: bucket.to_owned() }
    }

    fn path(&self, bucket: &str, key: &str) -> Result<PathBuf, SourceError> {
        // An empty name: the bucket is still to be found out.
        if bucket != self.bucket && !self.bucket.is_empty() {
            return Err(SourceError::OtherBucket(bucket.to_owned()));
        }
        // A digest may say anything: nothing outside of the folder is read.
        let inside = key.split('/').all(|part| !matches!(part, "" | "." | "..")) && !key.contains('\0');
        if inside { Ok(self.root.join(key)) } else { Err(SourceError::NotFound) }
    }

    /// What a key's path leads to, wherever links in it point.
    fn leads(&self, path: &Path) -> Result<Leads, SourceError> {
        let absent = |error: &std::io::Error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
        let (root, real) = match (self.root.canonicalize(), path.canonicalize()) {
            (Ok(root), Ok(real)) => (root, real),
            (Err(error), _) | (_, Err(error)) if absent(&error) => return Ok(Leads::Nowhere),
            (Err(error), _) | (_, Err(error)) => return Err(failed(path, &error)),
        };
        let data = match fs::metadata(&real) {
            Ok(data) => data,
            Err(error) if absent(&error) => return Ok(Leads::Nowhere),
            Err(error) => return Err(failed(path, &error)),
        };
        Ok(match () {
            () if !real.starts_with(&root) => Leads::Out,
            () if data.is_dir() => Leads::Nowhere,
            () if !data.is_file() => Leads::Special,
            () => Leads::File(data),
        })
    }

    /// Opens the regular file that a path leads to.
    fn file(&self, path: &Path) -> Result<(fs::File, fs::Metadata), SourceError> {
        match self.leads(path)? {
            Leads::File(data) => Ok((fs::File::open(path).map_err(|error| failed(path, &error))?, data)),
            Leads::Nowhere => Err(SourceError::NotFound),
            Leads::Special => Err(SourceError::NoObject(format!("{} is not a regular file", path.display()))),
            Leads::Out => {
                let why = format!("{} leads out of the folder, and such links are not followed", path.display());
                Err(SourceError::Failed(why))
            }
        }
    }

    /// What lies in a folder that is no link, nor below one.
    fn entries(&self, folder: &Path) -> Result<Vec<std::io::Result<fs::DirEntry>>, SourceError> {
        let inside = folder.strip_prefix(&self.root).unwrap_or(folder).ancestors();
        let mut inside = inside.filter(|part| !part.as_os_str().is_empty());
        if inside.any(|part| fs::symlink_metadata(self.root.join(part)).is_ok_and(|data| data.is_symlink())) {
            return Ok(Vec::new());
        }
        match fs::read_dir(folder) {
            Ok(entries) => Ok(entries.collect()),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Vec::new()),
            Err(error) => Err(failed(folder, &error)),
        }
    }

    /// Adds what lies below `folder` (a key's beginning that ends in a slash, or empty) and fits, until there is a page.
    fn collect(
        &self,
        folder: &str,
        prefix: &str,
        after: Option<&str>,
        into: &mut Vec<Object>,
        depth: usize,
    ) -> Result<(), SourceError> {
        if depth > DEPTH_MAX {
            return Err(SourceError::Failed(format!("{folder} is too deep")));
        }
        let mut names = Vec::new();
        for entry in self.entries(&self.root.join(folder))? {
            let entry = entry.map_err(|error| failed(&self.root.join(folder), &error))?;
            let Ok(name) = entry.file_name().into_string() else {
                return Err(SourceError::Failed(format!("a file name in {folder:?} is not UTF-8")));
            };
            let kind = entry.file_type().map_err(|error| failed(&entry.path(), &error))?;
            names.push(if kind.is_dir() { format!("{name}/") } else { name });
        }
        // With the slash, so that keys come in the order of their bytes.
        names.sort_unstable();
        for name in names {
            if into.len() >= PAGE {
                return Ok(());
            }
            let key = format!("{folder}{name}");
            if name.ends_with('/') {
                let may_hold = key.starts_with(prefix) || prefix.starts_with(&key);
                let all_before = after.is_some_and(|after| key.as_str() <= after && !after.starts_with(&key));
                if may_hold && !all_before {
                    self.collect(&key, prefix, after, into, depth + 1)?;
                }
            } else if key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after) && !is_metadata(&key) {
                into.push(self.object(key)?);
            }
        }
        Ok(())
    }

    /// What a listing says of something that is no folder. What cannot be read is listed too: it is there.
    fn object(&self, key: String) -> Result<Object, SourceError> {
        let path = self.root.join(&key);
        let data = fs::symlink_metadata(&path).map_err(|error| failed(&path, &error))?;
        let data = if data.is_symlink() {
            match self.leads(&path)? {
                Leads::File(data) => data,
                Leads::Nowhere | Leads::Special | Leads::Out => data,
            }
        } else {
            data
        };
        // The time of change cannot be set by who changes a file, unlike the time of modification.
        let (mtime, ctime) = ((data.mtime(), data.mtime_nsec()), (data.ctime(), data.ctime_nsec()));
        let stamp = format!("{} {}.{} {}.{}", data.ino(), mtime.0, mtime.1, ctime.0, ctime.1);
        Ok(Object { key, size: data.len(), stamp, modified: None })
    }

    fn metadata(&self, path: &Path) -> Result<Option<BTreeMap<String, String>>, SourceError> {
        let mut name = path.as_os_str().to_owned();
        name.push(METADATA_SUFFIX);
        let path = PathBuf::from(name);
        let mut text = String::new();
        match self.file(&path) {
            Ok((file, _)) => {
                file.take(METADATA_BYTES_MAX).read_to_string(&mut text).map_err(|error| failed(&path, &error))?
            }
            Err(SourceError::NotFound) => return Ok(None),
            Err(error) => return Err(error),
        };
        let metadata = serde_json::from_str(&text)
            .map_err(|_| SourceError::Failed(format!("{} is not a JSON object of texts", path.display())))?;
        Ok(Some(metadata))
    }
}

/// Whether this is no object of the bucket, but the metadata of a digest beside it.
fn is_metadata(key: &str) -> bool {
    key.strip_suffix(METADATA_SUFFIX).is_some_and(|of| of.contains("/CloudTrail-Digest/") && of.ends_with(".json.gz"))
}

fn failed(path: &Path, error: &std::io::Error) -> SourceError {
    SourceError::Failed(format!("reading {}: {error}", path.display()))
}

#[async_trait]
impl Source for Folder {
    async fn list(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Result<Vec<Object>, SourceError> {
        if bucket != self.bucket && !self.bucket.is_empty() {
            return Err(SourceError::OtherBucket(bucket.to_owned()));
        }
        // Only the deepest folder that the prefix names for certain is read.
        let folder = prefix.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let mut found = Vec::new();
        self.collect(&folder, prefix, after, &mut found, 0)?;
        Ok(found)
    }

    async fn folders(&self, bucket: &str, prefix: &str) -> Result<Vec<String>, SourceError> {
        if bucket != self.bucket && !self.bucket.is_empty() {
            return Err(SourceError::OtherBucket(bucket.to_owned()));
        }
        let mut names = Vec::new();
        for entry in self.entries(&self.root.join(prefix))? {
            let entry = entry.map_err(|error| failed(&self.root.join(prefix), &error))?;
            if entry.file_type().map_err(|error| failed(&entry.path(), &error))?.is_dir() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    async fn files(&self, bucket: &str, prefix: &str, limit: usize) -> Result<Vec<String>, SourceError> {
        if bucket != self.bucket && !self.bucket.is_empty() {
            return Err(SourceError::OtherBucket(bucket.to_owned()));
        }
        let mut keys = Vec::new();
        for entry in self.entries(&self.root.join(prefix))? {
            let entry = entry.map_err(|error| failed(&self.root.join(prefix), &error))?;
            let key = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let is_dir = entry.file_type().map_err(|error| failed(&entry.path(), &error))?.is_dir();
            if !is_dir && !is_metadata(&key) && keys.len() < limit {
                keys.push(key);
            }
        }
        keys.sort_unstable();
        Ok(keys)
    }

    async fn open(&self, bucket: &str, key: &str) -> Result<Opened, SourceError> {
        let path = self.path(bucket, key)?;
        let (file, data) = self.file(&path)?;
        let piece_bytes = usize::try_from(data.len()).unwrap_or(PIECE_BYTES).clamp(1, PIECE_BYTES);
        let metadata = if key.contains("/CloudTrail-Digest/") { self.metadata(&path)? } else { None };
        let pieces = stream::unfold(Some(file), move |file| {
            let path = path.clone();
            async move {
                let mut file = file?;
                let mut piece = BytesMut::zeroed(piece_bytes);
                match file.read(&mut piece) {
                    Ok(0) => None,
                    Ok(count) => {
                        piece.truncate(count);
                        Some((Ok::<Bytes, SourceError>(piece.freeze()), Some(file)))
                    }
                    Err(error) => Some((Err(failed(&path, &error)), None)),
                }
            }
        });
        Ok(Opened { metadata, pieces: pieces.boxed() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lists_in_the_order_of_keys_and_reads_nothing_outside() {
        let folder = tempfile::tempdir().unwrap();
        for key in ["a/x", "a.b", "a-b/y", "a/x.metadata.json", "b/CloudTrail-Digest/z.json.gz.metadata.json", "b/z"] {
            let path = folder.path().join(key);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, key).unwrap();
        }
        let source = Folder::new(folder.path(), "logs");
        let keys = async |prefix: &str, after: Option<&str>| {
            let found = source.list("logs", prefix, after).await.unwrap();
            found.into_iter().map(|object| object.key).collect::<Vec<_>>()
        };
        assert_eq!(keys("", None).await, ["a-b/y", "a.b", "a/x", "a/x.metadata.json", "b/z"]);
        assert_eq!(keys("a", Some("a.b")).await, ["a/x", "a/x.metadata.json"]);
        assert_eq!(keys("a/", None).await, ["a/x", "a/x.metadata.json"]);
        assert_eq!(keys("absent/", None).await, [""; 0]);
        assert_eq!(source.folders("logs", "").await.unwrap(), ["a", "a-b", "b"]);
        for bad in ["../x", "a/../../x", "a//x", "/etc/passwd", "a", "nothing"] {
            assert_eq!(source.open("logs", bad).await.err(), Some(SourceError::NotFound), "{bad}");
        }
        assert_eq!(source.open("other", "a/x").await.err(), Some(SourceError::OtherBucket("other".into())));
        let opened = source.open("logs", "a/x").await.unwrap();
        assert_eq!(opened.pieces.collect::<Vec<_>>().await, [Ok(Bytes::from_static(b"a/x"))]);
    }

    #[tokio::test]
    async fn only_regular_files_inside_are_read() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("a/deep")).unwrap();
        fs::write(at("a/file"), "inside").unwrap();
        fs::write(at("a/deep/file"), "inside").unwrap();
        fs::write(outside.path().join("file"), "outside").unwrap();
        let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, at(name)).unwrap();
        link(Path::new("file"), "a/link-inside");
        link(Path::new("nothing"), "a/link-broken");
        link(&outside.path().join("file"), "a/link-out");
        link(outside.path(), "a/folder-out");
        link(Path::new(".."), "a/folder-above");
        // A socket stands for all that is neither file nor folder: a pipe is told from a file in the same way.
        let _socket = std::os::unix::net::UnixListener::bind(at("a/special")).unwrap();

        let source = Folder::new(folder.path(), "logs");
        let listed = source.list("logs", "", None).await.unwrap();
        let listed: Vec<_> = listed.iter().map(|object| object.key.as_str()).collect();
        let links = ["a/folder-above", "a/folder-out", "a/link-broken", "a/link-inside", "a/link-out", "a/special"];
        assert_eq!(listed, [&["a/deep/file", "a/file"][..], &links].concat());
        let files = source.files("logs", "a/", 100).await.unwrap();
        assert_eq!(files, [&["a/file"][..], &links].concat());
        assert_eq!(source.folders("logs", "a/").await.unwrap(), ["deep"]);
        for through in ["a/folder-out/", "a/folder-above/", "a/folder-above/a/"] {
            assert_eq!(source.list("logs", through, None).await.unwrap(), [], "{through}");
            assert_eq!(source.folders("logs", through).await.unwrap(), [""; 0], "{through}");
        }

        let open = async |key: &str| source.open("logs", key).await.map(|_| ()).map_err(|error| error.to_string());
        assert_eq!((open("a/file").await, open("a/link-inside").await), (Ok(()), Ok(())));
        for (key, why) in [
            ("a/special", "is not a regular file"),
            ("a/link-out", "leads out of the folder"),
            ("a/folder-out/file", "leads out of the folder"),
            ("a/link-broken", "not found"),
            ("a/folder-above", "not found"),
        ] {
            let error = open(key).await.unwrap_err();
            assert!(error.contains(why), "{key}: {error}");
        }
    }
}
