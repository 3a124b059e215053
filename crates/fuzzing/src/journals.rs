//! Whatever lies in a journal's folder, opening it answers: a journal that goes on and still has every entry before the damage, or
//! an error; never a panic, and never a journal that does not verify.

/// See the module.
pub fn journal_recovery(script: &[u8]) {
    journal::conformance::recovers_or_refuses(script);
}
