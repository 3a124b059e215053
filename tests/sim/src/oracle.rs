//! Which trail selects which record, worked out anew from the entries of the journal and from the selectors' documentation: shares no
//! code with the delivery it is held against.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use journal::Entry;
use serde_json::Value;
use worker::EntryKind;

/// A record as a checker needs it.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) seq: u64,
    /// Of its bytes.
    pub(crate) hash: u64,
    pub(crate) event_id: String,
    pub(crate) request_id: String,
    /// The mark that each call of a world carries in its user agent.
    pub(crate) mark: Option<u64>,
    pub(crate) name: String,
    pub(crate) error_code: Option<String>,
    /// `Root`, or the name of an IAM user, or empty.
    pub(crate) who: String,
    pub(crate) management: bool,
    pub(crate) region: String,
    /// The trails that select it, by ARN; and where their files go.
    pub(crate) trails: Vec<(String, Place)>,
    /// The event data stores that select it, by UUID.
    pub(crate) stores: Vec<String>,
}

/// Where a trail's files go: bucket and prefix.
pub(crate) type Place = (String, String);

/// A trail as the journal has it.
#[derive(Clone, Debug)]
pub(crate) struct TrailView {
    pub(crate) arn: String,
    pub(crate) place: Place,
    /// The chain of digests that its files belong to.
    pub(crate) digests: Option<u64>,
    home_region: String,
    multi_region: bool,
    global: bool,
    logging: bool,
    selectors: Value,
}

/// An event data store that takes records, as the journal has it.
struct StoreView {
    region: String,
    multi_region: bool,
    selectors: Value,
}

/// What the journal says so far.
#[derive(Default)]
pub(crate) struct Oracle {
    revision: u64,
    store_revision: u64,
    stores: BTreeMap<String, StoreView>,
    trails: BTreeMap<String, TrailView>,
    /// Trails that end with the record of this request.
    closing: Vec<(String, TrailView)>,
    /// Every place that a trail ever had.
    pub(crate) places: BTreeMap<String, Vec<Place>>,
    /// Every chain of digests that ever was, by trail.
    pub(crate) chains: BTreeMap<String, Vec<u64>>,
    /// BEGINs without a FINISH.
    pub(crate) open: BTreeMap<u64, ()>,
}

impl Oracle {
    /// Takes the next entry; returns its record, if it has one.
    pub(crate) fn take(&mut self, entry: &Entry) -> Result<Option<Record>, String> {
        let seq = entry.seq.get();
        match EntryKind::read(entry).map_err(|error| error.to_string())? {
            EntryKind::Begin { .. } => {
                self.open.insert(seq, ());
                Ok(None)
            }
            EntryKind::Data(_) => Ok(None),
            EntryKind::Finish { begin, record } => {
                if let Some(begin) = begin
                    && self.open.remove(&begin.get()).is_none()
                {
                    return Err(format!("entry {seq} finishes entry {begin}, which is not open"));
                }
                let json: Value =
                    serde_json::from_slice(&record).map_err(|error| format!("the record {seq} is no JSON: {error}"))?;
                Ok(Some(self.record(seq, hash_of(&record), &json)))
            }
            EntryKind::Control(control) => {
                if control.topic == "cloudtrail/trail" {
                    let json = serde_json::from_slice(&control.document).map_err(|error| error.to_string())?;
                    self.change(&json);
                }
                if control.topic == "cloudtrail/event-data-store" {
                    let json = serde_json::from_slice(&control.document).map_err(|error| error.to_string())?;
                    self.change_store(&json);
                }
                Ok(None)
            }
        }
    }

    fn record(&mut self, seq: u64, hash: u64, json: &Value) -> Record {
        let request_id = text(json, "requestID");
        let mut trails: Vec<&TrailView> = self.trails.values().filter(|trail| trail.selects(json)).collect();
        let ended = self.closing.iter().position(|(request, _)| *request == request_id);
        let ended = ended.map(|at| self.closing.remove(at).1);
        if let Some(ended) = &ended
            && ended.selects(json)
            && !trails.iter().any(|trail| trail.arn == ended.arn)
        {
            trails.push(ended);
        }
        let identity = &json["userIdentity"];
        let who = match identity["type"].as_str() {
            Some("Root") => "Root".to_owned(),
            Some("IAMUser") => text(identity, "userName"),
            _ => String::new(),
        };
        let agent = text(json, "userAgent");
        let mark = agent.trim_matches(['[', ']']).strip_prefix("sim/").and_then(|mark| mark.parse().ok());
        Record {
            seq,
            hash,
            event_id: text(json, "eventID"),
            request_id,
            mark,
            name: text(json, "eventName"),
            error_code: json["errorCode"].as_str().map(str::to_owned),
            who,
            management: category(json) == "Management",
            region: text(json, "awsRegion"),
            trails: trails.into_iter().map(|trail| (trail.arn.clone(), trail.place.clone())).collect(),
            stores: self.stores.iter().filter(|(_, store)| store.selects(json)).map(|(id, _)| id.clone()).collect(),
        }
    }

    fn change(&mut self, json: &Value) {
        let revision = json["revision"].as_u64().unwrap_or(0);
        if revision <= self.revision {
            return;
        }
        self.revision = revision;
        let arn = text(json, "arn");
        let old = self.trails.remove(&arn);
        if let (Some(request), Some(old)) = (json["ended_by"].as_str(), old)
            && old.logging
        {
            self.closing.push((request.to_owned(), old));
        }
        if let Some(view) = TrailView::read(&json["trail"]) {
            let places = self.places.entry(arn.clone()).or_default();
            if !places.contains(&view.place) {
                places.push(view.place.clone());
            }
            if let Some(chain) = view.digests {
                let chains = self.chains.entry(arn.clone()).or_default();
                if !chains.contains(&chain) {
                    chains.push(chain);
                }
            }
            self.trails.insert(arn, view);
        }
    }

    fn change_store(&mut self, json: &Value) {
        let revision = json["revision"].as_u64().unwrap_or(0);
        if revision <= self.store_revision {
            return;
        }
        self.store_revision = revision;
        let (id, store) = (text(json, "id"), &json["store"]);
        self.stores.remove(&id);
        if store["status"] == "ENABLED" {
            let view = StoreView {
                region: text(store, "region"),
                multi_region: store["multi_region"] == true,
                selectors: store["selectors"].clone(),
            };
            self.stores.insert(id, view);
        }
    }

    /// The trails there are now.
    pub(crate) fn trails(&self) -> impl Iterator<Item = &TrailView> {
        self.trails.values()
    }
}

impl TrailView {
    fn read(json: &Value) -> Option<TrailView> {
        json.as_object()?;
        Some(TrailView {
            arn: text(json, "arn"),
            place: (text(json, "bucket"), text(json, "prefix")),
            digests: json["digests"]["id"].as_u64(),
            home_region: text(json, "home_region"),
            multi_region: json["multi_region"] == true,
            global: json["include_global_service_events"] == true,
            logging: json["logging"] == true,
            selectors: json["selectors"].clone(),
        })
    }

    /// User guide, "Logging management events" and "Logging data events".
    fn selects(&self, record: &Value) -> bool {
        let region = record["awsRegion"].as_str().unwrap_or_default();
        let source = record["eventSource"].as_str().unwrap_or_default();
        let is_global = region == "us-east-1" && matches!(source, "iam.amazonaws.com" | "sts.amazonaws.com");
        if !self.logging || !(self.multi_region || self.home_region == region) || (is_global && !self.global) {
            return false;
        }
        if let Some(basic) = self.selectors["Basic"].as_array() {
            return basic.iter().any(|selector| basic_selects(selector, record));
        }
        if let Some(advanced) = self.selectors["Advanced"].as_array() {
            return advanced.iter().any(|selector| advanced_selects(selector, record));
        }
        category(record) == "Management"
    }
}

impl StoreView {
    /// User guide, "Create an event data store for CloudTrail events".
    fn selects(&self, record: &Value) -> bool {
        let here = self.multi_region || record["awsRegion"] == self.region.as_str();
        let selectors = self.selectors.as_array().map(Vec::as_slice).unwrap_or_default();
        here && selectors.iter().any(|selector| advanced_selects(selector, record))
    }
}

fn advanced_selects(selector: &Value, record: &Value) -> bool {
    let fields = selector["FieldSelectors"].as_array();
    fields.is_some_and(|fields| fields.iter().all(|field| field_holds(field, record)))
}

/// A hash of a record's bytes, the same in every run.
pub(crate) fn hash_of(record: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    record.hash(&mut hasher);
    hasher.finish()
}

fn category(record: &Value) -> &str {
    record["eventCategory"].as_str().unwrap_or_default()
}

fn object_arns(record: &Value) -> Vec<&str> {
    let resources = record["resources"].as_array().map(Vec::as_slice).unwrap_or_default();
    let objects = resources.iter().filter(|resource| resource["type"] == "AWS::S3::Object");
    objects.filter_map(|resource| resource["ARN"].as_str().or(resource["ARNPrefix"].as_str())).collect()
}

fn basic_selects(selector: &Value, record: &Value) -> bool {
    let read = record["readOnly"] == true;
    let kind = match selector["ReadWriteType"].as_str() {
        Some("ReadOnly") => read,
        Some("WriteOnly") => !read,
        _ => true,
    };
    let wanted = match category(record) {
        "Management" => selector["IncludeManagementEvents"] != false,
        "Data" => {
            let resources = selector["DataResources"].as_array().map(Vec::as_slice).unwrap_or_default();
            let values = resources.iter().filter_map(|resource| resource["Values"].as_array()).flatten();
            let prefixes: Vec<&str> = values.filter_map(Value::as_str).collect();
            object_arns(record).iter().any(|arn| prefixes.iter().any(|prefix| arn.starts_with(prefix)))
        }
        _ => false,
    };
    kind && wanted
}

/// The fields and operators that the workload uses.
fn field_holds(field: &Value, record: &Value) -> bool {
    let of = |operator: &str| -> Vec<&str> {
        field[operator].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let (equals, starts, not_equals) = (of("Equals"), of("StartsWith"), of("NotEquals"));
    let test = |value: &str| {
        let includes = equals.is_empty() && starts.is_empty()
            || equals.contains(&value)
            || starts.iter().any(|start| value.starts_with(start));
        includes && !not_equals.contains(&value)
    };
    match field["Field"].as_str().unwrap_or_default() {
        "eventCategory" => test(category(record)),
        "eventName" => test(record["eventName"].as_str().unwrap_or_default()),
        "readOnly" => test(if record["readOnly"] == true { "true" } else { "false" }),
        "resources.type" => {
            let resources = record["resources"].as_array().map(Vec::as_slice).unwrap_or_default();
            resources.iter().any(|resource| test(resource["type"].as_str().unwrap_or_default()))
        }
        "resources.ARN" => object_arns(record).into_iter().any(test),
        _ => false,
    }
}

fn text(json: &Value, name: &str) -> String {
    json[name].as_str().unwrap_or_default().to_owned()
}
