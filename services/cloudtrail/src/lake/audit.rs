//! Channels as ways in: who may send events through one, and where they are kept. Events are kept in the stores behind the channel and
//! in the built-in one.

use async_trait::async_trait;
use policy::{Context, Said};
use ports::lake::NewRecord;
use ports::{AccessRequest, AuditChannel, AuditChannels, ChannelError, Sent, StoreId, Unavailable};
use service::ApiError;
use state::Expect;

use super::channel::{self, Ingestion};
use super::data_store::Status;
use super::names::{channel_id, is_uuid};
use super::policies::{self, EXTERNAL_ID, asks_for_external_id};
use crate::CloudTrail;
use crate::error::Error;
use crate::rows::{self, INGESTION};

fn failed(error: ApiError) -> Unavailable {
    Unavailable(error.log.unwrap_or(error.message))
}

#[async_trait]
impl AuditChannels for CloudTrail {
    async fn open(&self, request: &AccessRequest<'_>, external_id: Option<&str>) -> Result<AuditChannel, ChannelError> {
        let account = &self.shared.account;
        let id = channel_id(request.resource, request.context.region, account).map_err(|error| match error {
            Error::ChannelNotFoundException(_) => ChannelError::NotFound,
            _ => ChannelError::Invalid,
        })?;
        let found = channel::get(self, &id).await.map_err(failed)?;
        let found = found.filter(|found| found.value.region == request.context.region);
        let channel = found.ok_or(ChannelError::NotFound)?.value;
        if let Some(policy) = policies::of(&self.shared, &channel.arn).await.map_err(failed)? {
            let more = external_id.map_or_else(Context::new, |word| Context::new().with(EXTERNAL_ID, word));
            let asked = AccessRequest { resource: &channel.arn, ..*request };
            let denied = match policies::decide(&policy, &asked, &more) {
                Said::ExplicitDeny(_) => true,
                // A policy that asks for a word is not got round by being of the account.
                Said::ImplicitDeny => asks_for_external_id(&policy) && !request.caller.is_root(),
                Said::Allow(_) => false,
            };
            if denied {
                return Err(ChannelError::Denied);
            }
        }
        let mut stores = Vec::new();
        for destination in &channel.destinations {
            let id = destination.location.rsplit('/').next().filter(|id| is_uuid(id));
            let Some(id) = id else { continue };
            let store = self.lake.stores.get(id).await.map_err(failed)?;
            if store.is_some_and(|found| found.value.status != Status::PendingDeletion) {
                stores.extend(StoreId::parse(id));
            }
        }
        let account = account.to_string();
        Ok(AuditChannel { arn: channel.arn, id: channel.id, region: channel.region, account, stores })
    }

    async fn keep(&self, channel: &AuditChannel, sent: Sent) -> Result<(), Unavailable> {
        let last = sent.records.last().map(|(id, _)| id.clone());
        let records: Vec<NewRecord> = sent.records.into_iter().map(|(_, record)| record).collect();
        if !records.is_empty() {
            let stores = self.shared.stores().map_err(failed)?;
            for store in &channel.stores {
                stores.append_new(store, records.clone()).await?;
            }
            stores.append_new(&StoreId::events(), records).await?;
        }
        let now_ms = self.shared.env.clock.now().ms();
        let state = &*self.shared.state;
        let unavailable = |error: state::Error| Unavailable(error.to_string());
        let before = rows::get::<Ingestion>(state, INGESTION, channel.id.as_bytes()).await.map_err(unavailable)?;
        let before = before.map(|found| found.value).unwrap_or_default();
        let noted = Ingestion {
            attempt_ms: now_ms,
            attempt_event: last.clone().or(before.attempt_event),
            success_ms: last.as_ref().map_or(before.success_ms, |_| Some(now_ms)),
            success_event: last.or(before.success_event),
            error: sent.error,
        };
        // Of two calls at a time the later one is noted.
        let put = rows::put(INGESTION, channel.id.as_str(), &noted, Expect::Any);
        state.commit(vec![put]).await.map_err(unavailable)?;
        Ok(())
    }
}
