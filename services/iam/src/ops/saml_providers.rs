//! SAML providers. Their metadata are checked to be metadata of an identity provider; signatures in them are not.

use base::Timestamp;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde::Serialize;

use crate::operation::operation;
use crate::ops::paging::page;
use crate::store::{Entity, SamlKey, SamlProvider};
use crate::tags::{self, Keys, Tag};
use crate::{Error, Iam, der, names};

/// Source: IAM user guide, "IAM and AWS STS quotas".
const PROVIDERS_MAX: usize = 100;
/// Source: IAM API reference, UpdateSAMLProvider: "a maximum of two private keys".
const KEYS_MAX: usize = 2;
/// Elements in elements.
const DEPTH_MAX: usize = 64;
/// How long metadata count that do not say.
const VALID_MS: i64 = 100 * 365 * 24 * 60 * 60 * 1000;

fn name_of(iam: &Iam, arn: &str) -> Result<String, Error> {
    let prefix = format!("arn:aws:iam::{}:saml-provider/", iam.account);
    match arn.strip_prefix(&prefix) {
        Some(name) if !name.is_empty() => Ok(name.to_owned()),
        _ if arn.starts_with("arn:") && arn.contains(":saml-provider/") => Err(SamlProvider::missing(arn)),
        _ => Err(Error::InvalidInput(format!("Invalid SAML provider ARN: {arn}"))),
    }
}

/// Until when metadata count, if they say; refused if they are none. Source: SAML 2.0 metadata, section 2.3.2.
fn read_metadata(text: &str) -> Result<Option<Timestamp>, Error> {
    let bad = || Error::InvalidInput("Could not parse metadata".into());
    let mut reader = Reader::from_str(text);
    let (mut depth, mut valid_until, mut entity, mut provider) = (0_usize, None, false, false);
    loop {
        let (start, opens) = match reader.read_event().map_err(|_| bad())? {
            Event::Start(start) => (start, true),
            Event::Empty(start) => (start, false),
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                continue;
            }
            // Entities of a document type could make much of little.
            Event::DocType(_) => return Err(bad()),
            Event::Eof => break,
            _ => continue,
        };
        let name = start.local_name();
        match (depth, name.as_ref()) {
            (0, "EntityDescriptor") if !entity => {
                entity = true;
                for attribute in start.attributes() {
                    let attribute = attribute.map_err(|_| bad())?;
                    if attribute.key.as_ref() == "validUntil" {
                        valid_until = Some(Timestamp::parse_iso8601(&attribute.value).ok_or_else(bad)?);
                    }
                }
            }
            (0, _) => return Err(bad()),
            (1, "IDPSSODescriptor") => provider = true,
            _ => {}
        }
        depth += usize::from(opens);
        if depth > DEPTH_MAX {
            return Err(bad());
        }
    }
    if depth == 0 && entity && provider { Ok(valid_until) } else { Err(bad()) }
}

fn key(iam: &Iam, text: String, now: Timestamp) -> Result<SamlKey, Error> {
    let blocks = der::pem(&text).unwrap_or_default();
    if blocks.len() != 1 || !blocks[0].label.ends_with("PRIVATE KEY") {
        return Err(Error::InvalidInput("The private key must be in PEM format.".into()));
    }
    Ok(SamlKey { id: base::ids::uuid(&*iam.env.rng), created: now.trunc_secs(), private: text })
}

fn check_encryption(provider: &SamlProvider) -> Result<(), Error> {
    if provider.encryption.as_deref() == Some("Required") && provider.keys.is_empty() {
        let text = "A private key is required when the assertion encryption mode is Required.";
        return Err(Error::InvalidInput(text.into()));
    }
    Ok(())
}

operation! {
    /// Makes a provider.
    CreateSAMLProvider on "saml-provider/{Name}"
    takes {
        #[serde(rename = "SAMLMetadataDocument")] metadata: String,
        name: String,
        #[serde(default)] tags: Vec<Tag>,
        assertion_encryption_mode: Option<String>,
        add_private_key: Option<String>,
    }
    gives { #[serde(rename = "SAMLProviderArn")] arn: String, tags: Vec<Tag> }
    |iam, call, input| {
        names::check_name(&input.name, "name")?;
        let valid_until = read_metadata(&input.metadata)?.unwrap_or_else(|| call.time.trunc_secs().plus_ms(VALID_MS));
        let tags = tags::set(Keys::Exact, "SAMLProvider", &[], input.tags)?;
        let keys = input.add_private_key.map(|text| key(iam, text, call.time)).transpose()?;
        let new = SamlProvider {
            v: 1,
            arn: format!("arn:aws:iam::{}:saml-provider/{}", iam.account, input.name),
            uuid: base::ids::iam_id(&*iam.env.rng, "ASAM"),
            name: input.name,
            created: call.time.trunc_secs(),
            valid_until,
            metadata: input.metadata,
            encryption: input.assertion_encryption_mode,
            keys: keys.into_iter().collect(),
            tags,
        };
        check_encryption(&new)?;
        iam.store
            .change(|tx| {
                if tx.get::<SamlProvider>(&new.name).is_some() {
                    let text = format!("SAMLProvider with name {} already exists.", new.name);
                    return Err(Error::EntityAlreadyExists(text).into());
                }
                tx.check_room::<SamlProvider>(PROVIDERS_MAX, "SAMLProvidersPerAccount")?;
                let output = Output { arn: new.arn.clone(), tags: new.tags.clone() };
                tx.put(new);
                Ok(output)
            })
            .await
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ShownKey {
    key_id: String,
    timestamp: Timestamp,
}

operation! {
    /// One provider. Its private keys are not shown.
    GetSAMLProvider on "saml-provider/{SAMLProviderArn}"
    takes { #[serde(rename = "SAMLProviderArn")] arn: String }
    gives {
        #[serde(rename = "SAMLProviderUUID")] uuid: String,
        #[serde(rename = "SAMLMetadataDocument")] metadata: String,
        create_date: Timestamp,
        valid_until: Timestamp,
        tags: Vec<Tag>,
        assertion_encryption_mode: Option<String>,
        private_key_list: Vec<ShownKey>,
    }
    |iam, _call, input| {
        let provider = iam.saml(&input.arn)?;
        let shown = |key: &SamlKey| ShownKey { key_id: key.id.clone(), timestamp: key.created };
        Ok(Output {
            uuid: provider.uuid.clone(),
            metadata: provider.metadata.clone(),
            create_date: provider.created,
            valid_until: provider.valid_until,
            tags: provider.tags.clone(),
            assertion_encryption_mode: provider.encryption.clone(),
            private_key_list: provider.keys.iter().map(shown).collect(),
        })
    }
}

operation! {
    /// Changes a provider's metadata and keys.
    UpdateSAMLProvider on "saml-provider/{SAMLProviderArn}"
    takes {
        #[serde(rename = "SAMLMetadataDocument")] metadata: Option<String>,
        #[serde(rename = "SAMLProviderArn")] arn: String,
        assertion_encryption_mode: Option<String>,
        add_private_key: Option<String>,
        remove_private_key: Option<String>,
    }
    gives { #[serde(rename = "SAMLProviderArn")] arn: String }
    |iam, call, input| {
        let valid_until = input.metadata.as_deref().map(read_metadata).transpose()?;
        let added = input.add_private_key.map(|text| key(iam, text, call.time)).transpose()?;
        iam.edit_saml(&input.arn, |provider| {
            if let Some(metadata) = input.metadata {
                let default = call.time.trunc_secs().plus_ms(VALID_MS);
                provider.metadata = metadata;
                provider.valid_until = valid_until.flatten().unwrap_or(default);
            }
            if let Some(gone) = input.remove_private_key {
                let before = provider.keys.len();
                provider.keys.retain(|key| key.id != gone);
                if provider.keys.len() == before {
                    return Err(Error::InvalidInput(format!("Private key with id {gone} was not found.")));
                }
            }
            provider.keys.extend(added);
            if provider.keys.len() > KEYS_MAX {
                return Err(Error::quota("PrivateKeysPerSAMLProvider", KEYS_MAX));
            }
            provider.encryption = input.assertion_encryption_mode.or(provider.encryption.take());
            check_encryption(provider)
        })
        .await?;
        Ok(Output { arn: input.arn })
    }
}

operation! {
    /// Removes a provider.
    DeleteSAMLProvider on "saml-provider/{SAMLProviderArn}"
    takes { #[serde(rename = "SAMLProviderArn")] arn: String }
    gives {}
    |iam, _call, input| {
        let name = name_of(iam, &input.arn)?;
        iam.store
            .change(|tx| {
                tx.get::<SamlProvider>(&name).ok_or_else(|| SamlProvider::missing(&input.arn))?;
                tx.remove::<SamlProvider>(&name);
                Ok(Output {})
            })
            .await
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    arn: String,
    valid_until: Timestamp,
    create_date: Timestamp,
}

operation! {
    /// All providers.
    ListSAMLProviders on "*"
    takes {}
    gives { #[serde(rename = "SAMLProviderList")] providers: Vec<Listed> }
    |iam, _call, _| {
        let listed = |provider: &std::sync::Arc<SamlProvider>| Listed {
            arn: provider.arn.clone(),
            valid_until: provider.valid_until,
            create_date: provider.created,
        };
        Ok(Output { providers: iam.store.all::<SamlProvider>().iter().map(listed).collect() })
    }
}

operation! {
    /// Sets tags on a provider.
    TagSAMLProvider on "saml-provider/{SAMLProviderArn}"
    takes { #[serde(rename = "SAMLProviderArn")] arn: String, tags: Vec<Tag> }
    gives {}
    |iam, _call, input| {
        iam.edit_saml(&input.arn, |provider| {
            provider.tags = tags::set(Keys::Exact, "SAMLProvider", &provider.tags, input.tags)?;
            Ok(())
        })
        .await?;
        Ok(Output {})
    }
}

operation! {
    /// Takes tags off a provider.
    UntagSAMLProvider on "saml-provider/{SAMLProviderArn}"
    takes { #[serde(rename = "SAMLProviderArn")] arn: String, tag_keys: Vec<String> }
    gives {}
    |iam, _call, input| {
        iam.edit_saml(&input.arn, |provider| {
            tags::unset(Keys::Exact, &mut provider.tags, &input.tag_keys);
            Ok(())
        })
        .await?;
        Ok(Output {})
    }
}

operation! {
    /// The tags of a provider.
    ListSAMLProviderTags on "saml-provider/{SAMLProviderArn}"
    takes { #[serde(rename = "SAMLProviderArn")] arn: String, marker: Option<String>, max_items: Option<i64> }
    gives { tags: Vec<Tag>, is_truncated: bool, marker: Option<String> }
    |iam, _call, input| {
        let mut tags = iam.saml(&input.arn)?.tags.clone();
        tags.sort_by(|one, other| one.key.cmp(&other.key));
        let (tags, marker) = page(tags, |tag| tag.key.clone(), input.marker.as_deref(), input.max_items)?;
        Ok(Output { tags, is_truncated: marker.is_some(), marker })
    }
}

impl Iam {
    fn saml(&self, arn: &str) -> Result<std::sync::Arc<SamlProvider>, Error> {
        let name = name_of(self, arn)?;
        self.store.get::<SamlProvider>(&name).ok_or_else(|| SamlProvider::missing(arn))
    }

    async fn edit_saml(
        &self,
        arn: &str,
        edit: impl FnOnce(&mut SamlProvider) -> Result<(), Error>,
    ) -> Result<(), service::ApiError> {
        let name = self.saml(arn)?.name.clone();
        self.store.edit::<SamlProvider, _>(&name, |provider| Ok(edit(provider)?)).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{PRIVATE_KEY, World};

    fn metadata(attributes: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" \
             entityID=\"x\"{attributes}><md:IDPSSODescriptor><!-- {} --></md:IDPSSODescriptor></md:EntityDescriptor>",
            "x".repeat(1000)
        )
    }

    #[tokio::test]
    async fn a_providers_life() {
        let world = World::new().await;
        let arn = "arn:aws:iam::123456789012:saml-provider/idp";
        let create = json!({"Name": "idp", "SAMLMetadataDocument": metadata("")});
        let made = world.call("CreateSAMLProvider", create.clone()).await.unwrap();
        assert_eq!(made["SAMLProviderArn"], arn);
        assert_eq!(world.code("CreateSAMLProvider", create).await, "EntityAlreadyExists");
        let dated = metadata(" validUntil=\"2033-01-02T03:04:05Z\"");
        let update = json!({"SAMLProviderArn": arn, "SAMLMetadataDocument": dated, "AddPrivateKey": PRIVATE_KEY});
        world.call("UpdateSAMLProvider", update).await.unwrap();
        let tags = json!([{"Key": "k", "Value": "v"}]);
        world.call("TagSAMLProvider", json!({"SAMLProviderArn": arn, "Tags": tags})).await.unwrap();
        let named = json!({"SAMLProviderArn": arn});
        let shown = world.again().await.call("GetSAMLProvider", named.clone()).await.unwrap();
        assert_eq!(shown["ValidUntil"], "2033-01-02T03:04:05Z");
        assert_eq!((&shown["SAMLMetadataDocument"], &shown["Tags"]), (&json!(dated), &tags));
        assert!(!shown.to_string().contains("PRIVATE KEY"));
        let key = shown["PrivateKeyList"][0]["KeyId"].clone();
        let remove = json!({"SAMLProviderArn": arn, "RemovePrivateKey": key});
        world.call("UpdateSAMLProvider", remove.clone()).await.unwrap();
        assert_eq!(world.code("UpdateSAMLProvider", remove).await, "InvalidInput");
        let encrypted = json!({"SAMLProviderArn": arn, "AssertionEncryptionMode": "Required"});
        assert_eq!(world.code("UpdateSAMLProvider", encrypted).await, "InvalidInput");
        world.call("DeleteSAMLProvider", named.clone()).await.unwrap();
        let (code, text) = world.refused("DeleteSAMLProvider", named).await;
        assert_eq!((code.as_str(), text), ("NoSuchEntity", format!("Manifest not found for arn {arn}")));
    }

    #[test]
    fn what_is_no_metadata_is_refused() {
        assert!(read_metadata(&metadata("")).is_ok());
        for text in [
            "x",
            "<a/>",
            "<EntityDescriptor/>",
            "<EntityDescriptor><IDPSSODescriptor/>",
            "<!DOCTYPE x><EntityDescriptor><IDPSSODescriptor/></EntityDescriptor>",
            "<EntityDescriptor validUntil=\"x\"><IDPSSODescriptor/></EntityDescriptor>",
            "<EntityDescriptor><a></IDPSSODescriptor></EntityDescriptor>",
        ] {
            assert!(read_metadata(text).is_err(), "{text}");
        }
        assert!(read_metadata(&format!("<EntityDescriptor>{}", "<a>".repeat(100))).is_err());
    }
}
