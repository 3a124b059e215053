//! See `fuzzing::signed_calls`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::signed_calls(data));
