//! See `fuzzing::decode_query`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::decode_query(data));
