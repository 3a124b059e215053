//! Ranges, damage, moved chunks, rotation: what is opened is what was sealed, or an error.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use base::Rng;
use bytes::Bytes;
use proptest::prelude::*;

use crate::*;

/// Never the same bytes twice; fit for tests alone.
#[derive(Default)]
struct Counting(AtomicU64);

impl Rng for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let next = self.0.fetch_add(1, Ordering::SeqCst).to_le_bytes();
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = next[at % 8] ^ u8::try_from(at).unwrap();
        }
    }
}

fn keys() -> HostKeys {
    HostKeys::parse(&HostKeys::make(&Counting::default())).unwrap()
}

/// As storage does it, with the bytes coming in pieces of `piece` bytes.
fn seal_with(keys: &HostKeys, rng: &dyn Rng, name: &str, plain: &[u8], piece: usize) -> Vec<u8> {
    let mut sealer = Sealer::new(keys, rng, name, None);
    let (mut out, mut seen) = (Vec::new(), Vec::new());
    for mut rest in plain.chunks(piece.max(1)) {
        while !rest.is_empty() {
            if sealer.chunk_is_full() {
                seen.extend_from_slice(sealer.open_chunk());
                sealer.seal_chunk();
                out.extend(sealer.take_piece().unwrap_or_default());
            }
            rest = sealer.fill(rest);
        }
    }
    seen.extend_from_slice(sealer.open_chunk());
    assert!(seen == plain, "what was looked at is what came");
    out.extend(sealer.finish());
    out
}

fn seal(name: &str, plain: &[u8]) -> Vec<u8> {
    seal_with(&keys(), &Counting::default(), name, plain, usize::MAX)
}

/// As storage does it, with the bytes coming in pieces of `piece` bytes.
fn open_with(keys: &HostKeys, name: &str, sealed: &[u8], range: Range<u64>, piece: usize) -> Result<Vec<u8>, Damaged> {
    let header = sealed.get(..HEADER_BYTES).ok_or(Damaged::Short)?;
    let mut opener = Opener::new(keys, name, header, sealed.len() as u64, &range)?;
    let wanted = sealed_range(&range);
    let at = |at: u64| usize::try_from(at).unwrap().min(sealed.len());
    let mut out = Vec::new();
    for piece in sealed[at(wanted.start)..at(wanted.end)].chunks(piece.max(1)) {
        let opened: Bytes = opener.push(piece)?;
        out.extend_from_slice(&opened);
    }
    if opener.is_done() { Ok(out) } else { Err(Damaged::Short) }
}

fn open(name: &str, sealed: &[u8], range: Range<u64>) -> Result<Vec<u8>, Damaged> {
    open_with(&keys(), name, sealed, range, usize::MAX)
}

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_range_of_every_length_comes_back(
        near in prop_oneof![Just(0), Just(1), Just(2), Just(9)],
        off in -2_isize..400,
        (from, to) in (0.0..1.0_f64, 0.0..1.0_f64),
        piece_in in 1_usize..200_000,
        piece_out in 1_usize..200_000,
    ) {
        let len = usize::try_from((near * CHUNK_BYTES).cast_signed() + off).unwrap_or(1).max(1);
        let plain = content(len);
        let sealed = seal_with(&keys(), &Counting::default(), "n", &plain, piece_in);
        prop_assert_eq!(sealed.len(), HEADER_BYTES + len + 16 * len.div_ceil(CHUNK_BYTES));
        let pick = |share: f64| ((len as f64 * share) as usize).min(len - 1);
        let (start, end) = (pick(from).min(pick(to)), pick(from).max(pick(to)) + 1);
        for range in [start..end, 0..len, len - 1..len, 0..1] {
            let opened = open_with(&keys(), "n", &sealed, range.start as u64..range.end as u64, piece_out);
            prop_assert!(opened.unwrap() == plain[range]);
        }
    }

    /// Whatever is done to sealed content: it gives what was sealed, or an error.
    #[test]
    fn damage_is_an_error(at in 0.0..1.0_f64, bit in 0_u8..8, cut in 0_usize..200_000) {
        let plain = content(2 * CHUNK_BYTES + 100);
        let sealed = seal("n", &plain);
        let whole = 0..plain.len() as u64;
        let mut flipped = sealed.clone();
        flipped[(sealed.len() as f64 * at) as usize] ^= 1 << bit;
        prop_assert!(open("n", &flipped, whole.clone()).is_err());
        prop_assert!(open("n", &sealed[..sealed.len() - 1 - cut.min(sealed.len() - 1)], whole).is_err());
    }
}

#[test]
fn each_byte_counts() {
    let plain = content(40);
    let sealed = seal("n", &plain);
    assert_eq!(open("n", &sealed, 0..40).unwrap(), plain);
    for at in 0..sealed.len() {
        let mut damaged = sealed.clone();
        damaged[at] ^= 1;
        assert!(open("n", &damaged, 0..40).is_err(), "byte {at}");
    }
    assert_eq!(open("n", &sealed, 0..41), Err(Damaged::Short));
    assert_eq!(open("n", &[], 0..40), Err(Damaged::Short));
    assert_eq!(open("n", &[&sealed[..], b"x"].concat(), 0..40), Err(Damaged::Chunk(0)));
}

#[test]
fn chunks_cannot_be_moved_left_out_or_taken_from_elsewhere() {
    let plain = content(3 * CHUNK_BYTES);
    let sealed = seal("n", &plain);
    let chunk = |sealed: &[u8], at: usize| {
        let start = HEADER_BYTES + at * (CHUNK_BYTES + 16);
        sealed[start..start + CHUNK_BYTES + 16].to_vec()
    };
    let header = sealed[..HEADER_BYTES].to_vec();
    let of = |parts: &[usize]| {
        let chunks: Vec<Vec<u8>> = parts.iter().map(|at| chunk(&sealed, *at)).collect();
        [header.clone(), chunks.concat()].concat()
    };
    let len = plain.len() as u64;
    assert_eq!(of(&[0, 1, 2]), sealed);
    assert_eq!(open("n", &of(&[1, 0, 2]), 0..len), Err(Damaged::Chunk(0)));
    assert_eq!(open("n", &of(&[0, 2]), 0..2 * CHUNK_BYTES as u64), Err(Damaged::Chunk(1)));
    // Cut off at a chunk's end: the chunk that is last now is not marked so.
    assert_eq!(open("n", &of(&[0, 1]), 0..2 * CHUNK_BYTES as u64), Err(Damaged::Chunk(1)));
    assert_eq!(open("n", &of(&[0, 1]), 0..len), Err(Damaged::Short));
    let rng = Counting::default();
    let (one, other) = (seal_with(&keys(), &rng, "n", &plain, 9999), seal_with(&keys(), &rng, "n", &plain, 9999));
    assert_ne!(chunk(&one, 0), chunk(&other, 0), "no key is used twice");
    let mixed = [one[..HEADER_BYTES].to_vec(), chunk(&one, 0), chunk(&other, 1), chunk(&one, 2)].concat();
    assert_eq!(open("n", &mixed, 0..len), Err(Damaged::Chunk(1)));
    // All of it, under the name of another.
    assert_eq!(open("m", &sealed, 0..len), Err(Damaged::Key));
}

#[test]
fn a_new_host_key_seals_and_old_ones_still_open() {
    let rng = Counting::default();
    let (first, second) = (HostKeys::make(&rng), HostKeys::make(&rng));
    let old = HostKeys::parse(&first).unwrap();
    let both = HostKeys::parse(&format!("# made long ago\n{first}\n{second} # newer\n")).unwrap();
    let new = HostKeys::parse(&second).unwrap();
    assert_eq!(both.ids().collect::<Vec<_>>(), [old.newest(), new.newest()]);
    let before = seal_with(&old, &rng, "n", b"before", 9);
    let after = seal_with(&both, &rng, "n", b"after", 9);
    assert_eq!(open_with(&both, "n", &before, 0..6, 9).unwrap(), b"before");
    assert_eq!(open_with(&both, "n", &after, 0..5, 9).unwrap(), b"after");
    assert_eq!(open_with(&new, "n", &after, 0..5, 9).unwrap(), b"after");
    assert_eq!(open_with(&new, "n", &before, 0..6, 9), Err(Damaged::NoHostKey(old.newest())));
    assert_ne!(old.check(old.newest()), new.check(new.newest()));
    assert_eq!(both.check(old.newest()), old.check(old.newest()));
}

#[test]
fn what_is_not_a_key_is_named_by_its_line_and_not_shown() {
    let key = "ab".repeat(32);
    let check = |text: &str, expected: KeyError| assert_eq!(HostKeys::parse(text).unwrap_err(), expected);
    check("", KeyError::Empty);
    check("# nothing\n", KeyError::Empty);
    check(&format!("{key}\nsecret"), KeyError::NotAKey(2));
    check(&key[1..], KeyError::NotAKey(1));
    check(&format!("{key}\n{}", key.to_uppercase()), KeyError::Twice(2));
    let keys = HostKeys::parse(&key).unwrap();
    assert!(!format!("{keys:?}").contains("abab"));
}

#[test]
fn what_is_sealed_under_a_data_key_opens_under_it_alone() {
    let rng = Counting::default();
    let keys = HostKeys::of_data_key(&[7; 32]).unwrap();
    let mut sealer = Sealer::new(&keys, &rng, "n", None);
    sealer.fill(b"content");
    let sealed = sealer.finish();
    let open = |keys: &HostKeys| {
        let mut opener = Opener::new(keys, "n", &sealed[..HEADER_BYTES], sealed.len() as u64, &(0..7))?;
        opener.push(&sealed[HEADER_BYTES..])
    };
    assert_eq!(open(&keys).unwrap(), "content");
    let others = [HostKeys::of_data_key(&[8; 32]).unwrap(), HostKeys::parse(&"5e".repeat(32)).unwrap()];
    for other in &others {
        assert!(matches!(open(other), Err(Damaged::NoHostKey(_))));
    }
    assert!(HostKeys::of_data_key(&[7; 31]).is_none());
}
