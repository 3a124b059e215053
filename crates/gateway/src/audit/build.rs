//! The record of a call: a [`Draft`] is all that is known before the operation runs, an [`Outcome`] what became of it.

use std::borrow::Cow;
use std::sync::Arc;

use base::{Region, Timestamp};
use model::{Fields, Model};
use ports::{Caller, Holder, Session};
use record::event::{EventCategory, EventRecord, EventType, Resource, TlsDetails};
use record::identity::{ExternalUser, SessionContext, SessionIssuer, UserIdentity, WebIdFederation};
use service::ResourceNote;

use super::catalog::EventKind;
use super::params;
use crate::tls::TlsSession;

/// The account under which anonymous S3 requests are recorded. Source: S3 user guide, CloudTrail log entries.
const ANONYMOUS_ACCOUNT: &str = "anonymous";

/// What is known of a call before its operation runs.
#[derive(Debug)]
pub struct Draft {
    /// When it came in.
    pub time: Timestamp,
    /// Who calls.
    pub caller: Caller,
    /// The account that gets the record.
    pub account: Arc<str>,
    /// Whose resource the call acts on: gets a copy, if it is another.
    pub owner: Arc<str>,
    /// Where it is recorded.
    pub region: Region,
    /// The client's address.
    pub source_ip: Arc<str>,
    /// As the client calls itself.
    pub user_agent: String,
    /// What the client gets.
    pub request_id: String,
    /// The record's own.
    pub event_id: String,
    /// What kind of event it is.
    pub kind: EventKind,
    /// `requestParameters` as JSON text.
    pub request_json: String,
    /// What the request names.
    pub resources: Vec<ResourceNote>,
    /// For S3: how the request was signed.
    pub s3: Option<S3Access>,
    /// How the connection was protected, if it was.
    pub tls: Option<Tls>,
    /// Whether somebody called; otherwise it is an event of the service itself.
    pub is_call: bool,
}

/// What a record says of a connection under TLS.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Version and suite.
    pub session: TlsSession,
    /// The host that the client asked for, as its header says it.
    pub host: String,
}

/// What S3's records say of the request in `additionalEventData`.
#[derive(Debug, Clone, Copy)]
pub struct S3Access {
    /// `AuthHeader` or `QueryString`; `None` if it was not signed.
    pub method: Option<&'static str>,
}

/// What became of a call.
#[derive(Debug, Default, Clone)]
pub struct Outcome<'a> {
    /// The error's code and text, if it failed.
    pub error: Option<(&'a str, &'a str)>,
    /// `responseElements` as JSON text.
    pub response_json: Option<String>,
    /// Resources that the operation named.
    pub resources: &'a [ResourceNote],
    /// What the operation adds to `additionalEventData`.
    pub additional: &'a [(&'static str, String)],
    /// Who it was, if only the operation found that out.
    pub caller: Option<&'a Caller>,
    /// Whose record it is, likewise.
    pub recipient: Option<&'a Arc<str>>,
    /// Further accounts that get a copy.
    pub owners: &'a [Arc<str>],
    /// What stands beside the record in the journal.
    pub aside: Option<&'a str>,
    /// Body bytes received, for S3.
    pub bytes_in: u64,
    /// Body bytes to be sent, for S3.
    pub bytes_out: u64,
}

/// Which of the records of a call.
pub struct For<'a> {
    /// Whose.
    pub account: &'a Arc<str>,
    /// The record's own.
    pub event_id: &'a str,
    /// What all of them have in common, if there are several.
    pub shared: Option<&'a str>,
}

impl Draft {
    /// Appends the record as JSON.
    pub fn write(&self, outcome: &Outcome<'_>, out: &mut Vec<u8>) {
        self.write_for(outcome, &For { account: self.recipient(outcome), event_id: &self.event_id, shared: None }, out);
    }

    /// Whose record it is.
    pub fn recipient<'a>(&'a self, outcome: &Outcome<'a>) -> &'a Arc<str> {
        outcome.recipient.unwrap_or(&self.account)
    }

    /// The accounts that get a copy: whose resources the call acts on, without whose record it is anyway.
    pub fn copied_to<'a>(&'a self, outcome: &Outcome<'a>) -> Vec<&'a Arc<str>> {
        let mine = self.recipient(outcome);
        let mut owners: Vec<&Arc<str>> = outcome.owners.iter().collect();
        if self.owner != self.account {
            owners.push(&self.owner);
        }
        owners.sort_unstable();
        owners.dedup();
        owners.retain(|owner| *owner != mine);
        owners
    }

    /// Appends the record, or the copy of another account, as JSON.
    pub fn write_for(&self, outcome: &Outcome<'_>, to: &For<'_>, out: &mut Vec<u8>) {
        let data = self.kind.data;
        let caller = outcome.caller.unwrap_or(&self.caller);
        // What the operation says of a resource that the request names is better known.
        let named = self.resources.iter().filter(|named| !outcome.resources.iter().any(|note| note.arn == named.arn));
        let resources = named.chain(outcome.resources).map(|note| Resource {
            account_id: Some(note.account.as_str()).filter(|account| !account.is_empty()).map(Into::into),
            kind: Some(note.kind.into()),
            arn: note.arn.as_str().into(),
            is_prefix: note.is_prefix,
        });
        let record = EventRecord {
            user_identity: if to.account == self.recipient(outcome) {
                user_identity(caller)
            } else {
                to_others(caller)
            },
            event_time: self.time,
            event_source: self.kind.source.as_str().into(),
            event_name: Cow::Borrowed(&self.kind.name),
            aws_region: self.region.as_str().into(),
            source_ip_address: Cow::Borrowed(&self.source_ip),
            user_agent: self.user_agent.as_str().into(),
            error_code: outcome.error.map(|(code, _)| code.into()),
            error_message: outcome.error.map(|(_, text)| text.into()),
            request_parameters_json: Some(self.request_json.as_str().into()),
            response_elements_json: outcome.response_json.as_deref().map(Cow::Borrowed),
            additional_event_data_json: self.additional_json(outcome).map(Cow::Owned),
            request_id: Some(self.request_id.as_str().into()),
            event_id: to.event_id.into(),
            read_only: self.kind.read_only,
            resources: resources.collect(),
            event_type: if self.is_call { EventType::AwsApiCall } else { EventType::AwsServiceEvent },
            api_version: self.kind.api_version.as_deref().map(Cow::Borrowed),
            management_event: !data,
            recipient_account_id: Cow::Borrowed(to.account),
            shared_event_id: to.shared.map(Into::into),
            service_event_details_json: None,
            vpc_endpoint_id: None,
            vpc_endpoint_account_id: None,
            event_category: if data { EventCategory::Data } else { EventCategory::Management },
            addendum_json: None,
            edge_device_details_json: None,
            tls_details: self.tls.as_ref().map(|tls| TlsDetails {
                version: tls.session.version.into(),
                cipher_suite: tls.session.cipher_suite.into(),
                client_provided_host_header: tls.host.as_str().into(),
            }),
            session_credential_from_console: caller.session().is_some_and(|session| session.is_console),
        };
        record.write(out);
    }

    fn additional_json(&self, outcome: &Outcome<'_>) -> Option<String> {
        if self.s3.is_none() && outcome.additional.is_empty() {
            return None;
        }
        let mut out = Vec::new();
        let mut object = record::json::ObjectWriter::begin(&mut out);
        if let Some(s3) = self.s3 {
            object.text_if("SignatureVersion", s3.method.map(|_| "SigV4"));
            object.text_if("CipherSuite", self.tls.as_ref().map(|tls| tls.session.cipher_suite));
            object.raw("bytesTransferredIn", &outcome.bytes_in.to_string());
            object.text_if("AuthenticationMethod", s3.method);
            object.text("x-amz-id-2", &self.request_id);
            object.raw("bytesTransferredOut", &outcome.bytes_out.to_string());
        }
        for (name, value) in outcome.additional {
            object.text(name, value);
        }
        object.end();
        Some(String::from_utf8(out).expect("only text was written"))
    }
}

/// Who called, as the record of the caller's own account says it.
pub fn user_identity(caller: &Caller) -> UserIdentity<'_> {
    match caller {
        Caller::Root { account, access_key_id } => UserIdentity::Root {
            account_id: Cow::Borrowed(account),
            arn: Cow::Owned(format!("arn:aws:iam::{account}:root")),
            access_key_id: Some(Cow::Borrowed(access_key_id)),
            user_name: None,
            session: None,
            invoked_by: None,
        },
        Caller::User { account, user_id, user_name, arn, access_key_id } => UserIdentity::IamUser {
            principal_id: Cow::Borrowed(user_id),
            arn: Cow::Borrowed(arn),
            account_id: Cow::Borrowed(account),
            access_key_id: Some(Cow::Borrowed(access_key_id)),
            user_name: Cow::Borrowed(user_name),
            session: None,
            invoked_by: None,
        },
        Caller::Session(session) => of_session(session),
        Caller::External(external) => {
            let user = ExternalUser {
                principal_id: Cow::Owned(format!("{}:{}:{}", external.issuer, external.audience, external.subject)),
                user_name: Cow::Borrowed(&external.subject),
                identity_provider: Cow::Borrowed(&external.issuer),
            };
            if external.is_saml { UserIdentity::SamlUser(user) } else { UserIdentity::WebIdentityUser(user) }
        }
        Caller::Service { principal } => UserIdentity::AwsService { invoked_by: Cow::Borrowed(principal) },
        Caller::Anonymous => UserIdentity::AwsAccount { principal_id: "".into(), account_id: ANONYMOUS_ACCOUNT.into() },
        Caller::Unknown { access_key_id } => {
            UserIdentity::Unknown { account_id: None, access_key_id: access_key_id.as_deref().map(Cow::Borrowed) }
        }
    }
}

/// Who called, as another account is told: no more than which account and which identifier. Source: CloudTrail user guide, "CloudTrail
/// userIdentity element", AWSAccount.
fn to_others(caller: &Caller) -> UserIdentity<'_> {
    match (caller.account(), caller.principal_id()) {
        (Some(account), Some(id)) => {
            UserIdentity::AwsAccount { principal_id: Cow::Owned(id), account_id: Cow::Borrowed(account) }
        }
        _ => user_identity(caller),
    }
}

/// Who holds temporary credentials. Source: CloudTrail user guide, "CloudTrail userIdentity element", sessionContext.
pub fn of_session(session: &Session) -> UserIdentity<'_> {
    let account_id = Cow::Borrowed(&*session.account);
    let access_key_id = Some(Cow::Borrowed(&*session.access_key_id));
    let arn = Cow::Owned(session.arn());
    let issuer = |kind: &'static str, id, arn, name| SessionIssuer {
        kind: kind.into(),
        principal_id: id,
        arn,
        account_id: Cow::Borrowed(&*session.account),
        user_name: name,
    };
    let context = |issuer| SessionContext {
        issuer,
        // Of SAML's word records say nothing here.
        web_id_federation: session.federation.as_ref().filter(|by| !by.is_saml()).map(|federation| WebIdFederation {
            federated_provider: Cow::Borrowed(&federation.provider),
            attributes_json: Cow::Owned(attributes_json(&federation.attributes)),
        }),
        creation_date: session.created,
        mfa_authenticated: session.mfa_at.is_some(),
        source_identity: session.source_identity.as_deref().map(Cow::Borrowed),
        ec2_role_delivery: None,
    };
    let principal_id = Cow::Owned(session.principal_id());
    match &session.holder {
        Holder::Root => UserIdentity::Root {
            account_id,
            arn,
            access_key_id,
            user_name: None,
            session: Some(context(None)),
            invoked_by: None,
        },
        Holder::User { name, .. } => UserIdentity::IamUser {
            principal_id,
            arn,
            account_id,
            access_key_id,
            user_name: Cow::Borrowed(name),
            session: Some(context(None)),
            invoked_by: None,
        },
        Holder::Role { id, name, arn: role, .. } => {
            let issuer = issuer("Role", Cow::Borrowed(id), Cow::Borrowed(role), Some(Cow::Borrowed(&**name)));
            let session = context(Some(issuer));
            UserIdentity::AssumedRole { principal_id, arn, account_id, access_key_id, session, invoked_by: None }
        }
        Holder::Federated { user, .. } => {
            let issuer = match user {
                Some((id, name, arn)) => {
                    issuer("IAMUser", Cow::Borrowed(&**id), Cow::Borrowed(&**arn), Some(Cow::Borrowed(&**name)))
                }
                None => {
                    let root = format!("arn:aws:iam::{}:root", session.account);
                    issuer("Root", Cow::Borrowed(&*session.account), Cow::Owned(root), None)
                }
            };
            let session = context(Some(issuer));
            UserIdentity::FederatedUser { principal_id, arn, account_id, access_key_id, session }
        }
    }
}

fn attributes_json(attributes: &[(String, String)]) -> String {
    let attributes = attributes.iter().map(|(name, value)| (name.clone(), serde_json::Value::from(value.as_str())));
    serde_json::Value::Object(attributes.collect()).to_string()
}

/// `responseElements` of a call that writes or gives credentials; `None` for other reads and for S3, whose records have them only for a few
/// calls.
pub fn response_json(model: &Model, operation: &model::Operation, kind: &EventKind, output: &Fields) -> Option<String> {
    // What tells which session the calls of a key belong to. Source: IAM user guide, "Logging IAM and AWS STS API calls with AWS CloudTrail".
    let gives_credentials = &*model.name == "sts" && output.get("Credentials").is_some();
    if kind.read_only && !gives_credentials {
        return None;
    }
    let mut out = Vec::new();
    params::write_response(&mut out, model, operation, output);
    Some(String::from_utf8(out).expect("only text was written")).filter(|text| text != "null")
}
