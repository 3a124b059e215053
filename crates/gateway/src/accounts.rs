//! Many accounts behind one gateway: whose services answer a call, and whose resource it acts on.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use base::arn::Arn;
use model::Fields;
use ports::{Caller, Unavailable};
use service::{ApiError, Definition, Handler};

use crate::pipeline::{Gateway, Who};
use crate::route::Route;

/// The operations of one account, by model and name.
#[derive(Default)]
pub struct Handlers(HashMap<&'static str, HashMap<&'static str, Arc<dyn Handler>>>);

impl Handlers {
    /// Of these services.
    pub fn new(definitions: Vec<Definition>) -> Handlers {
        Handlers(definitions.into_iter().map(|one| (one.model, one.operations.into_iter().collect())).collect())
    }

    fn get(&self, model: &str, operation: &str) -> Option<&Arc<dyn Handler>> {
        self.0.get(model)?.get(operation)
    }
}

/// The accounts of the server.
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// The services of an account besides the first. `None`: it is none of this server's, or closed.
    async fn handlers(&self, account: &str) -> Result<Option<Arc<Handlers>>, Unavailable>;

    /// Whose resource a call acts on, where names of resources do not tell accounts: the owner of a bucket.
    async fn owner(&self, model: &str, input: &Fields) -> Result<Option<Arc<str>>, Unavailable>;
}

impl Gateway {
    /// The account that gets the record of what somebody does.
    pub(crate) fn account_of(&self, caller: &Caller) -> Arc<str> {
        Arc::clone(caller.account().unwrap_or(&self.deps.account))
    }

    /// Whose resource a call acts on: the caller's own account, if nothing says otherwise.
    pub(crate) async fn owner(&self, who: &Who, route: &Route<'_>, input: &Fields) -> Result<Arc<str>, ApiError> {
        let own = self.account_of(&who.caller);
        let Some(accounts) = &self.deps.accounts else { return Ok(own) };
        if let Some(owner) = accounts.owner(&route.model().name, input).await? {
            return Ok(owner);
        }
        let Some(handler) = route.entry.handler.as_ref().filter(|handler| handler.is_across_accounts()) else {
            return Ok(own);
        };
        let named = service::resource_arn(handler.resource(), &route.entry.prefix, who.region, &own, input);
        let Some(named) = Arn::parse(&named).map(|arn| arn.account).filter(|account| **account != *own) else {
            return Ok(own);
        };
        let is_here = *named == *self.deps.account || accounts.handlers(&named).await?.is_some();
        Ok(if is_here { Arc::from(named) } else { own })
    }

    /// What runs an operation for an account. `None`: nothing does for any.
    pub(crate) async fn handler(&self, account: &str, route: &Route<'_>) -> Result<Option<Arc<dyn Handler>>, ApiError> {
        let Some(first) = &route.entry.handler else { return Ok(None) };
        let Some(accounts) = self.deps.accounts.as_ref().filter(|_| *account != *self.deps.account) else {
            return Ok(Some(Arc::clone(first)));
        };
        let handlers = accounts.handlers(account).await?;
        let handlers = handlers.ok_or_else(|| {
            ApiError::new(
                "AccessDenied",
                403,
                format!("The account {account} is not an active account of this server."),
            )
        })?;
        let (model, operation) = (&*route.model().name, &*route.operation.name);
        match handlers.get(model, operation) {
            Some(handler) => Ok(Some(Arc::clone(handler))),
            None => Err(ApiError::new(
                "AccessDenied",
                403,
                format!("{operation} of {model} is for the server's first account, not for the account {account}."),
            )),
        }
    }
}
