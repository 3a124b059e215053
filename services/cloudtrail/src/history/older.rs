//! What event history has dropped and the built-in event store still has. Found by the same rules as in history; a record is looked for in
//! one of the two, by its time.

use bytes::Bytes;
use ports::lake::{Find, FindPosition, Member, Needle};
use ports::{EventStores, StoreId};
use record::RecordView;
use service::ApiError;

use super::Query;
use super::terms::Attribute;

/// What the store finds by the value of an attribute may have it elsewhere. So often it is asked for more; then a page is not full.
const ROUNDS_MAX: usize = 16;

/// Some records, the newest first, and where to go on if there may be more.
pub type OlderPage = (Vec<Bytes>, Option<FindPosition>);

/// Where the store looks for an attribute; it finds at least what has it.
fn member(attribute: Attribute) -> Member {
    match attribute {
        Attribute::Region => Member::Region,
        Attribute::EventId => Member::EventId,
        Attribute::EventName => Member::EventName,
        Attribute::ReadOnly => Member::ReadOnly,
        Attribute::Username => Member::Username,
        Attribute::ResourceType => Member::ResourceType,
        Attribute::ResourceName => Member::ResourceName,
        Attribute::EventSource => Member::EventSource,
        Attribute::AccessKeyId => Member::AccessKeyId,
    }
}

impl Query {
    /// The management events that this asks for, from `from_secs` on and before `before_secs`, behind `after`.
    pub async fn older(
        &self,
        stores: &dyn EventStores,
        is_ours: impl Fn(&RecordView<'_>) -> bool,
        before_secs: i64,
        mut after: Option<FindPosition>,
    ) -> Result<OlderPage, ApiError> {
        let needle = |member, text: &str| Needle { member, text: text.to_owned() };
        let mut needles = vec![needle(Member::Region, &self.region), needle(Member::Category, "Management")];
        needles.extend(self.attribute.as_ref().map(|(attribute, value)| needle(member(*attribute), value)));
        let to_secs = self.to_secs.saturating_add(1).min(before_secs);
        let mut records = Vec::new();
        for _ in 0..ROUNDS_MAX {
            let find = Find {
                needles: needles.clone(),
                from_ms: self.from_secs.saturating_mul(1000),
                to_ms: to_secs.saturating_mul(1000),
                max: self.limit.saturating_sub(records.len()),
                after,
            };
            let found = stores.find(&StoreId::events(), find).await?;
            let is_wanted = |json: &Bytes| {
                self.is_met_by(json) && RecordView::parse(json).is_ok_and(|view| view.is_management() && is_ours(&view))
            };
            records.extend(found.records.into_iter().map(|record| record.json).filter(is_wanted));
            after = found.next;
            if after.is_none() || records.len() >= self.limit {
                break;
            }
        }
        Ok((records, after))
    }
}
