//! The rows of a result: as CSV for the caller's bucket, and in pieces (objects of gzip JSON) that GetQueryResults reads page by
//! page. All of it is bounded.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use objects::Objects;
use ports::lake::{Column, QueryError, QueryErrorKind, RowSink, TextRow};
use serde::{Deserialize, Serialize};
use service::ApiError;

/// The most rows in a piece: as many as GetQueryResults answers at once. Of the first piece the header is one.
pub const CHUNK_ROWS_MAX: usize = 1_000;
/// A piece is closed when it has so many bytes of values, so that a page fits into an answer.
const CHUNK_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The largest CSV: it is written to the bucket as one object.
const CSV_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The longest piece that is read back: one row may be longer than a piece's measure.
const CHUNK_READ_MAX: usize = 128 * 1024 * 1024;

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultColumn {
    /// Its name.
    pub name: String,
    /// Trino's name of its type.
    pub r#type: String,
}

/// What the names of a query's pieces begin with.
fn folder(id: &str) -> String {
    format!("athena-results/{}/{id}/", id.get(..2).unwrap_or("00"))
}

fn chunk_name(id: &str, number: usize) -> String {
    format!("{}{number:06}", folder(id))
}

/// Removes the pieces of a query's result, those of which its row knows nothing too: the server may have ended before it could be told.
pub async fn forget(objects: &dyn Objects, id: &str) -> Result<(), objects::Error> {
    objects::delete_under(objects, &folder(id)).await
}

/// Takes the rows of a running query.
pub struct ResultSink {
    objects: Arc<dyn Objects>,
    id: String,
    /// The columns, once they are known.
    pub columns: Vec<ResultColumn>,
    /// How many rows each finished piece has.
    pub chunks: Vec<u32>,
    /// The result as CSV, or as lines of text.
    pub text: String,
    /// Names of columns are shown as the first row.
    has_header: bool,
    rows: Vec<TextRow>,
    bytes: usize,
}

impl ResultSink {
    /// No rows yet.
    pub fn new(objects: Arc<dyn Objects>, id: &str) -> ResultSink {
        ResultSink {
            objects,
            id: id.to_owned(),
            columns: Vec::new(),
            chunks: Vec::new(),
            text: String::new(),
            has_header: false,
            rows: Vec::new(),
            bytes: 0,
        }
    }

    /// Takes a result that is lines of text, without names of columns at the top.
    pub async fn lines(&mut self, column: &str, lines: Vec<String>) -> Result<(), QueryError> {
        self.columns = vec![ResultColumn { name: column.to_owned(), r#type: "string".to_owned() }];
        for line in lines {
            self.check_size(line.len())?;
            self.text.push_str(&line);
            self.text.push('\n');
            self.keep(vec![Some(line)]).await?;
        }
        Ok(())
    }

    /// Stores what has not been stored. Durable when it returns.
    pub async fn finish(&mut self) -> Result<(), QueryError> {
        if self.rows.is_empty() { Ok(()) } else { self.close_chunk().await }
    }

    fn check_size(&self, more: usize) -> Result<(), QueryError> {
        if self.text.len().saturating_add(more) <= CSV_BYTES_MAX {
            return Ok(());
        }
        let text = format!("The result has more than {CSV_BYTES_MAX} bytes. Ask for less, or in several queries.");
        Err(QueryError::new(QueryErrorKind::TooManyRows, text))
    }

    async fn keep(&mut self, row: TextRow) -> Result<(), QueryError> {
        let bytes: usize = row.iter().flatten().map(String::len).sum();
        if self.bytes > 0 && self.bytes + bytes > CHUNK_BYTES_MAX {
            self.close_chunk().await?;
        }
        self.bytes += bytes;
        self.rows.push(row);
        // So that each page is one piece.
        let most = CHUNK_ROWS_MAX - usize::from(self.has_header && self.chunks.is_empty());
        if self.rows.len() >= most { self.close_chunk().await } else { Ok(()) }
    }

    async fn close_chunk(&mut self) -> Result<(), QueryError> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        let count = u32::try_from(rows.len()).expect("a piece has few rows");
        let packed = worker::blocking(move || pack(&rows)).await.map_err(failed)?;
        self.objects.put(&chunk_name(&self.id, self.chunks.len()), packed).await.map_err(failed)?;
        self.chunks.push(count);
        Ok(())
    }
}

fn failed(error: impl std::fmt::Display) -> QueryError {
    tracing::error!(%error, "the result of a query could not be stored");
    QueryError::new(QueryErrorKind::Internal, "The result of the query could not be stored. Please try again.")
}

#[async_trait]
impl RowSink for ResultSink {
    async fn columns(&mut self, columns: Vec<Column>) -> Result<(), QueryError> {
        let columns = columns.into_iter().map(|Column { name, r#type }| ResultColumn { name, r#type });
        self.columns = columns.collect();
        self.has_header = true;
        write_row(&mut self.text, self.columns.iter().map(|column| Some(column.name.as_str())));
        Ok(())
    }

    async fn rows(&mut self, rows: Vec<TextRow>) -> Result<(), QueryError> {
        for row in rows {
            self.check_size(row.iter().flatten().map(String::len).sum())?;
            write_row(&mut self.text, row.iter().map(Option::as_deref));
            self.keep(row).await?;
        }
        Ok(())
    }
}

/// Takes the rows of a query that a statement about tables needs.
#[derive(Default)]
pub struct FewRows {
    /// The rows.
    pub rows: Vec<TextRow>,
}

/// The most that [`FewRows`] takes: more partitions than years of days in all regions.
const FEW_ROWS_MAX: usize = 1_000_000;

#[async_trait]
impl RowSink for FewRows {
    async fn columns(&mut self, _: Vec<Column>) -> Result<(), QueryError> {
        Ok(())
    }

    async fn rows(&mut self, rows: Vec<TextRow>) -> Result<(), QueryError> {
        if self.rows.len().saturating_add(rows.len()) > FEW_ROWS_MAX {
            let text = format!("There are more than {FEW_ROWS_MAX} partitions.");
            return Err(QueryError::new(QueryErrorKind::TooManyRows, text));
        }
        self.rows.extend(rows);
        Ok(())
    }
}

/// A line of Athena's CSV: every value in quotes, null as nothing.
fn write_row<'v>(csv: &mut String, values: impl Iterator<Item = Option<&'v str>>) {
    for (at, value) in values.enumerate() {
        let comma = if at > 0 { "," } else { "" };
        match value {
            Some(value) => write!(csv, "{comma}\"{}\"", value.replace('"', "\"\"")).expect("text takes text"),
            None => csv.push_str(comma),
        }
    }
    csv.push('\n');
}

fn pack(rows: &[TextRow]) -> Bytes {
    let json = serde_json::to_vec(rows).expect("rows of text have no failing parts");
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(&json).expect("memory takes all");
    Bytes::from(packer.finish().expect("memory takes all"))
}

/// Reads a piece.
async fn read_chunk(objects: &dyn Objects, id: &str, number: usize) -> Result<Vec<TextRow>, ApiError> {
    let name = chunk_name(id, number);
    let reader = objects.get(&name, None).await.map_err(ApiError::unavailable)?;
    let packed = reader.bytes(CHUNK_READ_MAX).await.map_err(ApiError::unavailable)?;
    let rows = worker::blocking(move || unpack(&packed)).await.map_err(ApiError::internal)?;
    rows.map_err(|error| ApiError::internal(format!("{name}: {error}")))
}

fn unpack(packed: &[u8]) -> Result<Vec<TextRow>, String> {
    let mut json = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut json).map_err(|error| error.to_string())?;
    serde_json::from_slice(&json).map_err(|error| error.to_string())
}

/// Up to `max` rows from row `from` on; fewer if they are long.
pub async fn read_rows(
    objects: &dyn Objects,
    id: &str,
    chunks: &[u32],
    from: u64,
    max: usize,
) -> Result<Vec<TextRow>, ApiError> {
    let (mut rows, mut bytes, mut before) = (Vec::new(), 0_usize, 0_u64);
    for (number, count) in chunks.iter().enumerate() {
        let after = before + u64::from(*count);
        let at = from.max(before);
        if at < after && rows.len() < max && bytes < CHUNK_BYTES_MAX {
            let skipped = usize::try_from(at - before).expect("a place within a piece");
            let piece = read_chunk(objects, id, number).await?;
            let taken = piece.into_iter().skip(skipped).take(max - rows.len());
            let start = rows.len();
            rows.extend(taken);
            bytes += rows[start..].iter().flatten().flatten().map(String::len).sum::<usize>();
        }
        before = after;
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_quotes_every_value() {
        let mut csv = String::new();
        write_row(&mut csv, [Some("a,b"), None, Some(""), Some("say \"x\"\nand go")].into_iter());
        assert_eq!(csv, "\"a,b\",,\"\",\"say \"\"x\"\"\nand go\"\n");
    }

    #[tokio::test]
    async fn rows_come_back_across_pieces() {
        let objects: Arc<dyn Objects> = Arc::new(objects::Memory::new());
        let mut sink = ResultSink::new(Arc::clone(&objects), "ab-query");
        let row = |number: usize| vec![Some(number.to_string()), None];
        sink.columns(vec![Column { name: "number".to_owned(), r#type: "bigint".to_owned() }]).await.unwrap();
        sink.rows((0..2_500).map(row).collect()).await.unwrap();
        sink.finish().await.unwrap();
        assert_eq!(sink.chunks, [999, 1_000, 501]);
        let read = |from, max| read_rows(&*objects, "ab-query", &[999, 1_000, 501], from, max);
        assert_eq!(read(998, 3).await.unwrap(), [row(998), row(999), row(1_000)]);
        assert_eq!(read(2_499, 10).await.unwrap(), [row(2_499)]);
        assert!(read(2_500, 10).await.unwrap().is_empty());
        forget(&*objects, "ab-query").await.unwrap();
        assert!(objects.list("", None, 10).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_result_is_bounded() {
        let mut sink = ResultSink::new(Arc::new(objects::Memory::new()), "ab-query");
        let row = || vec![Some("x".repeat(CSV_BYTES_MAX / 4))];
        let error = sink.rows((0..5).map(|_| row()).collect()).await.unwrap_err();
        assert_eq!(error.kind, QueryErrorKind::TooManyRows);
    }
}
