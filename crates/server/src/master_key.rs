//! The master keys, under which KMS's key material is wrapped: the environment's, a file that is named by configuration, or one that is
//! made in the data folder at the first start. Where a KMS is named, the file holds them as that KMS wrapped them, and they are in clear
//! in memory only. A file that was lost is never made anew.

use std::path::PathBuf;

use base::{Env, ids};
use kms::MasterKeys;
use zeroize::Zeroizing;

use crate::commands::Failure;
use crate::config::Config;
use crate::data_folder;
use crate::master_kms::MasterKms;

/// Holds the keys themselves, for those who keep secrets out of files.
pub const VARIABLE: &str = "CAIRN_KMS_MASTER_KEY";
/// Where they are in the data folder.
pub const FILE: &str = "kms-master-key";
/// Where they are in the data folder as a KMS wrapped them: a key a line, in base64; what follows a `#` is a comment.
pub const WRAPPED_FILE: &str = "kms-master-key.wrapped";
/// A key's length.
const KEY_BYTES: usize = 32;

fn path(config: &Config) -> PathBuf {
    let name = if config.master_kms.is_some() { WRAPPED_FILE } else { FILE };
    config.kms_master_key_file.clone().unwrap_or_else(|| config.data_dir.join(name))
}

/// The lines of a file that hold something, with their numbers.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..)
        .zip(text.lines().map(|line| line.split('#').next().unwrap_or_default().trim()))
        .filter(|(_, line)| !line.is_empty())
}

/// The master keys; `None` if there never was one, and one may be made. `used` says that there are keys that need one.
pub async fn find(config: &Config, env: &Env, used: bool) -> Result<Option<MasterKeys>, Failure> {
    #[expect(clippy::disallowed_methods, reason = "a secret that no setting shows; read once, at the start")]
    let given = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty());
    if let Some(text) = given {
        if config.master_kms.is_some() {
            let error =
                format!("{VARIABLE} and master_kms_key_id both say where the KMS master key is: give one of them");
            return Err(error.into());
        }
        let keys = MasterKeys::parse(env.clone(), &text.replace([',', ' '], "\n"));
        return keys.map(Some).map_err(|error| format!("{VARIABLE}: {error}").into());
    }
    let path = path(config);
    let shown = path.display();
    let text = data_folder::read(&path).map_err(|error| format!("reading the KMS master key {shown}: {error}"))?;
    match (text, &config.master_kms) {
        (Some(text), Some(kms)) => {
            let plain = config.data_dir.join(FILE);
            if plain.exists() {
                tracing::warn!(in_clear = %plain.display(), "not read, since the master keys are wrapped by a KMS; remove it, and its copies");
            }
            let keys = unwrapped(kms, env, &text).await;
            keys.map(Some).map_err(|error| format!("the KMS master key {shown} cannot be unwrapped: {error}").into())
        }
        (Some(text), None) => {
            let keys = MasterKeys::parse(env.clone(), &text);
            keys.map(Some).map_err(|error| format!("the KMS master key {shown} does not read: {error}").into())
        }
        (None, None) if config.data_dir.join(WRAPPED_FILE).exists() => Err(format!(
            "the KMS master key is in {WRAPPED_FILE} of the data folder, wrapped by a KMS: say by which key with master_kms_key_id"
        )
        .into()),
        // What lies there in clear is to be wrapped.
        (None, Some(_)) if config.data_dir.join(FILE).exists() => Ok(None),
        (None, _) if used => Err(format!(
            "the KMS master key {shown} is not there, and keys of this data folder are wrapped under it: restore the file, or name it \
             with --kms-master-key-file"
        )
        .into()),
        (None, None) if config.kms_master_key_file.is_some() => {
            let advice = "openssl rand -hex 32";
            Err(format!("kms_master_key_file: there is no file {shown}; make one:  {advice} > {shown}").into())
        }
        (None, _) => Ok(None),
    }
}

/// Makes a first master key and keeps it. Durable on return.
pub async fn make(config: &Config, env: &Env) -> Result<MasterKeys, Failure> {
    let path = path(config);
    let shown = path.display();
    let Some(kms) = &config.master_kms else {
        let text = MasterKeys::make(&*env.rng);
        data_folder::write_secret(&path, &text).map_err(|error| format!("writing {shown}: {error}"))?;
        tracing::info!(path = %shown, "a master key for KMS was made; keep a copy elsewhere: without it no key of KMS can be used");
        return MasterKeys::parse(env.clone(), &text).map_err(|error| format!("{shown}: {error}").into());
    };
    let plain = config.data_dir.join(FILE);
    let plain_shown = plain.display();
    let known =
        data_folder::read(&plain).map_err(|error| format!("reading {plain_shown}: {error}"))?.map(Zeroizing::new);
    let text = match &known {
        Some(known) => {
            // Says which line is none, before anything is asked.
            MasterKeys::parse(env.clone(), known)
                .map_err(|error| format!("the KMS master key {plain_shown} does not read: {error}"))?;
            let mut text = String::new();
            for (_, line) in lines(known) {
                let key = Zeroizing::new(ids::unhex(line).unwrap_or_default());
                text.push_str(&format!("{}\n", kms.wrap(env, &key).await?));
            }
            text
        }
        None => format!("{}\n", kms.make(env).await?),
    };
    // What cannot be unwrapped again is not kept: it would be missed at the next start.
    let keys = unwrapped(kms, env, &text).await?;
    data_folder::write_secret(&path, &text).map_err(|error| format!("writing {shown}: {error}"))?;
    match known {
        Some(_) => tracing::warn!(
            path = %shown, in_clear = %plain_shown,
            "the master keys are wrapped by the KMS from now on; remove the file that has them in clear, and its copies"
        ),
        None => tracing::info!(
            path = %shown,
            "a master key for KMS was made, wrapped by the KMS; keep a copy elsewhere: without it no key of KMS can be used"
        ),
    }
    Ok(keys)
}

/// The keys of a file that a KMS wrapped.
async fn unwrapped(kms: &MasterKms, env: &Env, text: &str) -> Result<MasterKeys, Failure> {
    // Never grows, so that it leaves no copy behind.
    let mut keys = Zeroizing::new(String::with_capacity(lines(text).count() * (2 * KEY_BYTES + 1)));
    for (number, line) in lines(text) {
        if line.len() == 2 * KEY_BYTES && ids::unhex(line).is_some() {
            let advice = "leave it as kms-master-key in the data folder, and it is wrapped at the start";
            return Err(format!("line {number} is a key in clear, and none that a KMS wrapped: {advice}").into());
        }
        let key = kms.unwrap(env, line).await.map_err(|error| format!("line {number}: {error}"))?;
        if key.len() != KEY_BYTES {
            return Err(format!(
                "line {number} is no master key: it has {} bytes, {KEY_BYTES} are expected",
                key.len()
            )
            .into());
        }
        keys.push_str(&Zeroizing::new(ids::hex(&key)));
        keys.push('\n');
    }
    Ok(MasterKeys::parse(env.clone(), &keys)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    #[tokio::test]
    async fn made_once_and_never_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::load(Settings::default()).unwrap();
        config.data_dir = folder.path().to_owned();
        let env = system::env();
        assert!(find(&config, &env, false).await.unwrap().is_none());
        let made: Vec<String> = make(&config, &env).await.unwrap().ids().collect();
        assert_eq!(find(&config, &env, true).await.unwrap().unwrap().ids().collect::<Vec<_>>(), made);
        let path = folder.path().join(FILE);
        let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        env.disk.remove(&path).unwrap();
        let error = find(&config, &env, true).await.err().unwrap().to_string();
        assert!(error.contains("restore the file"), "{error}");
        data_folder::write_secret(&folder.path().join(WRAPPED_FILE), "d3JhcHBlZA==").unwrap();
        let error = find(&config, &env, false).await.err().unwrap().to_string();
        assert!(error.contains("master_kms_key_id"), "none is made beside one that a KMS wrapped: {error}");
        config.kms_master_key_file = Some(folder.path().join("other"));
        env.disk.remove(&folder.path().join(WRAPPED_FILE)).unwrap();
        let error = find(&config, &env, false).await.err().unwrap().to_string();
        assert!(error.contains("openssl rand -hex 32"), "{error}");
    }
}
