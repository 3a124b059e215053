//! What this service knows of the digests it delivered: what whoever validates holds against what is in the buckets. Reads only.

use base::Timestamp;
use service::ApiError;
use state::Range;

use super::Chain;
use crate::CloudTrail;
use crate::digest::keys::PublicKey;
use crate::rows::{self, CHAINS};

/// What is known of a trail's digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The trail.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Where it was made.
    pub home_region: String,
    /// Where its digests and log files go.
    pub bucket: String,
    /// Under which prefix.
    pub prefix: Option<String>,
    /// The organization that it is for, if it is for one.
    pub organization_id: Option<String>,
    /// Bucket and key of the newest digest of each chain that goes on.
    pub heads: Vec<(String, String)>,
}

impl CloudTrail {
    /// The trails that have, or had, digests. A head is taken down after it was put: what is in a bucket may be newer, not older.
    pub async fn evidence(&self) -> Result<Vec<Evidence>, ApiError> {
        let mut found = Vec::new();
        for trail in self.trails.all().await? {
            let range = Range::prefix(state::key::key(&[trail.arn.as_str()]));
            let (mut heads, mut has_any) = (Vec::new(), false);
            let chains = state::scan_all(&*self.shared.state, CHAINS, range, |row| {
                let chain: Chain = rows::read(CHAINS, &row)?;
                heads.extend(chain.head.map(|head| (head.bucket, head.key)));
                has_any = true;
                Ok::<bool, state::Error>(true)
            });
            chains.await.map_err(ApiError::unavailable)?;
            if !has_any {
                continue;
            }
            let home_region = trail.home_region.as_str().to_owned();
            let organization_id = trail.organization_id().map(str::to_owned);
            let crate::trail::Trail { arn, name, bucket, prefix, .. } = trail;
            found.push(Evidence { arn, name, home_region, bucket, prefix, organization_id, heads });
        }
        found.sort_by(|a, b| a.arn.cmp(&b.arn));
        Ok(found)
    }

    /// The public keys valid at any moment from `from` to `to`.
    pub async fn public_keys(&self, from: Timestamp, to: Timestamp) -> Result<Vec<PublicKey>, ApiError> {
        self.shared.signer.public_keys(from, to).await.map_err(ApiError::internal)
    }
}
