//! What goes wrong, and when: each access to storage is counted, one of them is the last before a crash, and between crashes there
//! is weather. Nothing here does anything by itself; the simulated storages ask.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::chance::Chance;

/// How a storage behaves for a while.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    /// As it should.
    #[default]
    Good,
    /// It takes seconds for what takes milliseconds.
    Slow,
    /// It refuses to take more.
    Full,
    /// One access in four fails; a change that fails may have been made.
    Flaky,
    /// Every access fails, and changes nothing.
    Gone,
}

/// What a storage is to do with an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Do it.
    Go,
    /// Do nothing and say that there is no room.
    Full,
    /// Do nothing and fail.
    Fail,
    /// Do it and fail all the same.
    DoAndFail,
}

/// See the module.
pub(crate) struct Faults {
    chance: Chance,
    accesses: AtomicU64,
    /// The access at which the power goes; 0 for none.
    crash_at: AtomicU64,
    dead: AtomicBool,
    died: Notify,
    /// How often the disk has failed.
    disk_failures: AtomicU64,
    /// How often anything has failed.
    failures: AtomicU64,
    moods: Mutex<Moods>,
}

#[derive(Default)]
struct Moods {
    tables: Mood,
    objects: Mood,
    disk_slow: bool,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Faults {
        Faults {
            chance: Chance::part(seed, "faults"),
            accesses: AtomicU64::new(0),
            crash_at: AtomicU64::new(0),
            dead: AtomicBool::new(false),
            died: Notify::new(),
            disk_failures: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            moods: Mutex::default(),
        }
    }

    /// An access to some storage. False if there is none any more.
    pub(crate) fn access(&self) -> bool {
        let at = self.accesses.fetch_add(1, Ordering::SeqCst) + 1;
        if at == self.crash_at.load(Ordering::SeqCst) {
            self.kill();
        }
        !self.is_dead()
    }

    /// How many accesses there were.
    pub(crate) fn accesses(&self) -> u64 {
        self.accesses.load(Ordering::SeqCst)
    }

    /// The power goes at the access after `count` more; `None`: it stays.
    pub(crate) fn crash_after(&self, count: Option<u64>) {
        let at = count.map_or(0, |count| self.accesses() + count + 1);
        self.crash_at.store(at, Ordering::SeqCst);
    }

    /// From here on nothing is read or written.
    pub(crate) fn kill(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.died.notify_one();
    }

    /// The machine starts again.
    pub(crate) fn revive(&self) {
        self.dead.store(false, Ordering::SeqCst);
        self.crash_at.store(0, Ordering::SeqCst);
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// Completes when the power is gone.
    pub(crate) async fn death(&self) {
        while !self.is_dead() {
            self.died.notified().await;
        }
    }

    /// All storages behave as they should.
    pub(crate) fn calm(&self) {
        *self.moods() = Moods::default();
    }

    pub(crate) fn set_tables(&self, mood: Mood) {
        self.moods().tables = mood;
    }

    pub(crate) fn set_objects(&self, mood: Mood) {
        self.moods().objects = mood;
    }

    pub(crate) fn set_disk_slow(&self, slow: bool) {
        self.moods().disk_slow = slow;
    }

    /// What becomes of an access to the tables.
    pub(crate) fn of_tables(&self, writes: bool) -> Fate {
        let mood = self.moods().tables;
        self.fate(mood, writes)
    }

    /// What becomes of an access to objects.
    pub(crate) fn of_objects(&self, writes: bool) -> Fate {
        let mood = self.moods().objects;
        self.fate(mood, writes)
    }

    fn fate(&self, mood: Mood, writes: bool) -> Fate {
        let fate = match mood {
            Mood::Full if writes => Fate::Full,
            Mood::Gone => Fate::Fail,
            Mood::Flaky if self.chance.one_in(4) => match writes && self.chance.one_in(2) {
                true => Fate::DoAndFail,
                false => Fate::Fail,
            },
            _ => Fate::Go,
        };
        if fate != Fate::Go {
            self.failures.fetch_add(1, Ordering::SeqCst);
        }
        fate
    }

    /// The disk has failed.
    pub(crate) fn disk_failed(&self) {
        self.disk_failures.fetch_add(1, Ordering::SeqCst);
        self.failures.fetch_add(1, Ordering::SeqCst);
    }

    /// How often the disk has failed so far.
    pub(crate) fn disk_failures(&self) -> u64 {
        self.disk_failures.load(Ordering::SeqCst)
    }

    /// How often anything has failed so far.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::SeqCst)
    }

    /// The time that a commit of the journal takes.
    pub(crate) async fn disk_time(&self) {
        let slow = self.moods().disk_slow;
        self.pause(slow).await;
    }

    /// The time that an access to the tables takes.
    pub(crate) async fn tables_time(&self) {
        let slow = self.moods().tables == Mood::Slow;
        self.pause(slow).await;
    }

    /// The time that an access to objects takes.
    pub(crate) async fn objects_time(&self) {
        let slow = self.moods().objects == Mood::Slow;
        self.pause(slow).await;
    }

    async fn pause(&self, slow: bool) {
        let ms = match self.chance.below(16) {
            0..=7 => 0,
            8..=12 => self.chance.between(1, 4),
            13..=14 => self.chance.between(4, 30),
            _ => self.chance.between(30, 300),
        };
        let ms = if slow { 200 + ms * 20 } else { ms };
        if ms > 0 {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
    }

    fn moods(&self) -> std::sync::MutexGuard<'_, Moods> {
        self.moods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
