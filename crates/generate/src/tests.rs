//! What is generated, read again by other means: every record parses, and the summary is what they say.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::io::Read;

use base::Timestamp;
use record::{Digest, DigestKey, LogKey, RecordView};
use serde_json::Value;

use crate::tally::is_denial;
use crate::{Counts, File, Plan, Summary, World};

fn plan(records: u64) -> Plan {
    Plan {
        records,
        days: 4,
        start: Timestamp::parse_iso8601("2025-03-01T00:00:00Z").unwrap(),
        seed: 42,
        accounts: 2,
        attack: true,
        organization: None,
        digest_bucket: Some("trail-logs".to_owned()),
    }
}

struct Made {
    summary: Summary,
    logs: Vec<File>,
    digests: Vec<File>,
}

fn made(plan: Plan) -> Made {
    let world = World::new(plan).unwrap();
    let (mut summary, mut logs, mut digests) = (Summary::default(), Vec::new(), Vec::new());
    // In another order than that of the command: it must not matter.
    let mut cells: Vec<_> = world.cells().collect();
    cells.reverse();
    for cell in cells {
        let cell = world.make(cell, |file| -> Result<(), Infallible> {
            logs.push(file);
            Ok(())
        });
        summary.add(cell.unwrap());
    }
    let done = world.digests(logs.clone(), |file| -> Result<(), Infallible> {
        digests.push(file);
        Ok(())
    });
    summary.add(done.unwrap());
    logs.sort_by(|a, b| a.key.cmp(&b.key));
    Made { summary, logs, digests }
}

fn inflated(file: &File) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*file.gzip).read_to_string(&mut text).unwrap();
    text
}

fn tell(counts: &mut Counts, value: &Value) {
    if let Some(text) = value.as_str() {
        *counts.entry(text.to_owned()).or_default() += 1;
    }
}

#[test]
fn the_summary_is_what_the_records_say() {
    let Made { mut summary, logs, digests } = made(plan(20_000));
    let attack = std::mem::take(&mut summary.attack);
    let mut read = Summary { files: logs.len() as u64, digests: digests.len() as u64, ..Summary::default() };
    let mut ids: BTreeMap<String, u64> = BTreeMap::new();
    for file in &logs {
        let key = LogKey::parse(&file.key).expect(&file.key);
        let text = inflated(file);
        read.json_bytes += text.len() as u64;
        read.gzip_bytes += file.gzip.len() as u64;
        let mut before = String::new();
        for raw in record::file::records(&text).unwrap() {
            assert!(RecordView::parse(raw.get().as_bytes()).is_ok(), "{}", raw.get());
            let value: Value = serde_json::from_str(raw.get()).unwrap();
            assert_eq!(value["recipientAccountId"], key.place.account_id);
            assert_eq!(value["awsRegion"], key.region);
            let time = value["eventTime"].as_str().unwrap();
            assert!(*time >= *before, "{} is not in the order of time", file.key);
            before = time.to_owned();
            assert!(Timestamp::parse_iso8601(time).unwrap() < key.delivered);
            read.records += 1;
            read.first_event = Some(read.first_event.map_or(time.to_owned(), |first| first.min(time.to_owned())));
            read.last_event = Some(read.last_event.map_or(time.to_owned(), |last| last.max(time.to_owned())));
            tell(&mut read.by_account, &value["recipientAccountId"]);
            tell(&mut read.by_region, &value["awsRegion"]);
            tell(&mut read.by_day, &Value::from(&time[..10]));
            tell(&mut read.by_hour, &Value::from(&time[11..13]));
            tell(&mut read.by_source, &value["eventSource"]);
            tell(&mut read.by_event, &value["eventName"]);
            tell(&mut read.by_error, &value["errorCode"]);
            let identity = &value["userIdentity"];
            tell(&mut read.by_identity, &identity["type"]);
            if identity["type"] == "IAMUser" {
                tell(&mut read.by_user, &identity["userName"]);
            }
            tell(&mut read.by_role, &identity["sessionContext"]["sessionIssuer"]["userName"]);
            tell(&mut read.by_tls, &value["tlsDetails"]["tlsVersion"]);
            tell(&mut read.by_bucket, &value["requestParameters"]["bucketName"]);
            if value["errorCode"].as_str().is_some_and(is_denial) {
                tell(&mut read.denied_by_address, &value["sourceIPAddress"]);
            }
            read.read_only += u64::from(value["readOnly"] == true);
            read.data_events += u64::from(value["eventCategory"] == "Data");
            if value["eventName"] == "ConsoleLogin" {
                let mfa = value["additionalEventData"]["MFAUsed"] == "Yes";
                let failed = value["responseElements"]["ConsoleLogin"] == "Failure";
                let federated = identity["type"] == "AssumedRole";
                read.logins.failed += u64::from(failed);
                read.logins.federated += u64::from(!failed && federated);
                read.logins.with_mfa += u64::from(!failed && mfa);
                read.logins.without_mfa += u64::from(!failed && !federated && !mfa);
            }
            *ids.entry(value["eventID"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    read.with_shared_event_id = ids.values().map(|times| times - 1).sum();
    read.gzip_bytes += digests.iter().map(|file| file.gzip.len() as u64).sum::<u64>();
    assert_eq!(read, summary);
    assert_eq!(summary.records, 20_000);
    assert!(attack.len() >= 20);
    for (nth, step) in attack.iter().enumerate() {
        assert_eq!(step.number, nth as u64 + 1);
        assert!(step.event_ids.iter().all(|id| ids.contains_key(id)), "{step:?}");
    }
}

#[test]
fn it_looks_like_a_real_trail() {
    let Made { summary, .. } = made(plan(20_000));
    assert!((1_200..1_800).contains(&(summary.json_bytes / summary.records)), "{}", summary.json_bytes);
    assert!(summary.read_only * 10 > summary.records * 7, "most calls read");
    assert!(summary.by_source.len() >= 30);
    for kind in ["Root", "IAMUser", "AssumedRole", "AWSService", "WebIdentityUser", "SAMLUser"] {
        assert!(summary.by_identity.get(kind).is_some_and(|times| *times > 0), "{kind}: {:?}", summary.by_identity);
    }
    let errors: u64 = summary.by_error.values().sum();
    assert!((summary.records / 100..summary.records / 12).contains(&errors), "{errors}");
    let logins = summary.logins;
    assert!(logins.with_mfa > 0 && logins.without_mfa > 0 && logins.federated > 0 && logins.failed > 0, "{logins:?}");
    assert!(summary.by_day["2025-03-02"] * 3 < summary.by_day["2025-03-03"] * 2, "a Sunday is quieter than a Monday");
    assert!(summary.by_role.contains_key("OrganizationAccountAccessRole"));
}

#[test]
fn the_same_plan_gives_the_same_bytes_and_another_seed_others() {
    let (one, two) = (made(plan(3_000)), made(plan(3_000)));
    assert_eq!(one.logs, two.logs);
    assert_eq!(one.digests, two.digests);
    assert_eq!(one.summary, two.summary);
    let other = made(Plan { seed: 43, ..plan(3_000) });
    let keys: BTreeSet<&str> = one.logs.iter().map(|file| &*file.key).collect();
    assert!(other.logs.iter().all(|file| !keys.contains(&*file.key)));
}

#[test]
fn digests_name_every_file_with_its_hash() {
    let Made { logs, digests, .. } = made(plan(3_000));
    let mut named = BTreeMap::new();
    for file in &digests {
        DigestKey::parse(&file.key).expect(&file.key);
        let digest = Digest::parse(inflated(file).as_bytes()).unwrap();
        assert_eq!(digest.digest_s3_object, file.key);
        named.extend(digest.log_files.into_iter().map(|log| (log.s3_object, log.hash_value)));
    }
    let made: BTreeMap<_, _> =
        logs.iter().map(|file| (file.key.clone(), record::file::sha256_hex(inflated(file).as_bytes()))).collect();
    assert_eq!(named, made);
}

#[test]
fn every_number_of_records_is_met_and_bad_plans_are_refused() {
    for (records, days, accounts, attack) in
        [(1, 1, 1, false), (7, 400, 3, false), (999, 1, 1, true), (5_000, 2, 5, false)]
    {
        let plan = Plan {
            records,
            days,
            accounts,
            attack,
            organization: Some("o-abc123".into()),
            digest_bucket: None,
            ..plan(1)
        };
        let Made { summary, logs, digests } = made(plan);
        assert_eq!(summary.records, records);
        assert!(digests.is_empty());
        assert!(logs.iter().all(|file| file.key.starts_with("AWSLogs/o-abc123/")));
    }
    let bad = |plan: Plan| assert!(World::new(plan).is_err());
    bad(plan(0));
    bad(plan(10));
    bad(Plan { days: 0, ..plan(1_000) });
    bad(Plan { accounts: 0, ..plan(1_000) });
    bad(Plan { accounts: 1_001, ..plan(1_000) });
    bad(Plan { organization: Some("abc".into()), ..plan(1_000) });
    bad(Plan { start: Timestamp::EPOCH, ..plan(1_000) });
}
