//! CloudWatch: metrics, alarms over them, dashboards. Data come through the journal and lie in tables as buckets of time; alarms look at
//! them as they come and by the minute ([ADR 28]). Never waits for whom alarms tell.
//!
//! [ADR 28]: ../../../docs/adr/0028-metrics-and-alarms.md

mod access;
mod alarms;
mod dashboards;
mod data;
mod error;
mod label;
pub mod math;
mod metric;
pub mod ops;
mod query;
mod recorded;
#[cfg(test)]
mod testing;
mod upkeep;
mod widget;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use base::Env;
use journal::Journal;
use ports::{Authorizer, Functions, Topics};
use service::{Builder, Definition, PassedRole, Service};
use state::State;
use tokio::sync::watch;

pub use data::MetricsConsumer;
pub use error::Error;

/// What the service stands on.
pub struct Deps {
    /// Clock and chance.
    pub env: Env,
    /// Whose the metrics are.
    pub account: Arc<str>,
    /// Metrics, alarms, dashboards.
    pub state: Arc<dyn State>,
    /// Where data are put first.
    pub journal: Arc<dyn Journal>,
    /// Decides who may what with each of the alarms that a call names, and asks in turn what tags they have.
    pub authorizer: Arc<dyn Authorizer>,
    /// Whom alarms tell. `None`: nobody.
    pub topics: Option<Arc<dyn Topics>>,
    /// What alarms invoke. `None`: nothing.
    pub functions: Option<Arc<dyn Functions>>,
}

/// The service.
pub struct CloudWatch {
    pub(crate) deps: Deps,
    pub(crate) store: data::store::Store,
    pub(crate) alarms: alarms::store::Alarms,
    /// The first entry of the journal that alarms have not looked at.
    pub(crate) taken: watch::Sender<u64>,
    /// The first entry that is not in the tables.
    pub(crate) written: AtomicU64,
}

impl Service for CloudWatch {
    const MODEL: &'static str = "cloudwatch";
    const PREFIX: &'static str = "cloudwatch";
}

impl CloudWatch {
    /// Opens CloudWatch over its tables. Nothing is taken before [`CloudWatch::consumer`] is at work, and nobody told before
    /// [`CloudWatch::work`] is.
    pub async fn open(deps: Deps) -> Result<Arc<CloudWatch>, state::Error> {
        let end = deps.journal.durable_end().get();
        let (store, next) = data::store::Store::open(Arc::clone(&deps.state), end).await?;
        let alarms = alarms::store::Alarms::open(&*deps.state).await?;
        let (taken, written) = (watch::Sender::new(next), AtomicU64::new(next));
        Ok(Arc::new(CloudWatch { deps, store, alarms, taken, written }))
    }

    /// What takes the account's data from the journal. Once.
    pub fn consumer(self: &Arc<CloudWatch>) -> MetricsConsumer {
        // One for each account there is while the program runs.
        let name: &'static str = Box::leak(format!("metrics-{}", self.deps.account).into_boxed_str());
        let next = self.written.load(std::sync::atomic::Ordering::Acquire);
        MetricsConsumer::new(Arc::clone(self), name, next)
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.deps.env.clock.now().ms()
    }
}

/// Source: CloudWatch user guide, "Trust between CloudWatch and Firehose".
const STREAM_ROLE: [PassedRole; 1] = [PassedRole::arn("RoleArn", "streams.metrics.cloudwatch.amazonaws.com")];

/// The operations.
pub fn definition(cloudwatch: Arc<CloudWatch>) -> Definition {
    Builder::new(cloudwatch)
        .on::<ops::alarm_actions::DisableAlarmActions>()
        .on::<ops::alarm_actions::EnableAlarmActions>()
        .on::<ops::anomaly::DeleteAnomalyDetector>()
        .on::<ops::anomaly::DescribeAnomalyDetectors>()
        .on::<ops::anomaly::PutAnomalyDetector>()
        .on::<ops::dashboards::DeleteDashboards>()
        .on::<ops::dashboards::GetDashboard>()
        .on::<ops::dashboards::ListDashboards>()
        .on::<ops::dashboards::PutDashboard>()
        .on::<ops::delete_alarms::DeleteAlarms>()
        .on::<ops::describe_alarm_history::DescribeAlarmHistory>()
        .on::<ops::describe_alarms::DescribeAlarmContributors>()
        .on::<ops::describe_alarms::DescribeAlarms>()
        .on::<ops::describe_alarms::DescribeAlarmsForMetric>()
        .on::<ops::get_metric_data::GetMetricData>()
        .on::<ops::get_metric_statistics::GetMetricStatistics>()
        .on::<ops::get_metric_widget_image::GetMetricWidgetImage>()
        .on::<ops::insight_rules::DeleteInsightRules>()
        .on::<ops::insight_rules::DescribeInsightRules>()
        .on::<ops::insight_rules::DisableInsightRules>()
        .on::<ops::insight_rules::EnableInsightRules>()
        .on::<ops::insight_rules::PutInsightRule>()
        .on::<ops::list_metrics::ListMetrics>()
        .on::<ops::metric_streams::DeleteMetricStream>()
        .on::<ops::metric_streams::GetMetricStream>()
        .on::<ops::metric_streams::ListMetricStreams>()
        .on_passing::<ops::metric_streams::PutMetricStream>(&STREAM_ROLE)
        .on::<ops::metric_streams::StartMetricStreams>()
        .on::<ops::metric_streams::StopMetricStreams>()
        .on::<ops::mute_rules::DeleteAlarmMuteRule>()
        .on::<ops::mute_rules::GetAlarmMuteRule>()
        .on::<ops::mute_rules::ListAlarmMuteRules>()
        .on::<ops::mute_rules::PutAlarmMuteRule>()
        .on::<ops::put_composite_alarm::PutCompositeAlarm>()
        .on::<ops::put_metric_alarm::PutMetricAlarm>()
        .on::<ops::put_metric_data::PutMetricData>()
        .on::<ops::set_alarm_state::SetAlarmState>()
        .on::<ops::tags::ListTagsForResource>()
        .on::<ops::tags::TagResource>()
        .on::<ops::tags::UntagResource>()
        .build()
}

/// Reads a composite alarm's rule and asks whether it holds: for fuzzing.
#[doc(hidden)]
pub fn fuzz_rule(text: &str) {
    use alarms::{StateValue, rule::Rule};
    if let Ok(rule) = Rule::parse(text) {
        let state = |name: &str| if name.len().is_multiple_of(2) { Some(StateValue::Alarm) } else { None };
        rule.holds(&state);
        assert!(rule.alarms().len() <= 100);
    }
}

/// Reads any text as a dashboard, as a widget and as a label of one: for fuzzing.
#[doc(hidden)]
pub fn fuzz_dashboard(text: &str) {
    let checked = dashboards::check(text);
    assert_eq!(checked, dashboards::check(text));
    if let Ok(widget) = widget::spec::Widget::parse(text) {
        let span = widget.span(1_700_000_000_000);
        widget.offset_ms();
        if let (Ok(rows), Ok((from, to))) = (widget::spec::metrics(&widget.metrics), span) {
            assert_eq!(widget.queries(&rows, to - from).len(), rows.len());
        }
    }
    let points = std::collections::BTreeMap::from([(0, 1.5), (60_000, -2.0)]);
    label::fill(text, &math::Line::new("m1", 60, points), "usual");
}

/// Reads any bytes as what is stored of metrics; what reads is written again and reads the same. For fuzzing.
#[doc(hidden)]
pub fn fuzz_stored(data: &[u8]) {
    data::block::fuzz(data);
    if let Ok(given) = data::entry::Given::decode(data) {
        given.data.iter().for_each(|point| drop(point.values.bucket()));
        assert_eq!(data::entry::Given::decode(&given.encode()), Ok(given));
    }
}
