//! What is done when it is due: keys deleted at the end of their waiting period, imported material dropped at its end, material
//! replaced. Until then answers go by the clock as if it were done already, but for replaced material.

use std::sync::Arc;

use base::{Region, Timestamp};
use ports::KeyEvent;
use service::ApiError;

use crate::Kms;
use crate::key::{Key, Rotation};
use crate::spec::{KeyState, Origin};
use crate::store::{Held, Memory, Step};

/// Grants that go in one commit: below what a commit may hold.
const GRANTS_A_COMMIT: usize = 5_000;

impl Kms {
    /// Does what is due, for each key by itself: one that fails stays for the next round. To be called about once a minute.
    pub async fn round(&self) {
        let now = self.deps.env.clock.now();
        let keys: Vec<Arc<Held>> = self.store.see(|memory| memory.all_keys().cloned().collect());
        for held in keys {
            let due = if held.deletion.is_some_and(|due| due <= now) {
                self.delete(&held).await
            } else if held
                .materials
                .iter()
                .any(|material| is_expired(material.valid_to, now) && material.wrapped.is_some())
            {
                self.drop_expired(&held, now).await
            } else if is_rotation_due(&held, now) {
                self.rotate_due(&held, now).await
            } else {
                Ok(())
            };
            if let Err(error) = due {
                tracing::warn!(key = held.arn, %error, log = error.log, "what was due of a key was not done; it is tried again");
            }
        }
    }

    async fn delete(&self, held: &Held) -> Result<(), ApiError> {
        let Some(region) = Region::parse(&held.region) else { return Ok(()) };
        loop {
            let more = self.store.change(|memory| {
                let Some(held) = current(memory, held) else { return Ok((Vec::new(), false)) };
                let mut steps: Vec<Step> = memory
                    .grants(&held.region, &held.id)
                    .take(GRANTS_A_COMMIT)
                    .cloned()
                    .map(Step::RemoveGrant)
                    .collect();
                if steps.len() == GRANTS_A_COMMIT {
                    return Ok((steps, true));
                }
                let aliases = memory.aliases(region).filter(|alias| alias.key_id == held.id);
                steps.extend(aliases.cloned().map(Step::RemoveAlias));
                steps.push(Step::Remove(held));
                Ok((steps, false))
            });
            if !more.await? {
                return self.tell("DeleteKey", held).await;
            }
        }
    }

    async fn drop_expired(&self, held: &Held, now: Timestamp) -> Result<(), ApiError> {
        self.change_held(held, |key| {
            for material in key.materials.iter_mut().filter(|material| is_expired(material.valid_to, now)) {
                material.wrapped = None;
                material.valid_to = None;
            }
        })
        .await?;
        self.tell("DeleteExpiredKeyMaterial", held).await
    }

    async fn rotate_due(&self, held: &Held, now: Timestamp) -> Result<(), ApiError> {
        let secret = self.generate(held.spec).await?;
        let material = self.material_of(&held.key, &secret).await?;
        let id = material.id.clone();
        self.change_held(held, |key| {
            if let Some(Rotation { period_days, .. }) = key.rotation {
                key.rotation = Some(Key::rotation_from(now, period_days));
            }
            key.rotate(Some(material), &id, now.trunc_secs(), "AUTOMATIC");
        })
        .await?;
        self.tell("RotateKey", held).await
    }

    /// Changes a key if it is still as it was seen.
    async fn change_held(&self, held: &Held, change: impl FnOnce(&mut Key)) -> Result<(), ApiError> {
        self.store
            .change(|memory| {
                let Some(held) = current(memory, held) else { return Ok((Vec::new(), ())) };
                let mut key = held.key.clone();
                change(&mut key);
                Ok((vec![Step::Put(Box::new(key))], ()))
            })
            .await
    }

    async fn tell(&self, name: &'static str, held: &Held) -> Result<(), ApiError> {
        tracing::info!(key = held.arn, "{name}");
        let (Some(records), Some(region)) = (&self.deps.records, Region::parse(&held.region)) else { return Ok(()) };
        let event = KeyEvent {
            name,
            region,
            caller: None,
            invoked_by: None,
            key_arn: Some(held.arn.clone()),
            parameters: Vec::new(),
            context: Vec::new(),
            error: None,
        };
        Ok(records.record(event).await?)
    }
}

fn is_expired(valid_to: Option<Timestamp>, now: Timestamp) -> bool {
    valid_to.is_some_and(|end| end <= now)
}

fn is_rotation_due(held: &Held, now: Timestamp) -> bool {
    held.rotation.is_some_and(|rotation| rotation.next <= now)
        && held.origin == Origin::Kms
        && held.state(now) == KeyState::Enabled
}

/// The key as it is now, if nobody changed it since it was seen.
fn current(memory: &Memory, seen: &Held) -> Option<Arc<Held>> {
    let mut all = memory.all_keys();
    all.find(|held| held.arn == seen.arn).filter(|held| held.is_as(seen)).cloned()
}
