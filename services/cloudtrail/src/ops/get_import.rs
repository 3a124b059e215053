//! GetImport: what an import is, and how far.

use serde::Deserialize;
use service::{ApiError, Call, Operation};

use super::import_view::ImportView;
use crate::CloudTrail;

/// See the module.
pub struct GetImport;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    /// Which import.
    pub import_id: String,
}

impl Operation for GetImport {
    type Service = CloudTrail;
    type Input = Input;
    type Output = ImportView;
    const NAME: &'static str = "GetImport";
    const RESOURCE: &'static str = "*";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<ImportView, ApiError> {
        let row = cloudtrail.imports().get(&input.import_id, call.region).await?;
        Ok(ImportView::with_statistics(row))
    }
}
