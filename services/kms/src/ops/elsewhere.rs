//! Keys that lie elsewhere, in a custom key store or another region. There are none here: what names one is told that it does not
//! exist, and what would make one is refused in AWS's words for an account that has nothing to make it of.

use model::Blob;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::access::Ask;
use crate::tags::Tag;

fn no_store(id: &str) -> Error {
    Error::CustomKeyStoreNotFoundException(format!("Custom key store {id} is not found."))
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OneStore {
    custom_key_store_id: String,
}

operation! {
    /// Refused: there is no such store.
    ConnectCustomKeyStore on "*": OneStore => (), |_kms, _call, input| { Err(no_store(&input.custom_key_store_id).into()) }
}

operation! {
    /// Refused: there is no such store.
    DisconnectCustomKeyStore on "*": OneStore => (), |_kms, _call, input| { Err(no_store(&input.custom_key_store_id).into()) }
}

operation! {
    /// Refused: there is no such store.
    DeleteCustomKeyStore on "*": OneStore => (), |_kms, _call, input| { Err(no_store(&input.custom_key_store_id).into()) }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateInput {
    custom_key_store_id: String,
    #[serde(rename = "NewCustomKeyStoreName")]
    _name: Option<String>,
    #[serde(rename = "KeyStorePassword")]
    _password: Option<String>,
    #[serde(rename = "CloudHsmClusterId")]
    _cluster: Option<String>,
    #[serde(rename = "XksProxyUriEndpoint")]
    _endpoint: Option<String>,
    #[serde(rename = "XksProxyUriPath")]
    _path: Option<String>,
    #[serde(rename = "XksProxyVpcEndpointServiceName")]
    _service_name: Option<String>,
    #[serde(rename = "XksProxyVpcEndpointServiceOwner")]
    _service_owner: Option<String>,
    #[serde(rename = "XksProxyAuthenticationCredential")]
    _credential: Option<ProxyCredential>,
    #[serde(rename = "XksProxyConnectivity")]
    _connectivity: Option<String>,
}

/// See the model.
#[derive(Deserialize)]
pub struct ProxyCredential {}

operation! {
    /// Refused: there is no such store.
    UpdateCustomKeyStore on "*": UpdateInput => (), |_kms, _call, input| { Err(no_store(&input.custom_key_store_id).into()) }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateInput {
    #[serde(rename = "CustomKeyStoreName")]
    _name: String,
    cloud_hsm_cluster_id: Option<String>,
    #[serde(rename = "TrustAnchorCertificate")]
    _certificate: Option<String>,
    #[serde(rename = "KeyStorePassword")]
    _password: Option<String>,
    #[serde(rename = "CustomKeyStoreType")]
    _kind: Option<String>,
    #[serde(rename = "XksProxyUriEndpoint")]
    _endpoint: Option<String>,
    #[serde(rename = "XksProxyUriPath")]
    _path: Option<String>,
    #[serde(rename = "XksProxyVpcEndpointServiceName")]
    _service_name: Option<String>,
    #[serde(rename = "XksProxyVpcEndpointServiceOwner")]
    _service_owner: Option<String>,
    #[serde(rename = "XksProxyAuthenticationCredential")]
    _credential: Option<ProxyCredential>,
    #[serde(rename = "XksProxyConnectivity")]
    _connectivity: Option<String>,
}

operation! {
    /// Refused: there is no cluster, and no proxy is called from here.
    CreateCustomKeyStore on "*": CreateInput => (), |_kms, _call, input| {
        Err(match input.cloud_hsm_cluster_id {
            Some(id) => Error::CloudHsmClusterNotFoundException(format!("Cluster {id} is not found.")),
            None => Error::UnsupportedOperationException("External key stores are not supported.".to_owned()),
        }
        .into())
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeInput {
    custom_key_store_id: Option<String>,
    custom_key_store_name: Option<String>,
    #[serde(rename = "Limit")]
    _limit: Option<i64>,
    #[serde(rename = "Marker")]
    _marker: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeOutput {
    custom_key_stores: Vec<Blob>,
    truncated: bool,
}

operation! {
    /// Lists no stores.
    DescribeCustomKeyStores on "*": DescribeInput => DescribeOutput, |_kms, _call, input| {
        match input.custom_key_store_id.or(input.custom_key_store_name) {
            Some(name) => Err(no_store(&name).into()),
            None => Ok(DescribeOutput { custom_key_stores: Vec::new(), truncated: false }),
        }
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReplicateInput {
    key_id: String,
    replica_region: String,
    #[serde(rename = "Policy")]
    _policy: Option<String>,
    #[serde(rename = "BypassPolicyLockoutSafetyCheck")]
    _bypass: Option<bool>,
    #[serde(rename = "Description")]
    _description: Option<String>,
    #[serde(rename = "Tags")]
    _tags: Option<Vec<Tag>>,
}

operation! {
    /// Refused: keys here are of one region.
    ReplicateKey: ReplicateInput => (), |kms, call, input| {
        let key = kms.resolve_key(call.region, &input.key_id)?;
        let ask = Ask::of(&key, &input.key_id, "ReplicateKey").with("kms:ReplicaRegion", input.replica_region);
        kms.authorize(call, ask).await?;
        Err(Error::UnsupportedOperationException(format!("{} is not a multi-Region primary key.", key.arn)).into())
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PrimaryInput {
    key_id: String,
    primary_region: String,
}

operation! {
    /// Refused: keys here are of one region.
    UpdatePrimaryRegion: PrimaryInput => (), |kms, call, input| {
        let key = kms.resolve_key(call.region, &input.key_id)?;
        let ask = Ask::of(&key, &input.key_id, "UpdatePrimaryRegion").with("kms:PrimaryRegion", input.primary_region);
        kms.authorize(call, ask).await?;
        Err(Error::UnsupportedOperationException(format!("{} is not a multi-Region primary key.", key.arn)).into())
    }
}
