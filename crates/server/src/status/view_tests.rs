//! Pages, as they are seen.

use super::super::gather::*;
use super::super::problems::find;
use super::*;

const NOW: f64 = 1_800_000_000.0;

fn status() -> Status {
    let consumer = |name: &str| Consumer { name: name.into(), ..Consumer::default() };
    Status {
        asked_at: NOW,
        endpoint: "http://127.0.0.1:4566".into(),
        ready: true,
        server: Server {
            version: "0.1.0".into(),
            uptime_seconds: 11_520,
            account_id: "123456789012".into(),
            recording: Recording { on: true, waiting: false },
            journal: Journal {
                entries: 12_345,
                bytes_on_disk: 3_355_443,
                commits: 10,
                last_commit_ms: 2,
                oldest_event_time: Some(NOW - 240.0),
                ..Journal::default()
            },
            consumers: vec![consumer("delivery"), consumer("history")],
            event_stores: vec![EventStore {
                store: "events".into(),
                records: 98_765,
                stored_bytes: 10_850_000,
                json_bytes: 150_000_000,
                oldest_event_time: Some(NOW - 864_000.0),
                newest_event_time: Some(NOW),
            }],
            ..Server::default()
        },
        trails: vec![Trail {
            name: "audit".into(),
            arn: "arn:aws:cloudtrail:us-east-1:123456789012:trail/audit".into(),
            home_region: "us-east-1".into(),
            is_multi_region_trail: true,
            bucket: "trail-logs".into(),
            log_file_validation_enabled: true,
            status: TrailStatus {
                is_logging: true,
                start_logging_time: Some(NOW - 270_000.0),
                latest_delivery_time: Some(NOW - 120.0),
                latest_digest_delivery_time: Some(NOW - 2_460.0),
                ..TrailStatus::default()
            },
            ..Trail::default()
        }],
        disk: Some(Disk {
            folder: "/var/lib/cairn".into(),
            journal_bytes: 3_355_443,
            tables_bytes: 1_200_000,
            objects_bytes: 38_700_000,
            free_bytes: 13_200_000_000,
            size_bytes: 40_000_000_000,
            ..Disk::default()
        }),
        ..Status::default()
    }
}

#[track_caller]
fn check(status: &Status, width: usize, expected: &str) {
    let terminal = Terminal { is_terminal: true, colours: false, width };
    let lines = lines(status, &find(status), &terminal).join("\n");
    assert_eq!(lines, expected.trim_matches('\n'), "\n{lines}");
}

#[test]
fn all_is_well() {
    check(
        &status(),
        100,
        r"
Cairn 0.1.0  ● healthy
http://127.0.0.1:4566 · account 123456789012 · up 3 h 12 min

Server
  Recording  ok
  Journal    12,345 entries in 3.1 MiB · oldest 4 min old · last write 2 ms
  Events     98,765 records in 10.3 MiB · oldest 10 d old
  Disk       41.2 MiB in /var/lib/cairn · journal 3.1 MiB · tables 1.1 MiB · objects 36.9 MiB
             12.2 GiB free

Consumers
  NAME      BEHIND  SINCE  STATE
  delivery       –  –      ok
  history        –  –      ok

Trails
  NAME   HOME             LOGGING  LAST FILE  DIGEST      WAITING  BUCKET
  audit  us-east-1 (all)  3 d      2 min ago  41 min ago  –        trail-logs
",
    );
}

#[test]
fn what_is_wrong_comes_first() {
    let mut status = status();
    status.server.consumers[1].failure = Some("committing a segment of history: no space is left".into());
    status.server.consumers[1].lag = 1_200;
    status.server.consumers[1].behind_since = Some(NOW - 700.0);
    status.trails[0].status.latest_delivery_error = Some("AccessDenied: Access Denied".into());
    status.trails[0].status.latest_digest_delivery_error = Some("AccessDenied: Access Denied".into());
    let arn = status.trails[0].arn.clone();
    status.server.backlogs.push(Backlog { trail: arn.clone(), files: 3, oldest: NOW - 1_000.0 });
    status.server.validation.push(Validation {
        trail: arn,
        checked_at: (NOW - 60.0).into(),
        valid: Some(false),
        digests_checked: 40,
        files_checked: 1_234,
        problems: serde_json::json!(["AWSLogs/x.json.gz is missing"]),
    });
    check(
        &status,
        80,
        r"
Cairn 0.1.0  ▲ 4 problems
http://127.0.0.1:4566 · account 123456789012 · up 3 h 12 min

  ✗ The consumer history fails: committing a segment of history: no space is
    left
    → It tries again by itself; the server's log says more.
  ✗ The consumer history does not keep up: 1,200 records behind, the oldest 11
    min old.
    → Look at the load of the machine; the journal grows until it has caught up.
  ✗ Trail audit: no log file reaches the bucket trail-logs: AccessDenied: Access
    Denied.
    → Let the bucket's policy allow cloudtrail.amazonaws.com s3:GetBucketAcl and
      s3:PutObject; files wait until then.
  ✗ Validation of the trail audit found 1 problem: AWSLogs/x.json.gz is missing
    → Somebody changed or removed files of the trail: cairn validate names each.

Server
  Recording  ok
  Journal    12,345 entries in 3.1 MiB · oldest 4 min old · last write 2 ms
  Events     98,765 records in 10.3 MiB · oldest 10 d old
  Disk       41.2 MiB in /var/lib/cairn · journal 3.1 MiB · tables 1.1 MiB
             objects 36.9 MiB · 12.2 GiB free

Consumers
  NAME             BEHIND  SINCE   STATE
  delivery              –  –       ok
  history   1,200 entries  11 min  fails
    committing a segment of history: no space is left

Trails
  NAME   HOME             LOGGING  LAST FILE  DIGEST      WAITING    BUCKET
  audit  us-east-1 (all)  3 d      2 min ago  41 min ago  3, 16 min  trail-logs
    log files: AccessDenied: Access Denied
    digests: AccessDenied: Access Denied

Validation
  TRAIL  CHECKED    DIGESTS  FILES  RESULT
  audit  1 min ago       40  1,234  invalid: 1 problem
",
    );
}

#[test]
fn nothing_recorded_and_no_trails() {
    let mut status = status();
    status.server.recording.on = false;
    status.ready = false;
    status.trails.clear();
    status.disk.as_mut().unwrap().free_bytes = 100 << 20;
    let found = find(&status);
    let whats: Vec<&str> = found.iter().map(|problem| problem.what.as_str()).collect();
    assert_eq!(
        whats,
        [
            "Nothing is recorded: recording is switched off.",
            "The journal does not take records: calls are refused, or will be.",
            "The disk of /var/lib/cairn has only 100 MiB left.",
        ]
    );
    let terminal = Terminal { is_terminal: true, colours: false, width: 80 };
    let page = lines(&status, &found, &terminal).join("\n");
    assert!(page.ends_with("Trails\n  none: records are in the event store, and in no log file"), "{page}");
}

#[test]
fn places_that_are_followed_are_shown_with_what_is_wrong() {
    let follow = |place: &str| Follow {
        place: place.into(),
        looked_at: Some(NOW - 12.0),
        files: 1_234,
        files_imported: 34,
        records_kept: 5_678,
        ..Follow::default()
    };
    let mut status = status();
    status.server.follows = vec![
        follow("s3://logs/=events"),
        Follow {
            files_failed: 1,
            failures: vec!["a\u{1b}.json: it is no JSON".into()],
            ..follow("s3://other/=events")
        },
        Follow { failure: Some("there is no bucket gone".into()), ..follow("s3://gone/=events") },
    ];
    let terminal = Terminal { is_terminal: true, colours: false, width: 120 };
    let page = lines(&status, &find(&status), &terminal).join("\n");
    for part in [
        "▲ 1 problem",
        "s3://gone/=events is not followed: there is no bucket gone",
        "Followed",
        "1,234",
        "5,678",
        "1 file damaged",
        "it is no JSON",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains('\u{1b}'), "{page}");
}
