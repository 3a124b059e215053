//! StopImport: ends an import. What is imported stays.

use service::{ApiError, Call, Operation};

use super::get_import::Input;
use super::import_view::ImportView;
use crate::CloudTrail;

/// See the module.
pub struct StopImport;

impl Operation for StopImport {
    type Service = CloudTrail;
    type Input = Input;
    type Output = ImportView;
    const NAME: &'static str = "StopImport";
    const RESOURCE: &'static str = "*";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<ImportView, ApiError> {
        let row = cloudtrail.imports().stop(&input.import_id, call.region).await?;
        Ok(ImportView::with_statistics(row))
    }
}
