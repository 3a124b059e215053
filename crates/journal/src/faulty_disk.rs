//! A disk in memory that loses what was not synced, tears writes, fills up, fails, and dies at a chosen moment. For tests.
//!
//! It is as unkind as real ones: after a failed sync the pages count as written though some are not on the disk, and reading
//! them may give the old bytes or the new.

mod durable;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::Timestamp;
use base::env::{Clock, Disk, DiskFile, Env, Rng, Stat};

pub use durable::DurableDisk;

/// What a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;

/// The disk. Clones are the same disk.
#[derive(Clone)]
pub struct FaultyDisk(Arc<Mutex<World>>);

struct World {
    inodes: Vec<Inode>,
    folders: BTreeSet<PathBuf>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    name_changes: Vec<NameChange>,
    /// Files opened before the last restart are of no use.
    generation: u64,
    dead: bool,
    chance: Chance,
    capacity_bytes: Option<u64>,
    fail_writes: u32,
    fail_syncs: u32,
    /// Changes until the power goes.
    die_after: Option<u64>,
    syncs: u64,
}

#[derive(Default)]
struct Inode {
    /// What the running system sees.
    seen: Vec<u8>,
    /// What is on the disk for certain.
    durable: Vec<u8>,
    changes: Vec<Change>,
    /// Each open file holds a clone.
    handles: Arc<()>,
}

enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Len(usize),
}

enum NameChange {
    Link(PathBuf, usize),
    Rename(PathBuf, PathBuf, usize),
    Remove(PathBuf),
}

impl FaultyDisk {
    /// An empty disk without faults. `seed` decides what is lost, torn and mistaken.
    pub fn new(seed: u64) -> FaultyDisk {
        FaultyDisk(Arc::new(Mutex::new(World {
            inodes: Vec::new(),
            folders: BTreeSet::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            name_changes: Vec::new(),
            generation: 0,
            dead: false,
            chance: Chance(seed),
            capacity_bytes: None,
            fail_writes: 0,
            fail_syncs: 0,
            die_after: None,
            syncs: 0,
        })))
    }

    /// An environment with this disk, a clock that stands still, and random numbers from a seed.
    pub fn env(&self) -> Env {
        let chance = Chance(self.world().chance.next());
        Env {
            clock: Arc::new(StoppedClock),
            rng: Arc::new(SeededRng(Mutex::new(chance))),
            disk: Arc::new(self.clone()),
        }
    }

    /// Room for all files together; `None` for no limit. What is already there stays.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.world().capacity_bytes = bytes;
    }

    /// Length of all files together.
    pub fn used_bytes(&self) -> u64 {
        self.world().used()
    }

    /// Lets the next `count` writes fail, each after a part of it was done.
    pub fn fail_writes(&self, count: u32) {
        self.world().fail_writes = count;
    }

    /// Lets the next `count` syncs fail.
    pub fn fail_syncs(&self, count: u32) {
        self.world().fail_syncs = count;
    }

    /// Lets the power go at the change (write, length, name or sync) after the next `changes`. [`FaultyDisk::crash`] restores
    /// it; so does [`FaultyDisk::kill`], as if only the process had died at that moment.
    pub fn die_after(&self, changes: u64) {
        self.world().die_after = Some(changes);
    }

    /// Successful syncs of files and folders so far.
    pub fn syncs(&self) -> u64 {
        self.world().syncs
    }

    /// The process dies: files are closed, what the system holds in memory stays. Faults that were asked for are over.
    pub fn kill(&self) {
        self.world().restart();
    }

    /// The power fails and comes back: of what was not synced, any part may be there. Faults that were asked for are over.
    pub fn crash(&self) {
        let mut world = self.world();
        let World { inodes, chance, .. } = &mut *world;
        for inode in inodes {
            inode.settle(chance);
            inode.seen = inode.durable.clone();
        }
        world.settle_names();
        world.names = world.durable_names.clone();
        world.restart();
    }

    /// A file's bytes as the running system sees them.
    pub fn bytes(&self, path: &Path) -> Option<Vec<u8>> {
        let world = self.world();
        world.names.get(path).map(|inode| world.inodes[*inode].seen.clone())
    }

    /// Puts a durable file there, for a test that damages one.
    pub fn put(&self, path: &Path, bytes: Vec<u8>) {
        let mut world = self.world();
        let inode = world.inodes.len();
        world.inodes.push(Inode { seen: bytes.clone(), durable: bytes, ..Inode::default() });
        world.names.insert(path.to_path_buf(), inode);
        world.durable_names.insert(path.to_path_buf(), inode);
        world.folders.extend(path.ancestors().skip(1).map(Path::to_path_buf));
    }

    /// What would certainly be there if the power failed now, to be read.
    pub fn durable(&self) -> DurableDisk {
        DurableDisk::new(self.clone())
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    fn restart(&mut self) {
        self.generation += 1;
        self.dead = false;
        self.fail_writes = 0;
        self.fail_syncs = 0;
        self.die_after = None;
    }

    fn used(&self) -> u64 {
        self.names.values().map(|inode| u64::try_from(self.inodes[*inode].seen.len()).unwrap_or(u64::MAX)).sum()
    }

    /// Before every call.
    fn alive(&self) -> io::Result<()> {
        if self.dead { Err(io::Error::other("the power is off")) } else { Ok(()) }
    }

    /// Before every call that changes something.
    fn change(&mut self) -> io::Result<()> {
        if let Some(left) = self.die_after {
            self.die_after = left.checked_sub(1);
            self.dead |= left == 0;
        }
        self.alive()
    }

    fn settle_names(&mut self) {
        let keep_all_before = self.chance.one_in(2).then(|| self.chance.below(self.name_changes.len() + 1));
        for (index, change) in std::mem::take(&mut self.name_changes).into_iter().enumerate() {
            let keep = keep_all_before.map_or_else(|| self.chance.one_in(2), |count| index < count);
            if keep {
                change.apply(&mut self.durable_names);
            }
        }
    }

    /// Gives up the bytes of files that no name leads to and nobody has open. The names are durable.
    fn forget_removed(&mut self) {
        let named: BTreeSet<usize> = self.names.values().copied().collect();
        for (at, inode) in self.inodes.iter_mut().enumerate() {
            if Arc::strong_count(&inode.handles) == 1 && !named.contains(&at) {
                *inode = Inode::default();
            }
        }
    }

    fn failing_sync(&mut self) -> bool {
        let fails = self.fail_syncs > 0;
        self.fail_syncs = self.fail_syncs.saturating_sub(1);
        fails
    }
}

impl NameChange {
    fn apply(self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            NameChange::Link(path, inode) => {
                names.insert(path, inode);
            }
            NameChange::Rename(from, to, inode) => {
                names.remove(&from);
                names.insert(to, inode);
            }
            NameChange::Remove(path) => {
                names.remove(&path);
            }
        }
    }
}

impl Inode {
    /// Some of the changes reach the disk, the others never will.
    fn settle(&mut self, chance: &mut Chance) {
        let mode = chance.below(4);
        for change in std::mem::take(&mut self.changes) {
            match change {
                Change::Len(len) if mode == 0 || mode != 1 && chance.one_in(2) => self.durable.resize(len, 0),
                Change::Len(_) => {}
                Change::Write { at, bytes } => match if mode < 2 { mode } else { chance.below(4) } {
                    0 => overwrite(&mut self.durable, at, &bytes),
                    1 => {}
                    _ => tear(&mut self.durable, at, &bytes, chance),
                },
            }
        }
    }
}

/// Writes some of the sectors.
fn tear(durable: &mut Vec<u8>, at: usize, bytes: &[u8], chance: &mut Chance) {
    let mut from = 0;
    while from < bytes.len() {
        let in_sector = SECTOR_BYTES - (at + from) % SECTOR_BYTES;
        let to = (from + in_sector).min(bytes.len());
        if chance.one_in(2) {
            overwrite(durable, at + from, &bytes[from..to]);
        }
        from = to;
    }
}

fn overwrite(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[at..end].copy_from_slice(bytes);
}

impl Disk for FaultyDisk {
    fn open(&self, path: &Path, create: bool) -> io::Result<Box<dyn DiskFile>> {
        let mut world = self.world();
        world.alive()?;
        let inode = match world.names.get(path) {
            Some(inode) => *inode,
            None if create => {
                world.change()?;
                let inode = world.inodes.len();
                world.inodes.push(Inode::default());
                world.names.insert(path.to_path_buf(), inode);
                world.name_changes.push(NameChange::Link(path.to_path_buf(), inode));
                inode
            }
            None => return Err(io::ErrorKind::NotFound.into()),
        };
        let _handle = Arc::clone(&world.inodes[inode].handles);
        Ok(Box::new(FaultyFile { disk: self.clone(), _handle, inode, generation: world.generation }))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let world = self.world();
        world.alive()?;
        if !world.folders.contains(folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inside = world.names.keys().filter(|path| path.parent() == Some(folder));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }

    fn create_dir_all(&self, folder: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.alive()?;
        world.folders.extend(folder.ancestors().map(Path::to_path_buf));
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.change()?;
        let inode = world.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        world.names.insert(to.to_path_buf(), inode);
        world.name_changes.push(NameChange::Rename(from.to_path_buf(), to.to_path_buf(), inode));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.change()?;
        world.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
        world.name_changes.push(NameChange::Remove(path.to_path_buf()));
        Ok(())
    }

    fn remove_dir(&self, folder: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.change()?;
        world.folders.remove(folder);
        Ok(())
    }

    fn sync_dir(&self, _folder: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.change()?;
        if world.failing_sync() {
            world.settle_names();
            return Err(io::Error::other("the folder could not be synced"));
        }
        world.syncs += 1;
        world.name_changes.clear();
        world.durable_names = world.names.clone();
        world.forget_removed();
        Ok(())
    }

    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        let world = self.world();
        world.alive()?;
        let file = world.names.get(path).map(|inode| world.inodes[*inode].seen.len());
        let file = file.map(|len| Stat::File(u64::try_from(len).unwrap_or(u64::MAX)));
        Ok(file.or_else(|| world.folders.contains(path).then_some(Stat::Dir)))
    }
}

struct FaultyFile {
    disk: FaultyDisk,
    _handle: Arc<()>,
    inode: usize,
    generation: u64,
}

impl FaultyFile {
    fn world(&self) -> io::Result<MutexGuard<'_, World>> {
        let world = self.disk.world();
        if world.generation != self.generation {
            return Err(io::Error::other("the file was opened before the restart"));
        }
        world.alive()?;
        Ok(world)
    }
}

impl DiskFile for FaultyFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let world = self.world()?;
        let seen = &world.inodes[self.inode].seen;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(seen.len());
        let count = buf.len().min(seen.len() - from);
        buf[..count].copy_from_slice(&seen[from..from + count]);
        Ok(count)
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        let mut world = self.world()?;
        world.change()?;
        let at = usize::try_from(offset).map_err(io::Error::other)?;
        let mut count = buf.len();
        let mut outcome = Ok(());
        if world.fail_writes > 0 {
            world.fail_writes -= 1;
            count = world.chance.below(count + 1);
            outcome = Err(io::Error::other("the write failed"));
        } else if let Some(capacity) = world.capacity_bytes {
            let len = world.inodes[self.inode].seen.len();
            let room = usize::try_from(capacity.saturating_sub(world.used())).unwrap_or(usize::MAX);
            let fits = len.saturating_add(room).saturating_sub(at);
            if fits < count {
                count = fits;
                outcome = Err(io::ErrorKind::StorageFull.into());
            }
        }
        if count > 0 {
            let inode = &mut world.inodes[self.inode];
            overwrite(&mut inode.seen, at, &buf[..count]);
            inode.changes.push(Change::Write { at, bytes: buf[..count].to_vec() });
        }
        outcome
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut world = self.world()?;
        world.change()?;
        let fails = world.failing_sync();
        let World { inodes, chance, syncs, .. } = &mut *world;
        let inode = &mut inodes[self.inode];
        if fails {
            inode.settle(chance);
            if chance.one_in(2) {
                let len = inode.seen.len();
                inode.seen = inode.durable.clone();
                inode.seen.resize(len, 0);
            }
            return Err(io::Error::other("the sync failed"));
        }
        *syncs += 1;
        // Only what changed since the last sync: pages that a failed sync called written are not written again.
        for change in std::mem::take(&mut inode.changes) {
            match change {
                Change::Write { at, bytes } => overwrite(&mut inode.durable, at, &bytes),
                Change::Len(len) => inode.durable.resize(len, 0),
            }
        }
        Ok(())
    }

    fn set_len(&self, len_bytes: u64) -> io::Result<()> {
        let mut world = self.world()?;
        world.change()?;
        let len = usize::try_from(len_bytes).map_err(io::Error::other)?;
        let inode = &mut world.inodes[self.inode];
        inode.seen.resize(len, 0);
        inode.changes.push(Change::Len(len));
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        let world = self.world()?;
        u64::try_from(world.inodes[self.inode].seen.len()).map_err(io::Error::other)
    }
}

/// SplitMix64: small, and the same everywhere.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.next() % end).expect("smaller than a usize")
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(0)
    }

    fn monotonic_ms(&self) -> u64 {
        0
    }
}

struct SeededRng(Mutex<Chance>);

impl Rng for SeededRng {
    fn fill(&self, bytes: &mut [u8]) {
        let mut chance = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&chance.next().to_le_bytes()[..chunk.len()]);
        }
    }
}
