//! See `fuzzing::filter_policy`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::filter_policy(data));
