//! Any bytes as a REST-XML (S3) request: an error or a value, never a panic.
#![no_main]

use std::sync::LazyLock;

use fuzz::Service;
use model::Protocol;

static SERVICE: LazyLock<Service> =
    LazyLock::new(|| Service::new(Protocol::RestXml, "s3", include_bytes!("../../models/s3.json.gz")));

libfuzzer_sys::fuzz_target!(|data: &[u8]| SERVICE.decode(data));
