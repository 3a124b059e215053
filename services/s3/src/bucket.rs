//! Buckets: their names, what is kept of them, and how that is changed.

use base::{Region, Timestamp};
use serde::{Deserialize, Serialize};
use service::ApiError;
use state::{Expect, Op};

use crate::error::{Error, no_such_bucket, state_failed};
use crate::lock::ObjectLock;
use crate::settings::Settings;
use crate::{COMMIT_TRIES, S3, TABLE_BUCKETS, to_json};

/// Whether old versions are kept. A bucket that never had versioning has none of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Versioning {
    Enabled,
    Suspended,
}

impl Versioning {
    /// The name on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Versioning::Enabled => "Enabled",
            Versioning::Suspended => "Suspended",
        }
    }
}

/// What is kept of a bucket.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Bucket {
    /// Of this document.
    pub(crate) v: u8,
    pub(crate) name: String,
    pub(crate) region: Region,
    /// The account that owns it.
    pub(crate) account: String,
    pub(crate) created_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) versioning: Option<Versioning>,
    /// Byte for byte as it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Settings::is_default")]
    pub(crate) settings: Settings,
    /// It is being deleted: nothing can be written until that has come to an end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) deleting: bool,
    /// It keeps what is locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) object_lock: Option<ObjectLock>,
    /// Whether versions are removed only with a second factor; absent if nobody ever said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mfa_delete: Option<bool>,
    /// It has lifecycle rules: a number that is another whenever they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lifecycle: Option<u64>,
    /// Of the row that it was read from.
    #[serde(skip)]
    pub(crate) rev: u64,
}

impl Bucket {
    /// When it was made.
    pub(crate) fn created(&self) -> Timestamp {
        Timestamp::from_ms(self.created_ms).trunc_secs()
    }

    /// Its ARN.
    pub(crate) fn arn(&self) -> String {
        format!("arn:{}:s3:::{}", self.region.partition(), self.name)
    }

    /// Whether a version written with this lock of its own will be locked.
    pub(crate) fn locks(&self, own: &crate::lock::Lock) -> bool {
        !own.is_none() || self.object_lock.is_some_and(|lock| lock.default.is_some())
    }

    /// What a commit puts in front, so that it happens only if the bucket is still as it was read.
    pub(crate) fn unchanged(&self) -> Op {
        Op::Check { table: TABLE_BUCKETS, key: key(&self.name), expect: Expect::Rev(self.rev) }
    }

    /// Refuses writing into it while it is being deleted.
    pub(crate) fn writable(self) -> Result<Bucket, ApiError> {
        if self.deleting { Err(Error::OperationAborted.into()) } else { Ok(self) }
    }
}

/// The key of a bucket's row.
pub(crate) fn key(name: &str) -> Vec<u8> {
    state::key::key(&[name])
}

/// Whether a bucket may be called so. Source: S3 user guide, "General purpose bucket naming rules".
pub(crate) fn is_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let letter_or_digit = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| letter_or_digit(byte) || matches!(byte, b'.' | b'-'))
        && bytes.first().is_some_and(letter_or_digit)
        && bytes.last().is_some_and(letter_or_digit)
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err()
        && !["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|start| name.starts_with(start))
        && !["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"].iter().any(|end| name.ends_with(end))
}

impl S3 {
    /// The bucket of this name, if there is one.
    pub(crate) async fn find_bucket(&self, name: &str) -> Result<Option<Bucket>, ApiError> {
        let row = self.state.get(TABLE_BUCKETS, &key(name)).await.map_err(state_failed)?;
        match row.map(|row| read(&row)).transpose()? {
            Some(bucket) if bucket.deleting && self.has_failed_to_delete(name) => self.take_back_deletion(bucket).await,
            found => Ok(found),
        }
    }

    /// The bucket of this name; refused if there is none, or if the caller expects it to be another account's.
    pub(crate) async fn bucket(&self, name: &str, expected_owner: Option<&str>) -> Result<Bucket, ApiError> {
        let bucket = self.find_bucket(name).await?.ok_or_else(|| no_such_bucket(name))?;
        match expected_owner {
            Some(owner) if owner != bucket.account => Err(Error::AccessDenied.into()),
            _ => Ok(bucket),
        }
    }

    /// Changes what is kept of a bucket. Returns when the change is durable.
    pub(crate) async fn change_bucket(
        &self,
        name: &str,
        expected_owner: Option<&str>,
        change: impl Fn(&mut Bucket) -> Result<(), ApiError> + Send + Sync,
    ) -> Result<(), ApiError> {
        self.change_bucket_with(name, expected_owner, &[], change).await
    }

    /// The same, with what is to happen in the same commit.
    pub(crate) async fn change_bucket_with(
        &self,
        name: &str,
        expected_owner: Option<&str>,
        extra: &[Op],
        change: impl Fn(&mut Bucket) -> Result<(), ApiError> + Send + Sync,
    ) -> Result<(), ApiError> {
        for _ in 0..COMMIT_TRIES {
            let mut bucket = self.bucket(name, expected_owner).await?.writable()?;
            let expect = Expect::Rev(bucket.rev);
            change(&mut bucket)?;
            let put = Op::Put { table: TABLE_BUCKETS, key: key(name), value: to_json(&bucket), expect };
            let ops = std::iter::once(put).chain(extra.iter().cloned()).collect();
            match self.state.commit(ops).await {
                Err(error) if error.is_conflict() => {}
                other => return other.map(|_| ()).map_err(state_failed),
            }
        }
        Err(Error::OperationAborted.into())
    }
}

/// A row as a bucket.
pub(crate) fn read(row: &state::Row) -> Result<Bucket, ApiError> {
    let mut bucket: Bucket = serde_json::from_slice(&row.value)
        .map_err(|error| ApiError::internal(format!("a row of {TABLE_BUCKETS} does not read: {error}")))?;
    bucket.rev = row.rev;
    Ok(bucket)
}

#[cfg(test)]
mod tests {
    #[track_caller]
    fn check(name: &str, expected: bool) {
        assert_eq!(super::is_name(name), expected, "{name:?}");
    }

    #[test]
    fn names() {
        for good in ["abc", "a-b.c", "0ab", "my.bucket-1", "192.168.1.256", "1.2.3"] {
            check(good, true);
        }
        check(&"a".repeat(63), true);
        check(&"a".repeat(64), false);
        let bad = [
            "ab",
            "",
            "Abc",
            "a_b",
            "-ab",
            "ab-",
            ".ab",
            "ab.",
            "a..b",
            "192.168.5.4",
            "xn--ab",
            "sthree-x",
            "a b",
            "x-s3alias",
            "x--ol-s3",
            "x.mrap",
            "x--x-s3",
            "x--table-s3",
            "amzn-s3-demo-bucket",
            "ä-bucket",
        ];
        for bad in bad {
            check(bad, false);
        }
    }
}
