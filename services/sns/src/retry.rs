//! How often, and after which pauses, a delivery is tried again. Source: SNS developer guide, "Amazon SNS message delivery retries".

use serde_json::Value;

use crate::Error;

/// All retries of a delivery over HTTP end after this. Source: the same, "The total policy retry time for an HTTP/S endpoint cannot be
/// greater than 3,600 seconds".
const HTTP_TOTAL_SECS_MAX: i64 = 3_600;
/// The most retries that a policy may have. Source: the same, "Creating an HTTP/S delivery policy".
const RETRIES_MAX: i64 = 100;
/// What deliveries over HTTP have as `Content-Type` unless a policy says otherwise.
pub const CONTENT_TYPE: &str = "text/plain; charset=UTF-8";
/// The content types that a policy may choose. Source: the same, `headerContentType`.
const CONTENT_TYPES: [&str; 21] = [
    "application/atom+xml",
    "application/json",
    "application/octet-stream",
    "application/soap+xml",
    "application/x-www-form-urlencoded",
    "application/xhtml+xml",
    "application/xml",
    "text/css",
    "text/csv",
    "text/html",
    "text/plain",
    "text/xml",
    "application/geo+json",
    "application/ld+json",
    "application/vnd.api+json",
    "application/cloudevents+json",
    "application/problem+json",
    "application/rss+xml",
    "application/yaml",
    "text/markdown",
    "text/yaml",
];

/// How pauses grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// By the same each time.
    Linear,
    /// By one step more each time.
    Arithmetic,
    /// By the same factor each time.
    Geometric,
    /// Twice the step each time.
    Exponential,
}

impl Growth {
    fn parse(text: &str) -> Option<Growth> {
        Some(match text {
            "linear" => Growth::Linear,
            "arithmetic" => Growth::Arithmetic,
            "geometric" => Growth::Geometric,
            "exponential" => Growth::Exponential,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Growth::Linear => "linear",
            Growth::Arithmetic => "arithmetic",
            Growth::Geometric => "geometric",
            Growth::Exponential => "exponential",
        }
    }
}

/// The four phases of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// Retries at once.
    pub no_delay: u32,
    /// Then retries after the shortest pause.
    pub min_delay: u32,
    /// Then retries whose pauses grow.
    pub backoff: u32,
    /// Then retries after the longest pause.
    pub max_delay: u32,
    /// The shortest pause, in seconds.
    pub min_secs: u32,
    /// The longest pause, in seconds.
    pub max_secs: u32,
    /// How pauses grow.
    pub growth: Growth,
}

/// Of SQS and Lambda.
pub const AWS_MANAGED: Retries = Retries {
    no_delay: 3,
    min_delay: 2,
    backoff: 10,
    max_delay: 100_000,
    min_secs: 1,
    max_secs: 20,
    growth: Growth::Exponential,
};

/// Of mail and text messages.
pub const CUSTOMER_MANAGED: Retries = Retries {
    no_delay: 0,
    min_delay: 2,
    backoff: 10,
    max_delay: 38,
    min_secs: 10,
    max_secs: 600,
    growth: Growth::Exponential,
};

/// Of HTTP, if no policy says otherwise: three, 20 seconds apart.
pub const HTTP: Retries =
    Retries { no_delay: 0, min_delay: 0, backoff: 3, max_delay: 0, min_secs: 20, max_secs: 20, growth: Growth::Linear };

impl Retries {
    /// All retries.
    pub fn count(&self) -> u32 {
        self.no_delay + self.min_delay + self.backoff + self.max_delay
    }

    /// The pause before a retry (the first is 1), in milliseconds. `None`: there is no such retry.
    pub fn pause_ms(&self, retry: u32) -> Option<i64> {
        let mut at = retry.checked_sub(1)?;
        let (min, max) = (f64::from(self.min_secs), f64::from(self.max_secs));
        if at < self.no_delay {
            return Some(0);
        }
        at -= self.no_delay;
        if at < self.min_delay {
            return Some(i64::from(self.min_secs) * 1_000);
        }
        at -= self.min_delay;
        if at < self.backoff {
            let (step, last) = (f64::from(at), f64::from(self.backoff.saturating_sub(1)).max(1.0));
            let part = match self.growth {
                Growth::Linear => step / last,
                Growth::Arithmetic => (step * (step + 1.0)) / (last * (last + 1.0)),
                Growth::Exponential => (step.exp2() - 1.0) / (last.exp2() - 1.0),
                Growth::Geometric => {
                    let secs = min.max(1.0) * (max / min.max(1.0)).powf(step / last);
                    return Some(ms(secs));
                }
            };
            return Some(ms(min + (max - min) * part));
        }
        at -= self.backoff;
        (at < self.max_delay).then(|| i64::from(self.max_secs) * 1_000)
    }

    fn total_ms(&self) -> i64 {
        (1..=self.count().min(200)).filter_map(|retry| self.pause_ms(retry)).sum()
    }

    /// As attributes show it.
    fn json(&self) -> String {
        format!(
            r#"{{"minDelayTarget":{},"maxDelayTarget":{},"numRetries":{},"numMaxDelayRetries":{},"numNoDelayRetries":{},"numMinDelayRetries":{},"backoffFunction":"{}"}}"#,
            self.min_secs,
            self.max_secs,
            self.count(),
            self.max_delay,
            self.no_delay,
            self.min_delay,
            self.growth.name()
        )
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a pause is at most an hour")]
fn ms(secs: f64) -> i64 {
    (secs * 1_000.0).round() as i64
}

/// What a policy says of deliveries over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpPolicy {
    /// How they are retried.
    pub retries: Retries,
    /// Their `Content-Type`.
    pub content_type: String,
    /// How many a second at most.
    pub per_second: Option<u32>,
    /// Whether subscriptions' own policies are not heard.
    pub no_overrides: bool,
    /// Whether retries were said.
    has_retries: bool,
    /// Whether a content type was said.
    has_content_type: bool,
}

impl Default for HttpPolicy {
    fn default() -> HttpPolicy {
        HttpPolicy {
            retries: HTTP,
            content_type: CONTENT_TYPE.to_owned(),
            per_second: None,
            no_overrides: false,
            has_retries: false,
            has_content_type: false,
        }
    }
}

impl HttpPolicy {
    /// Of a topic's `DeliveryPolicy`.
    pub fn of_topic(text: &str) -> Result<HttpPolicy, Error> {
        let root = parse(text)?;
        let http = root.get("http").filter(|http| http.is_object());
        let http = http.ok_or_else(|| bad("DeliveryPolicy: http must be provided"))?;
        let overrides = http.get("disableSubscriptionOverrides").and_then(Value::as_bool);
        read(http, "defaultHealthyRetryPolicy", "defaultThrottlePolicy", "defaultRequestPolicy", overrides)
    }

    /// Of a subscription's `DeliveryPolicy`.
    pub fn of_subscription(text: &str) -> Result<HttpPolicy, Error> {
        read(&parse(text)?, "healthyRetryPolicy", "throttlePolicy", "requestPolicy", None)
    }

    /// What counts for a subscription of this topic.
    pub fn effective(topic: Option<&str>, subscription: Option<&str>) -> HttpPolicy {
        // Both were checked when they were set.
        let topic = topic.and_then(|text| HttpPolicy::of_topic(text).ok()).unwrap_or_default();
        let Some(own) = subscription.filter(|_| !topic.no_overrides) else { return topic };
        let Ok(own) = HttpPolicy::of_subscription(own) else { return topic };
        HttpPolicy {
            retries: if own.has_retries { own.retries } else { topic.retries },
            content_type: if own.has_content_type { own.content_type } else { topic.content_type },
            per_second: own.per_second.or(topic.per_second),
            ..own
        }
    }

    fn throttle_json(&self) -> Option<String> {
        self.per_second.map(|count| format!(r#"{{"maxReceivesPerSecond":{count}}}"#))
    }

    /// `EffectiveDeliveryPolicy` of a topic.
    pub fn topic_json(&self) -> String {
        let throttle =
            self.throttle_json().map(|json| format!(r#""defaultThrottlePolicy":{json},"#)).unwrap_or_default();
        format!(
            r#"{{"http":{{"defaultHealthyRetryPolicy":{},"disableSubscriptionOverrides":{},{throttle}"defaultRequestPolicy":{{"headerContentType":"{}"}}}}}}"#,
            self.retries.json(),
            self.no_overrides,
            self.content_type
        )
    }

    /// `EffectiveDeliveryPolicy` of a subscription.
    pub fn subscription_json(&self) -> String {
        format!(
            r#"{{"healthyRetryPolicy":{},"sicklyRetryPolicy":null,"throttlePolicy":{},"requestPolicy":{{"headerContentType":"{}"}},"guaranteed":false}}"#,
            self.retries.json(),
            self.throttle_json().unwrap_or_else(|| "null".to_owned()),
            self.content_type
        )
    }
}

fn bad(text: impl Into<String>) -> Error {
    Error::InvalidParameter(text.into())
}

fn parse(text: &str) -> Result<Value, Error> {
    let value: Value = serde_json::from_str(text).map_err(|_| bad("DeliveryPolicy: failed to parse JSON"))?;
    if value.is_object() { Ok(value) } else { Err(bad("DeliveryPolicy: it must be an object")) }
}

fn read(
    of: &Value,
    retries: &str,
    throttle: &str,
    request: &str,
    overrides: Option<bool>,
) -> Result<HttpPolicy, Error> {
    let mut policy = HttpPolicy { no_overrides: overrides.unwrap_or_default(), ..HttpPolicy::default() };
    if let Some(given) = of.get(retries).filter(|given| given.is_object()) {
        policy.retries = read_retries(given, retries)?;
        policy.has_retries = true;
    }
    if let Some(count) = of.get(throttle).and_then(|throttle| throttle.get("maxReceivesPerSecond")) {
        let count = count.as_u64().and_then(|count| u32::try_from(count).ok()).filter(|count| *count >= 1);
        let refuse = || bad(format!("DeliveryPolicy: {throttle}.maxReceivesPerSecond must be 1 or greater"));
        policy.per_second = Some(count.ok_or_else(refuse)?);
    }
    if let Some(kind) = of.get(request).and_then(|request| request.get("headerContentType")) {
        let kind = kind.as_str().filter(|kind| {
            let plain = kind.split(';').next().unwrap_or_default().trim();
            CONTENT_TYPES.contains(&plain) && kind.len() <= 100 && !kind.contains(['"', '\\', '\r', '\n'])
        });
        let refuse = || bad(format!("DeliveryPolicy: {request}.headerContentType is not supported"));
        policy.content_type = kind.ok_or_else(refuse)?.to_owned();
        policy.has_content_type = true;
    }
    Ok(policy)
}

fn read_retries(given: &Value, name: &str) -> Result<Retries, Error> {
    let number = |member: &str, usual: u32, low: i64, high: i64| match given.get(member) {
        None | Some(Value::Null) => Ok(usual),
        Some(value) => {
            let found = value.as_i64().filter(|found| (low..=high).contains(found));
            let found = found.and_then(|found| u32::try_from(found).ok());
            found.ok_or_else(|| {
                bad(format!("DeliveryPolicy: {name}.{member} must be greater than or equal to {low} and less than or equal to {high}"))
            })
        }
    };
    let min_secs = number("minDelayTarget", HTTP.min_secs, 1, HTTP_TOTAL_SECS_MAX)?;
    let max_secs = number("maxDelayTarget", HTTP.max_secs.max(min_secs), i64::from(min_secs), HTTP_TOTAL_SECS_MAX)?;
    let count = number("numRetries", HTTP.count(), 0, RETRIES_MAX)?;
    let no_delay = number("numNoDelayRetries", 0, 0, RETRIES_MAX)?;
    let min_delay = number("numMinDelayRetries", 0, 0, RETRIES_MAX)?;
    let max_delay = number("numMaxDelayRetries", 0, 0, RETRIES_MAX)?;
    let backoff = count.checked_sub(no_delay + min_delay + max_delay).ok_or_else(|| {
        bad(format!(
            "DeliveryPolicy: {name}.numRetries must be greater than or equal to total of numMinDelayRetries, numNoDelayRetries and \
             numMaxDelayRetries"
        ))
    })?;
    let growth = match given.get("backoffFunction") {
        None | Some(Value::Null) => Growth::Linear,
        Some(value) => value.as_str().and_then(Growth::parse).ok_or_else(|| {
            bad(format!(
                "DeliveryPolicy: {name}.backoffFunction must be one of arithmetic, exponential, geometric, linear"
            ))
        })?,
    };
    let retries = Retries { no_delay, min_delay, backoff, max_delay, min_secs, max_secs, growth };
    if retries.total_ms() > HTTP_TOTAL_SECS_MAX * 1_000 {
        return Err(bad(format!(
            "DeliveryPolicy: {name}: the total retry time must be less than or equal to {HTTP_TOTAL_SECS_MAX} seconds"
        )));
    }
    Ok(retries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(retries: &Retries) -> Vec<i64> {
        (1..=retries.count().min(20)).map(|retry| retries.pause_ms(retry).unwrap() / 1_000).collect()
    }

    #[test]
    fn policies_have_the_phases_that_the_guide_says() {
        assert_eq!(pauses(&HTTP), [20, 20, 20]);
        assert_eq!(HTTP.pause_ms(4), None);
        assert_eq!(AWS_MANAGED.count(), 100_015);
        assert_eq!(pauses(&AWS_MANAGED)[..6], [0, 0, 0, 1, 1, 1]);
        assert_eq!(pauses(&AWS_MANAGED)[14..], [20, 20, 20, 20, 20, 20]);
        assert_eq!(CUSTOMER_MANAGED.count(), 50);
        assert_eq!(pauses(&CUSTOMER_MANAGED)[..3], [10, 10, 10]);
        assert_eq!(CUSTOMER_MANAGED.pause_ms(12), Some(600_000));
        assert_eq!(CUSTOMER_MANAGED.pause_ms(51), None);
        // The example of the guide: 3 at once, 2 after a second, 10 that grow, 35 after the longest pause.
        let text = r#"{"healthyRetryPolicy":{"minDelayTarget":1,"maxDelayTarget":60,"numRetries":50,"numNoDelayRetries":3,"numMinDelayRetries":2,"numMaxDelayRetries":35,"backoffFunction":"exponential"}}"#;
        let policy = HttpPolicy::of_subscription(text).unwrap();
        let Retries { no_delay, min_delay, backoff, max_delay, .. } = policy.retries;
        assert_eq!((no_delay, min_delay, backoff, max_delay), (3, 2, 10, 35));
        let pauses = pauses(&policy.retries);
        assert_eq!(pauses[..6], [0, 0, 0, 1, 1, 1]);
        assert!(pauses.is_sorted(), "{pauses:?}");
        assert_eq!(pauses[14], 60);
    }

    #[test]
    fn effective_policies_are_shown_as_aws_shows_them() {
        let text = HttpPolicy::default().topic_json();
        assert_eq!(
            text,
            r#"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":20,"maxDelayTarget":20,"numRetries":3,"numMaxDelayRetries":0,"numNoDelayRetries":0,"numMinDelayRetries":0,"backoffFunction":"linear"},"disableSubscriptionOverrides":false,"defaultRequestPolicy":{"headerContentType":"text/plain; charset=UTF-8"}}}"#
        );
        assert_eq!(HttpPolicy::of_topic(&text).unwrap().retries, HTTP);
    }

    #[test]
    fn subscriptions_override_topics_unless_they_may_not() {
        let topic = |no: bool| {
            format!(
                r#"{{"http":{{"defaultHealthyRetryPolicy":{{"numRetries":5}},"disableSubscriptionOverrides":{no},"defaultRequestPolicy":{{"headerContentType":"application/json"}}}}}}"#
            )
        };
        let own = r#"{"healthyRetryPolicy":{"numRetries":1}}"#;
        let check = |topic: Option<String>, own: Option<&str>, expected: (u32, &str)| {
            let found = HttpPolicy::effective(topic.as_deref(), own);
            assert_eq!((found.retries.count(), found.content_type.as_str()), expected);
        };
        check(None, None, (3, CONTENT_TYPE));
        check(None, Some(own), (1, CONTENT_TYPE));
        check(Some(topic(false)), None, (5, "application/json"));
        check(Some(topic(false)), Some(own), (1, "application/json"));
        check(Some(topic(true)), Some(own), (5, "application/json"));
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        for (bad, why) in [
            ("x", "failed to parse"),
            ("[]", "an object"),
            (r#"{"healthyRetryPolicy":{"numRetries":101}}"#, "numRetries"),
            (r#"{"healthyRetryPolicy":{"minDelayTarget":30,"maxDelayTarget":20}}"#, "maxDelayTarget"),
            (r#"{"healthyRetryPolicy":{"numRetries":3,"numNoDelayRetries":4}}"#, "numRetries"),
            (r#"{"healthyRetryPolicy":{"backoffFunction":"fast"}}"#, "backoffFunction"),
            (r#"{"healthyRetryPolicy":{"numRetries":100,"minDelayTarget":60,"maxDelayTarget":60}}"#, "3600"),
            (r#"{"throttlePolicy":{"maxReceivesPerSecond":0}}"#, "maxReceivesPerSecond"),
            (r#"{"requestPolicy":{"headerContentType":"image/png"}}"#, "headerContentType"),
        ] {
            let error = HttpPolicy::of_subscription(bad).unwrap_err().to_string();
            assert!(error.contains(why), "{bad}: {error}");
        }
    }
}
