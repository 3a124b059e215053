//! The versions of a key. The current one is a row of its own, and every change of a key compares and swaps that row, so that
//! changes of a key have an order; older ones are rows beside it, newest first.
//!
//! ```text
//! s3/objects   bucket, key                          the current version (perhaps a delete marker)
//! s3/versions  bucket, key, 2^64-1-order (16 hex)   each older one
//! ```

use service::ApiError;
use state::{Expect, Op, Range, Row};

use crate::bucket::{Bucket, Versioning};
use crate::conditions::WriteCondition;
use crate::content::Stored;
use crate::error::{Error, invalid_argument, state_failed};
use crate::object::{Data, NULL, Version, order_of_id, ordered_id};
use crate::{COMMIT_TRIES, S3, TABLE_OBJECTS, TABLE_VERSIONS, to_json};

/// The key of a current version's row.
pub(crate) fn current_key(bucket: &str, key: &str) -> Vec<u8> {
    state::key::key(&[bucket, key])
}

/// The key of an older version's row.
pub(crate) fn older_key(bucket: &str, key: &str, order: u64) -> Vec<u8> {
    state::key::key(&[bucket, key, &format!("{:016x}", u64::MAX - order)])
}

/// A row as a version.
pub(crate) fn read(row: &Row) -> Result<Version, ApiError> {
    serde_json::from_slice(&row.value).map_err(|error| ApiError::internal(format!("a version does not read: {error}")))
}

/// What a deletion did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Deleted {
    /// The version that was deleted or, without one, the delete marker that was made.
    pub(crate) version_id: Option<String>,
    /// What was deleted, or made, is a delete marker.
    pub(crate) delete_marker: bool,
}

impl S3 {
    /// The current version of a key, which may be a delete marker, and the revision of its row.
    pub(crate) async fn current(&self, bucket: &str, key: &str) -> Result<Option<(Version, u64)>, ApiError> {
        let row = self.state.get(TABLE_OBJECTS, &current_key(bucket, key)).await.map_err(state_failed)?;
        row.map(|row| Ok((read(&row)?, row.rev))).transpose()
    }

    /// The version of this identifier, where it is, and its row's revision.
    pub(crate) async fn version(&self, bucket: &str, key: &str, id: &str) -> Result<Option<Place>, ApiError> {
        let order = order_of_id(id);
        if order.is_none() && id != NULL {
            return Err(invalid_argument("versionId", id, "Invalid version id specified"));
        }
        // A promotion between the two reads moves the version to where was looked first: then look again.
        for _ in 0..COMMIT_TRIES {
            let Some((current, current_rev)) = self.current(bucket, key).await? else { return Ok(None) };
            let Some(order) = order.or(current.null_order) else {
                return Ok((current.id == id).then_some(Place { version: current, rev: current_rev, older: None }));
            };
            if current.id == id {
                return Ok(Some(Place { version: current, rev: current_rev, older: None }));
            }
            let older_key = older_key(bucket, key, order);
            if let Some(row) = self.state.get(TABLE_VERSIONS, &older_key).await.map_err(state_failed)? {
                let version = read(&row)?;
                let older = Some((current, current_rev));
                return Ok((version.id == id).then_some(Place { version, rev: row.rev, older }));
            }
            if self.current(bucket, key).await?.is_none_or(|(_, rev)| rev == current_rev) {
                return Ok(None);
            }
        }
        Err(Error::OperationAborted.into())
    }

    /// Makes `new` the current version of a key. Returns it as it was stored, when it is durable; what it replaces is
    /// discarded in the same commit.
    pub(crate) async fn put_version(
        &self,
        bucket_name: &str,
        key: &str,
        new: Version,
        stored: Stored,
        condition: &WriteCondition,
        extra: Vec<Op>,
    ) -> Result<(Version, Bucket), ApiError> {
        self.put_version_with(bucket_name, key, new, stored, condition, |_| extra.clone()).await
    }

    /// The same; what else the commit has depends on the version as it will be stored.
    pub(crate) async fn put_version_with(
        &self,
        bucket_name: &str,
        key: &str,
        new: Version,
        stored: Stored,
        condition: &WriteCondition,
        extra: impl Fn(&Version) -> Vec<Op> + Send + Sync,
    ) -> Result<(Version, Bucket), ApiError> {
        for _ in 0..COMMIT_TRIES {
            let bucket = self.bucket(bucket_name, None).await?.writable()?;
            let current = self.current(bucket_name, key).await?;
            condition
                .check(key, current.as_ref().map(|(version, _)| version).filter(|version| !version.delete_marker))?;
            let mut ops = vec![bucket.unchanged()];
            let version = self.place(&bucket, key, new.clone(), current, &mut ops).await?;
            ops.extend(stored.ops());
            let extra = extra(&version);
            ops.extend(extra.iter().cloned());
            match self.state.commit(ops).await {
                Ok(_) => return Ok((version, bucket)),
                // Of what a caller adds nothing changes on its own: it has to look again itself.
                Err(state::Error::Conflict { table, .. }) if !self.retries(table, &extra) => {
                    return Err(Error::OperationAborted.into());
                }
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(state_failed(error)),
            }
        }
        Err(Error::OperationAborted.into())
    }

    fn retries(&self, table: state::Table, extra: &[Op]) -> bool {
        !extra.iter().any(|op| match op {
            Op::Put { table: other, .. } | Op::Delete { table: other, .. } | Op::Check { table: other, .. } => {
                *other == table
            }
        })
    }

    /// Adds to a commit what makes `new` the current version of a key in a bucket.
    pub(crate) async fn place(
        &self,
        bucket: &Bucket,
        key: &str,
        mut new: Version,
        current: Option<(Version, u64)>,
        ops: &mut Vec<Op>,
    ) -> Result<Version, ApiError> {
        let now_ms = self.env.clock.now().ms();
        let after_current = current.as_ref().map_or(0, |(version, _)| version.order + 1);
        new.v = 1;
        new.modified_ms = now_ms;
        new.order = after_current.max(u64::try_from(now_ms).unwrap_or(0));
        new.id = match bucket.versioning {
            Some(Versioning::Enabled) => ordered_id(&*self.env.rng, new.order),
            Some(Versioning::Suspended) | None => NULL.to_owned(),
        };
        self.lock_by_default(bucket, &mut new);
        let mut expect = Expect::Absent;
        if let Some((mut old, rev)) = current {
            expect = Expect::Rev(rev);
            let null_order = old.null_order.take();
            let old_is_null = old.id == NULL;
            if new.id == NULL && !old_is_null {
                if let Some(order) = null_order {
                    self.remove_older(&bucket.name, key, order, ops).await?;
                }
            } else if new.id != NULL {
                new.null_order = if old_is_null { Some(old.order) } else { null_order };
            }
            if new.id == NULL && old_is_null {
                self.remove(&old, false, ops)?;
            } else {
                old.noncurrent_ms = Some(now_ms);
                ops.push(Op::Put {
                    table: TABLE_VERSIONS,
                    key: older_key(&bucket.name, key, old.order),
                    value: to_json(&old),
                    expect: Expect::Absent,
                });
            }
        }
        ops.push(Op::Put { table: TABLE_OBJECTS, key: current_key(&bucket.name, key), value: to_json(&new), expect });
        Ok(new)
    }

    async fn remove_older(&self, bucket: &str, key: &str, order: u64, ops: &mut Vec<Op>) -> Result<(), ApiError> {
        let key = older_key(bucket, key, order);
        let row = self.state.get(TABLE_VERSIONS, &key).await.map_err(state_failed)?;
        // Gone already: then the current version was changed too, and the commit will fail.
        let Some(row) = row else { return Ok(()) };
        self.remove(&read(&row)?, false, ops)?;
        ops.push(Op::Delete { table: TABLE_VERSIONS, key, expect: Expect::Rev(row.rev) });
        Ok(())
    }

    /// Deletes a key (leaving a delete marker where the bucket has versioning) or one version of it. Returns when that is
    /// durable. What is not there is deleted already. `bypass`: governance retention does not count, see [`crate::lock`].
    pub(crate) async fn delete_version(
        &self,
        bucket_name: &str,
        key: &str,
        version_id: Option<&str>,
        condition: &WriteCondition,
        bypass: bool,
    ) -> Result<Deleted, ApiError> {
        for _ in 0..COMMIT_TRIES {
            let bucket = self.bucket(bucket_name, None).await?.writable()?;
            let mut ops = vec![bucket.unchanged()];
            let done = match version_id {
                Some(id) => self.delete_one(&bucket, key, id, condition, bypass, &mut ops).await?,
                None => self.delete_key(&bucket, key, condition, &mut ops).await?,
            };
            if ops.len() == 1 {
                return Ok(done);
            }
            match self.state.commit(ops).await {
                Ok(_) => return Ok(done),
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(state_failed(error)),
            }
        }
        Err(Error::OperationAborted.into())
    }

    async fn delete_key(
        &self,
        bucket: &Bucket,
        key: &str,
        condition: &WriteCondition,
        ops: &mut Vec<Op>,
    ) -> Result<Deleted, ApiError> {
        let current = self.current(&bucket.name, key).await?;
        condition.check(key, current.as_ref().map(|(version, _)| version).filter(|version| !version.delete_marker))?;
        if bucket.versioning.is_some() {
            let marker = Version { delete_marker: true, ..Version::default() };
            let marker = self.place(bucket, key, marker, current, ops).await?;
            return Ok(Deleted { version_id: Some(marker.id), delete_marker: true });
        }
        if let Some((version, rev)) = current {
            self.remove(&version, false, ops)?;
            let key = current_key(&bucket.name, key);
            ops.push(Op::Delete { table: TABLE_OBJECTS, key, expect: Expect::Rev(rev) });
        }
        Ok(Deleted::default())
    }

    /// Adds to a commit what deletes one version of a key.
    pub(crate) async fn delete_one(
        &self,
        bucket: &Bucket,
        key: &str,
        id: &str,
        condition: &WriteCondition,
        bypass: bool,
        ops: &mut Vec<Op>,
    ) -> Result<Deleted, ApiError> {
        let place = self.version(&bucket.name, key, id).await?;
        condition.check(key, place.as_ref().map(|place| &place.version))?;
        let mut done = Deleted { version_id: Some(id.to_owned()), delete_marker: false };
        let Some(Place { version, rev, older }) = place else { return Ok(done) };
        done.delete_marker = version.delete_marker;
        self.remove(&version, bypass, ops)?;
        match older {
            None => self.promote(&bucket.name, key, &version, rev, ops).await?,
            Some((mut current, current_rev)) => {
                let older = older_key(&bucket.name, key, version.order);
                ops.push(Op::Delete { table: TABLE_VERSIONS, key: older, expect: Expect::Rev(rev) });
                if version.id == NULL {
                    current.null_order = None;
                    ops.push(Op::Put {
                        table: TABLE_OBJECTS,
                        key: current_key(&bucket.name, key),
                        value: to_json(&current),
                        expect: Expect::Rev(current_rev),
                    });
                }
            }
        }
        Ok(done)
    }

    /// Adds to a commit what puts the newest older version in the place of the current one.
    async fn promote(
        &self,
        bucket: &str,
        key: &str,
        current: &Version,
        current_rev: u64,
        ops: &mut Vec<Op>,
    ) -> Result<(), ApiError> {
        let range = Range::prefix(current_key(bucket, key));
        let rows = self.state.scan(TABLE_VERSIONS, range, 1).await.map_err(state_failed)?;
        let (table, key, expect) = (TABLE_OBJECTS, current_key(bucket, key), Expect::Rev(current_rev));
        let Some(row) = rows.first() else {
            ops.push(Op::Delete { table, key, expect });
            return Ok(());
        };
        let mut next = read(row)?;
        next.null_order = current.null_order.filter(|_| next.id != NULL);
        next.noncurrent_ms = None;
        ops.push(Op::Delete { table: TABLE_VERSIONS, key: row.key.clone(), expect: Expect::Rev(row.rev) });
        ops.push(Op::Put { table, key, value: to_json(&next), expect });
        Ok(())
    }

    /// Changes what is kept of a version, its content apart. Returns when the change is durable.
    pub(crate) async fn change_version(
        &self,
        bucket: &Bucket,
        key: &str,
        version_id: Option<&str>,
        change: impl Fn(&mut Version) + Send + Sync,
    ) -> Result<Version, ApiError> {
        let change = |version: &mut Version| {
            change(version);
            Ok(())
        };
        self.try_change_version(bucket, key, version_id, change).await
    }

    /// The same, for a change that may be refused.
    pub(crate) async fn try_change_version(
        &self,
        bucket: &Bucket,
        key: &str,
        version_id: Option<&str>,
        change: impl Fn(&mut Version) -> Result<(), ApiError> + Send + Sync,
    ) -> Result<Version, ApiError> {
        for _ in 0..COMMIT_TRIES {
            let place = self.find(bucket, key, version_id).await?;
            let mut version = place.version;
            change(&mut version)?;
            let (table, row_key) = match place.older {
                None => (TABLE_OBJECTS, current_key(&bucket.name, key)),
                Some(_) => (TABLE_VERSIONS, older_key(&bucket.name, key, version.order)),
            };
            let put = Op::Put { table, key: row_key, value: to_json(&version), expect: Expect::Rev(place.rev) };
            match self.state.commit(vec![put]).await {
                Ok(_) => return Ok(version),
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(state_failed(error)),
            }
        }
        Err(Error::OperationAborted.into())
    }

    /// Adds to a commit what gives up the content of a version that goes for good. No version goes without this; it refuses
    /// those that are locked. The commit must have the version's row as it was read.
    pub(crate) fn remove(&self, version: &Version, bypass: bool, ops: &mut Vec<Op>) -> Result<(), ApiError> {
        if version.lock.holds(self.env.clock.now(), bypass) {
            return Err(crate::lock::protected());
        }
        self.discard(&version.data, ops);
        Ok(())
    }

    /// Adds to a commit what gives up content that no version has any more.
    pub(crate) fn discard(&self, data: &Data, ops: &mut Vec<Op>) {
        crate::garbage::discard(data, self.env.clock.now(), ops);
    }
}

/// A version and where it is.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) version: Version,
    /// Of its row.
    pub(crate) rev: u64,
    /// If it is an older version: the current one and its row's revision.
    pub(crate) older: Option<(Version, u64)>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::harness::*;
    use crate::ops::{ListObjectVersions, list_object_versions};

    /// The versions that the listing shows, newest first: identifier (or its place in `ids`), `*` for the current one, and
    /// `-` for a delete marker.
    async fn listed(s3: &S3, max_keys: i64) -> Vec<(String, String)> {
        let mut all = Vec::new();
        let mut input =
            list_object_versions::Input { bucket: "bkt".into(), max_keys: Some(max_keys), ..Default::default() };
        loop {
            let (key_marker, version_id_marker) = (input.key_marker.clone(), input.version_id_marker.clone());
            let asked = list_object_versions::Input {
                bucket: "bkt".into(),
                max_keys: Some(max_keys),
                key_marker,
                version_id_marker,
                ..Default::default()
            };
            let output = serde_json::to_value(call::<ListObjectVersions>(s3, asked).await.unwrap()).unwrap();
            let mut page = Vec::new();
            for (list, mark) in [("Versions", ""), ("DeleteMarkers", "-")] {
                for version in output[list].as_array().unwrap() {
                    let current = if version["IsLatest"].as_bool().unwrap() { "*" } else { "" };
                    let key = version["Key"].as_str().unwrap().to_owned();
                    page.push((key, format!("{}{current}{mark}", version["VersionId"].as_str().unwrap())));
                }
            }
            assert!(page.len() <= usize::try_from(max_keys).unwrap());
            all.extend(page);
            if !output["IsTruncated"].as_bool().unwrap() {
                return all;
            }
            input.key_marker = output["NextKeyMarker"].as_str().map(str::to_owned);
            input.version_id_marker = output["NextVersionIdMarker"].as_str().map(str::to_owned);
        }
    }

    #[tokio::test]
    async fn a_bucket_that_never_had_versioning_keeps_one() {
        let s3 = service();
        bucket(&s3, "bkt").await;
        assert_eq!(put(&s3, "bkt", "k", "1").await, None);
        assert_eq!(put(&s3, "bkt", "k", "2").await, None);
        assert_eq!(content(&s3, "bkt", "k", None).await.unwrap(), "2");
        assert_eq!(content(&s3, "bkt", "k", Some("null")).await.unwrap(), "2");
        assert_eq!(listed(&s3, 10).await, [("k".into(), "null*".into())]);
        let output = delete(&s3, "bkt", "k", None).await;
        assert_eq!((output.version_id, output.delete_marker), (None, None));
        assert_eq!(content(&s3, "bkt", "k", None).await.unwrap_err(), "NoSuchKey");
        delete(&s3, "bkt", "k", None).await;
    }

    #[tokio::test]
    async fn versions_come_and_go() {
        let s3 = service();
        bucket(&s3, "bkt").await;
        put(&s3, "bkt", "k", "before").await;
        versioning(&s3, "bkt", "Enabled").await;
        let one = put(&s3, "bkt", "k", "1").await.unwrap();
        let two = put(&s3, "bkt", "k", "2").await.unwrap();
        let marker = delete(&s3, "bkt", "k", None).await;
        assert_eq!(marker.delete_marker, Some(true));
        let marker = marker.version_id.unwrap();
        let check = async |expected: &[String]| {
            for max_keys in 1..6 {
                let found: Vec<String> = listed(&s3, max_keys).await.into_iter().map(|(_, text)| text).collect();
                let mut sorted = (found, expected.to_vec());
                // The two kinds come apart in an answer; pages of one show the order.
                if max_keys > 1 {
                    sorted.0.sort();
                    sorted.1.sort();
                }
                assert_eq!(sorted.0, sorted.1, "{max_keys}");
            }
        };
        check(&[format!("{marker}*-"), two.clone(), one.clone(), "null".into()]).await;
        assert_eq!(content(&s3, "bkt", "k", None).await.unwrap_err(), "NoSuchKey");
        assert_eq!(content(&s3, "bkt", "k", Some(&marker)).await.unwrap_err(), "MethodNotAllowed");
        assert_eq!(content(&s3, "bkt", "k", Some(&one)).await.unwrap(), "1");
        assert_eq!(content(&s3, "bkt", "k", Some("null")).await.unwrap(), "before");
        assert_eq!(content(&s3, "bkt", "k", Some("x")).await.unwrap_err(), "InvalidArgument");
        assert_eq!(content(&s3, "bkt", "k2", Some(&one)).await.unwrap_err(), "NoSuchVersion");

        // The marker goes, and the object is back.
        delete(&s3, "bkt", "k", Some(&marker)).await;
        assert_eq!(content(&s3, "bkt", "k", None).await.unwrap(), "2");
        check(&[format!("{two}*"), one.clone(), "null".into()]).await;

        // Suspended: the null version is replaced wherever it is.
        versioning(&s3, "bkt", "Suspended").await;
        assert_eq!(put(&s3, "bkt", "k", "after").await.unwrap(), "null");
        check(&["null*".into(), two.clone(), one.clone()]).await;
        versioning(&s3, "bkt", "Enabled").await;
        let three = put(&s3, "bkt", "k", "3").await.unwrap();
        check(&[format!("{three}*"), "null".into(), two.clone(), one.clone()]).await;
        versioning(&s3, "bkt", "Suspended").await;
        assert_eq!(delete(&s3, "bkt", "k", None).await.version_id.unwrap(), "null");
        check(&["null*-".into(), three.clone(), two.clone(), one.clone()]).await;

        for version in ["null", &two, &three, &one] {
            delete(&s3, "bkt", "k", Some(version)).await;
            delete(&s3, "bkt", "k", Some(version)).await;
        }
        check(&[]).await;
        assert_eq!(content(&s3, "bkt", "k", Some(&one)).await.unwrap_err(), "NoSuchVersion");
    }

    #[derive(Clone, Debug)]
    enum Step {
        Put,
        Delete,
        DeleteVersion(usize),
        Enable,
        Suspend,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => Just(Step::Put),
            1 => Just(Step::Delete),
            2 => (0_usize..6).prop_map(Step::DeleteVersion),
            1 => Just(Step::Enable),
            1 => Just(Step::Suspend),
        ]
    }

    /// Plays steps on a bucket and on a list of versions, newest first, and compares.
    async fn play(steps: Vec<Step>) {
        let s3 = service();
        bucket(&s3, "bkt").await;
        let mut model: Vec<(String, bool)> = Vec::new();
        let mut status = "";
        for step in steps {
            match step {
                Step::Put => {
                    let id = put(&s3, "bkt", "k", "x").await.unwrap_or_else(|| NULL.to_owned());
                    model.retain(|(known, _)| *known != id);
                    model.insert(0, (id, false));
                }
                Step::Delete => {
                    let done = delete(&s3, "bkt", "k", None).await;
                    match done.version_id {
                        Some(id) => {
                            model.retain(|(known, _)| *known != id);
                            model.insert(0, (id, true));
                        }
                        None => model.clear(),
                    }
                }
                Step::DeleteVersion(at) if at < model.len() => {
                    let (id, marker) = model.remove(at);
                    let done = delete(&s3, "bkt", "k", Some(&id)).await;
                    assert_eq!((done.version_id, done.delete_marker), (Some(id), marker.then_some(true)));
                }
                Step::DeleteVersion(_) => {}
                Step::Enable => status = "Enabled",
                Step::Suspend => status = "Suspended",
            }
            if !status.is_empty() {
                versioning(&s3, "bkt", status).await;
            }
            let mark = |(at, (id, marker)): (usize, &(String, bool))| {
                let current = if at == 0 { "*" } else { "" };
                ("k".to_owned(), format!("{id}{current}{}", if *marker { "-" } else { "" }))
            };
            let expected: Vec<_> = model.iter().enumerate().map(mark).collect();
            assert_eq!(listed(&s3, 1).await, expected);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn versions_are_a_list_of_which_null_is_one(steps in prop::collection::vec(step(), 1..14)) {
            block_on(play(steps));
        }
    }
}
