//! Any bytes as a RPC v2 CBOR request: an error or a value, never a panic.
#![no_main]

use std::sync::LazyLock;

use fuzz::Service;
use model::Protocol;

static SERVICE: LazyLock<Service> = LazyLock::new(|| {
    Service::new(Protocol::RpcV2Cbor, "cloudwatch", include_bytes!("../../models/cloudwatch.json.gz"))
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| SERVICE.decode(data));
