//! See `fuzzing::log_chunk`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::log_chunk(data));
