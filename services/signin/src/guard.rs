//! How often somebody may guess. Wrong passwords and codes cost a token, of the user's bucket and of the address's; with none left nothing
//! is looked at any more, and the answer is that of a wrong password. Tokens come back slowly. What is kept is bounded: who was not heard
//! of for longest is forgotten, and has a full bucket again by then.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

/// Wrong guesses for one user (or root of one account) at once, and the time in which one more may be made: about 5,800 a day. A user
/// whose name is guessed at is kept out for as long; that others can do this is the price.
const USER: Rate = Rate { burst: 20, one_per_ms: 15_000 };
/// The same of one address, whatever the users: several people may be behind it.
const ADDRESS: Rate = Rate { burst: 100, one_per_ms: 3_000 };
/// Subjects remembered, in each of two generations.
const SUBJECTS_MAX: usize = 8192;
/// The longest part of a name that tells subjects apart: names of users have 64 characters.
const NAME_CHARS_MAX: usize = 64;

#[derive(Clone, Copy)]
struct Rate {
    burst: u64,
    one_per_ms: u64,
}

/// See the module.
#[derive(Default)]
pub struct Guard(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    young: HashMap<String, Debt>,
    old: HashMap<String, Debt>,
}

/// What was guessed wrong and is not yet forgiven.
#[derive(Clone, Copy)]
struct Debt {
    ms: u64,
    at_ms: u64,
}

/// Who is guessed at, and from where.
#[derive(Clone)]
pub struct Subject {
    user: String,
    address: String,
}

impl Subject {
    /// A user of an account, whatever the case of the name (`""` for root), and the address of who tries.
    pub fn new(account: &str, user: &str, source_ip: &str) -> Subject {
        let user: String = user.chars().take(NAME_CHARS_MAX).flat_map(char::to_lowercase).collect();
        let address = match source_ip.parse() {
            // The first half is what one subscriber has.
            Ok(IpAddr::V6(ip)) => IpAddr::V6((u128::from(ip) & !u128::from(u64::MAX)).into()).to_string(),
            _ => source_ip.to_owned(),
        };
        Subject { user: format!("user {account} {user}"), address: format!("address {address}") }
    }

    fn parts(&self) -> [(&str, Rate); 2] {
        [(&self.user, USER), (&self.address, ADDRESS)]
    }
}

impl Inner {
    fn debt(&self, key: &str, now_ms: u64) -> u64 {
        let found = self.young.get(key).or_else(|| self.old.get(key));
        found.map_or(0, |debt| debt.ms.saturating_sub(now_ms.saturating_sub(debt.at_ms)))
    }

    fn set(&mut self, key: &str, debt: Debt) {
        if self.young.len() >= SUBJECTS_MAX && !self.young.contains_key(key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(key);
        self.young.insert(key.to_owned(), debt);
    }
}

impl Guard {
    /// Whether a guess may be looked at.
    pub fn hears(&self, subject: &Subject, now_ms: u64) -> bool {
        let inner = self.0.lock().expect("no holder of this lock can panic");
        subject
            .parts()
            .iter()
            .all(|(key, rate)| inner.debt(key, now_ms) + rate.one_per_ms <= rate.burst * rate.one_per_ms)
    }

    /// Counts a wrong guess.
    pub fn failed(&self, subject: &Subject, now_ms: u64) {
        let mut inner = self.0.lock().expect("no holder of this lock can panic");
        for (key, rate) in subject.parts() {
            let ms = (inner.debt(key, now_ms) + rate.one_per_ms).min(rate.burst * rate.one_per_ms);
            inner.set(key, Debt { ms, at_ms: now_ms });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guesses(guard: &Guard, subject: &Subject, now_ms: u64) -> usize {
        (0..1000).take_while(|_| guard.hears(subject, now_ms)).inspect(|_| guard.failed(subject, now_ms)).count()
    }

    #[test]
    fn guesses_at_a_user_run_out_and_come_back_slowly() {
        let guard = Guard::default();
        let alice = Subject::new("1", "Alice", "192.0.2.1");
        assert_eq!(guesses(&guard, &alice, 0), 20);
        assert_eq!(guesses(&guard, &Subject::new("1", "aLICE", "192.0.2.2"), 0), 0);
        assert_eq!(guesses(&guard, &Subject::new("2", "alice", "192.0.2.2"), 0), 20);
        assert_eq!(guesses(&guard, &alice, 14_999), 0);
        assert_eq!(guesses(&guard, &alice, 30_000), 2);
        assert_eq!(guesses(&guard, &alice, 10_000_000), 20);
    }

    #[test]
    fn guesses_from_an_address_run_out_whatever_the_names() {
        let guard = Guard::default();
        let tried: usize = (0..50).map(|n| guesses(&guard, &Subject::new("1", &n.to_string(), "2001:db8::1"), 0)).sum();
        assert_eq!(tried, 100);
        assert_eq!(guesses(&guard, &Subject::new("1", "other", "2001:db8::2"), 0), 0);
        assert_eq!(guesses(&guard, &Subject::new("1", "other", "2001:db8:0:1::2"), 0), 20);
    }

    #[test]
    fn memory_is_bounded() {
        let guard = Guard::default();
        for n in 0..3 * SUBJECTS_MAX {
            guard.failed(&Subject::new("1", &n.to_string(), &n.to_string()), 0);
        }
        let inner = guard.0.lock().unwrap();
        assert!(inner.young.len() <= SUBJECTS_MAX && inner.old.len() <= SUBJECTS_MAX);
    }
}
