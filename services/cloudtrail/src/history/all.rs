//! All that history and trails have, for whoever makes something of it again. Reads only.

use bytes::Bytes;
use service::ApiError;
use state::Range;

use super::consumer::segment_key;
use super::index::{Index, Segment};
use crate::CloudTrail;
use crate::rows::{self, SEGMENTS};

impl CloudTrail {
    /// The sealed segment that follows the one which begins with this entry, or the first: with which entry it begins, and its records in
    /// the order of the journal, or why they cannot be read. `None` at the end.
    pub async fn history_after(
        &self,
        segment: Option<u64>,
    ) -> Result<Option<(u64, Result<Vec<Bytes>, ApiError>)>, ApiError> {
        let range = segment.map_or_else(Range::all, |first| Range::all().after(segment_key(first)));
        let rows = self.shared.state.scan(SEGMENTS, range, 1).await.map_err(ApiError::unavailable)?;
        let Some(row) = rows.first() else { return Ok(None) };
        let segment: Segment = rows::read(SEGMENTS, row).map_err(ApiError::internal)?;
        Ok(Some((segment.first_seq, self.history.records(&segment).await)))
    }

    /// Where log files of trails lie: bucket, and what their keys begin with.
    pub async fn log_places(&self) -> Result<Vec<(String, String)>, ApiError> {
        let trails = self.trails.all().await?;
        let place = |trail: crate::trail::Trail| {
            let prefix = trail.prefix.map(|prefix| format!("{prefix}/")).unwrap_or_default();
            (trail.bucket, format!("{prefix}AWSLogs/{}/", self.shared.account))
        };
        Ok(trails.into_iter().map(place).collect())
    }
}

impl Index {
    /// The records of a sealed segment.
    async fn records(&self, segment: &Segment) -> Result<Vec<Bytes>, ApiError> {
        let index = self.segment_index(segment).await?;
        let mut records = Vec::with_capacity(index.entries.len());
        let mut block: Option<(u32, Bytes)> = None;
        for entry in &index.entries {
            let (number, place) = index.block_of(entry).map_err(ApiError::internal)?;
            if block.as_ref().is_none_or(|(known, _)| *known != number) {
                block = Some((number, self.block(&segment.object, place).await?));
            }
            if let Some((_, bytes)) = &block {
                records.push(entry.json(bytes).map_err(ApiError::internal)?);
            }
        }
        Ok(records)
    }
}
