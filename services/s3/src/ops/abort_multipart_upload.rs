//! AbortMultipartUpload: gives an upload up; its parts are cleared away soon after.

use base::Timestamp;
use service::{ApiError, Call, Operation};
use state::{Expect, Op};

use crate::error::{header_not_implemented, no_such_upload, state_failed};
use crate::garbage::Ended;
use crate::members::members;
use crate::multipart::{parts_prefix, upload_key};
use crate::{S3, TABLE_ENDED, TABLE_UPLOADS, to_json};

/// See the module.
pub struct AbortMultipartUpload;

members! { input Input {
    pub key: String,
    pub upload_id: String,
    pub if_match_initiated_time: Option<Timestamp>,
} bucket }
members! { output Output {} }

impl Operation for AbortMultipartUpload {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "AbortMultipartUpload";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}/{Key}";
    // Who pays makes no difference.
    const IGNORES: &'static [&'static str] = &["RequestPayer"];

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        if let Some(time) = input.if_match_initiated_time {
            return Err(header_not_implemented("x-amz-if-match-initiated-time", &time.http_date()));
        }
        input.bucket(s3).await?;
        let id = &input.upload_id;
        s3.upload(&input.bucket, &input.key, id).await?;
        let ended = to_json(&Ended { v: 1, ..Ended::default() });
        let key = upload_key(&input.bucket, &input.key, id);
        let ops = vec![
            Op::Delete { table: TABLE_UPLOADS, key, expect: Expect::Present },
            Op::Put { table: TABLE_ENDED, key: parts_prefix(id), value: ended, expect: Expect::Any },
        ];
        match s3.state.commit(ops).await {
            Err(error) if error.is_conflict() => Err(no_such_upload(id)),
            other => other.map(|_| Output {}).map_err(state_failed),
        }
    }
}
