//! A block: the buckets of one series and one resolution for a stretch of time, and its bytes in the tables.
//!
//! ```text
//! version u8 = 1 · rest compressed (LZ4): upto u64 · count u32 · buckets
//! bucket: place in the block u32 · count, sum, min, max f64 · kind u8 · entries u32 · entries: (value f64 | bin i32) count f64
//! ```
//! All numbers are big-endian. `upto` is the last entry of the journal that went into the block: an entry that comes again is passed over.

use std::collections::BTreeMap;

use super::bucket::{Bucket, Spread};

const VERSION: u8 = 1;
/// No block is larger, unpacked: the most buckets with the most bins.
const UNPACKED_BYTES_MAX: usize = 64 << 20;

/// A resolution at which data are kept, and how long. Source: CloudWatch user guide, "CloudWatch metrics concepts" (metrics retention).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// One second: what is put with a storage resolution of 1.
    Second,
    /// One minute.
    Minute,
    /// Five minutes: what minutes become.
    FiveMinutes,
    /// One hour: what five minutes become.
    Hour,
}

impl Tier {
    /// All, finest first.
    pub const ALL: [Tier; 4] = [Tier::Second, Tier::Minute, Tier::FiveMinutes, Tier::Hour];

    /// The length of a bucket.
    pub fn resolution_ms(self) -> i64 {
        match self {
            Tier::Second => base::time::SECOND_MS,
            Tier::Minute => base::time::MINUTE_MS,
            Tier::FiveMinutes => 5 * base::time::MINUTE_MS,
            Tier::Hour => base::time::HOUR_MS,
        }
    }

    /// The length of a block: some hundred buckets at most, so that one more value costs little to write.
    pub fn block_ms(self) -> i64 {
        match self {
            Tier::Second => 5 * base::time::MINUTE_MS,
            Tier::Minute => 2 * base::time::HOUR_MS,
            Tier::FiveMinutes => base::time::DAY_MS,
            Tier::Hour => 16 * base::time::DAY_MS,
        }
    }

    /// How long data stay at this resolution.
    pub fn kept_ms(self) -> i64 {
        match self {
            Tier::Second => 3 * base::time::HOUR_MS,
            Tier::Minute => 15 * base::time::DAY_MS,
            Tier::FiveMinutes => 63 * base::time::DAY_MS,
            Tier::Hour => 455 * base::time::DAY_MS,
        }
    }

    /// What its data become when they are too old for it. Seconds are kept as minutes from the start.
    pub fn next(self) -> Option<Tier> {
        match self {
            Tier::Second | Tier::Hour => None,
            Tier::Minute => Some(Tier::FiveMinutes),
            Tier::FiveMinutes => Some(Tier::Hour),
        }
    }

    /// The block that a time is in.
    pub fn block_of(self, time_ms: i64) -> i64 {
        time_ms.div_euclid(self.block_ms()) * self.block_ms()
    }

    /// The bucket that a time is in.
    pub fn bucket_of(self, time_ms: i64) -> i64 {
        time_ms.div_euclid(self.resolution_ms()) * self.resolution_ms()
    }

    /// As a part of a key.
    pub fn code(self) -> u8 {
        match self {
            Tier::Second => b's',
            Tier::Minute => b'm',
            Tier::FiveMinutes => b'n',
            Tier::Hour => b'o',
        }
    }
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block {
    /// The last entry of the journal in it.
    pub upto: u64,
    /// By the time at which each begins.
    pub buckets: BTreeMap<i64, Bucket>,
}

impl Block {
    /// Adds to the bucket that begins at `at_ms`. How many bytes of memory more it takes now, about.
    pub fn add(&mut self, at_ms: i64, bucket: &Bucket) -> usize {
        match self.buckets.get_mut(&at_ms) {
            Some(known) => {
                let before = known.weight();
                known.add(bucket);
                known.weight().saturating_sub(before)
            }
            None => {
                self.buckets.insert(at_ms, bucket.clone());
                bucket.weight()
            }
        }
    }

    /// About how much memory it takes, in bytes.
    pub fn weight(&self) -> usize {
        128 + self.buckets.values().map(Bucket::weight).sum::<usize>()
    }

    /// Its bytes. `start_ms` is where the block begins.
    pub fn encode(&self, start_ms: i64) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.buckets.len() * 64);
        out.extend(self.upto.to_be_bytes());
        out.extend(length(self.buckets.len()));
        for (at, bucket) in &self.buckets {
            out.extend(u32::try_from(at - start_ms).unwrap_or_default().to_be_bytes());
            for number in [bucket.count, bucket.sum, bucket.min, bucket.max] {
                out.extend(number.to_be_bytes());
            }
            match &bucket.spread {
                Spread::Values(values) => {
                    out.push(1);
                    out.extend(length(values.len()));
                    for (value, count) in values {
                        out.extend(value.to_be_bytes());
                        out.extend(count.to_be_bytes());
                    }
                }
                Spread::Bins(bins) => {
                    out.push(2);
                    out.extend(length(bins.len()));
                    for (bin, count) in bins {
                        out.extend(bin.to_be_bytes());
                        out.extend(count.to_be_bytes());
                    }
                }
                Spread::Unknown => {
                    out.push(0);
                    out.extend(length(0));
                }
            }
        }
        let mut bytes = vec![VERSION];
        bytes.extend(lz4_flex::compress_prepend_size(&out));
        bytes
    }

    /// The block of these bytes; `None` if they are none.
    pub fn decode(start_ms: i64, bytes: &[u8]) -> Option<Block> {
        let (&version, packed) = bytes.split_first()?;
        let (size, _) = lz4_flex::block::uncompressed_size(packed).ok()?;
        if version != VERSION || size > UNPACKED_BYTES_MAX {
            return None;
        }
        let plain = lz4_flex::decompress_size_prepended(packed).ok()?;
        let mut rest = Cursor(&plain);
        let mut block = Block { upto: u64::from_be_bytes(rest.take()?), buckets: BTreeMap::new() };
        for _ in 0..u32::from_be_bytes(rest.take()?) {
            let at = start_ms + i64::from(u32::from_be_bytes(rest.take()?));
            let [count, sum, min, max] = [rest.number()?, rest.number()?, rest.number()?, rest.number()?];
            let [kind] = rest.take()?;
            let entries = u32::from_be_bytes(rest.take()?);
            let spread = match kind {
                0 => Spread::Unknown,
                1 => {
                    Spread::Values((0..entries).map(|_| Some((rest.number()?, rest.number()?))).collect::<Option<_>>()?)
                }
                2 => {
                    let mut entry = |_| Some((i32::from_be_bytes(rest.take()?), rest.number()?));
                    Spread::Bins((0..entries).map(&mut entry).collect::<Option<_>>()?)
                }
                _ => return None,
            };
            block.buckets.insert(at, Bucket { count, sum, min, max, spread });
        }
        Some(block)
    }
}

fn length(len: usize) -> [u8; 4] {
    u32::try_from(len).expect("a block has some hundred buckets of some thousand bins").to_be_bytes()
}

struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn number(&mut self) -> Option<f64> {
        self.take().map(f64::from_be_bytes)
    }
}

/// See [`crate::fuzz_stored`]. As a block, and as what a block unpacks to.
pub fn fuzz(data: &[u8]) {
    let mut packed = vec![VERSION];
    packed.extend(lz4_flex::compress_prepend_size(data));
    for bytes in [data, &packed] {
        let Some(block) = Block::decode(0, bytes) else { continue };
        let written = block.encode(0);
        // As bytes: what is no number is not equal to itself.
        assert_eq!(Block::decode(0, &written).map(|block| block.encode(0)), Some(written));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_reads_back() {
        let mut block = Block { upto: 7, buckets: BTreeMap::new() };
        block.add(120_000, &Bucket::of(1.5, 2.0));
        block.add(120_000, &Bucket::of(-2.0, 1.0));
        block.add(180_000, &Bucket::of_set(3.0, 6.0, 1.0, 3.0));
        for value in 0..300 {
            block.add(240_000, &Bucket::of(f64::from(value), 1.0));
        }
        let bytes = block.encode(60_000);
        assert_eq!(Block::decode(60_000, &bytes), Some(block));
        for cut in [0, 1, 5, bytes.len() - 1] {
            assert_eq!(Block::decode(60_000, &bytes[..cut]), None);
        }
    }
}
