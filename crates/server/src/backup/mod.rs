//! `cairn backup` and `cairn restore`: a copy of the data folder as of one moment, made while the server runs or is stopped, and
//! verified file by file when it is put back. See ADR 14 for why the order of the steps makes it whole.
//!
//! ```text
//! BACKUP/manifest.json    what it is: of when, up to which journal entry, with which hash; written last
//! BACKUP/files.sha256     one line for each file, as sha256sum writes and checks them
//! BACKUP/data/…           the files, laid out as in a data folder
//! ```
#![allow(clippy::disallowed_methods, reason = "it copies the real file system's files, with their modes and links")]

mod copying;
mod hold;
mod manifest;
mod restore;
mod source;
mod unfinished;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

pub use restore::{RestoreArgs, run as restore};

use crate::backup::copying::Copier;
use crate::backup::hold::Hold;
use crate::backup::manifest::{FILES, Manifest};
use crate::backup::source::Extra;
use crate::backup::unfinished::Unfinished;
use crate::client::{Client, runtime};
use crate::commands::Failure;
use crate::config::{Config, Settings};
use crate::data_folder;
use crate::terminal::amounts;

/// Where the copies lie in a backup.
const DATA: &str = "data";

/// What `cairn backup` can be told.
#[derive(Args)]
pub struct BackupArgs {
    /// The folder to make. It must not exist yet.
    #[arg(value_name = "FOLDER")]
    target: PathBuf,
    /// An earlier backup on the same file system: files that are the same there are linked, not copied.
    #[arg(long, value_name = "FOLDER")]
    base: Option<PathBuf>,
    /// Leave out the root key and other keys that lie directly in the data folder. Keys of users and those that sign digests are in
    /// the tables and stay.
    #[arg(long)]
    without_secrets: bool,
    #[command(flatten)]
    settings: Settings,
}

/// Makes a backup.
pub fn run(args: BackupArgs) -> Result<ExitCode, Failure> {
    let config = Config::load(args.settings)?;
    let folder = &config.data_dir;
    if !folder.join("journal").is_dir() {
        let text =
            format!("{} is not a data folder of Cairn (it has no journal): name it with --data-dir", folder.display());
        return Err(text.into());
    }
    if is_inside(&args.target, folder) {
        return Err(format!("{} lies in the data folder itself: choose another place", args.target.display()).into());
    }
    let base = args.base.as_deref().map(manifest::read_base).transpose()?;
    let begun = system::env().clock.now();
    let unfinished = Unfinished::begin(&args.target)?;
    let data = unfinished.folder().join(DATA);

    // 1. One moment. Stopped, the folder stands still by itself while we have its lock; else the server keeps what we copy.
    let (moment, hold, _lock) = match data_folder::try_take(folder)? {
        Some(lock) => (source::stopped(folder, &runtime()?)?, None, Some(lock)),
        None => {
            let hold = Hold::begin(Client::new(&config)?)?;
            (source::running(folder, hold.told())?, Some(hold), None)
        }
    };

    // 2. The files, of which none changes or goes while they are copied.
    let extra = if args.without_secrets { Extra::LeaveOut } else { Extra::Copy };
    let sources = source::list(folder, &moment, extra)?;
    let copier = Copier::new(data, base.as_ref(), "copying");
    let copied = copier.all(&sources.files, || hold.as_ref().is_none_or(Hold::goes_on))?;
    if let Some(hold) = hold {
        hold.end()?;
    }

    // 3. What it is, and then its name.
    let files_sha256 = manifest::write_list(&unfinished.folder().join(FILES), DATA, &copied.files)?;
    let (files, bytes) = (copied.files.len(), copied.bytes);
    let manifest = Manifest {
        version: manifest::VERSION,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        account: moment.account.clone().unwrap_or_else(|| config.account_id.clone()),
        begun: begun.iso8601_secs(),
        finished: system::env().clock.now().iso8601_secs(),
        while_running: moment.account.is_some(),
        journal_end: moment.journal_end,
        journal_head: moment.journal_head.clone(),
        has_objects: sources.has_objects,
        left_out: sources.left_out.clone(),
        files,
        bytes,
        files_sha256,
    };
    manifest.write(unfinished.folder())?;
    unfinished.finish()?;
    println!(
        "{}: {} with {}, {} of them linked; every record up to journal entry {} is in it",
        args.target.display(),
        amounts::counted(u64::try_from(files)?, "file"),
        amounts::bytes(bytes),
        amounts::count(copied.linked),
        amounts::count(moment.journal_end.saturating_sub(1)),
    );
    if !sources.left_out.is_empty() {
        println!("Left out: {}. Without them a restored server makes a new root key.", sources.left_out.join(", "));
    }
    if !sources.has_objects {
        println!("Objects are not in the data folder but in another S3: copy that bucket now, after this.");
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether a path that need not exist lies in a folder.
fn is_inside(path: &Path, folder: &Path) -> bool {
    let Ok(folder) = folder.canonicalize() else { return false };
    let above = path.ancestors().find_map(|above| {
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        above.canonicalize().ok()
    });
    above.is_some_and(|above| above.starts_with(&folder))
}
