//! See `fuzzing::metric_block`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::metric_block(data));
