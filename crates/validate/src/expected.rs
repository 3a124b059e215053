//! [`Expected`]: what there must be, known from elsewhere than the bucket. Only with it can a cut-off end be seen.

use base::Timestamp;
use serde::{Deserialize, Serialize};

/// The newest digest of a chain, as somebody else remembers it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Head {
    /// Where it is.
    pub bucket: String,
    /// Its key.
    pub key: String,
}

/// What there must be. Taken down before the bucket is read, so that nothing newer is asked for.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// The newest digest of each chain: from the server that writes them, or from an earlier validation.
    pub heads: Vec<Head>,
    /// When the trail last delivered a digest (GetTrailStatus, `LatestDigestDeliveryTime`), in whatever region. Of the trail's own
    /// account: `None` where the scope is another account of an organization.
    pub latest_digest: Option<Timestamp>,
}
