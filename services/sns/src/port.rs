//! [`Topics`]: what other services publish, under topics' own policies.

use std::collections::BTreeMap;

use async_trait::async_trait;
use http::HeaderMap;
use ports::{AccessRequest, Caller, HandOver, Notice, OnBehalf, RequestContext, Topics};
use service::ApiError;

use crate::message::{Attribute, Draft};
use crate::publish::Ready;
use crate::sealing::Publisher;
use crate::store::HeldTopic;
use crate::{Sns, names};

/// Services that name no source owner: topics must let them by name. Source: CloudTrail user guide, "Amazon SNS topic policy for CloudTrail".
const WITHOUT_OWNER: [&str; 1] = ["cloudtrail.amazonaws.com"];

fn failed(error: ApiError) -> HandOver {
    match error.status {
        500.. => HandOver::Unavailable(error.log.unwrap_or(error.message)),
        404 => HandOver::NotFound(error.message),
        403 => HandOver::Denied(error.message),
        _ => HandOver::Invalid(error.message),
    }
}

impl Sns {
    async fn find(&self, by: &OnBehalf, topic_arn: &str) -> Result<std::sync::Arc<HeldTopic>, HandOver> {
        let missing = || HandOver::NotFound("Topic does not exist".to_owned());
        let name = names::topic(topic_arn, "TopicArn").map_err(|error| HandOver::Invalid(error.to_string()))?;
        if *name.account != *self.deps.account {
            return Err(missing());
        }
        let topic = self.store.see(|memory| memory.topic(name.region, &name.name)).ok_or_else(missing)?;
        let headers = HeaderMap::new();
        let mut more = vec![("aws:sourcearn", by.source_arn.as_str()), ("aws:sourceaccount", &*by.source_account)];
        if !WITHOUT_OWNER.contains(&by.principal) {
            more.push(("aws:sourceowner", &*by.source_account));
        }
        let context = RequestContext {
            time: self.deps.env.clock.now(),
            region: topic.region,
            source_ip: by.principal,
            tls: None,
            headers: &headers,
            query: "",
            input: None,
            more: &more,
        };
        let caller = Caller::Service { principal: by.principal.into() };
        let request = AccessRequest { caller: &caller, action: "sns:Publish", resource: topic_arn, context: &context };
        let decision = self.deps.authorizer.decide(&request).await?;
        if !decision.is_allow() {
            let text = format!("{} is not authorized to perform: SNS:Publish on resource: {topic_arn}", by.principal);
            return Err(HandOver::Denied(text));
        }
        Ok(topic)
    }
}

#[async_trait]
impl Topics for Sns {
    async fn check(&self, by: &OnBehalf, topic_arn: &str) -> Result<(), HandOver> {
        self.find(by, topic_arn).await.map(|_| ())
    }

    async fn publish(&self, notice: Notice) -> Result<String, HandOver> {
        let topic = self.find(&notice.by, &notice.topic_arn).await?;
        let draft = Draft { message: notice.message, ..Draft::default() };
        let mut checked = draft.check(None).map_err(|error| HandOver::Invalid(error.to_string()))?;
        checked.subject = notice.subject;
        checked.attributes = notice
            .attributes
            .into_iter()
            .map(|(name, kind, value)| (name, Attribute { kind, value }))
            .collect::<BTreeMap<_, _>>();
        let caller = Caller::Service { principal: notice.by.principal.into() };
        let by = Publisher { caller: &caller, request: None, source_arn: Some(&notice.by.source_arn) };
        let ready = Ready {
            checked,
            // Messages of one source stay in order.
            group_id: topic.is_fifo().then(|| notice.by.source_arn.clone()),
            deduplication_id: None,
            once: notice.once.map(|once| format!("{}\n{once}", notice.by.source_arn)),
        };
        let published = Sns::publish(self, &topic, &by, vec![ready]).await.map_err(failed)?;
        Ok(published.into_iter().next().map(|published| published.id).unwrap_or_default())
    }
}
