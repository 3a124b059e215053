//! CreateMultipartUpload: begins an upload in parts. There is no object until CompleteMultipartUpload.

use base::Timestamp;
use service::{ApiError, Call, Operation};
use state::{Expect, Op};

use crate::checksum::{Algorithm, Kind};
use crate::error::{Error, state_failed};
use crate::members::members;
use crate::multipart::{Upload, upload_key};
use crate::object::{check_key, ordered_id};
use crate::{COMMIT_TRIES, S3, TABLE_UPLOADS, tags, to_json};

/// See the module.
pub struct CreateMultipartUpload;

members! { input Input {
    pub key: String,
    pub tagging: Option<String>,
    pub checksum_algorithm: Option<String>,
    pub checksum_type: Option<String>,
} bucket content_headers object_acl encryption customer_key object_lock }

members! { output Output {
    pub bucket: String,
    pub key: String,
    pub upload_id: String,
    pub checksum_algorithm: Option<&'static str>,
    pub checksum_type: Option<&'static str>,
    pub abort_date: Option<Timestamp>,
    pub abort_rule_id: Option<String>,
    #[serde(rename = "SSEKMSEncryptionContext")]
    pub sse_kms_encryption_context: Option<String>,
} encrypted }

impl Operation for CreateMultipartUpload {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "CreateMultipartUpload";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}/{Key}";
    const ACTION: &'static str = "PutObject";
    // Who pays makes no difference.
    const IGNORES: &'static [&'static str] = &["RequestPayer"];

    async fn run(s3: &S3, call: &Call, mut input: Input) -> Result<Output, ApiError> {
        check_key(&input.key)?;
        input.encryption().check()?;
        input.check_customer_key()?;
        if input.tagging.is_some() {
            s3.authorize(call, "s3:PutObjectTagging", &input.bucket, &input.key).await?;
        }
        let checksum = checksum(input.checksum_algorithm.as_deref(), input.checksum_type.as_deref())?;
        let now_ms = s3.env.clock.now().ms();
        let bucket = input.bucket(s3).await?.writable()?;
        let lock = input.lock(s3, call, &bucket).await?;
        let grants = input.grants(s3, call, &bucket).await?;
        let (tags, headers) = (tags::of_header(input.tagging.as_deref())?, input.take_headers()?);
        let sealing = input.sealing(s3, call, &bucket).await?;
        let upload = Upload {
            v: 1,
            // Identifiers sort by time, as listings show uploads of a key.
            id: ordered_id(&*s3.env.rng, u64::try_from(now_ms).unwrap_or(0)),
            started_ms: now_ms,
            tags,
            headers,
            kms: sealing.kms,
            lock,
            checksum,
            grants,
            initiator: call.caller.arn(),
            rev: 0,
        };
        for _ in 0..COMMIT_TRIES {
            let bucket = input.bucket(s3).await?.writable()?;
            let key = upload_key(&bucket.name, &input.key, &upload.id);
            let put = Op::Put { table: TABLE_UPLOADS, key, value: to_json(&upload), expect: Expect::Absent };
            match s3.state.commit(vec![bucket.unchanged(), put]).await {
                Ok(_) => {
                    let abort = s3.abortion(&bucket, &input.key, &upload).await?;
                    let (abort_date, abort_rule_id) = abort.unzip();
                    let mut output = Output {
                        abort_date,
                        abort_rule_id,
                        bucket: input.bucket,
                        key: input.key,
                        upload_id: upload.id,
                        checksum_algorithm: checksum.map(|(algorithm, _)| algorithm.as_str()),
                        checksum_type: checksum.map(|(_, kind)| kind.as_str()),
                        sse_kms_encryption_context: sealing.context,
                        ..Output::default()
                    };
                    output.set_encrypted(upload.kms.as_deref());
                    return Ok(output);
                }
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(state_failed(error)),
            }
        }
        Err(Error::OperationAborted.into())
    }
}

/// How the whole is to be summed up, if the request says.
fn checksum(algorithm: Option<&str>, kind: Option<&str>) -> Result<Option<(Algorithm, Kind)>, ApiError> {
    let refused = |text: String| Err(Error::InvalidRequest(text).into());
    let Some(name) = algorithm else {
        return match kind {
            None => Ok(None),
            Some(_) => refused(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.".to_owned(),
            ),
        };
    };
    let Some(algorithm) = Algorithm::parse(name) else {
        return refused(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: \
            [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"
                .to_owned(),
        );
    };
    let algorithm = algorithm.supported()?;
    let kind = match kind {
        None => algorithm.default_kind(),
        Some("COMPOSITE") => Kind::Composite,
        Some("FULL_OBJECT") => Kind::FullObject,
        Some(_) => return refused("Value for x-amz-checksum-type header is invalid.".to_owned()),
    };
    if !algorithm.allows(kind) {
        let (kind, name) = (kind.as_str(), algorithm.as_str().to_lowercase());
        return refused(format!("The {kind} checksum type cannot be used with the {name} checksum algorithm."));
    }
    Ok(Some((algorithm, kind)))
}
