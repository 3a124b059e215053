//! The password of root, for signing in on a page: the environment's, or what a file says that is named by configuration. Without either
//! root cannot sign in. It is never written anywhere.

use std::sync::Arc;

use ports::Secret;

use crate::commands::Failure;
use crate::config::Config;
use crate::data_folder;

/// Holds the password itself, for those who keep secrets out of files.
pub const VARIABLE: &str = "CAIRN_ROOT_PASSWORD";
/// The shortest. Source: account management guide, "Update root user password": 8 to 128 characters.
const CHARS_MIN: usize = 8;
/// The longest.
const CHARS_MAX: usize = 128;

/// The password, if there is one.
pub fn find(config: &Config) -> Result<Option<Secret>, Failure> {
    #[expect(clippy::disallowed_methods, reason = "a secret that no setting shows; read once, at the start")]
    let given = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty());
    if let Some(text) = given {
        return checked(VARIABLE, &text).map(Some);
    }
    let Some(path) = &config.root_password_file else { return Ok(None) };
    let shown = path.display();
    let text = data_folder::read(path).map_err(|error| format!("reading root's password from {shown}: {error}"))?;
    let text = text.ok_or_else(|| format!("root_password_file: there is no file {shown}"))?;
    checked(&format!("root_password_file {shown}"), &text).map(Some)
}

fn checked(named: &str, text: &str) -> Result<Secret, Failure> {
    let password = text.trim_end_matches(['\r', '\n']);
    let chars = password.chars().count();
    if !(CHARS_MIN..=CHARS_MAX).contains(&chars) || password.chars().any(char::is_control) {
        return Err(
            format!("{named}: a password of {CHARS_MIN} to {CHARS_MAX} characters on one line is expected").into()
        );
    }
    Ok(Secret(Arc::from(password)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_line_and_no_mistake_shows_it() {
        let check = |text: &str, expected: Option<&str>| {
            let found = checked("it", text);
            assert_eq!(found.as_ref().ok().map(|secret| &*secret.0), expected, "{text:?}");
            let told = found.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(!told.contains("short") && !told.contains("them lines"), "{told}");
        };
        check("correct horse\n", Some("correct horse"));
        check("correct horse\r\n", Some("correct horse"));
        check("short", None);
        check("two of\nthem lines", None);
        check(&"x".repeat(129), None);
    }
}
