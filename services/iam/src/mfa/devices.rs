//! MFA devices: kept in `state`, answered from memory. A change is durable before memory shows it, so that a code counts once
//! whatever happens to the process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, RwLock};

use base::Timestamp;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use service::ApiError;
use state::{Expect, Op, State};

use super::totp;
use crate::Error;
use crate::tags::Tag;

const DEVICES: state::Table = "iam/mfa-devices";
/// Devices of an account. Source: IAM user guide, "IAM and AWS STS quotas": as many as users.
const DEVICES_MAX: usize = 5000;
/// Devices of one user, or of root. Source: the same.
const OWNER_DEVICES_MAX: usize = 8;
/// Steps before and after now whose codes are right, for clocks that do not go together.
const TOLERANCE_STEPS: i64 = 1;
/// The same where two codes in a row tell how far a clock is off: five minutes when a device is enabled.
const ENABLE_STEPS: i64 = 10;
/// An hour when it is synchronised again.
const RESYNC_STEPS: i64 = 120;
/// Wrong codes of a device in one step, before none is looked at until the next: so guessing takes years.
const FAILURES_MAX: u32 = 5;

/// Whose a device is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// The account's own.
    Root,
    /// Of the user with this identifier, `AIDA…`.
    User(String),
}

/// A device, as stored.
#[derive(Clone, Serialize, Deserialize)]
pub struct Device {
    /// The version of this document.
    pub v: u32,
    /// `arn:aws:iam::123456789012:mfa/name`.
    pub serial: String,
    /// Hexadecimal. Needed in clear: a code is checked by making it again.
    seed: String,
    /// In the order given.
    pub tags: Vec<Tag>,
    /// Whose it is, since it was enabled.
    pub owner: Option<Owner>,
    /// When that was.
    pub enabled: Option<Timestamp>,
    /// The last step whose code was used.
    last_step: Option<i64>,
    /// How many steps its clock is ahead of ours.
    drift: i64,
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device").field("serial", &self.serial).field("owner", &self.owner).finish_non_exhaustive()
    }
}

/// All devices.
pub struct Devices {
    state: Arc<dyn State>,
    /// By serial number, with the revisions of their rows.
    memory: RwLock<BTreeMap<String, (u64, Arc<Device>)>>,
    /// One change at a time, so that memory follows the order of commits.
    changes: tokio::sync::Mutex<()>,
    /// Wrong codes of the step that is now, by serial number.
    failures: Mutex<(i64, BTreeMap<String, u32>)>,
}

fn no_device(serial: &str) -> ApiError {
    Error::NoSuchEntity(format!("VirtualMFADevice with serial number {serial} does not exist.")).into()
}

fn wrong_code() -> ApiError {
    Error::InvalidAuthenticationCode.into()
}

impl Device {
    fn seed(&self) -> Vec<u8> {
        base::ids::unhex(&self.seed).unwrap_or_default()
    }

    /// Takes two codes in a row, of steps not too far from now, as a proof that the seed is in the device.
    fn synchronise(&mut self, first: &str, second: &str, now: i64, steps: i64) -> bool {
        let seed = self.seed();
        let follows = |step: i64| totp::is_code(&seed, step, first) && totp::is_code(&seed, step + 1, second);
        let fresh = |step: i64| self.last_step.is_none_or(|last| step > last);
        // The nearest first: chance makes the same codes again far away.
        let near = (0..=steps).flat_map(|off| [-off, off]).find(|off| fresh(now + off) && follows(now + off));
        let Some(off) = near.map(|off| off + 1) else { return false };
        self.last_step = Some(now + off);
        self.drift = if off.abs() > TOLERANCE_STEPS { off } else { 0 };
        true
    }

    /// Takes a code that was not used yet.
    fn take(&mut self, code: &str, now: i64) -> bool {
        let seed = self.seed();
        let centre = now + self.drift;
        let right = (centre - TOLERANCE_STEPS..=centre + TOLERANCE_STEPS)
            .filter(|step| self.last_step.is_none_or(|last| *step > last))
            .find(|step| totp::is_code(&seed, *step, code));
        self.last_step = right.or(self.last_step);
        right.is_some()
    }
}

impl Devices {
    /// Opens the devices over their table.
    pub async fn open(state: Arc<dyn State>) -> Result<Devices, state::Error> {
        let mut memory = BTreeMap::new();
        state::scan_all(&*state, DEVICES, state::Range::all(), |row| {
            let device: Device = serde_json::from_slice(&row.value)
                .map_err(|error| state::Error::Document { table: DEVICES, source: Arc::new(error) })?;
            memory.insert(device.serial.clone(), (row.rev, Arc::new(device)));
            Ok::<_, state::Error>(true)
        })
        .await?;
        let (memory, failures) = (RwLock::new(memory), Mutex::default());
        Ok(Devices { state, memory, changes: tokio::sync::Mutex::new(()), failures })
    }

    /// All devices, by serial number.
    pub fn all(&self) -> Vec<Arc<Device>> {
        let memory = self.memory.read().expect("no holder of this lock can panic");
        memory.values().map(|(_, device)| Arc::clone(device)).collect()
    }

    /// The devices of one owner, by serial number.
    pub fn of(&self, owner: &Owner) -> Vec<Arc<Device>> {
        self.all().into_iter().filter(|device| device.owner.as_ref() == Some(owner)).collect()
    }

    /// Makes a device that nobody has yet. Returns when it is durable.
    pub async fn create(&self, serial: &str, seed: &[u8], tags: Vec<Tag>) -> Result<Arc<Device>, ApiError> {
        let _turn = self.changes.lock().await;
        if self.find(serial).is_some() {
            let text = "MFADevice entity at the same path and name already exists.";
            return Err(Error::EntityAlreadyExists(text.into()).into());
        }
        if self.all().len() >= DEVICES_MAX {
            return Err(
                Error::LimitExceeded(format!("Cannot exceed quota for MFADevicesPerAccount: {DEVICES_MAX}")).into()
            );
        }
        let device = Device {
            v: 1,
            serial: serial.to_owned(),
            seed: base::ids::hex(seed),
            tags,
            owner: None,
            enabled: None,
            last_step: None,
            drift: 0,
        };
        self.store(serial, None, Some(device.clone())).await?;
        Ok(Arc::new(device))
    }

    /// The device of this serial number.
    pub fn need(&self, serial: &str) -> Result<Arc<Device>, ApiError> {
        self.find(serial).map(|(_, device)| device).ok_or_else(|| no_device(serial))
    }

    /// Changes a device's tags. Returns when that is durable.
    pub async fn retag(
        &self,
        serial: &str,
        change: impl FnOnce(&[Tag]) -> Result<Vec<Tag>, Error>,
    ) -> Result<(), ApiError> {
        let _turn = self.changes.lock().await;
        let (rev, device) = self.find(serial).ok_or_else(|| no_device(serial))?;
        let mut device = Device::clone(&device);
        device.tags = change(&device.tags)?;
        self.store(serial, Some(rev), Some(device)).await
    }

    /// Removes a device that nobody has. Returns when that is durable.
    pub async fn delete(&self, serial: &str) -> Result<(), ApiError> {
        let _turn = self.changes.lock().await;
        let (rev, device) = self.find(serial).ok_or_else(|| no_device(serial))?;
        if device.owner.is_some() {
            return Err(Error::DeleteConflict("MFA VirtualDevice in use. Must deactivate first.".into()).into());
        }
        self.store(serial, Some(rev), None).await
    }

    /// Gives a device to somebody who shows two codes of it in a row. Returns when that is durable.
    pub async fn enable(
        &self,
        serial: &str,
        owner: Owner,
        codes: (&str, &str),
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let _turn = self.changes.lock().await;
        let (rev, device) = self.find(serial).ok_or_else(|| no_device(serial))?;
        if device.owner.is_some() {
            let text = format!("MFADevice entity with serial number {serial} is already in use.");
            return Err(Error::EntityAlreadyExists(text).into());
        }
        if self.of(&owner).len() >= OWNER_DEVICES_MAX {
            let text = format!("Cannot exceed quota for MFADevicesPerUser: {OWNER_DEVICES_MAX}");
            return Err(Error::LimitExceeded(text).into());
        }
        let mut device = Device::clone(&device);
        self.guess(serial, now, || device.synchronise(codes.0, codes.1, totp::step(now), ENABLE_STEPS))?;
        (device.owner, device.enabled) = (Some(owner), Some(now.trunc_secs()));
        self.store(serial, Some(rev), Some(device)).await
    }

    /// Takes a device from its owner. Returns when that is durable.
    pub async fn deactivate(&self, serial: &str, owner: &Owner) -> Result<(), ApiError> {
        let _turn = self.changes.lock().await;
        let (rev, mut device) = self.owned(serial, owner)?;
        (device.owner, device.enabled) = (None, None);
        self.store(serial, Some(rev), Some(device)).await
    }

    /// Learns from two codes in a row how far a device's clock is off. Returns when that is durable.
    pub async fn resync(
        &self,
        serial: &str,
        owner: &Owner,
        codes: (&str, &str),
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let _turn = self.changes.lock().await;
        let (rev, mut device) = self.owned(serial, owner)?;
        self.guess(serial, now, || device.synchronise(codes.0, codes.1, totp::step(now), RESYNC_STEPS))?;
        self.store(serial, Some(rev), Some(device)).await
    }

    /// Takes a code of somebody's device. Returns when it is durable that the code was used.
    pub async fn verify(&self, serial: &str, owner: &Owner, code: &str, now: Timestamp) -> Result<(), ApiError> {
        let _turn = self.changes.lock().await;
        let (rev, mut device) = self.owned(serial, owner)?;
        self.guess(serial, now, || device.take(code, totp::step(now)))?;
        self.store(serial, Some(rev), Some(device)).await
    }

    fn find(&self, serial: &str) -> Option<(u64, Arc<Device>)> {
        self.memory.read().expect("no holder of this lock can panic").get(serial).cloned()
    }

    fn owned(&self, serial: &str, owner: &Owner) -> Result<(u64, Device), ApiError> {
        let (rev, device) = self.find(serial).ok_or_else(|| no_device(serial))?;
        if device.owner.as_ref() != Some(owner) {
            return Err(Error::NoSuchEntity("MFA Device invalid for user.".into()).into());
        }
        Ok((rev, Device::clone(&device)))
    }

    /// Looks at codes, if there were not too many wrong ones lately.
    fn guess(&self, serial: &str, now: Timestamp, right: impl FnOnce() -> bool) -> Result<(), ApiError> {
        let step = totp::step(now);
        let mut failures = self.failures.lock().expect("no holder of this lock can panic");
        if failures.0 != step {
            *failures = (step, BTreeMap::new());
        }
        let known = failures.1.get(serial).copied().unwrap_or(0);
        if known < FAILURES_MAX && right() {
            return Ok(());
        }
        failures.1.insert(serial.to_owned(), known.saturating_add(1));
        Err(wrong_code())
    }

    /// Writes a device, or removes it, and shows that in memory.
    async fn store(&self, serial: &str, rev: Option<u64>, new: Option<Device>) -> Result<(), ApiError> {
        let (key, expect) = (state::key::key(&[serial]), Expect::from(rev));
        let op = match &new {
            Some(device) => {
                let value = Bytes::from(serde_json::to_vec(device).map_err(ApiError::internal)?);
                Op::Put { table: DEVICES, key, value, expect }
            }
            None => Op::Delete { table: DEVICES, key, expect },
        };
        let info = self.state.commit(vec![op]).await.map_err(|error| match error {
            state::Error::Conflict { .. } => Error::ConcurrentModification.into(),
            other => ApiError::unavailable(other),
        })?;
        let rev = info.revs.first().copied().unwrap_or_default();
        let mut memory = self.memory.write().expect("no holder of this lock can panic");
        match new {
            Some(device) => drop(memory.insert(serial.to_owned(), (rev, Arc::new(device)))),
            None => drop(memory.remove(serial)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &[u8] = b"12345678901234567890";
    const SERIAL: &str = "arn:aws:iam::123456789012:mfa/phone";
    const NOW: Timestamp = Timestamp::EPOCH;

    fn at(step: i64) -> Timestamp {
        NOW.plus_ms(step * 30_000 + 29_999)
    }

    fn code(step: i64) -> String {
        totp::code(SEED, step)
    }

    async fn made(state: &state::Memory) -> Devices {
        let devices = Devices::open(Arc::new(state.clone())).await.unwrap();
        devices.create(SERIAL, SEED, Vec::new()).await.unwrap();
        devices
    }

    async fn enabled(state: &state::Memory) -> Devices {
        let devices = made(state).await;
        devices.enable(SERIAL, Owner::Root, (&code(98), &code(99)), at(100)).await.unwrap();
        devices
    }

    fn status(result: Result<(), ApiError>) -> Result<(), String> {
        result.map_err(|error| error.code.into_owned())
    }

    const WRONG: &str = "InvalidAuthenticationCode";

    #[tokio::test]
    async fn a_device_is_enabled_by_two_codes_in_a_row() {
        let devices = made(&state::Memory::new()).await;
        let enable = async |first, second, now| {
            status(devices.enable(SERIAL, Owner::Root, (&code(first), &code(second)), at(now)).await)
        };
        assert_eq!(enable(100, 100, 100).await.unwrap_err(), WRONG);
        assert_eq!(enable(101, 100, 100).await.unwrap_err(), WRONG);
        assert_eq!(enable(50, 51, 100).await.unwrap_err(), WRONG);
        enable(99, 100, 100).await.unwrap();
        assert_eq!(enable(100, 101, 101).await.unwrap_err(), "EntityAlreadyExists");
        let user = Owner::User("AIDA".into());
        assert_eq!(status(devices.deactivate(SERIAL, &user).await).unwrap_err(), "NoSuchEntity");
        assert_eq!(status(devices.delete(SERIAL).await).unwrap_err(), "DeleteConflict");
        devices.deactivate(SERIAL, &Owner::Root).await.unwrap();
        devices.delete(SERIAL).await.unwrap();
        assert_eq!(status(devices.delete(SERIAL).await).unwrap_err(), "NoSuchEntity");
    }

    #[tokio::test]
    async fn a_code_counts_once_and_around_its_time() {
        let state = state::Memory::new();
        let devices = enabled(&state).await;
        let verify = async |devices: &Devices, step, now| {
            status(devices.verify(SERIAL, &Owner::Root, &code(step), at(now)).await)
        };
        // Used when the device was enabled.
        assert_eq!(verify(&devices, 99, 100).await.unwrap_err(), WRONG);
        verify(&devices, 100, 100).await.unwrap();
        assert_eq!(verify(&devices, 100, 100).await.unwrap_err(), WRONG);
        assert_eq!(verify(&devices, 102, 100).await.unwrap_err(), WRONG);
        verify(&devices, 101, 100).await.unwrap();
        // After a restart as well.
        let again = Devices::open(Arc::new(state.clone())).await.unwrap();
        assert_eq!(verify(&again, 101, 101).await.unwrap_err(), WRONG);
        assert_eq!(verify(&again, 102, 104).await.unwrap_err(), WRONG);
        verify(&again, 103, 104).await.unwrap();
        // Nobody else's.
        let user = Owner::User("AIDA".into());
        assert_eq!(status(again.verify(SERIAL, &user, &code(105), at(105)).await).unwrap_err(), "NoSuchEntity");
    }

    #[tokio::test]
    async fn guessing_is_slow() {
        let devices = enabled(&state::Memory::new()).await;
        for _ in 0..FAILURES_MAX {
            assert!(devices.verify(SERIAL, &Owner::Root, "000000", at(200)).await.is_err());
        }
        assert_eq!(status(devices.verify(SERIAL, &Owner::Root, &code(200), at(200)).await).unwrap_err(), WRONG);
        devices.verify(SERIAL, &Owner::Root, &code(201), at(201)).await.unwrap();
    }

    #[tokio::test]
    async fn a_clock_that_is_off_is_learned() {
        let devices = enabled(&state::Memory::new()).await;
        assert!(devices.verify(SERIAL, &Owner::Root, &code(250), at(200)).await.is_err());
        let far = devices.resync(SERIAL, &Owner::Root, (&code(450), &code(451)), at(200)).await;
        assert_eq!(status(far).unwrap_err(), WRONG);
        devices.resync(SERIAL, &Owner::Root, (&code(250), &code(251)), at(200)).await.unwrap();
        devices.verify(SERIAL, &Owner::Root, &code(260), at(209)).await.unwrap();
        assert!(devices.verify(SERIAL, &Owner::Root, &code(210), at(210)).await.is_err());
    }

    #[tokio::test]
    async fn seeds_are_not_shown() {
        let devices = enabled(&state::Memory::new()).await;
        assert!(!format!("{:?}", devices.all()).contains(&base::ids::hex(SEED)));
    }
}
