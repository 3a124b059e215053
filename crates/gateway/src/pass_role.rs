//! `iam:PassRole`: whoever hands a role over to a service must be allowed to, on that role and for that service, and only roles of the
//! own account can be handed over. Asked about after the call itself, and before anything of it is done. Source: IAM user guide, "Grant a
//! user permissions to pass a role to an AWS service", and "IAM and AWS STS condition context keys".

use base::Arn;
use base::arn::is_account_id;
use model::Fields;
use ports::{AccessRequest, Caller, RequestContext};
use service::ApiError;

use crate::failure;
use crate::pipeline::Gateway;
use crate::route::Route;

/// The action that is asked about. No call has this name, so no record does.
const ACTION: &str = "iam:PassRole";

impl Gateway {
    /// Refuses a call that hands over a role that its caller may not hand over. `resource` is what the call acts on.
    pub(crate) async fn check_passed_roles(
        &self,
        caller: &Caller,
        route: &Route<'_>,
        resource: &str,
        context: &RequestContext<'_>,
        input: &Fields,
    ) -> Result<(), ApiError> {
        let passes = route.entry.handler.as_ref().map_or(&[][..], |handler| handler.passes());
        let Some(account) = caller.account().filter(|_| !passes.is_empty()) else { return Ok(()) };
        let prefix = &route.entry.prefix;
        for passed in passes {
            for arn in passed.named(account, input) {
                // What is no role's ARN is the operation's to refuse, in words of its own.
                let Some(owner) = account_of_role(&arn) else { continue };
                if *owner != **account {
                    return Err(failure::of_foreign_role(prefix, route.protocol));
                }
                let mut more = vec![("iam:passedtoservice", passed.to)];
                if resource != "*" {
                    more.push(("iam:associatedresourcearn", resource));
                }
                // Tags, and whatever else the input gives, are of what is made with the role, not of the role.
                let context = RequestContext { input: None, more: &more, ..*context };
                let request = AccessRequest { caller, action: ACTION, resource: &arn, context: &context };
                let decision = self.deps.authorizer.decide(&request).await?;
                if !decision.is_allow() {
                    return Err(failure::of_decision(&decision, caller, ACTION, &arn, prefix, route.protocol));
                }
            }
        }
        Ok(())
    }
}

/// The account of the role of this ARN. `None`: it is no role's.
fn account_of_role(arn: &str) -> Option<String> {
    let arn = Arn::parse(arn).filter(|arn| arn.service == "iam" && arn.region.is_empty())?;
    let name = arn.resource.strip_prefix("role/")?;
    (!name.is_empty() && is_account_id(&arn.account)).then_some(arn.account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_have_accounts() {
        let check = |arn: &str, expected: Option<&str>| assert_eq!(account_of_role(arn).as_deref(), expected, "{arn}");
        check("arn:aws:iam::123456789012:role/a", Some("123456789012"));
        check("arn:aws-cn:iam::123456789012:role/service-role/a", Some("123456789012"));
        check("arn:aws:iam::123456789012:role/", None);
        check("arn:aws:iam::123456789012:user/a", None);
        check("arn:aws:iam:us-east-1:123456789012:role/a", None);
        check("arn:aws:iam::aws:role/a", None);
        check("arn:aws:s3:::role/a", None);
        check("role/a", None);
    }
}
