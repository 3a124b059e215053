//! What happened, in order: the last events in words for whoever reads a failure, all of them in one hash, which is the same for
//! the same seed.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// Events kept in words.
const KEPT: usize = 40;

/// See the module.
pub(crate) struct Trace {
    echo: bool,
    inner: Mutex<Inner>,
}

struct Inner {
    hash: Sha256,
    last: VecDeque<String>,
    count: u64,
}

impl Trace {
    /// `echo`: every event is printed as it happens.
    pub(crate) fn new(echo: bool) -> Trace {
        Trace { echo, inner: Mutex::new(Inner { hash: Sha256::new(), last: VecDeque::new(), count: 0 }) }
    }

    /// Something happened.
    pub(crate) fn note(&self, at_ms: u64, text: &str) {
        let line = format!("{:>9}.{:03} {text}", at_ms / 1000, at_ms % 1000);
        if self.echo {
            println!("{line}");
        }
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.hash.update(line.as_bytes());
        inner.hash.update(b"\n");
        inner.count += 1;
        if inner.last.len() == KEPT {
            inner.last.pop_front();
        }
        inner.last.push_back(line);
    }

    /// A detail, for who reads along; it says nothing that the events do not imply.
    pub(crate) fn whisper(&self, at_ms: u64, text: impl FnOnce() -> String) {
        if self.echo {
            println!("{:>9}.{:03}   {}", at_ms / 1000, at_ms % 1000, text());
        }
    }

    /// Bytes that belong to what happened and would say nothing to a reader.
    pub(crate) fn absorb(&self, bytes: &[u8]) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).hash.update(bytes);
    }

    /// The last events.
    pub(crate) fn last(&self) -> Vec<String> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).last.iter().cloned().collect()
    }

    /// The hash over everything so far, in hexadecimal.
    pub(crate) fn hash_hex(&self) -> String {
        base::ids::hex(&self.inner.lock().unwrap_or_else(PoisonError::into_inner).hash.clone().finalize())
    }
}
