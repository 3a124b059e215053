//! Lake query federation: an event data store is a table that other engines read. What the table is made of is behind [`ports::Tables`];
//! here is only when one is made and removed. Sources: CloudTrail API reference, EnableFederation, DisableFederation; user guide,
//! "Federate an event data store".

use base::Arn;
use ports::TablePlace;
use service::ApiError;

use super::change::store_id;
use super::data_store::{EventDataStore, Federation, FederationStatus};
use crate::CloudTrail;
use crate::error::Error;

/// Checks that this may be the ARN of a role of the account. The role need not be there: nothing acts under it.
pub fn check_role(role_arn: &str, account: &str) -> Result<(), Error> {
    let named = |arn: &Arn| arn.resource.strip_prefix("role/").is_some_and(|name| !name.is_empty());
    let role = Arn::parse(role_arn).filter(|arn| arn.service == "iam" && arn.region.is_empty() && named(arn));
    match role {
        Some(role) if role.account == account => Ok(()),
        Some(_) => Err(Error::InvalidParameterException(format!(
            "FederationRoleArn must be the ARN of a role in the account {account}: {role_arn}"
        ))),
        None => Err(Error::InvalidParameterException(format!(
            "FederationRoleArn must be the ARN of an IAM role (arn:aws:iam::{account}:role/NAME): {role_arn}"
        ))),
    }
}

/// One step for each federated store. Says whether there is more to do at once.
pub(crate) async fn step(cloudtrail: &CloudTrail) -> Result<bool, ApiError> {
    let Some(tables) = &cloudtrail.shared.tables else { return Ok(false) };
    let mut more = false;
    let mut failed = None;
    for store in cloudtrail.lake.stores.all().await? {
        let Some(federation) = &store.federation else { continue };
        let place = TablePlace::of(&cloudtrail.shared.account, store.region, store.kms_key.clone());
        let id = store_id(&store.id)?;
        let done = match federation.status {
            FederationStatus::Disabling => match tables.withdraw(&id, &place).await {
                Ok(()) => advance(cloudtrail, &store, None).await,
                Err(error) => Err(error.into()),
            },
            status => match tables.publish(&id, &place).await {
                Ok(published) => {
                    more |= published.more;
                    let enabled = published.readable && status == FederationStatus::Enabling;
                    let federation = Federation { status: FederationStatus::Enabled, ..federation.clone() };
                    if enabled { advance(cloudtrail, &store, Some(federation)).await } else { Ok(()) }
                }
                Err(error) => Err(error.into()),
            },
        };
        // The tables of other stores do not wait for it.
        failed = failed.or(done.err());
    }
    failed.map_or(Ok(more), Err)
}

/// Moves on, unless somebody changed the store's federation meanwhile.
async fn advance(cloudtrail: &CloudTrail, seen: &EventDataStore, to: Option<Federation>) -> Result<(), ApiError> {
    let changing = cloudtrail.lake.stores.change().await?;
    let Some(found) = cloudtrail.lake.stores.get(&seen.id).await? else { return Ok(()) };
    let mut store = found.value;
    if store.federation != seen.federation {
        return Ok(());
    }
    store.federation = to;
    tracing::info!(
        store = store.arn,
        status = store.federation_status(),
        "the federation of an event data store went on"
    );
    changing.write_quietly(&store, found.rev).await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::lake::fakes::FakeTables;
    use crate::testing::{ACCOUNT, World, run};

    const ROLE: &str = "arn:aws:iam::123456789012:role/service-role/federation";

    #[test]
    fn roles() {
        check_role(ROLE, ACCOUNT).unwrap();
        check_role("arn:aws-cn:iam::123456789012:role/a", ACCOUNT).unwrap();
        for bad in [
            "role/a",
            "arn:aws:iam::123456789012:user/a",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::999999999999:role/a",
            "arn:aws:iam:us-east-1:123456789012:role/a",
            "arn:aws:s3:::role/a",
        ] {
            let Err(Error::InvalidParameterException(text)) = check_role(bad, ACCOUNT) else { panic!("{bad}") };
            assert!(text.starts_with("FederationRoleArn must be") && text.ends_with(bad), "{text}");
        }
    }

    async fn call(ct: &Arc<CloudTrail>, op: &str, input: Value) -> Value {
        run(ct, "us-east-1", op, input).await.unwrap()
    }

    #[tokio::test]
    async fn a_store_is_federated_and_not_any_more() {
        let world = World::new();
        let ct = world.open().await;
        let made =
            call(&ct, "CreateEventDataStore", json!({ "Name": "audit", "TerminationProtectionEnabled": false })).await;
        let arn = made["EventDataStoreArn"].as_str().unwrap();
        let status = async || {
            let got = call(&ct, "GetEventDataStore", json!({ "EventDataStore": arn })).await;
            (got["FederationStatus"].as_str().unwrap().to_owned(), got.get("FederationRoleArn").cloned())
        };
        let refused =
            async |op: &str, input: Value| run(&ct, "us-east-1", op, input).await.unwrap_err().code.into_owned();
        let enable = json!({ "EventDataStore": arn, "FederationRoleArn": ROLE });
        let bad = json!({ "EventDataStore": arn, "FederationRoleArn": "arn:aws:iam::123456789012:user/a" });
        assert_eq!(refused("EnableFederation", bad).await, "InvalidParameterException");
        assert_eq!(status().await, ("DISABLED".to_owned(), None));
        let one = json!({ "EventDataStore": arn });
        assert_eq!(call(&ct, "DisableFederation", one.clone()).await["FederationStatus"], "DISABLED");

        let answer = call(&ct, "EnableFederation", enable.clone()).await;
        assert_eq!(
            answer,
            json!({ "EventDataStoreArn": arn, "FederationStatus": "ENABLING", "FederationRoleArn": ROLE })
        );
        assert_eq!(status().await, ("ENABLING".to_owned(), Some(ROLE.into())));
        assert_eq!(refused("EnableFederation", enable.clone()).await, "EventDataStoreFederationEnabledException");
        assert!(ct.federate().await.unwrap());
        assert_eq!(status().await.0, "ENABLING");
        assert!(!ct.federate().await.unwrap());
        assert_eq!(status().await, ("ENABLED".to_owned(), Some(ROLE.into())));
        assert_eq!(refused("DeleteEventDataStore", one.clone()).await, "EventDataStoreFederationEnabledException");
        // A change of other settings leaves it as it is.
        let update = json!({ "EventDataStore": arn, "RetentionPeriod": 30 });
        assert_eq!(call(&ct, "UpdateEventDataStore", update).await["FederationStatus"], "ENABLED");

        let answer = call(&ct, "DisableFederation", one.clone()).await;
        assert_eq!(answer, json!({ "EventDataStoreArn": arn, "FederationStatus": "DISABLING" }));
        assert_eq!(call(&ct, "DisableFederation", one.clone()).await["FederationStatus"], "DISABLING");
        assert_eq!(refused("EnableFederation", enable.clone()).await, "ConcurrentModificationException");
        assert_eq!(refused("DeleteEventDataStore", one.clone()).await, "EventDataStoreFederationEnabledException");
        ct.federate().await.unwrap();
        assert_eq!(status().await, ("DISABLED".to_owned(), None));
        let id = arn.rsplit_once('/').unwrap().1;
        let place = "aws-cloudtrail-lake-federation-123456789012-us-east-1";
        let expected = ["publish", "publish", "withdraw"].map(|what| format!("{what} {id} {place}"));
        assert_eq!(*world.tables.calls.lock().unwrap(), expected);
        call(&ct, "DeleteEventDataStore", one).await;
        assert_eq!(refused("EnableFederation", enable).await, "InactiveEventDataStoreException");
    }

    #[tokio::test]
    async fn without_tables_it_is_not_supported() {
        let world = World::new();
        let ct = CloudTrail::new(crate::Deps { tables: None, ..world.deps() }).await.unwrap();
        let made = call(&ct, "CreateEventDataStore", json!({ "Name": "audit" })).await;
        let input = json!({ "EventDataStore": made["EventDataStoreArn"], "FederationRoleArn": ROLE });
        let refused = run(&ct, "us-east-1", "EnableFederation", input).await.unwrap_err();
        assert_eq!(refused.code, "UnsupportedOperationException");
    }

    #[tokio::test]
    async fn a_table_that_fails_holds_up_no_other() {
        let world = World::new();
        let ct = world.open().await;
        let mut arns = Vec::new();
        for name in ["one", "two"] {
            let made = call(&ct, "CreateEventDataStore", json!({ "Name": name })).await;
            arns.push(made["EventDataStoreArn"].as_str().unwrap().to_owned());
            call(&ct, "EnableFederation", json!({ "EventDataStore": arns.last(), "FederationRoleArn": ROLE })).await;
        }
        arns.sort();
        FakeTables::refuse(&world.tables, arns[0].rsplit_once('/').unwrap().1);
        for _ in 0..2 {
            assert!(ct.federate().await.is_err());
        }
        let mut found = Vec::new();
        for arn in &arns {
            found.push(
                call(&ct, "GetEventDataStore", json!({ "EventDataStore": arn })).await["FederationStatus"].clone(),
            );
        }
        assert_eq!(found, ["ENABLING", "ENABLED"]);
    }
}
