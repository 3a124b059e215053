//! Messages of topics under a key of KMS: what is kept of one until it is delivered is sealed, and opened for each attempt. Must never put
//! into a row what such a message says. Source: SNS developer guide, "Securing Amazon SNS data with server-side encryption" and "Managing
//! Amazon SNS encryption keys and costs": a data key per publisher, used for five minutes; publishers need `kms:GenerateDataKey` and
//! `kms:Decrypt`.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::time::MINUTE_MS;
use datakeys::For;
use ports::{Caller, KeyError, Keys, RequestContext};
use serde::{Deserialize, Serialize};
use service::ApiError;

use crate::message::{Attribute, Message};
use crate::store::HeldTopic;
use crate::{Error, Sns};

/// How encryption contexts name a topic.
const KEY_CONTEXT: &str = "aws:sns:topicArn";
/// How long a data key is used again.
const REUSE_MS: i64 = 5 * MINUTE_MS;

/// Who publishes.
pub(crate) struct Publisher<'a> {
    /// The caller.
    pub caller: &'a Caller,
    /// What is known of the call.
    pub request: Option<&'a RequestContext<'a>>,
    /// For a service: on whose behalf.
    pub source_arn: Option<&'a str>,
}

/// What is sealed of a message. AWS seals the text alone; that the rest is sealed too, nobody notices.
#[derive(Serialize, Deserialize)]
struct Said {
    subject: Option<String>,
    text: String,
    texts: BTreeMap<String, String>,
    attributes: BTreeMap<String, Attribute>,
}

impl Sns {
    /// The message as it is kept: sealed, if the topic has a key. Refuses, in AWS's words, if the key cannot be used by who publishes.
    pub(crate) async fn sealed(
        &self,
        topic: &HeldTopic,
        by: &Publisher<'_>,
        message: &Message,
    ) -> Result<Message, ApiError> {
        let Some(key) = topic.get("KmsMasterKeyId") else { return Ok(message.clone()) };
        let none = || Error::KMSNotFound(format!("Key '{key}' does not exist"));
        let keys = self.deps.keys.as_ref().ok_or_else(none)?;
        let key_arn = datakeys::key_arn(key, topic.region, &self.deps.account);
        // A data key in use would outlive its key for minutes.
        let info = keys.describe(topic.region, &key_arn).await.map_err(|error| key_refused(error.into()))?;
        if !info.enabled {
            return Err(Error::KMSDisabled(format!("{} is disabled.", info.arn)).into());
        }
        let topic_arn = topic.arn(&self.deps.account);
        let asked = For {
            caller: by.caller,
            request: by.request,
            source_arn: by.source_arn,
            service: "sns",
            context: KEY_CONTEXT,
            region: topic.region,
            resource_arn: &topic_arn,
            reuse_ms: REUSE_MS,
            now_ms: self.now_ms(),
        };
        let said = Said {
            subject: message.subject.clone(),
            text: message.text.clone(),
            texts: message.texts.clone(),
            attributes: message.attributes.clone(),
        };
        let said = serde_json::to_string(&said).map_err(ApiError::internal)?;
        let sealed = self.data_keys.seal(&**keys, &*self.deps.env.rng, &asked, (&key_arn, &message.id), &said).await;
        Ok(Message {
            subject: None,
            text: String::new(),
            texts: BTreeMap::new(),
            attributes: BTreeMap::new(),
            sealed: Some(sealed.map_err(key_refused)?),
            ..message.clone()
        })
    }

    /// What a message says. The error is a short reason: while its key is disabled, nobody gets it.
    pub(crate) async fn opened(&self, message: &Arc<Message>) -> Result<Arc<Message>, String> {
        let Some(sealed) = &message.sealed else { return Ok(Arc::clone(message)) };
        let keys: &dyn Keys = &**self.deps.keys.as_ref().ok_or("there are no keys")?;
        let said = datakeys::open_permitted(keys, message.region, KEY_CONTEXT, sealed).await;
        let said = said.map_err(|error| format!("the topic's key: {error}"))?;
        let said: Said = serde_json::from_str(&said).map_err(|_| "what was sealed does not read")?;
        Ok(Arc::new(Message {
            subject: said.subject,
            text: said.text,
            texts: said.texts,
            attributes: said.attributes,
            sealed: None,
            ..Message::clone(message)
        }))
    }
}

/// What KMS refuses, as SNS passes it on. Source: SNS API reference, Publish.
fn key_refused(error: datakeys::Error) -> ApiError {
    match error {
        datakeys::Error::Broken(what) => ApiError::internal(what),
        datakeys::Error::Key(KeyError::Unavailable(error)) => error.into(),
        datakeys::Error::Key(KeyError::Refused { code, message }) => match code.as_str() {
            "DisabledException" => Error::KMSDisabled(message),
            "KMSInvalidStateException" | "InvalidKeyUsageException" => Error::KMSInvalidState(message),
            "NotFoundException" => Error::KMSNotFound(message),
            _ => Error::KMSAccessDenied(message),
        }
        .into(),
    }
}
