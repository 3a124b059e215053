//! See `fuzzing::digest_reader`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::digest_reader(data));
