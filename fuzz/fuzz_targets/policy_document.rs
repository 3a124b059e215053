//! See `fuzzing::policy_document`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::policy_document(data));
