//! What the operations of an import have in common: into which store, and which events.

use base::Timestamp;
use importer::{Filter, Receiver};
use ports::StoreId;
use serde::Deserialize;
use service::ApiError;

use crate::{Cairn, no_store, no_stores};

/// Which events are asked for.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ImportFilter {
    start_event_time: Option<Timestamp>,
    end_event_time: Option<Timestamp>,
    #[serde(default)]
    accounts: Option<Vec<String>>,
    #[serde(default)]
    regions: Option<Vec<String>>,
}

/// The filter that an input means.
pub fn filter(input: Option<ImportFilter>) -> Filter {
    let Some(input) = input else { return Filter::default() };
    Filter {
        from_ms: input.start_event_time.map(Timestamp::ms),
        to_ms: input.end_event_time.map(Timestamp::ms),
        accounts: input.accounts.unwrap_or_default(),
        regions: input.regions.unwrap_or_default(),
        events_only: false,
    }
}

/// Who takes files, and the store that an input names.
pub fn receiver<'a>(cairn: &'a Cairn, store: Option<&str>) -> Result<(&'a Receiver, StoreId), ApiError> {
    let Some(receiver) = &cairn.receiver else { return Err(no_stores()) };
    let name = store.unwrap_or(ports::lake::EVENTS);
    let found = StoreId::parse(name).filter(|store| receiver.has(store));
    Ok((receiver, found.ok_or_else(|| no_store(name))?))
}
