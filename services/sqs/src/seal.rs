//! Bodies under a key of KMS: a data key per sender, used again for as long as the queue says, and opened for who receives. Must never
//! give a body to who may not decrypt with the key. Source: SQS developer guide, "Encryption at rest" and "Key management".

use std::collections::HashMap;
use std::sync::Mutex;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base::{Region, Rng};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ports::{Caller, KeyError, KeyUse, Keys, RequestContext};
use serde::{Deserialize, Serialize};
use service::ApiError;
use zeroize::Zeroizing;

use crate::Error;

/// Data keys kept in clear at one time.
const KEPT_MAX: usize = 1_000;
const KEY_BYTES: usize = 32;

/// A sealed body.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sealed {
    /// The message that it was sealed for: what a redrive gives is another one.
    of: String,
    /// The queue that it was sealed for: dead letters are in another one.
    queue_arn: String,
    /// The data key, encrypted by KMS.
    key: String,
    nonce: String,
    data: String,
}

/// For whom, and for which queue, something is sealed or opened.
pub struct For<'a> {
    /// Who sends or receives.
    pub caller: &'a Caller,
    /// What is known of the call.
    pub context: Option<&'a RequestContext<'a>>,
    /// For a service: on whose behalf.
    pub source_arn: Option<&'a str>,
    /// Where the queue is.
    pub region: Region,
    /// The queue.
    pub queue_arn: &'a str,
    /// How long a data key is used again.
    pub reuse_ms: i64,
    /// Now.
    pub now_ms: i64,
}

impl For<'_> {
    fn who(&self) -> String {
        match self.caller {
            Caller::Service { principal } => principal.to_string(),
            caller => caller.principal_id().unwrap_or_default(),
        }
    }

    fn asked<'b>(&'b self, key: Option<&'b str>, context: &'b [(&'b str, &'b str)]) -> KeyUse<'b> {
        KeyUse {
            caller: self.caller,
            region: self.region,
            key,
            service: "sqs",
            source_arn: self.source_arn,
            context,
            request: self.context,
        }
    }
}

/// Who uses a data key, for which queue, and the key of KMS or the encrypted data key.
type Of = (String, String, Vec<u8>);

struct Kept {
    until_ms: i64,
    plaintext: Zeroizing<Vec<u8>>,
    ciphertext: Vec<u8>,
}

/// Data keys in use.
#[derive(Default)]
pub struct DataKeys(Mutex<HashMap<Of, Kept>>);

impl DataKeys {
    fn kept(&self, of: &Of, now_ms: i64) -> Option<(Zeroizing<Vec<u8>>, Vec<u8>)> {
        let kept = self.0.lock().expect("no holder of this lock can panic");
        kept.get(of).filter(|kept| kept.until_ms > now_ms).map(|kept| (kept.plaintext.clone(), kept.ciphertext.clone()))
    }

    fn keep(&self, of: Of, kept: Kept) {
        let mut all = self.0.lock().expect("no holder of this lock can panic");
        if all.len() >= KEPT_MAX {
            all.clear();
        }
        all.insert(of, kept);
    }

    /// Seals a body under a key of KMS.
    pub async fn seal(
        &self,
        keys: &dyn Keys,
        rng: &dyn Rng,
        asked: &For<'_>,
        (key, id): (&str, &str),
        body: &str,
    ) -> Result<Sealed, ApiError> {
        let of = (asked.who(), asked.queue_arn.to_owned(), key.as_bytes().to_vec());
        let (plaintext, ciphertext) = match self.kept(&of, asked.now_ms) {
            Some(kept) => kept,
            None => {
                let context = [("aws:sqs:arn", asked.queue_arn)];
                let made = keys.generate_data_key(&asked.asked(Some(key), &context), KEY_BYTES).await;
                let made = made.map_err(refused)?;
                let plaintext = Zeroizing::new(made.plaintext);
                let until_ms = asked.now_ms + asked.reuse_ms;
                let kept = Kept { until_ms, plaintext: plaintext.clone(), ciphertext: made.ciphertext.clone() };
                self.keep(of, kept);
                (plaintext, made.ciphertext)
            }
        };
        let mut nonce = [0; NONCE_LEN];
        rng.fill(&mut nonce);
        let mut data = body.as_bytes().to_vec();
        cipher(&plaintext)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(id.as_bytes()), &mut data)
            .map_err(|_| ApiError::internal("a body was not sealed"))?;
        let (of, queue_arn) = (id.to_owned(), asked.queue_arn.to_owned());
        Ok(Sealed {
            of,
            queue_arn,
            key: BASE64.encode(ciphertext),
            nonce: BASE64.encode(nonce),
            data: BASE64.encode(data),
        })
    }

    /// Opens a body for who receives it.
    pub async fn open(&self, keys: &dyn Keys, asked: &For<'_>, sealed: &Sealed) -> Result<String, ApiError> {
        let damaged = || ApiError::internal("a sealed body does not open");
        let bytes = |text: &str| BASE64.decode(text).map_err(|_| damaged());
        let ciphertext = bytes(&sealed.key)?;
        let of = (asked.who(), sealed.queue_arn.clone(), ciphertext.clone());
        let plaintext = match self.kept(&of, asked.now_ms) {
            Some((plaintext, _)) => plaintext,
            None => {
                let context = [("aws:sqs:arn", sealed.queue_arn.as_str())];
                let opened = keys.decrypt_data_key(&asked.asked(None, &context), &ciphertext).await;
                let plaintext = Zeroizing::new(opened.map_err(refused)?.plaintext);
                let until_ms = asked.now_ms + asked.reuse_ms;
                self.keep(of, Kept { until_ms, plaintext: plaintext.clone(), ciphertext });
                plaintext
            }
        };
        let nonce: [u8; NONCE_LEN] = bytes(&sealed.nonce)?.try_into().map_err(|_| damaged())?;
        let mut data = bytes(&sealed.data)?;
        let body = cipher(&plaintext)?
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(sealed.of.as_bytes()), &mut data)
            .map_err(|_| damaged())?;
        String::from_utf8(body.to_vec()).map_err(|_| damaged())
    }
}

fn cipher(key: &[u8]) -> Result<LessSafeKey, ApiError> {
    let key = UnboundKey::new(&AES_256_GCM, key);
    key.map(LessSafeKey::new).map_err(|_| ApiError::internal("a data key has the wrong length"))
}

/// What KMS refuses, as SQS passes it on.
fn refused(error: KeyError) -> ApiError {
    match error {
        KeyError::Unavailable(error) => error.into(),
        KeyError::Refused { code, message } => match code.as_str() {
            "DisabledException" => Error::KmsDisabled(message),
            "KMSInvalidStateException" => Error::KmsInvalidState(message),
            "InvalidKeyUsageException" => Error::KmsInvalidKeyUsage(message),
            "NotFoundException" => Error::KmsNotFound(message),
            _ => Error::KmsAccessDenied(message),
        }
        .into(),
    }
}
