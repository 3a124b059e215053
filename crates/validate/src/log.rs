//! One log file: inflated and hashed as its bytes come.

use futures_util::StreamExt;
use record::DigestLogFile;
use sha2::{Digest as _, Sha256};

use crate::gzip::Inflater;
use crate::problem::{Event, Kind, Problem};
use crate::records::Records;
use crate::source::SourceError;
use crate::work::Work;

/// What a file inflated to after which others get their turn on the same thread.
const TURN_BYTES: u64 = 1024 * 1024;

/// A log file as a digest names it.
#[derive(Clone)]
pub(crate) struct Named {
    pub(crate) file: DigestLogFile,
    /// Of the digest.
    pub(crate) account_id: String,
    pub(crate) region: String,
}

/// Checks a log file: its verdict.
pub(crate) async fn check(work: &Work, named: &Named) -> Event {
    let DigestLogFile { s3_bucket, s3_object, hash_value, .. } = &named.file;
    let invalid = |kind, why: String| Event::Problem(Problem::log(kind, s3_bucket, s3_object, why));
    let format = || invalid(Kind::LogFormat, "invalid format".to_owned());
    let Ok(_turn) = work.turns.acquire().await else {
        return Event::Unchecked(format!("s3://{s3_bucket}/{s3_object}: validation ended before it was read"));
    };
    let mut opened = match work.source.open(s3_bucket, s3_object).await {
        Ok(opened) => opened,
        Err(SourceError::NotFound) => return invalid(Kind::LogMissing, "not found".to_owned()),
        Err(SourceError::NoObject(why)) => return invalid(Kind::LogFormat, why),
        Err(error) => return Event::Unchecked(format!("s3://{s3_bucket}/{s3_object}: {error}")),
    };
    let mut inflater = Inflater::new(work.options.content_bytes_max);
    let mut hash = Sha256::new();
    let mut records = work.options.records.then(|| Records::new(&named.account_id, &named.region));
    let mut turn_at = TURN_BYTES;
    let mut paced = 0;
    while let Some(piece) = opened.pieces.next().await {
        let piece = match piece {
            Ok(piece) => piece,
            Err(error) => return Event::Unchecked(format!("s3://{s3_bucket}/{s3_object}: {error}")),
        };
        let taken = inflater.push(&piece, |content| {
            hash.update(content);
            if let Some(records) = &mut records {
                records.push(content);
            }
        });
        if taken.is_err() {
            return format();
        }
        if inflater.content_bytes() >= turn_at {
            turn_at = inflater.content_bytes() + TURN_BYTES;
            work.pace(inflater.content_bytes() - paced).await;
            paced = inflater.content_bytes();
        }
    }
    work.pace(inflater.content_bytes() - paced).await;
    let bytes: [u8; 32] = hash.finalize().into();
    if base::ids::hex(&bytes) != *hash_value {
        return invalid(Kind::LogHash, "hash value doesn't match".to_owned());
    }
    if let Some(why) = inflater.wrapping().fault() {
        return invalid(Kind::LogBytes, why);
    }
    if let Some(problem) = records.and_then(|records| wrong_records(&records, named)) {
        return Event::Problem(problem);
    }
    let content_bytes = inflater.content_bytes();
    Event::LogFile { bucket: s3_bucket.clone(), key: s3_object.clone(), remembered: false, content_bytes }
}

/// What of the records does not fit key or digest. The hash fits, so this would be the writer's doing.
fn wrong_records(records: &Records, named: &Named) -> Option<Problem> {
    let DigestLogFile { s3_bucket, s3_object, oldest_event_time, newest_event_time, .. } = &named.file;
    let problem = |kind, why: String| Some(Problem::log(kind, s3_bucket, s3_object, why));
    if !records.whole() {
        return problem(Kind::LogRecords, format!("its records cannot be read after the {}th", records.count));
    }
    if let Some(foreign) = &records.foreign {
        return problem(Kind::LogRecords, format!("it has records of {foreign}"));
    }
    let text = |time: Option<base::Timestamp>| time.map(base::Timestamp::iso8601_secs);
    let ends = [("oldest", oldest_event_time, records.oldest), ("newest", newest_event_time, records.newest)];
    let differs = ends.into_iter().find(|(_, said, found)| said.is_some() && **said != text(*found));
    let (which, said, found) = differs?;
    let (said, found) = (said.as_deref().unwrap_or("none"), text(found).unwrap_or_else(|| "none".to_owned()));
    problem(Kind::LogRecords, format!("its {which} event is of {found}, the digest says {said}"))
}
