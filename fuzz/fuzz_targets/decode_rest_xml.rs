//! See `fuzzing::decode_rest_xml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::decode_rest_xml(data));
