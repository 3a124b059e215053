//! Walks history from the newest record to the oldest.

use std::collections::BTreeMap;
use std::ops::Range as Bytewise;

use bytes::Bytes;
use record::RecordView;
use service::ApiError;
use state::Range;

use super::consumer::segment_key;
use super::index::{Index, Segment};
use super::segment::{Block, SegmentIndex, TRAILER_BYTES, trailer};
use super::terms::{self, Attribute};
use crate::rows::{self, SEGMENT_FILTERS, SEGMENTS};

/// Segments whose index one lookup reads at most; then it answers with what it has and a token.
const SEGMENTS_READ_MAX: usize = 256;
/// Segments that one lookup considers at most.
const SEGMENTS_SEEN_MAX: usize = 4_096;
/// No index or block of a segment is larger.
const READ_BYTES_MAX: usize = 128 << 20;
/// Rows of segments read at a time.
const PAGE: usize = 256;

/// What is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The region called.
    pub region: String,
    /// An attribute and its value.
    pub attribute: Option<(Attribute, String)>,
    /// Events from here …
    pub from_secs: i64,
    /// … to here, both included.
    pub to_secs: i64,
    /// Only records before this place in the journal.
    pub before_seq: u64,
    /// At most so many.
    pub limit: usize,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Newest first: place in the journal, and record.
    pub records: Vec<(u64, Bytes)>,
    /// Where to go on, if there may be more.
    pub next_before_seq: Option<u64>,
}

impl Query {
    fn terms(&self) -> (u64, Option<u64>) {
        let of = |(attribute, value): &(Attribute, String)| terms::term(*attribute, value);
        (terms::term(Attribute::Region, &self.region), self.attribute.as_ref().map(of))
    }

    fn in_time(&self, secs: i64) -> bool {
        (self.from_secs..=self.to_secs).contains(&secs)
    }

    /// Terms are hashes: the record itself decides.
    pub(super) fn is_met_by(&self, json: &Bytes) -> bool {
        let Ok(view) = RecordView::parse(json) else { return false };
        view.aws_region.as_deref() == Some(self.region.as_str())
            && self.attribute.as_ref().is_none_or(|(attribute, value)| terms::has(&view, *attribute, value))
    }
}

impl Index {
    /// The next page of a lookup. Waits for nothing: what history has not taken yet is not found.
    pub async fn lookup(&self, query: &Query) -> Result<Page, ApiError> {
        let mut page = Page::default();
        let mut before = self.look_in_tail(query, &mut page);
        if page.records.len() > query.limit {
            return Ok(page.cut(query.limit));
        }
        let (mut seen, mut read) = (0, 0);
        loop {
            let range = Range::all().before(segment_key(before)).reverse();
            let rows = self.shared.state.scan(SEGMENTS, range, PAGE).await.map_err(ApiError::unavailable)?;
            let whole = rows.len() == PAGE;
            for row in rows {
                let segment: Segment = rows::read(SEGMENTS, &row).map_err(ApiError::internal)?;
                before = segment.first_seq;
                seen += 1;
                if self.may_match(query, &segment).await? {
                    read += 1;
                    self.look_in_segment(query, &segment, &mut page).await?;
                }
                if page.records.len() > query.limit {
                    return Ok(page.cut(query.limit));
                }
                if seen >= SEGMENTS_SEEN_MAX || read >= SEGMENTS_READ_MAX {
                    page.next_before_seq = Some(before);
                    return Ok(page);
                }
            }
            if !whole {
                return Ok(page);
            }
        }
    }

    /// Returns the place before which to look in segments: what is sealed meanwhile is not looked at twice.
    fn look_in_tail(&self, query: &Query, page: &mut Page) -> u64 {
        let (region, attribute) = query.terms();
        let tail = self.tail();
        for item in tail.items.iter().rev() {
            let wanted = item.seq < query.before_seq
                && query.in_time(item.secs)
                && item.terms.binary_search(&region).is_ok()
                && attribute.is_none_or(|term| item.terms.binary_search(&term).is_ok());
            if wanted && query.is_met_by(&item.json) {
                page.records.push((item.seq, item.json.clone()));
                if page.records.len() > query.limit {
                    break;
                }
            }
        }
        tail.items.front().map_or(query.before_seq, |first| first.seq.min(query.before_seq))
    }

    async fn may_match(&self, query: &Query, segment: &Segment) -> Result<bool, ApiError> {
        if segment.newest_secs < query.from_secs || segment.oldest_secs > query.to_secs {
            return Ok(false);
        }
        let (region, attribute) = query.terms();
        let key = segment_key(segment.first_seq);
        let filter = self.shared.state.get(SEGMENT_FILTERS, &key).await.map_err(ApiError::unavailable)?;
        let filter = filter.map(|row| row.value).unwrap_or_default();
        Ok(terms::may_have(&filter, region) && attribute.is_none_or(|term| terms::may_have(&filter, term)))
    }

    async fn look_in_segment(&self, query: &Query, segment: &Segment, page: &mut Page) -> Result<(), ApiError> {
        let index = self.segment_index(segment).await?;
        let (region, attribute) = query.terms();
        let candidates = index.with_term(attribute.unwrap_or(region)).rev();
        let mut blocks: BTreeMap<u32, Bytes> = BTreeMap::new();
        for record in candidates {
            let Some(entry) = index.entries.get(record) else { continue };
            if entry.seq >= query.before_seq || !query.in_time(entry.secs) || !index.has_term(record, region) {
                continue;
            }
            let (number, block) = index.block_of(entry).map_err(ApiError::internal)?;
            if !blocks.contains_key(&number) {
                // Newest first, so a block is never needed again once another was.
                blocks.clear();
                blocks.insert(number, self.block(&segment.object, block).await?);
            }
            let json = entry.json(&blocks[&number]).map_err(ApiError::internal)?;
            if query.is_met_by(&json) {
                page.records.push((entry.seq, json));
                if page.records.len() > query.limit {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    pub(super) async fn segment_index(&self, segment: &Segment) -> Result<SegmentIndex, ApiError> {
        let end = segment.len_bytes;
        let trailer_at = end.saturating_sub(u64::try_from(TRAILER_BYTES).expect("twenty"));
        let (offset, len, inflated) =
            trailer(&self.bytes(&segment.object, trailer_at..end).await?).map_err(ApiError::internal)?;
        let packed = self.bytes(&segment.object, offset..offset.saturating_add(u64::from(len))).await?;
        SegmentIndex::read(&packed, inflated).map_err(ApiError::internal)
    }

    pub(super) async fn block(&self, object: &str, block: Block) -> Result<Bytes, ApiError> {
        let packed = self.bytes(object, block.offset..block.offset.saturating_add(u64::from(block.len))).await?;
        block.read(&packed).map_err(ApiError::internal)
    }

    async fn bytes(&self, object: &str, range: Bytewise<u64>) -> Result<Bytes, ApiError> {
        let content = self.shared.objects.get(object, Some(range)).await.map_err(ApiError::unavailable)?;
        content.bytes(READ_BYTES_MAX).await.map_err(ApiError::unavailable)
    }
}

impl Page {
    /// The page had one record too many: there is more.
    fn cut(mut self, limit: usize) -> Page {
        self.records.truncate(limit);
        self.next_before_seq = self.records.last().map(|(seq, _)| *seq);
        self
    }
}
