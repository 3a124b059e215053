//! Any bytes as a Query request: an error or a value, never a panic.
#![no_main]

use std::sync::LazyLock;

use fuzz::Service;
use model::Protocol;

static SERVICE: LazyLock<Service> =
    LazyLock::new(|| Service::new(Protocol::Query, "iam", include_bytes!("../../models/iam.json.gz")));

libfuzzer_sys::fuzz_target!(|data: &[u8]| SERVICE.decode(data));
