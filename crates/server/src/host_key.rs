//! The host keys, under which contents are encrypted: a file that is named by configuration, or one that is made in the data folder
//! at the first start. A file that was lost is never made anew.

use std::path::{Path, PathBuf};

use base::Rng;
use seal::HostKeys;

use crate::commands::Failure;
use crate::config::Config;
use crate::data_folder;

fn path(config: &Config) -> PathBuf {
    config.host_key_file.clone().unwrap_or_else(|| config.data_dir.join("host-key"))
}

fn parse(path: &Path, text: &str) -> Result<HostKeys, Failure> {
    HostKeys::parse(text).map_err(|error| format!("the host key {} does not read: {error}", path.display()).into())
}

/// The host keys; `None` if there never was one, and one may be made. `used` says that contents were encrypted before.
pub fn find(config: &Config, used: bool) -> Result<Option<HostKeys>, Failure> {
    let path = path(config);
    let shown = path.display();
    let text = data_folder::read(&path).map_err(|error| format!("reading the host key {shown}: {error}"))?;
    match text {
        Some(text) => parse(&path, &text).map(Some),
        None if used => Err(format!(
            "the host key {shown} is not there, and contents of this data folder are encrypted under it: restore the file, or \
             name it with --host-key-file"
        )
        .into()),
        None if config.host_key_file.is_some() => {
            let advice = "openssl rand -hex 32";
            Err(format!("host_key_file: there is no file {shown}; make one:  {advice} > {shown}").into())
        }
        None => Ok(None),
    }
}

/// Makes a first host key and keeps it. Durable on return.
pub fn make(config: &Config, rng: &dyn Rng) -> Result<HostKeys, Failure> {
    let path = path(config);
    let (shown, text) = (path.display(), HostKeys::make(rng));
    data_folder::write_secret(&path, &text).map_err(|error| format!("writing {shown}: {error}"))?;
    tracing::info!(path = %shown, "a host key was made; keep a copy elsewhere: without it no object can be read");
    parse(&path, &text)
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
        let rng = system::env().rng;
        assert!(find(&config, false).unwrap().is_none());
        let made = make(&config, &*rng).unwrap().newest();
        assert_eq!(find(&config, true).unwrap().unwrap().newest(), made);
        let path = folder.path().join("host-key");
        let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        system::env().disk.remove(&path).unwrap();
        let error = find(&config, true).err().unwrap().to_string();
        assert!(error.contains("restore the file"), "{error}");
        assert!(!path.exists());
        config.host_key_file = Some(folder.path().join("other"));
        let error = find(&config, false).err().unwrap().to_string();
        assert!(error.contains("openssl rand -hex 32"), "{error}");
    }
}
