//! Platform applications and endpoints of devices: kept and shown; nothing is pushed to them.

use std::collections::BTreeMap;

use base::ids;
use serde::{Deserialize, Serialize};

use super::page;
use crate::platform::{APPLICATIONS, ENDPOINTS, parse};
use crate::{Error, names};

/// What an application's credentials are called: they are kept nowhere, as nothing uses them.
const SECRETS: [&str; 5] =
    ["PlatformCredential", "PlatformPrincipal", "ApplePlatformTeamID", "ApplePlatformBundleID", "FcmServiceAccount"];
/// Source: SNS API reference, CreatePlatformApplication.
const PLATFORMS: [&str; 9] =
    ["ADM", "APNS", "APNS_SANDBOX", "APNS_VOIP", "APNS_VOIP_SANDBOX", "BAIDU", "FCM", "GCM", "WNS"];

fn no_application() -> Error {
    Error::NotFound("PlatformApplication does not exist".to_owned())
}

fn no_endpoint() -> Error {
    Error::NotFound("Endpoint does not exist".to_owned())
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateInput {
    name: String,
    platform: String,
    attributes: BTreeMap<String, String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateOutput {
    platform_application_arn: String,
}

operation! {
    /// Keeps a platform application.
    CreatePlatformApplication on "app/{Platform}/{Name}": CreateInput => CreateOutput, |sns, call, input| {
        if !PLATFORMS.contains(&input.platform.as_str()) {
            return Err(Error::because("Platform", format!("{} is not supported", input.platform)).into());
        }
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if !(1..=256).contains(&input.name.len()) || !input.name.bytes().all(is_name) {
            let text = format!("{} is not a valid name", input.name);
            return Err(Error::because("Name", text).into());
        }
        let region = call.region;
        let arn = names::topic_arn(region, &sns.deps.account, &format!("app/{}/{}", input.platform, input.name));
        let mut attributes = input.attributes;
        attributes.retain(|name, _| !SECRETS.contains(&name.as_str()));
        attributes.entry("Enabled".to_owned()).or_insert_with(|| "true".to_owned());
        sns.keep(APPLICATIONS, &[region.as_str(), &arn], attributes).await?;
        Ok(CreateOutput { platform_application_arn: arn })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ApplicationInput {
    platform_application_arn: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttributesOutput {
    attributes: BTreeMap<String, String>,
}

operation! {
    /// Removes a platform application with its endpoints.
    DeletePlatformApplication on "{PlatformApplicationArn}": ApplicationInput => (), |sns, _call, input| {
        let (region, arn) = parse(&input.platform_application_arn, "PlatformApplicationArn", "app")?;
        for (endpoint, _) in sns.kept_below(ENDPOINTS, &[region.as_str(), &arn]).await? {
            sns.unkeep(ENDPOINTS, &[region.as_str(), &arn, &endpoint]).await?;
        }
        sns.unkeep(APPLICATIONS, &[region.as_str(), &arn]).await
    }
}

operation! {
    /// Shows a platform application.
    GetPlatformApplicationAttributes on "{PlatformApplicationArn}": ApplicationInput => AttributesOutput, |sns, _call, input| {
        let (region, arn) = parse(&input.platform_application_arn, "PlatformApplicationArn", "app")?;
        let kept = sns.kept(APPLICATIONS, &[region.as_str(), &arn]).await?.ok_or_else(no_application)?;
        Ok(AttributesOutput { attributes: kept.attributes })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SetApplicationInput {
    platform_application_arn: String,
    attributes: BTreeMap<String, String>,
}

operation! {
    /// Sets attributes of a platform application.
    SetPlatformApplicationAttributes on "{PlatformApplicationArn}": SetApplicationInput => (), |sns, _call, input| {
        let (region, arn) = parse(&input.platform_application_arn, "PlatformApplicationArn", "app")?;
        let mut kept = sns.kept(APPLICATIONS, &[region.as_str(), &arn]).await?.ok_or_else(no_application)?;
        kept.attributes.extend(input.attributes.into_iter().filter(|(name, _)| !SECRETS.contains(&name.as_str())));
        sns.keep(APPLICATIONS, &[region.as_str(), &arn], kept.attributes).await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInput {
    next_token: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Application {
    platform_application_arn: String,
    attributes: BTreeMap<String, String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    platform_applications: Vec<Application>,
    next_token: Option<String>,
}

operation! {
    /// Lists the platform applications of the region.
    ListPlatformApplications on "*": ListInput => ListOutput, |sns, call, input| {
        let all = sns.kept_below(APPLICATIONS, &[call.region.as_str()]).await?;
        let entry = |(arn, kept): (String, crate::platform::Kept)| {
            (arn.clone(), Application { platform_application_arn: arn, attributes: kept.attributes })
        };
        let (platform_applications, next_token) = page(all.into_iter().map(entry).collect(), input.next_token.as_deref())?;
        Ok(ListOutput { platform_applications, next_token })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateEndpointInput {
    platform_application_arn: String,
    token: String,
    custom_user_data: Option<String>,
    attributes: Option<BTreeMap<String, String>>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EndpointOutput {
    endpoint_arn: String,
}

operation! {
    /// Keeps an endpoint; one of the same token is answered with.
    CreatePlatformEndpoint on "{PlatformApplicationArn}": CreateEndpointInput => EndpointOutput, |sns, _call, input| {
        let (region, application) = parse(&input.platform_application_arn, "PlatformApplicationArn", "app")?;
        sns.kept(APPLICATIONS, &[region.as_str(), &application]).await?.ok_or_else(no_application)?;
        let mut attributes = input.attributes.unwrap_or_default();
        attributes.insert("Token".to_owned(), input.token.clone());
        attributes.entry("Enabled".to_owned()).or_insert_with(|| "true".to_owned());
        if let Some(data) = input.custom_user_data {
            attributes.insert("CustomUserData".to_owned(), data);
        }
        for (arn, kept) in sns.kept_below(ENDPOINTS, &[region.as_str(), &application]).await? {
            if kept.attributes.get("Token") != Some(&input.token) {
                continue;
            }
            if kept.attributes != attributes {
                let text = format!("Endpoint {arn} already exists with the same Token, but different attributes.");
                return Err(Error::because("Token", text).into());
            }
            return Ok(EndpointOutput { endpoint_arn: arn });
        }
        let arn = format!("{}/{}", application.replacen(":app/", ":endpoint/", 1), ids::uuid(&*sns.deps.env.rng));
        sns.keep(ENDPOINTS, &[region.as_str(), &application, &arn], attributes).await?;
        Ok(EndpointOutput { endpoint_arn: arn })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EndpointInput {
    endpoint_arn: String,
}

operation! {
    /// Removes an endpoint; one that is not there is removed already.
    DeleteEndpoint on "{EndpointArn}": EndpointInput => (), |sns, _call, input| {
        let (region, application) = parse(&input.endpoint_arn, "EndpointArn", "endpoint")?;
        sns.unkeep(ENDPOINTS, &[region.as_str(), &application, &input.endpoint_arn]).await
    }
}

operation! {
    /// Shows an endpoint.
    GetEndpointAttributes on "{EndpointArn}": EndpointInput => AttributesOutput, |sns, _call, input| {
        let (region, application) = parse(&input.endpoint_arn, "EndpointArn", "endpoint")?;
        let kept = sns.kept(ENDPOINTS, &[region.as_str(), &application, &input.endpoint_arn]).await?;
        Ok(AttributesOutput { attributes: kept.ok_or_else(no_endpoint)?.attributes })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SetEndpointInput {
    endpoint_arn: String,
    attributes: BTreeMap<String, String>,
}

operation! {
    /// Sets attributes of an endpoint.
    SetEndpointAttributes on "{EndpointArn}": SetEndpointInput => (), |sns, _call, input| {
        let (region, application) = parse(&input.endpoint_arn, "EndpointArn", "endpoint")?;
        let key = [region.as_str(), &application, &input.endpoint_arn];
        let mut kept = sns.kept(ENDPOINTS, &key).await?.ok_or_else(no_endpoint)?;
        kept.attributes.extend(input.attributes);
        sns.keep(ENDPOINTS, &key, kept.attributes).await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListEndpointsInput {
    platform_application_arn: String,
    next_token: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Endpoint {
    endpoint_arn: String,
    attributes: BTreeMap<String, String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListEndpointsOutput {
    endpoints: Vec<Endpoint>,
    next_token: Option<String>,
}

operation! {
    /// Lists the endpoints of an application.
    ListEndpointsByPlatformApplication on "{PlatformApplicationArn}": ListEndpointsInput => ListEndpointsOutput, |sns, _call, input| {
        let (region, application) = parse(&input.platform_application_arn, "PlatformApplicationArn", "app")?;
        sns.kept(APPLICATIONS, &[region.as_str(), &application]).await?.ok_or_else(no_application)?;
        let all = sns.kept_below(ENDPOINTS, &[region.as_str(), &application]).await?;
        let entry = |(arn, kept): (String, crate::platform::Kept)| {
            (arn.clone(), Endpoint { endpoint_arn: arn, attributes: kept.attributes })
        };
        let (endpoints, next_token) = page(all.into_iter().map(entry).collect(), input.next_token.as_deref())?;
        Ok(ListEndpointsOutput { endpoints, next_token })
    }
}
