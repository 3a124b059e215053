//! The root access key: given by configuration, or made at the first start and kept in the data folder. Never written to a log.

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

/// Where the server keeps it.
pub fn path(config: &Config) -> PathBuf {
    config.data_dir.join("root-credentials")
}

/// The root key, for a client: what is configured, else what the server keeps in its folder.
pub fn load(config: &Config) -> Result<RootCredentials, Failure> {
    find(config)?.ok_or_else(|| {
        let folder = config.data_dir.display();
        format!("there are no root credentials in {folder}: start the server first (cairn serve), or name its folder with --data-dir").into()
    })
}

/// The root key, if there is one: what is configured, else what the server keeps in its folder.
pub fn find(config: &Config) -> Result<Option<RootCredentials>, Failure> {
    if let Some((id, secret)) = &config.root_key {
        return Ok(Some(RootCredentials { v: 1, access_key_id: id.clone(), secret_access_key: secret.clone() }));
    }
    let path = path(config);
    let text = data_folder::read(&path).map_err(|error| format!("reading {}: {error}", path.display()))?;
    let read = |text: String| {
        serde_json::from_str(&text)
            .map_err(|_| format!("{} is damaged: it is not the document that cairn serve wrote", path.display()))
    };
    Ok(text.map(read).transpose()?)
}

/// Refuses settings that can be no access key.
pub fn check(id: String, secret: String) -> Result<(String, String), Failure> {
    let is_id = (4..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !is_id {
        return Err("root_access_key_id: 4 to 128 letters, digits or underscores are expected".into());
    }
    if secret.len() < 8 {
        return Err("root_secret_access_key: at least 8 characters are expected".into());
    }
    Ok((id, secret))
}

impl RootCredentials {
    /// A new key, which is nowhere yet.
    pub fn make(rng: &dyn Rng) -> RootCredentials {
        RootCredentials { v: 1, access_key_id: ids::iam_id(rng, "AKIA"), secret_access_key: ids::secret_key(rng) }
    }

    /// Keeps it in the data folder. Durable on return.
    pub fn keep(&self, config: &Config) -> Result<(), Failure> {
        let path = path(config);
        let text = serde_json::to_string_pretty(self)?;
        data_folder::write_secret(&path, &text).map_err(|error| format!("writing {}: {error}", path.display()).into())
    }
}
