//! Makes the built-in event store again while no server runs: from the journal as far as it reaches, from event history, and from the log
//! files that trails delivered. It counts what none of them has, and takes no record away unless it is told to.

use std::collections::BTreeSet;
use std::sync::Arc;

use base::Env;
use cloudtrail::CloudTrail;
use eventstore::{Losses, Rebuild, Stores};
use journal::Journal;
use objects::Objects;
use ports::lake::NewRecord;
use ports::{BucketError, Buckets};
use record::LogKey;
use seal::HostKeys;
use state::State;

use crate::Failure;

/// A log file is smaller when it is inflated, or is none of ours.
const LOG_FILE_BYTES_MAX: usize = 1 << 30;
/// Files that could not be read and are named.
const NAMED_MAX: usize = 20;

/// What it works on. Nobody else may.
pub struct RebuildParts {
    /// Clock, chance and disk.
    pub env: Env,
    /// The account that owns everything.
    pub account: Arc<str>,
    /// What contents are encrypted under.
    pub host_keys: HostKeys,
    /// What keys of KMS are wrapped under, if there are any: log files may be encrypted under those of the account.
    pub master_key: Option<Arc<dyn kms::MasterKey>>,
    /// The journal.
    pub journal: Arc<dyn Journal>,
    /// The tables.
    pub state: Arc<dyn State>,
    /// The objects.
    pub objects: Arc<dyn Objects>,
    /// See there.
    pub stores: eventstore::Options,
}

/// What may be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permitted {
    /// Records of the old store that nothing else has are copied, as far as they can be read.
    pub keep: bool,
    /// Records may be lost.
    pub lose: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// The new store took the place of the old one.
    pub done: bool,
    /// Records that the old store had.
    pub before: u64,
    /// Records of the new store by where they were found first: journal, event history, log files, old store.
    pub found: [u64; 4],
    /// Log files that were read.
    pub log_files: u64,
    /// What could not be read, in words; the first of them.
    pub unreadable: Vec<String>,
    /// How many that were.
    pub unreadable_count: u64,
    /// What is in the old store alone, or may be.
    pub losses: Losses,
}

impl Rebuilt {
    fn could_not_read(&mut self, what: String) {
        self.unreadable_count += 1;
        if self.unreadable.len() < NAMED_MAX {
            self.unreadable.push(what);
        }
    }
}

/// See the module. Durable when it returns. `say` is told what is done next.
pub async fn rebuild(parts: RebuildParts, may: Permitted, say: &mut dyn FnMut(&str)) -> Result<Rebuilt, Failure> {
    let RebuildParts { env, account, host_keys, master_key, journal, state, objects, stores } = parts;
    let (keys, tables, blobs) = (Arc::new(host_keys), Arc::clone(&state), Arc::clone(&objects));
    let s3 = s3::S3::new(tables, blobs, env.clone(), Arc::clone(&account), keys);
    let s3 = Arc::new(match master_key {
        Some(master) => {
            let (env, account, state) = (env.clone(), Arc::clone(&account), Arc::clone(&state));
            // Nobody is asked: the server reads for itself.
            let authorizer = service::Access::new() as Arc<dyn ports::Authorizer>;
            let deps = kms::Deps { env, account, state, master, authorizer, records: None };
            s3.with_keys(kms::Kms::open(deps).await? as Arc<dyn ports::Keys>)
        }
        None => s3,
    });
    let buckets = Arc::clone(&s3) as Arc<dyn Buckets>;
    let stores = Stores::open(env.clone(), Arc::clone(&state), Arc::clone(&objects), stores).await?;
    let cloudtrail = CloudTrail::new(cloudtrail::Deps {
        env,
        account: Arc::clone(&account),
        is_member: false,
        journal: Arc::clone(&journal),
        state,
        objects,
        buckets: Arc::clone(&buckets),
        keys: None,
        organized: None,
        watch: cloudtrail::Watch::default(),
        event_stores: None,
        query_engine: None,
        tables: None,
        key_maker: Arc::new(cloudtrail::RsaKeyMaker),
        options: cloudtrail::Options::default(),
    })
    .await?;
    let mut rebuild = Rebuild::begin(stores, &*journal).await?;
    let mut done = Rebuilt { before: rebuild.records_before(), ..Rebuilt::default() };
    say("reading the journal");
    rebuild.add_journal(&*journal).await?;
    let mut so_far = rebuild.added().await?.kept;
    done.found[0] = so_far;
    let mut count =
        |done: &mut Rebuilt, at: usize, kept: u64| done.found[at] = kept - std::mem::replace(&mut so_far, kept);

    say("reading event history");
    let mut after = None;
    while let Some((segment, records)) = cloudtrail.history_after(after).await? {
        after = Some(segment);
        match records {
            Ok(records) => {
                for record in records {
                    rebuild.add(NewRecord::new(record)).await?;
                }
            }
            Err(error) => done.could_not_read(format!("event history from entry {segment} on: {error}")),
        }
    }
    let kept = rebuild.added().await?.kept;
    count(&mut done, 1, kept);

    for (bucket, prefix) in cloudtrail.log_places().await?.into_iter().collect::<BTreeSet<_>>() {
        say(&format!("reading log files of {bucket}"));
        log_files(&*buckets, &bucket, &prefix, &mut rebuild, &mut done).await?;
    }
    let kept = rebuild.added().await?.kept;
    count(&mut done, 2, kept);

    if may.keep {
        say("reading the old store");
        let unreadable = rebuild.add_old().await?;
        if unreadable > 0 {
            done.could_not_read(format!("{unreadable} records of the old store"));
        }
        let kept = rebuild.added().await?.kept;
        count(&mut done, 3, kept);
    }
    say("comparing");
    done.losses = rebuild.losses().await?;
    done.done = may.lose || done.losses == Losses::default();
    if done.done {
        rebuild.finish().await?
    } else {
        rebuild.abandon().await?
    }
    Ok(done)
}

/// Adds the records of all log files in a folder of a bucket. What cannot be read is noted; the rest goes on.
async fn log_files(
    buckets: &dyn Buckets,
    bucket: &str,
    prefix: &str,
    rebuild: &mut Rebuild,
    done: &mut Rebuilt,
) -> Result<(), Failure> {
    let mut after: Option<String> = None;
    loop {
        let page = match buckets.list(bucket, prefix, after.as_deref()).await {
            Ok(page) => page,
            Err(BucketError::NoSuchBucket) => {
                done.could_not_read(format!("{bucket}: there is no such bucket any more"));
                return Ok(());
            }
            Err(error) => return Err(format!("listing {bucket}: {error}").into()),
        };
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.key.clone());
        for object in page.iter().filter(|object| LogKey::parse(&object.key).is_some()) {
            let content = match buckets.get(bucket, &object.key).await {
                Ok((content, _)) => content,
                Err(error) => {
                    done.could_not_read(format!("{bucket}/{}: {error}", object.key));
                    continue;
                }
            };
            let file = record::file::read_log_file(&content, LOG_FILE_BYTES_MAX);
            let records = file.as_ref().map_err(ToString::to_string);
            let records = records.and_then(|file| file.records().map_err(|error| error.to_string()));
            match records {
                Ok(records) => {
                    done.log_files += 1;
                    for record in records {
                        rebuild.add(NewRecord::new(record.get().to_owned())).await?;
                    }
                }
                Err(error) => done.could_not_read(format!("{bucket}/{}: {error}", object.key)),
            }
        }
    }
}
