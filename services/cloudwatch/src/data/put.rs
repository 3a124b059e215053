//! Putting data: durable in the journal, then taken by the consumer, then looked at by alarms; then whoever put them goes on.

use std::time::Duration;

use async_trait::async_trait;
use base::Region;
use ports::{Datum, Metrics, Unavailable};

use super::entry::{Given, Point, Values, topic};
use crate::CloudWatch;
use crate::metric::NO_UNIT;

/// How long whoever puts data waits for alarms to have looked at them.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// How a put ended.
pub(crate) enum Put {
    /// The data are durable, and alarms have looked at them.
    Taken,
    /// The data are durable, and will be looked at.
    Durable,
}

impl CloudWatch {
    /// Puts data. Returns when they are durable, and usually when they are taken too.
    pub(crate) async fn put(&self, given: &Given) -> Result<Put, Unavailable> {
        let entry = worker::entry::data(&topic(&self.deps.account), &given.encode());
        let seq = self.deps.journal.append(vec![entry]).await;
        let seq = seq.map_err(|error| Unavailable(format!("metric data could not be kept: {error}")))?.get();
        let mut taken = self.taken.subscribe();
        let waited = tokio::time::timeout(WAIT_MAX, taken.wait_for(|next| *next > seq)).await;
        Ok(if matches!(waited, Ok(Ok(_))) { Put::Taken } else { Put::Durable })
    }
}

#[async_trait]
impl Metrics for CloudWatch {
    async fn put(&self, region: Region, source: &str, position: u64, data: Vec<Datum>) -> Result<(), Unavailable> {
        if self.store.reached(region, source).is_some_and(|reached| reached >= position) {
            return Ok(());
        }
        let point = |datum: Datum| Point {
            namespace: datum.namespace,
            name: datum.name,
            dimensions: datum.dimensions,
            time_ms: datum.timestamp_ms,
            unit: datum.unit.unwrap_or_else(|| NO_UNIT.to_owned()),
            is_high_resolution: false,
            values: Values::each([(datum.value, datum.count)]),
        };
        let given = Given::new(region, Some((source.to_owned(), position)), data.into_iter().map(point).collect());
        match self.put(&given).await? {
            Put::Taken => Ok(()),
            Put::Durable => Err(Unavailable("metric data are kept, but not yet looked at".to_owned())),
        }
    }

    fn watched_from(&self, region: Region, metrics: &[(String, String)]) -> Option<i64> {
        self.alarms_look_from(region, metrics)
    }
}
