//! The data folder: one server at a time, and what the server leaves there for the other commands.
//!
//! ```text
//! cairn-data/
//!   lock               held by the running server
//!   endpoint           its URL
//!   root-credentials   the root access key, mode 0600
//!   host-key           the keys that contents are encrypted under, mode 0600 (unless they are kept elsewhere)
//!   metrics-token      opens /metrics, mode 0600
//!   tls-certificate    the certificate that the server shows, if it speaks TLS
//!   journal/           what happened, in order (evidence)
//!   state.sqlite       configuration and metadata
//!   objects/           buckets' contents, files on their way (unless they lie in an S3)
//! ```
#![allow(clippy::disallowed_methods, reason = "locks and file modes are not part of Env's disk")]

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use crate::commands::Failure;
use crate::config::Config;

const ENDPOINT: &str = "endpoint";

/// Holds the folder for this process until it is dropped.
pub struct Lock(#[expect(dead_code, reason = "held, not used")] File);

/// Makes the folder if it is absent, and takes it for this process.
pub fn take(folder: &Path) -> Result<Lock, Failure> {
    let doing = |what: &str, error: std::io::Error| format!("{what} {}: {error}", folder.display());
    // What lies there is evidence and other people's data: for whoever runs the server alone.
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| doing("making the data folder", error))?;
    let lock = OpenOptions::new().write(true).create(true).truncate(false).open(folder.join("lock"));
    let lock = lock.map_err(|error| doing("opening the lock of the data folder", error))?;
    match lock.try_lock() {
        Ok(()) => Ok(Lock(lock)),
        Err(std::fs::TryLockError::WouldBlock) => Err(format!(
            "another cairn is running on {}; stop it, or choose another folder with --data-dir",
            folder.display()
        )
        .into()),
        Err(std::fs::TryLockError::Error(error)) => Err(doing("locking the data folder", error).into()),
    }
}

/// Holds an existing folder for this process; `None` if a server, or another command, has it.
pub fn try_take(folder: &Path) -> Result<Option<Lock>, Failure> {
    let opened = OpenOptions::new().write(true).create(true).truncate(false).open(folder.join("lock"));
    let lock = opened.map_err(|error| format!("opening the lock of {}: {error}", folder.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(Lock(lock))),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => Err(format!("locking {}: {error}", folder.display()).into()),
    }
}

/// Leaves the server's URL for the other commands.
pub fn set_endpoint(folder: &Path, url: &str) -> Result<(), Failure> {
    let path = folder.join(ENDPOINT);
    std::fs::write(&path, url).map_err(|error| format!("writing {}: {error}", path.display()).into())
}

/// Leaves the server's certificate for the other commands.
pub fn set_certificate(folder: &Path, pem: &[u8]) -> Result<(), Failure> {
    let path = certificate(folder);
    let new = path.with_extension("new");
    let written = std::fs::write(&new, pem).and_then(|()| std::fs::rename(&new, &path));
    written.map_err(|error| format!("writing {}: {error}", path.display()).into())
}

/// Removes what [`set_certificate`] left: the server speaks TLS no more.
pub fn forget_certificate(folder: &Path) -> Result<(), Failure> {
    let path = certificate(folder);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("removing {}: {error}", path.display()).into())
        }
        _ => Ok(()),
    }
}

/// Where the server's certificate is.
pub fn certificate(folder: &Path) -> std::path::PathBuf {
    folder.join("tls-certificate")
}

/// The token that opens `/metrics`: made now if there is none.
pub fn metrics_token(folder: &Path, rng: &dyn base::Rng) -> Result<String, Failure> {
    let path = folder.join("metrics-token");
    let there = read(&path).map_err(|error| format!("reading {}: {error}", path.display()))?;
    if let Some(token) = there.map(|text| text.trim().to_owned()).filter(|token| !token.is_empty()) {
        return Ok(token);
    }
    let mut bytes = [0; 32];
    rng.fill(&mut bytes);
    let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    write_secret(&path, &token).map_err(|error| format!("writing {}: {error}", path.display()))?;
    Ok(token)
}

/// The server's URL, from what it left, else from the configuration.
pub fn endpoint(config: &Config) -> String {
    let left = std::fs::read_to_string(config.data_dir.join(ENDPOINT)).ok();
    left.unwrap_or_else(|| url(config.listen, config.tls.is_some()))
}

/// The URL by which a client on this machine reaches a server that listens there.
pub fn url(mut address: std::net::SocketAddr, is_tls: bool) -> String {
    if address.ip().is_unspecified() {
        let ip: std::net::IpAddr =
            if address.is_ipv4() { std::net::Ipv4Addr::LOCALHOST.into() } else { std::net::Ipv6Addr::LOCALHOST.into() };
        address.set_ip(ip);
    }
    let scheme = if is_tls { "https" } else { "http" };
    format!("{scheme}://{address}")
}

/// Writes a file that only its owner can read. Durable on return.
pub fn write_secret(path: &Path, text: &str) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    File::open(base::env::folder_of(path))?.sync_all()
}

/// Reads a file; `None` if it is absent.
pub fn read(path: &Path) -> std::io::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
