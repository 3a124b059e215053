//! The definitions of all services that are written, over storage in memory: for questions about them, never for calls.

use std::sync::Arc;

use async_trait::async_trait;
use ports::{
    Buckets, ConsumerProgress, Flushed, JournalStatus, Operator, RecordLines, RecordingStatus, Secret, TrailBacklog,
    Unavailable,
};
use service::Definition;

use crate::Failure;

/// The definitions, by the order in which the server has them.
pub fn definitions() -> Result<Vec<Definition>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(make())
}

async fn make() -> Result<Vec<Definition>, Failure> {
    let env = system::env();
    let account: Arc<str> = Arc::from("123456789012");
    let state: Arc<dyn state::State> = Arc::new(state::Memory::new());
    let objects: Arc<dyn objects::Objects> = Arc::new(objects::Memory::new());
    let root = iam::RootKey { access_key_id: "AKIAEXAMPLE".to_owned(), secret: Secret(Arc::from("none")) };
    let iam = iam::Iam::open(env.clone(), Arc::clone(&state), Arc::clone(&account), Some(root)).await?;
    let keys = Arc::new(seal::HostKeys::parse(&seal::HostKeys::make(&*env.rng))?);
    let s3 = s3::S3::new(Arc::clone(&state), Arc::clone(&objects), env.clone(), Arc::clone(&account), keys);
    let s3 = Arc::new(s3);
    let athena = athena::Athena::open(athena::Deps {
        env: env.clone(),
        account: Arc::clone(&account),
        journal: Arc::new(journal::MemoryJournal::new()),
        state: Arc::clone(&state),
        objects: Arc::clone(&objects),
        buckets: Arc::clone(&s3) as Arc<dyn Buckets>,
        authorizer: service::Access::new(),
        event_stores: None,
        query_engine: None,
        options: athena::Options::default(),
    });
    let athena = athena.await?;
    let organizations =
        organizations::Organizations::open(env.clone(), Arc::clone(&state), Arc::clone(&account)).await?;
    let access: Arc<dyn ports::Authorizer> = service::Access::new();
    let kms = kms::Kms::open(kms::Deps {
        env: env.clone(),
        account: Arc::clone(&account),
        state: Arc::clone(&state),
        master: Arc::new(kms::MasterKeys::parse(env.clone(), &kms::MasterKeys::make(&*env.rng))?),
        authorizer: Arc::clone(&access),
        records: None,
    });
    let kms = kms.await?;
    let sqs = sqs::Sqs::open(sqs::Deps {
        env: env.clone(),
        account: Arc::clone(&account),
        state: Arc::clone(&state),
        keys: None,
        metrics: None,
        authorizer: Arc::clone(&access),
        stopping: None,
        endpoint: None,
    });
    let sqs = sqs.await?;
    let way_out = node::WayOut::default();
    let sns = sns::Sns::open(sns::Deps {
        env: env.clone(),
        account: Arc::clone(&account),
        state: Arc::clone(&state),
        queues: None,
        log_groups: None,
        metrics: None,
        functions: way_out.functions,
        outbound: way_out.http,
        mail: None,
        sms: None,
        keys: None,
        authorizer: Arc::clone(&access),
        endpoint: way_out.public_url,
        signer: sns::Signer::new(env.clone(), Arc::clone(&state)),
    });
    let sns = sns.await?;
    let logs = logs::Logs::open(logs::Deps {
        env: env.clone(),
        account: Arc::clone(&account),
        state: Arc::clone(&state),
        objects: Arc::clone(&objects),
        journal: Arc::new(journal::MemoryJournal::new()),
        metrics: None,
        keys: None,
        buckets: Arc::clone(&s3) as Arc<dyn Buckets>,
        functions: None,
        outbound: None,
        roles: None,
        authorizer: Arc::clone(&access),
    });
    let logs = logs.await?;
    let sts = sts::Sts::open(sts::Deps {
        env: env.clone(),
        state: Arc::clone(&state),
        authorizer: Arc::clone(&access),
        roles: Arc::clone(&iam) as Arc<dyn ports::Roles>,
        mfa: Arc::clone(&iam) as Arc<dyn ports::MfaDevices>,
        credentials: Arc::clone(&iam) as Arc<dyn ports::Credentials>,
        providers: Arc::new(Nobody),
        issuer_keys: Arc::new(sts::KeyFolder::new(Arc::clone(&env.disk), None)),
    });
    let sts = sts.await?;
    let cloudwatch = cloudwatch::CloudWatch::open(cloudwatch::Deps {
        env: env.clone(),
        account: Arc::clone(&account),
        state: Arc::clone(&state),
        journal: Arc::new(journal::MemoryJournal::new()),
        authorizer: Arc::clone(&access),
        topics: None,
        functions: None,
    });
    let cloudwatch = cloudwatch.await?;
    let cloudtrail = cloudtrail::CloudTrail::new(cloudtrail::Deps {
        env,
        account,
        is_member: false,
        journal: Arc::new(journal::MemoryJournal::new()),
        state,
        objects,
        buckets: Arc::clone(&s3) as Arc<dyn Buckets>,
        keys: None,
        organized: None,
        watch: cloudtrail::Watch::default(),
        event_stores: None,
        query_engine: None,
        tables: None,
        key_maker: Arc::new(cloudtrail::RsaKeyMaker),
        options: cloudtrail::Options::default(),
    });
    let cloudtrail = cloudtrail.await?;
    Ok(vec![
        athena::definition(athena),
        cairn_service::definition(Arc::new(cairn_service::Cairn {
            operator: Arc::new(Nobody),
            receiver: None,
            event_stores: None,
            metric_filters: None,
            decisions: None,
        })),
        cloudtrail::definition(Arc::clone(&cloudtrail)),
        cloudtrail_data::definition(Arc::new(cloudtrail_data::CloudTrailData {
            env: system::env(),
            channels: cloudtrail as Arc<dyn ports::AuditChannels>,
        })),
        cloudwatch::definition(cloudwatch),
        iam::definition(iam),
        kms::definition(kms),
        sns::definition(sns),
        sqs::definition(sqs),
        logs::definition(logs),
        organizations::definition(organizations),
        s3::definition(s3),
        sts::definition(sts),
    ])
}

/// An operator that is never asked.
struct Nobody;

#[async_trait]
impl ports::OidcProviders for Nobody {
    async fn oidc_provider(&self, _: &str, _: &str) -> Result<Option<ports::OidcProvider>, Unavailable> {
        Ok(None)
    }
}

#[async_trait]
impl Operator for Nobody {
    async fn flush(&self) -> Result<Flushed, Unavailable> {
        Ok(Flushed::default())
    }

    fn tail(&self, _: Option<u64>, _: bool) -> RecordLines {
        Box::pin(futures_util::stream::empty())
    }

    async fn hold_for_backup(&self) -> Result<RecordLines, Unavailable> {
        Ok(Box::pin(futures_util::stream::empty()))
    }

    fn account(&self) -> String {
        String::new()
    }

    fn recording(&self) -> RecordingStatus {
        RecordingStatus::default()
    }

    fn journal(&self) -> JournalStatus {
        JournalStatus::default()
    }

    async fn event_time(&self, _: u64) -> Option<i64> {
        None
    }

    async fn backlogs(&self) -> Result<Vec<TrailBacklog>, Unavailable> {
        Ok(Vec::new())
    }

    fn consumers(&self) -> Vec<ConsumerProgress> {
        Vec::new()
    }

    fn validation(&self) -> Vec<ports::TrailValidation> {
        Vec::new()
    }

    fn event_stores(&self) -> Vec<ports::EventStoreStatus> {
        Vec::new()
    }

    fn follows(&self) -> Vec<ports::FollowStatus> {
        Vec::new()
    }

    fn journal_end(&self) -> u64 {
        1
    }

    fn uptime_ms(&self) -> u64 {
        0
    }
}
