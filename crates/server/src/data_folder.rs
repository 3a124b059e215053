//! The data folder: one server at a time, and what the server leaves there for the other commands.
//!
//! ```text
//! cairn-data/
//!   lock               held by the running server
//!   endpoint           its URL
//!   root-credentials   the root access key, mode 0600
//!   host-key           the keys that contents are encrypted under, mode 0600 (unless they are kept elsewhere)
//!   kms-master-key     the keys that keys of KMS are wrapped under, likewise
//!   kms-master-key.wrapped   the same keys, if a KMS keeps them wrapped
//!   metrics-token      opens /metrics, mode 0600
//!   tls-certificate    the certificate that the server shows, if it speaks TLS
//!   journal/           what happened, in order (evidence)
//!   state.sqlite       configuration and metadata
//!   objects/           buckets' contents, files on their way, records in columns (unless they lie in an S3)
//!   spill/             what queries write while they run
//! ```
#![allow(clippy::disallowed_methods, reason = "locks and file modes are not part of Env's disk")]

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::commands::Failure;
use crate::config::Config;

/// Where queries spill to. What is in it is nobody's once the server stops.
pub const SPILL_FOLDER: &str = "spill";
const ENDPOINT: &str = "endpoint";
/// What is in the folder for its owner alone, by our own names: evidence, secrets, other people's data.
const PRIVATE: [&str; 10] = [
    "journal",
    "objects",
    "root-credentials",
    "host-key",
    "kms-master-key",
    "kms-master-key.wrapped",
    "metrics-token",
    "state.sqlite",
    "state.sqlite-wal",
    "state.sqlite-shm",
];

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
    let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(folder.join("lock"));
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

/// Takes from others what an earlier version, another umask or a careless copy has given them of what is in the folder. The folder
/// itself stays as whoever made it wants it: it may be any folder.
pub fn protect(folder: &Path) {
    let mode_of = |path: &Path| std::fs::symlink_metadata(path).ok().filter(|data| !data.is_symlink());
    for name in PRIVATE {
        let path = folder.join(name);
        let Some(data) = mode_of(&path) else { continue };
        let mode = data.permissions().mode() & 0o7777;
        if mode & 0o077 == 0 {
            continue;
        }
        let path_shown = path.display();
        match std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode & 0o700)) {
            Ok(()) => {
                tracing::warn!(path = %path_shown, mode = %format!("{mode:04o}"), "others could read this; now only its owner can")
            }
            Err(error) => {
                tracing::warn!(path = %path_shown, %error, "others can read this, and that could not be changed")
            }
        }
    }
    let is_open = |mode: u32| mode & 0o022 != 0;
    if mode_of(folder).is_some_and(|data| is_open(data.permissions().mode())) {
        let path = folder.display();
        tracing::warn!(%path, "others can write into the data folder, and so put their own keys there: chmod go-w it");
    }
}

/// Holds an existing folder for this process; `None` if a server, or another command, has it.
pub fn try_take(folder: &Path) -> Result<Option<Lock>, Failure> {
    let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(folder.join("lock"));
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

/// The token that opens `/metrics`, if there is one.
pub fn metrics_token(folder: &Path) -> Result<Option<String>, Failure> {
    let path = folder.join("metrics-token");
    let there = read(&path).map_err(|error| format!("reading {}: {error}", path.display()))?;
    Ok(there.map(|text| text.trim().to_owned()).filter(|token| !token.is_empty()))
}

/// A new token, which is nowhere yet.
pub fn make_metrics_token(rng: &dyn base::Rng) -> String {
    let mut bytes = [0; 32];
    rng.fill(&mut bytes);
    base::ids::hex(&bytes)
}

/// Keeps the token. Durable on return.
pub fn set_metrics_token(folder: &Path, token: &str) -> Result<(), Failure> {
    let path = folder.join("metrics-token");
    write_secret(&path, token).map_err(|error| format!("writing {}: {error}", path.display()).into())
}

/// The server's URL: of the address that a flag or the environment names, else from what the server left, else of the configuration.
pub fn endpoint(config: &Config) -> String {
    let left = || std::fs::read_to_string(config.data_dir.join(ENDPOINT)).ok();
    // Port 0 means any that is free: only the server knows which.
    let is_named = config.listen_is_explicit && config.listen.port() != 0;
    // A server with TLS has left its certificate.
    let is_tls = config.tls.is_some() || is_named && certificate(&config.data_dir).exists();
    let left = if is_named { None } else { left() };
    left.unwrap_or_else(|| url(config.listen, is_tls))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_secret_is_written_under_a_bare_name_too() {
        // The process's folder is the crate's: a name that is nothing there, removed at once.
        let path = Path::new("bare-name-of-a-test");
        let written = write_secret(path, "x");
        let there = std::fs::remove_file(path);
        assert!(written.is_ok() && there.is_ok(), "{written:?}");
    }

    #[test]
    fn others_lose_what_they_could_read() {
        let above = tempfile::tempdir().unwrap();
        let folder = above.path();
        let set = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        std::fs::create_dir(folder.join("journal")).unwrap();
        std::fs::create_dir(folder.join("mine")).unwrap();
        std::fs::write(folder.join("state.sqlite"), "").unwrap();
        for (name, mode) in [("journal", 0o755), ("mine", 0o755), ("state.sqlite", 0o644), ("", 0o755)] {
            set(&folder.join(name), mode);
        }
        std::os::unix::fs::symlink(folder.join("mine"), folder.join("objects")).unwrap();
        drop(take(folder).unwrap());
        protect(folder);
        let expected = [
            ("journal", 0o700),
            ("mine", 0o755),
            ("objects", 0o755),
            ("state.sqlite", 0o600),
            ("lock", 0o600),
            ("", 0o755),
        ];
        for (name, expected) in expected {
            assert_eq!(mode(&folder.join(name)), expected, "{name}");
        }
    }

    #[test]
    fn an_address_that_is_named_wins_over_what_the_server_left() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::load(Settings::default()).unwrap();
        config.data_dir = folder.path().to_owned();
        assert_eq!(endpoint(&config), "http://127.0.0.1:4566");
        set_endpoint(folder.path(), "http://127.0.0.1:1").unwrap();
        assert_eq!(endpoint(&config), "http://127.0.0.1:1");
        config.listen_is_explicit = true;
        for (listen, expected) in [
            ("127.0.0.1:4899", "http://127.0.0.1:4899"),
            ("0.0.0.0:4899", "http://127.0.0.1:4899"),
            ("127.0.0.1:0", "http://127.0.0.1:1"),
        ] {
            config.listen = listen.parse().unwrap();
            assert_eq!(endpoint(&config), expected);
        }
        config.listen = "127.0.0.1:4899".parse().unwrap();
        set_certificate(folder.path(), b"-").unwrap();
        assert_eq!(endpoint(&config), "https://127.0.0.1:4899");
    }
}
