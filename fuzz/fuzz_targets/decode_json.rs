//! See `fuzzing::decode_json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::decode_json(data));
