//! Passwords: what they must be like, and how they are kept. A password never leaves this module: what is kept is a hash that takes long and
//! much memory to make (Argon2id, RFC 9106), and who guesses learns nothing from the time it takes.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use base::Rng;
use serde::{Deserialize, Serialize};
use service::ApiError;
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use crate::Error;

/// What passwords must be like. Source: IAM user guide, "Set an account password policy for IAM users".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordPolicy {
    /// The fewest characters.
    pub length_min: u32,
    /// One of [`SYMBOLS`].
    pub symbols: bool,
    /// A digit.
    pub numbers: bool,
    /// A letter from A to Z.
    pub uppercase: bool,
    /// A letter from a to z.
    pub lowercase: bool,
    /// Whether users may change their own.
    pub change_allowed: bool,
    /// After how many days another must be chosen.
    pub age_days_max: Option<u32>,
    /// How many of the passwords before may not be chosen again.
    pub reuse_prevented: Option<u32>,
    /// Whether an expired password can be changed by an administrator only.
    pub hard_expiry: Option<bool>,
}

/// What counts as a symbol. Source: IAM API reference, UpdateAccountPasswordPolicy.
const SYMBOLS: &str = "!@#$%^&*()_+-=[]{}|'";
/// The fewest characters where the customer says nothing. Source: IAM user guide, "Default password policy".
const LENGTH_DEFAULT: usize = 8;
/// How many kinds of characters there must be where the customer says nothing.
const KINDS_DEFAULT: usize = 3;
/// Passwords remembered of each user: what `PasswordReusePrevention` can be at most.
pub const REMEMBERED_MAX: usize = 24;

/// Refuses a password that is not as it must be. `names` are texts that it must not equal.
pub fn check(policy: Option<&PasswordPolicy>, password: &str, names: &[&str]) -> Result<(), Error> {
    let violation = |text: &str| Err(Error::PasswordPolicyViolation(text.to_owned()));
    let has = |of: fn(char) -> bool| password.chars().any(of);
    let upper = has(|c| c.is_ascii_uppercase());
    let lower = has(|c| c.is_ascii_lowercase());
    let number = has(|c| c.is_ascii_digit());
    let symbol = has(|c| SYMBOLS.contains(c));
    let length = password.chars().count();
    let Some(policy) = policy else {
        let kinds = [upper, lower, number, symbol].into_iter().filter(|is| *is).count();
        if length < LENGTH_DEFAULT {
            return Err(Error::PasswordPolicyViolation(format!(
                "Password should have a minimum length of {LENGTH_DEFAULT}"
            )));
        }
        if kinds < KINDS_DEFAULT || names.iter().any(|name| name.eq_ignore_ascii_case(password)) {
            return violation("Password does not conform to the account password policy.");
        }
        return Ok(());
    };
    if length < usize::try_from(policy.length_min).unwrap_or(usize::MAX) {
        let text = format!("Password should have a minimum length of {}", policy.length_min);
        return Err(Error::PasswordPolicyViolation(text));
    }
    if policy.uppercase && !upper {
        return violation("Password should have at least one uppercase letter");
    }
    if policy.lowercase && !lower {
        return violation("Password should have at least one lowercase letter");
    }
    if policy.numbers && !number {
        return violation("Password should have at least one number");
    }
    if policy.symbols && !symbol {
        return violation("Password should have at least one symbol");
    }
    Ok(())
}

/// Memory, rounds and lanes of Argon2id. Source: OWASP, "Password Storage Cheat Sheet".
const MEMORY_KIB: u32 = 19_456;
const ROUNDS: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// Makes and compares hashes, a few at a time: each takes memory, and signing in needs no permission.
pub struct Hasher {
    turns: Arc<Semaphore>,
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hasher").finish_non_exhaustive()
    }
}

impl Default for Hasher {
    fn default() -> Hasher {
        // 40 MiB at most.
        Hasher { turns: Arc::new(Semaphore::new(2)) }
    }
}

impl Hasher {
    /// The hash of a password, with its salt and method.
    pub async fn hash(&self, rng: &dyn Rng, password: &str) -> Result<String, ApiError> {
        let mut salt = [0; SALT_BYTES];
        rng.fill(&mut salt);
        let hash = self.run(password, salt.to_vec(), (MEMORY_KIB, ROUNDS, LANES)).await?;
        let (salt, hash) = (base::ids::hex(&salt), base::ids::hex(&hash));
        Ok(format!("argon2id:{MEMORY_KIB}:{ROUNDS}:{LANES}:{salt}:{hash}"))
    }

    /// Whether a hash is this password's. Without a hash the answer is no, and takes as long.
    pub async fn is_right(&self, hash: Option<&str>, password: &str) -> Result<bool, ApiError> {
        let known = hash.and_then(Parsed::read);
        let stored = known.unwrap_or_else(Parsed::nobody);
        let made = self.run(password, stored.salt, stored.cost).await?;
        Ok(bool::from(made.ct_eq(&stored.hash)) && hash.is_some())
    }

    async fn run(&self, password: &str, salt: Vec<u8>, cost: (u32, u32, u32)) -> Result<Vec<u8>, ApiError> {
        let _turn = self.turns.acquire().await.map_err(ApiError::internal)?;
        let password = password.to_owned();
        let work = move || {
            let params = Params::new(cost.0, cost.1, cost.2, Some(HASH_BYTES))?;
            let mut hash = vec![0; HASH_BYTES];
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(
                password.as_bytes(),
                &salt,
                &mut hash,
            )?;
            Ok::<_, argon2::Error>(hash)
        };
        let made = worker::blocking(work).await.map_err(ApiError::internal)?;
        made.map_err(ApiError::internal)
    }
}

struct Parsed {
    cost: (u32, u32, u32),
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Parsed {
    fn read(text: &str) -> Option<Parsed> {
        let mut parts = text.split(':');
        if parts.next() != Some("argon2id") {
            return None;
        }
        let mut number = || parts.next()?.parse().ok();
        let cost = (number()?, number()?, number()?);
        let salt = base::ids::unhex(parts.next()?)?;
        let hash = base::ids::unhex(parts.next()?)?;
        Some(Parsed { cost, salt, hash })
    }

    /// Of no password.
    fn nobody() -> Parsed {
        Parsed { cost: (MEMORY_KIB, ROUNDS, LANES), salt: vec![0; SALT_BYTES], hash: vec![0; HASH_BYTES] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: PasswordPolicy = PasswordPolicy {
        length_min: 10,
        symbols: true,
        numbers: true,
        uppercase: true,
        lowercase: true,
        change_allowed: true,
        age_days_max: None,
        reuse_prevented: None,
        hard_expiry: None,
    };

    #[test]
    fn passwords_are_as_the_policy_says() {
        for (policy, password, refused) in [
            (None, "Sh0rt!", Some("Password should have a minimum length of 8")),
            (None, "alllowercase", Some("Password does not conform to the account password policy.")),
            (None, "alice-Secret1", None),
            (None, "Secret-1", Some("Password does not conform to the account password policy.")),
            (Some(&STRICT), "Aa1!", Some("Password should have a minimum length of 10")),
            (Some(&STRICT), "aaaaaaaa1!", Some("Password should have at least one uppercase letter")),
            (Some(&STRICT), "AAAAAAAA1!", Some("Password should have at least one lowercase letter")),
            (Some(&STRICT), "AAAAaaaaa!", Some("Password should have at least one number")),
            (Some(&STRICT), "AAAAaaaaa1", Some("Password should have at least one symbol")),
            (Some(&STRICT), "AAAAaaaa1!", None),
        ] {
            let answer = check(policy, password, &["secret-1"]).err().map(|error| error.to_string());
            assert_eq!(answer.as_deref(), refused, "{password}");
        }
    }

    #[tokio::test]
    async fn a_hash_is_one_passwords_and_no_others() {
        let (env, hasher) = (testkit::env(testkit::ManualClock::at(base::Timestamp::EPOCH), 1), Hasher::default());
        let one = hasher.hash(&*env.rng, "one").await.unwrap();
        let again = hasher.hash(&*env.rng, "one").await.unwrap();
        assert_ne!(one, again, "salted");
        for (hash, password, right) in [(Some(&one), "one", true), (Some(&one), "two", false), (None, "one", false)] {
            assert_eq!(hasher.is_right(hash.map(String::as_str), password).await.unwrap(), right, "{password}");
        }
        assert!(!hasher.is_right(Some("broken"), "").await.unwrap());
    }
}
