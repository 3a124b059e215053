//! The root access key: given by configuration, or made at the first start and kept in the data folder.

use std::path::PathBuf;

use base::{Rng, ids};
use serde::{Deserialize, Serialize};

use crate::commands::Failure;
use crate::config::Config;
use crate::data_folder;

/// The root access key.
#[derive(Clone, Serialize, Deserialize)]
pub struct RootCredentials {
    /// The version of this document.
    v: u32,
    /// `AKIA…`.
    pub access_key_id: String,
    /// Signs requests.
    pub secret_access_key: String,
}

fn path(config: &Config) -> PathBuf {
    config.data_dir.join("root-credentials")
}

/// The root key, for a client: what is configured, else what the server keeps in its folder.
pub fn load(config: &Config) -> Result<RootCredentials, Failure> {
    if let Some((id, secret)) = &config.root_key {
        return Ok(RootCredentials { v: 1, access_key_id: id.clone(), secret_access_key: secret.clone() });
    }
    let path = path(config);
    let text = data_folder::read(&path).map_err(|error| format!("reading {}: {error}", path.display()))?;
    let text = text.ok_or_else(|| {
        let folder = config.data_dir.display();
        format!("there are no root credentials in {folder}: start the server first (cairn serve), or name its folder with --data-dir")
    })?;
    serde_json::from_str(&text)
        .map_err(|_| format!("{} is damaged: it is not the document that cairn serve wrote", path.display()).into())
}

/// The root key, for the server: made now if there is none. Says whether it was.
pub fn load_or_make(config: &Config, rng: &dyn Rng) -> Result<(RootCredentials, bool), Failure> {
    let path = path(config);
    let exists = data_folder::read(&path).map_err(|error| format!("reading {}: {error}", path.display()))?.is_some();
    if config.root_key.is_some() || exists {
        return Ok((load(config)?, false));
    }
    let made =
        RootCredentials { v: 1, access_key_id: ids::iam_id(rng, "AKIA"), secret_access_key: ids::secret_key(rng) };
    let text = serde_json::to_string_pretty(&made)?;
    data_folder::write_secret(&path, &text).map_err(|error| format!("writing {}: {error}", path.display()))?;
    Ok((made, true))
}
