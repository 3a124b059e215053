//! GetTrailStatus: whether a trail records, and how its last deliveries went.

use base::Timestamp;
use serde::Serialize;
use service::{ApiError, Call, Operation};
use state::Expect;

use super::NameInput;
use crate::CloudTrail;
use crate::delivery::outbox::Status;
use crate::rows::{self, EVENT_CONFIGURATIONS, STATUS};

/// See the module.
pub struct GetTrailStatus;

/// The answer. The last six are no longer documented but still sent; empty where nothing happened yet.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    is_logging: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_delivery_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_delivery_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_notification_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_notification_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_cloud_watch_logs_delivery_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_cloud_watch_logs_delivery_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_logging_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_logging_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_digest_delivery_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_digest_delivery_error: Option<String>,
    latest_delivery_attempt_time: String,
    latest_notification_attempt_time: String,
    latest_notification_attempt_succeeded: String,
    latest_delivery_attempt_succeeded: String,
    time_logging_started: String,
    time_logging_stopped: String,
}

impl Operation for GetTrailStatus {
    type Service = CloudTrail;
    type Input = NameInput;
    type Output = Output;
    const NAME: &'static str = "GetTrailStatus";
    const RESOURCE: &'static str = "trail/{Name}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: NameInput) -> Result<Output, ApiError> {
        let cloudtrail = &*cloudtrail.shows_trail(call, &input.name).await?;
        let trail = cloudtrail.trails.find(&input.name, call.region).await?;
        let delivery = status(cloudtrail, &trail.arn, "delivery").await?;
        let digest = status(cloudtrail, &trail.arn, "digest").await?;
        let notification = status(cloudtrail, &trail.arn, "notification").await?;
        let logs = match cloudtrail.shared.log_status(&trail.arn) {
            Some(status) => status,
            None => status(cloudtrail, &trail.arn, "logs").await?,
        };
        let time = |ms: Option<i64>| ms.map(Timestamp::from_ms);
        let text = |ms: Option<i64>| time(ms).map(Timestamp::iso8601_secs).unwrap_or_default();
        let succeeded = delivery.delivered_ms.filter(|_| delivery.error.is_none());
        let notified = notification.delivered_ms.filter(|_| notification.error.is_none());
        Ok(Output {
            is_logging: trail.logging,
            latest_notification_error: notification.error,
            latest_notification_time: time(notification.delivered_ms),
            latest_cloud_watch_logs_delivery_error: logs.error,
            latest_cloud_watch_logs_delivery_time: time(logs.delivered_ms),
            latest_delivery_error: delivery.error,
            latest_delivery_time: time(delivery.delivered_ms),
            start_logging_time: time(trail.started_ms),
            stop_logging_time: time(trail.stopped_ms),
            latest_digest_delivery_time: time(digest.delivered_ms),
            latest_digest_delivery_error: digest.error,
            latest_delivery_attempt_time: text(delivery.attempted_ms),
            latest_notification_attempt_time: text(notification.attempted_ms),
            latest_notification_attempt_succeeded: text(notified),
            latest_delivery_attempt_succeeded: text(succeeded),
            time_logging_started: text(trail.started_ms),
            time_logging_stopped: text(trail.stopped_ms),
        })
    }
}

async fn status(cloudtrail: &CloudTrail, arn: &str, what: &str) -> Result<Status, ApiError> {
    let key = state::key::key(&[arn, what]);
    let found = rows::get(&*cloudtrail.shared.state, STATUS, &key).await.map_err(ApiError::unavailable)?;
    Ok(found.map(|found| found.value).unwrap_or_default())
}

/// Drops what is known of an earlier trail of this name.
pub(super) async fn forget(cloudtrail: &CloudTrail, arn: &str) -> Result<(), ApiError> {
    let gone = |what: &str| rows::delete(STATUS, state::key::key(&[arn, what]), Expect::Any);
    cloudtrail.shared.forget_log_status(arn);
    let ops = vec![
        gone("delivery"),
        gone("digest"),
        gone("logs"),
        gone("notification"),
        rows::delete(EVENT_CONFIGURATIONS, arn, Expect::Any),
    ];
    cloudtrail.shared.state.commit(ops).await.map_err(ApiError::unavailable)?;
    Ok(())
}
