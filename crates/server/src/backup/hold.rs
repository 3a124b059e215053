//! A hold of the running server, for as long as this value lives: see the operation HoldForBackup.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::oneshot;

use crate::client::{CallError, Client, runtime};
use crate::commands::Failure;

/// The server says every second that the hold goes on. When it has not for this long, it does not.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// What the server said when the hold began.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Told {
    /// Whose server it is.
    pub account: String,
    /// The position after the last entry at the moment that the tables show.
    pub journal_end: u64,
    /// The journal's hash there.
    pub journal_head: String,
    /// The copy of the tables: a file name in the data folder.
    pub tables: String,
}

/// See the module.
pub struct Hold {
    told: Told,
    goes_on: Arc<AtomicBool>,
    /// Dropping it ends the hold.
    _end: oneshot::Sender<()>,
}

impl Hold {
    /// Begins a hold.
    pub fn begin(client: Client) -> Result<Hold, Failure> {
        let (first, begun) = mpsc::channel();
        let (end, ended) = oneshot::channel();
        let goes_on = Arc::new(AtomicBool::new(true));
        let flag = Arc::clone(&goes_on);
        // A thread of its own, because files are copied by blocking calls.
        std::thread::Builder::new().name("hold".to_owned()).spawn(move || {
            let result = runtime().map(|runtime| runtime.block_on(keep(&client, &first, ended)));
            if let Err(error) = result {
                let _ = first.send(Err(error));
            }
            flag.store(false, Ordering::Release);
        })?;
        let told = begun.recv().map_err(|_| "the server did not begin to hold its files")??;
        Ok(Hold { told, goes_on, _end: end })
    }

    /// What the server said.
    pub fn told(&self) -> &Told {
        &self.told
    }

    /// Whether it still holds.
    pub fn goes_on(&self) -> bool {
        self.goes_on.load(Ordering::Acquire)
    }

    /// Ends the hold; an error if it had ended before, because files may then have gone that were to be copied.
    pub fn end(self) -> Result<(), Failure> {
        if self.goes_on() { Ok(()) } else { Err(interrupted().into()) }
    }
}

/// What is said when a hold ends too early.
pub fn interrupted() -> &'static str {
    "the server stopped while its files were being copied; the backup is not whole: try again, when it runs or while it is stopped"
}

async fn keep(client: &Client, first: &mpsc::Sender<Result<Told, Failure>>, mut ended: oneshot::Receiver<()>) {
    let call = client.lines("HoldForBackup", &serde_json::json!({})).await;
    let mut lines = match call {
        Ok(lines) => lines,
        Err(error) => {
            let error: Failure = match error {
                CallError::Unreachable { .. } => format!(
                    "the data folder is in use, but {error}\nIf the server is just starting or stopping, try again."
                )
                .into(),
                error => error.into(),
            };
            let _ = first.send(Err(error));
            return;
        }
    };
    let mut is_first = true;
    loop {
        let next = tokio::select! {
            biased;
            _ = &mut ended => return,
            next = tokio::time::timeout(SILENCE_MAX, lines.next()) => next,
        };
        let Ok(Some(some)) = next else { return };
        if std::mem::take(&mut is_first) {
            let line = some.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let told = serde_json::from_slice(line)
                .map_err(|error| format!("the server's answer cannot be read: {error}").into());
            let _ = first.send(told);
        }
    }
}
