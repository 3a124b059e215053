//! [`ports::Keys`]: keys for other services, under the keys' own policies.

use async_trait::async_trait;
use base::Region;
use http::HeaderMap;
use ports::{Caller, DataKey, KeyError, KeyEvent, KeyInfo, KeyUse, Keys, PlainKey, RequestContext, Unavailable};
use service::ApiError;
use zeroize::Zeroizing;

use crate::access::Ask;
use crate::crypto::ciphertext::{self, EncryptionContext};
use crate::spec::{EncryptionAlgorithm, KeyState, KeyUsage};
use crate::store::Held;
use crate::{Error, Kms};

#[async_trait]
impl Keys for Kms {
    async fn describe(&self, region: Region, key: &str) -> Result<KeyInfo, KeyError> {
        let held = self.resolve_or_make(region, key).await.map_err(refused)?;
        Ok(KeyInfo {
            arn: held.arn.clone(),
            enabled: held.state(self.deps.env.clock.now()) == KeyState::Enabled,
            symmetric: held.spec.is_symmetric(),
            managed: held.managed_for.is_some(),
        })
    }

    async fn generate_data_key(&self, asked: &KeyUse<'_>, bytes: usize) -> Result<DataKey, KeyError> {
        let (made, arn) = self.data_key(asked, bytes, true).await;
        let mut parameters = vec![("keyId", asked.key.unwrap_or_default().to_owned())];
        match bytes {
            32 => parameters.push(("keySpec", "AES_256".to_owned())),
            16 => parameters.push(("keySpec", "AES_128".to_owned())),
            other => parameters.push(("numberOfBytes", other.to_string())),
        }
        self.told("GenerateDataKey", asked, arn, parameters, made).await
    }

    async fn decrypt_data_key(&self, asked: &KeyUse<'_>, ciphertext: &[u8]) -> Result<PlainKey, KeyError> {
        let (opened, arn) = self.plain_key(asked, ciphertext, true).await;
        let parameters = vec![("encryptionAlgorithm", "SYMMETRIC_DEFAULT".to_owned())];
        self.told("Decrypt", asked, arn, parameters, opened).await
    }

    async fn permitted_data_key(
        &self,
        region: Region,
        key: &str,
        context: &[(&str, &str)],
        bytes: usize,
    ) -> Result<DataKey, KeyError> {
        let caller = the_server();
        let asked =
            KeyUse { caller: &caller, region, key: Some(key), service: "s3", source_arn: None, context, request: None };
        self.data_key(&asked, bytes, false).await.0.map_err(refused)
    }

    async fn open_data_key(
        &self,
        region: Region,
        key: &str,
        context: &[(&str, &str)],
        ciphertext: &[u8],
    ) -> Result<PlainKey, KeyError> {
        let caller = the_server();
        let asked =
            KeyUse { caller: &caller, region, key: Some(key), service: "s3", source_arn: None, context, request: None };
        self.plain_key(&asked, ciphertext, false).await.0.map_err(refused)
    }
}

impl Kms {
    /// `asks`: whether the policies are to let the caller.
    async fn data_key(
        &self,
        asked: &KeyUse<'_>,
        bytes: usize,
        asks: bool,
    ) -> (Result<DataKey, ApiError>, Option<String>) {
        let named = asked.key.unwrap_or_default();
        let held = match self.resolve_or_make(asked.region, named).await {
            Ok(held) => held,
            Err(error) => return (Err(error), None),
        };
        let arn = Some(held.arn.clone());
        let made = async {
            let context = context_of(asked);
            if asks {
                self.may(asked, &held, named, "GenerateDataKey", &context).await?;
            }
            held.check_enabled(self.deps.env.clock.now())?;
            held.check_usage(KeyUsage::EncryptDecrypt, "GenerateDataKey")?;
            if !held.spec.is_symmetric() {
                let text = format!("{} key spec is {} which is not valid for GenerateDataKey.", held.arn, held.spec);
                return Err(Error::InvalidKeyUsageException(text).into());
            }
            let mut plaintext = Zeroizing::new(vec![0; bytes]);
            self.deps.env.rng.fill(&mut plaintext);
            let sealed = self.encrypt_under(&held, EncryptionAlgorithm::Symmetric, &context, &plaintext).await?;
            let plaintext = std::mem::take(&mut *plaintext);
            Ok(DataKey { plaintext, ciphertext: sealed.ciphertext, key_arn: held.arn.clone() })
        };
        (made.await, arn)
    }

    /// `asks`: whether the policies are to let the caller.
    async fn plain_key(
        &self,
        asked: &KeyUse<'_>,
        sealed: &[u8],
        asks: bool,
    ) -> (Result<PlainKey, ApiError>, Option<String>) {
        let label = ciphertext::label(sealed).ok_or(Error::InvalidCiphertextException);
        let found =
            label.and_then(|label| self.key(asked.region, &label.key_id).map_err(|_| Error::no_key_of_ciphertext()));
        let held = match found {
            Ok(held) => held,
            Err(error) => return (Err(error.into()), None),
        };
        let arn = Some(held.arn.clone());
        let opened = async {
            let context = context_of(asked);
            if asks {
                self.may(asked, &held, asked.key.unwrap_or_default(), "Decrypt", &context).await?;
            }
            let now = self.deps.env.clock.now();
            held.check_enabled(now)?;
            let mut opened = self.decrypt_under(&held, EncryptionAlgorithm::Symmetric, &context, sealed, now).await?;
            Ok(PlainKey { plaintext: std::mem::take(&mut *opened.plaintext), key_arn: held.arn.clone() })
        };
        (opened.await, arn)
    }

    async fn may(
        &self,
        asked: &KeyUse<'_>,
        held: &Held,
        named: &str,
        operation: &str,
        context: &EncryptionContext,
    ) -> Result<(), ApiError> {
        let via = format!("{}.{}.amazonaws.com", asked.service, asked.region);
        let is_service = matches!(asked.caller, Caller::Service { .. });
        let source = asked.source_arn.map(str::to_owned);
        let source_account = source.as_deref().and_then(|arn| arn.split(':').nth(4)).filter(|text| !text.is_empty());
        let mut ask = Ask::of(held, named, operation)
            .with_context(context)
            .with_some("aws:SourceAccount", source_account.map(str::to_owned))
            .with_some("aws:SourceArn", source);
        if is_service {
            ask = ask.with("aws:PrincipalIsAWSService", "true");
        } else {
            ask = ask.with("kms:ViaService", via).with("aws:ViaAWSService", "true");
        }
        let headers = HeaderMap::new();
        let own = RequestContext {
            time: self.deps.env.clock.now(),
            region: asked.region,
            source_ip: "",
            tls: None,
            headers: &headers,
            query: "",
            input: None,
            more: &[],
        };
        self.decide(asked.caller, asked.request.unwrap_or(&own), ask).await.map(drop)
    }

    /// The outcome, once it is recorded.
    async fn told<T>(
        &self,
        name: &'static str,
        asked: &KeyUse<'_>,
        key_arn: Option<String>,
        parameters: Vec<(&'static str, String)>,
        outcome: Result<T, ApiError>,
    ) -> Result<T, KeyError> {
        if let Some(records) = &self.deps.records {
            let event = KeyEvent {
                name,
                region: asked.region,
                caller: Some(asked.caller.clone()),
                invoked_by: Some(format!("{}.amazonaws.com", asked.service)),
                key_arn,
                parameters,
                context: asked.context.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
                error: outcome.as_ref().err().map(|error| (error.code.to_string(), error.message.clone())),
            };
            records.record(event).await.map_err(KeyError::Unavailable)?;
        }
        outcome.map_err(refused)
    }
}

/// Who uses keys where nobody is asked.
fn the_server() -> Caller {
    Caller::Service { principal: "s3.amazonaws.com".into() }
}

fn context_of(asked: &KeyUse<'_>) -> EncryptionContext {
    asked.context.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn refused(error: ApiError) -> KeyError {
    match error.log {
        Some(log) if error.status >= 500 => KeyError::Unavailable(Unavailable(log)),
        _ => KeyError::Refused { code: error.code.into_owned(), message: error.message },
    }
}
