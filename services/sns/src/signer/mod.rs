//! The key that messages are signed with, and its certificate, one for the whole server: made when first needed, kept in `state`, never
//! logged. Source: SNS developer guide, "Verifying the signatures of Amazon SNS messages".

mod certificate;
mod sha1_rsa;

use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base::Env;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use state::{Expect, Op, State, Table};
use tokio::sync::OnceCell;

use sha1_rsa::Sha1Rsa;

const KEYS: Table = "sns/signing-key";
/// What the path of the certificate begins with: no bucket can be named so, as names of buckets have no upper-case letters.
const PATH_PREFIX: &str = "/SimpleNotificationService-";
const PATH_SUFFIX: &str = ".pem";

/// As it is stored. Secret, hence no `Debug`.
#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    /// PKCS #8 DER, base 64. Secret.
    private: String,
    /// X.509 DER, base 64.
    certificate: String,
}

/// See the module.
pub struct Signer {
    env: Env,
    state: Arc<dyn State>,
    held: OnceCell<Arc<Held>>,
}

struct Held {
    pair: KeyPair,
    sha1: Sha1Rsa,
    path: String,
    pem: String,
}

/// A message could not be signed. For our own log.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The table did not read or write.
    #[error("the key that signs notifications: {0}")]
    State(#[from] state::Error),
    /// The key is not one.
    #[error("the key that signs notifications cannot be used: {0}")]
    Key(&'static str),
}

/// How a message is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureVersion {
    /// With SHA-1.
    One,
    /// With SHA-256.
    Two,
}

impl SignatureVersion {
    /// The value of `SignatureVersion`.
    pub fn as_str(self) -> &'static str {
        match self {
            SignatureVersion::One => "1",
            SignatureVersion::Two => "2",
        }
    }
}

impl Signer {
    /// No key is read or made yet.
    pub fn new(env: Env, state: Arc<dyn State>) -> Arc<Signer> {
        Arc::new(Signer { env, state, held: OnceCell::new() })
    }

    /// The signature of a text, base 64.
    pub async fn sign(&self, version: SignatureVersion, text: &str) -> Result<String, SignError> {
        let held = self.held().await?;
        let failed = |_| SignError::Key("it does not sign");
        let mut signature = vec![0; held.pair.public_modulus_len()];
        match version {
            SignatureVersion::One => signature = held.sha1.sign(text.as_bytes()).ok_or(()).map_err(failed)?,
            SignatureVersion::Two => held
                .pair
                .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
                .map_err(|_| failed(()))?,
        }
        Ok(BASE64.encode(signature))
    }

    /// The path that the certificate is served at.
    pub async fn path(&self) -> Result<String, SignError> {
        Ok(self.held().await?.path.clone())
    }

    /// Whether a path may be the certificate's.
    pub fn is_certificate(path: &str) -> bool {
        path.starts_with(PATH_PREFIX) && path.ends_with(PATH_SUFFIX)
    }

    /// The certificate (PEM) at a path.
    pub async fn certificate(&self, path: &str) -> Result<Option<Bytes>, SignError> {
        let held = self.held().await?;
        Ok((held.path == path).then(|| Bytes::from(held.pem.clone())))
    }

    async fn held(&self) -> Result<&Arc<Held>, SignError> {
        self.held.get_or_try_init(|| self.find_or_make()).await
    }

    async fn find_or_make(&self) -> Result<Arc<Held>, SignError> {
        let key = state::key::key(&["1"]);
        if let Some(row) = self.state.get(KEYS, &key).await? {
            return read(&row.value);
        }
        let now = self.env.clock.now();
        let mut serial = [0; 16];
        self.env.rng.fill(&mut serial);
        // Up to seconds.
        let made = tokio::task::spawn_blocking(move || make(now, serial)).await;
        let made = made.map_err(|_| SignError::Key("making it was cut off"))??;
        let value = serde_json::to_vec(&made).map_err(|_| SignError::Key("it does not write"))?;
        let put = Op::Put { table: KEYS, key: key.clone(), value: value.clone().into(), expect: Expect::Absent };
        match self.state.commit(vec![put]).await {
            Ok(_) => read(&value),
            Err(state::Error::Conflict { .. }) => match self.state.get(KEYS, &key).await? {
                Some(row) => read(&row.value),
                None => Err(SignError::Key("it came and went")),
            },
            Err(error) => Err(error.into()),
        }
    }
}

fn make(now: base::Timestamp, serial: [u8; 16]) -> Result<Stored, SignError> {
    let failed = |_| SignError::Key("it was not made");
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
    let private: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(failed)?;
    let unsigned = certificate::unsigned(public.as_ref(), now, serial);
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &unsigned, &mut signature).map_err(failed)?;
    let signed = certificate::signed(&unsigned, &signature);
    Ok(Stored { version: 1, private: BASE64.encode(private.as_ref()), certificate: BASE64.encode(signed) })
}

fn read(row: &[u8]) -> Result<Arc<Held>, SignError> {
    let bad = SignError::Key("its row does not read");
    let Ok(stored) = serde_json::from_slice::<Stored>(row) else { return Err(bad) };
    let (Ok(private), Ok(certificate)) = (BASE64.decode(&stored.private), BASE64.decode(&stored.certificate)) else {
        return Err(bad);
    };
    let pair = KeyPair::from_pkcs8(&private).map_err(|_| SignError::Key("it is no RSA key"))?;
    let sha1 = Sha1Rsa::from_pkcs8(&private).ok_or(SignError::Key("it is no RSA key"))?;
    let name = base::ids::hex(&Md5::digest(&certificate));
    let pem = certificate::pem(&certificate);
    Ok(Arc::new(Held { pair, sha1, path: format!("{PATH_PREFIX}{name}{PATH_SUFFIX}"), pem }))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{
        RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    };

    use super::*;

    #[tokio::test]
    async fn signatures_hold_under_the_certificates_key_after_a_restart_too() {
        let state: Arc<dyn State> = Arc::new(state::Memory::new());
        let signer = Signer::new(system::env(), Arc::clone(&state));
        let old = signer.sign(SignatureVersion::One, "text").await.unwrap();
        let signer = Signer::new(system::env(), state);
        assert_eq!(signer.sign(SignatureVersion::One, "text").await.unwrap(), old);
        let path = signer.path().await.unwrap();
        assert!(Signer::is_certificate(&path), "{path}");
        assert!(signer.certificate("/SimpleNotificationService-0.pem").await.unwrap().is_none());
        let pem = signer.certificate(&path).await.unwrap().unwrap();
        assert!(pem.starts_with(b"-----BEGIN CERTIFICATE-----\n"), "{pem:?}");
        let key = signer.held().await.unwrap().pair.public_key().as_ref().to_vec();
        for (version, algorithm) in [
            (SignatureVersion::One, &RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY),
            (SignatureVersion::Two, &RSA_PKCS1_2048_8192_SHA256),
        ] {
            let signature = BASE64.decode(signer.sign(version, "text").await.unwrap()).unwrap();
            let key = UnparsedPublicKey::new(algorithm, &key);
            assert!(key.verify(b"text", &signature).is_ok(), "{version:?}");
            assert!(key.verify(b"other", &signature).is_err(), "{version:?}");
        }
    }
}
