//! Tables of JSON documents of one type. The caller's type carries the version of its form.

use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Expect, Op, Range, Row, State, Table};

/// How often [`Typed::update`] tries. Of those who race for a row one succeeds each time, so this many may race.
const UPDATE_TRIES_MAX: u32 = 1000;

/// A table whose values are JSON documents of the type `T`. Costs nothing; make it a `const`.
pub struct Typed<T> {
    table: Table,
    form: PhantomData<fn() -> T>,
}

/// A document as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doc<T> {
    /// The row's key.
    pub key: Vec<u8>,
    /// The row's revision.
    pub rev: u64,
    /// The document.
    pub value: T,
}

/// What an update makes of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<T> {
    /// Leave all as it is.
    Keep,
    /// Write this document.
    Put(T),
    /// Remove the document.
    Delete,
}

impl<T> Clone for Typed<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Typed<T> {}

impl<T: Serialize + DeserializeOwned> Typed<T> {
    /// The documents of a table.
    pub const fn new(table: Table) -> Typed<T> {
        Typed { table, form: PhantomData }
    }

    /// The table's name.
    pub const fn table(&self) -> Table {
        self.table
    }

    /// The document with this key.
    pub async fn get(&self, state: &dyn State, key: &[u8]) -> Result<Option<Doc<T>>, Error> {
        state.get(self.table, key).await?.map(|row| self.read(row)).transpose()
    }

    /// The first `limit` documents of a range.
    pub async fn scan(&self, state: &dyn State, range: Range, limit: usize) -> Result<Vec<Doc<T>>, Error> {
        state.scan(self.table, range, limit).await?.into_iter().map(|row| self.read(row)).collect()
    }

    /// Writes a document; returns its revision when it is durable.
    pub async fn put(&self, state: &dyn State, key: &[u8], value: &T, expect: Expect) -> Result<u64, Error> {
        let op = self.put_op(key, value, expect)?;
        Ok(state.commit(vec![op]).await?.revs[0])
    }

    /// Removes a document; returns when that is durable.
    pub async fn delete(&self, state: &dyn State, key: &[u8], expect: Expect) -> Result<(), Error> {
        state.commit(vec![self.delete_op(key, expect)]).await.map(drop)
    }

    /// Reads a document, lets `change` say what becomes of it, and writes that if nobody else changed the document
    /// meanwhile; if somebody did, then again from the start. Returns when it is durable, with the document as it is then.
    pub async fn update<E: From<Error>>(
        &self,
        state: &dyn State,
        key: &[u8],
        mut change: impl FnMut(Option<T>) -> Result<Change<T>, E>,
    ) -> Result<Option<Doc<T>>, E> {
        for _ in 0..UPDATE_TRIES_MAX {
            let row = state.get(self.table, key).await?;
            let rev = row.as_ref().map(|row| row.rev);
            let old = row.clone().map(|row| self.read(row)).transpose()?;
            let (op, new) = match change(old.map(|doc| doc.value))? {
                Change::Keep => return Ok(row.map(|row| self.read(row)).transpose()?),
                Change::Put(value) => (self.put_op(key, &value, rev.into())?, Some(value)),
                Change::Delete => (self.delete_op(key, rev.into()), None),
            };
            match state.commit(vec![op]).await {
                Ok(info) => return Ok(new.map(|value| Doc { key: key.to_vec(), rev: info.revs[0], value })),
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Contended { table: self.table, tries: UPDATE_TRIES_MAX }.into())
    }

    /// The operation that writes a document, for a commit with others.
    pub fn put_op(&self, key: &[u8], value: &T, expect: Expect) -> Result<Op, Error> {
        let value = serde_json::to_vec(value).map_err(|source| self.bad(source))?;
        Ok(Op::Put { table: self.table, key: key.to_vec(), value: value.into(), expect })
    }

    /// The operation that removes a document, for a commit with others.
    pub fn delete_op(&self, key: &[u8], expect: Expect) -> Op {
        Op::Delete { table: self.table, key: key.to_vec(), expect }
    }

    /// The operation that only checks a document, for a commit with others.
    pub fn check_op(&self, key: &[u8], expect: Expect) -> Op {
        Op::Check { table: self.table, key: key.to_vec(), expect }
    }

    /// A row of this table as a document.
    pub fn read(&self, row: Row) -> Result<Doc<T>, Error> {
        let value = serde_json::from_slice(&row.value).map_err(|source| self.bad(source))?;
        Ok(Doc { key: row.key, rev: row.rev, value })
    }

    fn bad(&self, source: serde_json::Error) -> Error {
        Error::Document { table: self.table, source: Arc::new(source) }
    }
}
