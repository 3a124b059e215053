//! Delivery status: what became of notifications, as log events, for topics that name a role for it. Must never hold up a delivery, nor
//! make one fail: what the log groups do not take is counted and lost. Source: SNS developer guide, "Amazon SNS message delivery status" and
//! "Configuring delivery status logging using the AWS SDKs".

use std::sync::{Arc, Weak};
use std::time::Duration;

use base::ids;
use bytes::Bytes;
use md5::{Digest, Md5};
use ports::{HandOver, LogGroups, LogTarget, OnBehalf};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use super::send::Sent;
use crate::Sns;
use crate::message::{Message, What};
use crate::store::{HeldSubscription, HeldTopic};

/// Entries that may wait to be written; what comes then is lost.
const WAITING_MAX: usize = if cfg!(test) { 256 } else { 8_192 };
/// Entries taken at once.
const BATCH: usize = 500;
/// What is shown of an answer.
const RESPONSE_CHARS_MAX: usize = 1_000;
/// How long a stop waits for entries to be written.
const STOP_WAIT: Duration = Duration::from_secs(3);

/// What a subscriber answered.
#[derive(Debug, Default)]
pub(crate) enum Answer {
    /// Nothing that is told.
    #[default]
    None,
    /// No answer came, for this reason.
    Failed(String),
    /// An endpoint's status, and the beginning of what it said.
    Http(u16, Bytes),
    /// A queue's: the identifier of the message in it.
    Queue(Result<String, HandOver>),
    /// A function's.
    Function(Result<(), HandOver>),
}

/// An attempt at a delivery whose outcome may be told.
pub(crate) struct Report {
    topic: Arc<HeldTopic>,
    /// As attributes of topics begin: `HTTP`.
    family: &'static str,
    destination: String,
    message: String,
    md5: String,
    timestamp: String,
    dwell_ms: i64,
    answer: Answer,
}

/// How an attempt ended.
pub(crate) struct Tried {
    /// For the delivery.
    pub sent: Sent,
    /// For the log.
    pub report: Option<Box<Report>>,
}

impl From<Sent> for Tried {
    fn from(sent: Sent) -> Tried {
        Tried { sent, report: None }
    }
}

/// An event of the log, in the guide's form.
#[derive(Serialize)]
struct Event<'a> {
    notification: Notification<'a>,
    delivery: Delivery<'a>,
    status: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Notification<'a> {
    #[serde(rename = "messageMD5Sum")]
    md5: &'a str,
    message_id: &'a str,
    topic_arn: &'a str,
    timestamp: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Delivery<'a> {
    delivery_id: String,
    destination: &'a str,
    provider_response: String,
    dwell_time_ms: i64,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_code: Option<u16>,
}

/// An event on its way to its group.
pub(crate) struct Entry {
    target: LogTarget,
    at_ms: i64,
    text: Bytes,
}

/// What the writer is told.
pub(crate) enum Told {
    /// Something to write.
    Entry(Box<Entry>),
    /// Nothing; whoever asks wants to know when all before it is written.
    Mark(oneshot::Sender<()>),
}

/// The way to the writer.
pub(crate) struct Statuses {
    told: mpsc::Sender<Told>,
    /// The stream that this run writes into.
    stream: String,
}

impl Statuses {
    /// The writer is [`run`].
    pub fn open(env: &base::Env) -> (Statuses, mpsc::Receiver<Told>) {
        let (told, receiver) = mpsc::channel(WAITING_MAX);
        (Statuses { told, stream: ids::uuid(&*env.rng) }, receiver)
    }

    /// Completes when what was told so far is written, or lost.
    pub async fn settle(&self) {
        let (mark, marked) = oneshot::channel();
        if self.told.send(Told::Mark(mark)).await.is_ok() {
            let _ = marked.await;
        }
    }

    /// The same, but not for long.
    pub async fn stop(&self) {
        let _ = tokio::time::timeout(STOP_WAIT, self.settle()).await;
    }
}

/// An endpoint without the password that may stand in it: who reads logs may be nobody who may see it.
fn without_password(endpoint: &str) -> String {
    let Some((scheme, rest)) = endpoint.split_once("://") else { return endpoint.to_owned() };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((user, host)) => format!("{scheme}://{}:****@{host}{path}", user.split(':').next().unwrap_or_default()),
        None => endpoint.to_owned(),
    }
}

/// How attributes of topics name a protocol.
fn family(protocol: &str) -> Option<&'static str> {
    Some(match protocol {
        "http" | "https" => "HTTP",
        "sqs" => "SQS",
        "lambda" => "Lambda",
        "firehose" => "Firehose",
        "application" => "Application",
        _ => return None,
    })
}

impl Answer {
    fn status_code(&self) -> Option<u16> {
        Some(match self {
            Answer::None | Answer::Failed(_) => return None,
            Answer::Http(status, _) => *status,
            Answer::Queue(Ok(_)) => 200,
            Answer::Function(Ok(())) => 202,
            Answer::Queue(Err(error)) | Answer::Function(Err(error)) => match error {
                HandOver::Denied(_) => 403,
                HandOver::NotFound(_) if matches!(self, Answer::Function(_)) => 404,
                HandOver::NotFound(_) | HandOver::Invalid(_) => 400,
                HandOver::Unavailable(_) => 500,
            },
        })
    }

    /// JSON in a text where the provider is a service of AWS's, as the guide's examples have it.
    fn provider_response(&self, request_id: &str) -> String {
        let json = |members: &[(&str, &str)]| {
            let quoted = |text: &str| serde_json::Value::from(text).to_string();
            let members = members.iter().map(|(name, value)| format!("{}:{}", quoted(name), quoted(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        };
        let refused = |error: &HandOver, codes: [&str; 4], id: &str| {
            let code = match error {
                HandOver::NotFound(_) => codes[0],
                HandOver::Denied(_) => codes[1],
                HandOver::Invalid(_) => codes[2],
                HandOver::Unavailable(_) => codes[3],
            };
            json(&[("ErrorCode", code), ("ErrorMessage", &error.to_string()), (id, "Unrecoverable")])
        };
        match self {
            Answer::None => String::new(),
            Answer::Failed(why) => why.clone(),
            Answer::Http(_, body) => String::from_utf8_lossy(body).chars().take(RESPONSE_CHARS_MAX).collect(),
            Answer::Queue(Ok(id)) => json(&[("sqsRequestId", request_id), ("sqsMessageId", id)]),
            Answer::Function(Ok(())) => json(&[("lambdaRequestId", request_id)]),
            Answer::Queue(Err(error)) => refused(
                error,
                ["AWS.SimpleQueueService.NonExistentQueue", "AccessDenied", "InvalidParameterValue", "InternalError"],
                "sqsRequestId",
            ),
            Answer::Function(Err(error)) => refused(
                error,
                [
                    "ResourceNotFoundException",
                    "AccessDeniedException",
                    "InvalidRequestContentException",
                    "ServiceException",
                ],
                "lambdaRequestId",
            ),
        }
    }
}

impl Sns {
    /// An attempt that may be told of: `None` where the topic does not ask for it. `message`: opened, if it can be.
    pub(super) fn report(
        &self,
        topic: &Arc<HeldTopic>,
        subscription: &HeldSubscription,
        message: &Message,
    ) -> Option<Box<Report>> {
        let family = family(&subscription.protocol)?;
        let asks = |outcome: &str| topic.get(&format!("{family}{outcome}FeedbackRoleArn")).is_some();
        if message.what != What::Notification || !(asks("Success") || asks("Failure")) {
            return None;
        }
        let md5 = match &message.sealed {
            None => ids::hex(&Md5::digest(message.text_for(&subscription.protocol).as_bytes())),
            // It does not open: nobody knows.
            Some(_) => String::new(),
        };
        Some(Box::new(Report {
            topic: Arc::clone(topic),
            family,
            destination: without_password(&subscription.endpoint),
            message: message.id.clone(),
            md5,
            timestamp: message.time.iso8601_ms().replace('T', " ").replace('Z', ""),
            dwell_ms: self.deps.env.clock.now().since_ms(message.time).max(0),
            answer: Answer::None,
        }))
    }

    /// Tells of a delivery that is over, if the topic wants to know. `attempts`: how many it took.
    pub(super) fn tell(&self, report: Option<Box<Report>>, is_success: bool, attempts: u32) {
        let Some(report) = report else { return };
        let (topic, family) = (&report.topic, report.family);
        let outcome = if is_success { "Success" } else { "Failure" };
        let Some(role) = topic.get(&format!("{family}{outcome}FeedbackRoleArn")) else { return };
        if is_success && !self.is_sampled(topic, family) {
            return;
        }
        let (region, account, env) = (topic.region, &self.deps.account, &self.deps.env);
        let topic_arn = topic.arn(account);
        let event = Event {
            notification: Notification {
                md5: &report.md5,
                message_id: &report.message,
                topic_arn: &topic_arn,
                timestamp: &report.timestamp,
            },
            delivery: Delivery {
                delivery_id: ids::uuid(&*env.rng),
                destination: &report.destination,
                provider_response: report.answer.provider_response(&ids::uuid(&*env.rng)),
                dwell_time_ms: report.dwell_ms,
                attempts,
                status_code: report.answer.status_code(),
            },
            status: if is_success { "SUCCESS" } else { "FAILURE" },
        };
        let Ok(text) = serde_json::to_vec(&event) else { return };
        let name = format!("sns/{region}/{account}/{}{}", topic.name, if is_success { "" } else { "/Failure" });
        let target = LogTarget {
            by: OnBehalf {
                principal: "sns.amazonaws.com",
                source_arn: topic_arn.clone(),
                source_account: Arc::clone(account),
            },
            group_arn: format!("arn:{}:logs:{region}:{account}:log-group:{name}:*", region.partition()),
            role_arn: role.to_owned(),
            stream: self.statuses.stream.clone(),
        };
        let entry = Entry { target, at_ms: env.clock.now().ms(), text: text.into() };
        if self.statuses.told.try_send(Told::Entry(Box::new(entry))).is_err() {
            self.figures.status(1, false);
        }
    }

    /// Whether a success is one of those that are told: all, if the topic does not say how many of a hundred.
    fn is_sampled(&self, topic: &HeldTopic, family: &str) -> bool {
        let rate = topic.get(&format!("{family}SuccessFeedbackSampleRate")).and_then(|rate| rate.parse().ok());
        let rate: u64 = rate.unwrap_or(100);
        let mut chance = [0; 8];
        self.deps.env.rng.fill(&mut chance);
        u64::from_le_bytes(chance) % 100 < rate
    }
}

impl Report {
    /// With what the subscriber answered.
    pub fn with(mut self: Box<Self>, answer: Answer) -> Box<Report> {
        self.answer = answer;
        self
    }
}

/// Writes what it is told, until the service is gone.
pub(crate) async fn run(sns: Weak<Sns>, mut told: mpsc::Receiver<Told>) {
    let mut batch = Vec::with_capacity(BATCH);
    while told.recv_many(&mut batch, BATCH).await > 0 {
        let Some(sns) = sns.upgrade() else { return };
        let mut targets: Vec<(LogTarget, Vec<(i64, Bytes)>)> = Vec::new();
        let mut marks = Vec::new();
        for one in batch.drain(..) {
            match one {
                Told::Mark(mark) => marks.push(mark),
                Told::Entry(entry) => {
                    let Entry { target, at_ms, text } = *entry;
                    match targets.iter_mut().find(|(known, _)| *known == target) {
                        Some((_, events)) => events.push((at_ms, text)),
                        None => targets.push((target, vec![(at_ms, text)])),
                    }
                }
            }
        }
        for (target, events) in targets {
            let count = events.len();
            let Some(groups) = &sns.deps.log_groups else { continue };
            let written = write(&**groups, &target, events).await;
            if let Err(error) = &written {
                tracing::warn!(group = target.group_arn, %error, lost = count, "what became of notifications is not in its log group");
            }
            sns.figures.status(count, written.is_ok());
        }
        for mark in marks {
            let _ = mark.send(());
        }
    }
}

/// Puts events into a group, which is made if it is not there.
async fn write(groups: &dyn LogGroups, target: &LogTarget, events: Vec<(i64, Bytes)>) -> Result<(), HandOver> {
    match groups.put(target, 0, events.clone()).await {
        Err(HandOver::NotFound(_)) => {
            groups.make(target).await?;
            groups.put(target, 0, events).await.map(|_| ())
        }
        other => other.map(|_| ()),
    }
}
