//! A KMS that keeps our master keys wrapped: AWS's, or another Cairn's, reached by AWS's own protocol. A key comes from there in clear
//! only over TLS, or from this machine; it is never on disk in clear, and what is said of a failure never holds it. Source: KMS API
//! reference, GenerateDataKeyWithoutPlaintext, Encrypt, Decrypt.

use std::net::IpAddr;

use base::Env;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use clap::Args;
use http::{HeaderMap, HeaderValue, header};
use outbound::{HttpOut, Reach};
use ports::{Outbound, OutboundRequest};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::commands::Failure;

/// The settings as they were given.
#[derive(Args, Clone, Default, serde::Deserialize, serde::Serialize)]
#[serde(default)]
pub struct MasterKmsSettings {
    /// Keep those keys wrapped by this key of a KMS, of AWS or of another Cairn: its ARN, identifier or alias [default: they lie in
    /// the file as they are].
    #[arg(long, env = "CAIRN_MASTER_KMS_KEY_ID", value_name = "KEY")]
    master_kms_key_id: Option<String>,
    /// The endpoint of that KMS, if it is not AWS: https://HOST, or http:// on this machine.
    #[arg(long, env = "CAIRN_MASTER_KMS_ENDPOINT", value_name = "URL")]
    master_kms_endpoint: Option<String>,
    /// The region of that key [default: us-east-1].
    #[arg(long, env = "CAIRN_MASTER_KMS_REGION", value_name = "REGION")]
    master_kms_region: Option<String>,
    /// The access key for that KMS.
    #[arg(long, env = "CAIRN_MASTER_KMS_ACCESS_KEY_ID", value_name = "KEY")]
    master_kms_access_key_id: Option<String>,
    /// The secret that belongs to it.
    #[arg(long, env = "CAIRN_MASTER_KMS_SECRET_ACCESS_KEY", value_name = "SECRET", hide_env_values = true)]
    master_kms_secret_access_key: Option<String>,
}

/// The KMS and the key, as the settings name them.
#[derive(Clone)]
pub struct MasterKms {
    endpoint: String,
    key_id: String,
    region: String,
    credentials: sigv4::Credentials,
    /// What was wrapped for one account does not open for another, nor for another use.
    account: String,
}

/// For all of one call: a server that cannot start is to say so soon.
const TIMEOUT_MS: u64 = 20_000;
/// Answers with a wrapped key are about a kilobyte.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// What the operations answer with, as far as we need it.
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    plaintext: String,
    #[serde(default)]
    ciphertext_blob: String,
}

impl MasterKmsSettings {
    /// These settings, and the others' where these say nothing.
    pub fn or(self, other: MasterKmsSettings) -> MasterKmsSettings {
        MasterKmsSettings {
            master_kms_key_id: self.master_kms_key_id.or(other.master_kms_key_id),
            master_kms_endpoint: self.master_kms_endpoint.or(other.master_kms_endpoint),
            master_kms_region: self.master_kms_region.or(other.master_kms_region),
            master_kms_access_key_id: self.master_kms_access_key_id.or(other.master_kms_access_key_id),
            master_kms_secret_access_key: self.master_kms_secret_access_key.or(other.master_kms_secret_access_key),
        }
    }

    /// The KMS for the master keys of an account's server, if one is named.
    pub fn check(self, account: &str) -> Result<Option<MasterKms>, Failure> {
        let region = self.master_kms_region;
        match (self.master_kms_key_id, self.master_kms_access_key_id, self.master_kms_secret_access_key) {
            (None, None, None) if self.master_kms_endpoint.is_none() && region.is_none() => Ok(None),
            (Some(key_id), Some(access_key_id), Some(secret_access_key)) => {
                let region = region.unwrap_or_else(|| "us-east-1".to_owned());
                let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
                let of_aws = || format!("https://kms.{region}.amazonaws.com{suffix}");
                let endpoint = self.master_kms_endpoint.unwrap_or_else(of_aws).trim_end_matches('/').to_owned();
                check_endpoint(&endpoint)?;
                let credentials = sigv4::Credentials { access_key_id, secret_access_key, session_token: None };
                Ok(Some(MasterKms { endpoint, key_id, region, credentials, account: account.to_owned() }))
            }
            _ => {
                let text = "master_kms_key_id, master_kms_access_key_id and master_kms_secret_access_key belong together: give all \
                            three or none, and endpoint and region only with them";
                Err(text.into())
            }
        }
    }
}

/// Refuses what is no endpoint, and one to which the key would come in clear over the network.
fn check_endpoint(endpoint: &str) -> Result<(), Failure> {
    // With a password in it, it is not shown.
    let shown = if endpoint.contains('@') { "what is given".to_owned() } else { format!("{endpoint:?}") };
    let bad = || format!("master_kms_endpoint: {shown} is not https://HOST or https://HOST:PORT");
    let uri: http::Uri = endpoint.parse().map_err(|_| bad())?;
    let host = uri.host().ok_or_else(bad)?;
    let is_whole = uri.path() == "/" && uri.query().is_none() && !endpoint.contains('@');
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    let is_here = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") if is_whole => Ok(()),
        Some("http") if is_whole && is_here => Ok(()),
        Some("http") if is_whole => Err(format!(
            "master_kms_endpoint: {endpoint:?} would send the master key over the network in clear; write https://, http:// only for \
             this machine"
        )
        .into()),
        _ => Err(bad().into()),
    }
}

impl MasterKms {
    /// A new key, wrapped. Its clear text is nowhere yet.
    pub async fn make(&self, env: &Env) -> Result<String, Failure> {
        let mut input = self.input();
        input["KeySpec"] = json!("AES_256");
        self.wrapped("GenerateDataKeyWithoutPlaintext", env, input.to_string()).await
    }

    /// A key that there is already, wrapped.
    pub async fn wrap(&self, env: &Env, key: &[u8]) -> Result<String, Failure> {
        // Base64 needs no escapes in JSON.
        let key = Zeroizing::new(STANDARD.encode(key));
        let rest = self.input().to_string();
        let input = Zeroizing::new(format!("{{\"Plaintext\":\"{}\",{}", *key, rest.trim_start_matches('{')));
        self.wrapped("Encrypt", env, String::clone(&input)).await
    }

    async fn wrapped(&self, operation: &str, env: &Env, input: String) -> Result<String, Failure> {
        let wrapped = self.call(operation, env, input).await?.ciphertext_blob;
        if wrapped.is_empty() { Err(self.no_kms(operation, "it holds no CiphertextBlob")) } else { Ok(wrapped) }
    }

    /// The key that was wrapped so. Whatever the ciphertext says, only our own key may have wrapped it.
    pub async fn unwrap(&self, env: &Env, wrapped: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let mut input = self.input();
        input["CiphertextBlob"] = json!(wrapped);
        let answer = self.call("Decrypt", env, input.to_string()).await?;
        let text = Zeroizing::new(answer.plaintext);
        let key = STANDARD.decode(text.as_bytes()).map(Zeroizing::new);
        key.map_err(|_| self.no_kms("Decrypt", "its Plaintext is not in base64"))
    }

    fn input(&self) -> Value {
        let context = json!({ "cairn:use": "kms-master-key", "cairn:account": self.account });
        json!({ "KeyId": self.key_id, "EncryptionContext": context })
    }

    async fn call(&self, operation: &str, env: &Env, input: String) -> Result<Answer, Failure> {
        let input = Zeroizing::new(input.into_bytes());
        let request = self.signed(operation, env, input)?;
        let http = HttpOut::new(Reach::Private);
        let http = http.map_err(|error| format!("reading this machine's certificates: {error}"))?;
        let answer = http.send(request).await.map_err(|why| {
            format!(
                "master_kms_endpoint: the KMS at {} was not reached ({why}), and the master key is wrapped by its key {}: see that it \
                 runs and can be reached from here",
                self.endpoint, self.key_id
            )
        })?;
        let body = Zeroizing::new(Vec::from(answer.body));
        if answer.status != 200 {
            return Err(self.refused(operation, answer.status, &body));
        }
        serde_json::from_slice(&body).map_err(|_| self.no_kms(operation, "it is not the JSON that was expected"))
    }

    fn signed(&self, operation: &str, env: &Env, body: Zeroizing<Vec<u8>>) -> Result<OutboundRequest, Failure> {
        let host = self.endpoint.split_once("://").map_or(&*self.endpoint, |(_, host)| host);
        let value = |text: &str| HeaderValue::from_str(text).map_err(|_| "master_kms_endpoint: it cannot be sent");
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, value(host)?);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
        headers.insert("x-amz-target", value(&format!("TrentService.{operation}"))?);
        let (credentials, region) = (&self.credentials, &*self.region);
        let signer = sigv4::Signer { credentials, region, service: "kms", time: env.clock.now() };
        let unsigned = sigv4::SignedRequest { method: "POST", path: "/", query: "", headers: &headers };
        let added = signer.headers(&unsigned, &sigv4::sha256_hex(&body));
        let added = added.map_err(|_| "master_kms_access_key_id or master_kms_region: it cannot be sent")?;
        headers.extend(added);
        headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("cairn/", env!("CARGO_PKG_VERSION"))));
        let text = |(name, value): (&http::HeaderName, &HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        };
        Ok(OutboundRequest {
            method: "POST",
            url: format!("{}/", self.endpoint),
            headers: headers.iter().filter_map(text).collect(),
            body: Bytes::from_owner(body),
            timeout_ms: TIMEOUT_MS,
            answer_bytes_max: ANSWER_BYTES_MAX,
        })
    }

    fn no_kms(&self, operation: &str, why: &str) -> Failure {
        let endpoint = &self.endpoint;
        format!("master_kms_endpoint: what {endpoint} answered to {operation} is no KMS's answer: {why}").into()
    }

    fn refused(&self, operation: &str, status: u16, body: &[u8]) -> Failure {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |names: [&str; 2]| names.iter().find_map(|name| body[*name].as_str()).map(str::to_owned);
        let code = text(["__type", "code"]).unwrap_or_else(|| status.to_string());
        let code = code.rsplit('#').next().unwrap_or_default();
        let message = text(["message", "Message"]).unwrap_or_else(|| "it gave no reason".to_owned());
        let advice = match code {
            "AccessDeniedException" => {
                "whoever has master_kms_access_key_id must be allowed kms:GenerateDataKeyWithoutPlaintext and kms:Decrypt on it \
                 (kms:Encrypt, to wrap a key that there is)"
            }
            "DisabledException" | "KMSInvalidStateException" => {
                "a key that is enabled is expected: enable it and start again"
            }
            "NotFoundException" => "a key of master_kms_region is expected",
            "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "SignatureDoesNotMatch"
            | "InvalidSignatureException"
            | "IncompleteSignatureException" => {
                "check master_kms_access_key_id and master_kms_secret_access_key, and this machine's clock"
            }
            "InvalidCiphertextException" | "IncorrectKeyException" => {
                "what is kept was wrapped by another key, or for another account_id, or was changed: restore the file, or name its key"
            }
            _ => "an enabled key that encrypts and decrypts is expected",
        };
        let MasterKms { endpoint, key_id, .. } = self;
        format!(
            "master_kms_key_id: the KMS at {endpoint} refused {operation} with {key_id}: {code}: {message}\n{advice}"
        )
        .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(endpoint: Option<&str>, region: Option<&str>) -> MasterKmsSettings {
        MasterKmsSettings {
            master_kms_key_id: Some("alias/cairn".to_owned()),
            master_kms_endpoint: endpoint.map(str::to_owned),
            master_kms_region: region.map(str::to_owned),
            master_kms_access_key_id: Some("AKIAEXAMPLE".to_owned()),
            master_kms_secret_access_key: Some("hunter2".to_owned()),
        }
    }

    #[test]
    fn endpoints_are_aws_s_or_safe() {
        let check = |endpoint: Option<&str>, region: Option<&str>, expected: Result<&str, &str>| {
            let found = settings(endpoint, region).check("123456789012").map(|kms| kms.unwrap().endpoint);
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(error), Err(part)) => {
                    let error = error.to_string();
                    assert!(error.contains(part) && !error.contains("hunter2"), "{error}");
                }
                (found, _) => panic!("{endpoint:?}: {:?}", found.map_err(|error| error.to_string())),
            }
        };
        check(None, None, Ok("https://kms.us-east-1.amazonaws.com"));
        check(None, Some("cn-north-1"), Ok("https://kms.cn-north-1.amazonaws.com.cn"));
        check(Some("https://kms.example:4566/"), None, Ok("https://kms.example:4566"));
        check(Some("http://127.0.0.1:4566"), None, Ok("http://127.0.0.1:4566"));
        check(Some("http://[::1]:4566"), None, Ok("http://[::1]:4566"));
        check(Some("http://kms.example"), None, Err("in clear"));
        check(Some("http://10.0.0.1"), None, Err("in clear"));
        check(Some("https://u:p@kms.example"), None, Err("is not https://HOST"));
        check(Some("https://kms.example/path"), None, Err("is not https://HOST"));
        check(Some("kms.example"), None, Err("is not https://HOST"));
    }

    #[test]
    fn settings_belong_together() {
        assert!(MasterKmsSettings::default().check("123456789012").unwrap().is_none());
        let without = |change: fn(&mut MasterKmsSettings)| {
            let mut settings = settings(None, None);
            change(&mut settings);
            settings.check("123456789012").err().expect("something is missing").to_string()
        };
        for error in [
            without(|settings| settings.master_kms_key_id = None),
            without(|settings| settings.master_kms_secret_access_key = None),
            without(|settings| {
                let region = Some("eu-west-1".to_owned());
                *settings = MasterKmsSettings { master_kms_region: region, ..MasterKmsSettings::default() };
            }),
        ] {
            assert!(error.contains("belong together"), "{error}");
        }
    }

    #[test]
    fn refusals_say_what_to_do() {
        let kms = settings(Some("http://127.0.0.1:1"), None).check("123456789012").unwrap().unwrap();
        let check = |body: &str, expected: &str| {
            let error = kms.refused("Decrypt", 400, body.as_bytes()).to_string();
            assert!(error.starts_with("master_kms_key_id: the KMS at http://127.0.0.1:1 refused Decrypt"), "{error}");
            assert!(error.contains(expected), "{error}");
        };
        check(
            r#"{"__type":"DisabledException","message":"arn is disabled."}"#,
            "arn is disabled.\na key that is enabled",
        );
        check(r#"{"__type":"x#AccessDeniedException","Message":"no"}"#, "AccessDeniedException: no\nwhoever has");
        check("<html>", "400: it gave no reason");
    }
}
