//! Which messages are still needed, and the newest of them themselves. The rest are read again when a subscriber is due.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::Item;
use crate::message::Message;
use crate::signer::SignatureVersion;

/// What messages may take in memory.
const BYTES_MAX: usize = 32 << 20;

/// A message in memory, with the signature that most of its subscribers get.
pub(crate) struct Loaded {
    pub message: Arc<Message>,
    signature: Arc<tokio::sync::OnceCell<(SignatureVersion, String)>>,
}

impl Loaded {
    pub fn new(message: Arc<Message>) -> Arc<Loaded> {
        Arc::new(Loaded { message, signature: Arc::default() })
    }

    /// The same message, opened. It is not kept.
    pub fn opened(&self, message: Arc<Message>) -> Loaded {
        Loaded { message, signature: Arc::clone(&self.signature) }
    }

    /// The signature of the text that all protocols get, made once.
    pub async fn signature<E>(
        &self,
        version: SignatureVersion,
        make: impl Future<Output = Result<String, E>>,
    ) -> Result<String, E> {
        if !self.message.texts.is_empty() {
            return make.await;
        }
        if let Some((of, signature)) = self.signature.get() {
            return if *of == version { Ok(signature.clone()) } else { make.await };
        }
        let made = make.await?;
        let _ = self.signature.set((version, made.clone()));
        Ok(made)
    }
}

#[derive(Default)]
pub(crate) struct Ledger {
    last_number: u64,
    /// How many deliveries of each message are not over.
    open: HashMap<String, usize>,
    loaded: HashMap<String, Arc<Loaded>>,
    order: VecDeque<String>,
    bytes: usize,
}

impl Ledger {
    /// A delivery that an earlier run left.
    pub fn found(&mut self, item: &Item) {
        self.last_number = self.last_number.max(item.number);
        *self.open.entry(item.pending.message.clone()).or_default() += 1;
    }

    pub fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// A message whose deliveries begin.
    pub fn sent(&mut self, message: Arc<Message>, deliveries: usize) {
        *self.open.entry(message.id.clone()).or_default() += deliveries;
        self.keep(Loaded::new(message));
    }

    pub fn keep(&mut self, loaded: Arc<Loaded>) {
        let id = loaded.message.id.clone();
        self.bytes += loaded.message.bytes();
        if let Some(old) = self.loaded.insert(id.clone(), loaded) {
            self.bytes -= old.message.bytes();
        } else {
            self.order.push_back(id);
        }
        while self.bytes > BYTES_MAX || self.order.len() > 2 * self.loaded.len() + 1_024 {
            let Some(oldest) = self.order.pop_front() else { break };
            self.unload(&oldest);
        }
    }

    fn unload(&mut self, id: &str) {
        if let Some(old) = self.loaded.remove(id) {
            self.bytes -= old.message.bytes();
        }
    }

    pub fn loaded(&self, id: &str) -> Option<Arc<Loaded>> {
        self.loaded.get(id).cloned()
    }

    /// A delivery is over; whether it was the last of its message.
    pub fn over(&mut self, id: &str) -> bool {
        let Some(open) = self.open.get_mut(id) else { return false };
        *open = open.saturating_sub(1);
        if *open > 0 {
            return false;
        }
        self.open.remove(id);
        self.unload(id);
        true
    }
}
