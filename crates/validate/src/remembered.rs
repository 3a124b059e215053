//! [`Remembered`]: what an earlier validation found valid, so that the next one need not read it again. It trusts the source: a log
//! file whose stamp (ETag, size, times) is as it was is taken for unchanged. Digests are always read again.

use std::collections::{BTreeSet, HashMap};

use sha2::{Digest, Sha256};

use crate::expected::Head;

/// What every document begins with, of whatever version.
const BEGINNING: &str = "cairn validate ";
/// The first line of the document; its version.
const FIRST_LINE: &str = "cairn validate 1";
/// Log files remembered, 32 bytes each in memory. Those beyond are read again every time.
const FILES_MAX: usize = 4_000_000;
/// Chains remembered: one a trail and region, with room.
const HEADS_MAX: usize = 10_000;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// By name, what identified the content.
    files: HashMap<u128, u128>,
    /// The newest digest of each chain.
    heads: BTreeSet<Head>,
}

/// Sixteen bytes that stand for texts: nobody finds two with the same.
pub(crate) fn mark(texts: &[&str]) -> u128 {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text.as_bytes());
        hash.update([0xff]);
    }
    let bytes: [u8; 32] = hash.finalize().into();
    u128::from_be_bytes(bytes[..16].try_into().expect("sixteen of thirty-two"))
}

impl Remembered {
    /// Whether a log file was found valid with this stamp and this hash.
    pub(crate) fn knows(&self, name: u128, content: u128) -> bool {
        self.files.get(&name) == Some(&content)
    }

    pub(crate) fn note(&mut self, name: u128, content: u128) {
        if self.files.len() < FILES_MAX || self.files.contains_key(&name) {
            self.files.insert(name, content);
        }
    }

    pub(crate) fn note_head(&mut self, head: Head) {
        if self.heads.len() < HEADS_MAX {
            self.heads.insert(head);
        }
    }

    /// The newest digests that were seen.
    pub fn heads(&self) -> impl Iterator<Item = &Head> {
        self.heads.iter()
    }

    /// What a run that reads everything again goes by: the newest digests, which must still be there, and no log files.
    pub fn without_files(self) -> Remembered {
        Remembered { files: HashMap::new(), heads: self.heads }
    }

    /// Whether a file with this content may be written over: there is nothing in it, or it is a document of ours, damaged or not.
    pub fn is_ours(content: &[u8]) -> bool {
        content.is_empty() || content.starts_with(BEGINNING.as_bytes())
    }

    /// How many log files are remembered.
    pub fn file_count(&self) -> usize {
        self.files.len()
    }

    /// The document: a line of version, a line of JSON a head, a line of two numbers a file, and their check sum.
    pub fn write(&self) -> Vec<u8> {
        let mut text = format!("{FIRST_LINE}\n");
        for head in &self.heads {
            text.push_str(&serde_json::to_string(head).expect("two texts can be written"));
            text.push('\n');
        }
        let mut files: Vec<_> = self.files.iter().collect();
        files.sort_unstable();
        for (name, content) in files {
            text.push_str(&format!("{name:032x} {content:032x}\n"));
        }
        let sum = mark(&[&text]);
        text.push_str(&format!("sum {sum:032x}\n"));
        text.into_bytes()
    }

    /// Reads a document. `None` if it is damaged or of another version: then everything is read again.
    pub fn parse(bytes: &[u8]) -> Option<Remembered> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (body, sum) = text.strip_suffix('\n')?.rsplit_once("sum ")?;
        if u128::from_str_radix(sum, 16).ok()? != mark(&[body]) {
            return None;
        }
        let mut lines = body.lines();
        if lines.next()? != FIRST_LINE {
            return None;
        }
        let mut read = Remembered::default();
        for line in lines {
            if line.starts_with('{') {
                read.note_head(serde_json::from_str(line).ok()?);
            } else {
                let (name, content) = line.split_once(' ')?;
                read.note(u128::from_str_radix(name, 16).ok()?, u128::from_str_radix(content, 16).ok()?);
            }
        }
        Some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_damage_is_seen() {
        let mut remembered = Remembered::default();
        assert_eq!(Remembered::parse(&remembered.write()), Some(remembered.clone()));
        remembered.note(1, u128::MAX);
        remembered.note(mark(&["a", "b"]), 0);
        remembered.note_head(Head { bucket: "b".into(), key: "sum \"1\"".into() });
        let text = remembered.write();
        assert_eq!(Remembered::parse(&text), Some(remembered.clone()));
        assert!(remembered.knows(1, u128::MAX) && !remembered.knows(1, 0) && !remembered.knows(2, 0));
        for at in 0..text.len() {
            let mut damaged = text.clone();
            damaged[at] ^= 1;
            assert_eq!(Remembered::parse(&damaged), None, "byte {at}");
            assert_eq!(Remembered::parse(&text[..at]), None, "cut at {at}");
        }
        assert_ne!(mark(&["ab", ""]), mark(&["a", "b"]));
        let heads = remembered.clone().without_files();
        assert_eq!((heads.file_count(), heads.heads().count()), (0, 1));
    }

    #[test]
    fn only_documents_of_ours_may_be_written_over() {
        let ours = Remembered::default().write();
        for content in [&b""[..], &ours, &ours[..20], b"cairn validate 9\n"] {
            assert!(Remembered::is_ours(content));
        }
        for content in [&b"{\"PublicKeyList\": []}"[..], b"cairn", b"\0", b" cairn validate 1\n"] {
            assert!(!Remembered::is_ours(content));
        }
    }
}
