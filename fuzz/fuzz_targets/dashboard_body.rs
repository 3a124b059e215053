//! See `fuzzing::dashboard_body`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::dashboard_body(data));
