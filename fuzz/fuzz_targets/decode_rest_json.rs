//! Any bytes as a REST-JSON request: an error or a value, never a panic.
#![no_main]

use std::sync::LazyLock;

use fuzz::Service;
use model::Protocol;

static SERVICE: LazyLock<Service> =
    LazyLock::new(|| Service::new(Protocol::RestJson, "lambda", include_bytes!("../../models/lambda.json.gz")));

libfuzzer_sys::fuzz_target!(|data: &[u8]| SERVICE.decode(data));
