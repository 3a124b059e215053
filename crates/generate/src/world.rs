//! The whole of what is generated: who there is, and which part of the records each account, region and day has.

use base::Timestamp;
use base::time::DAY_MS;

use crate::attack::{self, AttackRecord};
use crate::cell::{Cell, File};
use crate::digests;
use crate::events::{self, Ready};
use crate::people::Account;
use crate::random::{part, part_of_text, share, wide};
use crate::scene::busy;
use crate::summary::Summary;

/// The regions, most used first.
pub const REGIONS: [&str; 4] = ["us-east-1", "eu-central-1", "us-west-2", "ap-southeast-2"];
const REGION_WEIGHTS: [u64; 4] = [50, 27, 15, 8];
/// The most records of a world: 1.5 PB of JSON.
pub const RECORDS_MAX: u64 = 1_000_000_000_000;
/// The most days: a hundred years.
pub const DAYS_MAX: u64 = 36_525;
/// The most accounts.
pub const ACCOUNTS_MAX: usize = 1_000;
/// How many records a log file should have at least, on average: small worlds have longer intervals between files.
const FILE_RECORDS: u64 = 150;
/// Minutes between files: what AWS does, and longer ones.
const INTERVALS: [u64; 9] = [5, 10, 15, 30, 60, 120, 240, 480, 1440];

/// What to generate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How many records, the storyline's included.
    pub records: u64,
    /// Over how many days.
    pub days: u64,
    /// The first day.
    pub start: Timestamp,
    /// What makes one world differ from another.
    pub seed: u64,
    /// How many accounts.
    pub accounts: usize,
    /// Whether somebody breaks in.
    pub attack: bool,
    /// The organization whose trail it is (`o-…`), if it is one's.
    pub organization: Option<String>,
    /// The bucket that digests name; none are made without.
    pub digest_bucket: Option<String>,
}

/// Why a plan cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPlan(pub String);

impl std::fmt::Display for BadPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadPlan {}

/// See the module.
pub struct World {
    pub(crate) plan: Plan,
    pub(crate) accounts: Vec<Account>,
    pub(crate) ready: Vec<Ready>,
    pub(crate) attack: Vec<AttackRecord>,
    /// Minutes between log files.
    pub(crate) interval: u64,
    /// Records of everyday work.
    everyday: u64,
    /// For each account, region and day in this order: the weights of those before it, and its own.
    weights: Vec<(u64, u64)>,
    weight: u64,
}

impl World {
    /// The world that a plan describes.
    pub fn new(plan: Plan) -> Result<World, BadPlan> {
        let within = |name: &str, value: u64, max: u64| {
            let fits = (1..=max).contains(&value);
            fits.then_some(()).ok_or_else(|| BadPlan(format!("{name} must be between 1 and {max}, not {value}")))
        };
        within("the number of records", plan.records, RECORDS_MAX)?;
        within("the number of days", plan.days, DAYS_MAX)?;
        within("the number of accounts", wide(plan.accounts), wide(ACCOUNTS_MAX))?;
        if let Some(organization) = &plan.organization
            && !(organization.starts_with("o-")
                && organization.len() > 2
                && organization[2..].bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
        {
            return Err(BadPlan(format!(
                "an organization is o- and lower-case letters and digits, not {organization}"
            )));
        }
        let start = Timestamp::from_ms(plan.start.ms() - plan.start.ms().rem_euclid(DAY_MS));
        if start.civil().year < 1971 || start.civil().year > 9000 {
            return Err(BadPlan("the first day must be in the years 1971 to 9000".to_owned()));
        }
        let plan = Plan { start, ..plan };
        let seed = part_of_text(plan.seed, "world");
        let accounts: Vec<Account> = (0..plan.accounts).map(|nth| Account::new(seed, nth)).collect();
        let attack = if plan.attack { attack::story(&plan, &accounts) } else { Vec::new() };
        let everyday = plan.records.checked_sub(wide(attack.len())).ok_or_else(|| {
            BadPlan(format!("the storyline alone has {} records; ask for more than that", attack.len()))
        })?;
        let mut weights = Vec::new();
        let mut weight = 0;
        for account in 0..plan.accounts {
            for region in REGION_WEIGHTS {
                for day in 0..plan.days {
                    // The first account does most of the work; weekends are quiet.
                    let size = 12 / (wide(account) + 1) + 2;
                    let weekday = day_of(&plan, day).civil().weekday;
                    let own = size * region * if weekday >= 5 { 5 } else { 10 };
                    weights.push((weight, own));
                    weight += own;
                }
            }
        }
        let cells = wide(weights.len());
        let fits = |minutes: &u64| plan.records / (cells * (1440 / minutes)).max(1) >= FILE_RECORDS;
        let interval = INTERVALS.into_iter().find(fits).unwrap_or(1440);
        let ready = events::all().map(Ready::new).collect();
        Ok(World { plan, accounts, ready, attack, interval, everyday, weights, weight })
    }

    /// The parts that can be made each for itself, in any order.
    pub fn cells(&self) -> impl Iterator<Item = Cell> + Send + use<> {
        let (accounts, days) = (self.plan.accounts, self.plan.days);
        (0..accounts).flat_map(move |account| {
            (0..REGIONS.len()).flat_map(move |region| (0..days).map(move |day| Cell { account, region, day }))
        })
    }

    /// Makes the log files of a cell and hands them out one after another.
    pub fn make<E>(&self, cell: Cell, each: impl FnMut(File) -> Result<(), E>) -> Result<Summary, E> {
        crate::cell::make(self, cell, each)
    }

    /// Makes the digests of all log files, if the plan wants any: `files` is every file that the cells made, without its content.
    /// They are not signed, as a copy of a bucket in a folder shows none of their signatures either.
    pub fn digests<E>(&self, files: Vec<File>, each: impl FnMut(File) -> Result<(), E>) -> Result<Summary, E> {
        digests::make(self, files, each)
    }

    /// When a day begins.
    pub(crate) fn day(&self, day: u64) -> Timestamp {
        day_of(&self.plan, day)
    }

    /// How many records of everyday work a cell has.
    pub(crate) fn records_of(&self, cell: Cell) -> u64 {
        let days = usize::try_from(self.plan.days).expect("they have been counted");
        let day = usize::try_from(cell.day).expect("it is one of them");
        let (before, own) = self.weights[(cell.account * REGIONS.len() + cell.region) * days + day];
        share(self.everyday, before, own, self.weight)
    }

    /// The seed of a cell.
    pub(crate) fn seed_of(&self, cell: Cell) -> u64 {
        let seed = part(part_of_text(self.plan.seed, "cell"), wide(cell.account));
        part(part(seed, wide(cell.region)), cell.day)
    }

    /// How many records each interval of a cell's day has.
    pub(crate) fn intervals_of(&self, cell: Cell) -> Vec<u64> {
        let begin = self.day(cell.day);
        let minute = |nth: u64| i64::try_from(nth * self.interval).expect("a day has few minutes");
        let middle = i64::try_from(self.interval / 2).expect("it is at most a day");
        let at = |nth: u64| begin.plus_ms((minute(nth) + middle) * base::time::MINUTE_MS);
        let weights: Vec<u64> = (0..1440 / self.interval).map(|nth| busy(at(nth), REGIONS[cell.region]) + 20).collect();
        let (total, all) = (self.records_of(cell), weights.iter().sum());
        let mut before = 0;
        let dealt = weights.iter().map(|weight| {
            let dealt = share(total, before, *weight, all);
            before += weight;
            dealt
        });
        dealt.collect()
    }
}

fn day_of(plan: &Plan, day: u64) -> Timestamp {
    plan.start.plus_ms(i64::try_from(day).expect("at most a hundred years") * DAY_MS)
}
