//! What was generated, counted while it is: the answers that queries over it have to give.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::attack::AttackStep;

/// How often each of some texts occurs.
pub type Counts = BTreeMap<String, u64>;

/// Sign-ins to the console (`ConsoleLogin`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Logins {
    /// Succeeded, `MFAUsed` is `Yes`.
    pub with_mfa: u64,
    /// Succeeded, `MFAUsed` is `No`: a user's or the root's.
    pub without_mfa: u64,
    /// Succeeded by way of an identity provider: a role's session, `MFAUsed` is `No` whatever happened there.
    pub federated: u64,
    /// Failed.
    pub failed: u64,
}

/// See the module. Records that share an identifier with another one are counted each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Records.
    pub records: u64,
    /// Log files.
    pub files: u64,
    /// Digests.
    pub digests: u64,
    /// What the log files take inflated.
    pub json_bytes: u64,
    /// What they take as they lie there.
    pub gzip_bytes: u64,
    /// The time of the oldest event.
    pub first_event: Option<String>,
    /// The time of the newest event.
    pub last_event: Option<String>,
    /// Records per `recipientAccountId`.
    pub by_account: Counts,
    /// Records per `awsRegion`.
    pub by_region: Counts,
    /// Records per day, `2025-01-31`.
    pub by_day: Counts,
    /// Records per hour of the day in UTC, `00` to `23`.
    pub by_hour: Counts,
    /// Records per `eventSource`.
    pub by_source: Counts,
    /// Records per `eventName`.
    pub by_event: Counts,
    /// Records per `errorCode`, of those that have one.
    pub by_error: Counts,
    /// Records per `userIdentity.type`.
    pub by_identity: Counts,
    /// Records per `userIdentity.userName`, of type `IAMUser`.
    pub by_user: Counts,
    /// Records per `userIdentity.sessionContext.sessionIssuer.userName`.
    pub by_role: Counts,
    /// Records per `tlsDetails.tlsVersion`, of those that have one.
    pub by_tls: Counts,
    /// Records per `requestParameters.bucketName`, of those that have one.
    pub by_bucket: Counts,
    /// Records per `sourceIPAddress` whose `errorCode` says that something is not allowed.
    pub denied_by_address: Counts,
    /// Sign-ins to the console.
    pub logins: Logins,
    /// Records whose `readOnly` is true.
    pub read_only: u64,
    /// Records whose `eventCategory` is `Data`.
    pub data_events: u64,
    /// Records that have the `eventID` of another one, and differ from it.
    pub with_shared_event_id: u64,
    /// The storyline's records, in their order.
    pub attack: Vec<AttackStep>,
}

/// Adds to a count.
pub(crate) fn count(counts: &mut Counts, what: &str, times: u64) {
    if times == 0 {
        return;
    }
    match counts.get_mut(what) {
        Some(count) => *count += times,
        None => {
            counts.insert(what.to_owned(), times);
        }
    }
}

impl Summary {
    /// Adds what another part of the same data has.
    pub fn add(&mut self, other: Summary) {
        self.records += other.records;
        self.files += other.files;
        self.digests += other.digests;
        self.json_bytes += other.json_bytes;
        self.gzip_bytes += other.gzip_bytes;
        // Of one form, so that text compares as time does.
        self.first_event = self.first_event.take().into_iter().chain(other.first_event).min();
        self.last_event = self.last_event.take().max(other.last_event);
        for (counts, others) in [
            (&mut self.by_account, other.by_account),
            (&mut self.by_region, other.by_region),
            (&mut self.by_day, other.by_day),
            (&mut self.by_hour, other.by_hour),
            (&mut self.by_source, other.by_source),
            (&mut self.by_event, other.by_event),
            (&mut self.by_error, other.by_error),
            (&mut self.by_identity, other.by_identity),
            (&mut self.by_user, other.by_user),
            (&mut self.by_role, other.by_role),
            (&mut self.by_tls, other.by_tls),
            (&mut self.by_bucket, other.by_bucket),
            (&mut self.denied_by_address, other.denied_by_address),
        ] {
            for (what, times) in others {
                count(counts, &what, times);
            }
        }
        self.logins.with_mfa += other.logins.with_mfa;
        self.logins.without_mfa += other.logins.without_mfa;
        self.logins.federated += other.logins.federated;
        self.logins.failed += other.logins.failed;
        self.read_only += other.read_only;
        self.data_events += other.data_events;
        self.with_shared_event_id += other.with_shared_event_id;
        self.attack.extend(other.attack);
        self.attack.sort_by_key(|step| step.number);
    }
}
