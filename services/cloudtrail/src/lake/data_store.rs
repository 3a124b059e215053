//! [`EventDataStore`]: an event data store as it is stored, as it travels in the journal, and as the API shows it.

use base::{Region, Timestamp};
use serde::{Deserialize, Serialize};

use crate::selectors::{AdvancedEventSelector, FieldSelector};
use crate::trail::Tag;
use crate::trail::organization::Scope;

/// The version of the stored document.
pub const VERSION: u32 = 1;

/// How it is paid for on AWS; here it only bounds the retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BillingMode {
    /// One year, which can be extended.
    ExtendableRetentionPricing,
    /// Seven years.
    FixedRetentionPricing,
}

impl BillingMode {
    /// How long records are kept if nothing is said. Source: CloudTrail API reference, CreateEventDataStore: `RetentionPeriod`.
    pub fn default_retention_days(self) -> u32 {
        match self {
            BillingMode::ExtendableRetentionPricing => 366,
            BillingMode::FixedRetentionPricing => 2_557,
        }
    }

    /// The longest retention. Source: as above.
    pub fn max_retention_days(self) -> u32 {
        match self {
            BillingMode::ExtendableRetentionPricing => 3_653,
            BillingMode::FixedRetentionPricing => 2_557,
        }
    }
}

/// Whether it takes records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// It takes those that it selects.
    Enabled,
    /// Its owner stopped it; what it has stays and can be queried.
    StoppedIngestion,
    /// It was deleted, and can be restored for a week.
    PendingDeletion,
}

/// How far the federation of a store is. A store that is not federated has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FederationStatus {
    /// The table is being made.
    Enabling,
    /// The table can be read.
    Enabled,
    /// The table is being removed.
    Disabling,
}

impl FederationStatus {
    /// As the API says it.
    pub fn as_str(self) -> &'static str {
        match self {
            FederationStatus::Enabling => "ENABLING",
            FederationStatus::Enabled => "ENABLED",
            FederationStatus::Disabling => "DISABLING",
        }
    }
}

/// The federation of a store: it is a table too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Federation {
    /// The role that was named. Kept and shown; nothing acts under it.
    pub role_arn: String,
    /// How far it is.
    pub status: FederationStatus,
}

/// An event data store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventDataStore {
    /// [`VERSION`].
    pub version: u32,
    /// The number of its last change; larger than that of every earlier change of any store.
    pub revision: u64,
    /// The UUID: its name in SQL and its [`ports::StoreId`].
    pub id: String,
    /// `arn:aws:cloudtrail:REGION:ACCOUNT:eventdatastore/ID`.
    pub arn: String,
    /// The name.
    pub name: String,
    /// Where it lives.
    pub region: Region,
    /// Whether it takes records.
    pub status: Status,
    /// Which records it takes.
    pub selectors: Vec<AdvancedEventSelector>,
    /// Whether it takes those of other regions too.
    pub multi_region: bool,
    /// For how many days after their event records are kept.
    pub retention_days: u32,
    /// Whether it is protected against deletion.
    pub termination_protection: bool,
    /// How it is paid for.
    pub billing: BillingMode,
    /// When it was made, in milliseconds.
    pub created_ms: i64,
    /// When its settings last changed.
    pub updated_ms: i64,
    /// When it was deleted, if it was.
    pub deleted_ms: Option<i64>,
    /// Whether it was stopped when it was deleted: then it is when it is restored.
    #[serde(default)]
    pub stopped_when_deleted: bool,
    /// It is a table too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub federation: Option<Federation>,
    /// The ARN of the key of KMS that was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// The organization that it is for, if it is for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<Scope>,
    /// In the order given.
    pub tags: Vec<Tag>,
}

impl EventDataStore {
    /// Its category: what sort of events it takes.
    pub fn category(&self) -> &str {
        category_of(&self.selectors)
    }

    /// `FederationStatus`.
    pub fn federation_status(&self) -> &'static str {
        self.federation.as_ref().map_or("DISABLED", |federation| federation.status.as_str())
    }

    /// Whether it takes records of the journal now.
    pub fn ingests(&self) -> bool {
        self.status == Status::Enabled
    }
}

/// The category of the first selector.
pub fn category_of(selectors: &[AdvancedEventSelector]) -> &str {
    let fields = selectors.iter().flat_map(|selector| &selector.field_selectors);
    let category =
        fields.filter(|field| field.field == "eventCategory").find_map(|field| field.equals.as_ref()?.first());
    category.map_or("Management", String::as_str)
}

/// What a store takes if nothing is said. Source: CloudTrail API reference, CreateEventDataStore: `AdvancedEventSelectors`.
pub fn default_selectors() -> Vec<AdvancedEventSelector> {
    let field = FieldSelector {
        field: "eventCategory".to_owned(),
        equals: Some(vec!["Management".to_owned()]),
        ..FieldSelector::default()
    };
    vec![AdvancedEventSelector { name: Some("Default management events".to_owned()), field_selectors: vec![field] }]
}

/// The ARN of a store.
pub fn arn_of(region: Region, account: &str, id: &str) -> String {
    format!("arn:{}:cloudtrail:{region}:{account}:eventdatastore/{id}", region.partition())
}

/// A store as Create, Get, List, Update and Restore show it; each leaves out what it does not have.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct View {
    event_data_store_arn: String,
    name: String,
    status: &'static str,
    advanced_event_selectors: Vec<AdvancedEventSelector>,
    multi_region_enabled: bool,
    organization_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_id: Option<String>,
    retention_period: u32,
    termination_protection_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags_list: Option<Vec<Tag>>,
    created_timestamp: Timestamp,
    updated_timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    billing_mode: Option<BillingMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    federation_status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    federation_role_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition_keys: Option<Vec<PartitionKey>>,
}

/// A key by which a store is divided.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PartitionKey {
    name: &'static str,
    r#type: &'static str,
}

/// For which operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// CreateEventDataStore.
    Create,
    /// GetEventDataStore.
    Get,
    /// One of the list of ListEventDataStores.
    List,
    /// UpdateEventDataStore.
    Update,
    /// RestoreEventDataStore.
    Restore,
}

impl View {
    /// Shows a store.
    pub fn of(store: EventDataStore, operation: For) -> View {
        let status = match (operation, store.status) {
            // A new store takes records a moment later, and its first answer says so.
            (For::Create, Status::Enabled) => "CREATED",
            (_, Status::Enabled) => "ENABLED",
            (_, Status::StoppedIngestion) => "STOPPED_INGESTION",
            (_, Status::PendingDeletion) => "PENDING_DELETION",
        };
        let shows_federation = matches!(operation, For::Get | For::Update);
        let federation_status = shows_federation.then(|| store.federation_status());
        let keys = || vec![PartitionKey { name: "eventTime", r#type: "timestamp" }];
        View {
            event_data_store_arn: store.arn,
            name: store.name,
            status,
            advanced_event_selectors: store.selectors,
            multi_region_enabled: store.multi_region,
            organization_enabled: store.organization.is_some(),
            kms_key_id: store.kms_key.filter(|_| operation != For::List),
            retention_period: store.retention_days,
            termination_protection_enabled: store.termination_protection,
            tags_list: (operation == For::Create).then_some(store.tags),
            created_timestamp: Timestamp::from_ms(store.created_ms),
            updated_timestamp: Timestamp::from_ms(store.updated_ms),
            billing_mode: (operation != For::List).then_some(store.billing),
            federation_status,
            federation_role_arn: store.federation.map(|federation| federation.role_arn).filter(|_| shows_federation),
            partition_keys: (operation == For::Get).then(keys),
        }
    }
}
