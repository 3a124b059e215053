//! How a result gets into a bucket: as gzip CSV, with a file that names the hash of each and is signed by a key that signs digests.
//! The same result always gives the same bytes, so that doing it again after a crash changes nothing.
//!
//! Source: CloudTrail user guide, "Get and download saved query results", "CloudTrail sign file structure", "Custom implementations
//! of CloudTrail query result file integrity validation".

use std::fmt::Write as _;
use std::io::Write as _;

use base::Timestamp;
use bytes::Bytes;
use flate2::{Compression, GzBuilder};
use ports::lake::TextRow;
use ports::{BucketError, ServicePut};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::results::read_piece;
use super::row::{Delivery, DeliveryStatus, Query};
use crate::delivery::worker::{ACL, PRINCIPAL};
use crate::shared::Shared;

/// A file ends when it has so many bytes before they are packed.
const FILE_BYTES_MAX: usize = 128 * 1024 * 1024;

/// The sign file, in the order that AWS writes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SignFile<'a> {
    version: &'static str,
    region: &'a str,
    files: &'a [SignedFile],
    hash_algorithm: &'static str,
    signature_algorithm: &'static str,
    query_complete_time: String,
    hash_signature: String,
    public_key_fingerprint: &'a str,
}

/// A result file, as the sign file names it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SignedFile {
    file_hash_value: String,
    file_name: String,
}

/// Writes all files of a finished query. What it says is final.
pub async fn deliver(shared: &Shared, query: &Query, delivery: &Delivery) -> DeliveryStatus {
    let files = match deliver_rows(shared, query, delivery).await {
        Ok(files) => files,
        Err(status) => return status,
    };
    match deliver_sign_file(shared, query, delivery, &files).await {
        Ok(()) => DeliveryStatus::Success,
        Err(status) => status,
    }
}

/// What a bucket would be asked to take: for the check before a query runs.
pub fn probe(account: &str, delivery: &Delivery, id: &str, at: Timestamp) -> ServicePut {
    put(account, delivery, &key(account, delivery, id, at, "result_1.csv.gz"), Bytes::new(), "application/gzip")
}

fn key(account: &str, delivery: &Delivery, id: &str, at: Timestamp, file: &str) -> String {
    let slash = if delivery.prefix.is_empty() { "" } else { "/" };
    let date = at.ymd_path();
    format!("{}{slash}AWSLogs/{account}/CloudTrail-Lake/Query/{date}/{id}/{file}", delivery.prefix)
}

fn put(account: &str, delivery: &Delivery, key: &str, body: Bytes, content_type: &str) -> ServicePut {
    ServicePut {
        principal: PRINCIPAL.to_owned(),
        source_arn: delivery.source_arn.clone(),
        source_account: account.to_owned(),
        bucket: delivery.bucket.clone(),
        key: key.to_owned(),
        body,
        acl: ACL.to_owned(),
        content_type: Some(content_type.to_owned()),
        content_encoding: None,
        metadata: Vec::new(),
        kms_key: None,
    }
}

async fn deliver_rows(shared: &Shared, query: &Query, delivery: &Delivery) -> Result<Vec<SignedFile>, DeliveryStatus> {
    let mut files = Vec::new();
    let mut csv = String::new();
    write_row(&mut csv, query.columns.iter().map(|name| Some(name.as_str())));
    let header = csv.len();
    for number in 0..query.chunks.len() {
        let rows = read_piece(&*shared.objects, query, number).await.map_err(|error| {
            tracing::error!(query = query.id, error = error.log, "a result cannot be read");
            DeliveryStatus::Failed
        })?;
        for row in rows {
            write_text_row(&mut csv, &row);
        }
        if csv.len() >= FILE_BYTES_MAX && number + 1 < query.chunks.len() {
            let rest = csv[..header].to_owned();
            files
                .push(deliver_file(shared, query, delivery, files.len() + 1, std::mem::replace(&mut csv, rest)).await?);
        }
    }
    files.push(deliver_file(shared, query, delivery, files.len() + 1, csv).await?);
    Ok(files)
}

async fn deliver_file(
    shared: &Shared,
    query: &Query,
    delivery: &Delivery,
    number: usize,
    csv: String,
) -> Result<SignedFile, DeliveryStatus> {
    let packed = worker::blocking(move || {
        let mut packer = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::default());
        packer.write_all(csv.as_bytes()).expect("memory takes all");
        let packed = Bytes::from(packer.finish().expect("memory takes all"));
        let hash = base::ids::hex(&Sha256::digest(&packed));
        (packed, hash)
    });
    let (packed, file_hash_value) = packed.await.map_err(|error| {
        tracing::error!(query = query.id, %error, "a result cannot be packed");
        DeliveryStatus::Failed
    })?;
    let file_name = format!("result_{number}.csv.gz");
    let account = &shared.account;
    let key = key(account, delivery, &query.id, completed(query), &file_name);
    let put = put(account, delivery, &key, packed, "application/gzip");
    shared.buckets.put(put).await.map_err(|error| status_of(&error, false))?;
    Ok(SignedFile { file_hash_value, file_name })
}

async fn deliver_sign_file(
    shared: &Shared,
    query: &Query,
    delivery: &Delivery,
    files: &[SignedFile],
) -> Result<(), DeliveryStatus> {
    let failed = |error: String| {
        tracing::error!(query = query.id, error, "the result of a query cannot be signed");
        DeliveryStatus::FailedSigningFile
    };
    let at = completed(query);
    let signing = shared.signer.current(at).await.map_err(|error| failed(error.to_string()))?;
    // What is signed: the hashes, with a space between them.
    let hashes: Vec<&str> = files.iter().map(|file| file.file_hash_value.as_str()).collect();
    let (text, key_to_sign) = (hashes.join(" "), std::sync::Arc::clone(&signing));
    let signed =
        worker::blocking(move || key_to_sign.sign_hex(&text)).await.map_err(|error| failed(error.to_string()))?;
    let document = SignFile {
        version: "1.0",
        region: query.region.as_str(),
        files,
        hash_algorithm: "SHA-256",
        signature_algorithm: "SHA256withRSA",
        query_complete_time: at.iso8601_secs(),
        hash_signature: signed.map_err(|error| failed(error.to_string()))?,
        public_key_fingerprint: &signing.fingerprint,
    };
    let body = serde_json::to_vec(&document).expect("a document with string keys");
    let account = &shared.account;
    let key = key(account, delivery, &query.id, at, "result_sign.json");
    let put = put(account, delivery, &key, body.into(), "application/json");
    shared.buckets.put(put).await.map_err(|error| status_of(&error, true))
}

/// When the query was over: dates the files, and picks the key that signs.
fn completed(query: &Query) -> Timestamp {
    Timestamp::from_ms(query.finished_ms.unwrap_or(query.created_ms)).trunc_secs()
}

fn status_of(error: &BucketError, signing: bool) -> DeliveryStatus {
    match (error, signing) {
        (BucketError::NoSuchBucket | BucketError::NoSuchKey, _) => DeliveryStatus::ResourceNotFound,
        (BucketError::AccessDenied | BucketError::Kms(_), false) => DeliveryStatus::AccessDenied,
        (BucketError::AccessDenied | BucketError::Kms(_), true) => DeliveryStatus::AccessDeniedSigningFile,
        (BucketError::Unavailable(_), false) => DeliveryStatus::Failed,
        (BucketError::Unavailable(_), true) => DeliveryStatus::FailedSigningFile,
    }
}

fn write_text_row(csv: &mut String, row: &TextRow) {
    write_row(csv, row.iter().map(Option::as_deref));
}

/// A line of CSV: every value in quotes, null as nothing.
fn write_row<'v>(csv: &mut String, values: impl Iterator<Item = Option<&'v str>>) {
    for (at, value) in values.enumerate() {
        let comma = if at > 0 { "," } else { "" };
        match value {
            Some(value) => write!(csv, "{comma}\"{}\"", value.replace('"', "\"\"")).expect("text takes text"),
            None => csv.push_str(comma),
        }
    }
    csv.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_tells_null_from_nothing() {
        let mut csv = String::new();
        let text = |value: &str| Some(value.to_owned());
        write_text_row(&mut csv, &vec![text("a,b"), None, text(""), text("say \"x\"\nand go")]);
        assert_eq!(csv, "\"a,b\",,\"\",\"say \"\"x\"\"\nand go\"\n");
    }
}
