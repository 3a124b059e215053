//! For tests: the service with its consumer, stepped by hand.

use std::sync::Arc;

use base::time::DAY_MS;
use journal::{Journal, ReadLimit};
use serde_json::Value;
use worker::Consumer;

use crate::delivery::worker::{Digests, Stuck};
use crate::testing::{World, run};
use crate::{CloudTrail, Delivery};

/// A service with its consumer, stepped by hand.
pub struct Stepped {
    pub ct: Arc<CloudTrail>,
    pub delivery: Delivery,
}

impl Stepped {
    pub async fn open(world: &World) -> Stepped {
        let ct = world.open().await;
        let delivery = Delivery::open(Arc::clone(&ct.shared)).await.unwrap();
        Stepped { ct, delivery }
    }

    pub async fn call(&self, op: &str, input: Value) -> Value {
        run(&self.ct, "us-east-1", op, input).await.unwrap()
    }

    /// Takes what is in the journal, cuts, and lets each worker do one round.
    pub async fn round(&mut self, world: &World) -> Vec<Stuck> {
        loop {
            let entries = world.journal.read(self.delivery.needs(), ReadLimit::default()).unwrap();
            if entries.is_empty() {
                break;
            }
            self.delivery.take(&entries).await.unwrap();
            world.clock.advance(6_000);
            self.delivery.idle().await.unwrap();
        }
        self.delivery.idle().await.unwrap();
        let mut stuck = Vec::new();
        for worker in self.ct.shared.workers() {
            stuck.extend(worker.round(Digests::Due).await.err());
        }
        stuck
    }

    pub async fn days(&mut self, world: &World, days: usize) {
        for _ in 0..days {
            world.clock.advance(DAY_MS);
            self.round(world).await;
        }
    }
}
