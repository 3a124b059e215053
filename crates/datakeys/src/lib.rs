//! What a service keeps under a key of KMS: a data key per principal and resource, used again for a while, and texts sealed under it. Must
//! never give a text to who may not decrypt with the key, nor one that was not authenticated. Sources: SQS developer guide, "Encryption at
//! rest" and "Key management"; SNS developer guide, "Securing Amazon SNS data with server-side encryption".

use std::collections::HashMap;
use std::sync::Mutex;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base::{Region, Rng};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ports::{Caller, KeyError, KeyUse, Keys, RequestContext};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Data keys kept in clear at one time.
const KEPT_MAX: usize = 1_000;
const KEY_BYTES: usize = 32;

/// A sealed text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The message that it was sealed for: what a redrive gives is another one.
    of: String,
    /// The resource that it was sealed for: dead letters are in another one.
    #[serde(alias = "queue_arn")]
    resource_arn: String,
    /// The data key, encrypted by KMS.
    key: String,
    /// The ARN of the key of KMS; empty where nobody knew it.
    #[serde(default)]
    key_arn: String,
    nonce: String,
    data: String,
}

impl Sealed {
    /// What it takes of memory, about.
    pub fn bytes(&self) -> usize {
        self.data.len() + self.key.len() + self.resource_arn.len()
    }
}

/// Why something was not sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key of KMS did not take part.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// What is kept is damaged, or was sealed for something else.
    #[error("{0}")]
    Broken(&'static str),
}

/// For whom, and for which resource, something is sealed or opened.
pub struct For<'a> {
    /// Who sends or receives.
    pub caller: &'a Caller,
    /// What is known of the call.
    pub request: Option<&'a RequestContext<'a>>,
    /// For a service: on whose behalf.
    pub source_arn: Option<&'a str>,
    /// The service that seals: `sqs`.
    pub service: &'static str,
    /// How the encryption context names the resource: `aws:sqs:arn`.
    pub context: &'static str,
    /// Where the resource is.
    pub region: Region,
    /// The resource.
    pub resource_arn: &'a str,
    /// How long a data key is used again.
    pub reuse_ms: i64,
    /// Now.
    pub now_ms: i64,
}

impl For<'_> {
    fn who(&self) -> String {
        match self.caller {
            // Policies of keys may name what the service acts for.
            Caller::Service { principal } => format!("{principal} {}", self.source_arn.unwrap_or_default()),
            caller => caller.principal_id().unwrap_or_default(),
        }
    }

    fn asked<'b>(&'b self, key: Option<&'b str>, context: &'b [(&'b str, &'b str)]) -> KeyUse<'b> {
        KeyUse {
            caller: self.caller,
            region: self.region,
            key,
            service: self.service,
            source_arn: self.source_arn,
            context,
            request: self.request,
        }
    }
}

/// The ARN of the key that a resource names. A name without an ARN is of the resource's account, whoever asks.
pub fn key_arn(key: &str, region: Region, account: &str) -> String {
    if key.starts_with("arn:") {
        return key.to_owned();
    }
    let kind = if key.starts_with("alias/") { "" } else { "key/" };
    format!("arn:{}:kms:{region}:{account}:{kind}{key}", region.partition())
}

/// Who uses a data key, for which resource, and the key of KMS or the encrypted data key.
type Of = (String, String, Vec<u8>);

#[derive(Clone)]
struct Kept {
    until_ms: i64,
    plaintext: Zeroizing<Vec<u8>>,
    ciphertext: Vec<u8>,
    key_arn: String,
}

/// Data keys in use.
#[derive(Default)]
pub struct DataKeys(Mutex<HashMap<Of, Kept>>);

impl DataKeys {
    fn kept(&self, of: &Of, now_ms: i64) -> Option<Kept> {
        let kept = self.0.lock().expect("no holder of this lock can panic");
        kept.get(of).filter(|kept| kept.until_ms > now_ms).cloned()
    }

    fn keep(&self, of: Of, kept: Kept) {
        let mut all = self.0.lock().expect("no holder of this lock can panic");
        if all.len() >= KEPT_MAX {
            all.clear();
        }
        all.insert(of, kept);
    }

    /// A data key under a key of KMS. A new one is decrypted once before it is used, so who sends needs `kms:Decrypt` too: that is how AWS
    /// makes sure of new data keys.
    async fn data_key(&self, keys: &dyn Keys, asked: &For<'_>, key: &str) -> Result<Kept, KeyError> {
        let of = (asked.who(), asked.resource_arn.to_owned(), key.as_bytes().to_vec());
        if let Some(kept) = self.kept(&of, asked.now_ms) {
            return Ok(kept);
        }
        let context = [(asked.context, asked.resource_arn)];
        let made = keys.generate_data_key(&asked.asked(Some(key), &context), KEY_BYTES).await?;
        keys.decrypt_data_key(&asked.asked(Some(&made.key_arn), &context), &made.ciphertext).await?;
        let kept = Kept {
            until_ms: asked.now_ms + asked.reuse_ms,
            plaintext: Zeroizing::new(made.plaintext),
            ciphertext: made.ciphertext,
            key_arn: made.key_arn,
        };
        self.keep(of, kept.clone());
        Ok(kept)
    }

    /// Seals a text under a key of KMS. `id`: what it is, which must be the same when it is opened.
    pub async fn seal(
        &self,
        keys: &dyn Keys,
        rng: &dyn Rng,
        asked: &For<'_>,
        (key, id): (&str, &str),
        text: &str,
    ) -> Result<Sealed, Error> {
        let kept = self.data_key(keys, asked, key).await?;
        let mut nonce = [0; NONCE_LEN];
        rng.fill(&mut nonce);
        let mut data = text.as_bytes().to_vec();
        cipher(&kept.plaintext)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(id.as_bytes()), &mut data)
            .map_err(|_| Error::Broken("a text was not sealed"))?;
        Ok(Sealed {
            of: id.to_owned(),
            resource_arn: asked.resource_arn.to_owned(),
            key: BASE64.encode(kept.ciphertext),
            key_arn: kept.key_arn,
            nonce: BASE64.encode(nonce),
            data: BASE64.encode(data),
        })
    }

    /// Opens a text for who receives it, who must be allowed `kms:Decrypt`.
    pub async fn open(&self, keys: &dyn Keys, asked: &For<'_>, sealed: &Sealed) -> Result<String, Error> {
        let ciphertext = decoded(&sealed.key)?;
        let of = (asked.who(), sealed.resource_arn.clone(), ciphertext.clone());
        let plaintext = match self.kept(&of, asked.now_ms) {
            Some(kept) => kept.plaintext,
            None => {
                let context = [(asked.context, sealed.resource_arn.as_str())];
                let opened = keys.decrypt_data_key(&asked.asked(None, &context), &ciphertext).await?;
                let plaintext = Zeroizing::new(opened.plaintext);
                let until_ms = asked.now_ms + asked.reuse_ms;
                let kept = Kept { until_ms, plaintext: plaintext.clone(), ciphertext, key_arn: opened.key_arn };
                self.keep(of, kept);
                plaintext
            }
        };
        opened(&plaintext, sealed)
    }
}

/// Opens a text for what was permitted when it was sealed: nobody is asked and nothing recorded, but the key must be there and enabled at
/// this moment. `context`: as when it was sealed.
pub async fn open_permitted(
    keys: &dyn Keys,
    region: Region,
    context: &'static str,
    sealed: &Sealed,
) -> Result<String, Error> {
    let context = [(context, sealed.resource_arn.as_str())];
    let opened_key = keys.open_data_key(region, &sealed.key_arn, &context, &decoded(&sealed.key)?).await?;
    opened(&Zeroizing::new(opened_key.plaintext), sealed)
}

const DAMAGED: Error = Error::Broken("a sealed text does not open");

fn decoded(text: &str) -> Result<Vec<u8>, Error> {
    BASE64.decode(text).map_err(|_| DAMAGED)
}

fn opened(key: &[u8], sealed: &Sealed) -> Result<String, Error> {
    let nonce: [u8; NONCE_LEN] = decoded(&sealed.nonce)?.try_into().map_err(|_| DAMAGED)?;
    let mut data = decoded(&sealed.data)?;
    let text = cipher(key)?
        .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(sealed.of.as_bytes()), &mut data)
        .map_err(|_| DAMAGED)?;
    String::from_utf8(text.to_vec()).map_err(|_| DAMAGED)
}

fn cipher(key: &[u8]) -> Result<LessSafeKey, Error> {
    let key = UnboundKey::new(&AES_256_GCM, key);
    key.map(LessSafeKey::new).map_err(|_| Error::Broken("a data key has the wrong length"))
}

#[cfg(test)]
mod tests;
