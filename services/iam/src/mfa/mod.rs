//! Virtual MFA devices: seeds from which a phone makes codes, whose they are, and whether a code is right. A seed leaves this
//! module once, when its device is made; codes are never kept or logged.

mod devices;
mod picture;
mod port;
pub(crate) mod totp;

pub use devices::{Devices, Owner};
pub use picture::qr_code;
