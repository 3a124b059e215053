//! The two documents of a backup: what it is, and the hash of each of its files.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::commands::Failure;

/// The form of backups that this program writes and knows.
pub const VERSION: u32 = 1;
/// The list of files.
pub const FILES: &str = "files.sha256";
/// The document whose presence says that a backup is whole.
const MANIFEST: &str = "manifest.json";
/// A list larger than this (some ten million files) is none of ours.
const LIST_BYTES_MAX: u64 = 2 << 30;

/// What a backup is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Of this document and the layout.
    pub version: u32,
    /// The program that wrote it.
    pub program: String,
    /// The account whose data it is.
    pub account: String,
    /// When it was begun: every record answered before is in it.
    pub begun: String,
    /// When it was whole.
    pub finished: String,
    /// Whether the server ran meanwhile.
    pub while_running: bool,
    /// The position after the journal's last entry.
    pub journal_end: u64,
    /// The journal's hash there.
    pub journal_head: String,
    /// Whether the objects are in it; else they lie in another S3.
    pub has_objects: bool,
    /// What was left out on request.
    pub left_out: Vec<String>,
    /// How many files.
    pub files: usize,
    /// How long they are together.
    pub bytes: u64,
    /// The hash of the list of files.
    pub files_sha256: String,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its place in a data folder, with slashes.
    pub name: String,
    /// Its hash, in hexadecimal.
    pub sha256: String,
}

/// An earlier backup, to link to.
pub struct Base {
    /// Where its files are.
    pub data: PathBuf,
    /// Their hashes, by name.
    pub files: HashMap<String, String>,
}

impl Manifest {
    /// Writes it, durably.
    pub fn write(&self, backup: &Path) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(self)?;
        write(&backup.join(MANIFEST), &format!("{text}\n"))
    }

    /// Reads and checks it, and the list that it names.
    pub fn read(backup: &Path) -> Result<(Manifest, Vec<Listed>), Failure> {
        let path = backup.join(MANIFEST);
        let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                let text = "it has no manifest.json, so it is no backup, or one that was never finished";
                format!("{}: {text}", backup.display())
            }
            _ => format!("reading {}: {error}", path.display()),
        })?;
        let version = serde_json::from_str::<serde_json::Value>(&text)
            .map_err(|error| format!("{} is damaged: {error}", path.display()))?["version"]
            .as_u64();
        if version.is_none_or(|version| version > u64::from(VERSION)) {
            return Err(
                format!("{} is of a form that this cairn does not know: use a newer one", path.display()).into()
            );
        }
        let manifest: Manifest =
            serde_json::from_str(&text).map_err(|error| format!("{} is damaged: {error}", path.display()))?;
        let files = read_list(&backup.join(FILES), &manifest)?;
        Ok((manifest, files))
    }
}

/// Writes the list of files, durably. Returns its hash.
pub fn write_list(path: &Path, folder: &str, files: &[Listed]) -> Result<String, Failure> {
    let mut text = String::new();
    for Listed { name, sha256 } in files {
        text.push_str(&format!("{sha256}  {folder}/{name}\n"));
    }
    write(path, &text)?;
    Ok(base::ids::hex(&Sha256::digest(&text)))
}

fn read_list(path: &Path, manifest: &Manifest) -> Result<Vec<Listed>, Failure> {
    let reading = |error: std::io::Error| format!("reading {}: {error}", path.display());
    if fs::metadata(path).map_err(reading)?.len() > LIST_BYTES_MAX {
        return Err(format!("{} is too long for a list of files", path.display()).into());
    }
    let text = fs::read_to_string(path).map_err(reading)?;
    if base::ids::hex(&Sha256::digest(&text)) != manifest.files_sha256 {
        return Err(format!("{} is not the list that the manifest names: it was changed", path.display()).into());
    }
    let files = text.lines().map(|line| {
        let parts = line.split_once("  ").and_then(|(sha256, name)| Some((sha256, name.strip_prefix("data/")?)));
        let plain = |name: &str| Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        match parts {
            Some((sha256, name)) if sha256.len() == 64 && !name.is_empty() && plain(name) => {
                Ok(Listed { name: name.to_owned(), sha256: sha256.to_owned() })
            }
            _ => Err(Failure::from(format!("{}: the line {line:?} names no file of a backup", path.display()))),
        }
    });
    let files = files.collect::<Result<Vec<_>, _>>()?;
    if files.len() != manifest.files {
        return Err(
            format!("{} has {} files, the manifest says {}", path.display(), files.len(), manifest.files).into()
        );
    }
    Ok(files)
}

/// An earlier backup, to link to.
pub fn read_base(backup: &Path) -> Result<Base, Failure> {
    let (_, files) = Manifest::read(backup).map_err(|error| format!("--base: {error}"))?;
    let files = files.into_iter().map(|file| (file.name, file.sha256)).collect();
    Ok(Base { data: backup.join("data"), files })
}

/// Writes a file, durably.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let write = || {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|error| format!("writing {}: {error}", path.display()).into())
}
