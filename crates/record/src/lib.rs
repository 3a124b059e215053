//! CloudTrail's formats, read and written: the event record, the log file, the digest, and the keys they are stored under.
//!
//! Pure: bytes in, values out. No record is ever shortened and none of its bytes changed: what was pushed is what is read.

pub mod digest;
pub mod event;
pub mod file;
pub mod identity;
pub mod json;
pub mod keys;
pub mod resources;
mod scan;
pub mod view;

pub use digest::{Digest, DigestLogFile};
pub use event::{EventCategory, EventRecord, EventType, Resource, TlsDetails};
pub use file::{LogFile, LogFileWriter};
pub use identity::{SessionContext, SessionIssuer, UserIdentity, WebIdFederation};
pub use keys::{DigestKey, LogKey, LogKind};
pub use view::RecordView;
