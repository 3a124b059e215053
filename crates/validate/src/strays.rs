//! What lies in the bucket and no chain leads to: digests, log files that no digest names, and names that CloudTrail does not give.

use std::collections::HashSet;
use std::sync::Arc;

use base::Timestamp;
use base::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use record::LogKey;

use crate::chain::{DIGESTS, LOG_KINDS, Spot};
use crate::digest::{Fault, KeyRing, fetch};
use crate::group::{Group, each_day};
use crate::problem::{Event, Kind, Problem, Subject};
use crate::remembered::mark;
use crate::run::{Failure, Seen, Voice};
use crate::scope::Scope;
use crate::source::Object;
use crate::work::Work;

/// A log file written after the newest digest may be named by the next one: a digest comes within the hour.
const OPEN_MS: i64 = 2 * HOUR_MS;

/// Joins stretches of time that touch.
pub(crate) fn merged(mut stretches: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    stretches.sort_unstable();
    let mut merged: Vec<(i64, i64)> = Vec::new();
    for (start, end) in stretches {
        match merged.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    merged
}

/// The accounts that are meant: each with its organization, if it is of one.
async fn accounts(work: &Work, scope: &Scope) -> Result<Vec<(Option<String>, String)>, Failure> {
    let base = scope.base();
    let failed = |error| Failure::Source(format!("listing s3://{}/{base}: {error}", scope.bucket));
    let mut accounts = Vec::new();
    for name in work.source.folders(&scope.bucket, &base).await.map_err(failed)? {
        if base::arn::is_account_id(&name) {
            accounts.push((None, name));
        } else {
            let inside = work.source.folders(&scope.bucket, &format!("{base}{name}/")).await.map_err(failed)?;
            let inside = inside.into_iter().filter(|account| base::arn::is_account_id(account));
            accounts.extend(inside.map(|account| (Some(name.clone()), account)));
        }
    }
    accounts.retain(|(organization_id, account_id)| {
        let account_meant = scope.account_id.as_ref().is_none_or(|wanted| wanted == account_id);
        account_meant && (scope.organization_id.is_none() || scope.organization_id == *organization_id)
    });
    Ok(accounts)
}

/// Where the files of this kind of an account lie, below which there is a folder for each region; ends in a slash.
fn above_regions(scope: &Scope, (organization_id, account_id): &(Option<String>, String), folder: &str) -> String {
    let of = organization_id.as_ref().map(|id| format!("{id}/")).unwrap_or_default();
    format!("{}{of}{account_id}/{folder}/", scope.base())
}

/// The accounts that are meant and the regions, meant or not, that have a folder of this kind.
pub(crate) async fn spots_with(work: &Work, scope: &Scope, folder: &str) -> Result<Vec<Spot>, Failure> {
    let failed = |error| Failure::Source(format!("listing s3://{}/{}: {error}", scope.bucket, scope.base()));
    let mut spots = Vec::new();
    for account in accounts(work, scope).await? {
        let regions = work.source.folders(&scope.bucket, &above_regions(scope, &account, folder)).await;
        let (organization_id, account_id) = account;
        for region in regions.map_err(failed)? {
            let (prefix, organization_id) = (scope.prefix.clone(), organization_id.clone());
            spots.push(Spot { prefix, organization_id, account_id: account_id.clone(), region });
        }
    }
    Ok(spots)
}

/// Spots with log files and without digests.
pub(crate) async fn bare_spots(work: &Work, scope: &Scope) -> Result<Vec<Spot>, Failure> {
    let with = spots_with(work, scope, DIGESTS).await?;
    let mut bare = Vec::new();
    for kind in LOG_KINDS {
        let spots = spots_with(work, scope, kind.folder()).await?.into_iter();
        bare.extend(spots.filter(|spot| scope.has_region(&spot.region) && !with.contains(spot)));
    }
    bare.sort_unstable();
    bare.dedup();
    Ok(bare)
}

/// Reports digests that were listed and not come to.
pub(crate) async fn digests(
    voice: &mut Voice<'_>,
    scope: &Scope,
    spot: &Spot,
    group: &Group,
    seen: &mut Seen,
) -> Result<(), Failure> {
    let mut unlinked = Vec::new();
    for (trail, chain) in group.listing.chains.iter().filter(|(trail, _)| scope.selects(trail)) {
        for (backfill, listed) in [(false, &chain.standard), (true, &chain.backfill)] {
            let left = listed.iter().filter(|listed| !seen.visited.contains(&mark(&[&scope.bucket, &listed.key])));
            unlinked.extend(left.map(|listed| (listed.key.clone(), backfill, trail.home_region.clone(), listed.end)));
        }
    }
    for (key, backfill, home_region, end) in unlinked {
        seen.visited.insert(mark(&[&scope.bucket, &key]));
        let mut ring = KeyRing::default();
        let keys = ring.load(&voice.work, &spot.region, end.plus_ms(-DAY_MS), scope.end.plus_ms(2 * HOUR_MS)).await;
        keys.map_err(|error| Failure::Source(format!("asking for public keys: {error}")))?;
        let verified = match fetch(&voice.work, &scope.bucket, &key).await {
            Ok(fetched) => {
                fetched.verify(&voice.work, &mut ring, (&scope.bucket, &key), None, (&spot.region, &home_region)).await
            }
            Err(fault) => Err(fault),
        };
        let (kind, why) = match verified {
            Ok(_) => (Kind::DigestUnlinked, "no digest leads to it".to_owned()),
            // Gone since it was listed: nobody's business.
            Err(Fault::Missing) => continue,
            Err(Fault::Invalid(_, why)) => (Kind::DigestUnlinked, format!("no digest leads to it, and {why}")),
            Err(Fault::Source(error)) => {
                return Err(Failure::Source(format!("reading s3://{}/{key}: {error}", scope.bucket)));
            }
        };
        voice.say(Event::Problem(Problem::digest(kind, backfill, &scope.bucket, &key, why))).await;
    }
    for key in &group.listing.odd {
        odd(voice, &scope.bucket, key, &spot.digests()).await;
    }
    Ok(())
}

/// Reports what lies beside the folders of the regions, where CloudTrail puts nothing. Among log files only if digests cover any time
/// at all; in no region, hence not if one is asked for.
pub(crate) async fn beside_regions(voice: &mut Voice<'_>, scope: &Scope, with_logs: bool) -> Result<(), Failure> {
    if scope.region.is_some() {
        return Ok(());
    }
    let work = Arc::clone(&voice.work);
    let log_folders = LOG_KINDS.iter().map(|kind| kind.folder()).filter(|_| with_logs);
    let folders: Vec<&str> = std::iter::once(DIGESTS).chain(log_folders).collect();
    for account in accounts(&work, scope).await? {
        for folder in &folders {
            let above = above_regions(scope, &account, folder);
            let files = work.source.files(&scope.bucket, &above, crate::report::PROBLEMS_MAX).await;
            let files =
                files.map_err(|error| Failure::Source(format!("listing s3://{}/{above}: {error}", scope.bucket)))?;
            for key in files {
                odd(voice, &scope.bucket, &key, &above).await;
            }
        }
    }
    Ok(())
}

/// Reports an object among digests or log files that has no such name.
async fn odd(voice: &mut Voice<'_>, bucket: &str, key: &str, among: &str) {
    // Made by consoles that show folders; it has no content that anybody could take for a record.
    if key.ends_with('/') {
        return;
    }
    let moved = match fetch(&voice.work, bucket, key).await {
        Ok(fetched) => fetched.is_elsewhere(key),
        Err(_) => false,
    };
    let problem = match moved {
        true => Problem::digest(Kind::DigestMoved, false, bucket, key, "has been moved from its original location"),
        false => {
            let why = format!("its name is not one that CloudTrail gives to what lies in {among}");
            let (bucket, key) = (bucket.to_owned(), key.to_owned());
            Problem { kind: Kind::ObjectUnknown, subject: Subject::Object, bucket, key, why }
        }
    };
    voice.say(Event::Problem(problem)).await;
}

/// Reports log files that no digest names though they lie in a time that digests cover.
pub(crate) async fn log_files(
    voice: &mut Voice<'_>,
    scope: &Scope,
    spot: &Spot,
    covered: &[(i64, i64)],
    named: &HashSet<u128>,
) -> Result<(), Failure> {
    let (Some(first), Some(last)) = (covered.first(), covered.last()) else { return Ok(()) };
    let (from, to) = match scope.start {
        Some(_) => (Timestamp::from_ms(first.0), Timestamp::from_ms(last.1)),
        None => (Timestamp::EPOCH, Timestamp::from_ms(i64::MAX)),
    };
    for kind in LOG_KINDS {
        let prefix = spot.logs(kind);
        let mut found = Vec::new();
        let take = |object: Object| {
            if !named.contains(&mark(&[&scope.bucket, &object.key])) {
                found.push(object);
            }
            found.len() <= crate::report::PROBLEMS_MAX
        };
        each_day(&voice.work, &scope.bucket, &prefix, from, to, take).await?;
        for object in found {
            let read = LogKey::parse(&object.key).filter(|read| object.key.starts_with(&spot.logs(read.kind)));
            let Some(delivered) = read.map(|read| read.delivered) else {
                odd(voice, &scope.bucket, &object.key, &prefix).await;
                continue;
            };
            // The name has the minute: all of it must lie within.
            let (begin, end) = (delivered.ms(), delivered.ms() + MINUTE_MS);
            let closed = covered.iter().any(|(from, to)| *from <= begin && end <= *to);
            let late = object
                .modified
                .is_some_and(|modified| modified.ms() >= last.1 && voice.work.options.now.since_ms(modified) < OPEN_MS);
            if closed && !late {
                let why = "no digest names it, though digests cover the time of its delivery";
                voice.say(Event::Problem(Problem::log(Kind::LogUnnamed, &scope.bucket, &object.key, why))).await;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_that_touch_are_one() {
        assert_eq!(merged(vec![(5, 6), (1, 2), (2, 4), (3, 3), (8, 9)]), [(1, 4), (5, 6), (8, 9)]);
        assert_eq!(merged(vec![]), []);
    }
}
