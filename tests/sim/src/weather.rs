//! What comes and goes while a server runs: storages that fail, fill up or take their time, and a clock that is set.

use std::sync::Arc;
use std::time::Duration;

use journal::faulty_disk::FaultyDisk;

use crate::chance::Chance;
use crate::faults::{Faults, Mood};
use crate::witness::Witness;

/// The farthest that the clock is set back or forth at a time.
const JUMP_MS_MAX: u64 = 1_800_000;

/// See the module.
pub(crate) struct Weather {
    pub(crate) disk: FaultyDisk,
    pub(crate) faults: Arc<Faults>,
    pub(crate) witness: Arc<Witness>,
    pub(crate) chance: Chance,
}

impl Weather {
    /// Goes on until it is dropped.
    pub(crate) async fn run(self: Arc<Self>) {
        loop {
            tokio::time::sleep(Duration::from_millis(self.chance.between(500, 60_000))).await;
            let lasts = Duration::from_millis(self.chance.between(200, 40_000));
            self.change();
            tokio::time::sleep(lasts).await;
            self.clear();
        }
    }

    /// Everything is as it should be.
    pub(crate) fn clear(&self) {
        self.faults.calm();
        self.disk.fail_writes(0);
        self.disk.fail_syncs(0);
        self.disk.set_capacity(None);
        self.witness.note("the weather is fine");
    }

    fn change(&self) {
        let chance = &self.chance;
        let few = u32::try_from(chance.between(1, 4)).unwrap_or(1);
        let mood = *chance.pick(&[Mood::Slow, Mood::Full, Mood::Flaky, Mood::Gone]);
        match chance.below(10) {
            0 | 1 => {
                self.witness.note(&format!("the next {few} syncs fail"));
                self.disk.fail_syncs(few);
            }
            2 => {
                self.witness.note(&format!("the next {few} writes fail"));
                self.disk.fail_writes(few);
            }
            3 => {
                self.witness.note("the disk is full");
                self.disk.set_capacity(Some(self.disk.used_bytes() + chance.below(2_000)));
            }
            4 => {
                self.witness.note("the disk is slow");
                self.faults.set_disk_slow(true);
            }
            5 | 6 => {
                self.witness.note(&format!("the tables are {mood:?}"));
                self.faults.set_tables(mood);
            }
            7 | 8 => {
                self.witness.note(&format!("the objects are {mood:?}"));
                self.faults.set_objects(mood);
            }
            _ => {
                let ms = i64::try_from(chance.below(JUMP_MS_MAX)).unwrap_or(0);
                let ms = if chance.one_in(2) { -ms } else { ms };
                self.witness.note(&format!("the clock jumps by {ms} ms"));
                self.witness.clock.jump(ms);
            }
        }
    }
}
