//! CreateAccountResult: the event that says how a request for an account ended. Each is recorded once it is known, and again only if the
//! server was killed between that and its note of it. Source: Organizations user guide, "Logging API calls with AWS CloudTrail for AWS
//! Organizations", example of CreateAccountResult.

use std::sync::Arc;

use base::Region;
use ports::ServiceEvent;
use serde::Serialize;

use crate::Organizations;
use crate::records::{Creation, CreationState};

/// `serviceEventDetails`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Details<'a> {
    create_account_status: Status<'a>,
}

/// The members in the order of the example.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    id: &'a str,
    state: CreationState,
    account_name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<&'a str>,
    requested_timestamp: String,
    completed_timestamp: Option<String>,
}

/// Names are not told, as in CloudTrail's record of the call.
const HIDDEN: &str = "****";

impl Organizations {
    /// Has requests for accounts that are over recorded, in the account that made them. Leaves it to [`Organizations::catch_up`] if that
    /// fails for now.
    pub async fn tell_results(&self) {
        let Some(events) = self.events.get() else { return };
        let untold: Vec<Arc<Creation>> = {
            let world = self.store.world();
            world.creations.values().filter(|creation| is_untold(creation)).cloned().collect()
        };
        for creation in untold {
            // Another call may be at it already.
            if !self.telling.lock().expect("no holder of this lock can panic").insert(creation.id.clone()) {
                continue;
            }
            self.tell(&**events, &creation).await;
            self.telling.lock().expect("no holder of this lock can panic").remove(&creation.id);
        }
    }

    async fn tell(&self, events: &dyn ports::ServiceEvents, creation: &Creation) {
        let event = {
            let world = self.store.world();
            // Who saw it untold before somebody else told it.
            let is_untold = world.creations.get(&creation.id).is_some_and(|creation| is_untold(creation));
            world.organizations.get(&creation.organization).filter(|_| is_untold).map(|organization| ServiceEvent {
                account: Arc::from(organization.management.as_str()),
                source: "organizations.amazonaws.com",
                name: "CreateAccountResult",
                region: Region::US_EAST_1,
                time: creation.completed.unwrap_or(creation.requested),
                details_json: details(creation),
            })
        };
        let is_recorded = || self.recorded.lock().expect("no holder of this lock can panic");
        if let Some(event) = event.filter(|_| !is_recorded().contains(&creation.id)) {
            if let Err(error) = events.record(event).await {
                tracing::warn!(request = creation.id, %error, "the result of a request for an account was not recorded; it will be tried again");
                return;
            }
            is_recorded().insert(creation.id.clone());
        }
        let noted = self
            .store
            .change(|world, draft| {
                if let Some(creation) = world.creations.get(&creation.id).filter(|creation| is_untold(creation)) {
                    draft.creation(Creation { told: true, ..(**creation).clone() });
                }
                Ok(())
            })
            .await;
        match noted {
            Ok(()) => {
                is_recorded().remove(&creation.id);
            }
            Err(error) => {
                let error = error.log.unwrap_or(error.message);
                tracing::warn!(request = creation.id, %error, "that the result of a request for an account was recorded could not be noted yet");
            }
        }
    }
}

fn is_untold(creation: &Creation) -> bool {
    !creation.told && creation.completed.is_some()
}

fn details(creation: &Creation) -> String {
    let status = Status {
        id: &creation.id,
        state: creation.state,
        account_name: HIDDEN,
        account_id: creation.account.as_deref().filter(|_| creation.state == CreationState::Succeeded),
        failure_reason: creation.failure.as_deref(),
        requested_timestamp: creation.requested.record_text(),
        completed_timestamp: creation.completed.map(|time| time.record_text()),
    };
    serde_json::to_string(&Details { create_account_status: status }).expect("it has texts only")
}
