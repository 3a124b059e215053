//! [`ports::LogGroups`]: groups that other services deliver into, as the role that the delivery names.

use std::sync::Arc;

use async_trait::async_trait;
use base::Region;
use base::arn::Arn;
use bytes::Bytes;
use http::HeaderMap;
use ports::{AccessRequest, HandOver, LogGroups, LogTarget, LogsTaken, RequestContext};
use service::ApiError;

use crate::Logs;
use crate::entry::From;
use crate::live::EVENT_OVERHEAD_BYTES;
use crate::ops::put_log_events::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, EVENT_BYTES_MAX};
use crate::rows::{Group, Stats, Stream, VERSION};

/// The name of the sessions in which roles are assumed.
const SESSION: &str = "CLOUDWATCH_LOGS_DELIVERY_SESSION";

fn handed(error: ApiError) -> HandOver {
    match error.status {
        500.. => HandOver::Unavailable(error.log.unwrap_or(error.message)),
        _ => HandOver::Invalid(error.message),
    }
}

fn missing(target: &LogTarget) -> HandOver {
    HandOver::NotFound(format!("The log group {} does not exist.", target.group_arn))
}

/// The region and name of the group.
fn place(target: &LogTarget) -> Result<(Region, String), HandOver> {
    let arn = Arn::parse(&target.group_arn).filter(|arn| arn.service == "logs").ok_or_else(|| missing(target))?;
    let region = Region::parse(&arn.region).ok_or_else(|| missing(target))?;
    let name = arn.resource.strip_prefix("log-group:").ok_or_else(|| missing(target))?;
    Ok((region, name.strip_suffix(":*").unwrap_or(name).to_owned()))
}

impl Logs {
    fn target_group(&self, target: &LogTarget) -> Result<Arc<Group>, HandOver> {
        let (region, name) = place(target)?;
        self.store.see(|memory| memory.group(region, &name).cloned()).map_err(|_| missing(target))
    }

    /// Whether the role may be assumed and may write.
    async fn may_write(&self, target: &LogTarget, group: &Group) -> Result<(), HandOver> {
        let resource = format!("{}:log-stream:{}", group.arn(&self.deps.account), target.stream);
        self.may(target, group.region, &["logs:CreateLogStream", "logs:PutLogEvents"], &resource).await
    }

    /// Whether the role may be assumed and may do this.
    async fn may(&self, target: &LogTarget, region: Region, actions: &[&str], resource: &str) -> Result<(), HandOver> {
        let Some(roles) = &self.deps.roles else {
            return Err(HandOver::Unavailable("there are no roles".to_owned()));
        };
        let caller = roles.act_as(&target.by, &target.role_arn, SESSION).await?;
        let headers = HeaderMap::new();
        let context = RequestContext {
            time: self.deps.env.clock.now(),
            region,
            source_ip: target.by.principal,
            tls: None,
            headers: &headers,
            query: "",
            input: None,
            more: &[],
        };
        for action in actions {
            let request = AccessRequest { caller: &caller, action, resource, context: &context };
            if !self.deps.authorizer.decide(&request).await?.is_allow() {
                return Err(HandOver::Denied(format!(
                    "The role {} does not allow {action} on {resource}.",
                    target.role_arn
                )));
            }
        }
        Ok(())
    }

    /// The stream, made if it is not there.
    async fn target_stream(&self, group: &Group, name: &str) -> Result<Arc<Stream>, HandOver> {
        if let Ok(found) = self.store.see(|memory| memory.stream(group.id, name).cloned()) {
            return Ok(found);
        }
        let (id, created) = (self.new_id(), self.deps.env.clock.now().ms());
        let made = self.store.change(|memory, plan| {
            if memory.stream(group.id, name).is_err() && memory.group_by_id(group.id).is_some() {
                let stats = Stats::default();
                plan.put(Stream { v: VERSION, id, group: group.id, name: name.to_owned(), created, stats })?;
            }
            Ok(())
        });
        made.await.map_err(handed)?;
        let found = self.store.see(|memory| memory.stream(group.id, name).cloned());
        found.map_err(|error| HandOver::NotFound(error.message))
    }
}

#[async_trait]
impl LogGroups for Logs {
    async fn check(&self, target: &LogTarget) -> Result<(), HandOver> {
        let group = self.target_group(target)?;
        self.may_write(target, &group).await
    }

    async fn make(&self, target: &LogTarget) -> Result<(), HandOver> {
        if self.target_group(target).is_ok() {
            return Ok(());
        }
        let (region, name) = place(target)?;
        let group = self.plain_group(region, name, self.deps.env.clock.now());
        let resource = format!("{}:log-stream:", group.arn(&self.deps.account));
        self.may(target, region, &["logs:CreateLogGroup"], &resource).await?;
        match self.add_group(group).await {
            // Somebody else made it meanwhile.
            Err(error) if self.target_group(target).is_err() => Err(handed(error)),
            _ => Ok(()),
        }
    }

    async fn put(&self, target: &LogTarget, position: u64, events: Vec<(i64, Bytes)>) -> Result<LogsTaken, HandOver> {
        let group = self.target_group(target)?;
        let source = &target.by.source_arn;
        let all = events.len();
        let fits = |event: &(i64, Bytes)| event.1.len() <= EVENT_BYTES_MAX && !event.1.is_empty();
        let mut events: Vec<(i64, Bytes)> = events.into_iter().filter(fits).collect();
        let taken = LogsTaken { taken: events.len(), too_large: all - events.len() };
        let repeats = position > 0;
        let known = self.live().sources.get(&(group.id, source.clone())).copied().filter(|_| repeats);
        if events.is_empty() || known.is_some_and(|(known, _)| known > position) {
            return Ok(taken);
        }
        self.may_write(target, &group).await?;
        let stream = self.target_stream(&group, &target.stream).await?;
        events.sort_by_key(|(ts, _)| *ts);
        let (mut rest, mut part, mut last) = (&events[..], 0_u32, None);
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |(_, text): &&(i64, Bytes)| {
                bytes += text.len() as u64 + EVENT_OVERHEAD_BYTES;
                bytes <= BATCH_BYTES_MAX
            };
            // An event alone fits always.
            let count = rest.iter().take(BATCH_EVENTS_MAX).take_while(fits).count().max(1);
            let (batch, after) = rest.split_at(count);
            rest = after;
            // Parts that an earlier attempt brought are passed over.
            if known.is_none_or(|known| (position, part) > known) {
                let from = repeats.then(|| From { source: source.clone(), position, part });
                last = Some(self.append(&group, &stream, from, batch).await.map_err(handed)?);
            }
            part += 1;
        }
        if let Some(last) = last {
            self.seen(last).await;
        }
        Ok(taken)
    }
}
