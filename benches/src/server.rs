//! Processes under measurement: Cairn, and the server that it is held against.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::load::{self, Run};
use crate::requests::{ACCESS_KEY_ID, Request, SECRET_ACCESS_KEY};

/// The longest that a server may take to start.
const START_MAX: Duration = Duration::from_secs(60);

/// See the module.
pub struct Server {
    child: Child,
    binary: PathBuf,
    settings: Vec<String>,
    /// The data folder.
    pub folder: PathBuf,
    /// `127.0.0.1:port`.
    pub address: String,
    /// From the start of the process to its first signed answer.
    pub first_answer_ms: f64,
}

impl Server {
    /// Starts a Cairn in a fresh folder and waits until it answers.
    pub fn cairn(binary: &Path, settings: &[&str]) -> Server {
        let folder = fresh_folder();
        let settings = settings.iter().map(|text| (*text).to_owned()).collect();
        Server::start(binary.to_path_buf(), settings, folder)
    }

    /// Starts a Cairn over a folder that is there.
    pub fn start(binary: PathBuf, settings: Vec<String>, folder: PathBuf) -> Server {
        let endpoint = folder.join("endpoint");
        let _ = std::fs::remove_file(&endpoint);
        let began = Instant::now();
        let child = Command::new(&binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "error", "--data-dir"])
            .arg(&folder)
            .args(&settings)
            .env("CAIRN_ROOT_ACCESS_KEY_ID", ACCESS_KEY_ID)
            .env("CAIRN_ROOT_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
            .stdout(Stdio::null())
            .spawn()
            .expect("the cairn binary can be started");
        let address = loop {
            if let Ok(url) = std::fs::read_to_string(&endpoint)
                && let Some(address) = url.trim().strip_prefix("http://")
            {
                break address.to_owned();
            }
            assert!(began.elapsed() < START_MAX, "the server did not start");
            std::thread::sleep(Duration::from_millis(1));
        };
        load::once(&address, &Request::caller_identity(&address));
        let first_answer_ms = began.elapsed().as_secs_f64() * 1e3;
        Server { child, binary, settings, folder, address, first_answer_ms }
    }

    /// Starts an `s3s-fs` in a fresh folder and waits until it answers.
    pub fn s3s_fs(binary: &Path) -> Server {
        let folder = fresh_folder();
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
        let began = Instant::now();
        let child = Command::new(binary)
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .args(["--access-key", ACCESS_KEY_ID, "--secret-key", SECRET_ACCESS_KEY])
            .arg(&folder)
            .env("RUST_LOG", "error")
            .stdout(Stdio::null())
            .spawn()
            .expect("the s3s-fs binary can be started");
        let address = format!("127.0.0.1:{port}");
        let list = Request::s3(&address, "GET", "/", "", [].into());
        while load::try_once(&address, &list).is_err() {
            assert!(began.elapsed() < START_MAX, "s3s-fs did not start");
            std::thread::sleep(Duration::from_millis(5));
        }
        let first_answer_ms = began.elapsed().as_secs_f64() * 1e3;
        Server { child, binary: binary.to_path_buf(), settings: Vec::new(), folder, address, first_answer_ms }
    }

    /// Kills the process and starts it again over the same folder.
    pub fn crash(self) -> Server {
        self.over(|| {})
    }

    /// The same, with something done in between.
    pub fn over(mut self, work: impl FnOnce()) -> Server {
        self.child.kill().expect("the process is ours");
        self.child.wait().expect("the process is ours");
        work();
        let folder = std::mem::take(&mut self.folder);
        Server::start(self.binary.clone(), self.settings.clone(), folder)
    }

    /// Runs a load on it, with the processor time that it took.
    pub fn measured(&self, load: impl FnOnce() -> Run) -> Run {
        let before = self.cpu_seconds();
        let run = load();
        let used = self.cpu_seconds() - before;
        Run { cpu_us: Some(used * 1e6 / load::count(run.answers.max(1))), ..run }
    }

    /// Processor time of all its threads so far.
    pub fn cpu_seconds(&self) -> f64 {
        let folder = format!("/proc/{}/task", self.child.id());
        let threads = std::fs::read_dir(folder).into_iter().flatten().flatten();
        // Nanoseconds on a processor are the first number.
        let of = |path: PathBuf| std::fs::read_to_string(path).ok()?.split(' ').next()?.parse::<f64>().ok();
        threads.filter_map(|thread| of(thread.path().join("schedstat"))).sum::<f64>() / 1e9
    }

    /// Resident memory of the process.
    pub fn memory_mib(&self) -> f64 {
        self.status_mib("VmRSS:")
    }

    /// The most that it ever was.
    pub fn peak_memory_mib(&self) -> f64 {
        self.status_mib("VmHWM:")
    }

    /// Stops it and leaves its folder.
    pub fn leave(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.folder = PathBuf::new();
    }

    fn status_mib(&self, field: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or("0");
        let kib: f64 = line.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(0.0);
        kib / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !self.folder.as_os_str().is_empty() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// The folder that all of a run's data folders are in: beside the build, on a disk rather than in memory.
pub fn fresh_folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let parent = std::env::var_os("CAIRN_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    std::fs::create_dir_all(&parent).expect("the folder can be made");
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = parent.join(format!("cairn-bench-{}-{number}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}
