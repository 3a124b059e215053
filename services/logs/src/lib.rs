//! CloudWatch Logs: log groups, what is put into them, what is found in them, and what follows from it: metrics, subscribers, exports.
//!
//! An event is durable as soon as it is in the journal; the consumer of the journal ([`Logs::consumer`]) makes the rest of it, and nothing
//! else does (ADR 27).

mod access;
mod backfill;
#[cfg(test)]
mod backfill_tests;
mod bits;
mod chunk;
mod consumer;
mod crypt;
mod entry;
mod error;
mod export;
mod filters;
mod live;
mod live_tail;
mod names;
pub mod ops;
#[cfg(test)]
mod order_tests;
mod port;
mod preview;
mod put;
mod rows;
mod scan;
mod seal;
mod store;
mod subscribers;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod upkeep;

use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};

use base::Env;
use journal::Journal;
use objects::Objects;
use ports::{Authorizer, Buckets, Functions, Keys, Metrics, Outbound, ServiceRoles};
use service::{Builder, Definition, PassedRole, Place, Service};
use state::State;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use consumer::LogsConsumer;
pub use error::Error;

/// What the service stands on.
pub struct Deps {
    /// Clock and chance.
    pub env: Env,
    /// Whose the groups are.
    pub account: Arc<str>,
    /// Configuration, and rows of chunks.
    pub state: Arc<dyn State>,
    /// Chunks.
    pub objects: Arc<dyn Objects>,
    /// Where events are durable first.
    pub journal: Arc<dyn Journal>,
    /// Takes what metric filters make. `None`: nothing does.
    pub metrics: Option<Arc<dyn Metrics>>,
    /// Keys of KMS. `None`: there are none.
    pub keys: Option<Arc<dyn Keys>>,
    /// Where exports go.
    pub buckets: Arc<dyn Buckets>,
    /// Functions that subscription filters tell. `None`: there are none.
    pub functions: Option<Arc<dyn Functions>>,
    /// HTTP to others.
    pub outbound: Option<Arc<dyn Outbound>>,
    /// Roles that writers into groups assume. `None`: there are none.
    pub roles: Option<Arc<dyn ServiceRoles>>,
    /// Decides who may what.
    pub authorizer: Arc<dyn Authorizer>,
}

/// The service.
pub struct Logs {
    pub(crate) deps: Deps,
    pub(crate) store: store::Store,
    live: RwLock<live::Live>,
    pub(crate) indexes: scan::Indexes,
    /// The entry of the journal that the consumer takes next: what is before it is seen.
    pub(crate) applied: watch::Sender<u64>,
    /// The first entry of the journal that no metric filter has looked at. Held while one is, and while metric filters change.
    pub(crate) looked: tokio::sync::Mutex<u64>,
    /// One step of a back-fill at a time.
    pub(crate) backfills: tokio::sync::Mutex<()>,
    pub(crate) tails: live_tail::Tails,
    pub(crate) subscribers: subscribers::Subscribers,
    pub(crate) topic: String,
    pub(crate) exports: Mutex<JoinSet<()>>,
    pub(crate) me: Weak<Logs>,
}

impl Service for Logs {
    const MODEL: &'static str = "logs";
    const PREFIX: &'static str = "logs";
    const ACROSS_ACCOUNTS: bool = true;
}

impl Logs {
    /// Opens the service over its tables. Events that are not sealed come with the consumer.
    pub async fn open(deps: Deps) -> Result<Arc<Logs>, state::Error> {
        let store = store::Store::open(Arc::clone(&deps.state)).await?;
        let mut live = live::Live::default();
        store.see(|memory| {
            for group in memory.groups() {
                live.groups.entry(group.id).or_default();
            }
            for stream in memory.all::<rows::Stream>() {
                live.streams.insert(stream.id, stream.stats);
            }
        });
        store::read_all(store.state(), rows::CHUNKS, |_, chunk: rows::Chunk| {
            if let Some(group) = live.groups.get_mut(&chunk.group) {
                group.add(chunk);
            }
        })
        .await?;
        store::read_all(store.state(), rows::SOURCES, |_, row: rows::Source| {
            live.sources.insert((row.group, row.source), (row.position, row.part));
        })
        .await?;
        let subscribers = subscribers::Subscribers::open(store.state()).await?;
        let topic = format!("logs/{}", deps.account);
        Ok(Arc::new_cyclic(|me| Logs {
            deps,
            store,
            live: RwLock::new(live),
            indexes: scan::Indexes::default(),
            applied: watch::Sender::new(0),
            looked: tokio::sync::Mutex::default(),
            backfills: tokio::sync::Mutex::default(),
            tails: live_tail::Tails::default(),
            subscribers,
            topic,
            exports: Mutex::default(),
            me: Weak::clone(me),
        }))
    }

    /// What is known of the events.
    pub(crate) fn live(&self) -> RwLockReadGuard<'_, live::Live> {
        self.live.read().expect("no holder of this lock can panic")
    }

    /// Likewise, to change it.
    pub(crate) fn live_mut(&self) -> RwLockWriteGuard<'_, live::Live> {
        self.live.write().expect("no holder of this lock can panic")
    }

    /// A number that no other group, stream or chunk has.
    pub(crate) fn new_id(&self) -> u64 {
        let mut bytes = [0; 8];
        self.deps.env.rng.fill(&mut bytes);
        // Small enough for every reader of JSON.
        u64::from_be_bytes(bytes) >> 11
    }
}

/// Source: CloudWatch Logs user guide, "Log group-level subscription filters" (it has the principal of the role).
const ROLE: [PassedRole; 1] = [PassedRole::arn("roleArn", "logs.amazonaws.com")];
/// Source: CloudWatch Logs API reference, PutAccountPolicy (policies of subscription filters).
const ACCOUNT_POLICY_ROLE: [PassedRole; 1] =
    [PassedRole { place: Place::Document("policyDocument"), to: "logs.amazonaws.com" }];

/// The operations.
pub fn definition(logs: Arc<Logs>) -> Definition {
    Builder::new(logs)
        .on::<ops::account_policies::DeleteAccountPolicy>()
        .on::<ops::account_policies::DescribeAccountPolicies>()
        .on_passing::<ops::account_policies::PutAccountPolicy>(&ACCOUNT_POLICY_ROLE)
        .on::<ops::data_protection::DeleteDataProtectionPolicy>()
        .on::<ops::data_protection::GetDataProtectionPolicy>()
        .on::<ops::data_protection::PutDataProtectionPolicy>()
        .on::<ops::destinations::DeleteDestination>()
        .on::<ops::destinations::DescribeDestinations>()
        .on_passing::<ops::destinations::PutDestination>(&ROLE)
        .on::<ops::destinations::PutDestinationPolicy>()
        .on::<ops::events::GetLogEvents>()
        .on::<ops::events::GetLogRecord>()
        .on::<ops::export_tasks::CancelExportTask>()
        .on::<ops::export_tasks::CreateExportTask>()
        .on::<ops::export_tasks::DescribeExportTasks>()
        .on::<ops::field_indexes::DeleteIndexPolicy>()
        .on::<ops::field_indexes::DescribeFieldIndexes>()
        .on::<ops::field_indexes::DescribeIndexPolicies>()
        .on::<ops::field_indexes::PutIndexPolicy>()
        .on::<ops::filter_log_events::FilterLogEvents>()
        .on::<ops::groups::CreateLogGroup>()
        .on::<ops::groups::DeleteLogGroup>()
        .on::<ops::groups::DeleteRetentionPolicy>()
        .on::<ops::groups::PutBearerTokenAuthentication>()
        .on::<ops::groups::PutLogGroupDeletionProtection>()
        .on::<ops::groups::PutRetentionPolicy>()
        .on::<ops::group_lists::DescribeLogGroups>()
        .on::<ops::group_lists::ListLogGroups>()
        .on::<ops::kms_keys::AssociateKmsKey>()
        .on::<ops::kms_keys::DisassociateKmsKey>()
        .on::<ops::log_group_fields::GetLogGroupFields>()
        .on::<ops::metric_filters::DeleteMetricFilter>()
        .on::<ops::metric_filters::DescribeMetricFilters>()
        .on::<ops::metric_filters::PutMetricFilter>()
        .on::<ops::metric_filters::TestMetricFilter>()
        .on::<ops::put_log_events::PutLogEvents>()
        .on::<ops::query_definitions::DeleteQueryDefinition>()
        .on::<ops::query_definitions::DescribeQueryDefinitions>()
        .on::<ops::query_definitions::PutQueryDefinition>()
        .on::<ops::resource_policies::DeleteResourcePolicy>()
        .on::<ops::resource_policies::DescribeResourcePolicies>()
        .on::<ops::resource_policies::PutResourcePolicy>()
        .on::<ops::start_live_tail::StartLiveTail>()
        .on::<ops::streams::CreateLogStream>()
        .on::<ops::streams::DeleteLogStream>()
        .on::<ops::streams::DescribeLogStreams>()
        .on::<ops::subscription_filters::DeleteSubscriptionFilter>()
        .on::<ops::subscription_filters::DescribeSubscriptionFilters>()
        .on_passing::<ops::subscription_filters::PutSubscriptionFilter>(&ROLE)
        .on::<ops::tags::ListTagsForResource>()
        .on::<ops::tags::ListTagsLogGroup>()
        .on::<ops::tags::TagLogGroup>()
        .on::<ops::tags::TagResource>()
        .on::<ops::tags::UntagLogGroup>()
        .on::<ops::tags::UntagResource>()
        .on::<ops::transformers::DeleteTransformer>()
        .on::<ops::transformers::GetTransformer>()
        .on::<ops::transformers::PutTransformer>()
        .build()
}

/// Reads any bytes as what is stored: entries, chunks, their parts. What reads is written again and reads the same. For fuzzing.
#[doc(hidden)]
pub fn fuzz_stored(data: &[u8]) {
    entry::fuzz(data);
    chunk::fuzz(data);
}
