//! See `fuzzing::record_reader`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::record_reader(data));
