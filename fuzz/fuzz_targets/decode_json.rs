//! Any bytes as a JSON 1.1 request: an error or a value, never a panic.
#![no_main]

use std::sync::LazyLock;

use fuzz::Service;
use model::Protocol;

static SERVICE: LazyLock<Service> =
    LazyLock::new(|| Service::new(Protocol::Json, "cloudtrail", include_bytes!("../../models/cloudtrail.json.gz")));

libfuzzer_sys::fuzz_target!(|data: &[u8]| SERVICE.decode(data));
