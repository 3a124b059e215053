//! The log files of one account, region and day.

use base::Timestamp;
use base::time::{MINUTE_MS, SECOND_MS};
use flate2::{Compression, GzBuilder};
use record::keys::{LogKey, LogKind, Place, UNIQUE_LEN};
use sha2::{Digest as _, Sha256};
use std::io::Write;

use crate::random::{Dice, part, wide};
use crate::scene::Scene;
use crate::summary::{Summary, count};
use crate::world::{REGIONS, World};

/// No file has more records than this; AWS closes files at 50 MB.
const FILE_RECORDS_MAX: u64 = 20_000;
/// How hard files are compressed. AWS's are smaller; this is for speed.
const LEVEL: u32 = 1;

/// One account, region and day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    pub(crate) account: usize,
    pub(crate) region: usize,
    pub(crate) day: u64,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its key, in AWS's layout.
    pub key: String,
    /// Its bytes.
    pub gzip: Vec<u8>,
    /// How many records it has; a digest has none.
    pub records: u64,
    pub(crate) cell: Cell,
    pub(crate) delivered: Timestamp,
    pub(crate) oldest: Timestamp,
    pub(crate) newest: Timestamp,
    /// Of the inflated content, for digests.
    pub(crate) sha256_hex: String,
}

/// Compresses so that the same content gives the same bytes.
pub(crate) fn deflate(content: &[u8]) -> Vec<u8> {
    let out = Vec::with_capacity(content.len() / 8);
    let mut gzip = GzBuilder::new().mtime(0).operating_system(255).write(out, Compression::new(LEVEL));
    gzip.write_all(content).expect("writing into memory cannot fail");
    gzip.finish().expect("writing into memory cannot fail")
}

/// Where the files of an account are.
pub(crate) fn place(world: &World, account: usize) -> Place<'_> {
    let organization_id = world.plan.organization.as_deref();
    Place { prefix: None, organization_id, account_id: &world.accounts[account].id }
}

struct Files<'w> {
    world: &'w World,
    cell: Cell,
    seed: u64,
    content: Vec<u8>,
    records: u64,
    oldest: Timestamp,
    newest: Timestamp,
    made: u64,
    json_bytes: u64,
    gzip_bytes: u64,
}

impl Files<'_> {
    fn begin(&mut self) {
        self.content.clear();
        self.content.extend_from_slice(b"{\"Records\":[");
        self.records = 0;
    }

    /// Makes place for a record at the end of the content.
    fn next(&mut self, time: Timestamp) -> &mut Vec<u8> {
        if self.records > 0 {
            self.content.push(b',');
        } else {
            self.oldest = time;
        }
        self.newest = time;
        self.records += 1;
        &mut self.content
    }

    /// Ends a file that is delivered some minutes after its interval.
    fn end(&mut self, interval_end: Timestamp) -> File {
        self.content.extend_from_slice(b"]}");
        let seed = part(self.seed, 1_000_000 + self.made);
        let mut dice = Dice::new(seed);
        let delivered = interval_end.plus_ms(i64::try_from(1 + dice.below(5)).expect("few") * MINUTE_MS);
        let unique = base::ids::alphanumeric_from(&dice_bytes(&mut dice), UNIQUE_LEN);
        let key = LogKey {
            place: place(self.world, self.cell.account),
            kind: LogKind::Events,
            region: REGIONS[self.cell.region],
            delivered,
            unique: &unique,
        };
        let sha256_hex = match self.world.plan.digest_bucket {
            Some(_) => base::ids::hex(&Sha256::digest(&self.content)),
            None => String::new(),
        };
        let file = File {
            key: key.to_string(),
            gzip: deflate(&self.content),
            records: self.records,
            cell: self.cell,
            delivered,
            oldest: self.oldest,
            newest: self.newest,
            sha256_hex,
        };
        self.made += 1;
        self.json_bytes += wide(self.content.len());
        self.gzip_bytes += wide(file.gzip.len());
        file
    }
}

fn dice_bytes(dice: &mut Dice) -> [u8; 32] {
    let mut bytes = [0; 32];
    for chunk in bytes.chunks_exact_mut(8) {
        chunk.copy_from_slice(&dice.next().to_be_bytes());
    }
    bytes
}

/// Makes the files; see [`World::make`].
pub(crate) fn make<E>(world: &World, cell: Cell, mut each: impl FnMut(File) -> Result<(), E>) -> Result<Summary, E> {
    let (account, region) = (&world.accounts[cell.account], REGIONS[cell.region]);
    let (seed, day) = (world.seed_of(cell), world.day(cell.day));
    let mut scene = Scene::new(&world.ready, account, region);
    let mut files = Files {
        world,
        cell,
        seed,
        content: Vec::new(),
        records: 0,
        oldest: day,
        newest: day,
        made: 0,
        json_bytes: 0,
        gzip_bytes: 0,
    };
    let mut attack = world.attack.iter().filter(|record| record.cell == cell).peekable();
    let (mut first, mut last) = (None, None);
    let length_ms = i64::try_from(world.interval).expect("at most a day") * MINUTE_MS;
    for (nth, records) in world.intervals_of(cell).into_iter().enumerate() {
        let begin = day.plus_ms(i64::try_from(nth).expect("at most 288") * length_ms);
        let end = begin.plus_ms(length_ms);
        let seed = part(seed, wide(nth));
        let mut dice = Dice::new(part(seed, u64::MAX));
        let mut hours = Hours::default();
        files.begin();
        for which in 0..records {
            // One after another, each somewhere in its own part of the interval.
            let at = spread(which, records, length_ms, dice.next());
            let time = Timestamp::from_ms((begin.ms() + at) / SECOND_MS * SECOND_MS);
            while let Some(step) = attack.next_if(|step| step.time <= time) {
                step.write(files.next(step.time), &mut scene);
                hours.count(step.time);
                first = first.or(Some(step.time));
            }
            scene.record(part(seed, which), time, files.next(time));
            hours.count(time);
            (first, last) = (first.or(Some(time)), Some(time));
            if files.records >= FILE_RECORDS_MAX {
                each(files.end(end))?;
                files.begin();
            }
        }
        while let Some(step) = attack.next_if(|step| step.time < end) {
            step.write(files.next(step.time), &mut scene);
            hours.count(step.time);
            (first, last) = (first.or(Some(step.time)), Some(step.time));
        }
        hours.add_to(&mut scene.tally.summary);
        if files.records > 0 {
            each(files.end(end))?;
        }
    }
    let Scene { tally, .. } = scene;
    let mut summary = tally.finish(world.ready.iter().map(|ready| (ready.source.clone(), ready.event.name)));
    count(&mut summary.by_account, &account.id, summary.records);
    count(&mut summary.by_region, region, summary.records);
    count(&mut summary.by_day, &day.iso8601_secs()[..10], summary.records);
    summary.files = files.made;
    summary.json_bytes = files.json_bytes;
    summary.gzip_bytes = files.gzip_bytes;
    summary.first_event = first.map(Timestamp::iso8601_secs);
    summary.last_event = last.map(Timestamp::iso8601_secs);
    Ok(summary)
}

/// Where in an interval the `which`-th of some records is: later than the one before.
fn spread(which: u64, records: u64, length_ms: i64, chance: u64) -> i64 {
    let length = u128::from(length_ms.unsigned_abs());
    let fraction = (u128::from(which) << 32) + u128::from(chance >> 32);
    let at = (fraction * length / u128::from(records.max(1))) >> 32;
    i64::try_from(at).expect("it is below the interval's length")
}

/// Records per hour of the day.
#[derive(Default)]
struct Hours([u64; 24]);

impl Hours {
    fn count(&mut self, time: Timestamp) {
        self.0[usize::from(time.civil().hour)] += 1;
    }

    fn add_to(self, summary: &mut Summary) {
        for (hour, times) in self.0.into_iter().enumerate() {
            count(&mut summary.by_hour, &format!("{hour:02}"), times);
        }
    }
}
