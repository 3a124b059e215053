//! FIFO queues against a model that is slow and obvious: one list of messages, one of what was sent, both looked through each time.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use crate::testing::World;

const VISIBILITY_MS: i64 = 30_000;
/// Source: SQS API reference, SendMessage, MessageDeduplicationId: the interval is five minutes.
const INTERVAL_MS: i64 = 300_000;

#[derive(Clone, Debug)]
enum Step {
    Send { group: u8, id: u8 },
    Batch(Vec<(u8, u8)>),
    Receive { max: usize },
    Delete { nth: usize },
    Release { nth: usize },
    Pass { secs: i64 },
    Crash,
}

struct Message {
    body: String,
    group: u8,
    /// Who received it last, and until when it is theirs.
    out: Option<(String, i64)>,
}

struct Sent {
    group: u8,
    id: u8,
    at_ms: i64,
    answer: (String, String),
}

#[derive(Default)]
struct Model {
    /// Whether each group deduplicates for itself.
    by_group: bool,
    now_ms: i64,
    messages: Vec<Message>,
    sent: Vec<Sent>,
    numbers: BTreeSet<String>,
    bodies: usize,
}

impl Model {
    fn known(&self, group: u8, id: u8) -> Option<&Sent> {
        self.sent.iter().find(|sent| {
            sent.id == id && (!self.by_group || sent.group == group) && self.now_ms < sent.at_ms + INTERVAL_MS
        })
    }

    /// What the answer to a send must be, and what follows from it.
    fn sends(&mut self, group: u8, id: u8, body: String, answer: (String, String)) -> Result<(), TestCaseError> {
        if let Some(known) = self.known(group, id) {
            prop_assert_eq!(&known.answer, &answer, "{} {} was sent before", group, id);
            return Ok(());
        }
        let last = self.numbers.last().cloned().unwrap_or_default();
        prop_assert!(last < answer.1, "{} is not behind {}", answer.1, last);
        self.numbers.insert(answer.1.clone());
        self.sent.push(Sent { group, id, at_ms: self.now_ms, answer });
        self.messages.push(Message { body, group, out: None });
        Ok(())
    }

    fn is_out(&self, message: &Message) -> bool {
        message.out.as_ref().is_some_and(|(_, until_ms)| *until_ms > self.now_ms)
    }

    /// The messages of a group that may be received now, in order.
    fn may(&self, group: u8) -> Vec<String> {
        let of_group: Vec<&Message> = self.messages.iter().filter(|message| message.group == group).collect();
        match of_group.iter().any(|message| self.is_out(message)) {
            true => Vec::new(),
            false => of_group.into_iter().map(|message| message.body.clone()).collect(),
        }
    }

    fn receives(&mut self, max: usize, got: &[(String, String)]) -> Result<(), TestCaseError> {
        let may: Vec<Vec<String>> = (0..3).map(|group| self.may(group)).collect();
        let all: usize = may.iter().map(Vec::len).sum();
        prop_assert_eq!(got.len(), all.min(max));
        for of_group in &may {
            let taken: Vec<&String> = got.iter().map(|(body, _)| body).filter(|body| of_group.contains(body)).collect();
            prop_assert_eq!(&taken, &of_group.iter().take(taken.len()).collect::<Vec<_>>());
        }
        for (body, handle) in got {
            let found = self.messages.iter_mut().find(|message| message.body == *body);
            let Some(message) = found else { return Err(TestCaseError::fail(format!("{body} is not there"))) };
            prop_assert!(may[usize::from(message.group)].contains(body));
            message.out = Some((handle.clone(), self.now_ms + VISIBILITY_MS));
        }
        Ok(())
    }

    /// The place of one that is out.
    fn one_out(&self, nth: usize) -> Option<usize> {
        let out: Vec<usize> = (0..self.messages.len()).filter(|at| self.is_out(&self.messages[*at])).collect();
        (!out.is_empty()).then(|| out[nth % out.len()])
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u8..3, 0u8..5).prop_map(|(group, id)| Step::Send { group, id }),
        2 => prop::collection::vec((0u8..3, 0u8..5), 1..5).prop_map(Step::Batch),
        4 => (1usize..5).prop_map(|max| Step::Receive { max }),
        3 => (0usize..9).prop_map(|nth| Step::Delete { nth }),
        1 => (0usize..9).prop_map(|nth| Step::Release { nth }),
        3 => prop::sample::select(vec![1i64, 29, 30, 100, 200, 299]).prop_map(|secs| Step::Pass { secs }),
        1 => Just(Step::Crash),
    ]
}

async fn walk(by_group: bool, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut world = World::new().await;
    let scope = if by_group { "messageGroup" } else { "queue" };
    let url = world.queue("q.fifo", json!({"FifoQueue": "true", "DeduplicationScope": scope})).await;
    let mut model = Model { by_group, ..Model::default() };
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    for step in steps {
        match step {
            Step::Send { group, id } => {
                model.bodies += 1;
                let body = model.bodies.to_string();
                let input = json!({"QueueUrl": url, "MessageBody": body, "MessageGroupId": group.to_string(),
                    "MessageDeduplicationId": id.to_string()});
                let sent = world.run("SendMessage", input).await;
                model.sends(group, id, body, (text(&sent["MessageId"]), text(&sent["SequenceNumber"])))?;
            }
            Step::Batch(entries) => {
                let first = model.bodies;
                model.bodies += entries.len();
                let list = entries.iter().enumerate().map(|(at, (group, id))| {
                    json!({"Id": at.to_string(), "MessageBody": (first + at + 1).to_string(),
                        "MessageGroupId": group.to_string(), "MessageDeduplicationId": id.to_string()})
                });
                let input = json!({"QueueUrl": url, "Entries": list.collect::<Vec<_>>()});
                let sent = world.run("SendMessageBatch", input).await;
                prop_assert_eq!(sent["Successful"].as_array().unwrap().len(), entries.len());
                for (at, (group, id)) in entries.into_iter().enumerate() {
                    let sent = &sent["Successful"][at];
                    let answer = (text(&sent["MessageId"]), text(&sent["SequenceNumber"]));
                    model.sends(group, id, (first + at + 1).to_string(), answer)?;
                }
            }
            Step::Receive { max } => {
                let got = world.run("ReceiveMessage", json!({"QueueUrl": url, "MaxNumberOfMessages": max})).await;
                let got = got["Messages"].as_array().cloned().unwrap_or_default();
                let got: Vec<_> = got.iter().map(|one| (text(&one["Body"]), text(&one["ReceiptHandle"]))).collect();
                model.receives(max, &got)?;
            }
            Step::Delete { nth } => {
                let Some(at) = model.one_out(nth) else { continue };
                let (handle, _) = model.messages.remove(at).out.unwrap();
                world.run("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": handle})).await;
            }
            Step::Release { nth } => {
                let Some(at) = model.one_out(nth) else { continue };
                let (handle, _) = model.messages[at].out.take().unwrap();
                let input = json!({"QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": 0});
                world.run("ChangeMessageVisibility", input).await;
            }
            Step::Pass { secs } => {
                world.pass(secs);
                model.now_ms += secs * 1_000;
            }
            Step::Crash => world.reopen().await,
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn fifo_queues_do_what_the_obvious_model_does(by_group: bool, steps in prop::collection::vec(step(), 1..50)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(walk(by_group, steps))?;
    }
}
