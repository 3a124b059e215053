//! How many calls one caller may make, and what is kept of those that were too many. A bucket of tokens for each subject; memory
//! is bounded by forgetting the subjects that were not seen for longest (whose buckets are full again by then).
//! What a flood leaves behind is bounded too: see docs/adr/0013.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use base::Timestamp;
use ports::Caller;

/// So many calls a second in the long run, and so many at once after a quiet time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Tokens that come back each second.
    pub per_sec: u32,
    /// The most tokens there are.
    pub burst: u32,
}

/// Subjects remembered, in each of two generations.
const SUBJECTS_MAX: usize = 8192;
/// Subjects whose throttled calls are counted one by one between two summaries; the others are counted together.
const SUMMARIES_MAX: usize = 100;
/// Throttled calls that get a record of their own, for each subject. The rest is in the summary.
const RECORDED: Rate = Rate { per_sec: 1, burst: 10 };

/// Who is limited.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Subject {
    /// Somebody who is known, by principal.
    Caller(Arc<str>),
    /// Whoever calls from there: an IPv4 address, or the first half of an IPv6 address, which is what one subscriber has.
    Address(IpAddr),
    /// All who are not known, together.
    Strangers,
}

/// The address that counts, from the text of one.
fn address(source_ip: &str) -> Subject {
    match source_ip.parse() {
        Ok(IpAddr::V6(ip)) => {
            let half = u128::from(ip) & !u128::from(u64::MAX);
            Subject::Address(IpAddr::V6(half.into()))
        }
        Ok(ip) => Subject::Address(ip),
        Err(_) => Subject::Strangers,
    }
}

impl Subject {
    /// Of a caller: the principal, or the address of somebody who is none.
    pub(crate) fn of(caller: &Caller, source_ip: &str) -> Subject {
        match (caller, caller.principal_id()) {
            (Caller::Service { principal }, _) => Subject::Caller(Arc::clone(principal)),
            (_, Some(principal)) => Subject::Caller(Arc::from(principal.as_str())),
            (_, None) => address(source_ip),
        }
    }
}

/// Tokens are counted in thousandths.
const TOKEN: u64 = 1000;

#[derive(Clone, Copy)]
struct Bucket {
    thousandths: u64,
    at_ms: u64,
}

/// Buckets of one rate.
struct Buckets {
    rate: Rate,
    young: HashMap<Subject, Bucket>,
    old: HashMap<Subject, Bucket>,
}

impl Buckets {
    fn new(rate: Rate) -> Buckets {
        Buckets { rate, young: HashMap::new(), old: HashMap::new() }
    }

    /// The bucket as it is now.
    fn get(&mut self, subject: &Subject, now_ms: u64) -> Bucket {
        let full = u64::from(self.rate.burst) * TOKEN;
        let found = self.young.get(subject).or_else(|| self.old.get(subject));
        let Some(bucket) = found else { return Bucket { thousandths: full, at_ms: now_ms } };
        // A token is 1,000 thousandths and a second 1,000 ms: what comes back in a millisecond is the rate itself.
        let back = now_ms.saturating_sub(bucket.at_ms).saturating_mul(u64::from(self.rate.per_sec));
        Bucket { thousandths: bucket.thousandths.saturating_add(back).min(full), at_ms: now_ms }
    }

    fn put(&mut self, subject: &Subject, bucket: Bucket) {
        if let Some(there) = self.young.get_mut(subject) {
            *there = bucket;
            return;
        }
        if self.young.len() >= SUBJECTS_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(subject);
        self.young.insert(subject.clone(), bucket);
    }

    /// Takes a token, if there is one.
    fn take(&mut self, subject: &Subject, now_ms: u64) -> bool {
        let mut bucket = self.get(subject, now_ms);
        let is_there = bucket.thousandths >= TOKEN;
        if is_there {
            bucket.thousandths -= TOKEN;
        }
        self.put(subject, bucket);
        is_there
    }

    fn has(&mut self, subject: &Subject, now_ms: u64) -> bool {
        self.get(subject, now_ms).thousandths >= TOKEN
    }
}

/// Throttled calls of one subject that have no record of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    pub caller: Caller,
    pub source_ip: Arc<str>,
    pub calls: u64,
    pub first: Timestamp,
    pub last: Timestamp,
}

/// See the module.
pub(crate) struct Throttle(Mutex<Inner>);

struct Inner {
    callers: Option<Buckets>,
    strangers: Buckets,
    all_strangers: Buckets,
    recorded: Buckets,
    summaries: BTreeMap<Subject, Summary>,
    throttled: [u64; 2],
    unrecorded: u64,
}

/// What was counted: throttled calls of callers and of strangers, and how many of both have no record of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub callers: u64,
    pub strangers: u64,
    pub summed: u64,
}

impl Throttle {
    /// Callers are not limited if `callers` is `None`; strangers always are: each address, and all together.
    pub(crate) fn new(callers: Option<Rate>, address: Rate, strangers: Rate) -> Throttle {
        Throttle(Mutex::new(Inner {
            callers: callers.map(Buckets::new),
            strangers: Buckets::new(address),
            all_strangers: Buckets::new(strangers),
            recorded: Buckets::new(RECORDED),
            summaries: BTreeMap::new(),
            throttled: [0; 2],
            unrecorded: 0,
        }))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().expect("no holder of this lock can panic")
    }

    /// Whether this caller may make a call now.
    pub(crate) fn admits(&self, caller: &Caller, source_ip: &str, now_ms: u64) -> bool {
        let mut inner = self.lock();
        let Some(callers) = &mut inner.callers else { return true };
        callers.take(&Subject::of(caller, source_ip), now_ms)
    }

    /// Whether a stranger at this address may still fail.
    pub(crate) fn hears(&self, source_ip: &str, now_ms: u64) -> bool {
        let mut inner = self.lock();
        inner.strangers.has(&address(source_ip), now_ms) && inner.all_strangers.has(&Subject::Strangers, now_ms)
    }

    /// Counts a stranger's failure; false if there were too many.
    pub(crate) fn failed(&self, source_ip: &str, now_ms: u64) -> bool {
        let mut inner = self.lock();
        inner.strangers.take(&address(source_ip), now_ms) && inner.all_strangers.take(&Subject::Strangers, now_ms)
    }

    /// Counts a throttled call. True if it is to have a record of its own; otherwise the next summary has it.
    pub(crate) fn refused(&self, caller: &Caller, source_ip: &Arc<str>, time: Timestamp, now_ms: u64) -> bool {
        let mut inner = self.lock();
        let subject = Subject::of(caller, source_ip);
        let is_known = matches!(subject, Subject::Caller(_));
        inner.throttled[usize::from(!is_known)] += 1;
        // Of strangers only sums are kept: they can have any number of addresses.
        if is_known && inner.recorded.take(&subject, now_ms) {
            return true;
        }
        inner.unrecorded += 1;
        let is_listed = inner.summaries.contains_key(&subject) || inner.summaries.len() < SUMMARIES_MAX;
        let (subject, source_ip) =
            if is_listed { (subject, Arc::clone(source_ip)) } else { (Subject::Strangers, Arc::from("unknown")) };
        let caller = match (&subject, caller) {
            // Which key a stranger names proves nothing, and differs from call to call.
            (Subject::Caller(_), caller) => caller.clone(),
            _ => Caller::Unknown { access_key_id: None },
        };
        let new = Summary { caller, source_ip, calls: 0, first: time, last: time };
        let summary = inner.summaries.entry(subject).or_insert(new);
        summary.calls += 1;
        summary.last = summary.last.max(time);
        false
    }

    /// What has been summed up since the last time, in the order of subjects.
    pub(crate) fn take_summaries(&self) -> Vec<Summary> {
        std::mem::take(&mut self.lock().summaries).into_values().collect()
    }

    /// Puts back what could not be written.
    pub(crate) fn put_back(&self, summary: Summary) {
        let subject = Subject::of(&summary.caller, &summary.source_ip);
        let mut inner = self.lock();
        let there = inner.summaries.entry(subject).or_insert(Summary { calls: 0, ..summary.clone() });
        there.calls += summary.calls;
        there.first = there.first.min(summary.first);
        there.last = there.last.max(summary.last);
    }

    /// See [`Counted`].
    pub(crate) fn counted(&self) -> Counted {
        let inner = self.lock();
        Counted { callers: inner.throttled[0], strangers: inner.throttled[1], summed: inner.unrecorded }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: Rate = Rate { per_sec: 2, burst: 3 };
    const MANY: Rate = Rate { per_sec: 1000, burst: 1000 };

    fn user(id: &str) -> Caller {
        Caller::User {
            account: "1".into(),
            user_id: id.into(),
            user_name: "n".into(),
            arn: "a".into(),
            access_key_id: "k".into(),
        }
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let throttle = Throttle::new(Some(SLOW), MANY, MANY);
        let passed = |now_ms| (0..10).filter(|_| throttle.admits(&user("a"), "1.1.1.1", now_ms)).count();
        assert_eq!(passed(0), 3);
        assert_eq!(passed(499), 0);
        assert_eq!(passed(1000), 2);
        assert_eq!(passed(60_000), 3, "no more than a burst comes back");
        assert!(throttle.admits(&user("b"), "1.1.1.1", 60_000), "another caller has tokens of its own");
    }

    #[test]
    fn without_a_rate_callers_are_not_limited() {
        let throttle = Throttle::new(None, SLOW, MANY);
        assert!((0..1000).all(|_| throttle.admits(&user("a"), "1.1.1.1", 0)));
    }

    #[test]
    fn a_guesser_is_limited_by_address_and_an_ipv6_subscriber_has_one() {
        let throttle = Throttle::new(None, SLOW, MANY);
        assert_eq!((0..10).filter(|_| throttle.failed("2001:db8::1", 0)).count(), 3);
        assert!(!throttle.hears("2001:db8::ffff", 0));
        assert!(throttle.hears("2001:db8:0:1::1", 0));
        assert!(throttle.hears("1.1.1.1", 0));
    }

    #[test]
    fn all_strangers_together_are_limited_too() {
        let throttle = Throttle::new(None, MANY, SLOW);
        let passed = (0..10).filter(|n| throttle.failed(&format!("1.1.1.{n}"), 0)).count();
        assert_eq!(passed, 3);
    }

    #[test]
    fn memory_is_bounded_and_a_busy_subject_is_not_forgotten() {
        let throttle = Throttle::new(Some(SLOW), MANY, MANY);
        for n in 0..3 * SUBJECTS_MAX {
            throttle.admits(&user(&n.to_string()), "", 0);
            throttle.admits(&user("busy"), "", 0);
        }
        let inner = throttle.lock();
        let callers = inner.callers.as_ref().unwrap();
        assert!(callers.young.len() <= SUBJECTS_MAX && callers.old.len() <= SUBJECTS_MAX);
        drop(inner);
        assert!(!throttle.admits(&user("busy"), "", 0));
    }

    #[test]
    fn a_flood_leaves_some_records_and_one_sum() {
        let throttle = Throttle::new(Some(SLOW), MANY, MANY);
        let ip: Arc<str> = Arc::from("1.1.1.1");
        let own = (0..100).filter(|n| throttle.refused(&user("a"), &ip, Timestamp::from_ms(*n), 0)).count();
        assert_eq!(own, 10);
        for n in 0..100_000_u32 {
            let ip: Arc<str> = Arc::from(std::net::Ipv4Addr::from(n).to_string());
            assert!(!throttle.refused(&Caller::Anonymous, &ip, Timestamp::from_ms(5), 0));
        }
        let summaries = throttle.take_summaries();
        assert!(summaries.len() <= SUMMARIES_MAX + 1, "{}", summaries.len());
        assert_eq!(summaries.iter().map(|summary| summary.calls).sum::<u64>(), 100_090);
        assert_eq!((summaries[0].calls, summaries[0].first.ms(), summaries[0].last.ms()), (90, 10, 99));
        assert!(throttle.take_summaries().is_empty());
        assert_eq!(throttle.counted(), Counted { callers: 100, strangers: 100_000, summed: 100_090 });
    }
}
