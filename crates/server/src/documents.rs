//! What is made of the command's own definition: shell completions, manual pages, the example of a configuration file, and the
//! settings in force. Nothing here says a second time what the definition says.

use std::path::PathBuf;

use clap::{Arg, Args, Command, CommandFactory, Parser};
use serde_json::Value;

use crate::commands::Failure;
use crate::config::{Config, Settings};
use crate::terminal::print;

/// What `cairn completions` can be told.
#[derive(Args)]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: clap_complete::Shell,
}

/// What `cairn man` can be told.
#[derive(Args)]
pub struct ManArgs {
    /// Write the pages of all commands into this folder, which is made.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// What `cairn config` can be told.
#[derive(Args)]
pub struct ConfigArgs {
    /// Print a configuration file with every setting, its meaning and its default instead.
    #[arg(long)]
    example: bool,
    #[command(flatten)]
    settings: Settings,
}

/// Prints the completions of a shell.
pub fn completions(args: &CompletionsArgs, mut command: Command) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command, "cairn", &mut text);
    Ok(print(&String::from_utf8(text)?)?)
}

/// Prints the manual page, or writes all of them.
#[expect(clippy::disallowed_methods, reason = "a folder that the caller names, before there is an Env")]
pub fn man(args: &ManArgs, command: Command) -> Result<(), Failure> {
    let Some(folder) = &args.out else {
        let mut text = Vec::new();
        clap_mangen::Man::new(command).render(&mut text)?;
        return Ok(print(&String::from_utf8(text)?)?);
    };
    let failed = |error: std::io::Error| format!("writing manual pages to {}: {error}", folder.display());
    std::fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(command, folder).map_err(failed)?;
    Ok(())
}

/// Prints the settings in force, without secrets, or the example.
pub fn config(args: ConfigArgs) -> Result<(), Failure> {
    if args.example {
        return Ok(print(&example())?);
    }
    let settings = Config::merged(args.settings)?;
    Ok(print(&in_force(&serde_json::to_value(settings)?))?)
}

/// The settings, as the command's definition has them.
fn settings() -> Vec<Arg> {
    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        _settings: Settings,
    }
    let is_setting = |argument: &&Arg| argument.get_id() != "config" && argument.get_id() != "help";
    Only::command().get_arguments().filter(is_setting).cloned().collect()
}

/// What a setting means, and its default, which stands in brackets at the end.
fn meaning(setting: &Arg) -> (String, Option<String>) {
    let help = setting.get_help().map(ToString::to_string).unwrap_or_default();
    match help.rsplit_once(" [default: ") {
        Some((meaning, default)) => {
            let default = default.trim_end_matches(['.', ']']);
            (meaning.to_owned(), Some(default.to_owned()))
        }
        None => (help, None),
    }
}

/// A configuration file in which every setting is a comment.
fn example() -> String {
    let mut text = String::from(
        "# Cairn's configuration: every setting, with its default where there is one. Remove the # of what you set.\n\
         # A flag (--data-dir) wins over the environment (CAIRN_DATA_DIR), the environment over this file.\n\
         # Made by: cairn config --example\n",
    );
    for setting in settings().iter().filter(|setting| !setting.is_hide_set()) {
        let (meaning, default) = meaning(setting);
        text.push('\n');
        for line in crate::terminal::wrap(&format!("{}.", meaning.trim_end_matches('.')), 100) {
            text.push_str(&format!("# {line}\n"));
        }
        text.push_str(&format!("#{} = {}\n", setting.get_id(), Value::from(default.unwrap_or_default())));
    }
    text
}

/// The settings that were given, and the defaults of the others as comments.
fn in_force(given: &Value) -> String {
    let mut text = String::new();
    for setting in settings() {
        let name = setting.get_id().as_str();
        match &given[name] {
            Value::Null => match meaning(&setting).1 {
                Some(default) => text.push_str(&format!("# {name} = {}\n", Value::from(default))),
                None if setting.is_hide_set() => {}
                None => text.push_str(&format!("# {name} is not set\n")),
            },
            _ if setting.is_hide_env_values_set() => text.push_str(&format!("# {name} is set; it is not shown\n")),
            value => text.push_str(&format!("{name} = {value}\n")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use clap_complete::Shell;

    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a file of the repository")]
    fn the_packaged_configuration_has_every_setting() {
        let file = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/cairn.toml")).unwrap();
        assert_eq!(file, example(), "settings changed: cairn config --example > packaging/cairn.toml");
        // Each line is a setting that the file may have: with its # removed it is read.
        let lines = file.lines().filter_map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')));
        let text = lines.collect::<Vec<_>>().join("\n");
        let table: toml::Table = text.parse().unwrap();
        assert!(table.contains_key("listen") && !table.contains_key("recording"), "{table:?}");
        assert_eq!(table["listen"].as_str(), Some("127.0.0.1:4566"));
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a file of the repository")]
    fn the_packaged_service_can_be_reloaded() {
        let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/cairn.service");
        let unit = std::fs::read_to_string(unit).unwrap();
        let service = unit.split("[Service]").nth(1).unwrap().split("[Install]").next().unwrap();
        assert!(
            service.lines().any(|line| line == "ExecReload=/bin/kill -HUP $MAINPID"),
            "a hangup is how it is asked"
        );
    }

    #[test]
    fn settings_in_force_are_shown_without_secrets() {
        let given = serde_json::json!({ "listen": "127.0.0.1:1", "root_secret_access_key": "very secret" });
        let text = in_force(&given);
        assert!(text.contains("listen = \"127.0.0.1:1\"\n") && text.contains("# digest_interval = \"1h\"\n"), "{text}");
        assert!(
            text.contains("# root_secret_access_key is set; it is not shown\n") && !text.contains("very secret"),
            "{text}"
        );
        assert!(text.contains("# host_names is not set\n"), "{text}");
        assert!(text.parse::<toml::Table>().is_ok());
    }

    #[test]
    fn every_setting_that_is_a_secret_is_known_as_one() {
        for setting in settings() {
            let name = setting.get_id().as_str();
            let secret = ["secret", "password", "token", "private"].iter().any(|word| name.contains(word));
            assert!(!secret || setting.is_hide_env_values_set(), "{name} needs hide_env_values");
        }
    }

    #[test]
    fn each_shell_and_each_command_has_its_document() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell, Shell::Elvish] {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut crate::definition(), "cairn", &mut text);
            let text = String::from_utf8(text).unwrap();
            assert!(text.contains("backup") && text.contains("event-name"), "{shell}");
        }
        let folder = tempfile::tempdir().unwrap();
        man(&ManArgs { out: Some(folder.path().join("man")) }, crate::definition()).unwrap();
        let names = system::env().disk.list(&folder.path().join("man")).unwrap();
        let commands = crate::definition()
            .get_subcommands()
            .map(|command| format!("cairn-{}.1", command.get_name()))
            .collect::<Vec<_>>();
        for command in commands {
            assert!(names.contains(&command), "{command} is missing: {names:?}");
        }
    }
}
