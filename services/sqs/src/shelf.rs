//! What lies in one queue, as values: which message may be received now, which waits and for how long, which messages of a group go
//! before others. Knows no storage, no clock and no content; moments are milliseconds since 1970. Must never give a message twice at
//! one moment, nor one of a group while another of it is out.
//!
//! Sources: SQS developer guide, "Amazon SQS visibility timeout", "FIFO delivery logic", "Using dead-letter queues".

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A message without its content: what changes while it lies in a queue. Also its row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was sent; from here on its retention counts.
    #[serde(rename = "s")]
    pub sent_ms: i64,
    /// From when on it may be received: the end of its delay, or of the time that it is out.
    #[serde(rename = "v")]
    pub visible_ms: i64,
    /// How often it was received.
    #[serde(rename = "c", default)]
    pub count: u32,
    /// How often it had been received before it came into this queue.
    #[serde(rename = "b", default)]
    pub count_before: u32,
    /// When it was first received; 0 if it was not.
    #[serde(rename = "f", default)]
    pub first_ms: i64,
    /// What the newest receipt handle has; 0 if there is none.
    #[serde(rename = "n", default)]
    pub nonce: u64,
    /// Its message group.
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Arc<str>>,
}

/// A message that was received more often says nothing of how old what lies in a queue is.
const RECEIVED_AGAIN: u32 = 3;

/// How many messages are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// May be received.
    pub visible: usize,
    /// Were received and are out.
    pub in_flight: usize,
    /// Are not there yet.
    pub delayed: usize,
}

/// What a receive would get.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Picked {
    /// These, in this order.
    pub live: Vec<u64>,
    /// Received too often: they belong into the dead letter queue.
    pub dead: Vec<u64>,
}

/// The messages of a queue, by number: a larger number is later.
#[derive(Debug, Default)]
pub struct Shelf {
    is_fifo: bool,
    entries: BTreeMap<u64, Entry>,
    /// Not to be received before some moment.
    waiting: BTreeSet<(i64, u64)>,
    /// To be received, whatever their groups say.
    ready: BTreeSet<u64>,
    by_age: BTreeSet<(i64, u64)>,
    in_flight: usize,
    groups: HashMap<Arc<str>, Group>,
    /// Groups of which something may be received, by the number of their first message.
    open_groups: BTreeMap<u64, Arc<str>>,
    now_ms: i64,
}

#[derive(Debug, Default)]
struct Group {
    numbers: BTreeSet<u64>,
    in_flight: usize,
    /// As it stands in `open_groups`.
    open_at: Option<u64>,
}

impl Shelf {
    /// An empty one.
    pub fn new(is_fifo: bool) -> Shelf {
        Shelf { is_fifo, ..Shelf::default() }
    }

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// A message.
    pub fn get(&self, number: u64) -> Option<&Entry> {
        self.entries.get(&number)
    }

    /// All numbers.
    pub fn numbers(&self) -> Vec<u64> {
        self.entries.keys().copied().collect()
    }

    /// Puts a message there, or in the place of the one of this number.
    pub fn put(&mut self, number: u64, entry: Entry) {
        self.remove(number);
        self.by_age.insert((entry.sent_ms, number));
        if entry.visible_ms > self.now_ms {
            self.waiting.insert((entry.visible_ms, number));
            self.in_flight += usize::from(entry.nonce != 0);
        } else {
            self.ready.insert(number);
        }
        let group = self.group_of(&entry);
        if let Some(group) = &group {
            let is_out = entry.nonce != 0 && entry.visible_ms > self.now_ms;
            let held = self.groups.entry(Arc::clone(group)).or_default();
            held.numbers.insert(number);
            held.in_flight += usize::from(is_out);
        }
        self.entries.insert(number, entry);
        if let Some(group) = group {
            self.reopen(&group);
        }
    }

    /// Takes a message away.
    pub fn remove(&mut self, number: u64) -> Option<Entry> {
        let entry = self.entries.remove(&number)?;
        self.by_age.remove(&(entry.sent_ms, number));
        let waited = self.waiting.remove(&(entry.visible_ms, number));
        self.ready.remove(&number);
        let was_out = waited && entry.nonce != 0;
        self.in_flight -= usize::from(was_out);
        if let Some(group) = self.group_of(&entry)
            && let Some(held) = self.groups.get_mut(&group)
        {
            held.numbers.remove(&number);
            held.in_flight -= usize::from(was_out);
            self.reopen(&group);
        }
        Some(entry)
    }

    /// Only FIFO queues keep an order within groups.
    fn group_of(&self, entry: &Entry) -> Option<Arc<str>> {
        entry.group.clone().filter(|_| self.is_fifo)
    }

    /// Says anew whether something of a group may be received.
    fn reopen(&mut self, name: &Arc<str>) {
        let Some(group) = self.groups.get_mut(name) else { return };
        if let Some(at) = group.open_at.take() {
            self.open_groups.remove(&at);
        }
        match group.numbers.first() {
            None => drop(self.groups.remove(name)),
            Some(first) if group.in_flight == 0 && self.ready.contains(first) => {
                group.open_at = Some(*first);
                self.open_groups.insert(*first, Arc::clone(name));
            }
            Some(_) => {}
        }
    }

    /// Lets time pass. It never goes back.
    pub fn advance(&mut self, now_ms: i64) {
        self.now_ms = self.now_ms.max(now_ms);
        while let Some(&(visible_ms, number)) = self.waiting.first() {
            if visible_ms > self.now_ms {
                break;
            }
            self.waiting.pop_first();
            self.ready.insert(number);
            let Some(entry) = self.entries.get(&number) else { continue };
            let was_out = entry.nonce != 0;
            self.in_flight -= usize::from(was_out);
            if let Some(group) = self.group_of(entry) {
                if let Some(held) = self.groups.get_mut(&group) {
                    held.in_flight -= usize::from(was_out);
                }
                self.reopen(&group);
            }
        }
    }

    /// What a receive of at most `max` messages gets now. Messages received `receives_max` times in this queue are told apart, and as
    /// many of them as of the others.
    pub fn pick(&self, max: usize, receives_max: Option<u32>) -> Picked {
        let mut picked = Picked::default();
        let mut pick = |number: u64| {
            let Some(entry) = self.entries.get(&number) else { return true };
            let is_dead = receives_max.is_some_and(|most| entry.count - entry.count_before >= most);
            let list = if is_dead { &mut picked.dead } else { &mut picked.live };
            if list.len() == max {
                return false;
            }
            list.push(number);
            true
        };
        if self.is_fifo {
            'all: for name in self.open_groups.values() {
                let numbers = self.groups.get(name).into_iter().flat_map(|group| &group.numbers);
                for number in numbers.take_while(|number| self.ready.contains(number)) {
                    if !pick(*number) {
                        break 'all;
                    }
                }
            }
        } else {
            for number in &self.ready {
                if !pick(*number) {
                    break;
                }
            }
        }
        picked
    }

    /// The message as it is once it was received.
    pub fn received(&self, number: u64, visible_ms: i64, nonce: u64) -> Option<Entry> {
        let mut entry = self.entries.get(&number)?.clone();
        entry.count = entry.count.saturating_add(1);
        entry.visible_ms = visible_ms;
        entry.nonce = nonce;
        if entry.first_ms == 0 {
            entry.first_ms = self.now_ms;
        }
        Some(entry)
    }

    /// Whether a message was received and is out.
    pub fn is_in_flight(&self, number: u64) -> bool {
        self.entries.get(&number).is_some_and(|entry| entry.nonce != 0 && entry.visible_ms > self.now_ms)
    }

    /// The oldest messages that were sent before a moment.
    pub fn sent_before(&self, moment_ms: i64, max: usize) -> Vec<u64> {
        self.by_age
            .iter()
            .take_while(|(sent_ms, _)| *sent_ms < moment_ms)
            .take(max)
            .map(|(_, number)| *number)
            .collect()
    }

    /// When the next message becomes visible by itself.
    pub fn next_due_ms(&self) -> Option<i64> {
        self.waiting.first().map(|(visible_ms, _)| *visible_ms)
    }

    /// When the oldest message was sent that is not received again and again. Source: SQS developer guide, "Available CloudWatch metrics for
    /// Amazon SQS": one received more than three times is passed over.
    pub fn oldest_ms(&self) -> Option<i64> {
        let again = |number: &u64| self.entries.get(number).is_some_and(|entry| entry.count > RECEIVED_AGAIN);
        let mut by_age = self.by_age.iter();
        by_age.find(|(_, number)| self.is_fifo || !again(number)).map(|(sent_ms, _)| *sent_ms)
    }

    /// FIFO: groups of which something is out.
    pub fn groups_in_flight(&self) -> usize {
        self.groups.values().filter(|group| group.in_flight > 0).count()
    }

    /// See [`Counts`].
    pub fn counts(&self) -> Counts {
        Counts { visible: self.ready.len(), in_flight: self.in_flight, delayed: self.waiting.len() - self.in_flight }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, said so that it is seen to be right: one list, looked through from the start each time.
    #[derive(Default)]
    struct Obvious {
        is_fifo: bool,
        now_ms: i64,
        list: Vec<(u64, Entry)>,
    }

    impl Obvious {
        fn is_out(&self, entry: &Entry) -> bool {
            entry.nonce != 0 && entry.visible_ms > self.now_ms
        }

        fn pick(&self, max: usize, receives_max: Option<u32>) -> Picked {
            let mut sorted = self.list.clone();
            sorted.sort_by_key(|(number, _)| *number);
            let mut may: Vec<(u64, Entry)> = Vec::new();
            if self.is_fifo {
                let mut seen: Vec<Arc<str>> = Vec::new();
                for (_, entry) in &sorted {
                    let group = entry.group.clone().unwrap();
                    if !seen.contains(&group) {
                        seen.push(group);
                    }
                }
                for group in seen {
                    let of_group: Vec<_> =
                        sorted.iter().filter(|(_, entry)| entry.group.as_ref() == Some(&group)).cloned().collect();
                    if of_group.iter().any(|(_, entry)| self.is_out(entry)) {
                        continue;
                    }
                    may.extend(of_group.into_iter().take_while(|(_, entry)| entry.visible_ms <= self.now_ms));
                }
            } else {
                may.extend(sorted.into_iter().filter(|(_, entry)| entry.visible_ms <= self.now_ms));
            }
            let mut picked = Picked::default();
            for (number, entry) in may {
                let is_dead = receives_max.is_some_and(|most| entry.count - entry.count_before >= most);
                let list = if is_dead { &mut picked.dead } else { &mut picked.live };
                if list.len() == max {
                    break;
                }
                list.push(number);
            }
            picked
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Send { group: u8, delay_ms: i64 },
        Receive { max: usize, visibility_ms: i64, receives_max: Option<u32> },
        Delete { nth: usize },
        Change { nth: usize, visibility_ms: i64 },
        Pass { ms: i64 },
        Expire { age_ms: i64 },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0u8..3, prop_oneof![3 => Just(0i64), 1 => 1i64..30]).prop_map(|(group, delay_ms)| Step::Send { group, delay_ms }),
            4 => (1usize..4, 0i64..20, prop::option::of(1u32..4))
                .prop_map(|(max, visibility_ms, receives_max)| Step::Receive { max, visibility_ms, receives_max }),
            2 => (0usize..20).prop_map(|nth| Step::Delete { nth }),
            1 => (0usize..20, 0i64..20).prop_map(|(nth, visibility_ms)| Step::Change { nth, visibility_ms }),
            3 => (0i64..15).prop_map(|ms| Step::Pass { ms }),
            1 => (10i64..100).prop_map(|age_ms| Step::Expire { age_ms }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn it_does_what_the_obvious_one_does(is_fifo: bool, steps in prop::collection::vec(step(), 0..60)) {
            let mut shelf = Shelf::new(is_fifo);
            let mut obvious = Obvious { is_fifo, ..Obvious::default() };
            let mut next = 1;
            for step in steps {
                match step {
                    Step::Send { group, delay_ms } => {
                        let entry = Entry {
                            sent_ms: obvious.now_ms, visible_ms: obvious.now_ms + delay_ms, count: 0, count_before: 0,
                            first_ms: 0, nonce: 0, group: Some(Arc::from(group.to_string())),
                        };
                        shelf.put(next, entry.clone());
                        obvious.list.push((next, entry));
                        next += 1;
                    }
                    Step::Receive { max, visibility_ms, receives_max } => {
                        let picked = shelf.pick(max, receives_max);
                        prop_assert_eq!(&picked, &obvious.pick(max, receives_max));
                        for number in picked.dead {
                            shelf.remove(number);
                            obvious.list.retain(|(own, _)| *own != number);
                        }
                        for number in picked.live {
                            let entry = shelf.received(number, obvious.now_ms + visibility_ms, next).unwrap();
                            shelf.put(number, entry.clone());
                            obvious.list.iter_mut().find(|(own, _)| *own == number).unwrap().1 = entry;
                        }
                    }
                    Step::Delete { nth } if !obvious.list.is_empty() => {
                        let (number, entry) = obvious.list.remove(nth % obvious.list.len());
                        prop_assert_eq!(shelf.remove(number), Some(entry));
                    }
                    Step::Change { nth, visibility_ms } if !obvious.list.is_empty() => {
                        let nth = nth % obvious.list.len();
                        obvious.list[nth].1.visible_ms = obvious.now_ms + visibility_ms;
                        shelf.put(obvious.list[nth].0, obvious.list[nth].1.clone());
                    }
                    Step::Delete { .. } | Step::Change { .. } => {}
                    Step::Pass { ms } => {
                        obvious.now_ms += ms;
                        shelf.advance(obvious.now_ms);
                    }
                    Step::Expire { age_ms } => {
                        let before = obvious.now_ms - age_ms;
                        let mut old: Vec<_> = obvious.list.iter().filter(|(_, entry)| entry.sent_ms < before).collect();
                        old.sort_by_key(|(number, entry)| (entry.sent_ms, *number));
                        let old: Vec<u64> = old.into_iter().map(|(number, _)| *number).collect();
                        prop_assert_eq!(&shelf.sent_before(before, 1000), &old);
                        for number in old {
                            shelf.remove(number);
                            obvious.list.retain(|(own, _)| *own != number);
                        }
                    }
                }
                let all = obvious.list.iter();
                let expected = Counts {
                    visible: all.clone().filter(|(_, entry)| entry.visible_ms <= obvious.now_ms).count(),
                    in_flight: all.clone().filter(|(_, entry)| obvious.is_out(entry)).count(),
                    delayed: all.filter(|(_, entry)| entry.visible_ms > obvious.now_ms && entry.nonce == 0).count(),
                };
                prop_assert_eq!((shelf.counts(), shelf.len()), (expected, obvious.list.len()));
            }
        }
    }
}
