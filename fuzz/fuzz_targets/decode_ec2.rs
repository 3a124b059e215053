//! Any bytes as a EC2 request: an error or a value, never a panic.
#![no_main]

use std::sync::LazyLock;

use fuzz::Service;
use model::Protocol;

static SERVICE: LazyLock<Service> =
    LazyLock::new(|| Service::new(Protocol::Ec2, "ec2", include_bytes!("../../models/ec2.json.gz")));

libfuzzer_sys::fuzz_target!(|data: &[u8]| SERVICE.decode(data));
