//! What CloudTrail's API says of a trail: where it delivers to, when it last delivered a digest, and with which keys digests are
//! signed.

use ::validate::{KeyFile, Keys, PublicKey, SourceError};
use async_trait::async_trait;
use base::Timestamp;
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::http::{Asked, Http, HttpError};
use crate::commands::Failure;

/// What `X-Amz-Target` begins with.
const TARGET: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101";
/// Pages of public keys: there are a few keys a year.
const PAGES_MAX: usize = 1000;

/// See the module.
pub struct Account {
    http: Http,
    /// The trail's home.
    region: String,
}

/// Where a trail delivers to.
pub struct Trail {
    pub bucket: String,
    pub prefix: Option<String>,
    pub organization: bool,
}

impl Account {
    /// Asks nothing yet.
    pub fn new(http: Http, region: &str) -> Account {
        Account { http, region: region.to_owned() }
    }

    /// For other requests of the same account.
    pub fn http(&self) -> Http {
        self.http.clone()
    }

    async fn call(&self, region: &str, operation: &str, body: Value) -> Result<Value, HttpError> {
        let asked = Asked {
            service: "cloudtrail",
            region,
            method: Method::POST,
            path: "/",
            query: "",
            target: Some(format!("{TARGET}.{operation}")),
            body: Bytes::from(body.to_string()),
        };
        let answer = self.http.call(&asked).await?;
        serde_json::from_slice(&answer)
            .map_err(|_| HttpError::Unreachable(format!("the answer to {operation} is no JSON")))
    }

    /// Where the trail delivers to.
    pub async fn trail(&self, arn: &str) -> Result<Trail, Failure> {
        let answer = self.call(&self.region, "DescribeTrails", json!({"trailNameList": [arn]})).await;
        let answer = answer.map_err(|error| format!("asking for the trail: {error}"))?;
        let list = answer.get("trailList").and_then(Value::as_array);
        let found =
            list.and_then(|list| list.iter().find(|trail| trail.get("TrailARN").and_then(Value::as_str) == Some(arn)));
        let trail = found.ok_or_else(|| format!("A trail could not be found for {arn}"))?;
        let text = |name: &str| trail.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(Trail {
            bucket: text("S3BucketName").ok_or("the trail has no bucket")?,
            prefix: text("S3KeyPrefix")
                .map(|prefix| prefix.trim_matches('/').to_owned())
                .filter(|prefix| !prefix.is_empty()),
            organization: trail.get("IsOrganizationTrail").and_then(Value::as_bool).unwrap_or(false),
        })
    }

    /// When the trail last delivered a digest.
    pub async fn latest_digest(&self, arn: &str) -> Result<Option<Timestamp>, Failure> {
        let answer = self.call(&self.region, "GetTrailStatus", json!({"Name": arn})).await;
        let answer = answer.map_err(|error| format!("asking for the trail's status: {error}"))?;
        Ok(answer.get("LatestDigestDeliveryTime").and_then(read_time))
    }
}

/// A time as seconds or text.
pub fn read_time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => Timestamp::from_secs_f64(number.as_f64()?),
        Value::String(text) => Timestamp::parse_iso8601(text),
        _ => None,
    }
}

#[async_trait]
impl Keys for Account {
    async fn keys(&self, region: &str, from: Timestamp, to: Timestamp) -> Result<Vec<PublicKey>, SourceError> {
        let failed = |why: String| SourceError::Failed(why);
        let mut keys = Vec::new();
        let mut token = Value::Null;
        for _ in 0..PAGES_MAX {
            let mut body = json!({"StartTime": from.secs(), "EndTime": to.secs()});
            if token.is_string() {
                body["NextToken"] = token;
            }
            let answer = self.call(region, "ListPublicKeys", body).await.map_err(|error| failed(error.to_string()))?;
            keys.extend(KeyFile::parse(answer.to_string().as_bytes()).map_err(failed)?.into_keys());
            token = answer.get("NextToken").cloned().unwrap_or_default();
            if !token.is_string() {
                return Ok(keys);
            }
        }
        Err(failed("ListPublicKeys does not end".to_owned()))
    }
}
