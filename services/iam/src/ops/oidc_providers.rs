//! OpenID Connect providers: whose tokens STS takes. Nobody is asked over the network: thumbprints that are not given are not looked up.

use base::Timestamp;
use serde::Serialize;

use crate::operation::operation;
use crate::ops::paging::page;
use crate::store::{Entity, OidcProvider};
use crate::tags::{self, Keys, Tag};
use crate::{Error, Iam};

/// Source: IAM user guide, "IAM and AWS STS quotas".
const PROVIDERS_MAX: usize = 100;
const CLIENT_IDS_MAX: usize = 100;
const THUMBPRINTS_MAX: usize = 5;

/// The name of the provider of this ARN: its address without `https://`.
fn name_of(iam: &Iam, arn: &str) -> Result<String, Error> {
    let prefix = format!("arn:aws:iam::{}:oidc-provider/", iam.account);
    match arn.strip_prefix(&prefix) {
        Some(name) if !name.is_empty() => Ok(name.to_owned()),
        _ if arn.starts_with("arn:") && arn.contains(":oidc-provider/") => Err(OidcProvider::missing(arn)),
        _ => Err(Error::InvalidInput(format!("Invalid ARN: {arn}"))),
    }
}

fn check_client_ids(ids: &[String]) -> Result<(), Error> {
    if ids.len() > CLIENT_IDS_MAX {
        return Err(Error::quota("ClientIdsPerOpenIdConnectProvider", CLIENT_IDS_MAX));
    }
    Ok(())
}

fn check_thumbprints(thumbprints: &[String]) -> Result<Vec<String>, Error> {
    if thumbprints.len() > THUMBPRINTS_MAX {
        let text = format!("Thumbprint list must contain fewer than {THUMBPRINTS_MAX} entries.");
        return Err(Error::InvalidInput(text));
    }
    let good = |text: &String| text.len() == 40 && text.chars().all(|c| c.is_ascii_hexdigit());
    if !thumbprints.iter().all(good) {
        return Err(Error::InvalidInput("Thumbprint must be a 40-character hexadecimal string.".into()));
    }
    Ok(thumbprints.iter().map(|text| text.to_ascii_lowercase()).collect())
}

/// What comes after `https://`. Source: IAM API reference, CreateOpenIDConnectProvider, `Url`.
fn address(url: &str) -> Result<String, Error> {
    let rest = url.strip_prefix("https://").map(|rest| rest.trim_end_matches('/'));
    let host = |rest: &str| rest.split('/').next().is_some_and(|host| !host.is_empty() && !host.contains([':', '@']));
    let plain = |rest: &str| !rest.contains(['?', '#', ' ']);
    match rest {
        Some(rest) if host(rest) && plain(rest) => Ok(rest.to_owned()),
        _ => Err(Error::ValidationError("Invalid Open ID Connect Provider URL".into())),
    }
}

operation! {
    /// Makes a provider.
    CreateOpenIDConnectProvider on "oidc-provider/{Url}"
    takes {
        url: String,
        #[serde(rename = "ClientIDList", default)] client_ids: Vec<String>,
        #[serde(default)] thumbprint_list: Vec<String>,
        #[serde(default)] tags: Vec<Tag>,
    }
    gives { #[serde(rename = "OpenIDConnectProviderArn")] arn: String, tags: Vec<Tag> }
    |iam, call, input| {
        let url = address(&input.url)?;
        check_client_ids(&input.client_ids)?;
        let thumbprints = check_thumbprints(&input.thumbprint_list)?;
        let tags = tags::set(Keys::Exact, "OpenIDConnectProvider", &[], input.tags)?;
        let mut client_ids = Vec::new();
        input.client_ids.into_iter().for_each(|id| if !client_ids.contains(&id) { client_ids.push(id) });
        let arn = format!("arn:aws:iam::{}:oidc-provider/{url}", iam.account);
        let created = call.time.trunc_secs();
        let new = OidcProvider { v: 1, url, arn, created, client_ids, thumbprints, tags };
        iam.store
            .change(|tx| {
                if tx.get::<OidcProvider>(&new.url).is_some() {
                    let text = format!("Provider with url https://{} already exists.", new.url);
                    return Err(Error::EntityAlreadyExists(text).into());
                }
                tx.check_room::<OidcProvider>(PROVIDERS_MAX, "OpenIdConnectProvidersPerAccount")?;
                let output = Output { arn: new.arn.clone(), tags: new.tags.clone() };
                tx.put(new);
                Ok(output)
            })
            .await
    }
}

operation! {
    /// One provider.
    GetOpenIDConnectProvider on "oidc-provider/{OpenIDConnectProviderArn}"
    takes { #[serde(rename = "OpenIDConnectProviderArn")] arn: String }
    gives {
        url: String,
        #[serde(rename = "ClientIDList")] client_ids: Vec<String>,
        thumbprint_list: Vec<String>,
        create_date: Timestamp,
        tags: Vec<Tag>,
    }
    |iam, _call, input| {
        let provider = iam.oidc(&input.arn)?;
        Ok(Output {
            url: provider.url.clone(),
            client_ids: provider.client_ids.clone(),
            thumbprint_list: provider.thumbprints.clone(),
            create_date: provider.created,
            tags: provider.tags.clone(),
        })
    }
}

operation! {
    /// Removes a provider. One that is not there is no error.
    DeleteOpenIDConnectProvider on "oidc-provider/{OpenIDConnectProviderArn}"
    takes { #[serde(rename = "OpenIDConnectProviderArn")] arn: String }
    gives {}
    |iam, _call, input| {
        let name = name_of(iam, &input.arn)?;
        iam.store.change(|tx| { tx.remove::<OidcProvider>(&name); Ok(Output {}) }).await
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    arn: String,
}

operation! {
    /// All providers.
    ListOpenIDConnectProviders on "*"
    takes {}
    gives { #[serde(rename = "OpenIDConnectProviderList")] providers: Vec<Listed> }
    |iam, _call, _| {
        let providers = iam.store.all::<OidcProvider>();
        Ok(Output { providers: providers.iter().map(|provider| Listed { arn: provider.arn.clone() }).collect() })
    }
}

operation! {
    /// Lets a provider's tokens be for one more audience. One that is there already is no error.
    AddClientIDToOpenIDConnectProvider on "oidc-provider/{OpenIDConnectProviderArn}"
    takes { #[serde(rename = "OpenIDConnectProviderArn")] arn: String, #[serde(rename = "ClientID")] client_id: String }
    gives {}
    |iam, _call, input| {
        iam.edit_oidc(&input.arn, |provider| {
            if !provider.client_ids.contains(&input.client_id) {
                provider.client_ids.push(input.client_id);
            }
            check_client_ids(&provider.client_ids)
        })
        .await?;
        Ok(Output {})
    }
}

operation! {
    /// Takes an audience away. One that is not there is no error.
    RemoveClientIDFromOpenIDConnectProvider on "oidc-provider/{OpenIDConnectProviderArn}"
    takes { #[serde(rename = "OpenIDConnectProviderArn")] arn: String, #[serde(rename = "ClientID")] client_id: String }
    gives {}
    |iam, _call, input| {
        iam.edit_oidc(&input.arn, |provider| {
            provider.client_ids.retain(|id| *id != input.client_id);
            Ok(())
        })
        .await?;
        Ok(Output {})
    }
}

operation! {
    /// Sets a provider's thumbprints, all of them.
    UpdateOpenIDConnectProviderThumbprint on "oidc-provider/{OpenIDConnectProviderArn}"
    takes { #[serde(rename = "OpenIDConnectProviderArn")] arn: String, thumbprint_list: Vec<String> }
    gives {}
    |iam, _call, input| {
        let thumbprints = check_thumbprints(&input.thumbprint_list)?;
        iam.edit_oidc(&input.arn, |provider| {
            provider.thumbprints = thumbprints;
            Ok(())
        })
        .await?;
        Ok(Output {})
    }
}

operation! {
    /// Sets tags on a provider.
    TagOpenIDConnectProvider on "oidc-provider/{OpenIDConnectProviderArn}"
    takes { #[serde(rename = "OpenIDConnectProviderArn")] arn: String, tags: Vec<Tag> }
    gives {}
    |iam, _call, input| {
        iam.edit_oidc(&input.arn, |provider| {
            provider.tags = tags::set(Keys::Exact, "OpenIDConnectProvider", &provider.tags, input.tags)?;
            Ok(())
        })
        .await?;
        Ok(Output {})
    }
}

operation! {
    /// Takes tags off a provider.
    UntagOpenIDConnectProvider on "oidc-provider/{OpenIDConnectProviderArn}"
    takes { #[serde(rename = "OpenIDConnectProviderArn")] arn: String, tag_keys: Vec<String> }
    gives {}
    |iam, _call, input| {
        iam.edit_oidc(&input.arn, |provider| {
            tags::unset(Keys::Exact, &mut provider.tags, &input.tag_keys);
            Ok(())
        })
        .await?;
        Ok(Output {})
    }
}

operation! {
    /// The tags of a provider.
    ListOpenIDConnectProviderTags on "oidc-provider/{OpenIDConnectProviderArn}"
    takes {
        #[serde(rename = "OpenIDConnectProviderArn")] arn: String,
        marker: Option<String>,
        max_items: Option<i64>,
    }
    gives { tags: Vec<Tag>, is_truncated: bool, marker: Option<String> }
    |iam, _call, input| {
        let mut tags = iam.oidc(&input.arn)?.tags.clone();
        tags.sort_by(|one, other| one.key.cmp(&other.key));
        let (tags, marker) = page(tags, |tag| tag.key.clone(), input.marker.as_deref(), input.max_items)?;
        Ok(Output { tags, is_truncated: marker.is_some(), marker })
    }
}

impl Iam {
    fn oidc(&self, arn: &str) -> Result<std::sync::Arc<OidcProvider>, Error> {
        let name = name_of(self, arn)?;
        self.store.get::<OidcProvider>(&name).ok_or_else(|| OidcProvider::missing(arn))
    }

    async fn edit_oidc(
        &self,
        arn: &str,
        edit: impl FnOnce(&mut OidcProvider) -> Result<(), Error>,
    ) -> Result<(), service::ApiError> {
        let name = self.oidc(arn)?.url.clone();
        self.store.edit::<OidcProvider, _>(&name, |provider| Ok(edit(provider)?)).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::World;

    const ARN: &str = "arn:aws:iam::123456789012:oidc-provider/token.example.com/a";

    #[tokio::test]
    async fn a_providers_life() {
        let world = World::new().await;
        let print = "A031C46782E6E6C662C2C87C76DA9AA62CCABD8E";
        let create =
            json!({"Url": "https://token.example.com/a/", "ClientIDList": ["one", "one"], "ThumbprintList": [print]});
        let made = world.call("CreateOpenIDConnectProvider", create.clone()).await.unwrap();
        assert_eq!(made["OpenIDConnectProviderArn"], ARN);
        assert_eq!(world.code("CreateOpenIDConnectProvider", create).await, "EntityAlreadyExists");
        let arn = |more: serde_json::Value| {
            let mut input = more;
            input["OpenIDConnectProviderArn"] = json!(ARN);
            input
        };
        world.call("AddClientIDToOpenIDConnectProvider", arn(json!({"ClientID": "two"}))).await.unwrap();
        world.call("AddClientIDToOpenIDConnectProvider", arn(json!({"ClientID": "two"}))).await.unwrap();
        world.call("RemoveClientIDFromOpenIDConnectProvider", arn(json!({"ClientID": "one"}))).await.unwrap();
        world.call("TagOpenIDConnectProvider", arn(json!({"Tags": [{"Key": "k", "Value": "v"}]}))).await.unwrap();
        let world = world.again().await;
        let shown = world.call("GetOpenIDConnectProvider", arn(json!({}))).await.unwrap();
        assert_eq!(shown["Url"], "token.example.com/a");
        assert_eq!(shown["ClientIDList"], json!(["two"]));
        assert_eq!(shown["ThumbprintList"], json!([print.to_lowercase()]));
        assert_eq!(shown["Tags"], json!([{"Key": "k", "Value": "v"}]));
        assert_eq!(world.iam.oidc_provider("https://token.example.com/a").unwrap().arn, ARN);
        let prints = json!({"ThumbprintList": ["0".repeat(40)]});
        world.call("UpdateOpenIDConnectProviderThumbprint", arn(prints)).await.unwrap();
        world.call("UntagOpenIDConnectProvider", arn(json!({"TagKeys": ["k"]}))).await.unwrap();
        let listed = world.call("ListOpenIDConnectProviderTags", arn(json!({}))).await.unwrap();
        assert_eq!(listed["Tags"], json!([]));
        let listed = world.call("ListOpenIDConnectProviders", json!({})).await.unwrap();
        assert_eq!(listed, json!({"OpenIDConnectProviderList": [{"Arn": ARN}]}));
        world.call("DeleteOpenIDConnectProvider", arn(json!({}))).await.unwrap();
        world.call("DeleteOpenIDConnectProvider", arn(json!({}))).await.unwrap();
        let (code, text) = world.refused("GetOpenIDConnectProvider", arn(json!({}))).await;
        assert_eq!((code.as_str(), text), ("NoSuchEntity", format!("OpenIDConnect Provider not found for arn {ARN}")));
    }

    #[test]
    fn addresses_and_thumbprints_are_checked() {
        for (url, expected) in [
            ("https://a.example", Some("a.example")),
            ("https://a.example/b/", Some("a.example/b")),
            ("http://a.example", None),
            ("https://", None),
            ("https://a.example:8443", None),
            ("https://a.example/?x", None),
        ] {
            assert_eq!(address(url).ok().as_deref(), expected, "{url}");
        }
        assert!(check_thumbprints(&vec!["0".repeat(40); 6]).is_err());
        assert!(check_thumbprints(&["x".repeat(40)]).is_err());
    }
}
