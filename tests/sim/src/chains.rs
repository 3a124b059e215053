//! I3: digests as a validator that trusts nothing reads them.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use record::digest::Digest;
use record::file::sha256_hex;
use record::keys::DigestKey;
use serde_json::json;

use crate::Stopped;
use crate::client::{Line, Request, Who};
use crate::files::{DigestFile, Files, LogFile};
use crate::oracle::Record;
use crate::setup::must;

/// The name and the home region of a trail, and the region of its log files.
type Chain = (String, String, String, bool);

/// Checks every digest, and that every log file that must be is in one. Returns how many digests there are.
pub(crate) async fn check(line: &Line, files: &Files, cut: u64) -> Result<usize, Stopped> {
    let keys = public_keys(line).await?;
    match chains(line, files, cut, &keys) {
        Ok(count) => Ok(count),
        Err(what) => {
            line.witness.violated(3, what);
            Err(Stopped)
        }
    }
}

/// DER by fingerprint.
async fn public_keys(line: &Line) -> Result<BTreeMap<String, Vec<u8>>, Stopped> {
    let body = json!({ "StartTime": 1_795_000_000, "EndTime": 1_800_000_000 });
    let list = must(line, &Request::json(Who::Root, "cloudtrail", "ListPublicKeys", &body)).await?.json();
    let keys =
        list["PublicKeyList"].as_array().into_iter().flatten().filter_map(|key| {
            Some((key["Fingerprint"].as_str()?.to_owned(), BASE64.decode(key["Value"].as_str()?).ok()?))
        });
    Ok(keys.collect())
}

fn chains(line: &Line, files: &Files, cut: u64, keys: &BTreeMap<String, Vec<u8>>) -> Result<usize, String> {
    let logs: BTreeMap<(&str, &str), &LogFile> =
        files.logs.iter().map(|file| ((file.bucket.as_str(), file.key.as_str()), file)).collect();
    let mut by_chain: BTreeMap<Chain, Vec<(Digest, &DigestFile)>> = BTreeMap::new();
    let mut listed: BTreeMap<(String, String), String> = BTreeMap::new();
    for file in &files.digests {
        let digest = signed(file, keys)?;
        let key = DigestKey::parse(&file.key).ok_or_else(|| format!("{} is no digest's key", file.key))?;
        for log in &digest.log_files {
            let place = (log.s3_bucket.clone(), log.s3_object.clone());
            let there = logs.get(&(log.s3_bucket.as_str(), log.s3_object.as_str()));
            if there.is_none_or(|there| there.sha256_hex != log.hash_value) {
                return Err(format!("{} lists {place:?}, which is not there or has another content", file.key));
            }
            if let Some(other) = listed.insert(place.clone(), file.key.clone()) {
                return Err(format!("{place:?} is in the digests {other} and {}", file.key));
            }
        }
        let chain = (key.trail_name.to_owned(), key.home_region.to_owned(), key.region.to_owned(), key.backfill);
        by_chain.entry(chain).or_default().push((digest, file));
    }
    let epochs: BTreeMap<String, usize> = line
        .witness
        .with_oracle(|oracle| oracle.chains.iter().map(|(arn, chains)| (arn.clone(), chains.len())).collect());
    for ((name, home, region, backfill), digests) in by_chain {
        let starts = follow(&digests, backfill)?;
        let arn = format!("arn:aws:cloudtrail:{home}:{}:trail/{name}", crate::client::ACCOUNT);
        let most = epochs.get(&arn).copied().unwrap_or(0);
        if starts > most {
            return Err(format!(
                "the digests of {name} in {region} begin anew {starts} times; there were {most} chains"
            ));
        }
    }
    all_listed(line, files, cut, &listed)?;
    Ok(files.digests.len())
}

/// Follows the links of a chain's digests from those that begin it; all must be met, each once. Returns how often it begins.
fn follow(digests: &[(Digest, &DigestFile)], backfill: bool) -> Result<usize, String> {
    let mut after: BTreeMap<(&str, &str), &(Digest, &DigestFile)> = BTreeMap::new();
    let mut reached = Vec::new();
    for entry in digests {
        let (digest, file) = entry;
        if digest.digest_start_time >= digest.digest_end_time {
            return Err(format!("{} ends before it starts", file.key));
        }
        match (&digest.previous_digest_s3_bucket, &digest.previous_digest_s3_object) {
            (Some(bucket), Some(key)) => {
                if let Some((_, other)) = after.insert((bucket, key), entry) {
                    return Err(format!("{} and {} both follow {key}", other.key, file.key));
                }
            }
            _ => reached.push(entry),
        }
    }
    let starts = reached.len();
    let mut met = 0;
    while let Some(before) = reached.pop() {
        met += 1;
        if let Some(next) = after.remove(&(before.1.bucket.as_str(), before.1.key.as_str())) {
            linked(&next.0, next.1, before, backfill)?;
            reached.push(next);
        }
    }
    match after.into_iter().next() {
        None => Ok(starts),
        Some(((_, key), (_, file))) => {
            Err(format!("{} follows {key}, which is not there; {met} of {} are linked", file.key, digests.len()))
        }
    }
}

/// Reads a digest and checks its signature and its place.
fn signed(file: &DigestFile, keys: &BTreeMap<String, Vec<u8>>) -> Result<Digest, String> {
    let digest = Digest::parse(&file.content).map_err(|error| format!("{}: {error}", file.key))?;
    if digest.digest_s3_bucket != file.bucket || digest.digest_s3_object != file.key {
        return Err(format!("{}/{} says that it is elsewhere", file.bucket, file.key));
    }
    let key = keys.get(&digest.digest_public_key_fingerprint);
    let key = key.ok_or_else(|| format!("{} is signed with a key that nobody knows", file.key))?;
    let signature = base::ids::unhex(&file.signature_hex).ok_or_else(|| format!("{} is not signed", file.key))?;
    let text = digest.string_to_sign(&file.content);
    let verified = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(text.as_bytes(), &signature);
    verified.map_err(|_| format!("the signature of {} does not fit", file.key))?;
    Ok(digest)
}

fn linked(digest: &Digest, file: &DigestFile, before: &(Digest, &DigestFile), backfill: bool) -> Result<(), String> {
    let (previous, previous_file) = before;
    let right = digest.previous_digest_s3_bucket.as_deref() == Some(&previous_file.bucket)
        && digest.previous_digest_s3_object.as_deref() == Some(&previous_file.key)
        && digest.previous_digest_hash_value.as_deref() == Some(&sha256_hex(&previous_file.content))
        && digest.previous_digest_signature.as_deref() == Some(&previous_file.signature_hex);
    if !right {
        return Err(format!("{} does not link to {}, which is before it", file.key, previous_file.key));
    }
    // After the clock was set back a digest ends before the one that it follows: nobody knows how much time went by. A backfill digest
    // covers what was late, whenever that was.
    let set_back = digest.digest_end_time <= previous.digest_end_time;
    if !backfill && !set_back && digest.digest_start_time != previous.digest_end_time {
        let (start, end) = (&digest.digest_start_time, &previous.digest_end_time);
        return Err(format!("{} starts at {start}; the one before ended at {end}", file.key));
    }
    Ok(())
}

/// A file is in a digest if its trail had a chain when its last record came. Where trails share a place, all of them must agree.
fn all_listed(line: &Line, files: &Files, cut: u64, listed: &BTreeMap<(String, String), String>) -> Result<(), String> {
    // A trail that an open call has stopped gets its last digest when the next start settles that call.
    if line.witness.with_oracle(|oracle| !oracle.open.is_empty()) {
        return Ok(());
    }
    let records = line.witness.records();
    let by_event: BTreeMap<&str, &Record> = records.iter().map(|record| (record.event_id.as_str(), record)).collect();
    for file in &files.logs {
        let of_file: Vec<&Record> =
            file.events.iter().filter_map(|event| by_event.get(event.as_str()).copied()).collect();
        if of_file.iter().any(|record| record.seq >= cut) {
            continue;
        }
        let place = file.place();
        let validated: BTreeSet<bool> = line.witness.with_oracle(|oracle| {
            let selecting = of_file.iter().flat_map(|record| &record.trails);
            let here = selecting.filter(|(arn, _)| oracle.places.get(arn).is_some_and(|all| all.contains(&place)));
            here.map(|(arn, _)| oracle.chains.contains_key(arn)).collect()
        });
        let is_listed = listed.contains_key(&(file.bucket.clone(), file.key.clone()));
        if validated.len() == 1 && validated.contains(&!is_listed) {
            let word = if is_listed { "is in a digest" } else { "is in no digest" };
            return Err(format!("{}/{} {word}", file.bucket, file.key));
        }
    }
    Ok(())
}
