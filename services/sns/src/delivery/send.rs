//! One attempt at a delivery, and what follows from how it ended. Source: SNS developer guide, "Amazon SNS message delivery retries",
//! "Amazon SNS dead-letter queues": what the receiver refuses for good is not tried again, what fails otherwise is.

use std::sync::Arc;

use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ports::mail::Mail;
use ports::{HandOver, OnBehalf, OutboundRequest, QueueMessage};
use sha2::{Digest, Sha256};
use state::State;

use super::envelope::Envelope;
use super::ledger::Loaded;
use super::status::{Answer, Tried};
use super::{Item, MESSAGES, shape};
use crate::measure::Became;
use crate::message::{Message, SMS_CHARS_MAX, What};
use crate::names::FIFO;
use crate::retry::{AWS_MANAGED, CUSTOMER_MANAGED, HttpPolicy, Retries};
use crate::store::{HeldSubscription, HeldTopic, SubscriptionKey};
use crate::{SmsTemplate, Sns, topic};

/// For an endpoint to answer. Source: SNS developer guide, "Make sure your endpoint is ready to process Amazon SNS messages": 15 seconds.
const HTTP_TIMEOUT_MS: u64 = 15_000;
/// What is read of an answer: it says nothing that is needed.
const ANSWER_BYTES_MAX: usize = 4 << 10;
/// Attributes that a raw message may take along to a queue. Source: SNS developer guide, "Amazon SNS message attributes".
const RAW_ATTRIBUTES_MAX: usize = 10;
/// The topic of messages to phones, as part of keys. No topic is named so.
pub(crate) const PHONES: &str = "";

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The subscriber has it.
    Delivered,
    /// Nobody wants it any more.
    Gone,
    /// It may work later.
    Failed(String),
    /// It never will.
    Refused(String),
}

impl From<HandOver> for Sent {
    fn from(error: HandOver) -> Sent {
        match error {
            HandOver::Unavailable(why) => Sent::Failed(why),
            HandOver::NotFound(why) | HandOver::Denied(why) | HandOver::Invalid(why) => Sent::Refused(why),
        }
    }
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

impl Sns {
    fn target(&self, key: &SubscriptionKey) -> (Option<Arc<HeldTopic>>, Option<Arc<HeldSubscription>>) {
        self.store.see(|memory| (memory.topic(key.0, &key.1), memory.subscription(key)))
    }

    /// How many deliveries a second a subscription takes at most.
    pub(crate) fn per_second(&self, key: &SubscriptionKey) -> Option<u32> {
        let (topic, subscription) = self.target(key);
        let (topic, subscription) = (topic?, subscription?);
        if !subscription.protocol.starts_with("http") {
            return None;
        }
        HttpPolicy::effective(topic.get("DeliveryPolicy"), subscription.get("DeliveryPolicy")).per_second
    }

    async fn load(&self, id: &str) -> Result<Option<Arc<Loaded>>, state::Error> {
        if let Some(loaded) = self.deliveries.ledger().loaded(id) {
            return Ok(Some(loaded));
        }
        let state: &dyn State = &*self.deliveries.state;
        let Some(row) = state.get(MESSAGES, &state::key::key(&[id])).await? else { return Ok(None) };
        let Ok(message) = serde_json::from_slice::<Message>(&row.value) else {
            tracing::error!(message = id, "a stored notification does not read; it is not delivered");
            return Ok(None);
        };
        let loaded = Loaded::new(Arc::new(message));
        self.deliveries.ledger().keep(Arc::clone(&loaded));
        Ok(Some(loaded))
    }

    /// Tries a delivery once.
    pub(crate) async fn attempt(&self, key: &SubscriptionKey, item: &Item) -> Tried {
        let loaded = match self.load(&item.pending.message).await {
            Ok(Some(loaded)) => loaded,
            Ok(None) => return Sent::Gone.into(),
            Err(error) => return Sent::Failed(format!("reading it: {error}")).into(),
        };
        if key.1 == PHONES {
            return match &loaded.message.phone {
                Some(phone) => self.send_sms(phone, &loaded.message, None).await.into(),
                None => Sent::Gone.into(),
            };
        }
        let (Some(topic), Some(subscription)) = self.target(key) else { return Sent::Gone.into() };
        // A question that was answered meanwhile is not asked again.
        let is_wanted = match &loaded.message.what {
            What::Notification => subscription.is_confirmed(),
            What::Confirmation { .. } => subscription.is_pending(),
            What::Farewell { .. } => !subscription.is_there(),
        };
        if !is_wanted {
            return Sent::Gone.into();
        }
        // While a topic's key cannot be used its messages wait, as for a subscriber who does not answer.
        let opened = match self.opened(&loaded.message).await {
            Ok(message) => loaded.opened(message),
            Err(why) => {
                let report = self.report(&topic, &subscription, &loaded.message).filter(|_| !item.pending.is_dead);
                let report = report.map(|report| report.with(Answer::Failed(why.clone())));
                return Tried { sent: Sent::Failed(why), report };
            }
        };
        if item.pending.is_dead {
            return self.send_dead(&opened, &topic, &subscription).await.into();
        }
        let report = self.report(&topic, &subscription, &opened.message);
        let (sent, answer) = self.send(&opened, &topic, &subscription).await;
        Tried { sent, report: report.map(|report| report.with(answer)) }
    }

    async fn send(&self, loaded: &Loaded, topic: &HeldTopic, subscription: &HeldSubscription) -> (Sent, Answer) {
        match subscription.protocol.as_str() {
            "http" | "https" => self.send_http(loaded, topic, subscription).await,
            "sqs" => self.send_queue(loaded, topic, subscription, &subscription.endpoint).await,
            "lambda" => match self.envelope(loaded, topic, subscription).await {
                Ok(envelope) => {
                    let payload = envelope.for_function(&subscription.arn(&self.deps.account));
                    let answer = self.deps.functions.invoke(&subscription.endpoint, Bytes::from(payload)).await;
                    let answer = answer.map(|_| ());
                    let sent = answer.clone().map_or_else(Sent::from, |()| Sent::Delivered);
                    (sent, Answer::Function(answer))
                }
                Err(error) => failed(error.to_string()),
            },
            "email" | "email-json" => (self.send_mail(loaded, topic, subscription).await, Answer::None),
            "sms" => {
                let sent = self.send_sms(&subscription.endpoint, &loaded.message, topic.get("DisplayName")).await;
                (sent, Answer::None)
            }
            other => (Sent::Refused(format!("nothing is sent over {other}")), Answer::None),
        }
    }

    async fn send_http(&self, loaded: &Loaded, topic: &HeldTopic, subscription: &HeldSubscription) -> (Sent, Answer) {
        let message = &loaded.message;
        let (topic_arn, arn) = (topic.arn(&self.deps.account), subscription.arn(&self.deps.account));
        let policy = HttpPolicy::effective(topic.get("DeliveryPolicy"), subscription.get("DeliveryPolicy"));
        let is_notification = message.what == What::Notification;
        let mut headers = vec![
            ("x-amz-sns-message-type".to_owned(), message.kind().to_owned()),
            ("x-amz-sns-message-id".to_owned(), message.id.clone()),
            ("x-amz-sns-topic-arn".to_owned(), topic_arn.clone()),
            ("user-agent".to_owned(), "Amazon Simple Notification Service Agent".to_owned()),
        ];
        if is_notification || matches!(message.what, What::Farewell { .. }) {
            headers.push(("x-amz-sns-subscription-arn".to_owned(), arn));
        }
        let shaped = shape::shaped(&subscription.endpoint, &topic_arn, message, &subscription.protocol);
        let (url, content_type, body) = match shaped {
            Some(_) if !is_notification => return (Sent::Gone, Answer::None),
            Some(shaped) => (shaped.url, shaped.content_type.to_owned(), shaped.body),
            None if subscription.is_raw() && is_notification => {
                headers.push(("x-amz-sns-rawdelivery".to_owned(), "true".to_owned()));
                let text = message.text_for(&subscription.protocol).to_owned();
                (subscription.endpoint.clone(), policy.content_type, text)
            }
            None => match self.envelope(loaded, topic, subscription).await {
                Ok(envelope) => (subscription.endpoint.clone(), policy.content_type, envelope.pretty()),
                Err(error) => return failed(error.to_string()),
            },
        };
        headers.push(("content-type".to_owned(), content_type));
        let answer = self.deps.outbound.send(OutboundRequest {
            method: "POST",
            url,
            headers,
            body: Bytes::from(body),
            timeout_ms: HTTP_TIMEOUT_MS,
            answer_bytes_max: ANSWER_BYTES_MAX,
        });
        match answer.await {
            Err(why) => failed(why),
            Ok(answer) => {
                let sent = match answer.status {
                    200..=299 => Sent::Delivered,
                    status @ 400..=499 if status != 429 => Sent::Refused(format!("the endpoint answered {status}")),
                    status => Sent::Failed(format!("the endpoint answered {status}")),
                };
                (sent, Answer::Http(answer.status, answer.body))
            }
        }
    }

    fn by(&self, topic: &HeldTopic) -> OnBehalf {
        OnBehalf {
            principal: "sns.amazonaws.com",
            source_arn: topic.arn(&self.deps.account),
            source_account: Arc::clone(&self.deps.account),
        }
    }

    /// To a queue: the subscriber's, or the one for dead letters.
    async fn send_queue(
        &self,
        loaded: &Loaded,
        topic: &HeldTopic,
        subscription: &HeldSubscription,
        queue_arn: &str,
    ) -> (Sent, Answer) {
        let refused = |error: HandOver| (Sent::from(error.clone()), Answer::Queue(Err(error)));
        let Some(queues) = &self.deps.queues else {
            return refused(HandOver::NotFound("this server has no queues".to_owned()));
        };
        let message = &loaded.message;
        let is_raw = subscription.is_raw() && message.what == What::Notification;
        let (body, attributes) = if is_raw {
            if message.attributes.len() > RAW_ATTRIBUTES_MAX {
                return refused(HandOver::Invalid(format!(
                    "Number of message attributes [{}] exceeds the maximum allowed [{RAW_ATTRIBUTES_MAX}].",
                    message.attributes.len()
                )));
            }
            let attributes = message.attributes.iter();
            let attributes = attributes.map(|(name, one)| (name.clone(), one.kind.clone(), one.value.clone()));
            (message.text_for("sqs").to_owned(), attributes.collect())
        } else {
            match self.envelope(loaded, topic, subscription).await {
                Ok(envelope) => (envelope.pretty(), Vec::new()),
                Err(error) => return failed(error.to_string()),
            }
        };
        let is_fifo = queue_arn.ends_with(FIFO);
        let deduplication_id = match (&message.deduplication_id, is_fifo) {
            (Some(id), true) => id.clone(),
            (None, true) => base::ids::hex(&Sha256::digest(message.text.as_bytes())),
            // The same hand-over again, after a crash.
            (_, false) => format!("{}/{}", message.id, subscription.id),
        };
        let sent = queues.send(QueueMessage {
            by: self.by(topic),
            queue_arn: queue_arn.to_owned(),
            body,
            attributes,
            group_id: message.group_id.clone(),
            deduplication_id: Some(deduplication_id),
        });
        match sent.await {
            Ok(id) => (Sent::Delivered, Answer::Queue(Ok(id))),
            Err(error) => refused(error),
        }
    }

    async fn send_dead(&self, loaded: &Loaded, topic: &HeldTopic, subscription: &HeldSubscription) -> Sent {
        match subscription.dead_letter_queue() {
            Some(queue) => self.send_queue(loaded, topic, subscription, &queue).await.0,
            None => Sent::Gone,
        }
    }

    async fn send_mail(&self, loaded: &Loaded, topic: &HeldTopic, subscription: &HeldSubscription) -> Sent {
        let Some(mailer) = &self.deps.mail else {
            return Sent::Refused("no mail server is configured (smtp_host)".to_owned());
        };
        let envelope = match self.envelope(loaded, topic, subscription).await {
            Ok(envelope) => envelope,
            Err(error) => return Sent::Failed(error.to_string()),
        };
        let message = &loaded.message;
        let topic_arn = topic.arn(&self.deps.account);
        let (subject, text) = match (&message.what, subscription.protocol.as_str()) {
            (What::Confirmation { .. }, _) => {
                let url = envelope.get("SubscribeURL").unwrap_or_default();
                let text = format!(
                    "You have chosen to subscribe to the topic: \n{topic_arn}\n\nTo confirm this subscription, click or visit the link \
                     below (If this was in error no action is necessary): \n{url}\n"
                );
                ("AWS Notification - Subscription Confirmation".to_owned(), text)
            }
            (What::Farewell { .. }, _) => {
                let url = envelope.get("SubscribeURL").unwrap_or_default();
                let text = format!(
                    "Your subscription to the topic below has been deactivated: \n{topic_arn}\n\nIf this was in error, click or visit \
                     the link below to restore it: \n{url}\n"
                );
                ("AWS Notification - Unsubscribe Confirmation".to_owned(), text)
            }
            (What::Notification, "email-json") => (subject(message), envelope.pretty()),
            (What::Notification, _) => (subject(message), self.mail_text(message, &envelope)),
        };
        let name = topic.get("DisplayName").filter(|name| !name.is_empty()).unwrap_or("AWS Notifications");
        let sent = mailer.send(Mail {
            to: subscription.endpoint.clone(),
            from_name: name.to_owned(),
            subject,
            text,
            id: format!("{}.{}", message.id, subscription.id),
        });
        sent.await.map_or_else(Sent::from, |()| Sent::Delivered)
    }

    fn mail_text(&self, message: &Message, envelope: &Envelope) -> String {
        format!(
            "{}\n\n--\nIf you wish to stop receiving notifications from this topic, please click or visit the link below to \
             unsubscribe:\n{}\n",
            message.text_for("email"),
            envelope.get("UnsubscribeURL").unwrap_or_default()
        )
    }

    async fn send_sms(&self, phone: &str, message: &Message, display_name: Option<&str>) -> Sent {
        let Some(sms) = &self.deps.sms else {
            return Sent::Refused("no provider of text messages is configured (sms_url)".to_owned());
        };
        let text: String = message.text_for("sms").chars().take(SMS_CHARS_MAX).collect();
        let text = match display_name.filter(|name| !name.is_empty()) {
            Some(name) => format!("{name}> {text}"),
            None => text,
        };
        let request = sms_request(sms, phone, &text, &message.id);
        match self.deps.outbound.send(request).await {
            Err(why) => Sent::Failed(why),
            Ok(answer) => match answer.status {
                200..=299 => Sent::Delivered,
                status @ 400..=499 if status != 429 => Sent::Refused(format!("the provider answered {status}")),
                status => Sent::Failed(format!("the provider answered {status}")),
            },
        }
    }

    /// What follows from an attempt: whether the delivery is tried again, for which `item` says when.
    pub(crate) fn after(&self, key: &SubscriptionKey, item: &mut Item, tried: Tried) -> bool {
        let (topic, subscription) = self.target(key);
        let protocol = subscription.as_ref().map_or("sms", |subscription| &subscription.protocol).to_owned();
        // Questions are asked, or they are not: no queue gets them, and nobody counts them.
        let loaded = self.deliveries.ledger().loaded(&item.pending.message);
        let is_question = loaded.is_some_and(|loaded| loaded.message.what != What::Notification);
        let became = |what| {
            if !is_question && key.1 != PHONES {
                self.tally.became(key.0, &key.1, what);
            }
        };
        let (why, is_final) = match tried.sent {
            Sent::Delivered => {
                became(if item.pending.is_dead { Became::Redriven } else { Became::Delivered });
                self.tell(tried.report, true, item.pending.attempts + 1);
                self.figures.delivered(&protocol, item.pending.is_dead);
                return false;
            }
            Sent::Gone => return false,
            Sent::Failed(why) => (why, false),
            Sent::Refused(why) => (why, true),
        };
        let retries = match (&topic, &subscription) {
            (Some(topic), Some(subscription)) => retries(item.pending.is_dead, topic, subscription),
            _ => CUSTOMER_MANAGED,
        };
        item.pending.attempts += 1;
        let pause = retries.pause_ms(item.pending.attempts).filter(|_| !is_final);
        let arn = subscription.as_ref().map(|subscription| subscription.arn(&self.deps.account)).unwrap_or_default();
        if let Some(pause) = pause {
            self.figures.failed(&protocol);
            item.pending.due_ms = self.now_ms() + pause;
            tracing::debug!(
                subscription = arn,
                message = item.pending.message,
                why,
                pause_ms = pause,
                "a notification was not delivered; it is tried again"
            );
            return true;
        }
        self.tell(tried.report, false, item.pending.attempts);
        self.figures.given_up(&protocol);
        became(if item.pending.is_dead { Became::NotRedriven } else { Became::Failed });
        let queue = subscription.filter(|_| !is_question).and_then(|subscription| subscription.dead_letter_queue());
        if item.pending.is_dead || queue.is_none() {
            tracing::warn!(
                subscription = arn,
                message = item.pending.message,
                why,
                "a notification could not be delivered and is given up"
            );
            return false;
        }
        tracing::info!(
            subscription = arn,
            message = item.pending.message,
            why,
            "a notification could not be delivered and goes to the dead-letter queue"
        );
        item.pending.is_dead = true;
        item.pending.attempts = 0;
        item.pending.due_ms = self.now_ms();
        true
    }
}

/// No answer came.
fn failed(why: String) -> (Sent, Answer) {
    (Sent::Failed(why.clone()), Answer::Failed(why))
}

/// The request that sends a text message.
fn sms_request(sms: &SmsTemplate, phone: &str, text: &str, id: &str) -> OutboundRequest {
    let values = [("{phone}", phone), ("{message}", text), ("{message_id}", id)];
    let in_body: &dyn Fn(&str) -> String = match sms.content_type() {
        kind if kind.contains("json") => &json_inner,
        kind if kind.contains("form-urlencoded") => &escaped,
        _ => &str::to_owned,
    };
    OutboundRequest {
        method: "POST",
        url: fill(&sms.url, &values, &escaped),
        headers: sms.headers.clone(),
        body: Bytes::from(fill(&sms.body, &values, in_body)),
        timeout_ms: HTTP_TIMEOUT_MS,
        answer_bytes_max: ANSWER_BYTES_MAX,
    }
}

/// A text inside a JSON string.
fn json_inner(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

/// A template with its placeholders filled. What is filled in is not looked at again.
fn fill(template: &str, values: &[(&str, &str)], escape: &dyn Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match values.iter().find(|(name, _)| rest.starts_with(name)) {
            Some((name, value)) => {
                out.push_str(&escape(value));
                rest = &rest[name.len()..];
            }
            None => {
                out.push('{');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn subject(message: &Message) -> String {
    message.subject.clone().unwrap_or_else(|| "AWS Notification Message".to_owned())
}

fn retries(is_dead: bool, topic: &topic::Topic, subscription: &HeldSubscription) -> Retries {
    match subscription.protocol.as_str() {
        _ if is_dead => AWS_MANAGED,
        "http" | "https" => {
            HttpPolicy::effective(topic.get("DeliveryPolicy"), subscription.get("DeliveryPolicy")).retries
        }
        "sqs" | "lambda" => AWS_MANAGED,
        _ => CUSTOMER_MANAGED,
    }
}
