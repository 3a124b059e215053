//! A cairn process under measurement.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::load::{self, Request};

/// The key that the load signs with.
pub const ACCESS_KEY_ID: &str = "AKIABENCHBENCHBENCH1";
/// Its secret: of a server that lives for the length of the run.
pub const SECRET_ACCESS_KEY: &str = "bench-bench-bench-bench-bench-bench-1234";

/// See the module.
pub struct Server {
    child: Child,
    folder: std::path::PathBuf,
    /// `127.0.0.1:port`.
    pub address: String,
    /// From the start of the process to its first signed answer.
    pub first_answer_ms: u128,
}

impl Server {
    /// Starts a server in a fresh folder and waits until it answers.
    pub fn start(binary: &Path, recording: &str) -> Server {
        let folder = std::env::temp_dir().join(format!("cairn-bench-{}-{recording}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let began = Instant::now();
        let child = Command::new(binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--recording", recording, "--log", "error", "--data-dir"])
            .arg(&folder)
            .env("CAIRN_ROOT_ACCESS_KEY_ID", ACCESS_KEY_ID)
            .env("CAIRN_ROOT_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
            .stdout(Stdio::null())
            .spawn()
            .expect("the cairn binary can be started");
        let endpoint = folder.join("endpoint");
        let address = loop {
            if let Ok(url) = std::fs::read_to_string(&endpoint)
                && let Some(address) = url.strip_prefix("http://")
            {
                break address.to_owned();
            }
            assert!(began.elapsed() < Duration::from_secs(20), "the server did not start");
            std::thread::sleep(Duration::from_millis(1));
        };
        load::once(&address, &Request::caller_identity(&address));
        Server { child, folder, address, first_answer_ms: began.elapsed().as_millis() }
    }

    /// Resident memory of the process.
    pub fn memory_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
        let kib: f64 = line.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(0.0);
        kib / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
