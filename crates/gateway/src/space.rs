//! Room on the disk: calls that change something stop before the last of it is gone, so that records, deliveries and deletions
//! still have some.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Asks a file system how much room it has. The call is short; a network file system that hangs would hang calls anyway.
pub trait Space: Send + Sync + 'static {
    /// Bytes that are free for us, and the size of the whole; `None` if nobody knows.
    fn room(&self) -> Option<Room>;
}

/// The room of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes that are free for this process.
    pub free_bytes: u64,
    /// Bytes of the whole file system.
    pub total_bytes: u64,
}

/// How much of the disk is kept back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserve {
    /// So many bytes.
    Bytes(u64),
    /// So many hundredths of the file system.
    Percent(u8),
    /// [`RESERVE_BYTES`] or [`RESERVE_PERCENT`] of the file system, whichever is less.
    Usual,
}

/// The usual reserve: what a busy server writes in some seconds.
pub const RESERVE_BYTES: u64 = 512 << 20;
/// The usual reserve of a small file system.
pub const RESERVE_PERCENT: u8 = 2;

impl Reserve {
    fn bytes(self, total_bytes: u64) -> u64 {
        let percent = |percent: u8| total_bytes / 100 * u64::from(percent);
        match self {
            Reserve::Bytes(bytes) => bytes,
            Reserve::Percent(number) => percent(number),
            Reserve::Usual => RESERVE_BYTES.min(percent(RESERVE_PERCENT)),
        }
    }
}

/// The file system is asked at most this often.
const ASKED_EVERY_MS: u64 = 100;

/// Whether the reserve has been reached, remembered for a moment.
pub(crate) struct Watch {
    space: Option<Arc<dyn Space>>,
    reserve: Reserve,
    asked_ms: AtomicU64,
    is_low: AtomicBool,
}

impl Watch {
    pub(crate) fn new(space: Option<Arc<dyn Space>>, reserve: Reserve) -> Watch {
        Watch { space, reserve, asked_ms: AtomicU64::new(u64::MAX), is_low: AtomicBool::new(false) }
    }

    /// The room there is, and how much of it is reserved.
    pub(crate) fn room(&self) -> Option<(Room, u64)> {
        let room = self.space.as_ref()?.room()?;
        Some((room, self.reserve.bytes(room.total_bytes)))
    }

    /// Whether less is free than is reserved.
    pub(crate) fn is_low(&self, now_ms: u64) -> bool {
        let asked_ms = self.asked_ms.load(Ordering::Relaxed);
        let is_fresh = asked_ms != u64::MAX && now_ms.saturating_sub(asked_ms) < ASKED_EVERY_MS;
        if self.space.is_some() && !is_fresh {
            self.asked_ms.store(now_ms, Ordering::Relaxed);
            let is_low = self.room().is_some_and(|(room, reserved)| room.free_bytes < reserved);
            if self.is_low.swap(is_low, Ordering::Relaxed) != is_low {
                match is_low {
                    true => tracing::error!("the disk is nearly full: calls that change something are refused"),
                    false => tracing::info!("the disk has room again"),
                }
            }
        }
        self.is_low.load(Ordering::Relaxed)
    }
}

/// Whether an operation makes room, or ends something that takes it: such calls are let through, or nobody could clear up.
pub(crate) fn makes_room(service: &str, operation: &str) -> bool {
    service == "cairn" || ["Delete", "Abort", "Stop", "Remove", "Detach"].iter().any(|verb| operation.starts_with(verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(AtomicU64);

    impl Space for Fixed {
        fn room(&self) -> Option<Room> {
            Some(Room { free_bytes: self.0.load(Ordering::Relaxed), total_bytes: 1000 })
        }
    }

    #[test]
    fn low_is_below_the_reserve_and_is_asked_again_after_a_moment() {
        let space = Arc::new(Fixed(AtomicU64::new(100)));
        let watch = Watch::new(Some(Arc::clone(&space) as Arc<dyn Space>), Reserve::Bytes(100));
        assert!(!watch.is_low(0));
        space.0.store(99, Ordering::Relaxed);
        assert!(!watch.is_low(ASKED_EVERY_MS - 1));
        assert!(watch.is_low(ASKED_EVERY_MS));
        space.0.store(100, Ordering::Relaxed);
        assert!(!watch.is_low(2 * ASKED_EVERY_MS));
    }

    #[test]
    fn the_usual_reserve_suits_small_and_large_disks() {
        assert_eq!(Reserve::Usual.bytes(24 << 20), (24 << 20) / 100 * 2);
        assert_eq!(Reserve::Usual.bytes(1 << 40), RESERVE_BYTES);
        assert_eq!(Reserve::Percent(10).bytes(1000), 100);
        assert!(!Watch::new(None, Reserve::Usual).is_low(0));
    }
}
