//! Bugs that can be planted, to show that the invariants would catch them. They live in the simulated storages and in nothing that is
//! shipped.

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// A FINISH is written twice.
    RecordTwice,
    /// A FINISH is acknowledged and never written.
    RecordLost,
    /// A cut is committed without the cursor that belongs to it.
    CursorLost,
    /// A log file is delivered under two names.
    FileTwice,
    /// A log file is forgotten between its bucket and its digest.
    DigestRowLost,
    /// A cursor moves on without the log files before it.
    OutboxLost,
    /// The journal is trimmed further than it was asked for.
    TrimTooFar,
    /// A sync of the disk returns before anything is synced.
    SyncLies,
    /// A user without policies is let do everything after a restart.
    DoorOpen,
    /// A finished write of an object is acknowledged and lost.
    WriteLost,
    /// A commit of S3's tables is acknowledged and lost.
    CommitLost,
    /// What is deleted stays.
    DeleteLost,
    /// The tables take no more deliveries, though all else goes on.
    DeliveryStuck,
    /// A seal of the event stores is committed without its part.
    EventsLost,
    /// Parts that were merged stay beside the new one.
    EventsTwice,
    /// Parts that were merged go, and the new one does not come.
    MergeLost,
    /// What an import appends is acknowledged and lost: its files count as imported before their records are stored.
    ImportLost,
    /// A part goes as soon as its first record is too old, not its last.
    RetentionEarly,
}

/// All of them: the name, the invariants that may find it first, and the bug.
pub const PLANTS: [(&str, &[u8], Plant); 18] = [
    ("record-twice", &[1], Plant::RecordTwice),
    ("record-lost", &[1, 5], Plant::RecordLost),
    ("cursor-lost", &[2, 4], Plant::CursorLost),
    ("file-twice", &[2], Plant::FileTwice),
    ("digest-row-lost", &[3], Plant::DigestRowLost),
    ("outbox-lost", &[4], Plant::OutboxLost),
    ("trim-too-far", &[4], Plant::TrimTooFar),
    ("sync-lies", &[5], Plant::SyncLies),
    ("door-open", &[6], Plant::DoorOpen),
    ("write-lost", &[3, 7, 8], Plant::WriteLost),
    ("commit-lost", &[3, 7], Plant::CommitLost),
    ("delete-lost", &[8], Plant::DeleteLost),
    ("delivery-stuck", &[8], Plant::DeliveryStuck),
    ("events-lost", &[4], Plant::EventsLost),
    ("events-twice", &[9, 10], Plant::EventsTwice),
    ("merge-lost", &[8, 9, 10], Plant::MergeLost),
    ("import-lost", &[10], Plant::ImportLost),
    ("retention-early", &[10], Plant::RetentionEarly),
];

impl Plant {
    /// The plant of this name.
    pub fn named(name: &str) -> Option<Plant> {
        PLANTS.iter().find(|(known, _, _)| *known == name).map(|(_, _, plant)| *plant)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        PLANTS.iter().find(|(_, _, plant)| *plant == self).map_or("", |(name, _, _)| name)
    }
}
