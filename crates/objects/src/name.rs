//! Which names objects may have: those that every storage can hold and no path can be made of to somewhere else.

use crate::{Error, NAME_BYTES_MAX, NAME_PART_BYTES_MAX};

/// Refuses what is no name.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let why = if name.is_empty() {
        "it is empty"
    } else if name.len() > NAME_BYTES_MAX {
        "it is too long"
    } else if !plain(name) {
        "only letters, digits, '.', '_', '-' and '/' are allowed"
    } else {
        match name.split('/').find_map(wrong_part) {
            Some(why) => why,
            None => return Ok(()),
        }
    };
    Err(Error::BadName { name: name.to_string(), why })
}

/// Refuses what no name begins with.
pub(crate) fn check_prefix(prefix: &str) -> Result<(), Error> {
    match prefix.rsplit_once('/') {
        Some((folder, start)) if plain(start) => check_name(folder),
        None if plain(prefix) => Ok(()),
        _ => Err(Error::BadName { name: prefix.to_string(), why: "no name begins so" }),
    }
}

/// Refuses what no name can be compared with.
pub(crate) fn check_after(after: Option<&str>) -> Result<(), Error> {
    match after {
        Some(after) if !plain(after) => {
            Err(Error::BadName { name: after.to_string(), why: "no name can stand before it in a list" })
        }
        _ => Ok(()),
    }
}

fn plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte))
}

fn wrong_part(part: &str) -> Option<&'static str> {
    if part.bytes().all(|byte| byte == b'.') {
        Some("a part between slashes is empty or nothing but dots")
    } else if part.len() > NAME_PART_BYTES_MAX {
        Some("a part between slashes is too long")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let long = "x".repeat(256);
        let very_long = "x/".repeat(300) + "x";
        for good in ["a", "A.b_c-9", "s3/ab/abcdef", "..a", "a/.b", &long[1..]] {
            check_name(good).unwrap();
        }
        for bad in [
            "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a b", "a\0", "ä", "a\\b", "a:b", &long,
            &very_long,
        ] {
            assert!(matches!(check_name(bad), Err(Error::BadName { .. })), "{bad:?}");
        }
    }

    #[test]
    fn prefixes() {
        for good in ["", "a", "a/", "a/b", "a/b/", "a/.", "."] {
            check_prefix(good).unwrap();
        }
        for bad in ["/", "/a", "a//", "../a", "a/../", "*", "a/b c"] {
            assert!(check_prefix(bad).is_err(), "{bad:?}");
        }
    }
}
