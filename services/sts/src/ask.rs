//! Whether somebody may assume a role, and with what: the policies of the caller and the role's trust policy are asked together.
//! Source: service authorization reference, "Actions, resources, and condition keys for AWS Security Token Service".

use ports::{AccessRequest, Caller, Decision};
use service::{ApiError, Call};

use crate::tags::SessionTags;
use crate::{Error, Sts};

/// Values of condition keys, which are in lower case.
#[derive(Default)]
pub struct Known(Vec<(String, String)>);

impl Known {
    /// Adds a value of a key.
    pub fn add(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.0.push((key.into(), value.into()));
    }

    /// Adds a value of a key, if there is one.
    pub fn add_if(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(key, value);
        }
    }

    /// Adds what is known of a session's tags.
    pub fn add_tags(&mut self, tags: &SessionTags) {
        for (key, value) in &tags.passed {
            self.add(format!("aws:requesttag/{}", key.to_lowercase()), value);
            self.add("aws:tagkeys", key);
        }
        for key in &tags.transitive {
            self.add("sts:transitivetagkeys", key);
        }
    }
}

impl Sts {
    /// What policies say of `caller` doing `action` to `resource`.
    pub(crate) async fn decide(
        &self,
        call: &Call,
        caller: &Caller,
        action: &str,
        resource: &str,
        known: &Known,
    ) -> Result<Decision, ApiError> {
        let more: Vec<(&str, &str)> = known.0.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let context = call.context(&more);
        Ok(self.deps.authorizer.decide(&AccessRequest { caller, action, resource, context: &context }).await?)
    }

    /// Refuses a caller who may not do all of these `actions` to `resource`.
    pub(crate) async fn must(
        &self,
        call: &Call,
        caller: &Caller,
        actions: &[&str],
        resource: &str,
        known: &Known,
    ) -> Result<(), ApiError> {
        for action in actions {
            let decision = self.decide(call, caller, action, resource, known).await?;
            if !decision.is_allow() {
                return Err(denied(caller, action, resource, &decision).into());
            }
        }
        Ok(())
    }
}

/// What STS says to who may not. It does not say whether the role exists, and tells reasons only of explicit denies.
pub fn denied(caller: &Caller, action: &str, resource: &str, decision: &Decision) -> Error {
    let Some(arn) = caller.arn() else { return Error::AccessDenied(format!("Not authorized to perform {action}")) };
    let because = match decision {
        Decision::ExplicitDeny(..) => format!(" {}", decision.reason(action)),
        _ => String::new(),
    };
    Error::AccessDenied(format!("User: {arn} is not authorized to perform: {action} on resource: {resource}{because}"))
}
