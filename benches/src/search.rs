//! Searching beside DuckDB: the same generated log files imported into Cairn and into DuckDB's own table, then the same questions asked of
//! both, in one run. Cairn is a server, filled by `cairn import` and asked through its API: its own figure for a query's time stands beside
//! what the client sees. DuckDB answers inside of the process that asks.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::load;
use crate::questions::{Question, questions};
use crate::report::Report;
use crate::requests::{ACCESS_KEY_ID, Request, SECRET_ACCESS_KEY};
use crate::server::{self, Server};

/// Between two looks whether an answer is there.
const POLL: Duration = Duration::from_micros(500);

/// See [`run`].
pub struct Options<'a> {
    /// The program.
    pub cairn: &'a Path,
    /// A Python that has `duckdb`.
    pub python: &'a Path,
    /// How many records.
    pub records: u64,
    /// Ask these questions only: part of a name.
    pub only: Option<&'a str>,
    /// Each question is asked so often; the fastest counts, as both would be at their best.
    pub rounds: usize,
    /// Where files are kept, and found by the next run.
    pub keep: Option<&'a Path>,
    /// Each question is asked once, of sides that were started anew after the system forgot all files. Needs root on Linux.
    pub cold: bool,
}

/// Runs everything.
pub fn run(report: &mut Report, options: &Options<'_>) {
    let folder = options.keep.map_or_else(server::fresh_folder, |keep| keep.join(options.records.to_string()));
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    report.section(&format!("search: {} records", options.records));
    let logs = folder.join("logs");
    whole(&logs, |part| generate(options, part));
    let (gzip_bytes, files) = size(&logs);
    report.number("search", "log files", as_f64(files), "");
    report.number("search", "their size", as_f64(gzip_bytes) / 1e6, "MB");

    let data = folder.join("cairn");
    whole(&data, |part| import(report, options, &logs, part));
    let start_duckdb = || {
        let mut duckdb = DuckDb::start(options.python, &logs, &folder.join("duckdb"));
        let loaded = duckdb.answer();
        (duckdb, loaded)
    };
    let (duckdb, loaded) = start_duckdb();
    let seconds = loaded["seconds"].as_f64().unwrap_or_default();
    if seconds > 0.0 {
        let rows = loaded["rows"].as_f64().unwrap_or_default();
        report.number("search", "DuckDB: import", rows / seconds, "records/s");
        report.number("search", "DuckDB: stored", loaded["bytes"].as_f64().unwrap_or_default() / rows, "bytes/record");
        report.number("search", "DuckDB: peak memory", loaded["peak_mib"].as_f64().unwrap_or_default(), "MiB");
    }
    let start_cairn = || Cairn::new(Server::start(options.cairn.to_path_buf(), Vec::new(), data.clone()));
    let mut sides = Sides { cairn: start_cairn(), duckdb };
    let anew = |sides: Sides| {
        sides.leave();
        std::fs::write("/proc/sys/vm/drop_caches", "3").expect("cold needs root on Linux");
        Sides { cairn: start_cairn(), duckdb: start_duckdb().0 }
    };
    sides = ask_all(report, sides, options, &anew);
    sides.leave();
    if options.keep.is_none() {
        let _ = std::fs::remove_dir_all(&folder);
    }
}

/// Makes a folder that is not there, under another name until it is whole: what is broken off is not kept.
fn whole(folder: &Path, make: impl FnOnce(&Path)) {
    if folder.is_dir() {
        return;
    }
    let part = folder.with_extension("part");
    let _ = std::fs::remove_dir_all(&part);
    make(&part);
    std::fs::rename(&part, folder).expect("a folder can be renamed");
}

fn generate(options: &Options<'_>, logs: &Path) {
    // Records as dense as an organization of some size has them.
    let days = (options.records / 30_000).clamp(1, 365);
    let done = Command::new(options.cairn)
        .args(["generate", "--records", &options.records.to_string(), "--days", &days.to_string()])
        .args(["--accounts", "5", "--attack", "--json", "--into"])
        .arg(logs)
        .stdout(Stdio::null())
        .status();
    assert!(done.is_ok_and(|status| status.success()), "cairn generate failed");
}

fn import(report: &mut Report, options: &Options<'_>, logs: &Path, data: &Path) {
    let server = Server::start(options.cairn.to_path_buf(), Vec::new(), data.to_path_buf());
    let cairn = Cairn::new(server);
    let server = &cairn.server;
    let began = Instant::now();
    let child = Command::new(options.cairn)
        .args(["import", "--json", "--into", &cairn.store, "--data-dir"])
        .arg(data)
        .args(["--listen", &server.address])
        .arg(logs)
        .env("CAIRN_ROOT_ACCESS_KEY_ID", ACCESS_KEY_ID)
        .env("CAIRN_ROOT_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the cairn binary can be started");
    let out = child.wait_with_output().expect("the process is ours");
    let seconds = began.elapsed().as_secs_f64();
    assert!(out.status.success(), "cairn import failed: {}", String::from_utf8_lossy(&out.stdout));
    let told: Value = serde_json::from_slice(&out.stdout).expect("cairn import prints JSON");
    let number = |name: &str| told[name].as_f64().unwrap_or_default();
    let kept = number("recordsKept");
    assert!(kept > 0.0, "nothing was imported: {told}");
    report.number("search", "Cairn: import", kept / seconds, "records/s");
    report.number("search", "Cairn: import", number("jsonBytes") / seconds / 1e6, "MB of JSON/s");
    report.number("search", "records", number("jsonBytes") / kept, "bytes of JSON each");
    report.number("search", "Cairn: processor time", server.cpu_seconds() / kept * 1e6, "µs/record, server alone");
    report.number("search", "Cairn: peak memory", server.peak_memory_mib(), "MiB");
    let (bytes, _) = size(&data.join("objects"));
    report.number("search", "Cairn: stored", as_f64(bytes) / kept, "bytes/record");
    cairn.server.leave();
}

/// A running server, one of whose event stores is asked.
struct Cairn {
    server: Server,
    /// An event data store that takes nothing but what is imported.
    store: String,
}

/// Rows of an answer, and how long it took in milliseconds.
struct Asked {
    /// From StartQuery to the last page of the result, as a client sees it.
    wall_ms: f64,
    /// As the server says.
    ms: f64,
    rows: Vec<Vec<String>>,
    scanned: u64,
}

impl Cairn {
    /// The store is made if it is not there.
    fn new(server: Server) -> Cairn {
        let mut cairn = Cairn { server, store: String::new() };
        let listed = cairn.call("ListEventDataStores", &json!({}));
        let found = listed["EventDataStores"][0]["EventDataStoreArn"].as_str().map(str::to_owned);
        let arn = found.unwrap_or_else(|| {
            let asked = json!({ "Name": "bench", "StartIngestion": false, "RetentionPeriod": 3653, "TerminationProtectionEnabled": false });
            let made = cairn.call("CreateEventDataStore", &asked);
            made["EventDataStoreArn"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
        });
        cairn.store = arn.rsplit('/').next().unwrap_or_default().to_owned();
        cairn
    }

    fn call(&self, operation: &str, body: &Value) -> Value {
        let target = format!("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.{operation}");
        let request = Request::json(&self.server.address, "cloudtrail", &target, &body.to_string());
        let answer = load::once(&self.server.address, &request);
        serde_json::from_slice(&answer).unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    fn ask(&self, sql: &str) -> Asked {
        let sql = &sql.replace("FROM events", &format!("FROM {}", self.store));
        let began = Instant::now();
        let started = self.call("StartQuery", &json!({ "QueryStatement": sql }));
        let id = started["QueryId"].clone();
        let (mut rows, mut next) = (Vec::new(), Value::Null);
        loop {
            let mut asked = json!({ "QueryId": id });
            if !next.is_null() {
                asked["NextToken"] = next.clone();
            }
            let page = self.call("GetQueryResults", &asked);
            match page["QueryStatus"].as_str() {
                Some("QUEUED" | "RUNNING") => {
                    std::thread::sleep(POLL);
                    continue;
                }
                Some("FINISHED") => {}
                _ => panic!("{sql}: {page}"),
            }
            for row in page["QueryResultRows"].as_array().into_iter().flatten() {
                let text =
                    |cell: &Value| cell.as_object().and_then(|cell| cell.values().next()?.as_str().map(str::to_owned));
                rows.push(row.as_array().into_iter().flatten().map(|cell| text(cell).unwrap_or_default()).collect());
            }
            next = page["NextToken"].clone();
            if next.is_null() {
                break;
            }
        }
        let wall_ms = began.elapsed().as_secs_f64() * 1e3;
        let told = self.call("DescribeQuery", &json!({ "QueryId": id }));
        let of = &told["QueryStatistics"];
        let ms = of["ExecutionTimeInMillis"].as_f64().unwrap_or_default();
        Asked { wall_ms, ms, rows, scanned: of["EventsScanned"].as_u64().unwrap_or_default() }
    }
}

struct DuckDb {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl DuckDb {
    fn start(python: &Path, logs: &Path, database: &Path) -> DuckDb {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/duckdb_side.py");
        let mut child = Command::new(python)
            .arg(script)
            .args([logs, database])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python can be started");
        let input = child.stdin.take().expect("it was asked for");
        let output = BufReader::new(child.stdout.take().expect("it was asked for"));
        DuckDb { child, input, output }
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("DuckDB's side answers");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("DuckDB's side: {error}: {line}"))
    }

    fn ask(&mut self, sql: &str) -> Value {
        writeln!(self.input, "{}", json!({ "sql": sql })).expect("DuckDB's side listens");
        self.answer()
    }
}

impl Drop for DuckDb {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Both that are asked.
struct Sides {
    cairn: Cairn,
    duckdb: DuckDb,
}

impl Sides {
    /// Ends both; their files stay.
    fn leave(self) {
        self.cairn.server.leave();
    }
}

fn ask_all(report: &mut Report, mut sides: Sides, options: &Options<'_>, anew: &dyn Fn(Sides) -> Sides) -> Sides {
    let known = Known::find(&sides.cairn);
    let (mut logs, mut needles) = ([0.0, 0.0], [0.0, 0.0]);
    let (mut count, mut needle_count) = (0.0, 0.0);
    println!(
        "{:<44} {:>9} {:>9} {:>7} {:>9} {:>8} {:>11}",
        "", "Cairn ms", "DuckDB ms", "ratio", "client ms", "rows", "scanned"
    );
    for Question { name, cairn: ours, duckdb: theirs, needle } in questions(&known.0) {
        if options.only.is_some_and(|only| !name.contains(only)) {
            continue;
        }
        let (mut best, mut cold) = ([f64::INFINITY; 2], [0.0; 2]);
        let (mut rows, mut scanned, mut wall) = (0, 0, f64::INFINITY);
        if options.cold {
            sides = anew(sides);
        }
        for round in 0..if options.cold { 1 } else { options.rounds } {
            let asked = sides.cairn.ask(&ours);
            let answered = sides.duckdb.ask(&theirs);
            // The server counts whole milliseconds.
            let ms = [asked.ms.max(0.5), answered["ms"].as_f64().expect("a number")];
            wall = wall.min(asked.wall_ms);
            for side in 0..2 {
                best[side] = best[side].min(ms[side]);
                if round == 0 {
                    cold[side] = ms[side];
                }
            }
            if round == 0 {
                compare(name, &asked.rows, &answered);
            }
            (rows, scanned) = (asked.rows.len(), asked.scanned);
        }
        let ratio = best[1] / best[0];
        println!("{name:<44} {:>9.2} {:>9.2} {ratio:>6.1}x {wall:>9.1} {rows:>8} {scanned:>11}", best[0], best[1]);
        report.line("search", json!({ "question": name, "cairn_ms": best[0], "cairn_client_ms": wall, "duckdb_ms": best[1], "cairn_first_ms": cold[0], "duckdb_first_ms": cold[1], "rows": rows, "rows_scanned": scanned }));
        for side in 0..2 {
            logs[side] += best[side].ln();
            if needle {
                needles[side] += best[side].ln();
            }
        }
        count += 1.0;
        needle_count += if needle { 1.0 } else { 0.0 };
    }
    let mean = |sum: f64, count: f64| (sum / f64::max(count, 1.0)).exp();
    let of = |sums: [f64; 2], count| [mean(sums[0], count), mean(sums[1], count)];
    for (what, [ours, theirs]) in [("all questions", of(logs, count)), ("needles", of(needles, needle_count))] {
        report.number("search", &format!("{what}, geometric mean: Cairn"), ours, "ms");
        report.number("search", &format!("{what}, geometric mean: DuckDB"), theirs, "ms");
        report.number("search", &format!("{what}: DuckDB / Cairn"), theirs / ours, "x");
    }
    sides
}

/// Both must say the same: rows in any order, as texts. Whole records differ in shape: of longer answers than DuckDB's side shows and of whole
/// records only the number is compared.
fn compare(name: &str, ours: &[Vec<String>], theirs: &Value) {
    let count = usize::try_from(theirs["rows"].as_u64().expect("a number")).expect("a count");
    assert_eq!(ours.len(), count, "{name}: another number of rows than DuckDB's");
    // The API shows null as an empty text.
    let text = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
    let shown = theirs["shown"].as_array().expect("rows");
    let mut right: Vec<Vec<String>> =
        shown.iter().map(|row| row.as_array().expect("a row").iter().map(text).collect()).collect();
    if right.len() < count || right.first().is_some_and(|row| row.len() != ours[0].len()) {
        return;
    }
    let mut left: Vec<Vec<String>> =
        ours.iter().map(|row| row.iter().map(|value| value.to_lowercase()).collect()).collect();
    left.sort();
    right.sort();
    assert_eq!(left, right, "{name}: another answer than DuckDB's");
}

/// Values that questions ask for: they are in the data.
struct Known(BTreeMap<&'static str, String>);

impl Known {
    fn find(cairn: &Cairn) -> Known {
        let one = |sql: &str| {
            let asked = cairn.ask(sql);
            asked.rows.into_iter().flatten().next().unwrap_or_else(|| panic!("{sql}: nothing"))
        };
        let mut known = BTreeMap::new();
        known.insert("user", one("SELECT userIdentity.arn FROM events WHERE userIdentity.type = 'IAMUser' GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"));
        known.insert("bucket", one("SELECT element_at(requestParameters, 'bucketName') FROM events WHERE eventSource = 's3.amazonaws.com' AND eventName LIKE 'Delete%' GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"));
        known.insert("event", one("SELECT max(eventID) FROM events WHERE eventName = 'AssumeRole'"));
        known.insert("key", one("SELECT userIdentity.accessKeyId FROM events WHERE userIdentity.accessKeyId LIKE 'ASIA%' GROUP BY 1 ORDER BY count(*), 1 LIMIT 1"));
        known.insert("request", one("SELECT min(requestID) FROM events WHERE eventSource = 'ec2.amazonaws.com'"));
        known.insert("ip", one("SELECT sourceIPAddress FROM events WHERE eventName = 'ConsoleLogin' GROUP BY 1 ORDER BY count(*), 1 LIMIT 1"));
        known.insert("arn", one("SELECT element_at(resources, 1).arn FROM events WHERE cardinality(resources) > 0 AND eventSource = 'kms.amazonaws.com' GROUP BY 1 ORDER BY count(*), 1 LIMIT 1"));
        known.insert("day", one("SELECT date_trunc('day', min(eventTime) + interval '3' day) FROM events"));
        known.insert("instance", one("SELECT max(json_extract_scalar(responseElements, '$.instancesSet.items[0].instanceId')) FROM events WHERE eventName = 'RunInstances'"));
        Known(known)
    }
}

/// Bytes and number of the files below a folder.
fn size(folder: &Path) -> (u64, u64) {
    let (mut bytes, mut files) = (0, 0);
    let mut folders: Vec<PathBuf> = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(found) if found.is_dir() => folders.push(entry.path()),
                Ok(found) => (bytes, files) = (bytes + found.len(), files + 1),
                Err(_) => {}
            }
        }
    }
    (bytes, files)
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn as_f64(number: u64) -> f64 {
    number as f64
}
