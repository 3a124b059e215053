//! ListPublicKeys: the public halves of the keys that signed digests in a stretch of time.

use base::Timestamp;
use model::Blob;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::CloudTrail;
use crate::digest::keys::PublicKey;
use crate::error::Error;

/// See the module.
pub struct ListPublicKeys;

/// The request. A time not given is now.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    start_time: Option<Timestamp>,
    end_time: Option<Timestamp>,
    next_token: Option<String>,
}

/// The answer. All fits in one page, so there is never a token.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    public_key_list: Vec<Key>,
}

/// A public key.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Key {
    value: Blob,
    validity_start_time: Timestamp,
    validity_end_time: Timestamp,
    fingerprint: String,
}

impl Operation for ListPublicKeys {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListPublicKeys";
    const RESOURCE: &'static str = "*";

    async fn run(cloudtrail: &CloudTrail, _call: &Call, input: Input) -> Result<Output, ApiError> {
        if input.next_token.is_some() {
            return Err(Error::InvalidTokenException("The token is not valid.".to_owned()).into());
        }
        let now = cloudtrail.shared.env.clock.now();
        let (start, end) = (input.start_time.unwrap_or(now), input.end_time.unwrap_or(now));
        if start > end {
            let text = "Invalid time range: the start time is after the end time.";
            return Err(Error::InvalidTimeRangeException(text.to_owned()).into());
        }
        let mut keys = Vec::new();
        for signer in cloudtrail.signers() {
            keys.extend(signer.shared.signer.public_keys(start, end).await.map_err(ApiError::internal)?);
        }
        let key = |key: PublicKey| Key {
            value: Blob(key.der.into()),
            validity_start_time: key.start,
            validity_end_time: key.end,
            fingerprint: key.fingerprint,
        };
        Ok(Output { public_key_list: keys.into_iter().map(key).collect() })
    }
}
