//! Digests of the log files that were made, one an hour for each account and region, chained. They are not signed: nobody has a key.

use std::collections::BTreeMap;

use base::Timestamp;
use base::time::HOUR_MS;
use record::digest::{DigestLogFile, HASH_ALGORITHM, Previous, SIGNATURE_ALGORITHM};
use record::{Digest, DigestKey};

use crate::cell::{File, deflate, place};
use crate::random::wide;
use crate::summary::Summary;
use crate::world::{REGIONS, World};

/// The trail's name.
const TRAIL: &str = "management-events";

/// See [`World::digests`].
pub(crate) fn make<E>(
    world: &World,
    files: Vec<File>,
    mut each: impl FnMut(File) -> Result<(), E>,
) -> Result<Summary, E> {
    let mut summary = Summary::default();
    let Some(bucket) = &world.plan.digest_bucket else { return Ok(summary) };
    let mut hours: BTreeMap<(usize, usize, i64), Vec<File>> = BTreeMap::new();
    for file in files {
        let hour = file.delivered.ms().div_euclid(HOUR_MS);
        hours.entry((file.cell.account, file.cell.region, hour)).or_default().push(file);
    }
    let mut previous: Option<((usize, usize), Previous)> = None;
    for ((account, region, hour), mut files) in hours {
        files.sort_by(|a, b| a.key.cmp(&b.key));
        let start = Timestamp::from_ms(hour * HOUR_MS);
        let end = start.plus_ms(HOUR_MS);
        let key = DigestKey {
            place: place(world, account),
            region: REGIONS[region],
            trail_name: TRAIL,
            home_region: REGIONS[0],
            end,
            backfill: false,
        };
        let time = |time: Option<Timestamp>| time.map(Timestamp::iso8601_secs);
        let mut digest = Digest {
            aws_account_id: world.accounts[account].id.clone(),
            digest_start_time: start.iso8601_secs(),
            digest_end_time: end.iso8601_secs(),
            digest_s3_bucket: bucket.clone(),
            digest_s3_object: key.to_string(),
            digest_public_key_fingerprint: "00".repeat(16),
            digest_signature_algorithm: SIGNATURE_ALGORITHM.to_owned(),
            newest_event_time: time(files.iter().map(|file| file.newest).max()),
            oldest_event_time: time(files.iter().map(|file| file.oldest).min()),
            previous_digest_s3_bucket: None,
            previous_digest_s3_object: None,
            previous_digest_hash_value: None,
            previous_digest_hash_algorithm: None,
            previous_digest_signature: None,
            log_files: Vec::new(),
        };
        digest.log_files = files
            .iter()
            .map(|file| DigestLogFile {
                s3_bucket: bucket.clone(),
                s3_object: file.key.clone(),
                hash_value: file.sha256_hex.clone(),
                hash_algorithm: HASH_ALGORITHM.to_owned(),
                newest_event_time: time(Some(file.newest)),
                oldest_event_time: time(Some(file.oldest)),
            })
            .collect();
        let chain = (account, region);
        digest.set_previous(previous.take().filter(|(of, _)| *of == chain).map(|(_, previous)| previous));
        let content = digest.write();
        previous = Some((chain, digest.as_previous(&content, "")));
        let gzip = deflate(&content);
        summary.digests += 1;
        summary.gzip_bytes += wide(gzip.len());
        let file = File { key: digest.digest_s3_object, gzip, records: 0, ..files.swap_remove(0) };
        each(file)?;
    }
    Ok(summary)
}
