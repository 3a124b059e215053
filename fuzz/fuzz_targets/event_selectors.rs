//! See `fuzzing::event_selectors`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::event_selectors(data));
