//! Finding records by what they name. Two passes: the first reads times and identifiers of what matches and learns where the page
//! ends, the second reads the records of that page alone. Records without a time are not found.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::ArrowError;
use bytes::Bytes;
use futures_util::TryStreamExt;
use ports::lake::{FIND_MAX, Find, FindPosition, Found, FoundRecord, Member, Needle, QueryProgress};
use ports::{StoreId, Unavailable};
use record::RecordView;
use record::resources::resources_of;
use record::view::{IdentityView, ResourceView, username};
use twox_hash::XxHash3_64;

use crate::flat::Flat;
use crate::part::Part;
use crate::project::Projection;
use crate::read::{Pruning, ReadOptions, RowFilter};
use crate::scan;
use crate::schema::{
    EVENT_JSON, LEAVES, PATHS, RESOURCE, RESOURCE_ARN, RESOURCE_ARN_PREFIX, RESOURCE_TYPE, RESOURCES, leaf,
};
use crate::stores::{Stores, failed};
use crate::terms;

/// A record's place but for records that share both time and identifier.
type Place = (i64, u64);

/// The leaves that name something, for [`Member::Any`].
fn naming() -> impl Iterator<Item = usize> {
    (0..LEAVES).filter(|number| terms::is_indexed(*number))
}

/// The leaves whose text is compared as it is.
fn leaves_of(member: Member) -> Vec<usize> {
    match member {
        Member::Any => naming().collect(),
        Member::EventId => vec![leaf::EVENT_ID, leaf::SHARED_EVENT_ID],
        Member::RequestId => vec![leaf::REQUEST_ID],
        Member::AccessKeyId => vec![leaf::ACCESS_KEY_ID],
        Member::Arn => vec![leaf::ARN, leaf::ISSUER_ARN],
        Member::SourceIp => vec![leaf::SOURCE_IP],
        Member::EventName => vec![leaf::EVENT_NAME],
        Member::EventSource => vec![leaf::EVENT_SOURCE],
        Member::Region => vec![leaf::REGION],
        Member::Username | Member::ResourceName | Member::ResourceType | Member::ReadOnly | Member::Category => vec![],
    }
}

/// Whether values inside the request and the response count.
fn looks_inside(member: Member) -> bool {
    matches!(member, Member::Any | Member::Arn | Member::ResourceName)
}

/// The columns that say whether a needle is there.
fn columns_of(member: Member) -> Vec<&'static str> {
    let mut leaves = leaves_of(member);
    match member {
        Member::Any => leaves.push(leaf::PRINCIPAL_ID),
        Member::Username => leaves.extend([leaf::IDENTITY_TYPE, leaf::USER_NAME, leaf::PRINCIPAL_ID]),
        Member::ResourceName | Member::ResourceType => leaves.push(leaf::EVENT_SOURCE),
        Member::ReadOnly => leaves.push(leaf::READ_ONLY),
        Member::Category => leaves.push(leaf::CATEGORY),
        _ => {}
    }
    if looks_inside(member) || member == Member::ResourceType {
        leaves.extend([leaf::REQUEST_PARAMETERS, leaf::RESPONSE_ELEMENTS]);
    }
    let mut columns: Vec<&str> = leaves.into_iter().map(|number| PATHS[number].path.as_str()).collect();
    if matches!(member, Member::Any | Member::Arn | Member::ResourceName | Member::ResourceType) {
        columns.push(RESOURCES);
    }
    columns
}

/// Whether the filters of granules know the needle.
fn is_filtered(needle: &Needle) -> bool {
    !matches!(needle.member, Member::ReadOnly | Member::Category | Member::ResourceType)
}

/// Keeps rows that have all needles and stand between two places.
struct Matcher {
    needles: Vec<Needle>,
    from_ms: i64,
    to_ms: i64,
    /// No later place.
    latest: Option<Place>,
    /// No earlier place.
    earliest: Option<Place>,
    projection: Projection,
}

impl Matcher {
    fn new(what: &Find, from_ms: i64) -> Result<Matcher, Unavailable> {
        let mut columns: BTreeSet<&str> =
            [leaf::EVENT_TIME, leaf::EVENT_ID].map(|number| PATHS[number].path.as_str()).into();
        columns.extend(what.needles.iter().flat_map(|needle| columns_of(needle.member)));
        let projection = Projection::of(columns).map_err(|error| failed("finding records", error))?;
        let latest = what.after.map(|after| (after.time_ms, u64::try_from(after.hash >> 64).unwrap_or(u64::MAX)));
        Ok(Matcher { needles: what.needles.clone(), from_ms, to_ms: what.to_ms, latest, earliest: None, projection })
    }

    fn place(flat: &Flat, row: usize) -> Option<Place> {
        let id = flat.text(leaf::EVENT_ID, row).unwrap_or("");
        Some((flat.time(leaf::EVENT_TIME, row)?, XxHash3_64::oneshot(id.as_bytes())))
    }

    fn matches(&self, flat: &Flat, row: usize) -> bool {
        let in_time = flat.time(leaf::EVENT_TIME, row).is_some_and(|ms| (self.from_ms..self.to_ms).contains(&ms));
        let Some(place) = Matcher::place(flat, row).filter(|_| in_time) else { return false };
        self.latest.is_none_or(|latest| place <= latest)
            && self.earliest.is_none_or(|earliest| place >= earliest)
            && self.needles.iter().all(|needle| has(flat, row, needle))
    }

    fn mask(&self, batch: &RecordBatch) -> BooleanArray {
        let flat = Flat::of(batch);
        (0..batch.num_rows()).map(|row| Some(self.matches(&flat, row))).collect()
    }
}

impl RowFilter for Matcher {
    fn projection(&self) -> &Projection {
        &self.projection
    }

    fn keep(&self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        Ok(self.mask(&self.projection.apply(batch)?))
    }
}

fn has(flat: &Flat, row: usize, needle: &Needle) -> bool {
    let text = needle.text.as_str();
    let is = |number: usize| flat.text(number, row) == Some(text);
    let named = match needle.member {
        Member::ReadOnly => flat.flag(leaf::READ_ONLY, row).is_some_and(|flag| flag.to_string() == text),
        Member::Category => flat.text(leaf::CATEGORY, row).unwrap_or("Management") == text,
        Member::Username => username(&view(flat, row)) == Some(text),
        Member::ResourceType => resources_of(&view(flat, row)).iter().any(|named| named.kind.as_deref() == Some(text)),
        Member::ResourceName => {
            resources_of(&view(flat, row)).iter().any(|named| named.name == text) || in_resources(flat, row, text)
        }
        Member::Arn => in_resources(flat, row, text),
        Member::Any => {
            let session = || flat.text(leaf::PRINCIPAL_ID, row)?.split_once(':').map(|(_, name)| name);
            let bucket = || flat.resource_named(row, text);
            session() == Some(text) || bucket() || in_resources(flat, row, text)
        }
        _ => false,
    };
    named || leaves_of(needle.member).into_iter().any(is) || (looks_inside(needle.member) && inside(flat, row, text))
}

fn in_resources(flat: &Flat, row: usize, text: &str) -> bool {
    (0..flat.resources(row))
        .any(|item| (0..RESOURCE.len()).any(|column| flat.resource(row, item, column) == Some(text)))
}

fn inside(flat: &Flat, row: usize, text: &str) -> bool {
    let mut found = false;
    for number in [leaf::REQUEST_PARAMETERS, leaf::RESPONSE_ELEMENTS] {
        if let Some(json) = flat.text(number, row) {
            scan::scalars(json, |value| found |= value == text);
        }
    }
    found
}

/// What LookupEvents asks of a record.
fn view(flat: &Flat, row: usize) -> RecordView<'_> {
    let text = |number| flat.text(number, row).map(Cow::Borrowed);
    let resource = |item: usize| {
        let text = |column| flat.resource(row, item, column).map(Cow::Borrowed);
        ResourceView {
            arn: text(RESOURCE_ARN),
            arn_prefix: text(RESOURCE_ARN_PREFIX),
            kind: text(RESOURCE_TYPE),
            account_id: None,
        }
    };
    RecordView {
        event_source: text(leaf::EVENT_SOURCE),
        user_identity: IdentityView {
            kind: text(leaf::IDENTITY_TYPE),
            user_name: text(leaf::USER_NAME),
            principal_id: text(leaf::PRINCIPAL_ID),
            ..IdentityView::default()
        },
        resources: (0..flat.resources(row)).map(resource).collect(),
        request_parameters: flat.text(leaf::REQUEST_PARAMETERS, row),
        response_elements: flat.text(leaf::RESPONSE_ELEMENTS, row),
        ..RecordView::default()
    }
}

/// The latest places, no more of them than asked for, and in which parts they are.
struct Page {
    max: usize,
    /// Not counted: records there were on the page before, some of them.
    after: Option<Place>,
    places: BTreeMap<Place, (usize, BTreeSet<usize>)>,
    count: usize,
}

impl Page {
    fn add(&mut self, place: Place, part: usize) {
        let counted = Some(place) != self.after;
        let (count, parts) = self.places.entry(place).or_default();
        *count += 1;
        parts.insert(part);
        self.count += usize::from(counted);
        while let Some((first, (count, _))) = self.places.first_key_value() {
            let counted = if Some(*first) == self.after { 0 } else { *count };
            if self.count - counted < self.max {
                return;
            }
            self.count -= counted;
            self.places.pop_first();
        }
    }

    /// The page is full, and nothing of this time or before gets onto it.
    fn ends_after(&self, newest_ms: i64) -> bool {
        self.count >= self.max && self.places.first_key_value().is_some_and(|((ms, _), _)| *ms > newest_ms)
    }
}

impl Stores {
    /// Finds records, newest first.
    pub(crate) async fn look_up(&self, store: &StoreId, what: Find) -> Result<Found, Unavailable> {
        let Some(horizon_ms) = self.horizon_ms(store) else { return Ok(Found::default()) };
        let max = what.max.min(FIND_MAX);
        let from_ms = what.from_ms.max(horizon_ms);
        let to_ms = what.after.map_or(what.to_ms, |after| what.to_ms.min(after.time_ms.saturating_add(1)));
        if max == 0 || from_ms >= to_ms {
            return Ok(Found::default());
        }
        let in_time = |ms: i64| (from_ms..to_ms).contains(&ms);
        let snapshot = self.picture(store, |tail| tail.rows.iter().any(|row| row.time_ms.is_some_and(in_time)));
        let Some(snapshot) = snapshot else { return Ok(Found::default()) };
        let filtered = what.needles.iter().filter(|needle| is_filtered(needle));
        let pruning = Pruning {
            from_ms: Some(from_ms),
            to_ms: Some(to_ms),
            equal: Vec::new(),
            anywhere: filtered.map(|needle| needle.text.clone()).collect(),
        };
        let bad = |error: &dyn std::fmt::Display| failed("finding records", error);
        let mut parts: Vec<&Arc<Part>> = snapshot.parts().iter().collect();
        parts.retain(|part| part.newest_ms() >= from_ms && part.oldest_ms() < to_ms);
        parts.sort_by_key(|part| std::cmp::Reverse(part.newest_ms()));
        let progress = Arc::new(QueryProgress::default());
        let mut matcher = Matcher::new(&what, from_ms)?;
        // One more than the page, to learn whether there is more.
        let mut page = Page { max: max + 1, after: matcher.latest, places: BTreeMap::new(), count: 0 };
        let places = Projection::of([leaf::EVENT_TIME, leaf::EVENT_ID].map(|number| PATHS[number].path.as_str()));
        let places = places.map_err(|error| bad(&error))?;
        let tail_number = parts.len();
        for batch in snapshot.tail() {
            let flat = Flat::of(batch);
            let rows = (0..batch.num_rows()).filter(|row| matcher.matches(&flat, *row));
            rows.filter_map(|row| Matcher::place(&flat, row)).for_each(|place| page.add(place, tail_number));
        }
        let shared = Arc::new(matcher);
        for (number, part) in parts.iter().enumerate() {
            if page.ends_after(part.newest_ms()) {
                break;
            }
            let filter: Arc<dyn RowFilter> = Arc::<Matcher>::clone(&shared);
            let options =
                ReadOptions { pruning: pruning.clone(), filters: vec![filter], ..ReadOptions::new(places.clone()) };
            let mut batches = snapshot.read(part, options, Arc::clone(&progress));
            while let Some(batch) = batches.try_next().await.map_err(|error| bad(&error))? {
                let flat = Flat::of(&batch);
                (0..batch.num_rows())
                    .filter_map(|row| Matcher::place(&flat, row))
                    .for_each(|place| page.add(place, number));
            }
        }
        let Some((earliest, _)) = page.places.first_key_value() else { return Ok(Found::default()) };
        matcher = Matcher::new(&what, from_ms)?;
        matcher.earliest = Some(*earliest);
        let chosen: BTreeSet<usize> = page.places.values().flat_map(|(_, parts)| parts.iter().copied()).collect();
        let mut records = Vec::new();
        for batch in snapshot.tail().iter().filter(|_| chosen.contains(&tail_number)) {
            gather(batch, Some(&matcher), &mut records);
        }
        let pruning = Pruning { from_ms: Some(earliest.0), ..pruning };
        let whole =
            Projection::of([PATHS[leaf::EVENT_TIME].path.as_str(), PATHS[leaf::EVENT_ID].path.as_str(), EVENT_JSON]);
        let whole = whole.map_err(|error| bad(&error))?;
        let shared: Arc<dyn RowFilter> = Arc::new(matcher);
        for number in chosen.into_iter().filter(|number| *number < tail_number) {
            let options = ReadOptions {
                pruning: pruning.clone(),
                filters: vec![Arc::clone(&shared)],
                ..ReadOptions::new(whole.clone())
            };
            let mut batches = snapshot.read(parts[number], options, Arc::clone(&progress));
            while let Some(batch) = batches.try_next().await.map_err(|error| bad(&error))? {
                gather(&batch, None, &mut records);
            }
        }
        records.retain(|record: &FoundRecord| what.after.is_none_or(|after| record.position < after));
        records.sort_by_key(|record| std::cmp::Reverse(record.position));
        let more = records.len() > max;
        records.truncate(max);
        let next = records.last().filter(|_| more).map(|record| record.position);
        Ok(Found { records, next })
    }
}

/// Takes the records of a batch, those that match if there is still something to match.
fn gather(batch: &RecordBatch, matcher: Option<&Matcher>, records: &mut Vec<FoundRecord>) {
    let flat = Flat::of(batch);
    let Some(json) = batch.column_by_name(EVENT_JSON).and_then(|column| column.as_string_view_opt()) else { return };
    for row in (0..batch.num_rows()).filter(|row| matcher.is_none_or(|matcher| matcher.matches(&flat, *row))) {
        let Some((time_ms, id)) = Matcher::place(&flat, row) else { continue };
        let json = Bytes::copy_from_slice(json.value(row).as_bytes());
        let hash = (u128::from(id) << 64) | u128::from(XxHash3_64::oneshot(&json));
        records.push(FoundRecord { json, position: FindPosition { time_ms, hash } });
    }
}
