//! What validation has to say: [`Event`], among them [`Problem`], each of a documented [`Kind`].

use base::Timestamp;
use serde::Serialize;

/// What is wrong, in a word that does not change between releases (docs/guide/validating.md lists them).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A digest that another one links to is not there.
    DigestMissing,
    /// It is no digest, or not gzip.
    DigestFormat,
    /// It lies elsewhere than it says.
    DigestMoved,
    /// Its signature is not that of the key it names.
    DigestSignature,
    /// The key it names is unknown.
    DigestKeyUnknown,
    /// The key it names cannot be read.
    DigestKeyUnreadable,
    /// The key it names was not valid at its end.
    DigestKeyValidity,
    /// It, or its metadata, names another algorithm than the one there is.
    DigestAlgorithm,
    /// Its stored bytes are not as they were delivered, though its content is.
    DigestBytes,
    /// What it says of itself does not fit its key.
    DigestContent,
    /// It links to the digest before it by another hash or signature.
    DigestLink,
    /// It does not begin where the digest before it ended.
    DigestTimes,
    /// No chain leads to it.
    DigestUnlinked,
    /// A log file is not there.
    LogMissing,
    /// A log file is not gzip, or is damaged.
    LogFormat,
    /// A log file has another content.
    LogHash,
    /// Its stored bytes are not as they were delivered, though its content is.
    LogBytes,
    /// Two digests name it, or one does twice.
    LogDuplicate,
    /// Its key is not of the account, region and time of the digest that names it.
    LogMisplaced,
    /// Its records cannot be read, or are not of the account, region and times that the digest says. Looked for on demand only.
    LogRecords,
    /// No digest names it, though it lies in a time that digests cover.
    LogUnnamed,
    /// An object among log files or digests has a name that CloudTrail gives to neither.
    ObjectUnknown,
    /// The newest digests are gone.
    TailMissing,
}

/// What a problem or verdict is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A digest.
    Digest,
    /// A digest written after the fact.
    BackfillDigest,
    /// A log file.
    LogFile,
    /// Another object.
    Object,
}

/// Something is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What.
    pub kind: Kind,
    /// With what.
    #[serde(skip)]
    pub subject: Subject,
    /// Where it is.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// In words.
    pub why: String,
}

/// What validation says while it runs, in the order in which `aws cloudtrail validate-logs` does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A region is begun.
    Spot {
        /// Which.
        region: String,
        /// The number of this account and region, from 0 on …
        number: usize,
        /// … of so many.
        of: usize,
        /// The time of its oldest digest.
        from: Timestamp,
        /// The time up to which it is validated. Digests come from here back to `from`.
        to: Timestamp,
    },
    /// A digest is valid. Which stretch of time it covers.
    Digest {
        /// A digest or one of backfill.
        subject: Subject,
        /// Its bucket.
        bucket: String,
        /// Its key.
        key: String,
        /// From when …
        start: Timestamp,
        /// … to when.
        end: Timestamp,
    },
    /// A log file is valid.
    LogFile {
        /// Its bucket.
        bucket: String,
        /// Its key.
        key: String,
        /// It was found valid before, and nothing tells that it was written since.
        remembered: bool,
        /// How many bytes were inflated and hashed.
        content_bytes: u64,
    },
    /// A chain begins here, though there are older digests: the trail did not validate in between.
    Gap {
        /// A digest or one of backfill.
        subject: Subject,
        /// The end of the older digest.
        from: Timestamp,
        /// The start of the newer one.
        to: Timestamp,
    },
    /// Something is wrong.
    Problem(Problem),
    /// Something could not be checked, and why.
    Unchecked(String),
}

impl Kind {
    /// Whether `aws cloudtrail validate-logs` counts it: an invalid digest or log file that it would have come to.
    pub fn is_counted(self) -> bool {
        use Kind::*;
        matches!(
            self,
            DigestMissing
                | DigestFormat
                | DigestMoved
                | DigestSignature
                | DigestKeyUnknown
                | DigestKeyUnreadable
                | LogMissing
                | LogFormat
                | LogHash
                | LogBytes
                | LogRecords
        )
    }

    /// The word, as in JSON.
    pub fn word(self) -> String {
        let json = serde_json::to_value(self).ok();
        json.and_then(|json| json.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

impl Problem {
    /// A problem of a digest.
    pub(crate) fn digest(kind: Kind, backfill: bool, bucket: &str, key: &str, why: impl Into<String>) -> Problem {
        let subject = if backfill { Subject::BackfillDigest } else { Subject::Digest };
        Problem { kind, subject, bucket: bucket.to_owned(), key: key.to_owned(), why: why.into() }
    }

    /// A problem of a log file.
    pub(crate) fn log(kind: Kind, bucket: &str, key: &str, why: impl Into<String>) -> Problem {
        Problem { kind, subject: Subject::LogFile, bucket: bucket.to_owned(), key: key.to_owned(), why: why.into() }
    }

    /// The line that tells it.
    pub fn line(&self) -> String {
        format!("{}\ts3://{}/{}\tINVALID: {}", self.subject.words(), self.bucket, self.key, self.why)
    }
}

impl Subject {
    /// How lines begin.
    pub fn words(self) -> &'static str {
        match self {
            Subject::Digest => "Digest file",
            Subject::BackfillDigest => "(backfill) Digest file",
            Subject::LogFile => "Log file",
            Subject::Object => "Object",
        }
    }
}
