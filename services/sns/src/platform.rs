//! Platform applications, endpoints of devices, and what is kept of text messages: recorded, and nothing is pushed to any device.

use std::collections::BTreeMap;

use base::Region;
use base::arn::Arn;
use serde::{Deserialize, Serialize};
use service::ApiError;
use state::{Expect, Range, Typed};

use crate::{Error, Sns};

/// A platform application, or an endpoint of one, by its ARN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// 1.
    pub version: u32,
    /// What was set.
    pub attributes: BTreeMap<String, String>,
}

/// By region and ARN.
pub const APPLICATIONS: Typed<Kept> = Typed::new("sns/applications");
/// By region, the ARN of the application, and the ARN.
pub const ENDPOINTS: Typed<Kept> = Typed::new("sns/endpoints");
/// Preferences of text messages, by region; and phone numbers of the sandbox.
pub const TEXTS: Typed<Kept> = Typed::new("sns/text-messages");

/// Applications of a region, and endpoints of an application, that are listed. AWS has no such limit.
pub const LISTED_MAX: usize = 10_000;

/// The parts of an ARN `app/PLATFORM/NAME` or `endpoint/PLATFORM/NAME/ID`.
pub fn parse(arn: &str, member: &str, kind: &str) -> Result<(Region, String), Error> {
    let parsed = Arn::parse(arn).filter(|parsed| parsed.service == "sns");
    let parsed = parsed.ok_or_else(|| Error::because(member, "An ARN must be of SNS"))?;
    let region = Region::parse(&parsed.region).ok_or_else(|| Error::invalid(member))?;
    let parts: Vec<&str> = parsed.resource.split('/').collect();
    let application = match (kind, parts.as_slice()) {
        ("app", ["app", platform, name]) | ("endpoint", ["endpoint", platform, name, _]) => {
            format!("arn:{}:sns:{region}:{}:app/{platform}/{name}", region.partition(), parsed.account)
        }
        _ => return Err(Error::because(member, "Wrong number of slashes in relative portion of the ARN.")),
    };
    Ok((region, application))
}

impl Sns {
    /// Refuses if there is no such endpoint, or it is off.
    pub(crate) async fn check_endpoint_of_application(&self, region: Region, arn: &str) -> Result<(), ApiError> {
        let (of, application) = parse(arn, "TargetArn", "endpoint")?;
        let missing = || Error::because("TargetArn", "No endpoint found for the target arn specified");
        if of != region {
            return Err(missing().into());
        }
        let key = state::key::key(&[of.as_str(), &application, arn]);
        let found = ENDPOINTS.get(&*self.deps.state, &key).await.map_err(ApiError::unavailable)?.ok_or_else(missing)?;
        if found.value.attributes.get("Enabled").is_some_and(|enabled| enabled == "false") {
            return Err(ApiError::new("EndpointDisabled", 400, "Endpoint is disabled"));
        }
        Ok(())
    }

    /// What is kept under a key.
    pub(crate) async fn kept(&self, table: Typed<Kept>, key: &[&str]) -> Result<Option<Kept>, ApiError> {
        let found = table.get(&*self.deps.state, &state::key::key(key)).await.map_err(ApiError::unavailable)?;
        Ok(found.map(|found| found.value))
    }

    /// Keeps something.
    pub(crate) async fn keep(
        &self,
        table: Typed<Kept>,
        key: &[&str],
        attributes: BTreeMap<String, String>,
    ) -> Result<(), ApiError> {
        let kept = Kept { version: 1, attributes };
        let put = table.put(&*self.deps.state, &state::key::key(key), &kept, Expect::Any).await;
        put.map(|_| ()).map_err(ApiError::unavailable)
    }

    /// Keeps something no longer.
    pub(crate) async fn unkeep(&self, table: Typed<Kept>, key: &[&str]) -> Result<(), ApiError> {
        table.delete(&*self.deps.state, &state::key::key(key), Expect::Any).await.map_err(ApiError::unavailable)
    }

    /// All that is kept below a key, by the last part of the keys.
    pub(crate) async fn kept_below(&self, table: Typed<Kept>, key: &[&str]) -> Result<Vec<(String, Kept)>, ApiError> {
        let range = Range::prefix(state::key::key(key));
        let found = table.scan(&*self.deps.state, range, LISTED_MAX).await.map_err(ApiError::unavailable)?;
        let last = |key: &[u8]| state::key::texts(key).and_then(|parts| parts.into_iter().next_back());
        Ok(found.into_iter().filter_map(|doc| Some((last(&doc.key)?, doc.value))).collect())
    }
}
