//! A sealed segment of history: records in compressed blocks, then an index, all in one immutable object.
//!
//! ```text
//! blocks   raw deflate of the records' bytes, one after another; a block has at most 64 records or about 64 KiB
//! index    deflate of: count of records, then for each  seq u64 · seconds i64 · block u32 · start u32 · length u32
//!                      count of blocks,  then for each  offset u64 · length u32 · inflated u32
//!                      count of pairs,   then for each  term u64 · record u32, sorted
//! trailer  offset of the index u64 · its length u32 · inflated u32 · "CTH1"        (all numbers little-endian)
//! ```

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use flate2::read::ZlibDecoder;
use flate2::{Compress, Compression, FlushCompress, Status};

const MAGIC: &[u8; 4] = b"CTH1";
/// The length of the trailer.
pub const TRAILER_BYTES: usize = 20;
const BLOCK_RECORDS_MAX: usize = 64;
const BLOCK_BYTES: usize = 64 << 10;
/// What a record can be looked up by is about this much: room that is made beforehand.
const TERMS_TYPICAL: usize = 10;
/// Room that a compressor is given at least, so that it ends in a few steps.
const DEFLATE_ROOM: usize = 4 << 10;
/// No index or block is larger when inflated: a record alone may be some MiB.
const INFLATED_BYTES_MAX: usize = 256 << 20;

/// A record in the tail, or on its way into a segment.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its place in the journal.
    pub seq: u64,
    /// When its call was made, in seconds.
    pub secs: i64,
    /// Sorted; see [`super::terms`].
    pub terms: Arc<[u64]>,
    /// The record.
    pub json: Bytes,
}

/// The bytes of an object are not a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a segment of history is damaged: {0}")]
pub struct Damaged(pub &'static str);

/// A record's place in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the journal.
    pub seq: u64,
    /// When its call was made, in seconds.
    pub secs: i64,
    block: u32,
    start: u32,
    len: u32,
}

/// Where a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// From the object's start.
    pub offset: u64,
    /// In the object.
    pub len: u32,
    inflated: u32,
}

/// A segment's index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentIndex {
    /// In the order of the journal.
    pub entries: Vec<Entry>,
    blocks: Vec<Block>,
    pairs: Vec<(u64, u32)>,
}

/// Writes a segment, block by block: a server has calls to answer meanwhile.
pub struct Writer {
    out: Vec<u8>,
    entries: Vec<Entry>,
    blocks: Vec<Block>,
    pairs: Vec<(u64, u32)>,
    block: Vec<u8>,
    in_block: usize,
    deflater: Compress,
}

impl Writer {
    /// For so many records.
    pub fn new(records: usize) -> Writer {
        Writer {
            out: Vec::new(),
            entries: Vec::with_capacity(records),
            blocks: Vec::new(),
            pairs: Vec::with_capacity(records * TERMS_TYPICAL),
            block: Vec::with_capacity(BLOCK_BYTES * 5 / 4),
            in_block: 0,
            // The fastest level: this runs beside calls, and history is looked at seldom.
            deflater: Compress::new(Compression::fast(), true),
        }
    }

    /// Adds a record. Returns whether that filled a block, which takes some tenths of a millisecond.
    pub fn add(&mut self, item: &Item) -> bool {
        let (index, number, start) = (narrow(self.entries.len()), narrow(self.blocks.len()), narrow(self.block.len()));
        self.entries.push(Entry { seq: item.seq, secs: item.secs, block: number, start, len: narrow(item.json.len()) });
        self.pairs.extend(item.terms.iter().map(|term| (*term, index)));
        self.block.extend_from_slice(&item.json);
        self.in_block += 1;
        let is_full = self.in_block == BLOCK_RECORDS_MAX || self.block.len() >= BLOCK_BYTES;
        if is_full {
            self.end_block();
        }
        is_full
    }

    fn end_block(&mut self) {
        let start = self.out.len();
        deflate(&mut self.deflater, &self.block, &mut self.out);
        let offset = u64::try_from(start).expect("a length fits 64 bits");
        self.blocks.push(Block { offset, len: narrow(self.out.len() - start), inflated: narrow(self.block.len()) });
        self.block.clear();
        self.in_block = 0;
    }

    /// The segment's bytes.
    pub fn finish(mut self) -> Vec<u8> {
        if self.in_block > 0 {
            self.end_block();
        }
        let Writer { mut out, entries, blocks, mut pairs, mut deflater, .. } = self;
        pairs.sort_unstable();
        let index = SegmentIndex { entries, blocks, pairs }.to_bytes();
        let start = out.len();
        deflate(&mut deflater, &index, &mut out);
        let packed = narrow(out.len() - start);
        out.extend_from_slice(&u64::try_from(start).expect("a length fits 64 bits").to_le_bytes());
        out.extend_from_slice(&packed.to_le_bytes());
        out.extend_from_slice(&narrow(index.len()).to_le_bytes());
        out.extend_from_slice(MAGIC);
        out
    }
}

/// Where the index is, from the trailer: offset, length, inflated length.
pub fn trailer(bytes: &[u8]) -> Result<(u64, u32, u32), Damaged> {
    let mut input = Input(bytes);
    let found = (input.u64()?, input.u32()?, input.u32()?);
    if input.0 == MAGIC { Ok(found) } else { Err(Damaged("its trailer is not one")) }
}

impl SegmentIndex {
    /// Reads an index; `inflated` is its length, from the trailer.
    pub fn read(packed: &[u8], inflated: u32) -> Result<SegmentIndex, Damaged> {
        let bytes = inflate(packed, inflated)?;
        let mut input = Input(&bytes);
        let entry = |input: &mut Input<'_>| {
            let (seq, secs) = (input.u64()?, i64::from_le_bytes(input.take()?));
            Ok(Entry { seq, secs, block: input.u32()?, start: input.u32()?, len: input.u32()? })
        };
        let entries = input.list(28, entry)?;
        let blocks = input.list(16, |i| Ok(Block { offset: i.u64()?, len: i.u32()?, inflated: i.u32()? }))?;
        let pairs = input.list(12, |i| Ok((i.u64()?, i.u32()?)))?;
        Ok(SegmentIndex { entries, blocks, pairs })
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&narrow(self.entries.len()).to_le_bytes());
        for Entry { seq, secs, block, start, len } in &self.entries {
            out.extend_from_slice(&seq.to_le_bytes());
            out.extend_from_slice(&secs.to_le_bytes());
            [block, start, len].iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
        }
        out.extend_from_slice(&narrow(self.blocks.len()).to_le_bytes());
        for Block { offset, len, inflated } in &self.blocks {
            out.extend_from_slice(&offset.to_le_bytes());
            [len, inflated].iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
        }
        out.extend_from_slice(&narrow(self.pairs.len()).to_le_bytes());
        for (term, record) in &self.pairs {
            out.extend_from_slice(&term.to_le_bytes());
            out.extend_from_slice(&record.to_le_bytes());
        }
        out
    }

    /// The records with a term, as places in `entries`, oldest first.
    pub fn with_term(&self, term: u64) -> impl DoubleEndedIterator<Item = usize> + '_ {
        let from = self.pairs.partition_point(|(other, _)| *other < term);
        let to = self.pairs.partition_point(|(other, _)| *other <= term);
        self.pairs[from..to].iter().filter_map(|(_, record)| usize::try_from(*record).ok())
    }

    /// Whether a record has a term.
    pub fn has_term(&self, record: usize, term: u64) -> bool {
        self.pairs.binary_search(&(term, narrow(record))).is_ok()
    }

    /// The block that holds a record, and its number.
    pub fn block_of(&self, entry: &Entry) -> Result<(u32, Block), Damaged> {
        let block = usize::try_from(entry.block).ok().and_then(|number| self.blocks.get(number));
        Ok((entry.block, *block.ok_or(Damaged("a record is in no block"))?))
    }
}

impl Block {
    /// Inflates the block.
    pub fn read(&self, packed: &[u8]) -> Result<Bytes, Damaged> {
        Ok(inflate(packed, self.inflated)?.into())
    }
}

impl Entry {
    /// The record, from its inflated block.
    pub fn json(&self, block: &Bytes) -> Result<Bytes, Damaged> {
        let start = usize::try_from(self.start).unwrap_or(usize::MAX);
        let end = start.saturating_add(usize::try_from(self.len).unwrap_or(usize::MAX));
        if end > block.len() {
            return Err(Damaged("a record reaches beyond its block"));
        }
        Ok(block.slice(start..end))
    }
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).expect("segments are sealed long before 4 GiB")
}

/// Appends the compressed form. The compressor's tables, larger than a block, are used again.
fn deflate(deflater: &mut Compress, bytes: &[u8], out: &mut Vec<u8>) {
    deflater.reset();
    let mut rest = bytes;
    loop {
        out.reserve(rest.len() / 2 + DEFLATE_ROOM);
        let before = deflater.total_in();
        let status = deflater.compress_vec(rest, out, FlushCompress::Finish).expect("there is room for more");
        let taken = usize::try_from(deflater.total_in() - before).expect("no more than there was");
        rest = &rest[taken..];
        if status == Status::StreamEnd {
            return;
        }
    }
}

fn inflate(packed: &[u8], inflated: u32) -> Result<Vec<u8>, Damaged> {
    let len = usize::try_from(inflated).ok().filter(|len| *len <= INFLATED_BYTES_MAX);
    let len = len.ok_or(Damaged("a part is too large"))?;
    let mut bytes = Vec::new();
    let mut decoder = ZlibDecoder::new(packed).take(u64::from(inflated) + 1);
    decoder.read_to_end(&mut bytes).map_err(|_| Damaged("a part does not inflate"))?;
    if bytes.len() == len { Ok(bytes) } else { Err(Damaged("a part has another length")) }
}

struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(Damaged("it is cut off"))?;
        self.0 = rest;
        Ok(*head)
    }

    fn u32(&mut self) -> Result<u32, Damaged> {
        Ok(u32::from_le_bytes(self.take()?))
    }

    fn u64(&mut self) -> Result<u64, Damaged> {
        Ok(u64::from_le_bytes(self.take()?))
    }

    fn list<T>(
        &mut self,
        item_bytes: usize,
        mut item: impl FnMut(&mut Self) -> Result<T, Damaged>,
    ) -> Result<Vec<T>, Damaged> {
        let count = usize::try_from(self.u32()?).unwrap_or(usize::MAX);
        if count > self.0.len() / item_bytes {
            return Err(Damaged("a list is longer than its bytes"));
        }
        (0..count).map(|_| item(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(count: u64) -> Vec<Item> {
        let item = |i: u64| Item {
            seq: i * 3 + 1,
            secs: i64::try_from(i).unwrap() - 5,
            terms: Arc::new([i % 7, 100 + i]),
            json: Bytes::from(format!("{{\"n\":{i},\"pad\":\"{}\"}}", "x".repeat(usize::try_from(i % 50).unwrap()))),
        };
        (0..count).map(item).collect()
    }

    fn write(items: &[Item]) -> Vec<u8> {
        let mut writer = Writer::new(items.len());
        for item in items {
            writer.add(item);
        }
        writer.finish()
    }

    fn open(bytes: &[u8]) -> Result<SegmentIndex, Damaged> {
        let tail = bytes.len().checked_sub(TRAILER_BYTES).ok_or(Damaged("short"))?;
        let (offset, len, inflated) = trailer(&bytes[tail..])?;
        let start = usize::try_from(offset).unwrap();
        let packed = bytes.get(start..start.saturating_add(len as usize)).ok_or(Damaged("short"))?;
        SegmentIndex::read(packed, inflated)
    }

    #[test]
    fn what_is_sealed_reads_back() {
        let items = items(500);
        let bytes = write(&items);
        let index = open(&bytes).unwrap();
        assert_eq!(index.entries.len(), 500);
        for (entry, item) in index.entries.iter().zip(&items) {
            let (_, block) = index.block_of(entry).unwrap();
            let start = block.offset as usize;
            let inflated = block.read(&bytes[start..start + block.len as usize]).unwrap();
            assert_eq!(
                (entry.seq, entry.secs, entry.json(&inflated).unwrap()),
                (item.seq, item.secs, item.json.clone())
            );
        }
        assert_eq!(index.with_term(3).collect::<Vec<_>>(), (0..500).filter(|i| i % 7 == 3).collect::<Vec<_>>());
        assert_eq!(index.with_term(100 + 42).collect::<Vec<_>>(), [42]);
        assert!(index.has_term(42, 142) && !index.has_term(41, 142));
        assert_eq!(index.with_term(99).count(), 0);
    }

    #[test]
    fn what_does_not_get_shorter_is_packed_all_the_same() {
        let mut state = 1_u64;
        let mut random = |len: usize| {
            let byte = |_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                state.to_be_bytes()[0]
            };
            (0..len).map(byte).collect::<Vec<u8>>()
        };
        let mut items = items(3);
        for (item, len) in items.iter_mut().zip([0, 300_000, 70_000]) {
            item.json = random(len).into();
        }
        let bytes = write(&items);
        let index = open(&bytes).unwrap();
        for (entry, item) in index.entries.iter().zip(&items) {
            let (_, block) = index.block_of(entry).unwrap();
            let start = block.offset as usize;
            let inflated = block.read(&bytes[start..start + block.len as usize]).unwrap();
            assert_eq!(entry.json(&inflated).unwrap(), item.json);
        }
    }

    #[test]
    fn damage_is_told_not_panicked_over() {
        let bytes = write(&items(100));
        for cut in 0..TRAILER_BYTES + 40 {
            assert!(open(&bytes[..bytes.len() - 1 - cut]).is_err());
        }
        for at in bytes.len() - 200..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 0x55;
            let _ = open(&bad);
        }
    }
}
