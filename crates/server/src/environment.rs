//! `cairn env`: lines for a shell that point the AWS tools at the server.

use std::path::Path;

use clap::Args;

use crate::commands::Failure;
use crate::config::{Config, DATA_DIR, Settings};
use crate::{credentials, data_folder, tls};

/// What `cairn env` can be told.
#[derive(Args)]
pub struct EnvArgs {
    /// The shell that will read the lines.
    #[arg(long, value_name = "SHELL", default_value = "sh")]
    shell: Shell,
    #[command(flatten)]
    settings: Settings,
}

/// How a shell sets variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Shell {
    /// sh, bash, zsh: eval "$(cairn env)"
    Sh,
    /// fish: cairn env --shell fish | source
    Fish,
    /// PowerShell: cairn env --shell powershell | Out-String | Invoke-Expression
    Powershell,
}

/// Left over from another account, these would be sent along and refused.
const UNSET: [&str; 2] = ["AWS_SESSION_TOKEN", "AWS_PROFILE"];

/// Prints the lines.
pub fn run(args: EnvArgs) -> Result<(), Failure> {
    let config = Config::load(args.settings)?;
    let root = credentials::load(&config)?;
    let endpoint = data_folder::endpoint(&config);
    let mut set = vec![
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", &root.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &root.secret_access_key),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ];
    let bundle = tls::bundle(&config).filter(|_| endpoint.starts_with("https://"));
    let bundle = bundle.map(|bundle| bundle.display().to_string());
    set.extend(bundle.as_deref().map(|bundle| ("AWS_CA_BUNDLE", bundle)));
    Ok(crate::terminal::print(&lines(args.shell, &set))?)
}

fn lines(shell: Shell, set: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in set {
        text.push_str(&match shell {
            Shell::Sh => format!("export {name}={}\n", quoted(value, r"'\''")),
            Shell::Fish => format!("set -gx {name} {}\n", quoted(&value.replace('\\', r"\\"), r"\'")),
            Shell::Powershell => format!("$env:{name} = '{}'\n", value.replace('\'', "''")),
        });
    }
    text.push_str(&match shell {
        Shell::Sh => format!("unset {}\n", UNSET.join(" ")),
        Shell::Fish => format!("set -e {}\n", UNSET.join(" ")),
        Shell::Powershell => {
            let names = UNSET.map(|name| format!("Env:{name}")).join(", ");
            format!("Remove-Item -ErrorAction SilentlyContinue {names}\n")
        }
    });
    text
}

/// The command that makes a shell point the AWS tools at the server of a data folder.
pub fn command(config: &Config) -> String {
    let is_default = config.data_dir == Path::new(DATA_DIR);
    let folder = config.data_dir.display().to_string();
    let named = if is_default { String::new() } else { format!(" --data-dir {}", quoted(&folder, r"'\''")) };
    format!("eval \"$(cairn env{named})\"")
}

/// The value, in single quotes if a shell could take it for more than a word; `quote` stands for a quote in it.
fn quoted(value: &str, quote: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.:/+=@%,".contains(c);
    if !value.is_empty() && value.chars().all(is_plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', quote))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_gets_its_own_words() {
        let set = [("A", "http://127.0.0.1:4566"), ("B", "it's $HOME \\")];
        let check = |shell, expected: &str| assert_eq!(lines(shell, &set), expected);
        check(
            Shell::Sh,
            "export A=http://127.0.0.1:4566\nexport B='it'\\''s $HOME \\'\nunset AWS_SESSION_TOKEN AWS_PROFILE\n",
        );
        check(
            Shell::Fish,
            "set -gx A http://127.0.0.1:4566\nset -gx B 'it\\'s $HOME \\\\'\nset -e AWS_SESSION_TOKEN AWS_PROFILE\n",
        );
        check(
            Shell::Powershell,
            "$env:A = 'http://127.0.0.1:4566'\n$env:B = 'it''s $HOME \\'\n\
             Remove-Item -ErrorAction SilentlyContinue Env:AWS_SESSION_TOKEN, Env:AWS_PROFILE\n",
        );
    }
}
