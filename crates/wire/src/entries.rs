//! Collects the entries of a map: the last of several with one key wins, in time that does not grow with the square of their
//! number.

use std::collections::HashMap;

use model::{Fields, Name, Value};

/// From this many entries on, keys are found by hash; below, by looking.
const INDEX_FROM: usize = 16;

/// A map that is being read.
#[derive(Default)]
pub(crate) struct Entries {
    fields: Vec<(Name, Value)>,
    index: HashMap<Name, usize>,
}

impl Entries {
    /// Adds an entry, or replaces the one that has this key.
    pub(crate) fn put(&mut self, key: Name, value: Value) {
        match self.find(&key) {
            Some(at) => self.fields[at].1 = value,
            None => self.push(key, value),
        }
    }

    /// The value under this key, made if it is not there.
    pub(crate) fn entry(&mut self, key: &str, or: impl FnOnce() -> Value) -> &mut Value {
        let at = self.find(key).unwrap_or_else(|| {
            self.push(Name::from(key), or());
            self.fields.len() - 1
        });
        &mut self.fields[at].1
    }

    fn find(&self, key: &str) -> Option<usize> {
        match self.fields.len() {
            0..INDEX_FROM => self.fields.iter().position(|(known, _)| &**known == key),
            _ => self.index.get(key).copied(),
        }
    }

    fn push(&mut self, key: Name, value: Value) {
        self.fields.push((key, value));
        // At the threshold the index takes in all that came before, later only what is new.
        let from = match self.fields.len() {
            0..INDEX_FROM => return,
            INDEX_FROM => 0,
            count => count - 1,
        };
        let new = self.fields.iter().enumerate().skip(from);
        self.index.extend(new.map(|(at, (key, _))| (key.clone(), at)));
    }

    /// The map.
    pub(crate) fn done(self) -> Fields {
        Fields(self.fields)
    }
}

/// Sets a member of a structure: the last of several wins. There are no more members than the model has.
pub(crate) fn set_member(fields: &mut Fields, name: &Name, value: Value) {
    match fields.0.iter_mut().find(|(known, _)| std::sync::Arc::ptr_eq(known, name) || known == name) {
        Some((_, old)) => *old = value,
        None => fields.0.push((name.clone(), value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_equal_keys_wins_however_many_there_are() {
        let mut entries = Entries::default();
        for round in 0..3_i64 {
            for key in 0..40_i64 {
                entries.put(Name::from(key.to_string()), Value::Int(key + 100 * round));
            }
        }
        *entries.entry("39", || Value::Null) = Value::Int(1);
        *entries.entry("new", || Value::Null) = Value::Int(2);
        let fields = entries.done();
        assert_eq!(fields.len(), 41);
        assert_eq!(fields.get("7"), Some(&Value::Int(207)));
        assert_eq!(fields.get("39"), Some(&Value::Int(1)));
        assert_eq!(fields.get("new"), Some(&Value::Int(2)));
    }
    #[test]
    fn an_entry_is_found_again_on_either_side_of_the_threshold() {
        for count in INDEX_FROM - 1..=INDEX_FROM + 1 {
            let mut entries = Entries::default();
            for _ in 0..2 {
                for key in 0..count {
                    let value = entries.entry(&key.to_string(), || Value::Int(0));
                    let Value::Int(seen) = value else { panic!("not a number") };
                    *seen += 1;
                }
            }
            let fields = entries.done();
            assert_eq!(fields.len(), count);
            assert!(fields.iter().all(|(_, value)| *value == Value::Int(2)), "{count}: {fields:?}");
        }
    }
}
