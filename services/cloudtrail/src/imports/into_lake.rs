//! [`IntoLake`]: event data stores as destinations of imports.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use base::Region;
use service::ApiError;

use super::{Destination, Destinations};
use crate::CloudTrail;

/// The service's own event data stores. Weak, because the service holds its imports.
struct IntoLake(Weak<CloudTrail>);

#[async_trait]
impl Destinations for IntoLake {
    async fn import_destination(&self, named: &str, region: Region) -> Result<Destination, ApiError> {
        let Some(cloudtrail) = self.0.upgrade() else {
            return Err(ApiError::unavailable("the server is going down"));
        };
        let (arn, store) = cloudtrail.import_destination(named, region).await?;
        Ok(Destination { arn, store })
    }
}

impl CloudTrail {
    /// Lets imports into event data stores begin, and goes on with one that an earlier run left. Does nothing where no records are
    /// kept in stores.
    pub async fn begin_imports(self: &Arc<Self>) -> Result<(), ApiError> {
        match &self.shared.event_stores {
            Some(stores) => self.imports.provide(Arc::new(IntoLake(Arc::downgrade(self))), Arc::clone(stores)).await,
            None => Ok(()),
        }
    }
}
