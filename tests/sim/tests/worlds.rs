//! Some worlds hold, each is the same twice, those that once failed hold now, and every bug that can be planted is found.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use sim::{PLANTS, Plant, Settings, Violation};

/// Seeds whose worlds failed once, a line each: the seed, a space, what it found.
const ONCE_FAILED: &str = include_str!("../seeds.txt");
/// A planted bug is to be found among so many seeds.
const SEEDS_TO_FIND: u64 = 40;

fn world(seed: u64, plant: Option<Plant>) -> Result<sim::Summary, Box<Violation>> {
    sim::run(Settings { seed, plant, echo: false })
}

/// Does `work` for each item, on as many threads as there are processors.
fn spread<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(item)
                }
            });
        }
    });
}

fn all_hold(seeds: &[u64]) {
    let violations = Mutex::new(Vec::new());
    spread(seeds, |seed| {
        if let Err(violation) = world(*seed, None) {
            violations.lock().unwrap().push(violation.to_string());
        }
    });
    let violations = violations.into_inner().unwrap();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn the_first_worlds_hold() {
    all_hold(&(0..20).collect::<Vec<u64>>());
}

#[test]
fn worlds_that_once_failed_hold() {
    let seeds: Vec<u64> = ONCE_FAILED
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(' ').next()?.parse().ok())
        .collect();
    assert!(!seeds.is_empty());
    all_hold(&seeds);
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_gives_others() {
    let once = world(3, None).unwrap();
    assert_eq!(once, world(3, None).unwrap());
    assert_ne!(once.hash_hex, world(4, None).unwrap().hash_hex);
}

#[test]
fn every_planted_bug_is_found_by_the_invariant_that_it_violates() {
    let problems = Mutex::new(Vec::new());
    spread(&PLANTS, |(name, invariants, plant)| {
        let found = (0..SEEDS_TO_FIND).find_map(|seed| world(seed, Some(*plant)).err());
        match found {
            Some(violation) if invariants.contains(&violation.invariant) => {}
            other => problems.lock().unwrap().push(format!("{name}: {other:?}")),
        }
    });
    let problems = problems.into_inner().unwrap();
    assert!(problems.is_empty(), "{problems:#?}");
    let invariants = PLANTS.iter().flat_map(|(_, invariants, _)| invariants.iter().copied());
    assert_eq!(invariants.collect::<std::collections::BTreeSet<u8>>(), (1..=10).collect());
}
