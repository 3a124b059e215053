//! Ways to tamper. Each names what must be reported, of which key.

use record::digest::Digest;
use record::file::deflate;
use validate::Kind;

use crate::fixture::*;

/// What is reported of which key.
type Told = (Kind, String);

/// Stores another content under the key of a digest, with the metadata there is.
fn rewrite(bucket: &mut Bucket, n: usize, change: impl FnOnce(&mut Digest)) -> String {
    let key = digest_key(HOME, end_of(n));
    let mut digest = bucket.digest(HOME, n);
    change(&mut digest);
    bucket.objects.get_mut(&key).unwrap().0 = deflate(&digest.write());
    key
}

/// The same, signed by somebody else who says so.
fn resign(bucket: &mut Bucket, n: usize, change: impl FnOnce(&mut Digest)) -> String {
    let key = digest_key(HOME, end_of(n));
    let mut digest = bucket.digest(HOME, n);
    digest.digest_public_key_fingerprint = Key::foreign().fingerprint.clone();
    change(&mut digest);
    bucket.objects.insert(key.clone(), signed(&digest, Key::foreign()));
    key
}

fn edit_log(bucket: &mut Bucket, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let key = log_key(HOME, 3, 1);
    change(&mut bucket.objects.get_mut(&key).unwrap().0);
    key
}

fn edit_metadata(bucket: &mut Bucket, name: &str, value: Option<&str>) -> String {
    let key = digest_key(HOME, end_of(4));
    let metadata = &mut bucket.objects.get_mut(&key).unwrap().1;
    match value {
        Some(value) => metadata.insert(name.to_owned(), value.to_owned()),
        None => metadata.remove(name),
    };
    key
}

fn remove_region(bucket: &mut Bucket, region: &str, digests_only: bool) {
    bucket.objects.retain(|key, _| {
        !key.contains(&format!("CloudTrail-Digest/{region}/"))
            && (digests_only || !key.contains(&format!("/{region}/")))
    });
}

/// Removes these digests and their log files.
fn remove_hours(bucket: &mut Bucket, hours: std::ops::Range<usize>) {
    for n in hours {
        bucket.objects.remove(&digest_key(HOME, end_of(n))).unwrap();
        (0..FILES).for_each(|f| drop(bucket.objects.remove(&log_key(HOME, n, f)).unwrap()));
    }
}

fn move_object(bucket: &mut Bucket, from: &str, to: String) -> String {
    let stored = bucket.objects.remove(from).unwrap();
    bucket.objects.insert(to.clone(), stored);
    to
}

fn head() -> String {
    digest_key(HOME, end_of(DIGESTS - 1))
}

/// A name, and what is done.
type Case = (&'static str, fn(&mut Bucket) -> Told);

const CASES: &[Case] = &[
    ("a byte of a log file's body", |b| (Kind::LogFormat, edit_log(b, |gzip| gzip[60] ^= 0x40))),
    ("a byte of its gzip header", |b| (Kind::LogBytes, edit_log(b, |gzip| gzip[4] ^= 0x40))),
    ("a byte of its gzip trailer", |b| {
        let at = |gzip: &mut Vec<u8>| gzip.len() - 6;
        (
            Kind::LogFormat,
            edit_log(b, |gzip| {
                let at = at(gzip);
                gzip[at] ^= 0x40
            }),
        )
    }),
    ("a log file cut in the middle", |b| (Kind::LogHash, edit_log(b, |gzip| gzip.truncate(gzip.len() / 2)))),
    ("a log file cut in its trailer", |b| (Kind::LogBytes, edit_log(b, |gzip| gzip.truncate(gzip.len() - 3)))),
    ("bytes appended to a log file", |b| (Kind::LogBytes, edit_log(b, |gzip| gzip.extend_from_slice(b"more")))),
    ("a second gzip member appended", |b| {
        (Kind::LogBytes, edit_log(b, |gzip| gzip.extend(deflate(b"{\"Records\":[{}]}"))))
    }),
    ("a log file packed again, with a time", |b| {
        (
            Kind::LogBytes,
            edit_log(b, |gzip| {
                let content = inflate(gzip);
                *gzip = deflate(&content);
                gzip[4..8].copy_from_slice(&1_772_323_231_u32.to_le_bytes());
            }),
        )
    }),
    ("a log file emptied", |b| (Kind::LogHash, edit_log(b, Vec::clear))),
    ("a log file of no records", |b| (Kind::LogHash, edit_log(b, |gzip| *gzip = deflate(b"{\"Records\":[]}")))),
    ("a log file that is no gzip", |b| (Kind::LogFormat, edit_log(b, |gzip| *gzip = b"{\"Records\":[]}".to_vec()))),
    ("two log files swapped", |b| {
        let (one, two) = (log_key(HOME, 2, 0), log_key(HOME, 5, 2));
        let (first, second) = (b.objects[&one].clone(), b.objects[&two].clone());
        b.objects.insert(one.clone(), second);
        b.objects.insert(two, first);
        (Kind::LogHash, one)
    }),
    ("a record removed, packed again", |b| (Kind::LogHash, edit_log(b, |gzip| *gzip = log_file(HOME, 3, 1, 0..3).0))),
    ("a record changed, packed again", |b| {
        (
            Kind::LogHash,
            edit_log(b, |gzip| {
                let text = String::from_utf8(inflate(gzip)).unwrap();
                *gzip = deflate(text.replacen("Do1", "Do9", 1).as_bytes());
            }),
        )
    }),
    ("a log file deleted", |b| {
        let key = log_key(OTHER, 0, 0);
        b.objects.remove(&key);
        (Kind::LogMissing, key)
    }),
    ("a log file moved to another day", |b| {
        let from = log_key(HOME, 3, 1);
        let to = from.replace("2026/03/01", "2026/03/02");
        (Kind::ObjectUnknown, move_object(b, &from, to))
    }),
    ("a log file moved to another region", |b| {
        let from = log_key(HOME, 3, 1);
        let to = from.replace(HOME, OTHER);
        (Kind::LogUnnamed, move_object(b, &from, to))
    }),
    ("a log file planted", |b| {
        let key = log_key(HOME, 3, 1).replace("useast", "planted");
        let key = format!("{}0.json.gz", &key[..key.len() - 9]);
        let (name, _) = key.rsplit_once('_').unwrap();
        let key = format!("{name}_plantedplanted00.json.gz");
        b.objects.insert(key.clone(), (log_file(HOME, 3, 1, 0..9).0, Default::default()));
        (Kind::LogUnnamed, key)
    }),
    ("another object planted among log files", |b| {
        let key = format!("AWSLogs/{ACCOUNT}/CloudTrail/{HOME}/2026/03/01/notes.txt");
        b.objects.insert(key.clone(), (b"hello".to_vec(), Default::default()));
        (Kind::ObjectUnknown, key)
    }),
    ("a digest deleted in the middle", |b| {
        let key = digest_key(HOME, end_of(4));
        b.objects.remove(&key);
        (Kind::DigestMissing, key)
    }),
    ("the newest digest deleted", |b| {
        b.objects.remove(&head());
        (Kind::TailMissing, head())
    }),
    ("the oldest digest deleted", |b| {
        let key = digest_key(HOME, end_of(0));
        b.objects.remove(&key);
        (Kind::DigestMissing, key)
    }),
    ("the last hours cut off", |b| {
        remove_hours(b, 5..DIGESTS);
        (Kind::TailMissing, head())
    }),
    ("the last hours of all regions cut off, and nobody knows the newest digests", |b| {
        b.expected.heads.clear();
        let last: Vec<String> = (5..DIGESTS).map(|n| format!("T{}", &end_of(n).amz_date()[9..11])).collect();
        b.objects.retain(|key, _| !last.iter().any(|hour| key.contains(&format!("0301{hour}"))));
        (Kind::TailMissing, digest_key(OTHER, end_of(4)))
    }),
    ("hours taken out of the middle", |b| {
        remove_hours(b, 2..6);
        (Kind::DigestMissing, digest_key(HOME, end_of(5)))
    }),
    ("a region removed", |b| {
        remove_region(b, OTHER, false);
        (Kind::TailMissing, digest_key(OTHER, end_of(DIGESTS - 1)))
    }),
    ("the digests of a region removed", |b| {
        b.expected.heads.clear();
        remove_region(b, OTHER, true);
        (Kind::LogUnnamed, log_key(OTHER, 3, 1))
    }),
    ("everything removed", |b| {
        b.objects.clear();
        (Kind::TailMissing, head())
    }),
    ("a digest copied under a later name", |b| {
        let key = digest_key(HOME, end_of(4).plus_ms(60_000));
        let copy = b.objects[&digest_key(HOME, end_of(4))].clone();
        b.objects.insert(key.clone(), copy);
        (Kind::DigestUnlinked, key)
    }),
    ("a digest copied under a name of its own", |b| {
        let key = digest_key(HOME, end_of(4)).replace(".json.gz", "_copy.json.gz");
        let copy = b.objects[&digest_key(HOME, end_of(4))].clone();
        b.objects.insert(key.clone(), copy);
        (Kind::DigestMoved, key)
    }),
    ("an old digest in the place of the newest", |b| {
        let old = b.objects[&digest_key(HOME, end_of(2))].clone();
        b.objects.insert(head(), old);
        (Kind::DigestMoved, head())
    }),
    ("an old digest played again as a newer one", |b| {
        let key = digest_key(HOME, end_of(DIGESTS - 1).plus_ms(300_000));
        let old = b.objects[&digest_key(HOME, end_of(2))].clone();
        b.objects.insert(key.clone(), old);
        (Kind::DigestMoved, key)
    }),
    ("a digest moved to another region", |b| {
        let from = digest_key(HOME, end_of(4));
        let to = from.replace(&format!("Digest/{HOME}"), &format!("Digest/{OTHER}"));
        (Kind::DigestMoved, move_object(b, &from, to))
    }),
    ("a digest moved to another day", |b| {
        let from = digest_key(HOME, end_of(4));
        (Kind::DigestMoved, move_object(b, &from, from.replace("/2026/03/01/", "/2026/03/02/")))
    }),
    ("two digests swapped", |b| {
        let (one, two) = (digest_key(HOME, end_of(2)), digest_key(HOME, end_of(5)));
        let (first, second) = (b.objects[&one].clone(), b.objects[&two].clone());
        b.objects.insert(one, second);
        b.objects.insert(two.clone(), first);
        (Kind::DigestMoved, two)
    }),
    ("a digest that is no gzip", |b| {
        let key = digest_key(HOME, end_of(4));
        b.objects.get_mut(&key).unwrap().0 = b"{}".to_vec();
        (Kind::DigestFormat, key)
    }),
    ("a digest that is another JSON", |b| {
        let key = digest_key(HOME, end_of(4));
        b.objects.get_mut(&key).unwrap().0 = deflate(b"{\"a\":1}");
        (Kind::DigestFormat, key)
    }),
    ("bytes appended to a digest", |b| {
        let key = digest_key(HOME, end_of(4));
        b.objects.get_mut(&key).unwrap().0.extend_from_slice(b"more");
        (Kind::DigestBytes, key)
    }),
    ("a digest's hash of a log file", |b| {
        (Kind::DigestSignature, rewrite(b, 4, |d| d.log_files[0].hash_value = "00".repeat(32)))
    }),
    ("a digest's hash of the digest before", |b| {
        (Kind::DigestSignature, rewrite(b, 4, |d| d.previous_digest_hash_value = Some("00".repeat(32))))
    }),
    ("a digest's signature of the digest before", |b| {
        (Kind::DigestSignature, rewrite(b, 4, |d| d.previous_digest_signature = Some("00".repeat(256))))
    }),
    ("a digest's link to the digest before", |b| {
        (Kind::DigestSignature, rewrite(b, 4, |d| d.previous_digest_s3_object = Some(digest_key(HOME, end_of(1)))))
    }),
    ("a digest's link taken away", |b| (Kind::DigestSignature, rewrite(b, 4, |d| d.set_previous(None)))),
    ("a digest's start", |b| {
        (Kind::DigestSignature, rewrite(b, 4, |d| d.digest_start_time = end_of(2).iso8601_secs()))
    }),
    ("a digest's end", |b| (Kind::DigestSignature, rewrite(b, 4, |d| d.digest_end_time = end_of(5).iso8601_secs()))),
    ("a digest's bucket", |b| (Kind::DigestMoved, rewrite(b, 4, |d| d.digest_s3_bucket = "other".into()))),
    ("a digest's account", |b| (Kind::DigestSignature, rewrite(b, 4, |d| d.aws_account_id = "999999999999".into()))),
    ("a digest's fingerprint", |b| {
        (Kind::DigestKeyUnknown, rewrite(b, 4, |d| d.digest_public_key_fingerprint = "00".repeat(16)))
    }),
    ("a log file left out of a digest", |b| (Kind::DigestSignature, rewrite(b, 4, |d| drop(d.log_files.pop())))),
    ("a log file added to a digest", |b| {
        (
            Kind::DigestSignature,
            rewrite(b, 4, |d| {
                let twice = d.log_files[0].clone();
                d.log_files.push(twice);
            }),
        )
    }),
    ("a digest's log files in another order", |b| (Kind::DigestSignature, rewrite(b, 4, |d| d.log_files.reverse()))),
    ("a signature changed", |b| (Kind::DigestSignature, edit_metadata(b, "signature", Some(&"ab".repeat(256))))),
    ("a signature that is not hexadecimal", |b| (Kind::DigestSignature, edit_metadata(b, "signature", Some("zz")))),
    ("a signature of another digest", |b| {
        let other = b.objects[&digest_key(HOME, end_of(5))].1["signature"].clone();
        (Kind::DigestSignature, edit_metadata(b, "signature", Some(&other)))
    }),
    ("a signature removed", |b| (Kind::DigestSignature, edit_metadata(b, "signature", None))),
    ("the name of the algorithm removed", |b| (Kind::DigestSignature, edit_metadata(b, "signature-algorithm", None))),
    ("another algorithm named", |b| (Kind::DigestAlgorithm, edit_metadata(b, "signature-algorithm", Some("none")))),
    ("a digest signed by another key", |b| (Kind::DigestKeyUnknown, resign(b, 4, |_| {}))),
    ("a digest signed by another key in the name of the right one", |b| {
        (Kind::DigestSignature, resign(b, 4, |d| d.digest_public_key_fingerprint = Key::own().fingerprint.clone()))
    }),
    ("a digest signed by another key that was slipped into the list, for another time", |b| {
        b.list_key(Key::foreign(), START_MS - 90 * 3_600_000, START_MS + 60_000);
        (Kind::DigestKeyValidity, resign(b, 4, |_| {}))
    }),
    ("a digest forged with a listed key, without a log file", |b| {
        b.list_key(Key::foreign(), START_MS, START_MS + 86_400_000);
        resign(b, 4, |d| d.log_files.truncate(1));
        (Kind::DigestLink, digest_key(HOME, end_of(4)))
    }),
    ("a digest planted with a key of its own", |b| {
        let mut digest = b.digest(HOME, 4);
        let end = end_of(4).plus_ms(60_000);
        digest.digest_end_time = end.iso8601_secs();
        digest.digest_s3_object = digest_key(HOME, end);
        digest.digest_public_key_fingerprint = Key::foreign().fingerprint.clone();
        b.put_digest(&digest, Key::foreign());
        (Kind::DigestUnlinked, digest.digest_s3_object)
    }),
    ("the chain written anew with another key", |b| {
        remove_region(b, HOME, false);
        b.add_chain(HOME, 0..DIGESTS, Key::foreign());
        (Kind::DigestKeyUnknown, head())
    }),
    ("the chain begun anew with the right key, without what was before", |b| {
        remove_region(b, HOME, false);
        b.add_chain(HOME, 4..DIGESTS - 1, Key::own());
        (Kind::TailMissing, head())
    }),
    ("a log file named by two digests", |b| {
        remove_region(b, HOME, false);
        b.add_chain(HOME, 0..DIGESTS, Key::own());
        let mut previous = None;
        for n in 0..DIGESTS {
            let mut digest = b.digest(HOME, n);
            if n == 5 {
                digest.log_files.push(b.digest(HOME, 4).log_files[0].clone());
            }
            digest.set_previous(previous.take());
            previous = Some(b.put_digest(&digest, Key::own()));
        }
        (Kind::LogDuplicate, log_key(HOME, 4, 0))
    }),
    ("a digest that names a log file of another region", |b| {
        let mut digest = b.digest(HOME, DIGESTS - 1);
        digest.log_files.push(b.digest(OTHER, 4).log_files[0].clone());
        b.put_digest(&digest, Key::own());
        (Kind::LogMisplaced, log_key(OTHER, 4, 0))
    }),
    ("a time between two digests", |b| {
        let mut digest = b.digest(HOME, DIGESTS - 1);
        digest.digest_start_time = end_of(DIGESTS - 2).plus_ms(600_000).iso8601_secs();
        b.put_digest(&digest, Key::own());
        (Kind::DigestTimes, digest_key(HOME, end_of(DIGESTS - 2)))
    }),
    ("the public key removed", |b| {
        b.public_keys = serde_json::json!({"PublicKeyList": []});
        b.list_key(Key::foreign(), START_MS, START_MS + 86_400_000);
        (Kind::DigestKeyUnknown, head())
    }),
    ("the public key valid at another time only", |b| {
        b.public_keys = serde_json::json!({"PublicKeyList": []});
        b.list_key(Key::own(), START_MS - 86_400_000, end_of(3).ms());
        (Kind::DigestKeyValidity, digest_key(HOME, end_of(5)))
    }),
    ("the public key damaged", |b| {
        b.public_keys["PublicKeyList"][0]["Value"] = "AQIDBA==".into();
        (Kind::DigestKeyUnreadable, head())
    }),
];

#[test]
fn what_was_delivered_is_valid() {
    for parallel in [1, 4] {
        let done = Bucket::new().validate(parallel);
        done.remembered.as_ref().unwrap();
        assert_eq!(done.problems(), []);
        assert_eq!(done.report.unchecked, [""; 0]);
        assert_eq!(done.report.digests.valid, (REGIONS.len() * DIGESTS) as u64);
        assert_eq!(done.report.log_files.valid, (REGIONS.len() * DIGESTS * FILES) as u64);
        assert_eq!(done.report.exit_code(), 0);
    }
}

#[test]
fn every_way_to_tamper_is_reported() {
    assert!(CASES.len() >= 30);
    let mut failures = Vec::new();
    for (name, harm) in CASES {
        let mut bucket = Bucket::new();
        let (kind, key) = harm(&mut bucket);
        // The order of what is said does not depend on how many checks run at once.
        let (one, many) = (bucket.validate(1), bucket.validate(4));
        let told = one.problems().iter().any(|problem| problem.kind == kind && problem.key == key);
        if !told || one.report.exit_code() != 1 || one.events != many.events {
            failures.push(format!("{name}: {kind:?} of {key} expected, told: {:#?}", one.problems()));
        }
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), CASES.len(), failures.join("\n"));
}
