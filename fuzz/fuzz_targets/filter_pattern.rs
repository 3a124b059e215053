//! See `fuzzing::filter_pattern`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::filter_pattern(data));
