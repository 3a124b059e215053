//! ImportFiles: takes log files into an event store. The caller read them; files, and not records, are sent, because they are ten
//! times smaller and are judged as a whole.

use importer::{Fetched, Listed};
use model::Blob;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::files::{ImportFilter, filter, receiver};
use crate::{Cairn, number};

/// Takes log files.
pub struct ImportFiles;

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
    content: Blob,
    more: Option<bool>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    files: Vec<TakenFile>,
    kept: i64,
    expired: i64,
    duplicate: i64,
    refused: i64,
    json_bytes: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TakenFile {
    records: i64,
    left_out: i64,
    failed: Option<String>,
}

impl Operation for ImportFiles {
    type Service = Cairn;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ImportFiles";
    const RESOURCE: &'static str = "*";

    async fn run(cairn: &Cairn, _: &Call, input: Input) -> Result<Output, ApiError> {
        let (receiver, store) = receiver(cairn, input.store.as_deref())?;
        let files = input.files.into_iter().map(|file| Fetched {
            file: Listed { name: file.name, stamp: file.stamp },
            content: file.content.0,
            more: file.more.unwrap_or(false),
        });
        let answer = receiver.take(&store, &filter(input.filter), files.collect()).await?;
        let files = answer.files.into_iter().map(|file| TakenFile {
            records: number(file.records),
            left_out: number(file.left_out),
            failed: file.failed,
        });
        Ok(Output {
            files: files.collect(),
            kept: number(answer.kept),
            expired: number(answer.expired),
            duplicate: number(answer.duplicate),
            refused: number(answer.refused),
            json_bytes: number(answer.json_bytes),
        })
    }
}
