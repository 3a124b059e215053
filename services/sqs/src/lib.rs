//! SQS: queues whose messages are rows of `state`. A message is durable before its sender is answered; that it was received is durable
//! before its receiver is, so a crash changes nothing but the time that passes.

mod access;
mod attributes;
mod error;
#[cfg(test)]
mod fifo_tests;
mod keep;
mod measure;
mod message;
mod moves;
pub mod ops;
mod port;
mod queue;
mod receive;
mod send;
mod shelf;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, RwLock};

use base::{Env, Region};
use ports::{Authorizer, Keys, Metrics};
use service::{Builder, Definition, Service};
use state::State;
use tokio::sync::{Semaphore, watch};

pub use error::Error;
use queue::Live;

/// Receives of an account that wait for messages at one time; more are answered at once. Each holds one of the gateway's calls.
pub const WAITERS_MAX: usize = 2_000;
/// Queues of an account in all regions. AWS has no limit; each takes some kilobytes of memory here.
pub const QUEUES_MAX: usize = 10_000;

/// How encryption contexts name a queue. Source: SQS developer guide, "Encryption context".
pub(crate) const KEY_CONTEXT: &str = "aws:sqs:arn";

/// What the service stands on.
pub struct Deps {
    /// Clock and chance.
    pub env: Env,
    /// Whose the queues are.
    pub account: Arc<str>,
    /// Queues and messages.
    pub state: Arc<dyn State>,
    /// Keys for queues that are encrypted under one. `None`: there are none.
    pub keys: Option<Arc<dyn Keys>>,
    /// Is told every minute what happens to queues. `None`: nobody is.
    pub metrics: Option<Arc<dyn Metrics>>,
    /// Decides who may what, and asks SQS in turn what queues' policies say ([`ports::ResourcePolicies`]).
    pub authorizer: Arc<dyn Authorizer>,
    /// Becomes true when the server stops: who waits for messages is answered then. `None`: it does not stop.
    pub stopping: Option<watch::Receiver<bool>>,
    /// What URLs of queues begin with; `None`: with the address that the client uses.
    pub endpoint: Option<Arc<str>>,
}

/// The service.
pub struct Sqs {
    pub(crate) deps: Deps,
    queues: RwLock<BTreeMap<(Region, String), Arc<Live>>>,
    /// One change of queues at a time.
    pub(crate) changes: tokio::sync::Mutex<()>,
    pub(crate) waiters: Semaphore,
    pub(crate) data_keys: datakeys::DataKeys,
    pub(crate) moves: moves::Moves,
    /// The minute, since 1970, in which CloudWatch was last told something.
    pub(crate) measured: AtomicI64,
}

impl Service for Sqs {
    const MODEL: &'static str = "sqs";
    const PREFIX: &'static str = "sqs";
    const ACROSS_ACCOUNTS: bool = true;
}

/// The operations.
pub fn definition(sqs: Arc<Sqs>) -> Definition {
    Builder::new(sqs)
        .on::<ops::permissions::AddPermission>()
        .on::<ops::permissions::RemovePermission>()
        .on::<ops::move_tasks::CancelMessageMoveTask>()
        .on::<ops::move_tasks::ListMessageMoveTasks>()
        .on::<ops::move_tasks::StartMessageMoveTask>()
        .on::<ops::visibility::ChangeMessageVisibility>()
        .on::<ops::visibility::ChangeMessageVisibilityBatch>()
        .on::<ops::create_queue::CreateQueue>()
        .on::<ops::delete_message::DeleteMessage>()
        .on::<ops::delete_message::DeleteMessageBatch>()
        .on::<ops::delete_queue::DeleteQueue>()
        .on::<ops::delete_queue::PurgeQueue>()
        .on::<ops::queue_attributes::GetQueueAttributes>()
        .on::<ops::queue_attributes::SetQueueAttributes>()
        .on::<ops::list_queues::GetQueueUrl>()
        .on::<ops::list_queues::ListDeadLetterSourceQueues>()
        .on::<ops::list_queues::ListQueues>()
        .on::<ops::receive_message::ReceiveMessage>()
        .on::<ops::send_message::SendMessage>()
        .on::<ops::send_message::SendMessageBatch>()
        .on::<ops::tags::ListQueueTags>()
        .on::<ops::tags::TagQueue>()
        .on::<ops::tags::UntagQueue>()
        .build()
}

/// The account that the input of an operation names: in the queue's URL, or as the queue's owner.
pub fn owner(input: &model::Fields) -> Option<Arc<str>> {
    let text = |name: &str| match input.get(name) {
        Some(model::Value::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let owner = text("QueueOwnerAWSAccountId").filter(|account| base::arn::is_account_id(account));
    owner.or_else(|| Some(access::name_in_url(text("QueueUrl")?)?.0)).map(Arc::from)
}
