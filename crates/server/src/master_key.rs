//! The master keys, under which KMS's key material is wrapped: the environment's, a file that is named by configuration, or one that is
//! made in the data folder at the first start. A file that was lost is never made anew.

use std::path::PathBuf;

use base::Env;
use kms::MasterKeys;

use crate::commands::Failure;
use crate::config::Config;
use crate::data_folder;

/// Holds the keys themselves, for those who keep secrets out of files.
pub const VARIABLE: &str = "CAIRN_KMS_MASTER_KEY";
/// Where they are in the data folder.
pub const FILE: &str = "kms-master-key";

fn path(config: &Config) -> PathBuf {
    config.kms_master_key_file.clone().unwrap_or_else(|| config.data_dir.join(FILE))
}

/// The master keys; `None` if there never was one, and one may be made. `used` says that there are keys that need one.
pub fn find(config: &Config, env: &Env, used: bool) -> Result<Option<MasterKeys>, Failure> {
    #[expect(clippy::disallowed_methods, reason = "a secret that no setting shows; read once, at the start")]
    let given = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty());
    if let Some(text) = given {
        let keys = MasterKeys::parse(env.clone(), &text.replace([',', ' '], "\n"));
        return keys.map(Some).map_err(|error| format!("{VARIABLE}: {error}").into());
    }
    let path = path(config);
    let shown = path.display();
    let text = data_folder::read(&path).map_err(|error| format!("reading the KMS master key {shown}: {error}"))?;
    match text {
        Some(text) => {
            let keys = MasterKeys::parse(env.clone(), &text);
            keys.map(Some).map_err(|error| format!("the KMS master key {shown} does not read: {error}").into())
        }
        None if used => Err(format!(
            "the KMS master key {shown} is not there, and keys of this data folder are wrapped under it: restore the file, or name it \
             with --kms-master-key-file"
        )
        .into()),
        None if config.kms_master_key_file.is_some() => {
            let advice = "openssl rand -hex 32";
            Err(format!("kms_master_key_file: there is no file {shown}; make one:  {advice} > {shown}").into())
        }
        None => Ok(None),
    }
}

/// Makes a first master key and keeps it. Durable on return.
pub fn make(config: &Config, env: &Env) -> Result<MasterKeys, Failure> {
    let path = path(config);
    let (shown, text) = (path.display(), MasterKeys::make(&*env.rng));
    data_folder::write_secret(&path, &text).map_err(|error| format!("writing {shown}: {error}"))?;
    tracing::info!(path = %shown, "a master key for KMS was made; keep a copy elsewhere: without it no key of KMS can be used");
    MasterKeys::parse(env.clone(), &text).map_err(|error| format!("{shown}: {error}").into())
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
        let path = folder.path().join(FILE);
        let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        env.disk.remove(&path).unwrap();
        let error = find(&config, &env, true).err().unwrap().to_string();
        assert!(error.contains("restore the file"), "{error}");
        config.kms_master_key_file = Some(folder.path().join("other"));
        let error = find(&config, &env, false).err().unwrap().to_string();
        assert!(error.contains("openssl rand -hex 32"), "{error}");
    }
}
