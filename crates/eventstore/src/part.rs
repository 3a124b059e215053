//! [`Part`]: rows that are stored for good, and what is known of them without reading. Its objects are deleted only when nobody holds
//! it any more.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use objects::Objects;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use ports::StoreId;
use ports::lake::QueryProgress;

use crate::cache::Columns;
use crate::coded::CodedHead;
use crate::encryption::{Content, Vault};
use crate::index::{self, Geometry};
use crate::read::ReadError;
use crate::rows::PartRow;
use crate::write::ROW_GROUP_ROWS;

/// Heads of parts that are kept in memory: some hundred KiB each.
const HEADS_MAX: usize = 256;
/// What is read from the end of a part to get its head in one go.
const HEAD_BYTES: usize = 256 << 10;
/// Ranges closer than this are read as one.
const GAP_BYTES: u64 = 64 << 10;
/// The most that is read as one.
const RANGE_BYTES_MAX: u64 = 16 << 20;

/// Names of objects that nobody needs any more.
pub(crate) type Garbage = Arc<Mutex<Vec<String>>>;

/// What is read of a part before anything else.
pub(crate) struct Head {
    pub(crate) metadata: ArrowReaderMetadata,
    /// The same with texts as numbers of a dictionary, made when it is first wanted.
    coded: OnceLock<CodedHead>,
    /// Earliest and latest event of each granule.
    pub(crate) times: Vec<(i64, i64)>,
}

impl Head {
    /// Reads texts as numbers of a dictionary where that is how they are stored.
    pub(crate) fn coded(&self) -> Result<&CodedHead, ParquetError> {
        if let Some(coded) = self.coded.get() {
            return Ok(coded);
        }
        let made = CodedHead::new(self.metadata.metadata())?;
        Ok(self.coded.get_or_init(|| made))
    }
}

/// Heads read lately.
#[derive(Clone, Default)]
pub(crate) struct Heads(Arc<Mutex<Vec<NamedHead>>>);

/// A part's name and its head.
type NamedHead = (String, Arc<Head>);

impl Heads {
    fn get(&self, name: &str) -> Option<Arc<Head>> {
        let mut heads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = heads.iter().position(|(other, _)| other == name)?;
        let found = heads.remove(at);
        let head = Arc::clone(&found.1);
        heads.push(found);
        Some(head)
    }

    fn put(&self, name: &str, head: Arc<Head>) {
        let mut heads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heads.retain(|(other, _)| other != name);
        if heads.len() >= HEADS_MAX {
            heads.remove(0);
        }
        heads.push((name.to_owned(), head));
    }

    fn forget(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(other, _)| other != name);
    }
}

/// Where the contents of parts are.
#[derive(Clone)]
pub(crate) struct Shelf {
    pub(crate) objects: Arc<dyn Objects>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) garbage: Garbage,
    pub(crate) heads: Heads,
    pub(crate) columns: Columns,
}

/// See the module.
pub struct Part {
    pub(crate) store: StoreId,
    pub(crate) name: Arc<str>,
    pub(crate) row: PartRow,
    pub(crate) shelf: Shelf,
    columns: Content,
    index: Content,
    doomed: AtomicBool,
}

/// The names of a part's objects: columns and index.
pub(crate) fn object_names(folder: &str, part: &str) -> [String; 2] {
    [format!("{FOLDER}{folder}/{part}.parquet"), format!("{FOLDER}{folder}/{part}.index")]
}

/// Where parts are among the objects.
pub(crate) const FOLDER: &str = "lake/";

fn number(wide: u64) -> usize {
    usize::try_from(wide).unwrap_or(usize::MAX)
}

impl Part {
    pub(crate) fn new(store: StoreId, name: String, row: PartRow, shelf: Shelf) -> Part {
        let [columns, index] = object_names(row.folder.as_deref().unwrap_or(store.as_str()), &name)
            .map(|object| Content::new(Arc::clone(&shelf.objects), &shelf.vault, object, row.encrypted.as_ref()));
        Part { store, name: name.into(), row, shelf, columns, index, doomed: AtomicBool::new(false) }
    }

    /// A name that no other part of any store has.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many rows, those included that retention hides.
    pub fn rows(&self) -> u64 {
        self.row.rows
    }

    /// What it takes in storage.
    pub fn bytes(&self) -> u64 {
        self.row.column_bytes + self.row.index_bytes
    }

    /// No event is earlier.
    pub fn oldest_ms(&self) -> i64 {
        self.row.oldest_ms
    }

    /// No event is later.
    pub fn newest_ms(&self) -> i64 {
        self.row.newest_ms
    }

    /// Into how many groups its rows are divided; each can be read by itself.
    pub fn row_groups(&self) -> usize {
        number(self.row.rows).div_ceil(ROW_GROUP_ROWS)
    }

    /// How many rows one of the groups has.
    pub(crate) fn group_rows(&self, group: usize) -> usize {
        number(self.row.rows).saturating_sub(group.saturating_mul(ROW_GROUP_ROWS)).min(ROW_GROUP_ROWS)
    }

    /// The names of its objects: columns and index.
    pub(crate) fn object_names(&self) -> [String; 2] {
        object_names(self.row.folder.as_deref().unwrap_or(self.store.as_str()), &self.name)
    }

    pub(crate) fn geometry(&self) -> Geometry {
        let row = &self.row;
        Geometry { granules: number(row.granules), filter_bits: number(row.filter_bits), hashes: number(row.hashes) }
    }

    /// Its objects go when the last holder lets go of it.
    pub(crate) fn doom(&self) {
        self.doomed.store(true, Ordering::Release);
        self.shelf.heads.forget(&self.name);
        self.shelf.columns.forget(&self.name);
    }

    /// Bytes of the index.
    pub(crate) async fn index_bytes(&self, range: Range<u64>) -> Result<Bytes, ReadError> {
        self.index.read(range).await
    }

    /// The hashes of its records, sorted. Some of records that retention has dropped may be among them.
    pub(crate) async fn hashes(&self) -> Result<Vec<u128>, ReadError> {
        let geometry = self.geometry();
        let bytes = self.index_bytes(geometry.hashes(self.row.index_bytes)).await?;
        index::unpack(&bytes, geometry.hashes)
            .ok_or_else(|| ReadError(format!("the index of part {} is damaged", self.name)))
    }

    /// What is known of it before its rows are read.
    pub(crate) async fn head(&self, progress: &Arc<QueryProgress>) -> Result<Arc<Head>, ReadError> {
        if let Some(head) = self.shelf.heads.get(&self.name) {
            return Ok(head);
        }
        let mut reader = self.reader(progress);
        let parquet = ParquetMetaDataReader::new()
            .with_column_index_policy(PageIndexPolicy::Skip)
            .with_offset_index_policy(PageIndexPolicy::Required)
            .with_prefetch_hint(Some(HEAD_BYTES))
            .load_and_finish(&mut reader, self.row.column_bytes);
        let metadata = ArrowReaderMetadata::try_new(Arc::new(parquet.await?), ArrowReaderOptions::new())?;
        let times = self.index_bytes(self.geometry().times()).await?;
        let damaged = || ReadError(format!("the index of part {} is damaged", self.name));
        let times = index::times(&times).filter(|times| times.len() == self.geometry().granules).ok_or_else(damaged)?;
        let head = Arc::new(Head { metadata, coded: OnceLock::new(), times });
        self.shelf.heads.put(&self.name, Arc::clone(&head));
        Ok(head)
    }

    pub(crate) fn reader(&self, progress: &Arc<QueryProgress>) -> PartReader {
        PartReader { columns: self.columns.clone(), progress: Arc::clone(progress) }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if *self.doomed.get_mut() {
            let mut garbage = self.shelf.garbage.lock().unwrap_or_else(PoisonError::into_inner);
            garbage.extend(self.object_names());
        }
    }
}

/// Reads the columns of a part.
pub(crate) struct PartReader {
    columns: Content,
    progress: Arc<QueryProgress>,
}

impl PartReader {
    async fn range(&self, range: Range<u64>) -> Result<Bytes, ParquetError> {
        self.progress.add_scanned(0, range.end.saturating_sub(range.start));
        self.columns.read(range).await.map_err(|error| ParquetError::External(Box::new(error)))
    }
}

impl AsyncFileReader for PartReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        self.range(range).boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        async move {
            let mut wholes: Vec<(Range<u64>, Bytes)> = Vec::new();
            let mut sorted = ranges.clone();
            sorted.sort_unstable_by_key(|range| (range.start, range.end));
            let mut joined: Vec<Range<u64>> = Vec::new();
            for range in sorted {
                match joined.last_mut() {
                    Some(last)
                        if range.start <= last.end.saturating_add(GAP_BYTES)
                            && range.end.saturating_sub(last.start) <= RANGE_BYTES_MAX =>
                    {
                        last.end = last.end.max(range.end);
                    }
                    _ => joined.push(range),
                }
            }
            for range in joined {
                let bytes = self.range(range.clone()).await?;
                wholes.push((range, bytes));
            }
            let piece = |range: Range<u64>| {
                let holds = |whole: &&(Range<u64>, Bytes)| whole.0.start <= range.start && range.end <= whole.0.end;
                let (whole, bytes) = wholes.iter().find(holds)?;
                Some(bytes.slice(number(range.start - whole.start)..number(range.end - whole.start)))
            };
            let missing = || ParquetError::General("a range was not read".to_owned());
            ranges.into_iter().map(|range| piece(range).ok_or_else(missing)).collect()
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        let error = ParquetError::General("a part's metadata is read before".to_owned());
        async move { Err(error) }.boxed()
    }
}
