//! What must be in a new account before it is used.

use std::sync::Arc;
use std::sync::Mutex;

use async_trait::async_trait;
use ports::{Accounts, NewAccount, NewAccounts, Unavailable};
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

#[tokio::test]
async fn accounts_are_prepared_once_it_is_possible() {
    let server = Server::new().await;
    let preparer = Arc::new(Preparer(Mutex::new((1, Vec::new()))));
    server.organizations.begin(Arc::clone(&preparer) as Arc<dyn NewAccounts>).await.unwrap();
    server.organization().await;
    let input = json!({"AccountName": "one", "Email": "one@example.com", "RoleName": "Admin"});
    let status = server.ok(FIRST, "CreateAccount", input).await;
    assert_eq!(status.text("CreateAccountStatus.State"), "IN_PROGRESS");
    let request = json!({"CreateAccountRequestId": status.text("CreateAccountStatus.Id")});
    // As after a crash: another run finds the account and prepares it.
    let again = Server::over(Arc::clone(&server.state)).await;
    again.organizations.begin(Arc::clone(&preparer) as Arc<dyn NewAccounts>).await.unwrap();
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
