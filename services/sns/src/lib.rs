//! SNS: topics, those who subscribed to them, and what they are told. A message is durable for every subscriber before its publisher is
//! answered (ADR 29); no subscriber holds up another.

mod access;
mod delivery;
mod error;
mod figures;
pub mod filter;
mod measure;
mod message;
mod names;
pub mod ops;
mod order;
mod pages;
mod platform;
mod port;
mod publish;
mod retry;
mod sealing;
#[cfg(test)]
mod sealing_tests;
mod signer;
mod sms;
mod store;
mod subscription;
mod tags;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod topic;
mod upkeep;

use std::sync::{Arc, Weak};

use base::Env;
use ports::mail::Mailer;
use ports::{Authorizer, Figure, Functions, Keys, LogGroups, Metrics, Outbound, Queues};
use service::{Builder, Definition, PassedRole, Place, Service};
use state::State;

pub use delivery::WAITING_MAX;
pub use error::Error;
pub use pages::CertificatePage;
pub use signer::Signer;
pub use sms::SmsTemplate;

/// What the service stands on.
pub struct Deps {
    /// Clock and chance.
    pub env: Env,
    /// Whose the topics are.
    pub account: Arc<str>,
    /// Topics, subscriptions, and what was not delivered yet.
    pub state: Arc<dyn State>,
    /// Where subscribed queues are, and those for dead letters. `None`: there are none.
    pub queues: Option<Arc<dyn Queues>>,
    /// Subscribed functions.
    pub functions: Arc<dyn Functions>,
    /// Subscribed endpoints.
    pub outbound: Arc<dyn Outbound>,
    /// Where topics have told what became of deliveries. `None`: nowhere.
    pub log_groups: Option<Arc<dyn LogGroups>>,
    /// Is told every minute what happens to topics. `None`: nobody is.
    pub metrics: Option<Arc<dyn Metrics>>,
    /// Sends mail. `None`: no mail is sent.
    pub mail: Option<Arc<dyn Mailer>>,
    /// How text messages are sent. `None`: none are.
    pub sms: Option<SmsTemplate>,
    /// Keys of topics that name one.
    pub keys: Option<Arc<dyn Keys>>,
    /// Decides who may what, and asks SNS in turn what topics' policies say ([`ports::ResourcePolicies`]).
    pub authorizer: Arc<dyn Authorizer>,
    /// Where subscribers reach the server: what the URLs in messages begin with.
    pub endpoint: Arc<str>,
    /// Signs messages.
    pub signer: Arc<Signer>,
}

/// The service.
pub struct Sns {
    pub(crate) deps: Deps,
    pub(crate) store: store::Store,
    pub(crate) deliveries: delivery::Deliveries,
    pub(crate) orders: publish::Orders,
    pub(crate) figures: figures::Counters,
    pub(crate) tally: measure::Tally,
    pub(crate) statuses: delivery::status::Statuses,
    pub(crate) data_keys: datakeys::DataKeys,
    this: Weak<Sns>,
}

impl Service for Sns {
    const MODEL: &'static str = "sns";
    const PREFIX: &'static str = "sns";
    const ACROSS_ACCOUNTS: bool = true;
}

impl Sns {
    /// Opens SNS over its tables. Deliveries that an earlier run left begin with [`Sns::begin`].
    pub async fn open(deps: Deps) -> Result<Arc<Sns>, state::Error> {
        let store = store::Store::open(Arc::clone(&deps.state), Arc::clone(&deps.account)).await?;
        let (deliveries, outcomes) = delivery::Deliveries::open(Arc::clone(&deps.state)).await?;
        let (statuses, told) = delivery::status::Statuses::open(&deps.env);
        let now_ms = deps.env.clock.now().ms();
        let sns = Arc::new_cyclic(|this| Sns {
            deps,
            store,
            deliveries,
            orders: publish::Orders::default(),
            figures: figures::Counters::default(),
            tally: measure::Tally::begun_at(now_ms),
            statuses,
            data_keys: datakeys::DataKeys::default(),
            this: Weak::clone(this),
        });
        tokio::spawn(delivery::finish(Weak::clone(&sns.this), outcomes));
        tokio::spawn(delivery::status::run(Weak::clone(&sns.this), told));
        Ok(sns)
    }

    /// Puts what an earlier run left on its way. To be called once whoever is asked and told is there.
    pub fn begin(&self) {
        let left = self.deliveries.take_left();
        if !left.is_empty() {
            tracing::info!(account = %self.deps.account, deliveries = left.len(), "notifications that were not delivered go on their way");
        }
        self.this().send_off(None, left);
    }

    pub(crate) fn this(&self) -> Arc<Sns> {
        self.this.upgrade().expect("whoever calls a method holds the service")
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.deps.env.clock.now().ms()
    }
}

impl ports::Figures for Sns {
    fn figures(&self, into: &mut Vec<Figure>) {
        self.figures.figures(self.deliveries.waiting_all(), into);
    }
}

/// Roles in attributes: of feedback, of the status of SMS, of subscriptions of Firehose. Sources: SNS API reference, SetTopicAttributes,
/// SetSMSAttributes, SetSubscriptionAttributes.
const ROLES: [PassedRole; 1] = [passed(Place::Values("Attributes"))];
const SMS_ROLE: [PassedRole; 1] = [passed(Place::Values("attributes"))];
const ROLE: [PassedRole; 1] = [passed(Place::Attribute("AttributeName", "AttributeValue"))];

const fn passed(place: Place) -> PassedRole {
    PassedRole { place, to: "sns.amazonaws.com" }
}

/// The operations.
pub fn definition(sns: Arc<Sns>) -> Definition {
    Builder::new(sns)
        .on::<ops::confirm_subscription::ConfirmSubscription>()
        .on::<ops::data_protection::GetDataProtectionPolicy>()
        .on::<ops::data_protection::PutDataProtectionPolicy>()
        .on::<ops::permissions::AddPermission>()
        .on::<ops::permissions::RemovePermission>()
        .on_passing::<ops::platforms::CreatePlatformApplication>(&ROLES)
        .on::<ops::platforms::CreatePlatformEndpoint>()
        .on::<ops::platforms::DeleteEndpoint>()
        .on::<ops::platforms::DeletePlatformApplication>()
        .on::<ops::platforms::GetEndpointAttributes>()
        .on::<ops::platforms::GetPlatformApplicationAttributes>()
        .on::<ops::platforms::ListEndpointsByPlatformApplication>()
        .on::<ops::platforms::ListPlatformApplications>()
        .on::<ops::platforms::SetEndpointAttributes>()
        .on_passing::<ops::platforms::SetPlatformApplicationAttributes>(&ROLES)
        .on::<ops::publish::Publish>()
        .on::<ops::publish_batch::PublishBatch>()
        .on::<ops::sms::CheckIfPhoneNumberIsOptedOut>()
        .on::<ops::sms::GetSMSAttributes>()
        .on::<ops::sms::ListOriginationNumbers>()
        .on::<ops::sms::ListPhoneNumbersOptedOut>()
        .on::<ops::sms::OptInPhoneNumber>()
        .on_passing::<ops::sms::SetSMSAttributes>(&SMS_ROLE)
        .on::<ops::sandbox::CreateSMSSandboxPhoneNumber>()
        .on::<ops::sandbox::DeleteSMSSandboxPhoneNumber>()
        .on::<ops::sandbox::GetSMSSandboxAccountStatus>()
        .on::<ops::sandbox::ListSMSSandboxPhoneNumbers>()
        .on::<ops::sandbox::VerifySMSSandboxPhoneNumber>()
        .on_passing::<ops::subscribe::Subscribe>(&ROLES)
        .on::<ops::subscriptions::GetSubscriptionAttributes>()
        .on::<ops::subscriptions::ListSubscriptions>()
        .on::<ops::subscriptions::ListSubscriptionsByTopic>()
        .on_passing::<ops::subscriptions::SetSubscriptionAttributes>(&ROLE)
        .on::<ops::tags::ListTagsForResource>()
        .on::<ops::tags::TagResource>()
        .on::<ops::tags::UntagResource>()
        .on_passing::<ops::topics::CreateTopic>(&ROLES)
        .on::<ops::topics::DeleteTopic>()
        .on::<ops::topics::GetTopicAttributes>()
        .on::<ops::topics::ListTopics>()
        .on_passing::<ops::topics::SetTopicAttributes>(&ROLE)
        .on::<ops::unsubscribe::Unsubscribe>()
        .build()
}
