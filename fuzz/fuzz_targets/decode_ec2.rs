//! See `fuzzing::decode_ec2`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::decode_ec2(data));
