//! A whole Cairn in a simulated world: the real node, with clients that speak real HTTP and sign for real, on a clock, a disk, tables,
//! an object store and a network that follow from one seed. Power fails at any access to storage; disks lie, fill up and fail; clients
//! go away. The same seed gives the same bytes.
//!
//! What must hold, whatever happens. A failure names the number:
//!
//! | | |
//! |---|---|
//! | I1 | An answered call has exactly one record, with its name, its caller and its outcome. A call whose answer was lost has at most one. There is no record of a call that was not sent, and no event twice. |
//! | I2 | A record is in exactly one log file of each trail that selects it, in none of a trail that does not, and never twice in a file. |
//! | I3 | A log file of a validated trail is in exactly one digest. Digests are signed, hashes are right, each links to the one before, and no time is left out. |
//! | I4 | A cursor passes no record that is not dealt with, and the journal is never trimmed past what is needed. |
//! | I5 | No answer leaves before its record is durable, and nothing that was durable changes or goes. |
//! | I6 | A denied call changes nothing. |
//! | I7 | What was acknowledged is there after a crash; what was not is whole or not there. |
//! | I8 | Once the faults end, everything is delivered and cleared away within bounds. |
//! | I9 | The built-in event store has every record once, byte for byte, as soon as it says so, and nothing else. |
//! | I10 | An event data store has each record that it selects and each that was imported into it once, byte for byte, none that is too old, and nothing else. An import comes to its end and counts its files right. |
//!
//! Nothing here is part of the shipped program, and nothing here reads the real clock, disk or network.

mod admin;
mod archive;
mod chains;
mod chance;
mod client;
mod clock;
mod day;
mod disk;
mod ending;
mod events;
mod faults;
mod files;
mod http;
mod keeper;
mod log;
mod model;
mod oracle;
mod plants;
mod setup;
mod signing_key;
mod store;
mod tables;
mod trace;
mod weather;
mod witness;
mod world;
mod writer;

use std::fmt;

pub use day::day;
pub use plants::{PLANTS, Plant};
pub use world::run;

/// What a world is made of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Everything follows from it.
    pub seed: u64,
    /// A bug to be planted.
    pub plant: Option<Plant>,
    /// Whether every event is printed as it happens.
    pub echo: bool,
}

/// What a world came to that held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Calls that were sent.
    pub calls: usize,
    /// How often the server was started.
    pub starts: u64,
    /// Accesses to storage.
    pub accesses: u64,
    /// How many of them, or of their like, failed.
    pub failures: u64,
    /// Log files at the end.
    pub files: usize,
    /// Digests at the end.
    pub digests: usize,
    /// How much time passed in the world.
    pub virtual_secs: u64,
    /// Over everything that happened and every byte that was left.
    pub hash_hex: String,
}

/// An invariant that did not hold.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The world's seed.
    pub seed: u64,
    /// Which one: see the table above.
    pub invariant: u8,
    /// What was seen and what was expected.
    pub what: String,
    /// The last events.
    pub last: Vec<String>,
}

impl Violation {
    /// The world of this seed ended in a panic.
    pub fn panicked(seed: u64) -> Violation {
        Violation { seed, invariant: 0, what: "the simulator panicked".to_owned(), last: Vec::new() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: invariant I{} does not hold", self.seed, self.invariant)?;
        writeln!(f, "  {}", self.what)?;
        writeln!(f, "  the last events:")?;
        self.last.iter().try_for_each(|line| writeln!(f, "  {line}"))
    }
}

impl std::error::Error for Violation {}

/// The world is at its end: whoever works in it stops.
#[derive(Debug)]
pub(crate) struct Stopped;
