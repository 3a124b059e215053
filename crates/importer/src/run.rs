//! An import: lists everything, asks the target what of it is new, reads that in batches, and hands it over. Memory is bounded by the
//! batches that are under way; nothing of the listing is kept but names' hashes, for the reconciliation.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, stream};
use tokio::sync::watch;
use validate::{Object, Source, SourceError};

use crate::content::CONTENT_BYTES_MAX;
use crate::filter::Filter;
use crate::names::{Sort, sort};
use crate::reconcile::{DIGESTS_MAX, Names, reconcile};
use crate::report::Report;
use crate::target::{Answer, Fetched, Listed, NAME_BYTES_MAX, Target, TargetError};

/// How much is done at once.
#[derive(Clone, Debug)]
pub struct Options {
    /// What precedes keys in the names that the target knows files by: `s3://BUCKET/`, or a folder's whole path.
    pub named: String,
    /// Batches under way.
    pub batches: usize,
    /// Bytes of a batch, as the files lie there; a larger file is a batch of its own.
    pub batch_bytes: u64,
    /// Files of a batch.
    pub batch_files: usize,
    /// Files of a batch that are read at the same time.
    pub reads: usize,
    /// Whether digests are read at the end, to know of files that are missing.
    pub reconcile: bool,
}

impl Options {
    /// The usual ones: some 60 MB of records in a batch.
    pub fn new(named: impl Into<String>) -> Options {
        Options {
            named: named.into(),
            batches: 3,
            batch_bytes: 5 << 20,
            batch_files: 1_000,
            reads: 16,
            reconcile: true,
        }
    }
}

/// Where files come from.
#[derive(Clone)]
pub struct Origin {
    /// Where the bucket is.
    pub source: Arc<dyn Source>,
    /// Its name; empty for a folder.
    pub bucket: String,
    /// What keys begin with.
    pub prefix: String,
}

/// What happens while an import goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A file could not be imported.
    Failed {
        /// Its key.
        key: String,
        /// Why.
        why: String,
    },
    /// Files were passed by, because they were imported before.
    Known {
        /// How many.
        files: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// A batch is done: the report has grown.
    Batch {
        /// How many files.
        files: u64,
        /// Their bytes.
        bytes: u64,
    },
}

/// An import cannot go on. What is done is done; the same import started again goes on from there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The listing failed.
    #[error("{0}")]
    Source(#[from] SourceError),
    /// The target failed.
    #[error("{0}")]
    Target(#[from] TargetError),
}

/// How much there is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Files that are read and handed over together.
#[derive(Default)]
struct Batch {
    files: Vec<(Object, Listed)>,
    bytes: u64,
}

/// A batch that was handed over.
struct Done {
    /// Key and size of those that were, and what became of them.
    files: Vec<(String, u64)>,
    answer: Answer,
    /// Those that could not be read.
    unread: Vec<(String, u64, String)>,
}

/// Reads a file whole.
pub(crate) async fn read(source: &dyn Source, bucket: &str, key: &str, limit: usize) -> Result<Bytes, String> {
    let mut opened = source.open(bucket, key).await.map_err(|error| error.to_string())?;
    let mut content = BytesMut::new();
    while let Some(piece) = opened.pieces.next().await {
        let piece = piece.map_err(|error| error.to_string())?;
        if content.len() + piece.len() > limit {
            return Err(format!("it is larger than {limit} bytes"));
        }
        content.extend_from_slice(&piece);
    }
    Ok(content.freeze())
}

async fn hand_over(origin: &Origin, target: &Arc<dyn Target>, batch: Batch, reads: usize) -> Result<Done, TargetError> {
    let fetch = batch.files.into_iter().map(|(object, file)| async move {
        let content = read(&*origin.source, &origin.bucket, &object.key, CONTENT_BYTES_MAX).await;
        (object, file, content)
    });
    let (mut files, mut fetched, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    let mut fetch = stream::iter(fetch).buffered(reads.max(1));
    while let Some((object, file, content)) = fetch.next().await {
        match content {
            Ok(content) => {
                files.push((object.key, object.size));
                fetched.push(Fetched { file, content, more: false });
            }
            Err(why) => unread.push((object.key, object.size, why)),
        }
    }
    let answer = if fetched.is_empty() { Answer::default() } else { target.take(fetched).await? };
    if answer.files.len() != files.len() {
        return Err(TargetError("the answer has another number of files than were sent".to_owned()));
    }
    Ok(Done { files, answer, unread })
}

impl Done {
    fn into_report(self, report: &mut Report, say: &mut (dyn FnMut(Event, &Report) + Send)) {
        let (mut count, mut bytes) = (0, 0);
        let mut fail = |key: String, why: String, report: &mut Report| {
            report.fails(&key, &why);
            say(Event::Failed { key, why }, report);
        };
        for ((key, size), taken) in self.files.into_iter().zip(self.answer.files) {
            (count, bytes) = (count + 1, bytes + size);
            report.file_bytes += size;
            report.records_read += taken.records;
            report.records_left_out += taken.left_out;
            match taken.failed {
                None => report.files_read += 1,
                Some(why) => fail(key, why, report),
            }
        }
        for (key, size, why) in self.unread {
            (count, bytes) = (count + 1, bytes + size);
            fail(key, why, report);
        }
        report.records_kept += self.answer.kept;
        report.records_expired += self.answer.expired;
        report.records_duplicate += self.answer.duplicate;
        report.records_refused += self.answer.refused;
        report.json_bytes += self.answer.json_bytes;
        say(Event::Batch { files: count, bytes }, report);
    }
}

/// Counts what an import would have to look at.
pub async fn count(origin: &Origin, filter: &Filter) -> Result<Totals, SourceError> {
    let Origin { source, bucket, prefix } = origin;
    let (mut totals, mut after) = (Totals::default(), None::<String>);
    loop {
        let page = source.list(bucket, prefix, after.as_deref()).await?;
        let Some(last) = page.last() else { return Ok(totals) };
        after = Some(last.key.clone());
        for object in page.iter().filter(|object| filter.keeps_file(&sort(&object.key))) {
            totals.files += 1;
            totals.bytes += object.size;
        }
    }
}

/// What of a page is to be imported. Sets digests aside, and counts the rest.
fn wanted(page: Vec<Object>, filter: &Filter, digests: &mut Vec<String>, report: &mut Report) -> Vec<Object> {
    let mut wanted = Vec::new();
    for object in page {
        let sort = sort(&object.key);
        match sort {
            Sort::Other => report.files_other += 1,
            Sort::Digest if digests.len() < DIGESTS_MAX => digests.push(object.key),
            Sort::Digest => report.digests_failed += 1,
            Sort::Log { .. } | Sort::Loose if !filter.keeps_file(&sort) => report.files_left_out += 1,
            Sort::Log { .. } | Sort::Loose => wanted.push(object),
        }
    }
    wanted
}

/// Imports everything of a place that is asked for. Says what happens as it goes, with the report so far. It ends early, in order,
/// when `stop` becomes true.
pub async fn import(
    origin: &Origin,
    filter: &Filter,
    target: Arc<dyn Target>,
    options: &Options,
    stop: &watch::Receiver<bool>,
    say: &mut (dyn FnMut(Event, &Report) + Send),
) -> Result<Report, Failure> {
    let Origin { source, bucket, prefix } = origin;
    let mut report = Report::default();
    let (mut seen, mut digests) = (Names::default(), Vec::new());
    let mut after: Option<String> = None;
    let mut batch = Batch::default();
    let mut folder = None::<String>;
    let mut under_way = FuturesUnordered::new();
    let start = |batch: Batch| hand_over(origin, &target, batch, options.reads);
    'list: loop {
        let page = source.list(bucket, prefix, after.as_deref()).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        let mut wanted = wanted(page, filter, &mut digests, &mut report).into_iter();
        loop {
            let some: Vec<Object> = wanted.by_ref().take(options.batch_files.max(1)).collect();
            if some.is_empty() {
                break;
            }
            let (mut objects, mut listed) = (Vec::new(), Vec::new());
            for object in some {
                report.files_seen += 1;
                let own = object.key.rsplit_once('/').map_or("", |(own, _)| own);
                // Keys come in order: a folder that follows itself is the same one.
                if folder.as_deref() != Some(own) {
                    report.folders_seen += 1;
                    folder = Some(own.to_owned());
                }
                seen.add(&object.key);
                let name = format!("{}{}", options.named, object.key);
                if name.len() > NAME_BYTES_MAX {
                    let why = format!("its name is longer than {NAME_BYTES_MAX} bytes");
                    report.fails(&object.key, &why);
                    say(Event::Failed { key: object.key, why }, &report);
                    continue;
                }
                listed.push(Listed { name, stamp: format!("{} {}", object.size, object.stamp) });
                objects.push(object);
            }
            let unknown = target.unknown(&listed).await?;
            let mut known = Totals::default();
            for ((object, file), unknown) in objects.into_iter().zip(listed).zip(unknown) {
                if !unknown {
                    known.files += 1;
                    known.bytes += object.size;
                    continue;
                }
                let full = batch.bytes + object.size > options.batch_bytes || batch.files.len() >= options.batch_files;
                if full && !batch.files.is_empty() {
                    while under_way.len() >= options.batches.max(1) {
                        let done: Option<Result<Done, TargetError>> = under_way.next().await;
                        if let Some(done) = done {
                            done?.into_report(&mut report, say);
                        }
                    }
                    if *stop.borrow() {
                        report.stopped = true;
                        break 'list;
                    }
                    under_way.push(start(std::mem::take(&mut batch)));
                }
                batch.bytes += object.size;
                batch.files.push((object, file));
            }
            report.files_known += known.files;
            if known.files > 0 {
                say(Event::Known { files: known.files, bytes: known.bytes }, &report);
            }
        }
    }
    if !batch.files.is_empty() && !report.stopped {
        if *stop.borrow() {
            report.stopped = true;
        } else {
            under_way.push(start(batch));
        }
    }
    while let Some(done) = under_way.next().await {
        done?.into_report(&mut report, say);
    }
    if !report.stopped && options.reconcile {
        reconcile(origin, digests, filter, &seen, &mut report).await;
    }
    Ok(report)
}
