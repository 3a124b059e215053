//! What a filter pattern would have matched: AWS has nothing like it.

use pattern::{Event, FilterPattern};
use service::ApiError;

use base::Region;
use base::time::DAY_MS;

use crate::Logs;
use crate::error::invalid;
use crate::scan::Query;

/// Bytes of texts that a preview reads at most.
const READ_BYTES_MAX: u64 = 256 << 20;
/// Matches that are shown.
const SAMPLES_MAX: usize = 5;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// Events that were looked at.
    pub searched: u64,
    /// Events that match.
    pub matched: u64,
    /// The times of the first and the last match.
    pub times: Option<(i64, i64)>,
    /// Some matches: times and texts.
    pub samples: Vec<(i64, String)>,
    /// Whether all events of these days were looked at.
    pub is_complete: bool,
}

impl Logs {
    /// What a pattern would have matched in the last so many days, the newest first.
    pub async fn preview(&self, region: Region, group: &str, pattern: &str, days: u32) -> Result<Preview, ApiError> {
        let pattern = FilterPattern::parse(pattern).map_err(|error| invalid(error.to_string()))?;
        let group = self.store.see(|memory| memory.group(region, group).cloned())?;
        let now_ms = self.deps.env.clock.now().ms();
        let mut query =
            Query { streams: None, from: now_ms - i64::from(days) * DAY_MS, to: i64::MAX, after: None, forward: false };
        let (mut preview, mut read_bytes) = (Preview::default(), 0);
        loop {
            let mut scan = self.scan(std::sync::Arc::clone(&group), query.clone());
            while let Some(found) = scan.next().await? {
                preview.searched += 1;
                query.after = Some(found.place);
                if pattern.matches(&Event::new(found.text())) {
                    preview.matched += 1;
                    let last = preview.times.map_or(found.place.ts, |(_, last)| last);
                    preview.times = Some((found.place.ts, last));
                    if preview.samples.len() < SAMPLES_MAX {
                        preview.samples.push((found.place.ts, found.text().to_owned()));
                    }
                }
                if read_bytes + scan.read_bytes > READ_BYTES_MAX {
                    return Ok(preview);
                }
            }
            read_bytes += scan.read_bytes;
            if !scan.is_cut {
                return Ok(Preview { is_complete: true, ..preview });
            }
        }
    }
}
