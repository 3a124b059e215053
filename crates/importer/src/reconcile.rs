//! Which files should be there: those that digests name. A digest is not verified here; that is what `validate` does.

use std::collections::HashSet;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use record::Digest;
use record::file::inflate;
use sha2::{Digest as _, Sha256};

use crate::filter::Filter;
use crate::names::{name, sort};
use crate::report::Report;
use crate::run::{Origin, read};

/// Digests that are read at the same time.
const PARALLEL: usize = 8;
/// The most that a digest may hold inflated.
const DIGEST_BYTES_MAX: usize = 64 << 20;
/// The most digests: a trail of a hundred regions writes so many in a year.
pub(crate) const DIGESTS_MAX: usize = 1_000_000;

/// The names of files, as hashes: millions of them fit into memory.
#[derive(Default)]
pub(crate) struct Names(HashSet<[u8; 16]>);

fn hash(key: &str) -> [u8; 16] {
    // A copy may be inflated: it is the same file.
    let name = name(key).strip_suffix(".gz").unwrap_or(name(key));
    let hash: [u8; 32] = Sha256::digest(name.as_bytes()).into();
    *hash.first_chunk().expect("a hash has 32 bytes")
}

impl Names {
    pub(crate) fn add(&mut self, key: &str) {
        self.0.insert(hash(key));
    }

    /// Adds a name; false if it is there.
    fn is_new(&mut self, key: &str) -> bool {
        self.0.insert(hash(key))
    }

    fn has(&self, key: &str) -> bool {
        self.0.contains(&hash(key))
    }
}

/// Reads digests and notes which files they name that were not seen.
pub(crate) async fn reconcile(
    origin: &Origin,
    digests: Vec<String>,
    filter: &Filter,
    seen: &Names,
    report: &mut Report,
) {
    let mut named = Names::default();
    let reads = digests.into_iter().map(|key| async move {
        let content = read(&*origin.source, &origin.bucket, &key, DIGEST_BYTES_MAX).await;
        (key, content)
    });
    let mut reads = stream::iter(reads).buffered(PARALLEL);
    while let Some((_, content)) = reads.next().await {
        let Some(digest) = content.ok().and_then(|content| parse(&content)) else {
            report.digests_failed += 1;
            continue;
        };
        report.digests_read += 1;
        for file in digest.log_files {
            if !filter.keeps_file(&sort(&file.s3_object)) || !named.is_new(&file.s3_object) {
                continue;
            }
            report.files_named += 1;
            if !seen.has(&file.s3_object) {
                report.misses(file.s3_object);
            }
        }
    }
}

fn parse(content: &Bytes) -> Option<Digest> {
    if content.starts_with(b"{") {
        return Digest::parse(content).ok();
    }
    Digest::parse(&inflate(content, DIGEST_BYTES_MAX).ok()?).ok()
}
