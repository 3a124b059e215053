//! How dashboards are refreshed: a query for each widget, run as CloudTrail itself under the policies of the event data stores; asked
//! for, or by a schedule.

use std::collections::BTreeMap;

use base::Timestamp;
use base::time::DAY_MS;
use service::ApiError;

use super::dashboard::{self, Dashboard, RefreshSchedule};
use super::policies::lets_cloudtrail;
use super::query::run::Ask;
use crate::CloudTrail;
use crate::ops::minutes_of;

const HOUR_MS: i64 = 3_600_000;
/// What a refresh looks at if nothing is said.
const SPAN_MS: i64 = DAY_MS;
/// The API's bound on the reason of a failure, in characters.
const FAILURE_CHARS_MAX: usize = 1_000;

/// What the parameters of widgets stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Times {
    start: String,
    end: String,
    period: String,
}

impl Times {
    /// The day before `now`.
    pub fn until(now: Timestamp) -> Times {
        let text = |time: Timestamp| time.iso8601_secs().replace('T', " ").trim_end_matches('Z').to_owned();
        Times { start: text(now.plus_ms(-SPAN_MS)), end: text(now), period: "hour".to_owned() }
    }

    /// Reads what a refresh is given; the rest is as of the day before `now`.
    pub fn read(given: BTreeMap<String, String>, now: Timestamp) -> Result<Times, String> {
        let mut times = Times::until(now);
        for (name, value) in given {
            let place = match name.as_str() {
                "$StartTime$" => &mut times.start,
                "$EndTime$" => &mut times.end,
                "$Period$" => &mut times.period,
                _ => {
                    return Err(format!(
                        "QueryParameterValues: {name} is none of $StartTime$, $EndTime$ and $Period$."
                    ));
                }
            };
            *place = value;
        }
        Ok(times)
    }

    /// What a parameter stands for, as an SQL literal. One that begins with a dollar sign and is none of ours is an error.
    fn value(&self, parameter: &str) -> Result<String, String> {
        let value = match parameter {
            "$StartTime$" => &self.start,
            "$EndTime$" => &self.end,
            "$Period$" => &self.period,
            other if other.starts_with('$') => {
                return Err(format!("QueryParameters: {other} is none of $StartTime$, $EndTime$ and $Period$."));
            }
            other => other,
        };
        // Values are texts; quotes that are there are kept.
        let quoted = value.len() >= 2 && value.starts_with('\'') && value.ends_with('\'');
        Ok(if quoted { value.to_owned() } else { format!("'{}'", value.replace('\'', "''")) })
    }
}

/// The parameters of a widget as they would be now, to check its statement with.
pub fn trial_parameters(parameters: &[String], now: Timestamp) -> Result<Vec<String>, String> {
    let times = Times::until(now);
    parameters.iter().map(|parameter| times.value(parameter)).collect()
}

/// Whether a scheduled refresh is due: its time has come since the last one (or since the dashboard was made).
pub fn is_due(schedule: &RefreshSchedule, since_ms: i64, now_ms: i64) -> bool {
    if schedule.status.as_deref() == Some("DISABLED") {
        return false;
    }
    let Some(frequency) = &schedule.frequency else { return false };
    let value = frequency.value.unwrap_or(1).max(1);
    match (frequency.unit.as_deref(), schedule.time_of_day.as_deref().and_then(minutes_of)) {
        (Some("HOURS"), None) => now_ms - since_ms >= value * HOUR_MS,
        (Some("DAYS"), None) => now_ms - since_ms >= value * DAY_MS,
        // The last moment of that time of day (for hours: and each so many hours after it) must be later than the last refresh.
        (Some(unit), Some(minutes)) => {
            let every = if unit == "HOURS" { value * HOUR_MS } else { value * DAY_MS };
            let first = minutes * 60_000;
            let last = now_ms - (now_ms - first).rem_euclid(every.min(DAY_MS));
            last > since_ms
        }
        (None, _) => false,
        (Some(_), None) => false,
    }
}

impl CloudTrail {
    /// Starts a refresh; returns its number. What goes wrong with a widget is noted with the dashboard.
    pub(crate) async fn refresh(&self, dashboard: &Dashboard, times: Times) -> Result<String, ApiError> {
        let now = self.shared.env.clock.now();
        let refresh_id = self.next_refresh_id(dashboard, now);
        let mut failure = None;
        for widget in &dashboard.widgets {
            if let Err(why) = self.refresh_widget(dashboard, widget, &times, &refresh_id).await? {
                failure.get_or_insert(why);
            }
        }
        let found = dashboard::get(self, dashboard.region, &dashboard.name).await?;
        // It may be gone by now, and then there is nothing to note.
        if let Some(found) = found {
            let mut noted = found.value;
            noted.last_refresh_id = Some(refresh_id.clone());
            noted.last_refresh_ms = Some(now.ms());
            noted.last_failure = failure.map(|why| why.chars().take(FAILURE_CHARS_MAX).collect());
            dashboard::put(self, &noted, Some(found.rev)).await?;
        }
        Ok(refresh_id)
    }

    /// Ten to twenty digits, larger than those of the refresh before.
    fn next_refresh_id(&self, dashboard: &Dashboard, now: Timestamp) -> String {
        let before = dashboard.last_refresh_id.as_deref().and_then(|id| id.parse::<i64>().ok()).unwrap_or(0);
        format!("{:013}", now.ms().max(before.saturating_add(1)))
    }

    /// Starts the query of a widget, or says why it cannot.
    async fn refresh_widget(
        &self,
        dashboard: &Dashboard,
        widget: &dashboard::Widget,
        times: &Times,
        refresh_id: &str,
    ) -> Result<Result<(), String>, ApiError> {
        let here = self.lake.stores.of_region(dashboard.region).await?;
        let parameters: Result<Vec<String>, String> =
            widget.query_parameters.iter().map(|parameter| times.value(parameter)).collect();
        let parameters = match parameters {
            Ok(parameters) => parameters,
            Err(why) => return Ok(Err(why)),
        };
        let checked = match self.lake.queries.check(&widget.query_statement, parameters, &here) {
            Ok(checked) => checked,
            Err(error) if error.status < 500 => return Ok(Err(error.to_string())),
            Err(error) => return Err(error),
        };
        for store in here.iter().filter(|store| checked.stores.contains(&store.id)) {
            if !lets_cloudtrail(&self.shared, &store.arn, "cloudtrail:StartQuery", &dashboard.arn).await? {
                let why = format!(
                    "The resource policy of the event data store {} does not let cloudtrail.amazonaws.com start queries.",
                    store.arn
                );
                return Ok(Err(why));
            }
        }
        let ask = Ask {
            alias: Some(widget.query_alias.clone()),
            prompt: None,
            refresh_id: Some(refresh_id.to_owned()),
            delivery: None,
        };
        match self.lake.queries.start(dashboard.region, checked, ask).await {
            Ok(_) => Ok(Ok(())),
            Err(error) if error.status < 500 => Ok(Err(error.to_string())),
            Err(error) => Err(error),
        }
    }

    /// Refreshes the dashboards that are due. Their own policies must let CloudTrail do so.
    pub(crate) async fn refresh_due(&self) -> Result<(), ApiError> {
        let now = self.shared.env.clock.now();
        for dashboard in dashboard::all(self).await? {
            let since_ms = dashboard.last_refresh_ms.unwrap_or(dashboard.created_ms);
            let due = dashboard.schedule.as_ref().is_some_and(|schedule| is_due(schedule, since_ms, now.ms()));
            if !due {
                continue;
            }
            if lets_cloudtrail(&self.shared, &dashboard.arn, "cloudtrail:StartDashboardRefresh", &dashboard.arn).await?
            {
                self.refresh(&dashboard, Times::until(now)).await?;
                continue;
            }
            let Some(found) = dashboard::get(self, dashboard.region, &dashboard.name).await? else { continue };
            let mut noted = found.value;
            noted.last_refresh_ms = Some(now.ms());
            noted.last_failure = Some(
                "The resource policy of the dashboard does not let cloudtrail.amazonaws.com refresh it.".to_owned(),
            );
            dashboard::put(self, &noted, Some(found.rev)).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::dashboard::Frequency;

    #[test]
    fn schedules_come_due() {
        let schedule = |unit: &str, value: i64, time: Option<&str>, status: &str| RefreshSchedule {
            frequency: Some(Frequency { unit: Some(unit.to_owned()), value: Some(value) }),
            status: Some(status.to_owned()),
            time_of_day: time.map(str::to_owned),
        };
        let midnight = 20_000 * DAY_MS;
        let hours = |hours: i64| midnight + hours * HOUR_MS;
        let six = schedule("HOURS", 6, None, "ENABLED");
        assert!(!is_due(&six, hours(0), hours(5)) && is_due(&six, hours(0), hours(6)));
        let daily = schedule("DAYS", 1, Some("09:30"), "ENABLED");
        assert!(!is_due(&daily, hours(1), hours(9)), "not yet nine thirty");
        assert!(is_due(&daily, hours(1), hours(10)));
        assert!(!is_due(&daily, hours(10), hours(20)), "it was refreshed at ten");
        assert!(is_due(&daily, hours(10), hours(34)));
        assert!(!is_due(&schedule("DAYS", 1, None, "DISABLED"), 0, hours(0)));
        assert!(!is_due(&RefreshSchedule::default(), 0, hours(0)));
    }

    #[test]
    fn parameters_become_literals() {
        let times = Times::until(Timestamp::from_ms(1_772_366_400_000));
        let value = |parameter: &str| times.value(parameter).unwrap();
        assert_eq!(
            (value("$StartTime$"), value("$EndTime$")),
            ("'2026-02-28 12:00:00'".into(), "'2026-03-01 12:00:00'".into())
        );
        assert_eq!((value("it's"), value("'quoted'")), ("'it''s'".into(), "'quoted'".into()));
        assert!(times.value("$EventDataStoreId$").is_err());
        let given = BTreeMap::from([("$Period$".to_owned(), "day".to_owned())]);
        assert_eq!(Times::read(given, Timestamp::EPOCH).unwrap().value("$Period$").unwrap(), "'day'");
        assert!(Times::read(BTreeMap::from([("x".to_owned(), "y".to_owned())]), Timestamp::EPOCH).is_err());
    }
}
