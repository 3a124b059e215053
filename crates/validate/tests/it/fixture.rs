//! A trail of two regions with eight digests each and three log files in each digest, made in memory and written to a folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base::Timestamp;
use base::time::{HOUR_MS, MINUTE_MS};
use base64::Engine;
use md5::{Digest as _, Md5};
use record::digest::{Digest, DigestLogFile, HASH_ALGORITHM, Previous, SIGNATURE_ALGORITHM};
use record::file::{LogFileWriter, deflate};
use record::keys::{DigestKey, LogKey, LogKind, Place};
use validate::{
    Event, Expected, Folder, Head, KeyFile, METADATA_SUFFIX, Options, Problem, Remembered, Report, Scope, TrailName,
    validate,
};

pub const ACCOUNT: &str = "111122223333";
pub const BUCKET: &str = "trail-logs";
pub const HOME: &str = "us-east-1";
pub const OTHER: &str = "eu-west-1";
pub const REGIONS: [&str; 2] = [HOME, OTHER];
pub const DIGESTS: usize = 8;
/// Of each digest.
pub const FILES: usize = 3;
/// 2026-03-01T00:00:31Z.
pub const START_MS: i64 = 1_772_323_231_000;

/// An object: content and metadata.
pub type Stored = (Vec<u8>, BTreeMap<String, String>);

/// A key that signs.
pub struct Key {
    pair: KeyPair,
    pub fingerprint: String,
}

impl Key {
    fn new() -> Key {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let fingerprint = base::ids::hex(&Md5::digest(pair.public_key().as_ref()));
        Key { pair, fingerprint }
    }

    /// The trail's.
    pub fn own() -> &'static Key {
        static KEY: OnceLock<Key> = OnceLock::new();
        KEY.get_or_init(Key::new)
    }

    /// Somebody else's.
    pub fn foreign() -> &'static Key {
        static KEY: OnceLock<Key> = OnceLock::new();
        KEY.get_or_init(Key::new)
    }

    pub fn sign(&self, text: &str) -> String {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
        base::ids::hex(&signature)
    }

    fn listed(&self, from: i64, to: i64) -> serde_json::Value {
        serde_json::json!({
            "Value": base64::engine::general_purpose::STANDARD.encode(self.pair.public_key().as_ref()),
            "ValidityStartTime": Timestamp::from_ms(from).iso8601_secs(),
            "ValidityEndTime": Timestamp::from_ms(to).iso8601_secs(),
            "Fingerprint": self.fingerprint,
        })
    }
}

/// The trail's bucket, and what is known of the trail from elsewhere.
#[derive(Clone)]
pub struct Bucket {
    pub objects: BTreeMap<String, Stored>,
    pub public_keys: serde_json::Value,
    pub expected: Expected,
    pub scope: Scope,
}

pub fn place() -> Place<'static> {
    Place { prefix: None, organization_id: None, account_id: ACCOUNT }
}

/// The end of the n-th digest.
pub fn end_of(n: usize) -> Timestamp {
    Timestamp::from_ms(START_MS + (i64::try_from(n).unwrap() + 1) * HOUR_MS)
}

pub fn digest_key(region: &str, end: Timestamp) -> String {
    DigestKey { place: place(), region, trail_name: "audit", home_region: HOME, end, backfill: false }.to_string()
}

/// The key of the f-th log file of the n-th digest.
pub fn log_key(region: &str, n: usize, f: usize) -> String {
    let delivered = end_of(n).plus_ms(-HOUR_MS + (i64::try_from(f).unwrap() * 17 + 10) * MINUTE_MS);
    let unique = format!("{region:0<12}{n:02}{f:02}").replace('-', "x");
    LogKey { place: place(), kind: LogKind::Events, region, delivered, unique: &unique[..16] }.to_string()
}

fn event_time(n: usize, f: usize, r: usize) -> String {
    let minutes = i64::try_from(f * 17 + r).unwrap();
    end_of(n).plus_ms(-HOUR_MS + minutes * MINUTE_MS).iso8601_secs()
}

pub fn log_file(region: &str, n: usize, f: usize, records: std::ops::Range<usize>) -> (Vec<u8>, String) {
    let mut writer = LogFileWriter::new();
    for r in records {
        let time = event_time(n, f, r);
        let record = format!(
            r#"{{"eventVersion":"1.11","eventTime":"{time}","awsRegion":"{region}","eventName":"Do{r}","recipientAccountId":"{ACCOUNT}","eventID":"{region}-{n}-{f}-{r}"}}"#
        );
        writer.push(record.as_bytes());
    }
    let file = writer.finish();
    (file.gzip, file.sha256_hex)
}

/// A digest as it is stored, signed.
pub fn signed(digest: &Digest, key: &Key) -> Stored {
    let content = digest.write();
    let signature = key.sign(&digest.string_to_sign(&content));
    let metadata = [("signature", signature), ("signature-algorithm", SIGNATURE_ALGORITHM.to_owned())];
    (deflate(&content), metadata.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

pub fn parse(stored: &Stored) -> Digest {
    Digest::parse(&inflate(&stored.0)).unwrap()
}

pub fn inflate(gzip: &[u8]) -> Vec<u8> {
    record::file::inflate(gzip, 1 << 30).unwrap()
}

impl Bucket {
    /// As delivered.
    pub fn new() -> Bucket {
        static MADE: OnceLock<Bucket> = OnceLock::new();
        MADE.get_or_init(Bucket::make).clone()
    }

    fn make() -> Bucket {
        let mut bucket = Bucket {
            objects: BTreeMap::new(),
            public_keys: serde_json::json!({"PublicKeyList": [Key::own().listed(START_MS - 24 * HOUR_MS, START_MS + 24 * HOUR_MS)]}),
            expected: Expected { heads: Vec::new(), latest_digest: Some(end_of(DIGESTS - 1).plus_ms(5_000)) },
            scope: Scope::all(BUCKET, end_of(DIGESTS - 1).plus_ms(10 * MINUTE_MS)),
        };
        bucket.scope.trail = Some(TrailName { name: "audit".into(), home_region: HOME.into() });
        for region in REGIONS {
            bucket.add_chain(region, 0..DIGESTS, Key::own());
            bucket.expected.heads.push(Head { bucket: BUCKET.into(), key: digest_key(region, end_of(DIGESTS - 1)) });
        }
        bucket
    }

    /// Writes a chain that begins with the first of these digests.
    pub fn add_chain(&mut self, region: &str, digests: std::ops::Range<usize>, key: &Key) {
        let mut previous: Option<Previous> = None;
        for n in digests {
            let mut log_files = Vec::new();
            for f in 0..FILES {
                let (gzip, hash_value) = log_file(region, n, f, 0..4);
                let s3_object = log_key(region, n, f);
                self.objects.insert(s3_object.clone(), (gzip, BTreeMap::new()));
                log_files.push(DigestLogFile {
                    s3_bucket: BUCKET.into(),
                    s3_object,
                    hash_value,
                    hash_algorithm: HASH_ALGORITHM.into(),
                    newest_event_time: Some(event_time(n, f, 3)),
                    oldest_event_time: Some(event_time(n, f, 0)),
                });
            }
            let mut digest = Digest {
                aws_account_id: ACCOUNT.into(),
                digest_start_time: end_of(n).plus_ms(-HOUR_MS).iso8601_secs(),
                digest_end_time: end_of(n).iso8601_secs(),
                digest_s3_bucket: BUCKET.into(),
                digest_s3_object: digest_key(region, end_of(n)),
                digest_public_key_fingerprint: key.fingerprint.clone(),
                digest_signature_algorithm: SIGNATURE_ALGORITHM.into(),
                newest_event_time: Some(event_time(n, FILES - 1, 3)),
                oldest_event_time: Some(event_time(n, 0, 0)),
                previous_digest_s3_bucket: None,
                previous_digest_s3_object: None,
                previous_digest_hash_value: None,
                previous_digest_hash_algorithm: None,
                previous_digest_signature: None,
                log_files,
            };
            digest.set_previous(previous.take());
            previous = Some(self.put_digest(&digest, key));
        }
    }

    /// Stores a digest where it says that it lies; the link for the next one.
    pub fn put_digest(&mut self, digest: &Digest, key: &Key) -> Previous {
        let stored = signed(digest, key);
        let link = digest.as_previous(&digest.write(), &stored.1["signature"]);
        self.objects.insert(digest.digest_s3_object.clone(), stored);
        link
    }

    pub fn digest(&self, region: &str, n: usize) -> Digest {
        parse(&self.objects[&digest_key(region, end_of(n))])
    }

    /// Makes a key known for a stretch of time.
    pub fn list_key(&mut self, key: &Key, from: i64, to: i64) {
        self.public_keys["PublicKeyList"].as_array_mut().unwrap().push(key.listed(from, to));
    }

    /// Writes all of it, metadata beside the digests.
    pub fn write(&self, folder: &Path) {
        for (key, (content, metadata)) in &self.objects {
            let path = folder.join(key);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, content).unwrap();
            if key.contains("CloudTrail-Digest") && !metadata.is_empty() {
                let beside = format!("{}{METADATA_SUFFIX}", path.display());
                std::fs::write(beside, serde_json::to_vec(metadata).unwrap()).unwrap();
            }
        }
    }

    /// Validates what lies in a folder.
    pub fn validate_folder(&self, folder: &Path, parallel: usize, records: bool, before: Option<&Remembered>) -> Done {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let keys = Arc::new(KeyFile::parse(self.public_keys.to_string().as_bytes()).unwrap());
        let source = Arc::new(Folder::new(folder, BUCKET));
        let mut options = Options::new(parallel, self.scope.end);
        options.records = records;
        let (mut report, mut events) = (Report::default(), Vec::new());
        let outcome =
            runtime.block_on(validate(source, keys, &self.scope, &self.expected, before, options, &mut |event| {
                report.take(&event);
                events.push(event);
            }));
        Done { report, events, remembered: outcome.map(|outcome| outcome.remembered) }
    }

    /// Writes and validates.
    pub fn validate(&self, parallel: usize) -> Done {
        let folder = tempfile::tempdir().unwrap();
        self.write(folder.path());
        self.validate_folder(folder.path(), parallel, false, None)
    }
}

/// What a validation said.
pub struct Done {
    pub report: Report,
    pub events: Vec<Event>,
    pub remembered: Result<Remembered, validate::Failure>,
}

impl Done {
    pub fn problems(&self) -> &[Problem] {
        &self.report.problems
    }
}
