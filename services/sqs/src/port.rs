//! What other services hand to queues.

use async_trait::async_trait;
use base::{Arn, Region};
use datakeys::For;
use http::HeaderMap;
use ports::{Caller, HandOver, QueueMessage, Queues, RequestContext};
use service::ApiError;

use crate::message::{Attributes, check_body, check_identifier, of_port, size_bytes};
use crate::send::{Outgoing, Sender, content_id};
use crate::{Error, KEY_CONTEXT, Sqs};

/// What a refusal is to who hands over.
fn handed(error: ApiError) -> HandOver {
    let text = error.message;
    match error.status {
        500.. => HandOver::Unavailable(error.log.unwrap_or(text)),
        _ if error.code == "QueueDoesNotExist" => HandOver::NotFound(text),
        _ if error.code == "AccessDeniedException" || error.code.starts_with("Kms") => HandOver::Denied(text),
        _ if error.code == "OverLimit" => HandOver::Unavailable(text),
        _ => HandOver::Invalid(text),
    }
}

#[async_trait]
impl Queues for Sqs {
    async fn send(&self, message: QueueMessage) -> Result<String, HandOver> {
        let region = Arn::parse(&message.queue_arn).filter(|arn| *arn.account == *self.deps.account);
        let region = region.and_then(|arn| Region::parse(&arn.region));
        let missing = || HandOver::NotFound(Error::QueueDoesNotExist.to_string());
        let region = region.ok_or_else(missing)?;
        let by = &message.by;
        let caller = Caller::Service { principal: by.principal.into() };
        let headers = HeaderMap::new();
        let more = [
            ("aws:sourcearn", by.source_arn.as_str()),
            ("aws:sourceaccount", &*by.source_account),
            ("aws:sourceowner", &*by.source_account),
        ];
        let now = self.deps.env.clock.now();
        let context = RequestContext {
            time: now,
            region,
            source_ip: by.principal,
            tls: None,
            headers: &headers,
            query: "",
            input: None,
            more: &more,
        };
        // The order of AWS: a queue that is not there is seen before its policy is.
        let live = self.live_by_arn(region, &message.queue_arn).ok_or_else(missing)?;
        self.decide(&caller, &context, &live.arn, "SendMessage").await.map_err(handed)?;
        let setup = live.setup();
        let invalid = |error: Error| HandOver::Invalid(error.to_string());
        check_body(&message.body).map_err(invalid)?;
        let attributes = of_port(message.attributes).map_err(invalid)?;
        let most = setup.number("MaximumMessageSize");
        if size_bytes(&message.body, &attributes) > usize::try_from(most).unwrap_or(usize::MAX) {
            return Err(HandOver::Invalid(format!("Message must be shorter than {most} bytes.")));
        }
        let mut deduplication_id = message.deduplication_id;
        if live.is_fifo {
            let group =
                message.group_id.as_deref().ok_or(Error::MissingParameter("MessageGroupId")).map_err(invalid)?;
            check_identifier("MessageGroupId", group).map_err(invalid)?;
            if deduplication_id.is_none() && setup.is("ContentBasedDeduplication") {
                deduplication_id = Some(content_id(&message.body));
            }
            let id = deduplication_id.as_deref().ok_or(Error::MissingParameter("MessageDeduplicationId"));
            check_identifier("MessageDeduplicationId", id.map_err(invalid)?).map_err(invalid)?;
        }
        let key_user = For {
            caller: &caller,
            request: None,
            service: "sqs",
            context: KEY_CONTEXT,
            source_arn: Some(&by.source_arn),
            region,
            resource_arn: &live.arn,
            reuse_ms: setup.ms("KmsDataKeyReusePeriodSeconds"),
            now_ms: now.ms(),
        };
        let sender = Sender { id: by.principal.to_owned(), key_user };
        let outgoing = Outgoing {
            body: message.body,
            attributes,
            system: Attributes::new(),
            delay_ms: None,
            group: message.group_id,
            deduplication_id,
        };
        let sent = self.put(&live, &sender, vec![outgoing]).await.map_err(handed)?;
        sent.into_iter().next().map(|sent| sent.id).ok_or_else(|| HandOver::Unavailable("nothing was sent".to_owned()))
    }
}
