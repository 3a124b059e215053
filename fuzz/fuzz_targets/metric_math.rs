//! See `fuzzing::metric_math`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::metric_math(data));
