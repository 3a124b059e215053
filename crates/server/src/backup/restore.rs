//! `cairn restore`: a data folder of a backup. The folder gets its name only when every file of it is what the backup's list says,
//! the journal's hash chain is whole, and the tables can be opened.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::copying::Copier;
use super::manifest::{Listed, Manifest};
use super::source::{Source, TABLES};
use super::unfinished::Unfinished;
use super::{DATA, is_inside};
use crate::commands::Failure;
use crate::config::{Config, Settings};
use crate::terminal::amounts;

/// So many wrong files are named.
const NAMED_MAX: usize = 10;

/// What `cairn restore` can be told.
#[derive(Args)]
pub struct RestoreArgs {
    /// The backup.
    #[arg(value_name = "BACKUP")]
    from: PathBuf,
    /// Only verify the backup. Its tables and its journal are copied beside the data folder meanwhile.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    settings: Settings,
}

/// Makes the data folder that the settings name (`--data-dir`), which must be absent or empty.
pub fn run(args: RestoreArgs) -> Result<ExitCode, Failure> {
    let config = Config::load(args.settings)?;
    let (manifest, files) = Manifest::read(&args.from)?;
    let data = args.from.join(DATA);
    if is_inside(&config.data_dir, &args.from) {
        return Err(format!("{} lies in the backup itself: choose another place", config.data_dir.display()).into());
    }
    let mut sources = sources(&data, &files)?;
    for source in &mut sources {
        source.only_hash = args.check && source.name != TABLES && !source.name.starts_with("journal/");
    }
    let temporary = args.check.then(|| config.data_dir.with_file_name("cairn-restore-check"));
    let target = temporary.as_ref().unwrap_or(&config.data_dir);
    let unfinished = Unfinished::begin(target)?;
    let folder = unfinished.folder().to_owned();
    let copied =
        Copier::new(folder.clone(), None, if args.check { "checking" } else { "restoring" }).all(&sources, || true)?;
    compare(&files, &copied.files)?;
    verify(&folder, &manifest)?;
    let (count, bytes) = (amounts::counted(u64::try_from(copied.files.len())?, "file"), amounts::bytes(copied.bytes));
    if args.check {
        unfinished.discard()?;
        println!(
            "{}: whole: {count} with {bytes}, every record up to journal entry {}",
            args.from.display(),
            manifest.journal_end - 1
        );
        return Ok(ExitCode::SUCCESS);
    }
    unfinished.finish()?;
    let (target, begun) = (target.display(), &manifest.begun);
    println!("{target}: {count} with {bytes}, as of {begun}; all are what the backup's list says");
    if !manifest.left_out.is_empty() {
        println!(
            "The backup was made without {}: put them into {target} before the start.",
            manifest.left_out.join(", ")
        );
    }
    if !manifest.has_objects {
        println!(
            "Its objects lie in another S3: start with the same --objects-… settings, over that bucket or a copy of it."
        );
    }
    println!("Start it with: cairn serve --data-dir {target} --account-id {}", manifest.account);
    Ok(ExitCode::SUCCESS)
}

/// The listed files, all of which are there, and no others.
fn sources(data: &Path, files: &[Listed]) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::with_capacity(files.len());
    let mut wrong = Vec::new();
    for Listed { name, .. } in files {
        let path = data.join(name);
        match fs::symlink_metadata(&path) {
            Ok(data) if data.is_file() => {
                sources.push(Source {
                    path,
                    name: name.clone(),
                    len_bytes: data.len(),
                    may_go: false,
                    only_hash: false,
                });
            }
            Ok(_) => wrong.push(format!("{name} is not a file")),
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    let listed: std::collections::HashSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
    strangers(data, "", &listed, &mut wrong)?;
    refuse(wrong)?;
    Ok(sources)
}

/// Files below a folder that are not listed.
fn strangers(
    folder: &Path,
    name: &str,
    listed: &std::collections::HashSet<&str>,
    wrong: &mut Vec<String>,
) -> Result<(), Failure> {
    let listing = |error: std::io::Error| format!("listing {}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(listing)? {
        let entry = entry.map_err(listing)?;
        let below = entry.file_name().to_string_lossy().into_owned();
        let below = if name.is_empty() { below } else { format!("{name}/{below}") };
        if entry.file_type().map_err(listing)?.is_dir() {
            strangers(&entry.path(), &below, listed, wrong)?;
        } else if !listed.contains(below.as_str()) {
            wrong.push(format!("{below} is not in the backup's list: somebody added it"));
        }
    }
    Ok(())
}

/// Compares what was copied with what was listed.
fn compare(listed: &[Listed], copied: &[Listed]) -> Result<(), Failure> {
    let copied: std::collections::HashMap<&str, &str> =
        copied.iter().map(|file| (file.name.as_str(), file.sha256.as_str())).collect();
    let differs = |file: &&Listed| copied.get(file.name.as_str()) != Some(&file.sha256.as_str());
    let wrong = listed.iter().filter(differs).map(|file| format!("{} is not what was backed up", file.name));
    refuse(wrong.collect())
}

fn refuse(wrong: Vec<String>) -> Result<(), Failure> {
    if wrong.is_empty() {
        return Ok(());
    }
    let more = wrong.len().saturating_sub(NAMED_MAX);
    let mut text = wrong[..wrong.len() - more].join("\n  ");
    if more > 0 {
        text.push_str(&format!("\n  and {more} more"));
    }
    Err(format!("the backup is damaged and was not restored:\n  {text}").into())
}

/// Checks that the copy is what a server can go on with.
fn verify(folder: &Path, manifest: &Manifest) -> Result<(), Failure> {
    let (verified, _) = journal::extents(&system::env(), &folder.join("journal"), None)?;
    let head = base::ids::hex(&verified.head.hash);
    let end = verified.head.seq.next().get();
    if (end, &head) != (manifest.journal_end, &manifest.journal_head) || verified.unfinished_bytes > 0 {
        return Err(format!("the journal ends at entry {end} with the hash {head}, the manifest says otherwise").into());
    }
    let tables = folder.join(TABLES);
    drop(state::Sqlite::open(&tables, state::Options::default())?);
    // Made by opening it; the server makes its own.
    let mut lock = tables.into_os_string();
    lock.push(".lock");
    let _ = fs::remove_file(lock);
    Ok(())
}
