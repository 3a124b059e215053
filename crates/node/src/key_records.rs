//! The records of what services did without a call of their own: KMS for other services, and whatever was due or ended later.

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use base::{Env, ids};
use gateway::Recorder;
use ports::{Caller, KeyEvent, KeyRecords, ServiceEvent, ServiceEvents, Unavailable};
use record::event::{EventRecord, EventType, Resource};
use record::identity::UserIdentity;
use tokio::sync::OnceCell;
use worker::entry;

/// Who acts where no service is named.
const INTERNAL: &str = "AWS Internal";

/// Writes the records of all accounts.
pub(crate) struct Records {
    env: Env,
    /// Set once calls are taken: nothing uses a key before.
    recorder: OnceCell<Arc<Recorder>>,
}

/// Those of one account.
struct OfAccount {
    records: Arc<Records>,
    account: Arc<str>,
}

impl Records {
    pub fn new(env: Env) -> Arc<Records> {
        Arc::new(Records { env, recorder: OnceCell::new() })
    }

    pub fn set_recorder(&self, recorder: Arc<Recorder>) {
        let _ = self.recorder.set(recorder);
    }

    /// Keeps what `write` writes. Durable on return.
    async fn keep(&self, write: impl FnOnce(&Env, &mut Vec<u8>)) -> Result<(), journal::Error> {
        let Some(recorder) = self.recorder.get() else { return Ok(()) };
        let mut buffer = vec![0; entry::FINISH_HEAD_BYTES];
        write(&self.env, &mut buffer);
        recorder.finish(None, buffer, Vec::new()).await
    }

    /// The records of an account.
    pub fn of(self: &Arc<Records>, account: &Arc<str>) -> Arc<dyn KeyRecords> {
        Arc::new(OfAccount { records: Arc::clone(self), account: Arc::clone(account) })
    }
}

#[async_trait]
impl KeyRecords for OfAccount {
    async fn record(&self, event: KeyEvent) -> Result<(), Unavailable> {
        let kept = self.records.keep(|env, out| write(env, &self.account, &event, out)).await;
        kept.map_err(|error| Unavailable(format!("recording the use of a key: {error}")))
    }
}

#[async_trait]
impl ServiceEvents for Records {
    async fn record(&self, event: ServiceEvent) -> Result<(), Unavailable> {
        let kept = self.keep(|env, out| write_event(env, &event, out)).await;
        kept.map_err(|error| Unavailable(format!("recording {}: {error}", event.name)))
    }
}

/// Source: CloudTrail user guide, "AWS service events", and the example of CreateAccountResult in the Organizations user guide.
fn write_event(env: &Env, event: &ServiceEvent, out: &mut Vec<u8>) {
    let event_id = ids::uuid(&*env.rng);
    let record = EventRecord {
        user_identity: UserIdentity::AwsInternal { account_id: Cow::Borrowed(&event.account) },
        event_time: event.time,
        event_source: event.source.into(),
        event_name: event.name.into(),
        aws_region: event.region.as_str().into(),
        source_ip_address: INTERNAL.into(),
        user_agent: INTERNAL.into(),
        event_id: event_id.as_str().into(),
        event_type: EventType::AwsServiceEvent,
        recipient_account_id: Cow::Borrowed(&event.account),
        service_event_details_json: Some(event.details_json.as_str().into()),
        ..EventRecord::blank()
    };
    record.write(out);
}

/// Source: KMS developer guide, "Logging AWS KMS API calls with AWS CloudTrail"; S3 user guide, "Using server-side encryption with AWS
/// KMS keys", examples of records.
fn write(env: &Env, account: &Arc<str>, event: &KeyEvent, out: &mut Vec<u8>) {
    let by = event.invoked_by.as_deref().unwrap_or(INTERNAL);
    let identity = match &event.caller {
        Some(Caller::Service { .. }) | None => UserIdentity::AwsService { invoked_by: Cow::Borrowed(by) },
        Some(caller) => on_behalf(gateway::audit::build::user_identity(caller), by),
    };
    let resources = event.key_arn.iter().map(|arn| Resource {
        account_id: Some(Cow::Borrowed(&**account)),
        kind: Some("AWS::KMS::Key".into()),
        arn: arn.as_str().into(),
        is_prefix: false,
    });
    let (request_id, event_id) = (ids::uuid(&*env.rng), ids::uuid(&*env.rng));
    let is_call = event.caller.is_some();
    let record = EventRecord {
        user_identity: identity,
        event_time: env.clock.now(),
        event_source: "kms.amazonaws.com".into(),
        event_name: event.name.into(),
        aws_region: event.region.as_str().into(),
        source_ip_address: by.into(),
        user_agent: by.into(),
        error_code: event.error.as_ref().map(|(code, _)| match code.as_str() {
            "AccessDeniedException" => "AccessDenied".into(),
            code => code.into(),
        }),
        error_message: event.error.as_ref().map(|(_, text)| text.as_str().into()),
        request_parameters_json: Some(parameters(event).into()),
        request_id: Some(request_id.as_str().into()),
        event_id: event_id.as_str().into(),
        read_only: is_call,
        resources: resources.collect(),
        event_type: if is_call { EventType::AwsApiCall } else { EventType::AwsServiceEvent },
        recipient_account_id: Cow::Borrowed(account),
        ..EventRecord::blank()
    };
    record.write(out);
}

fn parameters(event: &KeyEvent) -> String {
    let mut all = serde_json::Map::new();
    for (name, value) in &event.parameters {
        all.insert((*name).to_owned(), value.as_str().into());
    }
    if !event.context.is_empty() {
        let context = event.context.iter().map(|(name, value)| (name.clone(), value.as_str().into()));
        all.insert("encryptionContext".to_owned(), serde_json::Value::Object(context.collect()));
    }
    if all.is_empty() { "null".to_owned() } else { serde_json::Value::Object(all).to_string() }
}

/// Somebody for whom a service asked.
fn on_behalf<'a>(identity: UserIdentity<'a>, service: &'a str) -> UserIdentity<'a> {
    let by = Some(Cow::Borrowed(service));
    match identity {
        UserIdentity::Root { account_id, arn, access_key_id, user_name, session, .. } => {
            UserIdentity::Root { account_id, arn, access_key_id, user_name, session, invoked_by: by }
        }
        UserIdentity::IamUser { principal_id, arn, account_id, access_key_id, user_name, session, .. } => {
            UserIdentity::IamUser { principal_id, arn, account_id, access_key_id, user_name, session, invoked_by: by }
        }
        UserIdentity::AssumedRole { principal_id, arn, account_id, access_key_id, session, .. } => {
            UserIdentity::AssumedRole { principal_id, arn, account_id, access_key_id, session, invoked_by: by }
        }
        other => other,
    }
}
