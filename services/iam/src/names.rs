//! Names and paths of entities. Source: IAM user guide, "IAM identifiers", "IAM and AWS STS quotas".

use crate::Error;

/// Refuses names that entities cannot have. `member` is the input's, as texts name it: `userName`.
pub fn check_name(name: &str, member: &str) -> Result<(), Error> {
    if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c)) {
        return Ok(());
    }
    Err(Error::ValidationError(format!(
        "The specified value for {member} is invalid. It must contain only alphanumeric characters and/or the following: \
         +=,.@_-"
    )))
}

/// The path given, or the one that entities have if none is; refused if it is no path.
pub fn path_or_root(path: Option<String>) -> Result<String, Error> {
    let path = path.unwrap_or_else(|| "/".to_owned());
    let text = |c: char| ('\u{21}'..='\u{7e}').contains(&c);
    if path.starts_with('/') && path.ends_with('/') && !path.contains("//") && path.chars().all(text) {
        return Ok(path);
    }
    Err(Error::ValidationError(
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters \
         and/or / characters."
            .to_owned(),
    ))
}

/// Whether a path lies under the prefix that a list is asked for; no prefix is everything.
pub fn under(path: &str, prefix: Option<&str>) -> bool {
    prefix.is_none_or(|prefix| path.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths_are_checked() {
        for (name, good) in
            [("alice", true), ("a+=,.@_-9", true), ("a b", false), ("a/b", false), ("", false), ("ä", false)]
        {
            assert_eq!(check_name(name, "userName").is_ok(), good, "{name}");
        }
        for (path, good) in
            [("/", true), ("/a/", true), ("/a/b/", true), ("a/", false), ("/a", false), ("//", false), ("/ä/", false)]
        {
            assert_eq!(path_or_root(Some(path.to_owned())).is_ok(), good, "{path}");
        }
        assert_eq!(path_or_root(None).unwrap(), "/");
        assert!(under("/a/b/", Some("/a")) && under("/", None) && !under("/", Some("/a/")));
    }
}
