//! Where else a trail tells of events: a log group that gets them one by one, and a topic that hears of each log file. What is checked
//! when a trail is made or changed. Sources: CloudTrail API reference, CreateTrail; user guide, "Sending events to CloudWatch Logs" and
//! "Configuring Amazon SNS notifications for CloudTrail".

use std::sync::Arc;

use base::Arn;
use ports::{HandOver, LogGroups, LogTarget, OnBehalf, ServiceRoles, Topics};
use service::ApiError;

use crate::CloudTrail;
use crate::delivery::worker::PRINCIPAL;
use crate::error::Error;
use crate::trail::Trail;

/// Who takes what trails tell. What is `None` is not there: then no trail can name it.
#[derive(Clone, Default)]
pub struct Watch {
    /// Log groups.
    pub log_groups: Option<Arc<dyn LogGroups>>,
    /// The roles that CloudTrail assumes to write into them.
    pub roles: Option<Arc<dyn ServiceRoles>>,
    /// Topics.
    pub topics: Option<Arc<dyn Topics>>,
}

/// The session that CloudTrail is while it writes into log groups.
pub(crate) const SESSION_NAME: &str = "CLOUDWATCHLOGS_DELIVERY_SESSION";

/// Settings of a request; an empty text means "none".
pub struct Asked<'a> {
    /// `SnsTopicName`: a name or an ARN.
    pub topic: Option<&'a str>,
    /// `CloudWatchLogsLogGroupArn`.
    pub log_group: Option<&'a str>,
    /// `CloudWatchLogsRoleArn`.
    pub log_role: Option<&'a str>,
}

impl Asked<'_> {
    /// Puts what is asked for into the trail, if it can be used.
    pub async fn apply(&self, cloudtrail: &CloudTrail, trail: &mut Trail) -> Result<(), ApiError> {
        let set = |place: &mut Option<String>, asked: Option<&str>| {
            if let Some(text) = asked {
                *place = Some(text).filter(|text| !text.is_empty()).map(str::to_owned);
            }
        };
        if self.log_group.is_some() || self.log_role.is_some() {
            set(&mut trail.log_group, self.log_group);
            set(&mut trail.log_role, self.log_role);
            check_log_group(cloudtrail, trail).await?;
        }
        if self.topic.is_some() {
            set(&mut trail.topic, self.topic);
            check_topic(cloudtrail, trail).await?;
        }
        Ok(())
    }
}

/// Who a trail is to others.
pub(crate) fn on_behalf(trail_arn: &str, account: &Arc<str>) -> OnBehalf {
    OnBehalf { principal: PRINCIPAL, source_arn: trail_arn.to_owned(), source_account: Arc::clone(account) }
}

/// The ARN of a trail's topic, which may be named by its name alone.
pub(crate) fn topic_arn(trail: &Trail, account: &str) -> Option<String> {
    let named = trail.topic.as_deref()?;
    if named.starts_with("arn:") {
        return Some(named.to_owned());
    }
    let region = trail.home_region;
    Some(format!("arn:{}:sns:{region}:{account}:{named}", region.partition()))
}

/// The stream that events of an account and a region go to. Source: CloudTrail user guide, "CloudWatch log group and log stream naming for
/// CloudTrail".
pub(crate) fn stream_of(trail: &Trail, account: &str, region: &str) -> String {
    match trail.organization_id() {
        Some(organization) => format!("{organization}_{account}_CloudTrail_{region}"),
        None => format!("{account}_CloudTrail_{region}"),
    }
}

/// Where events of a trail go, if they go to a log group.
pub(crate) fn target_of(trail: &Trail, account: &Arc<str>, stream: String) -> Option<LogTarget> {
    let (group_arn, role_arn) = (trail.log_group.clone()?, trail.log_role.clone()?);
    Some(LogTarget { by: on_behalf(&trail.arn, account), group_arn, role_arn, stream })
}

async fn check_log_group(cloudtrail: &CloudTrail, trail: &Trail) -> Result<(), ApiError> {
    let shared = &cloudtrail.shared;
    let bad_group = |text: &str| Err(Error::InvalidCloudWatchLogsLogGroupArnException(text.to_owned()).into());
    let bad_role = |text: &str| Err(Error::InvalidCloudWatchLogsRoleArnException(text.to_owned()).into());
    let (group, role) = match (&trail.log_group, &trail.log_role) {
        (None, None) => return Ok(()),
        (Some(_), None) => return bad_role("You must specify a role ARN as well as a log group."),
        (None, Some(_)) => return bad_group("You must specify a log group as well as a role ARN."),
        (Some(group), Some(role)) => (group, role),
    };
    let cannot_validate = "Check the log group ARN: CloudTrail can't validate it.";
    let arn = Arn::parse(group).filter(|arn| {
        arn.service == "logs"
            && *arn.account == *shared.account
            && arn.region == trail.home_region.as_str()
            && arn.resource.strip_prefix("log-group:").is_some_and(|rest| rest.ends_with(":*") && rest.len() > 2)
    });
    if arn.is_none() {
        return bad_group(cannot_validate);
    }
    let is_role = Arn::parse(role).is_some_and(|arn| arn.service == "iam" && arn.resource.starts_with("role/"));
    if !is_role {
        return bad_role("The specified role ARN is not valid.");
    }
    let Some(log_groups) = &shared.watch.log_groups else { return bad_group(cannot_validate) };
    let unavailable = |text: String| -> Result<(), ApiError> {
        let error: ApiError = Error::CloudWatchLogsDeliveryUnavailableException(
            "CloudTrail cannot deliver events to CloudWatch Logs in this Region now.".to_owned(),
        )
        .into();
        Err(ApiError { log: Some(text), ..error })
    };
    let stream = stream_of(trail, &shared.account, trail.home_region.as_str());
    let Some(target) = target_of(trail, &shared.account, stream) else { return bad_group(cannot_validate) };
    if let Some(roles) = &shared.watch.roles {
        match roles.act_as(&target.by, role, SESSION_NAME).await {
            Ok(_) => {}
            Err(HandOver::Unavailable(text)) => return unavailable(text),
            Err(_) => return bad_role("Access denied. Check the trust relationships for your role."),
        }
    }
    match log_groups.check(&target).await {
        Ok(()) => Ok(()),
        Err(HandOver::NotFound(_) | HandOver::Invalid(_)) => bad_group(cannot_validate),
        Err(HandOver::Denied(_)) => bad_group("Access denied. Check the permissions for your role."),
        Err(HandOver::Unavailable(text)) => unavailable(text),
    }
}

async fn check_topic(cloudtrail: &CloudTrail, trail: &Trail) -> Result<(), ApiError> {
    let shared = &cloudtrail.shared;
    let Some(arn) = topic_arn(trail, &shared.account) else { return Ok(()) };
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let parsed = Arn::parse(&arn).filter(|arn| {
        arn.service == "sns" && (1..=256).contains(&arn.resource.len()) && arn.resource.chars().all(is_name)
    });
    if parsed.is_none() {
        let text = "SNS Topic name is not valid: it must have from 1 to 256 letters, digits, hyphens and underscores.";
        return Err(Error::InvalidSnsTopicNameException(text.to_owned()).into());
    }
    let refused = || {
        let text = "SNS Topic does not exist or the topic policy is incorrect!";
        Err(Error::InsufficientSnsTopicPolicyException(text.to_owned()).into())
    };
    let Some(topics) = &shared.watch.topics else { return refused() };
    match topics.check(&on_behalf(&trail.arn, &shared.account), &arn).await {
        Ok(()) => Ok(()),
        Err(HandOver::Unavailable(text)) => Err(ApiError::unavailable(text)),
        Err(_) => refused(),
    }
}
