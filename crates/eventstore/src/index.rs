//! The index of a part, stored beside it: for each granule of rows the times it spans and a filter of its terms, and the hashes of
//! the records. A filter says "not here" for certain, "maybe here" almost surely.
//!
//! ```text
//! magic (8 bytes) · for each granule: earliest and latest event (i64, little-endian; latest before earliest if none has a time)
//! · filter: for each bit of a granule's Bloom filter the bits of all granules, side by side · hashes, sorted, Rice-coded
//! ```
//!
//! Bits of all granules side by side: a look-up reads a few bytes in a few places, however long the part is.

use std::ops::Range;

/// The first bytes of an index.
pub(crate) const MAGIC: [u8; 8] = *b"CTidx\0\0\x01";
/// Rows per granule: what is read or passed over as one.
pub(crate) const GRANULE_ROWS: usize = 4096;
/// Probes per term.
const PROBES: u64 = 5;
/// Bits per distinct term: with five probes, one wrong answer in a hundred.
const BITS_PER_TERM: usize = 10;
/// The most bits for a granule: some megabytes for one whose rows are lists of thousands of names.
const GRANULE_BITS_MAX: usize = 1 << 24;
/// How much of a record's hash is stored. Two of a thousand million records share one by chance once in a million stores.
pub(crate) const HASH_BITS: u32 = 80;

/// Where in an index its parts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) granules: usize,
    /// Bits of a granule's filter.
    pub(crate) filter_bits: usize,
    /// How many hashes.
    pub(crate) hashes: usize,
}

impl Geometry {
    pub(crate) fn times(&self) -> Range<u64> {
        0..wide(MAGIC.len() + 16 * self.granules)
    }

    fn filter_bytes(&self) -> usize {
        (self.filter_bits * self.granules).div_ceil(8)
    }

    /// Everything after the filter.
    pub(crate) fn hashes(&self, len: u64) -> Range<u64> {
        let from = self.times().end + wide(self.filter_bytes());
        from..len.max(from)
    }

    /// The bytes that say which granules may have a term, one range a probe.
    pub(crate) fn probes(&self, term: u64) -> Vec<Probe> {
        let bits = probes(term, self.filter_bits);
        let probe = |bit: usize| {
            let first = bit * self.granules;
            let from = self.times().end + wide(first / 8);
            let to = self.times().end + wide((first + self.granules).div_ceil(8));
            Probe { bytes: from..to, shift: first % 8 }
        };
        bits.map(probe).collect()
    }
}

/// Where the answer of one probe is.
pub(crate) struct Probe {
    pub(crate) bytes: Range<u64>,
    shift: usize,
}

impl Probe {
    /// Takes away the granules that the bytes say have not the bit.
    pub(crate) fn narrow(&self, bytes: &[u8], granules: &mut [bool]) {
        for (index, keep) in granules.iter_mut().enumerate() {
            let bit = self.shift + index;
            *keep &= bytes.get(bit / 8).is_none_or(|byte| byte & (1 << (bit % 8)) != 0);
        }
    }
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).expect("a length fits 64 bits")
}

fn probes(term: u64, bits: usize) -> impl Iterator<Item = usize> {
    let step = term.rotate_left(32) | 1;
    let bits = wide(bits.max(1));
    (0..PROBES).map(move |i| {
        let bit = term.wrapping_add(step.wrapping_mul(i)) % bits;
        usize::try_from(bit).expect("less than the filter's length")
    })
}

/// A granule, as it is gathered.
#[derive(Clone, Debug)]
pub(crate) struct Granule {
    /// Sorted, each once.
    pub(crate) terms: Vec<u64>,
    pub(crate) oldest_ms: i64,
    pub(crate) newest_ms: i64,
}

/// Writes an index. The hashes are sorted here.
pub(crate) fn write(granules: &[Granule], hashes: &mut Vec<u128>) -> (Vec<u8>, Geometry) {
    let all: usize = granules.iter().map(|granule| granule.terms.len()).sum();
    let most = granules.iter().map(|granule| granule.terms.len()).max().unwrap_or(0);
    // The granules' filters have one size; a granule with more terms than most is searched a little more often.
    let typical = (all / granules.len().max(1)).max(most / 2);
    let filter_bits = (typical * BITS_PER_TERM).clamp(64, GRANULE_BITS_MAX);
    let geometry = Geometry { granules: granules.len(), filter_bits, hashes: hashes.len() };
    let mut out = Vec::with_capacity(geometry.filter_bytes() + granules.len() * 16 + hashes.len() * 9 + 64);
    out.extend_from_slice(&MAGIC);
    for granule in granules {
        out.extend_from_slice(&granule.oldest_ms.to_le_bytes());
        out.extend_from_slice(&granule.newest_ms.to_le_bytes());
    }
    let mut filter = vec![0_u8; geometry.filter_bytes()];
    for (index, granule) in granules.iter().enumerate() {
        for term in &granule.terms {
            for bit in probes(*term, filter_bits) {
                let place = bit * granules.len() + index;
                filter[place / 8] |= 1 << (place % 8);
            }
        }
    }
    out.extend_from_slice(&filter);
    hashes.sort_unstable();
    pack(hashes, &mut out);
    (out, geometry)
}

/// Reads the times of the granules.
pub(crate) fn times(bytes: &[u8]) -> Option<Vec<(i64, i64)>> {
    let rest = bytes.strip_prefix(&MAGIC)?;
    let number = |bytes: &[u8]| bytes.try_into().ok().map(i64::from_le_bytes);
    rest.chunks(16).map(|both| Some((number(both.get(..8)?)?, number(both.get(8..)?)?))).collect()
}

/// How many low bits of a difference are written as they are.
fn rice_bits(hashes: usize) -> u32 {
    HASH_BITS.saturating_sub(usize::BITS - hashes.leading_zeros())
}

/// Appends sorted hashes: each one's difference to the one before, the high part in ones and a zero, then the low part.
fn pack(hashes: &[u128], out: &mut Vec<u8>) {
    let low_bits = rice_bits(hashes.len());
    let mut writer = BitWriter { out, byte: 0, used: 0 };
    let mut last = 0;
    for hash in hashes {
        let difference = hash - last;
        last = *hash;
        for _ in 0..difference >> low_bits {
            writer.bit(true);
        }
        writer.bit(false);
        writer.low(difference, low_bits);
    }
    writer.finish();
}

/// Reads `count` hashes. `None` if there are fewer.
pub(crate) fn unpack(bytes: &[u8], count: usize) -> Option<Vec<u128>> {
    let low_bits = rice_bits(count);
    let mut reader = BitReader { bytes, at: 0 };
    let mut hashes = Vec::with_capacity(count.min(bytes.len() + 1));
    let mut last = 0_u128;
    for _ in 0..count {
        let mut difference = 0_u128;
        while reader.take(1)? == 1 {
            difference += 1;
        }
        difference = (difference << low_bits) | reader.take(low_bits)?;
        last = last.checked_add(difference)?;
        hashes.push(last);
    }
    Some(hashes)
}

struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    byte: u8,
    used: u32,
}

impl BitWriter<'_> {
    fn bit(&mut self, bit: bool) {
        self.byte |= u8::from(bit) << self.used;
        self.used += 1;
        if self.used == 8 {
            self.out.push(self.byte);
            (self.byte, self.used) = (0, 0);
        }
    }

    /// The low bits of a value, lowest first, as many at a time as fit the byte.
    fn low(&mut self, mut value: u128, mut bits: u32) {
        while bits > 0 {
            let room = (8 - self.used).min(bits);
            let mask = (1_u128 << room) - 1;
            let piece = u8::try_from(value & mask).expect("eight bits at most");
            self.byte |= piece << self.used;
            self.used += room;
            value >>= room;
            bits -= room;
            if self.used == 8 {
                self.out.push(self.byte);
                (self.byte, self.used) = (0, 0);
            }
        }
    }

    fn finish(self) {
        if self.used > 0 {
            self.out.push(self.byte);
        }
    }
}

struct BitReader<'a> {
    bytes: &'a [u8],
    /// In bits.
    at: usize,
}

impl BitReader<'_> {
    fn take(&mut self, bits: u32) -> Option<u128> {
        let mut value = 0_u128;
        let mut have = 0;
        while have < bits {
            let byte = u128::from(*self.bytes.get(self.at / 8)?);
            let used = u32::try_from(self.at % 8).expect("less than eight");
            let room = (8 - used).min(bits - have);
            value |= ((byte >> used) & ((1 << room) - 1)) << have;
            have += room;
            self.at += usize::try_from(room).expect("at most eight");
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn granule(terms: std::ops::Range<u64>) -> Granule {
        let mut terms: Vec<u64> = terms.map(|number| crate::terms::term(&number.to_string())).collect();
        terms.sort_unstable();
        Granule { terms, oldest_ms: 5, newest_ms: -7 }
    }

    #[test]
    fn a_filter_names_the_granule() {
        for count in [1_u64, 3, 8, 21] {
            let granules: Vec<Granule> = (0..count).map(|i| granule(i * 1000..(i + 1) * 1000)).collect();
            let (bytes, geometry) = write(&granules, &mut Vec::new());
            let maybe = |number: u64| {
                let mut found = vec![true; granules.len()];
                for probe in geometry.probes(crate::terms::term(&number.to_string())) {
                    let range = usize::try_from(probe.bytes.start).unwrap()..usize::try_from(probe.bytes.end).unwrap();
                    probe.narrow(&bytes[range], &mut found);
                }
                found
            };
            let mut wrong = 0;
            for number in (0..count * 1000).step_by(7) {
                let found = maybe(number);
                assert!(found[usize::try_from(number / 1000).unwrap()]);
                wrong += found.iter().filter(|found| **found).count() - 1;
            }
            assert!(wrong <= granules.len() * granules.len() * 1000 / 7 / 40, "{wrong} of {count}");
            assert_eq!(times(&bytes[..usize::try_from(geometry.times().end).unwrap()]).unwrap()[0], (5, -7));
        }
    }

    proptest! {
        #[test]
        fn hashes_read_back(mut hashes in prop::collection::vec(0_u128..1 << HASH_BITS, 0..300)) {
            let (bytes, geometry) = write(&[], &mut hashes);
            let from = usize::try_from(geometry.hashes(wide(bytes.len())).start).unwrap();
            prop_assert_eq!(unpack(&bytes[from..], hashes.len()).unwrap(), hashes);
        }

        #[test]
        fn damage_is_told_not_panicked_over(bytes in any::<Vec<u8>>(), count in 0..1000_usize) {
            let _ = unpack(&bytes, count);
            let _ = times(&bytes);
        }
    }

    #[test]
    fn hashes_take_little_room() {
        let mut hashes: Vec<u128> =
            (0..10_000_u64).map(|i| u128::from(crate::terms::term(&i.to_string())) << 16).collect();
        let (bytes, geometry) = write(&[], &mut hashes);
        let packed = wide(bytes.len()) - geometry.hashes(wide(bytes.len())).start;
        assert!(packed < 10_000 * 9, "{packed}");
    }
}
