//! Keys made of parts, so that keys sort as tuples do and a tuple's first parts are a prefix of its key.
//!
//! ```text
//! part  = its bytes, with 00 written as 00 FF, then 00 01
//! key   = part part …
//! ```
//! A part's end (`00 01`) sorts before all that can stand in its place (`00 FF`, `01` … `FF`), hence a part sorts before
//! the longer ones that begin with it, whatever bytes they hold.

const ESCAPED_NUL: [u8; 2] = [0x00, 0xff];
const END: [u8; 2] = [0x00, 0x01];

/// The key of a tuple. Also the prefix of all longer tuples that begin with these parts.
pub fn key<P: AsRef<[u8]>>(parts: &[P]) -> Vec<u8> {
    let len = parts.iter().map(|part| part.as_ref().len() + END.len()).sum();
    let mut key = Vec::with_capacity(len);
    for part in parts {
        escape(&mut key, part.as_ref());
        key.extend(END);
    }
    key
}

/// The prefix of the keys of all tuples that begin with `parts` and whose next part begins with `start`.
pub fn prefix<P: AsRef<[u8]>>(parts: &[P], start: impl AsRef<[u8]>) -> Vec<u8> {
    let mut prefix = key(parts);
    escape(&mut prefix, start.as_ref());
    prefix
}

/// The parts of a key; `None` if it is not the key of a tuple.
pub fn parts(key: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut parts = Vec::new();
    let mut part = Vec::new();
    let mut bytes = key.iter();
    while let Some(&byte) = bytes.next() {
        match (byte, byte == 0) {
            (_, false) => part.push(byte),
            (_, true) => match [0, *bytes.next()?] {
                ESCAPED_NUL => part.push(0),
                END => parts.push(std::mem::take(&mut part)),
                _ => return None,
            },
        }
    }
    part.is_empty().then_some(parts)
}

/// The parts of a key as text; `None` if it is not the key of a tuple of UTF-8 texts.
pub fn texts(key: &[u8]) -> Option<Vec<String>> {
    parts(key)?.into_iter().map(|part| String::from_utf8(part).ok()).collect()
}

/// The first possible key after all that begin with `prefix`; `None` if there is none, as for the empty prefix.
pub fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte != 0xff)?;
    let mut after = prefix[..=last].to_vec();
    after[last] += 1;
    Some(after)
}

fn escape(key: &mut Vec<u8>, part: &[u8]) {
    for &byte in part {
        if byte == 0 {
            key.extend(ESCAPED_NUL);
        } else {
            key.push(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(parts_in: &[&str], bytes: &[u8]) {
        assert_eq!(key(parts_in), bytes);
        assert_eq!(texts(bytes).unwrap(), parts_in);
    }

    #[test]
    fn forms() {
        check(&[], b"");
        check(&[""], b"\x00\x01");
        check(&["a", "b/c"], b"a\x00\x01b/c\x00\x01");
        check(&["a\0b\u{1}"], b"a\x00\xffb\x01\x00\x01");
        check(&["", ""], b"\x00\x01\x00\x01");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for bytes in [&b"a"[..], b"a\x00", b"a\x00\x01b", b"a\x00\x02", b"\x00\x00"] {
            assert_eq!(parts(bytes), None, "{bytes:?}");
        }
        assert_eq!(texts(b"\xff\x00\x01"), None);
    }

    #[test]
    fn after_a_prefix() {
        assert_eq!(after_prefix(b""), None);
        assert_eq!(after_prefix(b"\xff\xff"), None);
        assert_eq!(after_prefix(b"a\xff").unwrap(), b"b");
        assert_eq!(after_prefix(b"ab").unwrap(), b"ac");
    }

    // Few different bytes, so that the parts often share beginnings.
    fn part() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop::sample::select(vec![0u8, 1, 2, b'a', 0xfe, 0xff]), 0..4)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn keys_sort_as_tuples(a in prop::collection::vec(part(), 0..4), b in prop::collection::vec(part(), 0..4)) {
            prop_assert_eq!(key(&a).cmp(&key(&b)), a.cmp(&b));
            prop_assert_eq!(parts(&key(&a)).unwrap(), a);
        }

        #[test]
        fn prefixes_are_of_the_tuples_that_begin_so(
            a in prop::collection::vec(part(), 0..3), b in prop::collection::vec(part(), 0..4), start in part()
        ) {
            prop_assert_eq!(key(&b).starts_with(&key(&a)), b.starts_with(&a));
            // An empty start is also the beginning of the tuple that ends there.
            if !start.is_empty() {
                let begins = b.starts_with(&a) && b.get(a.len()).is_some_and(|next| next.starts_with(&start));
                prop_assert_eq!(key(&b).starts_with(&prefix(&a, &start)), begins);
            }
        }

        #[test]
        fn a_prefix_ends_where_its_successor_begins(a in part(), b in part()) {
            if let Some(after) = after_prefix(&a) {
                prop_assert_eq!(b.starts_with(&a), b >= a && b < after);
            }
        }
    }
}
