//! What the server says when it listens: to whoever started it, or as events of its log. The root secret is shown on a terminal alone:
//! whatever else standard output is, it is kept somewhere (a system's log, a container's) and read by others.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};

use crate::config::{Config, LogFormat};
use crate::credentials::{self, RootCredentials};
use crate::environment;

/// Says how to use the server. `made_root`: the root key, if it is a new one.
pub fn say(config: &Config, url: &str, made_root: Option<&RootCredentials>) {
    if config.tls.is_none() && !config.listen.ip().is_loopback() {
        let address = config.listen;
        tracing::warn!(%address, "other machines can reach this server, and what they send is not encrypted: give it a certificate (--tls-certificate)");
    }
    match config.log_format {
        LogFormat::Json => {
            let (version, account, data) = (env!("CARGO_PKG_VERSION"), &config.account_id, config.data_dir.display());
            tracing::info!(version, url, account, %data, "Cairn listens");
            if made_root.is_some() {
                let (path, read_with) = (credentials::path(config), environment::command(config));
                tracing::info!(path = %path.display(), read_with, "root credentials were made");
            }
        }
        LogFormat::Text => {
            let mut out = std::io::stdout();
            let text = text(config, url, made_root, out.is_terminal());
            // Nobody needs to listen.
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        }
    }
}

fn text(config: &Config, url: &str, made_root: Option<&RootCredentials>, is_terminal: bool) -> String {
    let (data, account) = (config.data_dir.display(), &config.account_id);
    let mut text = format!("Cairn {} listens on {url}, account {account}, data in {data}\n", env!("CARGO_PKG_VERSION"));
    let kept = credentials::path(config);
    let kept = kept.display();
    let _ = match made_root {
        Some(root) if is_terminal => writeln!(
            text,
            "Root credentials were made; they are shown this once and kept in {kept}:\n  AWS_ACCESS_KEY_ID={}\n  AWS_SECRET_ACCESS_KEY={}",
            root.access_key_id, root.secret_access_key
        ),
        Some(_) => writeln!(text, "Root credentials were made: they are in {kept}, which only its owner can read."),
        None => Ok(()),
    };
    let _ = writeln!(text, "To point the AWS tools at it:  {}", environment::command(config));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    #[test]
    fn the_secret_is_for_a_terminal_alone() {
        let mut config = Config::load(Settings::default()).unwrap();
        let root = RootCredentials::make(&*system::env().rng);
        let shown = text(&config, "http://u", Some(&root), true);
        assert!(shown.contains(&root.secret_access_key) && shown.contains("shown this once"), "{shown}");
        config.data_dir = "/var/lib/it's".into();
        let not_shown = text(&config, "http://u", Some(&root), false);
        assert!(!not_shown.contains(&root.secret_access_key), "{not_shown}");
        assert!(not_shown.contains("/var/lib/it's/root-credentials"), "{not_shown}");
        assert!(not_shown.contains(r#"eval "$(cairn env --data-dir '/var/lib/it'\''s')""#), "{not_shown}");
        let later = text(&config, "http://u", None, true);
        assert!(!later.contains("oot credentials"), "{later}");
    }
}
