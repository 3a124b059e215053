//! CloudTrail's casing of the names that columns and fields have.

/// Every name of a column or field whose casing is not plain lower case.
const SHOWN: &[&str] = &[
    "ARNPrefix",
    "accessKeyId",
    "accountId",
    "additionalEventData",
    "apiVersion",
    "assumedRoot",
    "awsRegion",
    "cipherSuite",
    "clientProvidedHostHeader",
    "creationDate",
    "credentialId",
    "ec2IssuedInVpc",
    "ec2RoleDelivery",
    "edgeDeviceDetails",
    "errorCode",
    "errorMessage",
    "eventCategory",
    "eventData",
    "eventID",
    "eventJson",
    "eventJsonChecksum",
    "eventName",
    "eventSource",
    "eventTime",
    "eventType",
    "eventVersion",
    "federatedProvider",
    "identityProvider",
    "identityStoreArn",
    "inScopeOf",
    "insightDetails",
    "invokedBy",
    "managementEvent",
    "mfaAuthenticated",
    "onBehalfOf",
    "originalEventID",
    "originalRequestID",
    "principalId",
    "readOnly",
    "recipientAccountId",
    "requestID",
    "requestParameters",
    "responseElements",
    "serviceEventDetails",
    "sessionContext",
    "sessionCredentialFromConsole",
    "sessionIssuer",
    "sharedEventID",
    "sourceIPAddress",
    "sourceIdentity",
    "tlsDetails",
    "tlsVersion",
    "updatedFields",
    "userAgent",
    "userId",
    "userIdentity",
    "userName",
    "vpcEndpointAccountId",
    "vpcEndpointId",
    "webIdFederationData",
];

/// How a column's or field's name is shown.
pub(crate) fn shown(name: &str) -> String {
    // In an identity it is `arn`; in a resource `ARN`. A column of this name shows the former.
    if name.eq_ignore_ascii_case("arn") {
        return "arn".to_owned();
    }
    SHOWN
        .iter()
        .find(|shown| shown.eq_ignore_ascii_case(name))
        .map_or_else(|| name.to_owned(), |shown| (*shown).to_owned())
}
