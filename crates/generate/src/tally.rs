//! Counts for one region and day, by number where that is quicker than by name; a [`Summary`] in the end.

use record::{EventCategory, EventRecord, UserIdentity};

use crate::summary::{Summary, count};

/// What sort of identity each number is.
const KINDS: [&str; 8] =
    ["Root", "IAMUser", "AssumedRole", "AWSService", "AWSAccount", "WebIdentityUser", "SAMLUser", "Unknown"];

/// See the module.
pub(crate) struct Tally {
    pub(crate) summary: Summary,
    kinds: [u64; KINDS.len()],
    /// By operation's number.
    events: Vec<u64>,
}

fn kind(identity: &UserIdentity<'_>) -> usize {
    match identity {
        UserIdentity::Root { .. } => 0,
        UserIdentity::IamUser { .. } => 1,
        UserIdentity::AssumedRole { .. } => 2,
        UserIdentity::AwsService { .. } => 3,
        UserIdentity::AwsAccount { .. } => 4,
        UserIdentity::WebIdentityUser(_) => 5,
        UserIdentity::SamlUser(_) => 6,
        UserIdentity::FederatedUser { .. }
        | UserIdentity::AwsInternal { .. }
        | UserIdentity::SigningIn(_)
        | UserIdentity::Unknown { .. } => 7,
    }
}

/// Whether an error's code says that something is not allowed.
pub(crate) fn is_denial(code: &str) -> bool {
    matches!(code, "AccessDenied" | "AccessDeniedException" | "Client.UnauthorizedOperation")
}

impl Tally {
    pub(crate) fn new(events: usize) -> Tally {
        Tally { summary: Summary::default(), kinds: [0; KINDS.len()], events: vec![0; events] }
    }

    /// Counts a record, of the operation with this number or of another one.
    pub(crate) fn add(&mut self, record: &EventRecord<'_>, event: Option<usize>, bucket: Option<&str>) {
        let summary = &mut self.summary;
        summary.records += 1;
        self.kinds[kind(&record.user_identity)] += 1;
        match event {
            Some(event) => self.events[event] += 1,
            None => {
                count(&mut summary.by_source, &record.event_source, 1);
                count(&mut summary.by_event, &record.event_name, 1);
            }
        }
        match &record.user_identity {
            UserIdentity::IamUser { user_name, .. } => count(&mut summary.by_user, user_name, 1),
            UserIdentity::AssumedRole { session, .. } => {
                if let Some(name) = session.issuer.as_ref().and_then(|issuer| issuer.user_name.as_deref()) {
                    count(&mut summary.by_role, name, 1);
                }
            }
            _ => {}
        }
        if let Some(code) = &record.error_code {
            count(&mut summary.by_error, code, 1);
            if is_denial(code) {
                count(&mut summary.denied_by_address, &record.source_ip_address, 1);
            }
        }
        if let Some(tls) = &record.tls_details {
            count(&mut summary.by_tls, &tls.version, 1);
        }
        if let Some(bucket) = bucket {
            count(&mut summary.by_bucket, bucket, 1);
        }
        summary.read_only += u64::from(record.read_only);
        summary.data_events += u64::from(record.event_category == EventCategory::Data);
    }

    /// The end: names for numbers.
    pub(crate) fn finish(mut self, names: impl Iterator<Item = (String, &'static str)>) -> Summary {
        for ((source, name), times) in names.zip(self.events) {
            count(&mut self.summary.by_source, &source, times);
            count(&mut self.summary.by_event, name, times);
        }
        for (kind, times) in KINDS.into_iter().zip(self.kinds) {
            count(&mut self.summary.by_identity, kind, times);
        }
        self.summary
    }
}
