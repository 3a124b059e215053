//! The columns of a record: one tree says which member of the JSON goes where. Numbers of leaves are part of what is stored: a new
//! leaf gets the next number, none is ever used again.

use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

/// How a member becomes a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A string; what is no string is its JSON text.
    Text,
    /// The exact JSON text of any value but null.
    Json,
    /// An ISO 8601 time.
    Time,
    /// A boolean, or one in a string.
    Flag,
}

/// What stands below a member's name.
pub(crate) enum What {
    /// A column: its number and kind.
    Leaf(usize, Kind),
    /// An object with columns of its own, and its number.
    Object(usize, &'static [Node]),
    /// The list of resources.
    Resources,
    /// The record itself: made by the reader, never stored as it is.
    EventJson,
}

/// A member of the JSON and its column.
pub(crate) struct Node {
    /// As records write it; empty for what comes from elsewhere.
    pub(crate) member: &'static str,
    /// The column.
    pub(crate) column: &'static str,
    pub(crate) what: What,
}

const fn text(number: usize, member: &'static str, column: &'static str) -> Node {
    Node { member, column, what: What::Leaf(number, Kind::Text) }
}

const fn json(number: usize, member: &'static str, column: &'static str) -> Node {
    Node { member, column, what: What::Leaf(number, Kind::Json) }
}

const fn time(number: usize, member: &'static str, column: &'static str) -> Node {
    Node { member, column, what: What::Leaf(number, Kind::Time) }
}

const fn flag(number: usize, member: &'static str, column: &'static str) -> Node {
    Node { member, column, what: What::Leaf(number, Kind::Flag) }
}

const fn object(number: usize, member: &'static str, column: &'static str, nodes: &'static [Node]) -> Node {
    Node { member, column, what: What::Object(number, nodes) }
}

const IDENTITY: &[Node] = &[
    text(1, "type", "type"),
    text(2, "principalId", "principalid"),
    text(3, "arn", "arn"),
    text(4, "accountId", "accountid"),
    text(5, "accessKeyId", "accesskeyid"),
    text(6, "userName", "username"),
    object(1, "sessionContext", "sessioncontext", SESSION),
    text(7, "invokedBy", "invokedby"),
    text(8, "identityProvider", "identityprovider"),
    text(9, "credentialId", "credentialid"),
    object(
        5,
        "onBehalfOf",
        "onbehalfof",
        &[text(22, "userId", "userid"), text(23, "identityStoreArn", "identitystorearn")],
    ),
    json(24, "inScopeOf", "inscopeof"),
];

const SESSION: &[Node] = &[
    object(3, "sessionIssuer", "sessionissuer", ISSUER),
    object(
        4,
        "webIdFederationData",
        "webidfederationdata",
        &[text(17, "federatedProvider", "federatedprovider"), json(18, "attributes", "attributes")],
    ),
    object(
        2,
        "attributes",
        "attributes",
        &[time(10, "creationDate", "creationdate"), text(11, "mfaAuthenticated", "mfaauthenticated")],
    ),
    text(19, "sourceIdentity", "sourceidentity"),
    text(20, "ec2RoleDelivery", "ec2roledelivery"),
    text(21, "assumedRoot", "assumedroot"),
];

const ISSUER: &[Node] = &[
    text(12, "type", "type"),
    text(13, "principalId", "principalid"),
    text(14, "arn", "arn"),
    text(15, "accountId", "accountid"),
    text(16, "userName", "username"),
];

/// All columns in the order of the schema, which is the order in which records mostly write them.
pub(crate) const RECORD: &[Node] = &[
    text(0, "eventVersion", "eventversion"),
    object(0, "userIdentity", "useridentity", IDENTITY),
    time(leaf::EVENT_TIME, "eventTime", "eventtime"),
    text(leaf::EVENT_SOURCE, "eventSource", "eventsource"),
    text(leaf::EVENT_NAME, "eventName", "eventname"),
    text(28, "awsRegion", "awsregion"),
    text(29, "sourceIPAddress", "sourceipaddress"),
    text(30, "userAgent", "useragent"),
    text(31, "errorCode", "errorcode"),
    text(32, "errorMessage", "errormessage"),
    json(33, "requestParameters", "requestparameters"),
    json(34, "responseElements", "responseelements"),
    json(35, "additionalEventData", "additionaleventdata"),
    text(36, "requestID", "requestid"),
    text(leaf::EVENT_ID, "eventID", "eventid"),
    flag(38, "readOnly", "readonly"),
    Node { member: "resources", column: "resources", what: What::Resources },
    text(39, "eventType", "eventtype"),
    text(40, "apiVersion", "apiversion"),
    flag(41, "managementEvent", "managementevent"),
    text(42, "recipientAccountId", "recipientaccountid"),
    text(43, "sharedEventID", "sharedeventid"),
    text(44, "annotation", "annotation"),
    text(45, "vpcEndpointId", "vpcendpointid"),
    text(46, "vpcEndpointAccountId", "vpcendpointaccountid"),
    json(47, "serviceEventDetails", "serviceeventdetails"),
    object(
        6,
        "addendum",
        "addendum",
        &[
            text(48, "reason", "reason"),
            text(49, "updatedFields", "updatedfields"),
            text(50, "originalRequestID", "originalrequestid"),
            text(51, "originalEventID", "originaleventid"),
        ],
    ),
    json(52, "edgeDeviceDetails", "edgedevicedetails"),
    json(53, "insightDetails", "insightdetails"),
    text(54, "eventCategory", "eventcategory"),
    object(
        7,
        "tlsDetails",
        "tlsdetails",
        &[
            text(55, "tlsVersion", "tlsversion"),
            text(56, "cipherSuite", "ciphersuite"),
            text(57, "clientProvidedHostHeader", "clientprovidedhostheader"),
        ],
    ),
    flag(58, "sessionCredentialFromConsole", "sessioncredentialfromconsole"),
    Node { member: "", column: EVENT_JSON, what: What::EventJson },
    text(leaf::CHECKSUM, "", "eventjsonchecksum"),
    json(60, "metadata", "metadata"),
    json(61, "eventData", "eventdata"),
];

/// Numbers of leaves that code names.
pub(crate) mod leaf {
    pub(crate) const IDENTITY_TYPE: usize = 1;
    pub(crate) const PRINCIPAL_ID: usize = 2;
    pub(crate) const ARN: usize = 3;
    pub(crate) const ACCESS_KEY_ID: usize = 5;
    pub(crate) const USER_NAME: usize = 6;
    pub(crate) const ISSUER_ARN: usize = 14;
    pub(crate) const EVENT_TIME: usize = 25;
    pub(crate) const EVENT_SOURCE: usize = 26;
    pub(crate) const EVENT_NAME: usize = 27;
    pub(crate) const REGION: usize = 28;
    pub(crate) const SOURCE_IP: usize = 29;
    pub(crate) const USER_AGENT: usize = 30;
    pub(crate) const ERROR_MESSAGE: usize = 32;
    pub(crate) const REQUEST_PARAMETERS: usize = 33;
    pub(crate) const RESPONSE_ELEMENTS: usize = 34;
    pub(crate) const REQUEST_ID: usize = 36;
    pub(crate) const EVENT_ID: usize = 37;
    pub(crate) const READ_ONLY: usize = 38;
    pub(crate) const SHARED_EVENT_ID: usize = 43;
    pub(crate) const CATEGORY: usize = 54;
    pub(crate) const CHECKSUM: usize = 59;
}

/// How many leaves there are.
pub(crate) const LEAVES: usize = 62;
/// How many objects there are.
pub(crate) const OBJECTS: usize = 8;
/// The members of a resource and their columns.
pub(crate) const RESOURCE: [(&str, &str); 4] =
    [("accountId", "accountid"), ("type", "type"), ("ARN", "arn"), ("ARNPrefix", "arnprefix")];
/// Places in [`RESOURCE`].
pub(crate) const RESOURCE_TYPE: usize = 1;
pub(crate) const RESOURCE_ARN: usize = 2;
pub(crate) const RESOURCE_ARN_PREFIX: usize = 3;

/// The column that holds the record itself.
pub const EVENT_JSON: &str = "eventjson";
/// The list column.
pub(crate) const RESOURCES: &str = "resources";
/// Stored in place of the record: its text without what other columns hold.
pub(crate) const SKELETON: &str = "$skeleton";
/// Stored beside it: what no other column holds.
pub(crate) const REST: &str = "$rest";
/// Stored in place of both where they do not give the record back.
pub(crate) const FULL: &str = "$full";

/// A leaf's place in the schema.
pub(crate) struct LeafPath {
    /// `useridentity.arn`.
    pub(crate) path: String,
    pub(crate) kind: Kind,
}

/// All leaves by number.
pub(crate) static PATHS: LazyLock<Vec<LeafPath>> = LazyLock::new(|| {
    let mut found: Vec<Option<LeafPath>> = (0..LEAVES).map(|_| None).collect();
    fn walk(nodes: &[Node], above: &str, found: &mut [Option<LeafPath>]) {
        for node in nodes {
            let path = format!("{above}{}", node.column);
            match &node.what {
                What::Leaf(number, kind) => found[*number] = Some(LeafPath { path, kind: *kind }),
                What::Object(_, below) => walk(below, &format!("{path}."), found),
                What::Resources | What::EventJson => {}
            }
        }
    }
    walk(RECORD, "", &mut found);
    found.into_iter().map(|leaf| leaf.expect("every number has its leaf")).collect()
});

/// Whether a column holds the JSON text of a member: `requestparameters`.
pub fn is_json(path: &str) -> bool {
    PATHS.iter().any(|leaf| leaf.path == path && leaf.kind == Kind::Json)
}

/// Whether a column, or a field of one, is a text, a time or a flag by itself: `eventname`, `useridentity.arn`.
pub fn is_plain(path: &str) -> bool {
    PATHS.iter().any(|leaf| leaf.path == path && leaf.kind != Kind::Json)
}

/// The type of a leaf's column.
pub(crate) fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text | Kind::Json => DataType::Utf8View,
        Kind::Time => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        Kind::Flag => DataType::Boolean,
    }
}

/// The fields of a list of nodes.
pub(crate) fn fields(nodes: &[Node], stored: bool) -> Fields {
    let field = |node: &Node| match &node.what {
        What::Leaf(_, kind) => Some(Field::new(node.column, data_type(*kind), true)),
        What::Object(_, below) => Some(Field::new(node.column, DataType::Struct(fields(below, stored)), true)),
        What::Resources => Some(Field::new(node.column, DataType::List(resource_field()), true)),
        What::EventJson => (!stored).then(|| Field::new(node.column, DataType::Utf8View, true)),
    };
    nodes.iter().filter_map(field).collect()
}

/// The field of a list's items.
pub(crate) fn resource_field() -> Arc<Field> {
    let members: Fields = RESOURCE.iter().map(|(_, name)| Field::new(*name, DataType::Utf8View, true)).collect();
    Arc::new(Field::new("item", DataType::Struct(members), true))
}

/// The schema that queries see.
pub(crate) static LOGICAL: LazyLock<SchemaRef> = LazyLock::new(|| Arc::new(Schema::new(fields(RECORD, false))));

/// The schema of a stored part.
pub(crate) static STORED: LazyLock<SchemaRef> = LazyLock::new(|| {
    let mut all: Vec<Arc<Field>> = fields(RECORD, true).iter().cloned().collect();
    all.extend([SKELETON, REST, FULL].map(|name| Arc::new(Field::new(name, DataType::Utf8View, true))));
    Arc::new(Schema::new(all))
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leaf_has_its_place() {
        assert_eq!(PATHS.len(), LEAVES);
        assert_eq!(PATHS[leaf::ARN].path, "useridentity.arn");
        assert_eq!(PATHS[leaf::ISSUER_ARN].path, "useridentity.sessioncontext.sessionissuer.arn");
        assert_eq!(PATHS[leaf::EVENT_TIME].kind, Kind::Time);
        assert_eq!(PATHS[leaf::READ_ONLY].path, "readonly");
        assert_eq!(PATHS[leaf::CATEGORY].path, "eventcategory");
        assert_eq!(LOGICAL.fields().len() + 2, STORED.fields().len());
        assert!(LOGICAL.field_with_name(EVENT_JSON).is_ok() && STORED.field_with_name(EVENT_JSON).is_err());
    }
}
