//! Whatever lies in a journal's folder, opening it answers: a journal that goes on, or an error; never a panic, and never a
//! journal that does not verify.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| journal::conformance::recovers_or_refuses(data));
