//! Statements asked of a running server, through the API that everyone has: StartQuery, DescribeQuery, GetQueryResults, CancelQuery.

use std::time::Duration;

use ports::lake::{Column, RowSink, TextRow};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::show::Printer;
use crate::client::{CLOUDTRAIL, CallError, Client};
use crate::commands::Failure;

/// The first pause before the server is asked again whether a query has ended; it grows by half to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_millis(5);
/// The longest.
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// Rows that are fetched at once; the API gives no more.
const PAGE_ROWS: u32 = 1_000;
/// The type of all columns: the API tells none.
const TYPE: &str = "varchar";

/// Asks a server.
pub struct Remote<'a> {
    client: &'a Client,
    region: &'a str,
}

/// What a query read and took.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Statistics {
    /// Rows of the result.
    pub events_matched: u64,
    /// Records read.
    pub events_scanned: u64,
    /// Their bytes.
    pub bytes_scanned: u64,
    /// How long the server took.
    pub execution_time_in_millis: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    query_status: String,
    #[serde(default)]
    query_statistics: Statistics,
    error_message: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(default)]
    query_result_rows: Vec<Vec<Map<String, Value>>>,
    next_token: Option<String>,
}

impl<'a> Remote<'a> {
    /// The event data stores of one region, and the built-in store `events`.
    pub fn new(client: &'a Client, region: &'a str) -> Remote<'a> {
        Remote { client, region }
    }

    async fn call<T: for<'de> Deserialize<'de>>(&self, operation: &str, asked: &Value) -> Result<T, CallError> {
        let answer = self.client.json(CLOUDTRAIL, operation, self.region, asked).await?;
        serde_json::from_value(answer).map_err(|error| self.client.unreadable(error))
    }

    /// The event data stores of the region: name and ID.
    pub async fn stores(&self) -> Result<Vec<(String, String)>, Failure> {
        let mut found = Vec::new();
        let mut asked = json!({});
        loop {
            let page: Value = self.call("ListEventDataStores", &asked).await?;
            for store in page["EventDataStores"].as_array().into_iter().flatten() {
                let arn = store["EventDataStoreArn"].as_str().unwrap_or_default();
                let id = arn.rsplit('/').next().unwrap_or_default().to_owned();
                found.push((store["Name"].as_str().unwrap_or_default().to_owned(), id));
            }
            match page["NextToken"].as_str() {
                Some(token) => asked["NextToken"] = token.into(),
                None => return Ok(found),
            }
        }
    }

    /// Runs a statement and prints its rows.
    pub async fn ask(
        &self,
        sql: &str,
        printer: &mut Printer,
        mut cancelled: watch::Receiver<bool>,
    ) -> Result<Statistics, Failure> {
        let started: Value = self.call("StartQuery", &json!({"QueryStatement": sql})).await?;
        let id = json!({"QueryId": started["QueryId"]});
        let mut pause = PAUSE;
        let ended = loop {
            let described: Described = self.call("DescribeQuery", &id).await?;
            if !matches!(described.query_status.as_str(), "QUEUED" | "RUNNING") {
                break described;
            }
            tokio::select! {
                biased;
                Ok(_) = cancelled.wait_for(|cancelled| *cancelled) => {
                    // It may have ended meanwhile; nobody wants its rows either way.
                    let _: Result<Value, CallError> = self.call("CancelQuery", &id).await;
                    return Err("the query was cancelled".into());
                }
                () = tokio::time::sleep(pause) => pause = (pause * 3 / 2).min(PAUSE_MAX),
            }
        };
        if ended.query_status != "FINISHED" {
            let why = ended.error_message.unwrap_or_else(|| format!("the query ended as {}", ended.query_status));
            return Err(why.into());
        }
        let mut asked = id;
        asked["MaxQueryResults"] = PAGE_ROWS.into();
        let mut first = true;
        loop {
            let page: Page = self.call("GetQueryResults", &asked).await?;
            if let Some(row) = page.query_result_rows.first().filter(|_| std::mem::take(&mut first)) {
                let names = row.iter().flat_map(Map::keys);
                let columns = names.map(|name| Column { name: name.clone(), r#type: TYPE.to_owned() });
                printer.columns(columns.collect()).await?;
            }
            printer.rows(page.query_result_rows.into_iter().map(row).collect()).await?;
            if *cancelled.borrow() {
                return Err("the query was cancelled".into());
            }
            match page.next_token {
                Some(token) if !printer.closed() => asked["NextToken"] = token.into(),
                _ => return Ok(ended.query_statistics),
            }
        }
    }
}

/// A row as the API has it: a list of maps with one entry, the column and its value.
fn row(cells: Vec<Map<String, Value>>) -> TextRow {
    let values = cells.into_iter().flat_map(|cell| cell.into_iter().map(|(_, value)| value));
    values.map(|value| value.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_order() {
        let page: Page = serde_json::from_value(json!({
            "QueryStatus": "FINISHED",
            "QueryResultRows": [[{"z": "1"}, {"a": ""}], [{"z": "2"}, {"a": "x"}]],
        }))
        .unwrap();
        let rows: Vec<TextRow> = page.query_result_rows.into_iter().map(row).collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(rows, [vec![some("1"), some("")], vec![some("2"), some("x")]]);
        assert!(page.next_token.is_none());
    }
}
