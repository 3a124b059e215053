//! What must be in a new account before it is used.

use std::sync::Arc;
use std::sync::Mutex;

use async_trait::async_trait;
use ports::{Accounts, NewAccount, NewAccounts, ServiceEvent, ServiceEvents, Unavailable};
use serde_json::json;

use super::{FIRST, Server};

/// Fails so many times, then notes what it was asked for.
struct Preparer(Mutex<(u32, Vec<NewAccount>)>);

#[async_trait]
impl NewAccounts for Preparer {
    async fn prepare(&self, account: &NewAccount) -> Result<(), Unavailable> {
        let mut state = self.0.lock().unwrap();
        if state.0 > 0 {
            state.0 -= 1;
            return Err(Unavailable("not now".into()));
        }
        state.1.push(account.clone());
        Ok(())
    }
}

/// Fails so many times, then notes what was recorded.
#[derive(Default)]
struct Events(Mutex<(u32, Vec<ServiceEvent>)>);

impl Events {
    fn failing(times: u32) -> Arc<Events> {
        Arc::new(Events(Mutex::new((times, Vec::new()))))
    }

    fn told(&self) -> Vec<ServiceEvent> {
        self.0.lock().unwrap().1.clone()
    }
}

#[async_trait]
impl ServiceEvents for Events {
    async fn record(&self, event: ServiceEvent) -> Result<(), Unavailable> {
        let mut state = self.0.lock().unwrap();
        if state.0 > 0 {
            state.0 -= 1;
            return Err(Unavailable("not now".into()));
        }
        state.1.push(event);
        Ok(())
    }
}

#[tokio::test]
async fn results_are_recorded_once_each() {
    let server = Server::new().await;
    let preparer = Arc::new(Preparer(Mutex::new((0, Vec::new()))));
    let events = Events::failing(1);
    server.organizations.begin(preparer, Arc::clone(&events) as Arc<dyn ServiceEvents>).await.unwrap();
    server.organization().await;
    let input = json!({"AccountName": "one", "Email": "one@example.com"});
    let made = server.ok(FIRST, "CreateAccount", input.clone()).await;
    assert_eq!(made.text("CreateAccountStatus.State"), "SUCCEEDED");
    assert_eq!(events.told(), [], "it could not be recorded");
    server.organizations.catch_up().await.unwrap();
    let again = server.ok(FIRST, "CreateAccount", input).await;
    server.organizations.catch_up().await.unwrap();
    let (account, first) = (made.text("CreateAccountStatus.AccountId"), made.text("CreateAccountStatus.Id"));
    let second = again.text("CreateAccountStatus.Id");
    let times =
        r#""requestedTimestamp":"Nov 14, 2023, 10:13:20 PM","completedTimestamp":"Nov 14, 2023, 10:13:20 PM"}}"#;
    let expected = [
        format!(
            r#"{{"createAccountStatus":{{"id":"{first}","state":"SUCCEEDED","accountName":"****","accountId":"{account}",{times}"#
        ),
        format!(
            r#"{{"createAccountStatus":{{"id":"{second}","state":"FAILED","accountName":"****","failureReason":"EMAIL_ALREADY_EXISTS",{times}"#
        ),
    ];
    let told = events.told();
    assert_eq!(told.iter().map(|event| event.details_json.clone()).collect::<Vec<_>>(), expected);
    assert!(told.iter().all(|event| event.name == "CreateAccountResult" && &*event.account == FIRST));
    // Another run tells nothing again.
    let later = Server::over(Arc::clone(&server.state)).await;
    let none = Events::failing(0);
    let preparer = Arc::new(Preparer(Mutex::new((0, Vec::new()))));
    later.organizations.begin(preparer, Arc::clone(&none) as Arc<dyn ServiceEvents>).await.unwrap();
    assert_eq!(none.told(), []);
}

#[tokio::test]
async fn accounts_are_prepared_once_it_is_possible() {
    let server = Server::new().await;
    let preparer = Arc::new(Preparer(Mutex::new((1, Vec::new()))));
    let events = Events::failing(0);
    let recorded = || Arc::clone(&events) as Arc<dyn ServiceEvents>;
    server.organizations.begin(Arc::clone(&preparer) as Arc<dyn NewAccounts>, recorded()).await.unwrap();
    server.organization().await;
    let input = json!({"AccountName": "one", "Email": "one@example.com", "RoleName": "Admin"});
    let status = server.ok(FIRST, "CreateAccount", input).await;
    assert_eq!(status.text("CreateAccountStatus.State"), "IN_PROGRESS");
    let request = json!({"CreateAccountRequestId": status.text("CreateAccountStatus.Id")});
    // As after a crash: another run finds the account and prepares it.
    let again = Server::over(Arc::clone(&server.state)).await;
    assert_eq!(events.told(), [], "nothing is known yet");
    again.organizations.begin(Arc::clone(&preparer) as Arc<dyn NewAccounts>, recorded()).await.unwrap();
    assert_eq!(events.told().len(), 1);
    let status = again.ok(FIRST, "DescribeCreateAccountStatus", request).await;
    assert_eq!(status.text("CreateAccountStatus.State"), "SUCCEEDED");
    let account = status.text("CreateAccountStatus.AccountId");
    again.organizations.catch_up().await.unwrap();
    let asked = preparer.0.lock().unwrap().1.clone();
    assert_eq!(asked.len(), 1);
    assert_eq!((&*asked[0].id, asked[0].role_name.as_str()), (account.as_str(), "Admin"));
    assert_eq!(&*asked[0].management_account, FIRST);
    assert_eq!(again.organizations.account(&account).unwrap().name, "one");
}

#[tokio::test]
async fn who_waits_for_changes_is_told() {
    let server = Server::new().await;
    let seen = server.organizations.changed(0).await;
    server.organization().await;
    let next = server.organizations.changed(seen).await;
    assert!(next != seen);
    assert_eq!(server.organizations.list(), [Arc::from(FIRST)]);
}
