//! Where the models come from: one release of botocore, pinned by version and digest.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::Failure;

/// The release that the models are taken from.
const VERSION: &str = "1.43.11";
/// Of the wheel, as the package index lists it.
const WHEEL_SHA256: &str = "0108b5604df5a26918936c845e1e761866ee9ea8d1c1f9358ed3c69afdc37436";
/// The day the wheel was built.
const RELEASED: &str = "2026-05-19";

/// A folder that is removed when it is dropped.
pub struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // What cannot be removed stays in the system's folder for such.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The folder `botocore/data`: the one given, or that of the pinned release, downloaded and checked.
pub fn open(from: Option<&Path>) -> Result<(PathBuf, Option<Temporary>), Failure> {
    if let Some(data) = from {
        if !data.is_dir() {
            return Err(format!("{} is not a folder", data.display()).into());
        }
        check_version(data)?;
        return Ok((data.to_path_buf(), None));
    }
    let folder = Temporary(std::env::temp_dir().join(format!("cairn-models-{}", std::process::id())));
    fs::create_dir_all(&folder.0)?;
    let package = format!("botocore=={VERSION}");
    python(
        &folder.0,
        &["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", ".", &package],
    )?;
    let wheel = format!("botocore-{VERSION}-py3-none-any.whl");
    let digest = Sha256::digest(fs::read(folder.0.join(&wheel))?);
    let digest = digest.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string does not fail");
        hex
    });
    if digest != WHEEL_SHA256 {
        return Err(format!("{wheel} has SHA-256 {digest}, expected {WHEEL_SHA256}").into());
    }
    python(&folder.0, &["-m", "zipfile", "--extract", &wheel, "."])?;
    Ok((folder.0.join("botocore/data"), Some(folder)))
}

/// A given folder must be the pinned release's, else the provenance would be wrong. (One without its package is taken as is.)
fn check_version(data: &Path) -> Result<(), Failure> {
    let Ok(package) = fs::read_to_string(data.join("../__init__.py")) else { return Ok(()) };
    let stated = package.lines().find_map(|line| line.strip_prefix("__version__ = "));
    match stated.map(|version| version.trim_matches(['\'', '"'])) {
        Some(version) if version != VERSION => Err(format!("botocore {version} is there, expected {VERSION}").into()),
        _ => Ok(()),
    }
}

fn python(folder: &Path, args: &[&str]) -> Result<(), Failure> {
    let status = Command::new("python3").args(args).current_dir(folder).status()?;
    if !status.success() {
        return Err(format!("python3 {} failed: {status}", args.join(" ")).into());
    }
    Ok(())
}

/// The newest API version of a service, and its `service-2.json`.
pub fn service_model(data: &Path, service: &str) -> Result<(String, Vec<u8>), Failure> {
    let mut versions = Vec::new();
    for entry in fs::read_dir(data.join(service))? {
        let entry = entry?;
        if entry.path().is_dir() {
            versions.push(entry.file_name().into_string().map_err(|name| format!("odd folder name {name:?}"))?);
        }
    }
    let version = versions.into_iter().max().ok_or("no API version")?;
    let packed = data.join(service).join(&version).join("service-2.json.gz");
    let bytes = if packed.is_file() { super::unpack(&packed)? } else { fs::read(packed.with_extension(""))? };
    Ok((version, bytes))
}

/// The text of `PROVENANCE.md`.
pub fn provenance(rows: &[String], total: &str) -> String {
    format!(
        "# Where the models come from\n\
         \n\
         `make models` writes this file, `index.json` and `*.json.gz`; do not edit them. Corrections go to `patches/`.\n\
         \n\
         - Source: the `data` folder of [botocore](https://github.com/boto/botocore) {VERSION}, built {RELEASED}\n\
         - Wheel: `botocore-{VERSION}-py3-none-any.whl`, SHA-256 `{WHEEL_SHA256}`\n\
         - Licence: Apache-2.0, Copyright Amazon.com, Inc. or its affiliates\n\
         - Changes: prose and rules for clients are removed, keys are sorted, `patches/` are applied\n\
         \n\
         `*.json` files other than `index.json` are written by hand and are ours.\n\
         \n\
         | service | API version | operations | patches | bytes |\n\
         |---|---|---|---|---|\n\
         {}\n\
         \n\
         Total: {total}.\n",
        rows.join("\n")
    )
}
