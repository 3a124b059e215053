//! The keys of issuers as files in a folder: `HOST.json`, or `HOST_PATH.json` for an issuer with a path, whose slashes become `_`. Each
//! holds the issuer's JSON Web Key Set. They are read when they are needed, so a file that is replaced counts at once.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use base::Disk;
use ports::{IssuerKeys, Unavailable};

/// Longer key sets are not read: the largest issuers have a dozen keys of two kilobytes.
const KEY_SET_BYTES_MAX: u64 = 1024 * 1024;
/// Longer names are no issuer's. Source: IAM API reference, CreateOpenIDConnectProvider: URLs have up to 255 characters.
const ISSUER_BYTES_MAX: usize = 255;

/// See the module.
pub struct KeyFolder {
    disk: Arc<dyn Disk>,
    folder: Option<PathBuf>,
}

impl KeyFolder {
    /// The keys in a folder; without one, no issuer has keys.
    pub fn new(disk: Arc<dyn Disk>, folder: Option<PathBuf>) -> KeyFolder {
        KeyFolder { disk, folder }
    }

    fn read(&self, issuer: &str) -> io::Result<Option<String>> {
        let (Some(folder), Some(name)) = (&self.folder, file_name(issuer)) else { return Ok(None) };
        let file = match self.disk.open(&folder.join(name), false) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let bytes = file.len()?;
        if bytes > KEY_SET_BYTES_MAX {
            return Err(io::Error::other(format!("it has {bytes} bytes, more than a key set may have")));
        }
        let mut content = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
        let mut read = 0;
        while read < content.len() {
            match file.read_at(&mut content[read..], read as u64)? {
                0 => break,
                some => read += some,
            }
        }
        content.truncate(read);
        String::from_utf8(content).map(Some).map_err(io::Error::other)
    }
}

/// The name of the file of an issuer; `None` if no issuer is called so.
fn file_name(issuer: &str) -> Option<String> {
    let issuer = issuer.trim_end_matches('/');
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/%".contains(c);
    let fits = !issuer.is_empty() && issuer.len() <= ISSUER_BYTES_MAX && !issuer.starts_with('.');
    (fits && issuer.chars().all(is_plain)).then(|| format!("{}.json", issuer.replace(['/', ':', '%'], "_")))
}

#[async_trait]
impl IssuerKeys for KeyFolder {
    async fn key_set(&self, issuer: &str) -> Result<Option<String>, Unavailable> {
        self.read(issuer).map_err(|error| Unavailable(format!("reading the keys of the issuer {issuer}: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_after_its_issuer_and_lies_in_the_folder() {
        let check = |issuer: &str, expected: Option<&str>| {
            assert_eq!(file_name(issuer).as_deref(), expected, "{issuer}");
        };
        check("token.actions.githubusercontent.com", Some("token.actions.githubusercontent.com.json"));
        check("oidc.example.com/id/ABC", Some("oidc.example.com_id_ABC.json"));
        check("oidc.example.com/", Some("oidc.example.com.json"));
        check("localhost:8443", Some("localhost_8443.json"));
        check("a/../../etc/passwd", Some("a_.._.._etc_passwd.json"));
        for none in ["", "/", "../x", ".x", "a\\b", "a\0b", &"a".repeat(256)] {
            check(none, None);
        }
    }

    #[tokio::test]
    async fn key_sets_are_read_when_they_are_asked_for() {
        let folder = std::env::temp_dir().join(format!("cairn-issuer-keys-{}", std::process::id()));
        let disk = testkit::env(testkit::ManualClock::at(base::Timestamp::EPOCH), 1).disk;
        disk.create_dir_all(&folder).unwrap();
        let keys = KeyFolder::new(Arc::clone(&disk), Some(folder.clone()));
        assert_eq!(keys.key_set("idp.example.com").await.unwrap(), None);
        base::env::write_file(&*disk, &folder.join("idp.example.com.json"), b"{}").unwrap();
        assert_eq!(keys.key_set("idp.example.com").await.unwrap().as_deref(), Some("{}"));
        assert_eq!(KeyFolder::new(Arc::clone(&disk), None).key_set("idp.example.com").await.unwrap(), None);
        disk.remove(&folder.join("idp.example.com.json")).unwrap();
        disk.remove_dir(&folder).unwrap();
    }
}
