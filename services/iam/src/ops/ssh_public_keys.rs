//! Users' public keys for Git repositories. They are kept and shown; nothing here signs in with them.

use base::Timestamp;
use md5::{Digest, Md5};
use serde::Serialize;

use crate::operation::operation;
use crate::ops::named_or_caller;
use crate::ops::paging::page;
use crate::store::{SshKey, User};
use crate::{Error, der};

/// Source: IAM user guide, "IAM and AWS STS quotas".
const KEYS_MAX: usize = 5;
/// Source: IAM API reference, UploadSSHPublicKey: "at least 2048 bits".
const MODULUS_BYTES_MIN: usize = 256;
/// What a key is called in its own bytes. Source: RFC 4253, section 6.6.
const SSH_RSA: &[u8] = b"ssh-rsa";

/// The modelled `SSHPublicKey`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    user_name: String,
    #[serde(rename = "SSHPublicKeyId")]
    id: String,
    fingerprint: String,
    #[serde(rename = "SSHPublicKeyBody")]
    body: String,
    status: &'static str,
    upload_date: Timestamp,
}

/// The modelled `SSHPublicKeyMetadata`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    user_name: String,
    #[serde(rename = "SSHPublicKeyId")]
    id: String,
    status: &'static str,
    upload_date: Timestamp,
}

pub(super) fn status(active: bool) -> &'static str {
    if active { "Active" } else { "Inactive" }
}

fn missing(id: &str) -> Error {
    Error::NoSuchEntity(format!("The Public Key with id {id} cannot be found."))
}

/// An RSA key: modulus and exponent.
struct Rsa {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl Rsa {
    /// From `ssh-rsa …` or PEM.
    fn read(text: &str) -> Result<Rsa, Error> {
        let invalid = || Error::InvalidPublicKey("The public key is malformed or otherwise invalid.".into());
        let text = text.trim();
        let key = if text.starts_with("ssh-rsa ") {
            Rsa::from_ssh(text).ok_or_else(invalid)?
        } else if text.starts_with("-----BEGIN PUBLIC KEY-----") {
            let blocks = der::pem(text).ok_or_else(invalid)?;
            let [block] = blocks.as_slice() else { return Err(invalid()) };
            let (modulus, exponent) = der::rsa_of_info(&block.bytes).ok_or_else(invalid)?;
            Rsa { modulus, exponent }
        } else {
            let text = "The public key encoding format is unsupported or unrecognized.";
            return Err(Error::UnrecognizedPublicKeyEncoding(text.into()));
        };
        if key.modulus.len() < MODULUS_BYTES_MIN || key.exponent.is_empty() {
            return Err(invalid());
        }
        Ok(key)
    }

    fn from_ssh(text: &str) -> Option<Rsa> {
        let bytes = der::unbase64(text.split_ascii_whitespace().nth(1)?)?;
        let (name, rest) = string(&bytes)?;
        let (exponent, rest) = string(rest)?;
        let (modulus, rest) = string(rest)?;
        if name != SSH_RSA || !rest.is_empty() {
            return None;
        }
        Some(Rsa { modulus: der::unsigned(modulus).to_vec(), exponent: der::unsigned(exponent).to_vec() })
    }

    fn ssh_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut put = |part: &[u8], is_number: bool| {
            let sign = is_number && part.first().is_some_and(|first| first & 0x80 != 0);
            let length = u32::try_from(part.len() + usize::from(sign)).unwrap_or(u32::MAX);
            bytes.extend(length.to_be_bytes());
            bytes.extend(sign.then_some(0));
            bytes.extend(part);
        };
        put(SSH_RSA, false);
        put(&self.exponent, true);
        put(&self.modulus, true);
        bytes
    }

    fn ssh(&self) -> String {
        use base64::Engine as _;
        format!("ssh-rsa {}", base64::engine::general_purpose::STANDARD.encode(self.ssh_bytes()))
    }

    fn pem(&self) -> String {
        der::to_pem("PUBLIC KEY", &der::rsa_info(&self.modulus, &self.exponent))
    }

    /// As `ssh-keygen -l -E md5` shows it.
    fn fingerprint(&self) -> String {
        let digits = base::ids::hex(&Md5::digest(self.ssh_bytes()));
        let pairs: Vec<&str> = (0..digits.len()).step_by(2).map(|at| &digits[at..at + 2]).collect();
        pairs.join(":")
    }
}

fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

impl Shown {
    fn of(user: &User, key: &SshKey, body: String) -> Shown {
        Shown {
            user_name: user.name.clone(),
            id: key.id.clone(),
            fingerprint: key.fingerprint.clone(),
            body,
            status: status(key.active),
            upload_date: key.uploaded,
        }
    }
}

operation! {
    /// Takes a public key of a user.
    UploadSSHPublicKey on "user/{UserName}"
    takes { user_name: String, #[serde(rename = "SSHPublicKeyBody")] body: String }
    gives { #[serde(rename = "SSHPublicKey")] key: Shown }
    |iam, call, input| {
        let fingerprint = Rsa::read(&input.body)?.fingerprint();
        let id = base::ids::iam_id(&*iam.env.rng, "APKA");
        let key = iam
            .store
            .edit::<User, _>(&input.user_name, |user| {
                let keys = &mut user.other.ssh_keys;
                if keys.iter().any(|key| key.fingerprint == fingerprint) {
                    let text = "The SSH public key is already associated with the specified IAM user.";
                    return Err(Error::DuplicateSshPublicKey(text.into()).into());
                }
                if keys.len() >= KEYS_MAX {
                    return Err(Error::quota("SSHPublicKeysPerUser", KEYS_MAX).into());
                }
                let uploaded = call.time.trunc_secs();
                let body = input.body.trim_end().to_owned();
                let key = SshKey { id, body: body.clone(), fingerprint, active: true, uploaded };
                keys.push(key.clone());
                Ok(Shown::of(user, &key, body))
            })
            .await?;
        Ok(Output { key })
    }
}

operation! {
    /// A public key, as SSH or as PEM writes it.
    GetSSHPublicKey on "user/{UserName}"
    takes { user_name: String, #[serde(rename = "SSHPublicKeyId")] id: String, encoding: String }
    gives { #[serde(rename = "SSHPublicKey")] key: Shown }
    |iam, _call, input| {
        let user = iam.store.need::<User>(&input.user_name)?;
        let key = user.other.ssh_keys.iter().find(|key| key.id == input.id).ok_or_else(|| missing(&input.id))?;
        let as_pem = input.encoding == "PEM";
        let body = match key.body.starts_with("-----BEGIN") == as_pem {
            true => key.body.clone(),
            false if as_pem => Rsa::read(&key.body)?.pem(),
            false => Rsa::read(&key.body)?.ssh(),
        };
        Ok(Output { key: Shown::of(&user, key, body) })
    }
}

operation! {
    /// Switches a public key on or off.
    UpdateSSHPublicKey on "user/{UserName}"
    takes { user_name: String, #[serde(rename = "SSHPublicKeyId")] id: String, status: String }
    gives {}
    |iam, _call, input| {
        iam.store
            .edit::<User, _>(&input.user_name, |user| {
                let key = user.other.ssh_keys.iter_mut().find(|key| key.id == input.id);
                key.ok_or_else(|| missing(&input.id))?.active = input.status == "Active";
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// Removes a public key.
    DeleteSSHPublicKey on "user/{UserName}"
    takes { user_name: String, #[serde(rename = "SSHPublicKeyId")] id: String }
    gives {}
    |iam, _call, input| {
        iam.store
            .edit::<User, _>(&input.user_name, |user| {
                let keys = &mut user.other.ssh_keys;
                let at = keys.iter().position(|key| key.id == input.id).ok_or_else(|| missing(&input.id))?;
                keys.remove(at);
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// The public keys of a user, or of the caller.
    ListSSHPublicKeys on "user/{UserName}"
    takes { user_name: Option<String>, marker: Option<String>, max_items: Option<i64> }
    gives { #[serde(rename = "SSHPublicKeys")] keys: Vec<Listed>, is_truncated: bool, marker: Option<String> }
    |iam, call, input| {
        let user = iam.store.need::<User>(&named_or_caller(call, input.user_name)?)?;
        let mut keys = user.other.ssh_keys.clone();
        keys.sort_by(|one, other| one.id.cmp(&other.id));
        let (keys, marker) = page(keys, |key| key.id.clone(), input.marker.as_deref(), input.max_items)?;
        let listed = |key: SshKey| Listed {
            user_name: user.name.clone(),
            id: key.id,
            status: status(key.active),
            upload_date: key.uploaded,
        };
        Ok(Output { keys: keys.into_iter().map(listed).collect(), is_truncated: marker.is_some(), marker })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{PUBLIC_KEY, World};

    #[tokio::test]
    async fn a_keys_life() {
        let world = World::new().await;
        world.call("CreateUser", json!({"UserName": "alice"})).await.unwrap();
        let upload = |body: &str| json!({"UserName": "alice", "SSHPublicKeyBody": body});
        let made = world.call("UploadSSHPublicKey", upload(PUBLIC_KEY)).await.unwrap();
        let id = made["SSHPublicKey"]["SSHPublicKeyId"].as_str().unwrap().to_owned();
        let key = |name: &str, value: &str| json!({"UserName": "alice", "SSHPublicKeyId": id, name: value});
        let shown = world.call("GetSSHPublicKey", key("Encoding", "SSH")).await.unwrap();
        let ssh = shown["SSHPublicKey"]["SSHPublicKeyBody"].as_str().unwrap().to_owned();
        assert!(ssh.starts_with("ssh-rsa AAAAB3NzaC1yc2E"));
        assert_eq!(world.code("UploadSSHPublicKey", upload(&format!("{ssh} a@b"))).await, "DuplicateSSHPublicKey");
        assert_eq!(world.code("UploadSSHPublicKey", upload("ssh-rsa AAAA")).await, "InvalidPublicKey");
        assert_eq!(world.code("UploadSSHPublicKey", upload("ssh-ed25519 AAAA")).await, "UnrecognizedPublicKeyEncoding");
        let shown = world.again().await.call("GetSSHPublicKey", key("Encoding", "PEM")).await.unwrap();
        assert_eq!(shown["SSHPublicKey"]["SSHPublicKeyBody"], PUBLIC_KEY.trim_end());
        assert_eq!(Rsa::read(&ssh).unwrap().pem(), PUBLIC_KEY.trim_end());
        world.call("UpdateSSHPublicKey", key("Status", "Inactive")).await.unwrap();
        let listed = world.call("ListSSHPublicKeys", json!({"UserName": "alice"})).await.unwrap();
        assert_eq!(listed["SSHPublicKeys"][0]["Status"], "Inactive");
        let (code, text) = world.refused("DeleteUser", json!({"UserName": "alice"})).await;
        assert_eq!((code.as_str(), text.contains("SSH")), ("DeleteConflict", true));
        let gone = json!({"UserName": "alice", "SSHPublicKeyId": id});
        world.call("DeleteSSHPublicKey", gone.clone()).await.unwrap();
        assert_eq!(world.code("DeleteSSHPublicKey", gone).await, "NoSuchEntity");
        world.call("DeleteUser", json!({"UserName": "alice"})).await.unwrap();
    }
}
