//! One world from its first start to its end. Each life of the server is a runtime of its own: a crash is that runtime dropped with
//! everything in it, and the next life begins on what the storages kept.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use base::{Clock, Env};
use gateway::Recording;
use journal::faulty_disk::FaultyDisk;
use journal::{Journal, SegmentJournal};
use node::{Node, Parts};
use ports::Secret;
use sha2::{Digest, Sha256};
use testkit::SeededRng;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::admin::Admin;
use crate::chance::Chance;
use crate::client::{ACCOUNT, Ledger, Line};
use crate::clock::SimClock;
use crate::disk::SimDisk;
use crate::ending::{self, Found};
use crate::faults::Faults;
use crate::keeper::Keeper;
use crate::log::SimLog;
use crate::setup;
use crate::store::SimStore;
use crate::tables::SimTables;
use crate::trace::Trace;
use crate::weather::Weather;
use crate::witness::{JOURNAL, Witness};
use crate::writer::Writer;
use crate::{Settings, Stopped, Summary, Violation, signing_key};

/// Starts after which nothing goes wrong any more.
const STARTS_MAX: u64 = 8;
const ROOT_KEY: (&str, &str) = ("AKIASIMULATEDROOTKEY", "the-secret-of-simulated-roots-0123456789");

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    /// The power fails at the access after so many more.
    PowerOff(u64),
    /// The process dies at the access after so many more.
    Kill(u64),
    /// It is stopped in order after so many milliseconds.
    Stop(u64),
    /// It sees the world's end.
    Last,
}

/// How a life ended.
enum Ended {
    /// As planned, or by a failure to start: there is another life.
    Life,
    /// The world was looked through, and everything held.
    World(Found),
}

/// What outlives the server.
struct World {
    settings: Settings,
    chance: Chance,
    clock: Arc<SimClock>,
    faults: Arc<Faults>,
    witness: Arc<Witness>,
    disk: FaultyDisk,
    /// The file of host keys, which no crash touches.
    host_keys: String,
    tables: state::Memory,
    blobs: objects::Memory,
    env: Env,
    ledger: Arc<Ledger>,
    admin: Arc<Admin>,
    writers: Vec<Arc<Writer>>,
    keeper: Arc<Keeper>,
    weather: Arc<Weather>,
    options: cloudtrail::Options,
    event_stores: eventstore::Options,
}

/// Runs the world of a seed.
pub fn run(settings: Settings) -> Result<Summary, Box<Violation>> {
    let world = World::new(settings);
    let mut starts = 0;
    loop {
        let plan = world.plan(starts);
        world.witness.note(&format!("start {starts}, to end with {plan:?}"));
        let ended = world.live(plan, starts == 0);
        starts += 1;
        if let Some(violation) = world.witness.verdict() {
            return Err(Box::new(violation));
        }
        if let Ended::World(found) = ended {
            return Ok(world.summary(starts, &found));
        }
    }
}

impl World {
    fn new(settings: Settings) -> World {
        let Settings { seed, plant, echo } = settings;
        let chance = Chance::part(seed, "world");
        let clock = Arc::new(SimClock::new());
        let faults = Arc::new(Faults::new(seed));
        let disk = FaultyDisk::new(Chance::part(seed, "disk").next());
        let witness = Arc::new(Witness::new(seed, Arc::clone(&clock), Trace::new(echo), disk.clone()));
        let env = Env {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            rng: Arc::new(SeededRng::new(Chance::part(seed, "rng").next())),
            disk: Arc::new(SimDisk::new(disk.clone(), Arc::clone(&faults), seed, plant)),
        };
        let ledger = Arc::new(Ledger::default());
        ledger.set_key("root", ROOT_KEY.0.to_owned(), ROOT_KEY.1.to_owned());
        let weather = Arc::new(Weather {
            disk: disk.clone(),
            faults: Arc::clone(&faults),
            witness: Arc::clone(&witness),
            chance: Chance::part(seed, "weather"),
        });
        let calls = chance.between(8, 30);
        let events = Chance::part(seed, "events");
        World {
            settings,
            options: cloudtrail::Options {
                delivery_interval_ms: *chance.pick(&[5_000, 20_000, 60_000]),
                digest_interval_ms: *chance.pick(&[60_000, 300_000]),
                digest_regions: cloudtrail::DigestRegions::Active,
                history_tail_records: *chance.pick(&[10, 40, 8_192]),
                ..cloudtrail::Options::default()
            },
            event_stores: eventstore::Options {
                tail_rows_max: *events.pick(&[20, 80, 32_768]),
                tail_age_ms: *events.pick(&[20_000, 120_000]),
                merge_parts_min: 2,
                part_rows_max: *events.pick(&[200, 100_000]),
                append_rows_max: *events.pick(&[5, 17, 131_072]),
                ..eventstore::Options::default()
            },
            admin: Arc::new(Admin::new(seed, calls)),
            writers: (0..3).map(|number| Arc::new(Writer::new(seed, number, calls))).collect(),
            keeper: Arc::new(Keeper::new(seed, calls)),
            clock,
            faults,
            witness,
            disk,
            host_keys: seal::HostKeys::make(&*env.rng),
            tables: state::Memory::new(),
            blobs: objects::Memory::new(),
            env,
            ledger,
            weather,
            chance,
        }
    }

    fn plan(&self, starts: u64) -> Plan {
        let chance = &self.chance;
        if starts >= STARTS_MAX || (starts > 0 && chance.one_in(3)) {
            return Plan::Last;
        }
        let accesses = match chance.below(4) {
            // In the middle of starting, or soon after; the first life is also to be set up.
            0 if starts > 0 => chance.between(1, 60),
            1 => chance.between(60, 400),
            _ => chance.between(200, 2_500),
        };
        match chance.below(8) {
            0 => Plan::Stop(chance.between(1_000, 120_000)),
            1..=2 => Plan::Kill(accesses),
            _ => Plan::PowerOff(accesses),
        }
    }

    /// One life, from start to crash, stop, or the world's end.
    fn live(&self, plan: Plan, first: bool) -> Ended {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without I/O needs nothing that could be missing");
        self.faults.revive();
        let ended = runtime.block_on(async {
            self.clock.attach();
            tokio::select! {
                biased;
                () = self.witness.violation() => Ended::Life,
                () = self.faults.death() => Ended::Life,
                ended = self.act(plan, first) => ended,
            }
        });
        // From here on nothing is written, whatever is done by what is dropped.
        self.faults.kill();
        self.clock.detach();
        drop(runtime);
        self.witness.closed();
        self.weather.clear();
        match plan {
            Plan::PowerOff(_) => self.disk.crash(),
            Plan::Kill(_) | Plan::Stop(_) | Plan::Last => self.disk.kill(),
        }
        self.admin.settle();
        self.writers.iter().for_each(|writer| writer.settle());
        ended
    }

    async fn act(&self, plan: Plan, first: bool) -> Ended {
        let arm = || match plan {
            Plan::PowerOff(accesses) | Plan::Kill(accesses) => self.faults.crash_after(Some(accesses)),
            Plan::Stop(_) | Plan::Last => {}
        };
        if !first {
            tokio::time::sleep(Duration::from_millis(self.chance.below(20_000))).await;
            arm();
        }
        let node = match self.start().await {
            Ok(node) => node,
            Err(error) => {
                self.witness.note(&format!("the server does not start: {error}"));
                tokio::time::sleep(Duration::from_secs(1)).await;
                return Ended::Life;
            }
        };
        let line = Arc::new(Line {
            gateway: Arc::clone(&node.gateway),
            stop: node.stop.subscribe(),
            witness: Arc::clone(&self.witness),
            faults: Arc::clone(&self.faults),
            ledger: Arc::clone(&self.ledger),
            ready: Arc::new(AtomicBool::new(true)),
            watched: true,
        });
        if first {
            let set_up = setup::set_up(&line, &self.admin, &self.chance).await;
            if set_up.is_err() || self.keeper.set_up(&line).await.is_err() {
                return Ended::Life;
            }
            arm();
        }
        let (pause, paused) = watch::channel(false);
        let mut workers = JoinSet::new();
        workers.spawn(Arc::clone(&self.admin).work(Arc::clone(&line), paused.clone()));
        workers.spawn(Arc::clone(&self.keeper).work(Arc::clone(&line), paused.clone()));
        for writer in &self.writers {
            workers.spawn(Arc::clone(writer).work(Arc::clone(&line), paused.clone()));
        }
        let weather = tokio::spawn(Arc::clone(&self.weather).run());
        let done = async { while workers.join_next().await.is_some() {} };
        if let Plan::Stop(after_ms) = plan {
            tokio::time::sleep(Duration::from_millis(after_ms)).await;
            pause.send_replace(true);
            done.await;
            weather.abort();
            self.weather.clear();
            // Calls whose clients have gone away come to their end.
            tokio::time::sleep(Duration::from_secs(40)).await;
            node.stop.send_replace(true);
            let stopped = node.stop().await;
            self.witness.note(&format!("the server stops: {stopped:?}"));
            return Ended::Life;
        }
        done.await;
        weather.abort();
        self.weather.clear();
        if plan != Plan::Last {
            // The planned crash has not come yet: it comes while things are delivered, or now.
            tokio::time::sleep(Duration::from_millis(self.chance.below(600_000))).await;
            return Ended::Life;
        }
        self.clock.settle();
        let stores = node.event_stores.as_deref();
        let people = ending::People { admin: &self.admin, keeper: &self.keeper, writers: &self.writers };
        match ending::look_through(&line, &self.tables, &self.blobs, stores, people).await {
            Ok(found) => Ended::World(found),
            Err(Stopped) => {
                self.witness.violated(8, "the world could not be looked through to its end".to_owned());
                Ended::Life
            }
        }
    }

    /// Starts the server as its command does.
    async fn start(&self) -> Result<Node, node::Failure> {
        let Settings { seed, plant, .. } = self.settings;
        let options = journal::Options { segment_bytes: 48 << 10, queue_bytes: 1 << 20, memory_bytes: 64 << 10 };
        let (journal, committer, recovery) =
            SegmentJournal::open_without_thread(&self.env, Path::new(JOURNAL), options)?;
        self.witness.note(&format!("the journal opens: {recovery:?}"));
        let journal = Arc::new(journal);
        self.witness.opened(&journal);
        let faults = Arc::clone(&self.faults);
        tokio::spawn(async move {
            while committer.wait().await {
                faults.disk_time().await;
                committer.commit();
            }
        });
        // What a life draws must not depend on how often lives before it drew.
        let seed = seed ^ self.faults.accesses().rotate_left(32);
        let log = SimLog { journal, witness: Arc::clone(&self.witness), chance: Chance::part(seed, "journal"), plant };
        let faults = || Arc::clone(&self.faults);
        let tables =
            SimTables::new(self.tables.clone(), self.blobs.clone(), faults(), Arc::clone(&self.witness), seed, plant);
        Node::start(Parts {
            env: self.env.clone(),
            account: Arc::from(ACCOUNT),
            root_key: iam::RootKey { access_key_id: ROOT_KEY.0.to_owned(), secret: Secret(Arc::from(ROOT_KEY.1)) },
            journal: Arc::new(log) as Arc<dyn Journal>,
            state: Arc::new(tables),
            objects: Arc::new(SimStore::new(self.blobs.clone(), faults(), seed, plant)),
            host_keys: seal::HostKeys::parse(&self.host_keys).expect("keys just made"),
            master_key: Arc::new(kms::MasterKeys::parse(self.env.clone(), &self.host_keys).expect("keys just made")),
            issuer_keys: Arc::new(sts::KeyFolder::new(Arc::clone(&self.env.disk), None)),
            key_maker: Arc::new(signing_key::OneKey),
            query_engine: None,
            way_out: node::WayOut::default(),
            options: node::Options {
                cloudtrail: self.options,
                recording: Recording::On,
                event_stores: Some(self.event_stores.clone()),
                ..node::Options::default()
            },
        })
        .await
    }

    fn summary(&self, starts: u64, found: &Found) -> Summary {
        let mut hash = Sha256::new();
        hash.update(self.witness.trace.hash_hex());
        hash.update(found.hash);
        for name in base::Disk::list(&self.disk, Path::new(JOURNAL)).unwrap_or_default() {
            hash.update(&name);
            hash.update(self.disk.bytes(&Path::new(JOURNAL).join(&name)).unwrap_or_default());
        }
        Summary {
            calls: self.ledger.count(),
            starts,
            accesses: self.faults.accesses(),
            failures: self.faults.failures(),
            files: found.files,
            digests: found.digests,
            virtual_secs: self.clock.monotonic_ms() / 1000,
            hash_hex: base::ids::hex(&hash.finalize()),
        }
    }
}
