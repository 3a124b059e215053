//! See `fuzzing::alarm_rule`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::alarm_rule(data));
