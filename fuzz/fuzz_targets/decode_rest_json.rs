//! See `fuzzing::decode_rest_json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::decode_rest_json(data));
