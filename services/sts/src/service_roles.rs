//! Services that act as a role: the role's trust policy must let the service principal assume it, as it must let anybody. Nobody gets
//! credentials. Source: IAM user guide, "Create a role to delegate permissions to an AWS service".

use async_trait::async_trait;
use base::{Arn, Region};
use http::HeaderMap;
use ports::{AccessRequest, Caller, HandOver, OnBehalf, RequestContext, ServiceRoles, Session};
use std::sync::Arc;

use crate::{Sts, issue};

/// How long what a service becomes may be used; it asks anew for each piece of its work.
const SESSION_MS: i64 = 3_600_000;

#[async_trait]
impl ServiceRoles for Sts {
    async fn act_as(&self, by: &OnBehalf, role_arn: &str, session_name: &str) -> Result<Caller, HandOver> {
        let role = self.deps.roles.role(role_arn).await?;
        let role = role.ok_or_else(|| HandOver::NotFound(format!("The role {role_arn} cannot be found.")))?;
        let now = self.deps.env.clock.now();
        let region = Arn::parse(&by.source_arn).and_then(|arn| Region::parse(&arn.region));
        let headers = HeaderMap::new();
        let more = [
            ("aws:sourcearn", by.source_arn.as_str()),
            ("aws:sourceaccount", &*by.source_account),
            ("sts:rolesessionname", session_name),
        ];
        let context = RequestContext {
            time: now,
            region: region.unwrap_or(Region::US_EAST_1),
            source_ip: by.principal,
            tls: None,
            headers: &headers,
            query: "",
            input: None,
            more: &more,
        };
        let caller = Caller::Service { principal: by.principal.into() };
        let request =
            AccessRequest { caller: &caller, action: "sts:AssumeRole", resource: &role.arn, context: &context };
        if !self.deps.authorizer.decide(&request).await?.is_allow() {
            let text =
                format!("{} is not authorized to perform: sts:AssumeRole on resource: {}", by.principal, role.arn);
            return Err(HandOver::Denied(text));
        }
        let created = now.trunc_secs();
        Ok(Caller::Session(Arc::new(Session {
            account: Arc::clone(&role.account),
            access_key_id: Arc::from(""),
            holder: issue::role_holder(&role, session_name),
            created,
            expires: created.plus_ms(SESSION_MS),
            mfa_at: None,
            source_identity: None,
            tags: Vec::new(),
            transitive_tag_keys: Vec::new(),
            policies: Vec::new(),
            federation: None,
            is_console: false,
            made_by: None,
        })))
    }
}
