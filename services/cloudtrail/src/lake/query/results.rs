//! The rows of a result: kept in pieces, each an object of gzip JSON, read back page by page. Never all of a result in memory.

use std::io::{Read, Write};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use objects::Objects;
use ports::lake::{Column, QueryError, QueryErrorKind, RowSink, TextRow};
use service::ApiError;

use super::row::Query;

/// The most rows in a piece: as many as GetQueryResults answers at once.
pub const CHUNK_ROWS_MAX: usize = 1_000;
/// A piece is closed when it has so many bytes of values, so that a page fits into an answer.
const CHUNK_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The most bytes of values in a result; a longer one belongs into more than one query.
const RESULT_BYTES_MAX: u64 = 8 * 1024 * 1024 * 1024;
/// The only piece of a result, of so many bytes of values, is kept in the query's own row, and costs no writing of its own.
const INLINE_BYTES_MAX: usize = 16 * 1024;
/// The same in rows, which may all be null.
const INLINE_ROWS_MAX: usize = 200;
/// The longest piece that is read back: one row may be longer than a piece's measure.
const CHUNK_READ_MAX: usize = 64 * 1024 * 1024;

/// What the names of a query's pieces begin with.
fn folder(query: &str) -> String {
    format!("lake-results/{}/{query}/", query.get(..2).unwrap_or("00"))
}

fn chunk_name(query: &str, number: usize) -> String {
    format!("{}{number:06}", folder(query))
}

/// Removes the pieces of a query's result, those of which its row knows nothing too: the server may have ended before it could be told.
pub async fn forget_pieces(objects: &dyn Objects, query: &str) -> Result<(), objects::Error> {
    objects::delete_under(objects, &folder(query)).await
}

/// Takes the rows of a running query.
pub struct ResultSink {
    objects: Arc<dyn Objects>,
    query: String,
    /// The names of the columns, once they are known.
    pub columns: Vec<String>,
    /// How many rows each finished piece has.
    pub chunks: Vec<u32>,
    rows: Vec<TextRow>,
    bytes: usize,
    total_bytes: u64,
}

impl ResultSink {
    /// No rows yet.
    pub fn new(objects: Arc<dyn Objects>, query: &str) -> ResultSink {
        ResultSink {
            objects,
            query: query.to_owned(),
            columns: Vec::new(),
            chunks: Vec::new(),
            rows: Vec::new(),
            bytes: 0,
            total_bytes: 0,
        }
    }

    /// Stores what has not been stored: durable when it returns, but for the rows that it returns, which go into the query's row.
    pub async fn finish(&mut self) -> Result<Vec<TextRow>, QueryError> {
        if self.chunks.is_empty() && self.bytes <= INLINE_BYTES_MAX && self.rows.len() <= INLINE_ROWS_MAX {
            let rows = std::mem::take(&mut self.rows);
            self.chunks.extend((!rows.is_empty()).then(|| count(&rows)));
            return Ok(rows);
        }
        if !self.rows.is_empty() {
            self.close_chunk().await?;
        }
        Ok(Vec::new())
    }

    async fn close_chunk(&mut self) -> Result<(), QueryError> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        let count = count(&rows);
        let packed = worker::blocking(move || pack(&rows)).await.map_err(failed)?;
        let name = chunk_name(&self.query, self.chunks.len());
        self.objects.put(&name, packed).await.map_err(failed)?;
        self.chunks.push(count);
        Ok(())
    }
}

fn count(rows: &[TextRow]) -> u32 {
    u32::try_from(rows.len()).expect("a piece has few rows")
}

fn failed(error: impl std::fmt::Display) -> QueryError {
    tracing::error!(%error, "the result of a query could not be stored");
    QueryError::new(QueryErrorKind::Internal, "The result of the query could not be stored. Please try again.")
}

#[async_trait]
impl RowSink for ResultSink {
    async fn columns(&mut self, columns: Vec<Column>) -> Result<(), QueryError> {
        self.columns = columns.into_iter().map(|column| column.name).collect();
        Ok(())
    }

    async fn rows(&mut self, rows: Vec<TextRow>) -> Result<(), QueryError> {
        for row in rows {
            let bytes: usize = row.iter().flatten().map(String::len).sum();
            self.total_bytes = self.total_bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
            if self.total_bytes > RESULT_BYTES_MAX {
                let text =
                    format!("The result has more than {RESULT_BYTES_MAX} bytes. Ask for less, or in several queries.");
                return Err(QueryError::new(QueryErrorKind::TooManyRows, text));
            }
            if self.bytes > 0 && self.bytes + bytes > CHUNK_BYTES_MAX {
                self.close_chunk().await?;
            }
            self.bytes += bytes;
            self.rows.push(row);
            if self.rows.len() >= CHUNK_ROWS_MAX {
                self.close_chunk().await?;
            }
        }
        Ok(())
    }
}

fn pack(rows: &[TextRow]) -> Bytes {
    let json = serde_json::to_vec(rows).expect("rows of text have no failing parts");
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(&json).expect("memory takes all");
    Bytes::from(packer.finish().expect("memory takes all"))
}

/// Reads a piece of a query's result.
pub async fn read_piece(objects: &dyn Objects, query: &Query, number: usize) -> Result<Vec<TextRow>, ApiError> {
    if query.inline.is_empty() { read_chunk(objects, &query.id, number).await } else { Ok(query.inline.clone()) }
}

async fn read_chunk(objects: &dyn Objects, query: &str, number: usize) -> Result<Vec<TextRow>, ApiError> {
    let name = chunk_name(query, number);
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

/// Which piece holds a row, and where in it.
pub fn locate(chunks: &[u32], row: u64) -> Option<(usize, usize)> {
    let mut before = 0_u64;
    for (number, rows) in chunks.iter().enumerate() {
        let after = before + u64::from(*rows);
        if row < after {
            return Some((number, usize::try_from(row - before).expect("a place within a piece")));
        }
        before = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn rows_come_back_piece_by_piece() {
        let objects: Arc<dyn Objects> = Arc::new(objects::Memory::new());
        let mut sink = ResultSink::new(Arc::clone(&objects), "ab-query");
        let row = |number: usize| vec![Some(number.to_string()), None];
        sink.rows((0..CHUNK_ROWS_MAX + 1).map(row).collect()).await.unwrap();
        let long = "x".repeat(CHUNK_BYTES_MAX);
        sink.rows(vec![vec![Some(long.clone())], vec![Some("y".to_owned())]]).await.unwrap();
        assert!(sink.finish().await.unwrap().is_empty());
        assert_eq!(sink.chunks, [1_000, 1, 1, 1]);
        assert_eq!(read_chunk(&*objects, "ab-query", 0).await.unwrap()[999], row(999));
        assert_eq!(read_chunk(&*objects, "ab-query", 2).await.unwrap(), [vec![Some(long)]]);
        assert_eq!(locate(&sink.chunks, 999), Some((0, 999)));
        assert_eq!(locate(&sink.chunks, 1_001), Some((2, 0)));
        assert_eq!(locate(&sink.chunks, 1_003), None);
    }

    #[tokio::test]
    async fn a_short_result_has_no_pieces() {
        for (bytes, inline) in [(0, 1), (INLINE_BYTES_MAX, 1), (INLINE_BYTES_MAX + 1, 0)] {
            let objects: Arc<dyn Objects> = Arc::new(objects::Memory::new());
            let mut sink = ResultSink::new(Arc::clone(&objects), "ab-query");
            sink.rows(vec![vec![Some("x".repeat(bytes))]]).await.unwrap();
            assert_eq!(sink.finish().await.unwrap().len(), inline, "{bytes}");
            assert_eq!(sink.chunks, [1], "{bytes}");
            assert_eq!(objects.list("", None, 10).await.unwrap().len(), 1 - inline, "{bytes}");
        }
    }
}
