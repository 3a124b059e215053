//! `cairn validate` beside `aws cloudtrail validate-logs`: both over the same files of the same server, in one run; and `cairn validate`
//! over a copy of them in a folder.
//!
//! The files are made here, with the writers that the server uses, and signed with a key that lies in the server's tables before it
//! starts, so that ListPublicKeys shows it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base::Timestamp;
use base::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderMap, HeaderName, HeaderValue};
use md5::{Digest as _, Md5};
use record::digest::{Digest, DigestLogFile, HASH_ALGORITHM, Previous, SIGNATURE_ALGORITHM};
use record::file::{LogFileWriter, deflate};
use record::keys::{DigestKey, LogKey, LogKind, Place};
use state::{Expect, Op, State};

const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-east-1";
const BUCKET: &str = "bench-trail-logs";
const TRAIL: &str = "bench";
const KEY_ID: &str = "AKIABENCHVALIDATE001";
const SECRET: &str = "bench-bench-bench-bench-bench-bench-1234";
/// As CloudTrail delivers at work: one file in five minutes, one digest an hour.
const FILES_PER_DIGEST: usize = 12;
/// 220 KB in 150 records: a file of a region that is in use.
const RECORDS_PER_FILE: usize = 150;
const ROUNDS: usize = 3;

/// Runs everything: `cairn` and `aws` are the programs.
pub fn run(cairn: &Path, aws: &str, files: usize) {
    let folder = std::env::temp_dir().join(format!("cairn-bench-validate-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("data")).expect("a folder can be made");
    let key = make_key(&folder.join("data/state.sqlite"));
    println!("writing {files} log files of {RECORDS_PER_FILE} records …");
    let made = make_files(&folder.join("copy"), &key, files);
    let server = Server::start(cairn, &folder);
    server.prepare(aws, &folder);
    for (object, metadata) in &made.objects {
        let body = std::fs::read(folder.join("copy").join(object)).expect("it was written a moment ago");
        server.put(object, &body, metadata);
    }
    let megabytes = as_f64(made.content_bytes) / 1e6;
    println!(
        "{files} log files, {} digests: {megabytes:.0} MB of records, {:.0} MB stored\n",
        made.objects.len() - files,
        as_f64(made.stored_bytes) / 1e6
    );

    let trail = format!("arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/{TRAIL}");
    let (start, end) = (made.start.iso8601_secs(), made.end.iso8601_secs());
    let times = ["--start-time", &start, "--end-time", &end];
    let of_aws = [&["cloudtrail", "validate-logs", "--trail-arn", &trail], &times[..]].concat();
    let copy = folder.join("copy").display().to_string();
    let keys = folder.join("keys.json").display().to_string();
    let remembered = folder.join("remembered").display().to_string();
    let of_folder =
        [&["validate", "--folder", &copy, "--public-keys", &keys, "--trail-arn", &trail], &times[..]].concat();
    let bucket = format!("s3://{BUCKET}");
    let of_bucket = [&["validate", bucket.as_str(), "--trail-arn", &trail], &times[..]].concat();
    let again = [&of_bucket[..], &["--state", &remembered]].concat();
    let program = cairn.display().to_string();
    let runs: [(&str, &str, &[&str]); 4] = [
        ("aws cloudtrail validate-logs", aws, &of_aws),
        ("cairn validate s3://…", &program, &of_bucket),
        ("cairn validate --folder", &program, &of_folder),
        ("cairn validate --state, again", &program, &again),
    ];
    server.run(&program, &again);
    let mut times: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for _ in 0..ROUNDS {
        for (name, program, arguments) in &runs {
            let (began, worked) = (Instant::now(), processor_secs());
            let out = server.run(program, arguments);
            let took = (began.elapsed().as_secs_f64(), processor_secs() - worked);
            assert!(out.contains(&format!("{files}/{files} log files valid")), "{name}: {out}");
            times.entry(name).or_default().push(took);
        }
    }
    let median = |name: &str| {
        let mut all = times[name].clone();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        all[ROUNDS / 2]
    };
    let (reference, _) = median(runs[0].0);
    println!("{:<32} {:>9} {:>10} {:>9} {:>7} {:>12}", "", "seconds", "files/s", "MB/s", "ratio", "processor s");
    for (name, ..) in &runs {
        let (took, worked) = median(name);
        println!(
            "{name:<32} {took:>9.2} {:>10.0} {:>9.0} {:>6.1}x {worked:>12.2}",
            as_f64(u64::try_from(files).expect("a count")) / took,
            megabytes / took,
            reference / took
        );
    }
    println!(
        "\nMedian of {ROUNDS} alternating runs over the same files; whole programs, from start to exit. MB: inflated.\nprocessor s: of the program alone, without the server's share."
    );
    println!("aws and cairn validate s3://… read from the same server on the same processors; --folder reads a copy.");
    drop(server);
    let _ = std::fs::remove_dir_all(&folder);
}

/// What programs that were run and have ended took of the processors. Source: proc(5), fields 16 and 17 of /proc/PID/stat, in
/// hundredths of a second.
fn processor_secs() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit(") ").next().unwrap_or_default().split(' ').skip(13).take(2);
    fields.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
}

#[expect(clippy::cast_precision_loss, reason = "for figures with three digits")]
fn as_f64(number: u64) -> f64 {
    number as f64
}

struct Key {
    pair: KeyPair,
    fingerprint: String,
    start: Timestamp,
    end: Timestamp,
}

fn now() -> Timestamp {
    system::env().clock.now()
}

/// Makes a signing key and puts it into the tables of a server that was never started.
fn make_key(tables: &Path) -> Key {
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key can be made");
    let public = pair.public_key().as_ref().to_vec();
    let fingerprint = base::ids::hex(&Md5::digest(&public));
    let (start, end) = (now().plus_ms(-60 * DAY_MS), now().plus_ms(60 * DAY_MS));
    let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).expect("a key can be written");
    let row = format!(
        r#"{{"version":1,"fingerprint":"{fingerprint}","public":"{}","private":"{}","start_ms":{},"end_ms":{}}}"#,
        BASE64.encode(&public),
        BASE64.encode(private.as_ref()),
        start.ms(),
        end.ms()
    );
    let place = state::key::key(&[format!("{:016x}", start.ms()).as_str(), &fingerprint]);
    let put = Op::Put { table: "cloudtrail/keys", key: place, value: row.into_bytes().into(), expect: Expect::Absent };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    runtime.block_on(async {
        let tables = state::Sqlite::open(tables, state::Options::default()).expect("tables can be made");
        tables.commit(vec![put]).await.expect("a row can be written");
    });
    let listed = format!(
        r#"{{"PublicKeyList":[{{"Value":"{}","ValidityStartTime":"{}","ValidityEndTime":"{}","Fingerprint":"{fingerprint}"}}]}}"#,
        BASE64.encode(&public),
        start.iso8601_secs(),
        end.iso8601_secs()
    );
    let beside = tables.parent().and_then(Path::parent).expect("it is two folders deep").join("keys.json");
    std::fs::write(beside, listed).expect("a file can be written");
    Key { pair, fingerprint, start, end }
}

struct Made {
    /// Keys with their metadata.
    objects: Vec<(String, Vec<(String, String)>)>,
    content_bytes: u64,
    stored_bytes: u64,
    start: Timestamp,
    end: Timestamp,
}

/// Writes a trail's files into a folder.
fn make_files(folder: &Path, key: &Key, files: usize) -> Made {
    let hours = i64::try_from(files.div_ceil(FILES_PER_DIGEST)).expect("a count");
    let first = now().plus_ms(-(hours + 2) * HOUR_MS).trunc_secs();
    assert!(first > key.start && now() < key.end, "fewer files: the key is valid for sixty days");
    let place = Place { prefix: None, organization_id: None, account_id: ACCOUNT };
    let mut made = Made {
        objects: Vec::new(),
        content_bytes: 0,
        stored_bytes: 0,
        start: first.plus_ms(-MINUTE_MS),
        end: first.plus_ms((hours + 1) * HOUR_MS),
    };
    let mut write = |name: &str, bytes: &[u8], metadata: Vec<(String, String)>| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("it has folders")).expect("a folder can be made");
        std::fs::write(&path, bytes).expect("a file can be written");
        if !metadata.is_empty() {
            let members: Vec<String> = metadata.iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
            std::fs::write(format!("{}.metadata.json", path.display()), format!("{{{}}}", members.join(",")))
                .expect("a file can be written");
        }
        made.stored_bytes += u64::try_from(bytes.len()).expect("a length");
        made.objects.push((name.to_owned(), metadata));
    };
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let mut previous: Option<Previous> = None;
    let mut left = files;
    for hour in 0..hours {
        let (start, end) = (first.plus_ms(hour * HOUR_MS), first.plus_ms((hour + 1) * HOUR_MS));
        let mut log_files = Vec::new();
        for at in 0..FILES_PER_DIGEST.min(left) {
            left -= 1;
            let delivered = start.plus_ms((i64::try_from(at).expect("a count") * 5 + 2) * MINUTE_MS);
            let unique = format!("{:016X}", chance.next());
            let name =
                LogKey { place: place.clone(), kind: LogKind::Events, region: REGION, delivered, unique: &unique }
                    .to_string();
            let mut writer = LogFileWriter::new();
            for _ in 0..RECORDS_PER_FILE {
                writer.push(record(&mut chance, delivered).as_bytes());
            }
            let file = writer.finish();
            made.content_bytes += file.uncompressed_len;
            write(&name, &file.gzip, Vec::new());
            log_files.push(DigestLogFile {
                s3_bucket: BUCKET.to_owned(),
                s3_object: name,
                hash_value: file.sha256_hex,
                hash_algorithm: HASH_ALGORITHM.to_owned(),
                newest_event_time: Some(delivered.iso8601_secs()),
                oldest_event_time: Some(delivered.iso8601_secs()),
            });
        }
        let name = DigestKey {
            place: place.clone(),
            region: REGION,
            trail_name: TRAIL,
            home_region: REGION,
            end,
            backfill: false,
        };
        let mut digest = Digest {
            aws_account_id: ACCOUNT.to_owned(),
            digest_start_time: start.iso8601_secs(),
            digest_end_time: end.iso8601_secs(),
            digest_s3_bucket: BUCKET.to_owned(),
            digest_s3_object: name.to_string(),
            digest_public_key_fingerprint: key.fingerprint.clone(),
            digest_signature_algorithm: SIGNATURE_ALGORITHM.to_owned(),
            newest_event_time: None,
            oldest_event_time: None,
            previous_digest_s3_bucket: None,
            previous_digest_s3_object: None,
            previous_digest_hash_value: None,
            previous_digest_hash_algorithm: None,
            previous_digest_signature: None,
            log_files,
        };
        digest.set_previous(previous.take());
        let content = digest.write();
        let mut signature = vec![0; key.pair.public_modulus_len()];
        let text = digest.string_to_sign(&content);
        key.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).expect("a key signs");
        let signature = base::ids::hex(&signature);
        previous = Some(digest.as_previous(&content, &signature));
        let metadata = vec![
            ("signature".to_owned(), signature),
            ("signature-algorithm".to_owned(), SIGNATURE_ALGORITHM.to_owned()),
        ];
        write(&digest.digest_s3_object, &deflate(&content), metadata);
    }
    made
}

/// The same numbers every time.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn id(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            a >> 32,
            a >> 16 & 0xffff,
            a & 0xfff,
            b >> 48 & 0xfff,
            b & 0xffff_ffff_ffff
        )
    }
}

/// A record of about 1.5 KB, as an SDK's call gives one.
fn record(chance: &mut Chance, time: Timestamp) -> String {
    const CALLS: [(&str, &str); 6] = [
        ("DescribeInstances", "ec2.amazonaws.com"),
        ("AssumeRole", "sts.amazonaws.com"),
        ("GetBucketPolicy", "s3.amazonaws.com"),
        ("PutMetricAlarm", "monitoring.amazonaws.com"),
        ("Decrypt", "kms.amazonaws.com"),
        ("ListRoles", "iam.amazonaws.com"),
    ];
    let pick = chance.next();
    let (name, source) = CALLS[usize::try_from(pick % 6).expect("less than six")];
    let (user, address) = (pick >> 8 & 0x3f, pick >> 16 & 0xff);
    let time = time.iso8601_secs();
    let mut text = format!(
        r#"{{"eventVersion":"1.11","userIdentity":{{"type":"AssumedRole","principalId":"AROA{:016X}:session-{user}","arn":"arn:aws:sts::{ACCOUNT}:assumed-role/service-role-{user}/session-{user}","accountId":"{ACCOUNT}","accessKeyId":"ASIA{:016X}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROAEXAMPLEROLE{user:02}","arn":"arn:aws:iam::{ACCOUNT}:role/service-role-{user}","accountId":"{ACCOUNT}","userName":"service-role-{user}"}},"attributes":{{"creationDate":"{time}","mfaAuthenticated":"false"}}}}}},"eventTime":"{time}","eventSource":"{source}","eventName":"{name}","awsRegion":"{REGION}","sourceIPAddress":"10.{address}.{user}.17","userAgent":"aws-sdk-java/2.25.11 Linux/5.10.0 OpenJDK_64-Bit_Server_VM/17.0.9 Java/17.0.9 kotlin/1.9.22 vendor/Amazon.com_Inc. io/sync http/Apache cfg/retry-mode/standard","requestParameters":{{"filterSet":{{"items":[{{"name":"tag:team","valueSet":{{"items":[{{"value":"team-{user}"}}]}}}}]}},"maxResults":100,"clientToken":"{}"}},"responseElements":null,"#,
        chance.next(),
        chance.next(),
        chance.id()
    );
    let _ = write!(
        text,
        r#""requestID":"{}","eventID":"{}","readOnly":true,"resources":[{{"accountId":"{ACCOUNT}","type":"AWS::EC2::Instance","ARN":"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-{:017x}"}}],"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"{ACCOUNT}","eventCategory":"Management","tlsDetails":{{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"{source}"}}}}"#,
        chance.id(),
        chance.id(),
        chance.next()
    );
    text
}

/// The server that holds the bucket.
struct Server {
    child: Child,
    address: String,
    home: PathBuf,
}

impl Server {
    fn start(cairn: &Path, folder: &Path) -> Server {
        let data = folder.join("data");
        let child = Command::new(cairn)
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "error", "--account-id", ACCOUNT, "--data-dir"])
            .arg(&data)
            .env("CAIRN_ROOT_ACCESS_KEY_ID", KEY_ID)
            .env("CAIRN_ROOT_SECRET_ACCESS_KEY", SECRET)
            .env("CAIRN_VALIDATION_INTERVAL", "off")
            .stdout(Stdio::null())
            .spawn()
            .expect("the cairn binary can be started");
        let began = Instant::now();
        let address = loop {
            if let Ok(url) = std::fs::read_to_string(data.join("endpoint"))
                && let Some(address) = url.strip_prefix("http://")
            {
                break address.to_owned();
            }
            assert!(began.elapsed() < Duration::from_secs(20), "the server did not start");
            std::thread::sleep(Duration::from_millis(1));
        };
        Server { child, address, home: folder.to_owned() }
    }

    /// Runs a program that finds the server by the AWS tools' variables; what it printed.
    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let done = Command::new(program)
            .args(arguments)
            .env("AWS_ENDPOINT_URL", format!("http://{}", self.address))
            .env("AWS_ACCESS_KEY_ID", KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .env("AWS_REGION", REGION)
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("HOME", &self.home)
            .stderr(Stdio::piped())
            .output()
            .expect("the program can be started");
        format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))
    }

    /// Bucket and trail.
    fn prepare(&self, aws: &str, folder: &Path) {
        let policy = folder.join("policy.json");
        let resource = format!("\"arn:aws:s3:::{BUCKET}\",\"arn:aws:s3:::{BUCKET}/*\"");
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"cloudtrail.amazonaws.com"}},"Action":["s3:GetBucketAcl","s3:PutObject"],"Resource":[{resource}]}}]}}"#
        );
        std::fs::write(&policy, text).expect("a file can be written");
        let policy = format!("file://{}", policy.display());
        self.run(aws, &["s3api", "create-bucket", "--bucket", BUCKET]);
        self.run(aws, &["s3api", "put-bucket-policy", "--bucket", BUCKET, "--policy", &policy]);
        let made =
            ["cloudtrail", "create-trail", "--name", TRAIL, "--s3-bucket-name", BUCKET, "--enable-log-file-validation"];
        let out = self.run(aws, &made);
        assert!(out.contains("TrailARN"), "making the trail: {out}");
    }

    fn put(&self, key: &str, body: &[u8], metadata: &[(String, String)]) {
        let path = format!("/{BUCKET}/{key}");
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_str(&self.address).expect("an address is a header value"));
        for (name, value) in metadata {
            let name = HeaderName::from_bytes(format!("x-amz-meta-{name}").as_bytes()).expect("a name is one");
            headers.insert(name, HeaderValue::from_str(value).expect("hexadecimal is a header value"));
        }
        let credentials = sigv4::Credentials {
            access_key_id: KEY_ID.to_owned(),
            secret_access_key: SECRET.to_owned(),
            session_token: None,
        };
        let signer = sigv4::Signer { credentials: &credentials, region: REGION, service: "s3", time: now() };
        let unsigned = sigv4::SignedRequest { method: "PUT", path: &path, query: "", headers: &headers };
        let added = signer.headers(&unsigned, &sigv4::sha256_hex(body)).expect("signing gives header values");
        headers.extend(added.into_iter().map(|(name, value)| (Some(name), value)));
        let mut head =
            format!("PUT {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len()).into_bytes();
        for (name, value) in &headers {
            head.extend_from_slice(name.as_str().as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        let mut stream = TcpStream::connect(&self.address).expect("the server listens");
        stream.write_all(&head).and_then(|()| stream.write_all(body)).expect("the server reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the server answers");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
