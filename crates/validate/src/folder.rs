//! [`Folder`]: a copy of a bucket on a disk, `FOLDER/KEY` for each object. Opened for reading only: it may be evidence on a
//! read-only medium.
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
        for entry in entries(&self.root.join(folder))? {
            let entry = entry.map_err(|error| failed(&self.root.join(folder), &error))?;
            let Ok(name) = entry.file_name().into_string() else {
                return Err(SourceError::Failed(format!("a file name in {folder:?} is not UTF-8")));
            };
            let kind = entry.file_type().map_err(|error| failed(&entry.path(), &error))?;
            // A link may point to a file of the copy; what it points to is what counts.
            let is_dir = if kind.is_symlink() { entry.path().is_dir() } else { kind.is_dir() };
            names.push(if is_dir { format!("{name}/") } else { name });
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
                let data = fs::metadata(self.root.join(&key)).map_err(|error| failed(&self.root.join(&key), &error))?;
                // The time of change cannot be set by who changes a file, unlike the time of modification.
                let stamp = format!(
                    "{} {}.{} {}.{}",
                    data.ino(),
                    data.mtime(),
                    data.mtime_nsec(),
                    data.ctime(),
                    data.ctime_nsec()
                );
                into.push(Object { key, size: data.len(), stamp, modified: None });
            }
        }
        Ok(())
    }

    fn metadata(&self, path: &Path) -> Result<Option<BTreeMap<String, String>>, SourceError> {
        let mut name = path.as_os_str().to_owned();
        name.push(METADATA_SUFFIX);
        let path = PathBuf::from(name);
        let text = match fs::File::open(&path) {
            Ok(file) => {
                let mut text = String::new();
                file.take(METADATA_BYTES_MAX).read_to_string(&mut text).map_err(|error| failed(&path, &error))?;
                text
            }
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(&path, &error)),
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

fn entries(folder: &Path) -> Result<Vec<std::io::Result<fs::DirEntry>>, SourceError> {
    match fs::read_dir(folder) {
        Ok(entries) => Ok(entries.collect()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(failed(folder, &error)),
    }
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
        for entry in entries(&self.root.join(prefix))? {
            let entry = entry.map_err(|error| failed(&self.root.join(prefix), &error))?;
            if entry.path().is_dir() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    async fn open(&self, bucket: &str, key: &str) -> Result<Opened, SourceError> {
        let path = self.path(bucket, key)?;
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Err(SourceError::NotFound);
            }
            Err(error) => return Err(failed(&path, &error)),
        };
        let data = file.metadata().map_err(|error| failed(&path, &error))?;
        if data.is_dir() {
            return Err(SourceError::NotFound);
        }
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
}
