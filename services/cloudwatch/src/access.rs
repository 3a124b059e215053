//! Who may do what: nothing here has a policy of its own, but alarms have tags, and a call that names many alarms is asked about for
//! each. Source: Service authorization reference, "Actions, resources, and condition keys for Amazon CloudWatch".

use std::sync::Arc;

use async_trait::async_trait;
use base::{Arn, Region};
use model::Value;
use ports::{AccessRequest, LooksAt, ResourcePolicies, Ruled, Unavailable};
use service::{ApiError, Call};

use crate::CloudWatch;
use crate::ops::alarm_arn;

impl CloudWatch {
    /// Refuses a call whose caller may not do this with one of these alarms.
    pub(crate) async fn authorize_alarms(
        &self,
        call: &Call,
        operation: &str,
        names: &[String],
    ) -> Result<(), ApiError> {
        let action = format!("cloudwatch:{operation}");
        let context = call.context(&[]);
        for name in names {
            let arn = alarm_arn(call.region, &self.deps.account, name);
            let request = AccessRequest { caller: &call.caller, action: &action, resource: &arn, context: &context };
            let decision = self.deps.authorizer.decide(&request).await?;
            if !decision.is_allow() {
                let who = call.caller.arn().unwrap_or_else(|| "anonymous".to_owned());
                let why = decision.reason(&action);
                let text = format!("User: {who} is not authorized to perform: {action} on resource: {arn} {why}");
                return Err(ApiError::new("AccessDenied", 403, text));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl ResourcePolicies for CloudWatch {
    fn prefixes(&self) -> &'static [&'static str] {
        &["cloudwatch"]
    }

    async fn ruled(&self, request: &AccessRequest<'_>, _: LooksAt<'_>) -> Result<Option<Ruled>, Unavailable> {
        let Some(arn) = Arn::parse(request.resource) else { return Ok(None) };
        let (Some(region), Some(name)) = (Region::parse(&arn.region), arn.resource.strip_prefix("alarm:")) else {
            return Ok(None);
        };
        if arn.service != "cloudwatch" || *arn.account != *self.deps.account {
            return Ok(None);
        }
        let Some(alarm) = self.alarms.see(|memory| memory.alarm(region, name).cloned()) else { return Ok(None) };
        let tags = alarm.tags.iter();
        let conditions =
            tags.map(|(key, value)| (format!("aws:resourcetag/{}", key.to_lowercase()), vec![value.clone()]));
        Ok(Some(Ruled { conditions: conditions.collect(), ..Ruled::plain(Arc::clone(&self.deps.account)) }))
    }

    fn condition(&self, request: &AccessRequest<'_>, key: &str) -> Option<Vec<String>> {
        let input = request.context.input?;
        let texts = |name: &str| match input.get(name) {
            Some(Value::String(text)) => vec![text.clone()],
            Some(Value::List(all)) => all
                .iter()
                .filter_map(|one| if let Value::String(text) = one { Some(text.clone()) } else { None })
                .collect(),
            _ => Vec::new(),
        };
        let values = match key {
            "cloudwatch:namespace" => texts("Namespace"),
            "cloudwatch:alarmactions" => {
                ["AlarmActions", "OKActions", "InsufficientDataActions"].into_iter().flat_map(texts).collect()
            }
            _ => return None,
        };
        (!values.is_empty()).then_some(values)
    }
}
