//! Content that is being read: it is not removed before its last reader is done, however long that takes. Only in memory, as are
//! readers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// What is being read, and what is being removed.
#[derive(Default)]
pub(crate) struct Pins(Mutex<HashMap<String, Use>>);

enum Use {
    /// By so many readers.
    Read(usize),
    Removed,
}

/// Keeps content in its place until it is dropped.
pub(crate) struct Pin {
    pins: Arc<Pins>,
    name: String,
}

/// Keeps readers from content that is being removed, until it is dropped.
pub(crate) struct Removal<'a> {
    pins: &'a Pins,
    name: String,
}

impl Pins {
    /// Keeps content in its place for a reader; `None` if it is being removed.
    pub(crate) fn read(self: &Arc<Pins>, name: &str) -> Option<Pin> {
        let mut uses = self.0.lock().expect("no holder of this lock can panic");
        match uses.entry(name.to_owned()).or_insert(Use::Read(0)) {
            Use::Removed => return None,
            Use::Read(readers) => *readers += 1,
        }
        Some(Pin { pins: Arc::clone(self), name: name.to_owned() })
    }

    /// Begins to remove content; `None` if somebody reads it.
    pub(crate) fn remove(&self, name: &str) -> Option<Removal<'_>> {
        let mut uses = self.0.lock().expect("no holder of this lock can panic");
        if uses.contains_key(name) {
            return None;
        }
        uses.insert(name.to_owned(), Use::Removed);
        Some(Removal { pins: self, name: name.to_owned() })
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let Ok(mut uses) = self.pins.0.lock() else { return };
        if let Some(Use::Read(readers)) = uses.get_mut(&self.name) {
            *readers -= 1;
            if *readers == 0 {
                uses.remove(&self.name);
            }
        }
    }
}

impl Drop for Removal<'_> {
    fn drop(&mut self) {
        if let Ok(mut uses) = self.pins.0.lock() {
            uses.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_read_or_removed() {
        let pins = Arc::new(Pins::default());
        let (first, second) = (pins.read("a").unwrap(), pins.read("a").unwrap());
        drop(first);
        assert!(pins.remove("a").is_none() && pins.remove("b").is_some());
        drop(second);
        let removal = pins.remove("a").unwrap();
        assert!(pins.read("a").is_none() && pins.remove("a").is_none());
        drop(removal);
        assert!(pins.read("a").is_some());
        assert!(pins.0.lock().unwrap().is_empty());
    }
}
