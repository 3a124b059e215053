//! Server certificates: X.509 certificates with their keys. Keys are not shown again, and nobody is told whether a certificate is genuine.

use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair,
    KeyPair,
};
use base::Timestamp;
use serde::Serialize;

use crate::names::{check_name, path_or_root, under};
use crate::operation::operation;
use crate::ops::paging::page;
use crate::store::{Entity, SERVER_CERTIFICATES_MAX, ServerCertificate};
use crate::tags::{self, Keys, Tag};
use crate::{Error, der};

/// The modelled `ServerCertificateMetadata`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    path: String,
    server_certificate_name: String,
    server_certificate_id: String,
    arn: String,
    upload_date: Timestamp,
    expiration: Timestamp,
}

impl Metadata {
    fn of(certificate: &ServerCertificate) -> Metadata {
        Metadata {
            path: certificate.path.clone(),
            server_certificate_name: certificate.name.clone(),
            server_certificate_id: certificate.id.clone(),
            arn: certificate.arn.clone(),
            upload_date: certificate.uploaded,
            expiration: certificate.expires,
        }
    }
}

/// The modelled `ServerCertificate`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    server_certificate_metadata: Metadata,
    certificate_body: String,
    certificate_chain: Option<String>,
    tags: Vec<Tag>,
}

fn taken(name: &str) -> Error {
    Error::EntityAlreadyExists(format!("The Server Certificate with name {name} already exists."))
}

fn malformed(text: &str) -> Error {
    Error::MalformedCertificate(text.to_owned())
}

/// Until when a certificate counts; refused if it, its key or its chain do not fit together.
fn check(body: &str, key: &str, chain: Option<&str>) -> Result<Timestamp, Error> {
    let bad = || malformed("Unable to parse certificate. Please ensure the certificate is in PEM format.");
    let blocks = der::pem(body).ok_or_else(bad)?;
    let [block] = blocks.as_slice() else { return Err(bad()) };
    let certificate = der::certificate(&block.bytes).filter(|_| block.label == "CERTIFICATE").ok_or_else(bad)?;
    let bad_key =
        || malformed("Unable to parse key. Please ensure the key is in PEM format and not protected by a password.");
    let keys = der::pem(key).ok_or_else(bad_key)?;
    // What `openssl ecparam` writes comes before the key.
    let key = keys.iter().find(|block| block.label != "EC PARAMETERS").ok_or_else(bad_key)?;
    if public_half(&key.label, &key.bytes).ok_or_else(bad_key)? != certificate.public_key {
        return Err(Error::KeyPairMismatch("The private key does not match the certificate.".into()));
    }
    if let Some(chain) = chain {
        let bad = || {
            malformed(
                "Unable to validate certificate chain. The certificate chain must start with the immediate signing \
                 certificate, followed by any intermediaries in order. The index within the chain of the invalid \
                 certificate is: 0",
            )
        };
        let mut issuer = certificate.issuer;
        let blocks = der::pem(chain).filter(|blocks| !blocks.is_empty()).ok_or_else(bad)?;
        for block in &blocks {
            let link = der::certificate(&block.bytes).filter(|link| link.subject == issuer).ok_or_else(bad)?;
            issuer = link.issuer;
        }
    }
    Ok(certificate.not_after)
}

/// The public half of a private key, as it stands in certificates.
fn public_half(label: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let rsa = match label {
        "RSA PRIVATE KEY" => RsaKeyPair::from_der(bytes).ok(),
        "PRIVATE KEY" => RsaKeyPair::from_pkcs8(bytes).ok(),
        _ => None,
    };
    if let Some(key) = rsa {
        return Some(key.public_key().as_ref().to_vec());
    }
    let curves = [&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1_SIGNING, &ECDSA_P521_SHA512_ASN1_SIGNING];
    curves.into_iter().find_map(|curve| {
        let key = match label {
            "EC PRIVATE KEY" => EcdsaKeyPair::from_private_key_der(curve, bytes),
            "PRIVATE KEY" => EcdsaKeyPair::from_pkcs8(curve, bytes),
            _ => return None,
        };
        Some(key.ok()?.public_key().as_ref().to_vec())
    })
}

operation! {
    /// Takes a certificate with its key.
    UploadServerCertificate on "server-certificate/{ServerCertificateName}"
    takes {
        path: Option<String>,
        server_certificate_name: String,
        certificate_body: String,
        private_key: String,
        certificate_chain: Option<String>,
        #[serde(default)] tags: Vec<Tag>,
    }
    gives { server_certificate_metadata: Metadata, tags: Vec<Tag> }
    |iam, call, input| {
        let name = input.server_certificate_name;
        check_name(&name, "serverCertificateName")?;
        let path = path_or_root(input.path)?;
        let expires = check(&input.certificate_body, &input.private_key, input.certificate_chain.as_deref())?;
        let new = ServerCertificate {
            v: 1,
            arn: format!("arn:aws:iam::{}:server-certificate{path}{name}", iam.account),
            id: base::ids::iam_id(&*iam.env.rng, "ASCA"),
            name,
            path,
            uploaded: call.time.trunc_secs(),
            expires,
            // Ends of lines around a certificate are not kept.
            body: input.certificate_body.trim().to_owned(),
            chain: input.certificate_chain.map(|chain| chain.trim().to_owned()),
            private: input.private_key,
            tags: tags::set(Keys::Exact, "ServerCertificate", &[], input.tags)?,
        };
        iam.store
            .change(|tx| {
                if tx.get::<ServerCertificate>(&new.name).is_some() {
                    return Err(taken(&new.name).into());
                }
                tx.check_room::<ServerCertificate>(SERVER_CERTIFICATES_MAX, "ServerCertificatesPerAccount")?;
                let output = Output { server_certificate_metadata: Metadata::of(&new), tags: new.tags.clone() };
                tx.put(new);
                Ok(output)
            })
            .await
    }
}

operation! {
    /// One certificate, without its key.
    GetServerCertificate on "server-certificate/{ServerCertificateName}"
    takes { server_certificate_name: String }
    gives { server_certificate: Shown }
    |iam, _call, input| {
        let certificate = iam.store.need::<ServerCertificate>(&input.server_certificate_name)?;
        Ok(Output {
            server_certificate: Shown {
                server_certificate_metadata: Metadata::of(&certificate),
                certificate_body: certificate.body.clone(),
                certificate_chain: certificate.chain.clone(),
                tags: certificate.tags.clone(),
            },
        })
    }
}

operation! {
    /// Renames a certificate, or moves it to another path.
    UpdateServerCertificate on "server-certificate/{ServerCertificateName}"
    takes { server_certificate_name: String, new_path: Option<String>, new_server_certificate_name: Option<String> }
    gives {}
    |iam, _call, input| {
        if let Some(name) = &input.new_server_certificate_name {
            check_name(name, "newServerCertificateName")?;
        }
        let path = input.new_path.map(|path| path_or_root(Some(path))).transpose()?;
        iam.store
            .change(|tx| {
                let mut certificate = tx.need::<ServerCertificate>(&input.server_certificate_name)?;
                let old = certificate.name.to_lowercase();
                if let Some(name) = input.new_server_certificate_name {
                    if name.to_lowercase() != old && tx.get::<ServerCertificate>(&name).is_some() {
                        return Err(taken(&name).into());
                    }
                    certificate.name = name;
                }
                certificate.path = path.unwrap_or(certificate.path);
                let (path, name) = (&certificate.path, &certificate.name);
                certificate.arn = format!("arn:aws:iam::{}:server-certificate{path}{name}", iam.account);
                if name.to_lowercase() != old {
                    tx.remove::<ServerCertificate>(&old);
                }
                tx.put(certificate);
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// Removes a certificate.
    DeleteServerCertificate on "server-certificate/{ServerCertificateName}"
    takes { server_certificate_name: String }
    gives {}
    |iam, _call, input| {
        let name = input.server_certificate_name;
        iam.store
            .change(|tx| {
                tx.get::<ServerCertificate>(&name).ok_or_else(|| ServerCertificate::missing(&name))?;
                tx.remove::<ServerCertificate>(&name);
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// Certificates under a path, by name.
    ListServerCertificates on "*"
    takes { path_prefix: Option<String>, marker: Option<String>, max_items: Option<i64> }
    gives { server_certificate_metadata_list: Vec<Metadata>, is_truncated: bool, marker: Option<String> }
    |iam, _call, input| {
        let mut all = iam.store.all::<ServerCertificate>();
        all.retain(|certificate| under(&certificate.path, input.path_prefix.as_deref()));
        let name = |certificate: &std::sync::Arc<ServerCertificate>| certificate.name.to_lowercase();
        let (found, marker) = page(all, name, input.marker.as_deref(), input.max_items)?;
        let list = found.iter().map(|certificate| Metadata::of(certificate)).collect();
        Ok(Output { server_certificate_metadata_list: list, is_truncated: marker.is_some(), marker })
    }
}

operation! {
    /// Sets tags on a certificate.
    TagServerCertificate on "server-certificate/{ServerCertificateName}"
    takes { server_certificate_name: String, tags: Vec<Tag> }
    gives {}
    |iam, _call, input| {
        iam.store
            .edit::<ServerCertificate, _>(&input.server_certificate_name, |certificate| {
                certificate.tags = tags::set(Keys::Exact, "ServerCertificate", &certificate.tags, input.tags)?;
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// Takes tags off a certificate.
    UntagServerCertificate on "server-certificate/{ServerCertificateName}"
    takes { server_certificate_name: String, tag_keys: Vec<String> }
    gives {}
    |iam, _call, input| {
        iam.store
            .edit::<ServerCertificate, _>(&input.server_certificate_name, |certificate| {
                tags::unset(Keys::Exact, &mut certificate.tags, &input.tag_keys);
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// The tags of a certificate.
    ListServerCertificateTags on "server-certificate/{ServerCertificateName}"
    takes { server_certificate_name: String, marker: Option<String>, max_items: Option<i64> }
    gives { tags: Vec<Tag>, is_truncated: bool, marker: Option<String> }
    |iam, _call, input| {
        let mut tags = iam.store.need::<ServerCertificate>(&input.server_certificate_name)?.tags.clone();
        tags.sort_by(|one, other| one.key.cmp(&other.key));
        let (tags, marker) = page(tags, |tag| tag.key.clone(), input.marker.as_deref(), input.max_items)?;
        Ok(Output { tags, is_truncated: marker.is_some(), marker })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{
        CERTIFICATE, EC_CERTIFICATE, EC_PRIVATE_KEY, EC_PRIVATE_KEY_PKCS8, PRIVATE_KEY, PRIVATE_KEY_PKCS1, World,
    };

    #[tokio::test]
    async fn a_certificates_life() {
        let world = World::new().await;
        let upload = json!({
            "ServerCertificateName": "site", "Path": "/web/", "CertificateBody": CERTIFICATE, "PrivateKey": PRIVATE_KEY,
        });
        let made = world.call("UploadServerCertificate", upload.clone()).await.unwrap();
        let arn = "arn:aws:iam::123456789012:server-certificate/web/site";
        assert_eq!(made["ServerCertificateMetadata"]["Arn"], arn);
        assert_eq!(world.code("UploadServerCertificate", upload).await, "EntityAlreadyExists");
        let site = json!({"ServerCertificateName": "site"});
        let shown = world.again().await.call("GetServerCertificate", site.clone()).await.unwrap();
        assert_eq!(shown["ServerCertificate"]["CertificateBody"], CERTIFICATE.trim_end());
        assert!(!shown.to_string().contains("PRIVATE KEY"));
        let rename = json!({"ServerCertificateName": "site", "NewServerCertificateName": "other", "NewPath": "/"});
        world.call("UpdateServerCertificate", rename).await.unwrap();
        assert_eq!(world.code("GetServerCertificate", site.clone()).await, "NoSuchEntity");
        let listed = world.call("ListServerCertificates", json!({"PathPrefix": "/"})).await.unwrap();
        assert_eq!(listed["ServerCertificateMetadataList"][0]["ServerCertificateName"], "other");
        let tag = json!({"ServerCertificateName": "other", "Tags": [{"Key": "k", "Value": "v"}]});
        world.call("TagServerCertificate", tag).await.unwrap();
        let other = json!({"ServerCertificateName": "other"});
        assert_eq!(world.call("ListServerCertificateTags", other.clone()).await.unwrap()["Tags"][0]["Key"], "k");
        world.call("DeleteServerCertificate", other).await.unwrap();
        assert_eq!(world.code("DeleteServerCertificate", site).await, "NoSuchEntity");
    }

    #[test]
    fn certificates_keys_and_chains_fit_together() {
        for (body, key, chain, expected) in [
            (CERTIFICATE, PRIVATE_KEY, None, ""),
            (CERTIFICATE, PRIVATE_KEY_PKCS1, None, ""),
            (CERTIFICATE, PRIVATE_KEY, Some(CERTIFICATE), ""),
            (EC_CERTIFICATE, EC_PRIVATE_KEY, None, ""),
            (EC_CERTIFICATE, EC_PRIVATE_KEY_PKCS8, None, ""),
            (CERTIFICATE, EC_PRIVATE_KEY, None, "KeyPairMismatch"),
            (CERTIFICATE, PRIVATE_KEY, Some(EC_CERTIFICATE), "MalformedCertificate"),
            (CERTIFICATE, PRIVATE_KEY, Some("x"), "MalformedCertificate"),
            (CERTIFICATE, "x", None, "MalformedCertificate"),
            ("x", PRIVATE_KEY, None, "MalformedCertificate"),
            (PRIVATE_KEY, PRIVATE_KEY, None, "MalformedCertificate"),
        ] {
            let code = check(body, key, chain).err().map_or("", |error| error.code());
            assert_eq!(code, expected, "{body} {key}");
        }
    }
}
