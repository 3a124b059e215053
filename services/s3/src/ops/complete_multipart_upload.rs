//! CompleteMultipartUpload: makes an object of an upload's parts, in one commit and without copying them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use service::{ApiError, Call, Operation};
use state::{Expect, Op, Range};

use crate::bucket::Bucket;
use crate::checksum::{Checksum, Given, Kind, mismatch, of_parts};
use crate::completed::{Outcome, digest};
use crate::content::{Manifest, Piece, Stored};
use crate::error::{Error, invalid_argument, state_failed};
use crate::garbage::Ended;
use crate::members::members;
use crate::multipart::{PART_BYTES_MIN, PARTS_MAX, Part, Upload, parts_prefix, upload_key};
use crate::object::{Data, Version, quoted};
use crate::{COMMIT_TRIES, S3, TABLE_ENDED, TABLE_MANIFESTS, TABLE_PARTS, TABLE_UPLOADS, to_json};

/// See the module.
pub struct CompleteMultipartUpload;

/// The parts that are to become the object.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Completed {
    parts: Vec<CompletedPart>,
}

members! { input CompletedPart {
    #[serde(rename = "ETag")]
    pub etag: Option<String>,
    pub part_number: Option<i64>,
} checksums }

members! { input Input {
    pub key: String,
    pub upload_id: String,
    pub multipart_upload: Option<Completed>,
    pub checksum_type: Option<String>,
    pub mpu_object_size: Option<i64>,
} bucket checksums write_conditions customer_key }

members! { output Output {
    pub location: String,
    pub bucket: String,
    pub key: String,
    #[serde(rename = "ETag")]
    pub etag: String,
    pub checksum_type: Option<&'static str>,
    pub version_id: Option<String>,
    pub expiration: Option<String>,
} checksums encrypted }

impl Operation for CompleteMultipartUpload {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "CompleteMultipartUpload";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}/{Key}";
    const ACTION: &'static str = "PutObject";
    // Who pays makes no difference.
    const IGNORES: &'static [&'static str] = &["RequestPayer"];

    async fn run(s3: &S3, call: &Call, input: Input) -> Result<Output, ApiError> {
        input.check_customer_key()?;
        let condition = input.conditions()?;
        let region = input.bucket(s3).await?.writable()?.region;
        let Some(completed) = &input.multipart_upload else {
            return Err(Error::InvalidRequest("You must specify at least one part".to_owned()).into());
        };
        let listed = &completed.parts[..];
        if listed.is_empty() || listed.len() > usize::try_from(PARTS_MAX).unwrap_or(usize::MAX) {
            return Err(Error::MalformedXML.into());
        }
        for _ in 0..COMMIT_TRIES {
            let upload = match s3.upload(&input.bucket, &input.key, &input.upload_id).await {
                Err(error) if error.code == "NoSuchUpload" => return again(s3, call, input, error).await,
                upload => upload?,
            };
            let parts = chosen(listed, &all_parts(s3, &upload.id).await?, &upload)?;
            let new = version(s3, &input, &upload, &parts)?;
            // As on AWS, who completes an upload must be able to read what it makes.
            s3.unlock_for(call, region, upload.kms.as_deref()).await?;
            let stored = Stored::before(new.data.clone());
            let ending = ending(&input, &upload, &new, parts);
            let named = listed.iter().filter_map(|part| part.part_number.zip(part.etag.as_deref()));
            let listed = digest(named);
            let extra = |version: &Version| {
                let completed = outcome(version, &listed);
                ending.iter().cloned().chain([completed.put(&input.bucket, &input.key, &upload.id)]).collect()
            };
            match s3.put_version_with(&input.bucket, &input.key, new, stored, &condition, extra).await {
                Ok((version, bucket)) => {
                    let expiration = s3.expiration(&bucket, &input.key, &version).await?;
                    return Ok(answer(call, input, &bucket, outcome(&version, &listed), expiration));
                }
                // The upload changed meanwhile: a part was replaced, or it has ended.
                Err(error) if error.code == "OperationAborted" => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::OperationAborted.into())
    }
}

/// What is kept of an upload that made this version.
fn outcome(version: &Version, parts: &str) -> Outcome {
    Outcome {
        v: 1,
        at_ms: version.modified_ms,
        parts: parts.to_owned(),
        etag: version.etag.clone(),
        version_id: Some(version.id.clone()),
        checksum: version.checksum.clone(),
        sealed: version.data.is_sealed(),
        kms: version.kms.clone(),
    }
}

/// The answer to completing what was completed a short while ago: the same once more, or `refusal`.
async fn again(s3: &S3, call: &Call, input: Input, refusal: ApiError) -> Result<Output, ApiError> {
    let listed = input.multipart_upload.iter().flat_map(|completed| &completed.parts);
    let parts = digest(listed.filter_map(|part| part.part_number.zip(part.etag.as_deref())));
    let completed = s3.completed(&input.bucket, &input.key, &input.upload_id, &parts).await?.ok_or(refusal)?;
    let bucket = input.bucket(s3).await?;
    Ok(answer(call, input, &bucket, completed, None))
}

fn answer(call: &Call, input: Input, bucket: &Bucket, made: Outcome, expiration: Option<String>) -> Output {
    let mut output = Output {
        location: format!("http://{}/{}/{}", call.host, input.bucket, input.key),
        bucket: input.bucket,
        key: input.key,
        etag: quoted(&made.etag),
        version_id: made.version_id.filter(|_| bucket.versioning.is_some()),
        expiration,
        ..Output::default()
    };
    if made.sealed {
        output.set_encrypted(made.kms.as_deref());
    }
    if let Some(checksum) = made.checksum {
        output.checksum_type = Some(checksum.kind.as_str());
        output.set_checksum(checksum.algorithm, checksum.text);
    }
    output
}

async fn all_parts(s3: &S3, upload_id: &str) -> Result<BTreeMap<u32, Part>, ApiError> {
    let mut parts = BTreeMap::new();
    let mut unreadable = None;
    state::scan_all::<state::Error>(&*s3.state, TABLE_PARTS, Range::prefix(parts_prefix(upload_id)), |row| {
        match serde_json::from_slice::<Part>(&row.value) {
            Ok(part) => drop(parts.insert(part.number, part)),
            Err(error) => unreadable = Some(error),
        }
        Ok(true)
    })
    .await
    .map_err(state_failed)?;
    unreadable.map_or(Ok(parts), |error| Err(ApiError::internal(error)))
}

/// The parts that the caller lists, if each is as it says.
fn chosen(listed: &[CompletedPart], all: &BTreeMap<u32, Part>, upload: &Upload) -> Result<Vec<Part>, ApiError> {
    let mut parts: Vec<Part> = Vec::with_capacity(listed.len());
    for item in listed {
        let Some(number) = item.part_number else { return Err(Error::MalformedXML.into()) };
        let number = u32::try_from(number).ok().filter(|number| (1..=PARTS_MAX).contains(number)).ok_or_else(|| {
            let text = "PartNumber must be >= 1 and <= 10000";
            invalid_argument("partNumber", &number.to_string(), text)
        })?;
        if parts.last().is_some_and(|last| last.number >= number) {
            return Err(Error::InvalidPartOrder.into());
        }
        let etag = item.etag.as_deref().ok_or(Error::MalformedXML)?;
        let wrong = || {
            ApiError::from(Error::InvalidPart)
                .with("UploadId", upload.id.as_str())
                .with("PartNumber", number.to_string())
                .with("ETag", etag)
        };
        let part = all.get(&number).filter(|part| part.etag == etag.trim_matches('"')).ok_or_else(wrong)?;
        let given = item.checksums().into_iter().find_map(|(algorithm, value)| value.map(|value| (algorithm, value)));
        match (given, &part.checksum) {
            (Some((algorithm, value)), Some((known, sum))) if algorithm == *known && value != sum => {
                return Err(wrong());
            }
            (None, _) => {
                if let Some((algorithm, Kind::Composite)) = upload.checksum {
                    let name = algorithm.as_str().to_lowercase();
                    let text = format!(
                        "The upload was created using a {name} checksum. The complete request must include the checksum \
                         for each part. It was missing for part {number} in the request."
                    );
                    return Err(Error::InvalidRequest(text).into());
                }
            }
            _ => {}
        }
        parts.push(part.clone());
    }
    if let Some((_, but_last)) = parts.split_last()
        && let Some(small) = but_last.iter().find(|part| part.size < PART_BYTES_MIN)
    {
        return Err(ApiError::from(Error::EntityTooSmall)
            .with("ProposedSize", small.size.to_string())
            .with("MinSizeAllowed", PART_BYTES_MIN.to_string())
            .with("PartNumber", small.number.to_string())
            .with("ETag", small.etag.as_str()));
    }
    Ok(parts)
}

/// The object that the parts make.
fn version(s3: &S3, input: &Input, upload: &Upload, parts: &[Part]) -> Result<Version, ApiError> {
    let size = parts.iter().map(|part| part.size).sum::<u64>();
    if let Some(wanted) = input.mpu_object_size
        && u64::try_from(wanted).ok() != Some(size)
    {
        let text = format!("The provided 'x-amz-mp-object-size' header does not match what was computed: {size}");
        return Err(Error::InvalidRequest(text).into());
    }
    let mut tags = Vec::with_capacity(parts.len() * 16);
    for part in parts {
        let raw = base::ids::unhex(&part.etag);
        tags.extend(raw.ok_or_else(|| ApiError::internal("a part's entity tag is not hexadecimal"))?);
    }
    let md5 = base::ids::hex(&crate::checksum::Algorithm::Md5.of(&tags));
    Ok(Version {
        size,
        etag: format!("{md5}-{}", parts.len()),
        data: Data::Parts(s3.name_of_parts(parts.iter().map(|part| &part.data))),
        headers: upload.headers.clone(),
        tags: upload.tags.clone(),
        lock: upload.lock.clone(),
        grants: upload.grants.clone(),
        kms: upload.kms.clone(),
        checksum: checksum(&input.checksums(), input.checksum_type.as_deref(), upload, parts)?,
        parts: u32::try_from(parts.len()).unwrap_or(PARTS_MAX),
        ..Version::default()
    })
}

/// The checksum of the whole, if it is what the caller says.
fn checksum(
    given: &Given<'_>,
    given_kind: Option<&str>,
    upload: &Upload,
    parts: &[Part],
) -> Result<Option<Checksum>, ApiError> {
    // Where the caller named no algorithm for the whole, that of its parts will do if it can be of the whole.
    let of_first = parts.first().and_then(|part| part.checksum.as_ref()).map(|(algorithm, _)| *algorithm);
    let (algorithm, kind) = match of_first.filter(|algorithm| algorithm.allows(Kind::FullObject)) {
        Some(algorithm) if upload.checksum.is_none() => (algorithm, Kind::FullObject),
        _ => upload.summed(),
    };
    if upload.checksum.is_some() && given_kind.is_some_and(|given| given != kind.as_str()) {
        let text = format!(
            "The upload was created using the {} checksum mode. The complete request must use the same checksum mode.",
            kind.as_str()
        );
        return Err(Error::InvalidRequest(text).into());
    }
    let sums: Option<Vec<(&str, u64)>> = parts
        .iter()
        .map(|part| part.checksum.as_ref().filter(|(a, _)| *a == algorithm).map(|(_, text)| (text.as_str(), part.size)))
        .collect();
    // Parts of such an upload may each have another: then the whole has no checksum.
    let made = sums.and_then(|sums| of_parts(algorithm, kind, sums.into_iter()));
    for (algorithm, value) in given.iter().filter_map(|(algorithm, value)| value.map(|value| (*algorithm, value))) {
        match &made {
            Some(made) if made.algorithm == algorithm && made.text != value => return Err(mismatch(algorithm)),
            _ => {}
        }
    }
    Ok(made)
}

/// What ends the upload, in the same commit.
fn ending(input: &Input, upload: &Upload, new: &Version, parts: Vec<Part>) -> Vec<Op> {
    let Data::Parts(name) = &new.data else { return Vec::new() };
    let names = parts.iter().filter_map(|part| match &part.data {
        Data::Small(name) | Data::Blob(name) | Data::Parts(name) => Some(name.clone()),
        Data::Empty => None,
    });
    let ended = Ended { v: 1, used: names.collect::<BTreeSet<_>>() };
    let algorithm = new.checksum.as_ref().map(|checksum| checksum.algorithm);
    let pieces = parts.into_iter().map(|part| Piece {
        number: part.number,
        size: part.size,
        data: part.data,
        checksum: part.checksum.filter(|(known, _)| Some(*known) == algorithm).map(|(_, text)| text),
    });
    let manifest = Manifest { v: 1, parts: pieces.collect() };
    let key = upload_key(&input.bucket, &input.key, &upload.id);
    vec![
        // As it was before its parts were looked at: see `put_part`.
        Op::Delete { table: TABLE_UPLOADS, key, expect: Expect::Rev(upload.rev) },
        Op::Put { table: TABLE_ENDED, key: parts_prefix(&upload.id), value: to_json(&ended), expect: Expect::Any },
        Op::Put { table: TABLE_MANIFESTS, key: name.clone().into(), value: to_json(&manifest), expect: Expect::Absent },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::garbage::Collected;
    use crate::harness::*;
    use crate::ops::*;

    async fn begin(s3: &S3, algorithm: Option<&str>, kind: Option<&str>) -> String {
        let input = create_multipart_upload::Input {
            bucket: "bkt".into(),
            key: "k".into(),
            content_type: Some("text/plain".into()),
            tagging: Some("a=1".into()),
            checksum_algorithm: algorithm.map(str::to_owned),
            checksum_type: kind.map(str::to_owned),
            ..Default::default()
        };
        call::<CreateMultipartUpload>(s3, input).await.unwrap().upload_id
    }

    async fn part(s3: &S3, id: &str, number: i64, body: Vec<u8>) -> Result<upload_part::Output, ApiError> {
        let input = upload_part::Input {
            bucket: "bkt".into(),
            key: "k".into(),
            upload_id: id.into(),
            part_number: number,
            ..Default::default()
        };
        send::<UploadPart>(s3, input, body).await
    }

    fn input(id: &str, parts: &[(i64, &upload_part::Output)]) -> Input {
        let parts = parts.iter().map(|(number, part)| CompletedPart {
            part_number: Some(*number),
            etag: Some(part.etag.clone()),
            checksum_sha256: part.checksum_sha256.clone(),
            ..CompletedPart::default()
        });
        let multipart_upload = Some(Completed { parts: parts.collect() });
        Input { bucket: "bkt".into(), key: "k".into(), upload_id: id.into(), multipart_upload, ..Input::default() }
    }

    const MIN: usize = 5 * 1024 * 1024;

    #[tokio::test]
    async fn who_asks_again_is_told_the_same_for_a_while() {
        let stand = Stand::new();
        let s3 = stand.start();
        bucket(&s3, "bkt").await;
        versioning(&s3, "bkt", "Enabled").await;
        let id = begin(&s3, None, None).await;
        let one = part(&s3, &id, 1, vec![1; 10]).await.unwrap();
        let two = part(&s3, &id, 2, vec![2; 10]).await.unwrap();
        let again = async || {
            let done = call::<CompleteMultipartUpload>(&s3, input(&id, &[(2, &two)])).await;
            done.map(|done| (done.etag, done.version_id, done.checksum_crc64nvme))
                .map_err(|error| error.code.into_owned())
        };
        let first = again().await.unwrap();
        assert_eq!(again().await.unwrap(), first);
        // After a restart, after the parts were cleared away and the object overwritten, too; it does nothing.
        put(&s3, "bkt", "k", "new").await;
        stand.start().recover().await.unwrap();
        assert_eq!(again().await.unwrap(), first);
        assert_eq!(content_of(&s3).await, "new");
        let other = call::<CompleteMultipartUpload>(&s3, input(&id, &[(1, &one)])).await;
        assert_eq!(other.unwrap_err().code, "NoSuchUpload");
        stand.clock.0.fetch_add(2 * base::time::HOUR_MS, std::sync::atomic::Ordering::SeqCst);
        s3.collect_garbage().await.unwrap();
        assert_eq!(again().await.unwrap_err(), "NoSuchUpload");
    }

    #[tokio::test]
    async fn an_upload_wants_parts() {
        let s3 = service();
        bucket(&s3, "bkt").await;
        let id = begin(&s3, None, None).await;
        let empty = call::<CompleteMultipartUpload>(&s3, input(&id, &[])).await.unwrap_err();
        assert_eq!(empty.code, "MalformedXML");
        let none = Input { multipart_upload: None, ..input(&id, &[]) };
        let none = call::<CompleteMultipartUpload>(&s3, none).await.unwrap_err();
        assert_eq!(
            (none.code.as_ref(), none.message.as_str()),
            ("InvalidRequest", "You must specify at least one part")
        );
    }

    /// A reader that takes its time: the object is overwritten and what it had is collected meanwhile.
    #[tokio::test]
    async fn what_is_being_read_stays() {
        use service::Operation as _;
        let stand = Stand::new();
        let s3 = stand.start();
        bucket(&s3, "bkt").await;
        let id = begin(&s3, None, None).await;
        let one = part(&s3, &id, 1, vec![1; MIN]).await.unwrap();
        let two = part(&s3, &id, 2, vec![2; 20_000]).await.unwrap();
        call::<CompleteMultipartUpload>(&s3, input(&id, &[(1, &one), (2, &two)])).await.unwrap();
        let call = a_call();
        let read = get_object::Input { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
        GetObject::run(&s3, &call, read).await.unwrap();
        let mut body = call.reply.lock().unwrap().body.take().unwrap();
        let first = body.next().await.unwrap().unwrap();
        put(&s3, "bkt", "k", "new").await;
        for _ in 0..3 {
            stand.clock.0.fetch_add(base::time::DAY_MS, std::sync::atomic::Ordering::SeqCst);
            assert_eq!(s3.collect_garbage().await.unwrap().blobs, 0);
        }
        let rest = body.collect(usize::MAX).await.unwrap();
        assert_eq!([first, rest].concat(), [vec![1; MIN], vec![2; 20_000]].concat());
        assert_eq!(s3.collect_garbage().await.unwrap().blobs, 2);
    }

    #[tokio::test]
    async fn parts_become_an_object_and_the_rest_goes() {
        let stand = Stand::new();
        let s3 = stand.start();
        bucket(&s3, "bkt").await;
        let id = begin(&s3, None, None).await;
        let first = part(&s3, &id, 1, vec![1; MIN]).await.unwrap();
        let unused = part(&s3, &id, 2, vec![9; 300_000]).await.unwrap();
        part(&s3, &id, 7, vec![8; 300_000]).await.unwrap();
        let last = part(&s3, &id, 7, vec![2; 1000]).await.unwrap();
        drop(unused);
        let output = call::<CompleteMultipartUpload>(&s3, input(&id, &[(1, &first), (7, &last)])).await.unwrap();
        assert!(output.etag.ends_with("-2\""), "{}", output.etag);
        let whole = [vec![1; MIN], vec![2; 1000]].concat();
        let sum = crate::checksum::Algorithm::Crc64Nvme.of(&whole);
        use base64::Engine as _;
        assert_eq!(output.checksum_crc64nvme, Some(base64::engine::general_purpose::STANDARD.encode(sum)));
        let read = |part_number, range: Option<&str>| get_object::Input {
            bucket: "bkt".into(),
            key: "k".into(),
            part_number,
            range: range.map(str::to_owned),
            ..Default::default()
        };
        let (output, content) = get(&s3, read(None, None)).await.unwrap();
        assert_eq!((output.tag_count, output.content_type.as_deref()), (Some(1), Some("text/plain")));
        assert!(content == whole);
        let (_, content) = get(&s3, read(None, Some("bytes=5242878-5242882"))).await.unwrap();
        assert_eq!(content[..], [1, 1, 2, 2, 2]);
        let (output, content) = get(&s3, read(Some(2), None)).await.unwrap();
        assert_eq!((content.len(), output.parts_count), (1000, Some(2)));
        assert_eq!(get(&s3, read(Some(3), None)).await.unwrap_err().code, "InvalidPartNumber");

        assert_eq!(part(&s3, &id, 1, vec![]).await.unwrap_err().code, "NoSuchUpload");
        stand.clock.0.fetch_add(100_000, std::sync::atomic::Ordering::SeqCst);
        // The first of the two parts with number 7; then the part that was not chosen, after its own grace.
        assert_eq!(s3.collect_garbage().await.unwrap(), Collected { blobs: 1, uploads: 1 });
        stand.clock.0.fetch_add(100_000, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(s3.collect_garbage().await.unwrap(), Collected { blobs: 1, uploads: 0 });
        assert_eq!(stand.blobs().await.len(), 1);
        assert!(content_of(&s3).await == whole);
        delete(&s3, "bkt", "k", None).await;
        stand.clock.0.fetch_add(100_000, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(s3.collect_garbage().await.unwrap(), Collected { blobs: 1, uploads: 0 });
        assert_eq!(stand.blobs().await, Vec::<String>::new());
    }

    async fn content_of(s3: &S3) -> bytes::Bytes {
        content(s3, "bkt", "k", None).await.unwrap()
    }

    #[tokio::test]
    async fn what_does_not_fit_is_refused() {
        let s3 = service();
        bucket(&s3, "bkt").await;
        let id = begin(&s3, None, None).await;
        let one = part(&s3, &id, 1, vec![1; 10]).await.unwrap();
        let two = part(&s3, &id, 2, vec![2; 10]).await.unwrap();
        let check = async |input: Input, expected: &str| {
            assert_eq!(call::<CompleteMultipartUpload>(&s3, input).await.unwrap_err().code, expected);
        };
        check(input(&id, &[(1, &one), (2, &two)]), "EntityTooSmall").await;
        check(input(&id, &[(2, &two), (1, &one)]), "InvalidPartOrder").await;
        check(input(&id, &[(1, &two)]), "InvalidPart").await;
        check(input(&id, &[(3, &two)]), "InvalidPart").await;
        check(input(&id, &[]), "MalformedXML").await;
        check(input("x", &[(1, &one)]), "NoSuchUpload").await;
        check(Input { mpu_object_size: Some(11), ..input(&id, &[(1, &one)]) }, "InvalidRequest").await;
        check(Input { checksum_crc64nvme: Some("AAAAAAAAAAA=".into()), ..input(&id, &[(1, &one)]) }, "BadDigest").await;
        put(&s3, "bkt", "k", "x").await;
        check(Input { if_none_match: Some("*".into()), ..input(&id, &[(1, &one)]) }, "PreconditionFailed").await;
        call::<CompleteMultipartUpload>(&s3, input(&id, &[(1, &one)])).await.unwrap();
        assert_eq!(part(&s3, &id, 0, vec![]).await.unwrap_err().code, "InvalidArgument");
    }

    #[tokio::test]
    async fn composite_checksums_want_each_part_named() {
        let s3 = service();
        bucket(&s3, "bkt").await;
        let id = begin(&s3, Some("SHA256"), None).await;
        let one = part(&s3, &id, 1, vec![1; 10]).await.unwrap();
        let nameless = upload_part::Output { etag: one.etag.clone(), ..Default::default() };
        let refused = call::<CompleteMultipartUpload>(&s3, input(&id, &[(1, &nameless)])).await.unwrap_err();
        assert_eq!(refused.code, "InvalidRequest");
        let output = call::<CompleteMultipartUpload>(&s3, input(&id, &[(1, &one)])).await.unwrap();
        assert_eq!(output.checksum_type, Some("COMPOSITE"));
        assert!(output.checksum_sha256.unwrap().ends_with("-1"));
    }

    #[tokio::test]
    async fn aborted_uploads_leave_nothing() {
        let stand = Stand::new();
        let s3 = stand.start();
        bucket(&s3, "bkt").await;
        let id = begin(&s3, None, None).await;
        part(&s3, &id, 1, vec![1; 300_000]).await.unwrap();
        let abort = || abort_multipart_upload::Input {
            bucket: "bkt".into(),
            key: "k".into(),
            upload_id: id.clone(),
            ..Default::default()
        };
        call::<AbortMultipartUpload>(&s3, abort()).await.unwrap();
        assert_eq!(call::<AbortMultipartUpload>(&s3, abort()).await.unwrap_err().code, "NoSuchUpload");
        drop(s3);
        let s3 = stand.start();
        s3.recover().await.unwrap();
        assert_eq!(stand.blobs().await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn uploads_and_parts_are_listed() {
        let s3 = service();
        bucket(&s3, "bkt").await;
        let id = begin(&s3, Some("CRC32"), Some("FULL_OBJECT")).await;
        for number in 1..=3 {
            part_with_crc(&s3, &id, number).await;
        }
        let list = async |max: i64, marker: i64| {
            let input = list_parts::Input {
                bucket: "bkt".into(),
                key: "k".into(),
                upload_id: id.clone(),
                max_parts: Some(max),
                part_number_marker: Some(marker),
                ..Default::default()
            };
            let output = call::<ListParts>(&s3, input).await.unwrap();
            let numbers: Vec<i64> = output.parts.iter().map(|part| part.part_number).collect();
            (numbers, output.is_truncated, output.next_part_number_marker)
        };
        assert_eq!(list(2, 0).await, (vec![1, 2], true, 2));
        assert_eq!(list(2, 2).await, (vec![3], false, 3));
        let input = list_multipart_uploads::Input { bucket: "bkt".into(), ..Default::default() };
        let output = serde_json::to_value(call::<ListMultipartUploads>(&s3, input).await.unwrap()).unwrap();
        assert_eq!(output["Uploads"][0]["UploadId"], *id);
        assert_eq!(output["Uploads"][0]["ChecksumType"], "FULL_OBJECT");
        let input = delete_bucket::Input { bucket: "bkt".into(), ..Default::default() };
        call::<DeleteBucket>(&s3, input).await.unwrap();
        assert_eq!(s3.recover().await.unwrap().uploads, 1);
    }

    async fn part_with_crc(s3: &S3, id: &str, number: i64) {
        let input = upload_part::Input {
            bucket: "bkt".into(),
            key: "k".into(),
            upload_id: id.into(),
            part_number: number,
            checksum_crc32: Some("NhCmhg==".into()),
            ..Default::default()
        };
        send::<UploadPart>(s3, input, "hello").await.unwrap();
        let sha = upload_part::Input {
            bucket: "bkt".into(),
            key: "k".into(),
            upload_id: id.into(),
            part_number: number,
            checksum_sha1: Some("qvTGHdzF6KLavt4PO0gs2a6pQ00=".into()),
            ..Default::default()
        };
        assert_eq!(send::<UploadPart>(s3, sha, "hello").await.unwrap_err().code, "InvalidRequest");
    }
}
