//! Sealed events of a group: blocks in the order of time, each compressed (and encrypted, where the group has a key), and behind them an
//! index that says which times and streams a block has. A block is read without the others.
//!
//! ```text
//! block: zstd of: number of events; for each which stream of the index · its time, its time of coming, its entry (as differences) · which
//!        of the entry's · length of its text; then all texts
//! index: zstd of JSON, see [`Index`]
//! ```
//! A chunk of entries that could not be decrypted when it was sealed holds those entries: place · length · entry.

use std::collections::HashMap;

use base::Rng;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::bits::{Bad, Reader, put_bytes, put_number, put_signed};
use crate::crypt::Cipher;
use crate::live::{Event, Place};

/// A block is closed at this many bytes of texts: what is read at least to show one event.
const BLOCK_BYTES: usize = 256 << 10;
/// Of an index; a chunk of many thousand streams has some 100 KiB.
const INDEX_BYTES_MAX: usize = 16 << 20;
/// No block is larger when it is unpacked: one text of a mebibyte more than [`BLOCK_BYTES`], and what stands beside texts.
const BLOCK_RAW_MAX: usize = 8 << 20;
/// zstd's usual level: a sixth of JSON, at some 200 MB/s.
const LEVEL: i32 = 3;

/// What a chunk has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// The identifiers of its streams.
    pub streams: Vec<u64>,
    /// In the order of time.
    pub blocks: Vec<Block>,
}

/// A block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Where it begins.
    pub at: u64,
    /// Its length.
    pub len: u64,
    /// The time of its first event.
    pub min: i64,
    /// The time of its last one.
    pub max: i64,
    /// Which of the index's streams it has.
    pub of: Vec<u32>,
}

/// A chunk as bytes, and where its index begins.
pub struct Packed {
    pub bytes: Vec<u8>,
    pub index_at: u64,
}

/// What is authenticated with a block.
fn about(object: &str, at: u64) -> Vec<u8> {
    format!("{object}\0{at}").into_bytes()
}

/// Packs events, which are in order.
pub fn pack(object: &str, events: &[(Place, Event)], cipher: Option<(&Cipher, &dyn Rng)>) -> Packed {
    let mut streams: HashMap<u64, u32> = HashMap::new();
    let mut index = Index { streams: Vec::new(), blocks: Vec::new() };
    let mut bytes = Vec::new();
    let mut rest = events;
    while !rest.is_empty() {
        let mut len = 0;
        let count = rest.iter().take_while(|(_, event)| (len < BLOCK_BYTES, len += event.text.len()).0).count();
        let (block, after) = rest.split_at(count);
        rest = after;
        let mut of: Vec<u32> = Vec::new();
        let mut raw = Vec::with_capacity(len + count * 8);
        put_number(&mut raw, block.len() as u64);
        let (mut ts, mut ingested, mut seq) = (0_i64, 0_i64, 0_i64);
        for (place, event) in block {
            let next = u32::try_from(streams.len()).expect("a chunk has fewer streams");
            let stream = *streams.entry(event.stream).or_insert_with(|| {
                index.streams.push(event.stream);
                next
            });
            if !of.contains(&stream) {
                of.push(stream);
            }
            put_number(&mut raw, u64::from(stream));
            put_signed(&mut raw, place.ts.wrapping_sub(ts));
            put_signed(&mut raw, event.ingested.wrapping_sub(ingested));
            put_signed(&mut raw, place.seq.cast_signed().wrapping_sub(seq));
            put_number(&mut raw, u64::from(place.index));
            put_number(&mut raw, event.text.len() as u64);
            (ts, ingested, seq) = (place.ts, event.ingested, place.seq.cast_signed());
        }
        block.iter().for_each(|(_, event)| raw.extend_from_slice(&event.text));
        let mut packed = zstd::bulk::compress(&raw, LEVEL).expect("compressing in memory");
        let at = bytes.len() as u64;
        if let Some((cipher, rng)) = cipher {
            packed = cipher.seal(rng, &about(object, at), &packed);
        }
        let (min, max) = (block[0].0.ts, block[block.len() - 1].0.ts);
        index.blocks.push(Block { at, len: packed.len() as u64, min, max, of });
        bytes.extend_from_slice(&packed);
    }
    let index_at = bytes.len() as u64;
    let index = serde_json::to_vec(&index).expect("numbers are JSON");
    bytes.extend_from_slice(&zstd::bulk::compress(&index, LEVEL).expect("compressing in memory"));
    Packed { bytes, index_at }
}

/// Reads an index.
pub fn read_index(packed: &[u8]) -> Result<Index, Bad> {
    let raw = zstd::bulk::decompress(packed, INDEX_BYTES_MAX).map_err(|_| Bad)?;
    serde_json::from_slice(&raw).map_err(|_| Bad)
}

/// Reads a block.
pub fn read_block(
    object: &str,
    index: &Index,
    block: &Block,
    packed: &[u8],
    cipher: Option<&Cipher>,
) -> Result<Vec<(Place, Event)>, Bad> {
    let opened = cipher.map(|cipher| cipher.open(&about(object, block.at), packed).ok_or(Bad)).transpose()?;
    let raw = zstd::bulk::decompress(opened.as_deref().unwrap_or(packed), BLOCK_RAW_MAX).map_err(|_| Bad)?;
    let mut reader = Reader::new(raw.into());
    let count = reader.length()?;
    let mut heads = Vec::with_capacity(count.min(1 << 20));
    let (mut ts, mut ingested, mut seq) = (0_i64, 0_i64, 0_i64);
    for _ in 0..count {
        let stream = *index.streams.get(reader.length()?).ok_or(Bad)?;
        ts = ts.wrapping_add(reader.signed()?);
        ingested = ingested.wrapping_add(reader.signed()?);
        seq = seq.wrapping_add(reader.signed()?);
        let at = u32::try_from(reader.number()?).map_err(|_| Bad)?;
        let len = reader.length()?;
        heads.push((Place { ts, seq: seq.cast_unsigned(), index: at }, stream, ingested, len));
    }
    heads
        .into_iter()
        .map(|(place, stream, ingested, len)| Ok((place, Event { stream, ingested, text: reader.take(len)? })))
        .collect()
}

/// Packs entries that could not be decrypted.
pub fn pack_locked(entries: &[(u64, Bytes)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (seq, entry) in entries {
        put_number(&mut bytes, *seq);
        put_bytes(&mut bytes, entry);
    }
    bytes
}

/// Reads what [`pack_locked`] made.
pub fn read_locked(bytes: Bytes) -> Result<Vec<(u64, Bytes)>, Bad> {
    let len = bytes.len();
    let mut reader = Reader::new(bytes);
    let (mut entries, mut read) = (Vec::new(), 0);
    while read < len {
        let entry = (reader.number()?, reader.bytes()?);
        let mut head = Vec::new();
        put_number(&mut head, entry.0);
        put_number(&mut head, entry.1.len() as u64);
        read += head.len() + entry.1.len();
        entries.push(entry);
    }
    Ok(entries)
}

/// See [`crate::fuzz_stored`]. As a block, and as what a block unpacks to.
pub fn fuzz(data: &[u8]) {
    const STREAMS: [u64; 3] = [7, 8, u64::MAX];
    let block = Block { at: 0, len: 0, min: 0, max: 0, of: Vec::new() };
    let index = Index { streams: STREAMS.to_vec(), blocks: Vec::new() };
    let packed = zstd::bulk::compress(data, LEVEL).expect("compressing in memory");
    for bytes in [data, &packed] {
        if let Ok(events) = read_block("o", &index, &block, bytes, None) {
            let again = pack("o", &events, None);
            let at = |at: u64| usize::try_from(at).expect("a length");
            let index = read_index(&again.bytes[at(again.index_at)..]).expect("an index that was just written");
            let read = index.blocks.iter().flat_map(|block| {
                let bytes = &again.bytes[at(block.at)..at(block.at + block.len)];
                read_block("o", &index, block, bytes, None).expect("a block that was just written")
            });
            assert_eq!(read.collect::<Vec<_>>(), events);
        }
        if let Ok(index) = read_index(bytes) {
            let json = serde_json::to_vec(&index).expect("numbers are JSON");
            let packed = zstd::bulk::compress(&json, LEVEL).expect("compressing in memory");
            assert_eq!(read_index(&packed), Ok(index));
        }
    }
    if let Ok(entries) = read_locked(Bytes::copy_from_slice(data)) {
        assert_eq!(read_locked(pack_locked(&entries).into()), Ok(entries));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(count: u32) -> Vec<(Place, Event)> {
        (0..count)
            .map(|n| {
                let place = Place { ts: 1_700_000_000_000 + i64::from(n / 3), seq: u64::from(n / 10), index: n % 10 };
                let text = format!("{{\"n\":{n},\"text\":\"{}\"}}", "x".repeat(200)).into();
                (place, Event { stream: u64::from(n % 5), ingested: place.ts + 7, text })
            })
            .collect()
    }

    #[test]
    fn chunks_read_back_block_by_block() {
        let rng = testkit::SeededRng::new(1);
        let cipher = Cipher::new(1, &[7; 32]).unwrap();
        for cipher in [None, Some(&cipher)] {
            let all = events(5_000);
            let packed = pack("logs/1/a", &all, cipher.map(|cipher| (cipher, &rng as &dyn Rng)));
            let index_at = usize::try_from(packed.index_at).unwrap();
            let index = read_index(&packed.bytes[index_at..]).unwrap();
            assert!(index.blocks.len() > 3 && index.streams.len() == 5);
            let mut read = Vec::new();
            for block in &index.blocks {
                let (at, end) = (usize::try_from(block.at).unwrap(), usize::try_from(block.at + block.len).unwrap());
                read.extend(read_block("logs/1/a", &index, block, &packed.bytes[at..end], cipher).unwrap());
                if cipher.is_some() {
                    assert!(read_block("logs/1/b", &index, block, &packed.bytes[at..end], cipher).is_err());
                }
            }
            assert_eq!(read, all);
        }
    }

    #[test]
    fn locked_entries_read_back() {
        let entries = vec![(1, Bytes::from_static(b"a")), (300, Bytes::from(vec![9; 300])), (301, Bytes::new())];
        assert_eq!(read_locked(pack_locked(&entries).into()), Ok(entries));
    }

    #[test]
    fn damaged_bytes_are_refused_or_read() {
        let rng = testkit::SeededRng::new(2);
        let number = |below: usize| {
            let mut bytes = [0; 8];
            rng.fill(&mut bytes);
            usize::try_from(u64::from_be_bytes(bytes) % below as u64).unwrap()
        };
        let packed = pack("o", &events(20), None);
        let block = zstd::bulk::decompress(&packed.bytes[..usize::try_from(packed.index_at).unwrap()], BLOCK_RAW_MAX);
        let texts: [(i64, &[u8]); 2] = [(1_700_000_000_000, b"a"), (5, b"bc")];
        let body = crate::entry::body(texts.into_iter());
        let locked = pack_locked(&[(1, Bytes::from_static(b"a")), (300, Bytes::from(body.clone()))]);
        for seed in [block.unwrap(), body, locked, packed.bytes, vec![0; 40]] {
            for _ in 0..1_000 {
                let mut bytes = seed.clone();
                for _ in 0..number(5) {
                    let at = number(bytes.len());
                    bytes[at] = [0, 1, 0x7f, 0x80, 0xff, u8::try_from(number(256)).unwrap()][number(6)];
                }
                bytes.truncate(bytes.len() - number(4));
                crate::fuzz_stored(&bytes);
            }
        }
    }
}
