//! The master key of KMS, under which the material of keys is wrapped: a file that is made in the data folder at the first start. A file
//! that was lost is never made anew.

use std::path::{Path, PathBuf};

use base::Env;
use kms::MasterKeys;

use crate::commands::Failure;
use crate::config::Config;
use crate::data_folder;

fn path(config: &Config) -> PathBuf {
    config.data_dir.join("kms-master-key")
}

fn parse(path: &Path, env: &Env, text: &str) -> Result<MasterKeys, Failure> {
    let read = MasterKeys::parse(env.clone(), text);
    read.map_err(|error| format!("the master key of KMS {} does not read: {error}", path.display()).into())
}

/// The master keys; `None` if there never was one, and one may be made. `used` says that there are keys whose material is wrapped.
pub fn find(config: &Config, env: &Env, used: bool) -> Result<Option<MasterKeys>, Failure> {
    let path = path(config);
    let shown = path.display();
    let text = data_folder::read(&path).map_err(|error| format!("reading the master key of KMS {shown}: {error}"))?;
    match text {
        Some(text) => parse(&path, env, &text).map(Some),
        None if used => Err(format!(
            "the master key of KMS {shown} is not there, and key material of this data folder is wrapped under it: restore the file"
        )
        .into()),
        None => Ok(None),
    }
}

/// Makes a first master key and keeps it. Durable on return.
pub fn make(config: &Config, env: &Env) -> Result<MasterKeys, Failure> {
    let path = path(config);
    let (shown, text) = (path.display(), MasterKeys::make(&*env.rng));
    data_folder::write_secret(&path, &text).map_err(|error| format!("writing {shown}: {error}"))?;
    tracing::info!(path = %shown, "a master key of KMS was made; keep a copy elsewhere: without it no KMS key can be used");
    parse(&path, env, &text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    #[test]
    fn made_once_and_never_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::load(Settings::default()).unwrap();
        config.data_dir = folder.path().to_owned();
        let env = system::env();
        assert!(find(&config, &env, false).unwrap().is_none());
        let made: Vec<String> = make(&config, &env).unwrap().ids().collect();
        assert_eq!(find(&config, &env, true).unwrap().unwrap().ids().collect::<Vec<_>>(), made);
        env.disk.remove(&path(&config)).unwrap();
        let error = find(&config, &env, true).err().unwrap().to_string();
        assert!(error.contains("restore the file"), "{error}");
    }
}
