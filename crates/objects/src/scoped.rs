//! [`Scoped`]: the objects of one account beside those of others, as if they were alone.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Error, ObjectInfo, Objects, Reader, Writer};

/// See the module.
pub struct Scoped {
    objects: Arc<dyn Objects>,
    folder: String,
}

impl Scoped {
    /// The objects of an account (twelve digits).
    pub fn new(objects: Arc<dyn Objects>, account: &str) -> Scoped {
        Scoped { objects, folder: format!("of/{account}/") }
    }

    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.folder)
    }

    /// Errors name objects as the account knows them.
    fn unscoped(&self, error: Error) -> Error {
        let plain = |name: String| name.strip_prefix(&self.folder).map_or_else(|| name.clone(), str::to_owned);
        match error {
            Error::NotFound { name } => Error::NotFound { name: plain(name) },
            Error::BadName { name, why } => Error::BadName { name: plain(name), why },
            Error::BadRange { name, len } => Error::BadRange { name: plain(name), len },
            Error::Storage { doing, name, source } => Error::Storage { doing, name: plain(name), source },
            other => other,
        }
    }
}

#[async_trait]
impl Objects for Scoped {
    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        self.objects.put(&self.name(name), bytes).await.map_err(|error| self.unscoped(error))
    }

    async fn writer(&self, name: &str) -> Result<Box<dyn Writer>, Error> {
        self.objects.writer(&self.name(name)).await.map_err(|error| self.unscoped(error))
    }

    async fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Reader, Error> {
        self.objects.get(&self.name(name), range).await.map_err(|error| self.unscoped(error))
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        self.objects.delete(&self.name(name)).await.map_err(|error| self.unscoped(error))
    }

    async fn delete_many(&self, names: &[String]) -> Result<(), Error> {
        let names: Vec<String> = names.iter().map(|name| self.name(name)).collect();
        self.objects.delete_many(&names).await.map_err(|error| self.unscoped(error))
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ObjectInfo>, Error> {
        let after = after.map(|after| self.name(after));
        let found = self.objects.list(&self.name(prefix), after.as_deref(), limit).await;
        let found = found.map_err(|error| self.unscoped(error))?;
        let within = |object: ObjectInfo| {
            let name = object.name.strip_prefix(&self.folder).expect("the prefix was asked for").to_owned();
            ObjectInfo { name, ..object }
        };
        Ok(found.into_iter().map(within).collect())
    }

    async fn concat(&self, name: &str, parts: &[String]) -> Result<u64, Error> {
        let parts: Vec<String> = parts.iter().map(|part| self.name(part)).collect();
        self.objects.concat(&self.name(name), &parts).await.map_err(|error| self.unscoped(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Memory, conformance};

    #[tokio::test]
    async fn passes_the_conformance_suite_and_stays_within_its_account() {
        let whole: Arc<dyn Objects> = Arc::new(Memory::new());
        whole.put("mine", Bytes::from_static(b"x")).await.unwrap();
        let scoped = Scoped::new(Arc::clone(&whole), "111111111111");
        conformance::all(&scoped).await;
        assert!(scoped.get("mine", None).await.is_err());
        let other = Scoped::new(whole, "222222222222");
        assert_eq!(other.list("", None, 10).await.unwrap(), []);
    }
}
