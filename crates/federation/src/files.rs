//! Where a table's files are, and how a part of a store becomes some of them.

use std::sync::Arc;

use bytes::Bytes;
use eventstore::{Part, Projection, ReadOptions, Snapshot};
use futures_util::StreamExt;
use iceberg::{DataFile, DataWriter, ManifestFile, Totals, convert, manifest};
use ports::lake::QueryProgress;
use ports::{BucketError, ServerBuckets, StoreId, TablePlace, Unavailable};

use crate::columns::{SCHEMA, UNBOUNDED};
use crate::rows::PartRow;

/// A data file is no longer than this and one batch. One is in memory.
const FILE_BYTES: usize = 32 << 20;

pub(crate) fn failed(what: &str, error: impl std::fmt::Display) -> Unavailable {
    Unavailable(format!("{what}: {error}"))
}

/// The files of one table.
pub(crate) struct Files<'a> {
    pub(crate) buckets: &'a dyn ServerBuckets,
    pub(crate) place: &'a TablePlace,
    pub(crate) store: &'a StoreId,
}

/// The file that says which metadata file is the table's.
pub(crate) const HINT: &str = "metadata/version-hint.text";

pub(crate) fn metadata_name(sequence: u64) -> String {
    format!("metadata/v{sequence}.metadata.json")
}

pub(crate) fn manifest_name(part: &str) -> String {
    format!("metadata/{part}-m0.avro")
}

pub(crate) fn data_name(part: &str, number: u64) -> String {
    format!("data/{part}-{number:05}.parquet")
}

impl Files<'_> {
    /// Where the table is: `s3://bucket/store`.
    pub(crate) fn location(&self) -> String {
        format!("s3://{}/{}", self.place.bucket, self.store)
    }

    fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.store)
    }

    pub(crate) async fn put(&self, name: &str, content: impl Into<Bytes>, kind: &str) -> Result<(), Unavailable> {
        let (TablePlace { bucket, kms_key, .. }, key) = (self.place, self.key(name));
        let put = self.buckets.put_own(bucket, &key, content.into(), kind, kms_key.as_deref()).await;
        put.map_err(|error| failed("writing a file of a table", error))
    }

    /// Removes files.
    pub(crate) async fn remove(&self, names: impl IntoIterator<Item = String>) -> Result<(), Unavailable> {
        let keys: Vec<String> = names.into_iter().map(|name| self.key(&name)).collect();
        match self.buckets.remove(&self.place.bucket, &keys).await {
            Ok(()) | Err(BucketError::NoSuchBucket) => Ok(()),
            Err(error) => Err(failed("removing files of a table", error)),
        }
    }

    /// Removes every file that `keep` does not name.
    pub(crate) async fn sweep(&self, keep: impl Fn(&str) -> bool) -> Result<(), Unavailable> {
        let prefix = self.key("");
        let mut after: Option<String> = None;
        loop {
            let keys = self.buckets.keys(&self.place.bucket, &prefix, after.as_deref()).await;
            let keys = keys.map_err(|error| failed("listing the files of a table", error))?;
            let Some(last) = keys.last().cloned() else { return Ok(()) };
            let names = keys.iter().filter_map(|key| key.strip_prefix(&prefix));
            self.remove(names.filter(|name| !keep(name)).map(str::to_owned)).await?;
            after = Some(last);
        }
    }

    /// The names of a part's files.
    pub(crate) fn of_part(part: &str, row: &PartRow) -> impl Iterator<Item = String> {
        let data = (0..row.totals.files).map({
            let part = part.to_owned();
            move |number| data_name(&part, number)
        });
        std::iter::once(manifest_name(part)).chain(data)
    }

    /// A part's manifest, as lists name it.
    pub(crate) fn manifest_of(&self, part: &str, row: &PartRow, (sequence, snapshot_id): (u64, i64)) -> ManifestFile {
        ManifestFile {
            path: format!("{}/{}", self.location(), manifest_name(part)),
            bytes: row.manifest_bytes,
            files: row.totals.files,
            rows: row.totals.rows,
            sequence,
            snapshot_id,
        }
    }

    /// Writes the files of a part: its rows, of which retention hides some, and the manifest that names them. The same names every
    /// time, so what was cut short is written over.
    pub(crate) async fn write_part(&self, snapshot: &Snapshot, part: &Arc<Part>) -> Result<PartRow, Unavailable> {
        let bad = |error: iceberg::Error| failed("publishing a part of an event store", error);
        let mut files: Vec<DataFile> = Vec::new();
        let mut writer: Option<DataWriter> = None;
        let progress = Arc::new(QueryProgress::default());
        let mut batches = snapshot.read(part, ReadOptions::new(Projection::all()), progress);
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(|error| failed("publishing a part of an event store", error))?;
            if batch.num_rows() == 0 {
                continue;
            }
            let mut open = match writer.take() {
                Some(open) => open,
                None => DataWriter::new(&SCHEMA, &UNBOUNDED).map_err(bad)?,
            };
            let work = move || {
                open.add(&convert(&batch, &SCHEMA)?)?;
                Ok::<DataWriter, iceberg::Error>(open)
            };
            let open =
                worker::blocking(work).await.map_err(|error| failed("publishing a part", error))?.map_err(bad)?;
            if open.bytes() >= FILE_BYTES {
                files.push(self.write_data(open, part.name(), files.len()).await?);
            } else {
                writer = Some(open);
            }
        }
        if let Some(open) = writer {
            files.push(self.write_data(open, part.name(), files.len()).await?);
        }
        let content = manifest(&SCHEMA, &files);
        let wide = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let totals = Totals {
            files: wide(files.len()),
            rows: files.iter().map(|file| file.rows).sum(),
            bytes: files.iter().map(|file| file.bytes).sum(),
        };
        let manifest_bytes = wide(content.len());
        self.put(&manifest_name(part.name()), content, "application/octet-stream").await?;
        Ok(PartRow { version: 1, totals, manifest_bytes, added: None, removed: None })
    }

    async fn write_data(&self, writer: DataWriter, part: &str, number: usize) -> Result<DataFile, Unavailable> {
        let name = data_name(part, u64::try_from(number).unwrap_or(u64::MAX));
        let path = format!("{}/{name}", self.location());
        let made = worker::blocking(move || writer.finish(path)).await;
        let made = made.map_err(|error| failed("publishing a part", error))?;
        let (file, content) = made.map_err(|error| failed("publishing a part of an event store", error))?;
        self.put(&name, content, "application/vnd.apache.parquet").await?;
        Ok(file)
    }
}
