//! The file of `--state`: read here, and nothing but a document of ours is ever written over.
#![allow(clippy::disallowed_methods, reason = "what kind of file a name leads to is not part of Env's disk")]

use std::io::ErrorKind;
use std::path::Path;

use ::validate::Remembered;
use base::Env;

use crate::commands::Failure;

/// Longer than the beginning of any document of ours.
const BEGINNING_BYTES: usize = 64;

/// What was remembered; nothing if there is no file yet, or a damaged one. A file of somebody else's is refused, before anything is
/// validated: at the end it would be written over.
pub fn read(env: &Env, path: &Path) -> Result<Remembered, Failure> {
    let shown = path.display();
    match std::fs::metadata(path) {
        Ok(data) if data.is_file() => {}
        Ok(_) => return Err(format!("{shown} is not a file: name another one with --state").into()),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Remembered::default()),
        Err(error) => return Err(format!("reading {shown}: {error}").into()),
    }
    let failed = |error: std::io::Error| format!("reading {shown}: {error}");
    let mut beginning = [0; BEGINNING_BYTES];
    let length = env.disk.open(path, false).and_then(|file| file.read_at(&mut beginning, 0)).map_err(failed)?;
    if !Remembered::is_ours(&beginning[..length]) {
        let text =
            "is not a file that cairn validate wrote, and it would be written over: name another one with --state";
        return Err(format!("{shown} {text}").into());
    }
    if length == 0 {
        return Ok(Remembered::default());
    }
    let content = base::env::read_file(&*env.disk, path).map_err(failed)?;
    Ok(Remembered::parse(&content).unwrap_or_else(|| {
        eprintln!("cairn: {shown} is damaged or of another version: everything is read again");
        Remembered::default()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_ours_may_be_written_over() {
        let (env, folder) = (system::env(), tempfile::tempdir().unwrap());
        let path = folder.path().join("state");
        assert_eq!(read(&env, &path).unwrap(), Remembered::default());
        let ours = Remembered::default().write();
        for content in [&b""[..], &ours, &ours[..ours.len() - 2]] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(read(&env, &path).unwrap(), Remembered::default());
        }
        for content in [&b"{\"PublicKeyList\": []}"[..], b"x"] {
            std::fs::write(&path, content).unwrap();
            let error = read(&env, &path).unwrap_err().to_string();
            assert!(error.contains("is not a file that cairn validate wrote"), "{error}");
        }
        let error = read(&env, folder.path()).unwrap_err().to_string();
        assert!(error.contains("is not a file"), "{error}");
    }
}
