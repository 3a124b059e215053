//! One file per operation: this list is what works.

pub mod put_audit_events;
