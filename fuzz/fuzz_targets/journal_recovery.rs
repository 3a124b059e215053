//! See `fuzzing::journal_recovery`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::journal_recovery(data));
