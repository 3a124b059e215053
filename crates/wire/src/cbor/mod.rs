//! CBOR (RFC 8949) by the model, as Smithy's RPC v2 CBOR uses it: no bignums, tag 1 for timestamps, indefinite lengths read but
//! not written.

mod read;
mod write;

pub(crate) use read::read_members;
pub(crate) use write::{head, text, write, write_untyped};

/// The major types, shifted to where they stand in the first byte.
pub(crate) mod major {
    pub(crate) const UNSIGNED: u8 = 0;
    pub(crate) const NEGATIVE: u8 = 1;
    pub(crate) const BYTES: u8 = 2;
    pub(crate) const TEXT: u8 = 3;
    pub(crate) const ARRAY: u8 = 4;
    pub(crate) const MAP: u8 = 5;
    pub(crate) const TAG: u8 = 6;
    pub(crate) const SIMPLE: u8 = 7;
}

/// Tag 1: seconds of the epoch.
pub(crate) const TAG_EPOCH: u64 = 1;
