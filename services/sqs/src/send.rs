//! How messages get into a queue: all of a batch in one commit, and none a second time under a deduplication identifier that is known.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base::ids;
use datakeys::For;
use service::ApiError;
use state::Expect;

use crate::error::{key_refused, storage};
use crate::message::{Attributes, Content, md5_hex, size_bytes};
use crate::queue::{CONTENTS, DEDUPLICATION_MS, ENTRIES, Live, MESSAGES_MAX, SENT, Sent, Setup, sequence};
use crate::shelf::Entry;
use crate::{Error, Sqs};

/// A message on its way into a queue, checked.
#[derive(Clone, Debug, Default)]
pub struct Outgoing {
    pub body: String,
    pub attributes: Attributes,
    pub system: Attributes,
    /// `None`: as the queue says.
    pub delay_ms: Option<i64>,
    pub group: Option<String>,
    /// What a repeated send is known by.
    pub deduplication_id: Option<String>,
}

/// Who sends.
pub struct Sender<'a> {
    /// As receivers see it.
    pub id: String,
    /// For keys.
    pub key_user: For<'a>,
}

/// The digest that stands for a body where the queue goes by contents.
pub fn content_id(body: &str) -> String {
    ids::hex(digest(&SHA256, body.as_bytes()).as_ref())
}

/// What an identifier is known by: alone, or within a group.
fn identifier(setup: &Setup, message: &Outgoing) -> Option<String> {
    let id = message.deduplication_id.as_deref()?;
    match (setup.text("DeduplicationScope"), &message.group) {
        (Some("messageGroup"), Some(group)) => Some(format!("{group}\n{id}")),
        _ => Some(id.to_owned()),
    }
}

impl Sqs {
    /// Puts messages into a queue. Durable when it returns; for those that were there before, what was said of them then.
    pub(crate) async fn put(
        &self,
        live: &Arc<Live>,
        sender: &Sender<'_>,
        messages: Vec<Outgoing>,
    ) -> Result<Vec<Sent>, ApiError> {
        let setup = live.setup();
        let identifiers: Vec<Option<String>> = messages.iter().map(|message| identifier(&setup, message)).collect();
        let turns: BTreeSet<usize> = identifiers.iter().flatten().map(|id| Live::turn(id)).collect();
        let mut held = Vec::with_capacity(turns.len());
        for turn in turns {
            held.push(live.turns[turn].lock().await);
        }
        let now_ms = self.now_ms();
        let mut results: Vec<Sent> = Vec::with_capacity(messages.len());
        let mut fresh: Vec<(u64, Entry, Content, Option<String>)> = Vec::new();
        {
            let mut lying = live.lock_at(now_ms);
            if lying.is_gone {
                return Err(Error::QueueDoesNotExist.into());
            }
            if lying.shelf.len() + messages.len() > MESSAGES_MAX {
                let text = format!("The queue has {MESSAGES_MAX} messages, which is as many as it may have.");
                return Err(Error::OverLimit(text).into());
            }
            let mut in_batch: HashMap<String, Sent> = HashMap::new();
            for (message, identifier) in messages.into_iter().zip(identifiers) {
                let known = identifier.as_ref().and_then(|id| lying.sent(id, now_ms).or(in_batch.get(id)));
                if let Some(known) = known {
                    results.push(known.clone());
                    continue;
                }
                let number = lying.next(now_ms);
                let id = ids::uuid(&*self.deps.env.rng);
                let sequence = live.is_fifo.then(|| sequence(number));
                let sent = Sent { id: id.clone(), sequence: sequence.clone(), until_ms: now_ms + DEDUPLICATION_MS };
                if let Some(identifier) = &identifier {
                    in_batch.insert(identifier.clone(), sent.clone());
                }
                results.push(sent);
                let delay_ms = message.delay_ms.unwrap_or_else(|| setup.ms("DelaySeconds"));
                let entry = Entry {
                    sent_ms: now_ms,
                    visible_ms: now_ms + delay_ms,
                    count: 0,
                    count_before: 0,
                    first_ms: 0,
                    nonce: 0,
                    group: message.group.as_deref().map(Arc::from),
                };
                let content = Content {
                    v: 1,
                    id,
                    md5: md5_hex(message.body.as_bytes()),
                    body: message.body,
                    sealed: None,
                    attributes: message.attributes,
                    system: message.system,
                    sender: sender.id.clone(),
                    deduplication_id: message.deduplication_id.filter(|_| live.is_fifo),
                    sequence,
                    source_arn: None,
                };
                fresh.push((number, entry, content, identifier));
            }
        }
        let deduplicated = results.len() - fresh.len();
        if fresh.is_empty() {
            live.tally.sent(now_ms, [], deduplicated);
            return Ok(results);
        }
        let sizes: Vec<usize> =
            fresh.iter().map(|(_, _, content, _)| size_bytes(&content.body, &content.attributes)).collect();
        if let Some(key) = setup.text("KmsMasterKeyId") {
            for (_, _, content, _) in &mut fresh {
                let body = std::mem::take(&mut content.body);
                content.sealed = Some(self.sealed(&sender.key_user, key, &content.id, &body).await?);
            }
        }
        let mut ops = Vec::with_capacity(fresh.len() * 3 + 1);
        let of = |error: state::Error| storage(&error);
        let mut written = BTreeSet::new();
        for (number, entry, content, identifier) in &fresh {
            let key = live.message_key(*number);
            ops.push(CONTENTS.put_op(&key, content, Expect::Absent).map_err(of)?);
            ops.push(ENTRIES.put_op(&key, entry, Expect::Absent).map_err(of)?);
            if let Some(identifier) = identifier {
                let sent = Sent {
                    id: content.id.clone(),
                    sequence: content.sequence.clone(),
                    until_ms: now_ms + DEDUPLICATION_MS,
                };
                let key = live.sent_key(identifier);
                ops.push(SENT.put_op(&key, &sent, Expect::Any).map_err(of)?);
                written.insert(key);
            }
        }
        // What is written anew is not deleted in the same commit.
        let swept = live.lock().sweep(live, now_ms);
        ops.extend(
            swept.into_iter().filter(|op| !matches!(op, state::Op::Delete { key, .. } if written.contains(key))),
        );
        self.commit_of(live, ops).await?;
        let count = fresh.len();
        {
            let mut lying = live.lock();
            for (number, entry, content, identifier) in fresh {
                lying.shelf.put(number, entry);
                if let Some(identifier) = identifier {
                    let (id, sequence) = (content.id, content.sequence);
                    lying.note_sent(identifier, Sent { id, sequence, until_ms: now_ms + DEDUPLICATION_MS });
                }
            }
        }
        drop(held);
        live.tally.sent(now_ms, sizes, deduplicated);
        live.arrived(count);
        Ok(results)
    }

    async fn sealed(&self, asked: &For<'_>, key: &str, id: &str, body: &str) -> Result<datakeys::Sealed, ApiError> {
        let keys = self.deps.keys.as_ref().ok_or_else(|| Error::KmsNotFound(format!("Key '{key}' does not exist")))?;
        let key_arn = datakeys::key_arn(key, asked.region, &self.deps.account);
        self.data_keys.seal(&**keys, &*self.deps.env.rng, asked, (&key_arn, id), body).await.map_err(key_refused)
    }
}
