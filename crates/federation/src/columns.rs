//! The columns of a federated event data store: CloudTrail Lake's, in lower case as in its tables. What holds JSON objects is a map of
//! texts, as there; `eventjson` is the record itself.

use std::sync::LazyLock;

use eventstore::{EVENT_JSON, Snapshot, is_json};
use iceberg::TableSchema;

/// Columns without bounds: nobody compares them with anything.
pub(crate) const UNBOUNDED: [&str; 2] = [EVENT_JSON, "errormessage"];

/// The schema of every table.
pub(crate) static SCHEMA: LazyLock<TableSchema> = LazyLock::new(|| {
    TableSchema::new(&Snapshot::schema(), IDS, is_json).expect("every column has its number: a test looks")
});

/// Each column's number is its place here, from 1. Data files that were written go by it: what is here stays in its place, what is new
/// comes at the end.
const IDS: &[&str] = &[
    "eventversion",
    "useridentity",
    "useridentity.type",
    "useridentity.principalid",
    "useridentity.arn",
    "useridentity.accountid",
    "useridentity.accesskeyid",
    "useridentity.username",
    "useridentity.sessioncontext",
    "useridentity.sessioncontext.sessionissuer",
    "useridentity.sessioncontext.sessionissuer.type",
    "useridentity.sessioncontext.sessionissuer.principalid",
    "useridentity.sessioncontext.sessionissuer.arn",
    "useridentity.sessioncontext.sessionissuer.accountid",
    "useridentity.sessioncontext.sessionissuer.username",
    "useridentity.sessioncontext.webidfederationdata",
    "useridentity.sessioncontext.webidfederationdata.federatedprovider",
    "useridentity.sessioncontext.webidfederationdata.attributes",
    "useridentity.sessioncontext.webidfederationdata.attributes.key",
    "useridentity.sessioncontext.webidfederationdata.attributes.value",
    "useridentity.sessioncontext.attributes",
    "useridentity.sessioncontext.attributes.creationdate",
    "useridentity.sessioncontext.attributes.mfaauthenticated",
    "useridentity.sessioncontext.sourceidentity",
    "useridentity.sessioncontext.ec2roledelivery",
    "useridentity.sessioncontext.assumedroot",
    "useridentity.invokedby",
    "useridentity.identityprovider",
    "useridentity.credentialid",
    "useridentity.onbehalfof",
    "useridentity.onbehalfof.userid",
    "useridentity.onbehalfof.identitystorearn",
    "useridentity.inscopeof",
    "useridentity.inscopeof.key",
    "useridentity.inscopeof.value",
    "eventtime",
    "eventsource",
    "eventname",
    "awsregion",
    "sourceipaddress",
    "useragent",
    "errorcode",
    "errormessage",
    "requestparameters",
    "requestparameters.key",
    "requestparameters.value",
    "responseelements",
    "responseelements.key",
    "responseelements.value",
    "additionaleventdata",
    "additionaleventdata.key",
    "additionaleventdata.value",
    "requestid",
    "eventid",
    "readonly",
    "resources",
    "resources.element",
    "resources.element.accountid",
    "resources.element.type",
    "resources.element.arn",
    "resources.element.arnprefix",
    "eventtype",
    "apiversion",
    "managementevent",
    "recipientaccountid",
    "sharedeventid",
    "annotation",
    "vpcendpointid",
    "vpcendpointaccountid",
    "serviceeventdetails",
    "serviceeventdetails.key",
    "serviceeventdetails.value",
    "addendum",
    "addendum.reason",
    "addendum.updatedfields",
    "addendum.originalrequestid",
    "addendum.originaleventid",
    "edgedevicedetails",
    "edgedevicedetails.key",
    "edgedevicedetails.value",
    "insightdetails",
    "insightdetails.key",
    "insightdetails.value",
    "eventcategory",
    "tlsdetails",
    "tlsdetails.tlsversion",
    "tlsdetails.ciphersuite",
    "tlsdetails.clientprovidedhostheader",
    "sessioncredentialfromconsole",
    "eventjson",
    "eventjsonchecksum",
    "metadata",
    "metadata.key",
    "metadata.value",
    "eventdata",
    "eventdata.key",
    "eventdata.value",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_its_number() {
        let schema = SCHEMA.arrow();
        assert_eq!(schema.fields().len(), Snapshot::schema().fields().len());
        for name in UNBOUNDED {
            schema.field_with_name(name).unwrap();
        }
        let mut once = IDS.to_vec();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), IDS.len());
    }
}
