//! Users' passwords for single services. Each is shown once and kept as a hash.

use base::Timestamp;
use serde::Serialize;
use service::ApiError;

use crate::operation::operation;
use crate::ops::named_or_caller;
use crate::ops::paging::page;
use crate::store::{ServiceCredential, User};
use crate::{Error, Iam};

/// The services that have such passwords. Source: IAM API reference, CreateServiceSpecificCredential.
const SERVICES: [&str; 3] = ["codecommit.amazonaws.com", "cassandra.amazonaws.com", "bedrock.amazonaws.com"];
/// The one whose passwords are keys of an API, and may expire.
const KEYS: &str = "bedrock.amazonaws.com";
/// Of one user for one service. Source: IAM user guide, "IAM and AWS STS quotas".
const CREDENTIALS_MAX: usize = 2;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The modelled `ServiceSpecificCredential`, and its metadata where there is no secret.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    create_date: Timestamp,
    expiration_date: Option<Timestamp>,
    service_name: String,
    service_user_name: Option<String>,
    service_credential_alias: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_password: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_credential_secret: Option<String>,
    service_specific_credential_id: String,
    user_name: String,
    status: &'static str,
}

impl Shown {
    fn of(user: &str, credential: &ServiceCredential, secret: Option<String>, now: Timestamp) -> Shown {
        let is_key = credential.service == KEYS;
        let named = Some(credential.user_name.clone());
        let (alias, name) = if is_key { (named, None) } else { (None, named) };
        let (key, password) = if is_key { (secret, None) } else { (None, secret) };
        Shown {
            create_date: credential.created,
            expiration_date: credential.expires,
            service_name: credential.service.clone(),
            service_user_name: name,
            service_credential_alias: alias,
            service_password: password,
            service_credential_secret: key,
            service_specific_credential_id: credential.id.clone(),
            user_name: user.to_owned(),
            status: match credential.expires {
                Some(end) if end <= now => "Expired",
                _ if credential.active => "Active",
                _ => "Inactive",
            },
        }
    }
}

fn missing(id: &str) -> Error {
    Error::NoSuchEntity(format!("No such credential {id} exists"))
}

impl Iam {
    /// A new secret, and its hash.
    async fn service_secret(&self) -> Result<(String, String), ApiError> {
        let secret = base::ids::secret_key(&*self.env.rng);
        let hash = self.hasher.hash(&*self.env.rng, &secret).await?;
        Ok((secret, hash))
    }
}

operation! {
    /// Makes a password of a user for one service. Only this answer shows it.
    CreateServiceSpecificCredential on "user/{UserName}"
    takes { user_name: String, service_name: String, credential_age_days: Option<i64> }
    gives { service_specific_credential: Shown }
    |iam, call, input| {
        let service = input.service_name;
        if !SERVICES.contains(&service.as_str()) {
            let text = format!("Service {service} does not support service-specific credentials.");
            return Err(Error::NotSupportedService(text).into());
        }
        if input.credential_age_days.is_some() && service != KEYS {
            let text = format!("CredentialAgeDays is not supported for service {service}.");
            return Err(Error::ValidationError(text).into());
        }
        iam.store.need::<User>(&input.user_name)?;
        let (secret, hash) = iam.service_secret().await?;
        let id = base::ids::iam_id(&*iam.env.rng, "ACCA");
        let created = call.time.trunc_secs();
        let service_specific_credential = iam
            .store
            .edit::<User, _>(&input.user_name, |user| {
                let known = &mut user.other.services;
                if known.iter().filter(|one| one.service == service).count() >= CREDENTIALS_MAX {
                    return Err(Error::quota("ServiceSpecificCredentialsPerUser", CREDENTIALS_MAX).into());
                }
                let name = (0..).map(|number| match number {
                    0 => format!("{}-at-{}", user.name, iam.account),
                    number => format!("{}+{number}-at-{}", user.name, iam.account),
                });
                let mut free = name.filter(|name| known.iter().all(|one| one.service != service || one.user_name != *name));
                let new = ServiceCredential {
                    id,
                    user_name: free.next().unwrap_or_default(),
                    hash,
                    active: true,
                    created,
                    expires: input.credential_age_days.map(|days| created.plus_ms(days.saturating_mul(DAY_MS))),
                    service: service.clone(),
                };
                drop(free);
                let shown = Shown::of(&user.name, &new, Some(secret), created);
                known.push(new);
                Ok(shown)
            })
            .await?;
        Ok(Output { service_specific_credential })
    }
}

operation! {
    /// Makes a password anew. The old one is refused from now on.
    ResetServiceSpecificCredential on "user/{UserName}"
    takes { user_name: Option<String>, service_specific_credential_id: String }
    gives { service_specific_credential: Shown }
    |iam, call, input| {
        let (name, id) = (named_or_caller(call, input.user_name)?, input.service_specific_credential_id);
        let (secret, hash) = iam.service_secret().await?;
        let service_specific_credential = iam
            .store
            .edit::<User, _>(&name, |user| {
                let credential = user.other.services.iter_mut().find(|one| one.id == id).ok_or_else(|| missing(&id))?;
                (credential.hash, credential.created) = (hash, call.time.trunc_secs());
                Ok(Shown::of(&user.name, credential, Some(secret), call.time))
            })
            .await?;
        Ok(Output { service_specific_credential })
    }
}

operation! {
    /// Switches a password on or off.
    UpdateServiceSpecificCredential on "user/{UserName}"
    takes { user_name: Option<String>, service_specific_credential_id: String, status: String }
    gives {}
    |iam, call, input| {
        let id = input.service_specific_credential_id;
        iam.store
            .edit::<User, _>(&named_or_caller(call, input.user_name)?, |user| {
                let credential = user.other.services.iter_mut().find(|one| one.id == id);
                credential.ok_or_else(|| missing(&id))?.active = input.status == "Active";
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// Removes a password.
    DeleteServiceSpecificCredential on "user/{UserName}"
    takes { user_name: Option<String>, service_specific_credential_id: String }
    gives {}
    |iam, call, input| {
        let id = input.service_specific_credential_id;
        iam.store
            .edit::<User, _>(&named_or_caller(call, input.user_name)?, |user| {
                let known = &mut user.other.services;
                let at = known.iter().position(|one| one.id == id).ok_or_else(|| missing(&id))?;
                known.remove(at);
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// The passwords of a user, of the caller, or of all users, for one service or all; without the secrets.
    ListServiceSpecificCredentials on "user/{UserName}"
    takes {
        user_name: Option<String>,
        service_name: Option<String>,
        all_users: Option<bool>,
        marker: Option<String>,
        max_items: Option<i64>,
    }
    gives { service_specific_credentials: Vec<Shown>, marker: Option<String>, is_truncated: bool }
    |iam, call, input| {
        if let Some(service) = input.service_name.as_deref().filter(|service| !SERVICES.contains(service)) {
            let text = format!("Service {service} does not support service-specific credentials.");
            return Err(Error::NotSupportedService(text).into());
        }
        let users = if input.all_users == Some(true) {
            iam.store.all::<User>()
        } else {
            vec![iam.store.need::<User>(&named_or_caller(call, input.user_name)?)?]
        };
        let mut shown: Vec<Shown> = Vec::new();
        for user in &users {
            let known = user.other.services.iter();
            let wanted = known.filter(|one| input.service_name.as_ref().is_none_or(|service| *service == one.service));
            shown.extend(wanted.map(|one| Shown::of(&user.name, one, None, call.time)));
        }
        shown.sort_by(|one, other| one.service_specific_credential_id.cmp(&other.service_specific_credential_id));
        let id = |one: &Shown| one.service_specific_credential_id.clone();
        let (found, marker) = page(shown, id, input.marker.as_deref(), input.max_items)?;
        Ok(Output { service_specific_credentials: found, is_truncated: marker.is_some(), marker })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::World;

    #[tokio::test]
    async fn a_credentials_life() {
        let world = World::new().await;
        world.call("CreateUser", json!({"UserName": "alice"})).await.unwrap();
        let create = |service: &str| json!({"UserName": "alice", "ServiceName": service});
        assert_eq!(
            world.code("CreateServiceSpecificCredential", create("s3.amazonaws.com")).await,
            "NotSupportedService"
        );
        let git = create("codecommit.amazonaws.com");
        let one = world.call("CreateServiceSpecificCredential", git.clone()).await.unwrap();
        let one = &one["ServiceSpecificCredential"];
        assert_eq!(one["ServiceUserName"], "alice-at-123456789012");
        let two = world.call("CreateServiceSpecificCredential", git.clone()).await.unwrap();
        assert_eq!(two["ServiceSpecificCredential"]["ServiceUserName"], "alice+1-at-123456789012");
        assert_eq!(world.code("CreateServiceSpecificCredential", git).await, "LimitExceeded");
        let id = |name: &str, value: &str| json!({"UserName": "alice", "ServiceSpecificCredentialId": one["ServiceSpecificCredentialId"], name: value});
        world.call("UpdateServiceSpecificCredential", id("Status", "Inactive")).await.unwrap();
        let plain = json!({"UserName": "alice", "ServiceSpecificCredentialId": one["ServiceSpecificCredentialId"]});
        let reset = world.call("ResetServiceSpecificCredential", plain.clone()).await.unwrap();
        assert_ne!(reset["ServiceSpecificCredential"]["ServicePassword"], one["ServicePassword"]);
        let mut key = create("bedrock.amazonaws.com");
        key["CredentialAgeDays"] = json!(1);
        let made = world.call("CreateServiceSpecificCredential", key).await.unwrap();
        assert!(made["ServiceSpecificCredential"]["ServiceCredentialSecret"].is_string());
        world.clock.advance_ms(24 * 60 * 60 * 1000);
        let world = world.again().await;
        let listed = world.call("ListServiceSpecificCredentials", json!({"AllUsers": true})).await.unwrap();
        let listed = listed["ServiceSpecificCredentials"].as_array().unwrap().clone();
        let mut states: Vec<&str> = listed.iter().filter_map(|one| one["Status"].as_str()).collect();
        states.sort_unstable();
        assert_eq!(states, ["Active", "Expired", "Inactive"]);
        assert!(listed.iter().all(|one| one.get("ServicePassword").is_none()));
        world.call("DeleteServiceSpecificCredential", plain.clone()).await.unwrap();
        assert_eq!(world.code("DeleteServiceSpecificCredential", plain).await, "NoSuchEntity");
    }
}
