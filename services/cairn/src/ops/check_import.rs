//! CheckImport: says which of some log files an event store has not taken as they are now.

use importer::Listed;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Cairn;
use crate::files::{ImportFilter, filter, receiver};

/// Says which files are new.
pub struct CheckImport;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    store: Option<String>,
    filter: Option<ImportFilter>,
    files: Vec<File>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct File {
    name: String,
    stamp: String,
}

/// For each file, in their order.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    unknown: Vec<bool>,
}

impl Operation for CheckImport {
    type Service = Cairn;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "CheckImport";
    const RESOURCE: &'static str = "*";

    async fn run(cairn: &Cairn, _: &Call, input: Input) -> Result<Output, ApiError> {
        let (receiver, store) = receiver(cairn, input.store.as_deref())?;
        let files = input.files.into_iter().map(|file| Listed { name: file.name, stamp: file.stamp });
        let files: Vec<Listed> = files.collect();
        let unknown = receiver.unknown(&store, &filter(input.filter), &files).await?;
        Ok(Output { unknown })
    }
}
