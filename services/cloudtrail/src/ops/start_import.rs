//! StartImport: brings log files of a bucket into an event data store, or tries an import again that failed or was stopped.

use base::Timestamp;
use serde::Deserialize;
use service::{ApiError, Call, Operation};

use super::import_view::{ImportSource, ImportView};
use crate::CloudTrail;
use crate::error::Error;
use crate::imports::NewImport;

/// See the module.
pub struct StartImport;

/// The request: all but `ImportId`, or that alone.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    destinations: Option<Vec<String>>,
    import_source: Option<ImportSource>,
    start_event_time: Option<Timestamp>,
    end_event_time: Option<Timestamp>,
    import_id: Option<String>,
}

impl Operation for StartImport {
    type Service = CloudTrail;
    type Input = Input;
    type Output = ImportView;
    const NAME: &'static str = "StartImport";
    const RESOURCE: &'static str = "*";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<ImportView, ApiError> {
        let imports = cloudtrail.imports();
        let invalid = |text: &str| ApiError::from(Error::InvalidParameterException(text.to_owned()));
        let row = match (input.import_id, input.import_source, input.destinations.unwrap_or_default().pop()) {
            (Some(id), None, None) if input.start_event_time.is_none() && input.end_event_time.is_none() => {
                imports.retry(&id, call.region).await?
            }
            (Some(_), ..) => {
                let text = "ImportId tries an import again as it was; Destinations, ImportSource, StartEventTime and EndEventTime \
                    cannot be given with it.";
                return Err(invalid(text));
            }
            (None, Some(ImportSource { s3 }), Some(destination)) => {
                let new = NewImport {
                    uri: s3.location_uri,
                    bucket_region: s3.bucket_region,
                    role_arn: s3.bucket_access_role_arn,
                    destination,
                    start_ms: input.start_event_time.map(Timestamp::ms),
                    end_ms: input.end_event_time.map(Timestamp::ms),
                };
                imports.start(new, call.region).await?
            }
            (None, ..) => return Err(invalid("A new import needs Destinations and ImportSource.")),
        };
        Ok(ImportView::new(row))
    }
}
