//! See `fuzzing::decode_cbor`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::decode_cbor(data));
