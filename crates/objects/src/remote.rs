//! Objects in any S3, or whatever else the `object_store` crate reaches. The store is what makes them durable.
//!
//! Its requests take time, chance and the network from `object_store`, not from `Env`.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::name::{check_after, check_name, check_prefix};
use crate::{Error, ObjectInfo, Objects, Reader, Writer, check_limit, clamp};

/// The first parts of an upload are of this many bytes: S3 wants at least 5 MiB (S3 user guide, "Amazon S3 multipart
/// upload limits").
const PART_BYTES: usize = 8 * 1024 * 1024;
/// Parts double in size after so many of them, up to [`PART_DOUBLINGS_MAX`] times: S3 takes 10,000 parts at most, which
/// comes to 1000·(8+16+32) MiB + 7000·64 MiB, close to 500 GiB.
const PARTS_PER_SIZE: usize = 1000;
/// See [`PARTS_PER_SIZE`].
const PART_DOUBLINGS_MAX: usize = 3;
/// Parts being uploaded at the same time, per object.
const UPLOADS_MAX: usize = 4;

/// How to reach a bucket.
#[derive(Clone, Default)]
pub struct RemoteConfig {
    /// The address of the service; `None` for Amazon's own in the region.
    pub endpoint: Option<String>,
    /// The bucket, which must exist.
    pub bucket: String,
    /// The region.
    pub region: String,
    /// The access key's id and secret; `None` for those of the machine's role.
    pub credentials: Option<RemoteCredentials>,
    /// What all names begin with in the bucket: a name, or empty.
    pub prefix: String,
    /// Whether the endpoint may be an `http://` address.
    pub allow_http: bool,
    /// Whether the bucket's name is part of the host name, not of the path.
    pub virtual_hosted: bool,
}

/// An access key.
#[derive(Clone)]
pub struct RemoteCredentials {
    /// The id.
    pub key_id: String,
    /// The secret.
    pub secret: String,
    /// The token that belongs to a temporary key.
    pub session_token: Option<String>,
}

impl fmt::Debug for RemoteConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, bucket, region, credentials, prefix, .. } = self;
        let key_id = credentials.as_ref().map(|credentials| &credentials.key_id);
        write!(f, "RemoteConfig {{ {endpoint:?}, {bucket:?}, {region:?}, key {key_id:?}, prefix {prefix:?} }}")
    }
}

impl fmt::Debug for RemoteCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteCredentials {{ {:?}, (secret) }}", self.key_id)
    }
}

/// Objects in a bucket. Clones share the connections.
#[derive(Clone)]
pub struct Remote {
    store: Arc<dyn ObjectStore>,
    /// What all names begin with: empty, or with a slash at its end.
    prefix: String,
}

impl Remote {
    /// The objects of a bucket. Makes no request.
    pub fn new(config: &RemoteConfig) -> Result<Remote, Error> {
        if config.bucket.is_empty() || config.region.is_empty() {
            let why = "a bucket needs a name and a region";
            return Err(Error::BadName { name: config.bucket.clone(), why });
        }
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&config.bucket)
            .with_region(&config.region)
            .with_allow_http(config.allow_http)
            .with_virtual_hosted_style_request(config.virtual_hosted);
        if let Some(endpoint) = &config.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(credentials) = &config.credentials {
            builder = builder.with_access_key_id(&credentials.key_id).with_secret_access_key(&credentials.secret);
            if let Some(token) = &credentials.session_token {
                builder = builder.with_token(token);
            }
        }
        let store = builder.build().map_err(failed("preparing requests to the bucket", &config.bucket))?;
        Remote::over(Arc::new(store), &config.prefix)
    }

    /// The objects of any store, below a prefix: a name, or empty.
    pub fn over(store: Arc<dyn ObjectStore>, prefix: &str) -> Result<Remote, Error> {
        if prefix.is_empty() {
            return Ok(Remote { store, prefix: String::new() });
        }
        check_name(prefix)?;
        Ok(Remote { store, prefix: format!("{prefix}/") })
    }

    fn path(&self, name: &str) -> Result<Path, Error> {
        check_name(name)?;
        self.any_path(name)
    }

    fn any_path(&self, name: &str) -> Result<Path, Error> {
        let parsed = Path::parse(format!("{}{name}", self.prefix));
        parsed.map_err(|source| Error::storage("making a path of", name, source))
    }

    /// A reader without bytes, if the range is an empty one.
    async fn get_nothing(&self, name: &str, path: &Path, range: Range<u64>) -> Result<Option<Reader>, Error> {
        let len = self.store.head(path).await.map_err(failed("reading", name))?.size;
        let range = clamp(name, Some(range), len)?;
        Ok(range.is_empty().then(|| Reader::new(len, range, stream::empty().boxed())))
    }
}

fn failed(doing: &'static str, name: &str) -> impl FnOnce(object_store::Error) -> Error {
    move |error| match error {
        object_store::Error::NotFound { .. } => Error::NotFound { name: name.to_string() },
        error => Error::storage(doing, name, error),
    }
}

#[async_trait]
impl Objects for Remote {
    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        let path = self.path(name)?;
        self.store.put(&path, bytes.into()).await.map(drop).map_err(failed("writing", name))
    }

    async fn writer(&self, name: &str) -> Result<Box<dyn Writer>, Error> {
        let path = self.path(name)?;
        Ok(Box::new(RemoteWriter {
            store: self.store.clone(),
            name: name.to_string(),
            path,
            gathered: BytesMut::new(),
            upload: None,
            parts: 0,
            uploading: VecDeque::new(),
            broken: false,
        }))
    }

    async fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Reader, Error> {
        let path = self.path(name)?;
        // Stores refuse to answer with no bytes.
        if let Some(range) = range.clone().filter(|range| range.start >= range.end)
            && let Some(reader) = self.get_nothing(name, &path, range).await?
        {
            return Ok(reader);
        }
        let options = GetOptions { range: range.clone().map(GetRange::Bounded), ..GetOptions::default() };
        let got = match (self.store.get_opts(&path, options).await, range) {
            (Ok(got), _) => got,
            (Err(error), Some(range)) if !matches!(error, object_store::Error::NotFound { .. }) => {
                // It may begin at the object's end or beyond.
                let nothing = self.get_nothing(name, &path, range).await?;
                return nothing.ok_or_else(|| failed("reading", name)(error));
            }
            (Err(error), _) => return Err(failed("reading", name)(error)),
        };
        let (len, range, name) = (got.meta.size, got.range.clone(), name.to_string());
        let pieces = got.into_stream().map_err(move |error| failed("reading", &name)(error));
        Ok(Reader::new(len, range, pieces.boxed()))
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        self.delete_many(&[name.to_string()]).await
    }

    async fn delete_many(&self, names: &[String]) -> Result<(), Error> {
        let paths: Vec<_> = names.iter().map(|name| self.path(name).map(Ok)).collect::<Result<_, _>>()?;
        let mut deleted = self.store.delete_stream(stream::iter(paths).boxed());
        while let Some(result) = deleted.next().await {
            match result {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => {
                    return Err(failed("deleting", names.first().map_or("", String::as_str))(error));
                }
            }
        }
        Ok(())
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ObjectInfo>, Error> {
        check_prefix(prefix)?;
        check_after(after)?;
        check_limit(limit)?;
        // The store lists whole folders only, and (S3's general purpose buckets) in the order of the bytes of the names.
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        let folder = self.any_path(folder)?;
        let folder = Some(&folder).filter(|folder| !folder.as_ref().is_empty());
        // What begins with the prefix comes after all that is smaller; nothing is skipped but what is.
        let start = after.filter(|after| *after > prefix);
        let mut listed = match start.map(|start| start.trim_matches('/')) {
            Some(start) if check_name(start).is_ok() => self.store.list_with_offset(folder, &self.any_path(start)?),
            _ => self.store.list(folder),
        };
        let mut found = Vec::new();
        while found.len() < limit
            && let Some(object) = listed.try_next().await.map_err(failed("listing", prefix))?
        {
            let Some(name) = object.location.as_ref().strip_prefix(&self.prefix) else { continue };
            if name.starts_with(prefix) && after.is_none_or(|after| name > after) && check_name(name).is_ok() {
                found.push(ObjectInfo { name: name.to_string(), len: object.size });
            } else if name > prefix && !name.starts_with(prefix) {
                break;
            }
        }
        Ok(found)
    }
}

struct RemoteWriter {
    store: Arc<dyn ObjectStore>,
    name: String,
    path: Path,
    /// What does not make a part yet.
    gathered: BytesMut,
    /// Begun with the first part: small objects never get here.
    upload: Option<Box<dyn MultipartUpload>>,
    parts: usize,
    uploading: VecDeque<JoinHandle<object_store::Result<()>>>,
    /// Something failed; the bytes are no longer whole.
    broken: bool,
}

impl RemoteWriter {
    async fn add(&mut self, mut bytes: Bytes) -> object_store::Result<()> {
        while !bytes.is_empty() {
            let part_bytes = PART_BYTES << (self.parts / PARTS_PER_SIZE).min(PART_DOUBLINGS_MAX);
            let room = part_bytes - self.gathered.len();
            self.gathered.extend_from_slice(&bytes.split_to(room.min(bytes.len())));
            if self.gathered.len() == part_bytes {
                self.upload_gathered().await?;
            }
        }
        Ok(())
    }

    async fn upload_gathered(&mut self) -> object_store::Result<()> {
        if self.uploading.len() >= UPLOADS_MAX {
            self.uploaded().await?;
        }
        let upload = match &mut self.upload {
            Some(upload) => upload,
            None => self.upload.insert(self.store.put_multipart(&self.path).await?),
        };
        let part = upload.put_part(PutPayload::from(mem::take(&mut self.gathered).freeze()));
        self.parts += 1;
        self.uploading.push_back(tokio::spawn(part));
        Ok(())
    }

    /// Waits for the oldest part under way.
    async fn uploaded(&mut self) -> object_store::Result<()> {
        match self.uploading.pop_front() {
            Some(part) => part.await?,
            None => Ok(()),
        }
    }

    async fn complete(&mut self) -> object_store::Result<()> {
        if self.upload.is_none() {
            let bytes = mem::take(&mut self.gathered).freeze();
            return self.store.put(&self.path, bytes.into()).await.map(drop);
        }
        if !self.gathered.is_empty() {
            self.upload_gathered().await?;
        }
        while !self.uploading.is_empty() {
            self.uploaded().await?;
        }
        if let Some(upload) = &mut self.upload {
            upload.complete().await?;
        }
        // Complete: nothing to abort any more.
        self.upload = None;
        Ok(())
    }

    fn broken(&self) -> Error {
        Error::storage("writing", &self.name, std::io::Error::other("an earlier write failed or was given up"))
    }
}

#[async_trait]
impl Writer for RemoteWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        if mem::replace(&mut self.broken, true) {
            return Err(self.broken());
        }
        // Also broken if this future is dropped half way.
        let added = self.add(bytes).await;
        added.map_err(failed("writing", &self.name))?;
        self.broken = false;
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<(), Error> {
        if self.broken {
            return Err(self.broken());
        }
        let completed = self.complete().await;
        completed.map_err(failed("writing", &self.name))
    }
}

impl Drop for RemoteWriter {
    fn drop(&mut self) {
        for part in &self.uploading {
            part.abort();
        }
        if let (Some(mut upload), Ok(runtime)) = (self.upload.take(), Handle::try_current()) {
            // If it fails, the parts stay until the bucket's rule for incomplete uploads removes them.
            runtime.spawn(async move { upload.abort().await });
        }
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;
    use crate::conformance;

    #[tokio::test(flavor = "multi_thread")]
    async fn conforms() {
        for prefix in ["", "cairn/objects"] {
            conformance::all(&Remote::over(Arc::new(InMemory::new()), prefix).unwrap()).await;
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let credentials = RemoteCredentials { key_id: "id".into(), secret: "hush".into(), session_token: None };
        let config = RemoteConfig { credentials: Some(credentials.clone()), ..RemoteConfig::default() };
        assert!(!format!("{config:?} {credentials:?}").contains("hush"));
    }

    #[test]
    fn a_wrong_configuration_is_an_error() {
        let good = RemoteConfig {
            bucket: "bucket".into(),
            region: "us-east-1".into(),
            endpoint: Some("http://127.0.0.1:1".into()),
            credentials: Some(RemoteCredentials { key_id: "id".into(), secret: "s".into(), session_token: None }),
            ..RemoteConfig::default()
        };
        // `http://` is not allowed here, but it is only refused with the first request.
        assert!(Remote::new(&good).is_ok());
        for bad in [
            RemoteConfig { bucket: String::new(), ..good.clone() },
            RemoteConfig { region: String::new(), ..good.clone() },
            RemoteConfig { prefix: "../x".into(), ..good },
        ] {
            assert!(matches!(Remote::new(&bad), Err(Error::BadName { .. })), "{bad:?}");
        }
    }
}
