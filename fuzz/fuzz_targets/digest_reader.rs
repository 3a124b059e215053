//! Any bytes as a digest and as keys: an error or a value, never a panic; what is read is what is written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use record::{Digest, DigestKey, LogKey};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(digest) = Digest::parse(bytes) {
        let again = Digest::parse(&digest.write()).expect("what was written is a digest");
        assert_eq!(again, digest);
        assert!(digest.string_to_sign(bytes).matches('\n').count() >= 3);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert!(LogKey::parse(text).is_none_or(|key| key.to_string() == text));
        assert!(DigestKey::parse(text).is_none_or(|key| key.to_string() == text));
    }
});
