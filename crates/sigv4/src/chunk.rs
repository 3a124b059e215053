//! Takes the framing off an `aws-chunked` body and checks every signature in it. It holds one line and no data, and it
//! never reports an end that the client did not sign.
//!
//! ```text
//! 10000;chunk-signature=<64 hex>\r\n      size in hexadecimal; the signature only where chunks are signed
//! <65536 bytes>\r\n
//! 0;chunk-signature=<64 hex>\r\n          the end of the data
//! x-amz-checksum-crc32c:sOO8/Q==\r\n      what `x-amz-trailer` promised, if anything
//! x-amz-trailer-signature:<64 hex>\r\n    where chunks are signed
//! \r\n
//! ```
//!
//! Sources: pages `sigv4-streaming` and `sigv4-streaming-trailers` of the Amazon S3 API reference. Clients differ in
//! the blank lines around the trailer; those are not signed and any are accepted.

use bytes::Bytes;
use http::HeaderMap;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::error::Mismatch;
use crate::key::{hex, text};
use crate::{Error, PayloadKind, STREAMING_UNSIGNED_TRAILER, SigningKey, Verified, sha256};

/// S3 refuses smaller chunks, except for the last (page `sigv4-streaming`): each costs a signature.
pub const CHUNK_BYTES_MIN: u64 = 8 * 1024;

/// The longest line of framing: a chunk's header has about 100 bytes, a trailer's value is a checksum.
pub const LINE_BYTES_MAX: usize = 4 * 1024;

/// The most trailing headers; clients send one checksum.
pub const TRAILERS_MAX: usize = 16;

/// Blank lines and trailers together: each trailer may have one blank line after it.
const TRAILER_LINES_MAX: usize = 2 * TRAILERS_MAX + 4;

/// SHA-256 of nothing, which each chunk's string to sign contains for headers that chunks do not have.
const EMPTY: &[u8; 64] = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";

/// A header that came after the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// In lower case: `x-amz-checksum-crc32c`.
    pub name: String,
    /// Without surrounding space.
    pub value: String,
}

/// Decodes one body, fed piece by piece.
///
/// Data is handed out before the signature of its chunk was checked (a chunk may be many megabytes): the caller may
/// store it, and must make it count only when [`ChunkDecoder::finish`] has returned `Ok`.
#[derive(Debug)]
pub struct ChunkDecoder {
    state: State,
    line: Vec<u8>,
    decoded_length: u64,
    /// Of the decoded length, what has not been announced by a chunk header yet.
    remaining: u64,
    chunks: u64,
    last_size: u64,
    chain: Option<Chain>,
    promised: Vec<String>,
    trailers: Vec<Trailer>,
    trailer_lines: usize,
    trailer_signature: Option<String>,
    has_trailer: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Header,
    Data { left: u64 },
    DataEnd,
    Trailer,
    Done { extra: usize },
    Failed,
}

/// The chain of signatures: each chunk's covers the one before.
#[derive(Debug)]
struct Chain {
    key: SigningKey,
    prelude: String,
    access: String,
    previous: String,
    claimed: String,
    hash: Sha256,
}

impl ChunkDecoder {
    /// For the body of a request whose claim has this `payload`; `None` if that is not chunked. The sizes and the names
    /// of the trailers come from the request's headers.
    pub fn new(
        headers: &HeaderMap,
        payload: PayloadKind,
        verified: Option<&Verified>,
    ) -> Result<Option<ChunkDecoder>, Error> {
        let (is_signed, has_trailer) = match payload {
            PayloadKind::StreamingSigned { trailer } => (true, trailer),
            PayloadKind::StreamingUnsignedTrailer => (false, true),
            PayloadKind::Unsigned | PayloadKind::Hash(_) | PayloadKind::FromBody => return Ok(None),
        };
        let chain = match (is_signed, verified) {
            (false, _) => None,
            (true, None) => return Err(Error::MissingAuthentication),
            (true, Some(verified)) => Some(Chain::new(verified)),
        };
        let length = headers.get("x-amz-decoded-content-length").and_then(|value| value.to_str().ok());
        let decoded_length =
            length.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit())).and_then(|text| text.parse().ok());
        let decoded_length = decoded_length.ok_or(Error::MissingDecodedLength)?;
        let mut promised = Vec::new();
        let lists = headers.get_all("x-amz-trailer").iter().filter(|_| has_trailer);
        for list in lists {
            let list = list.to_str().map_err(|_| Error::MalformedTrailer("x-amz-trailer is not text"))?;
            promised
                .extend(list.split(',').map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty()));
        }
        promised.sort_unstable();
        promised.dedup();
        if promised.len() > TRAILERS_MAX {
            return Err(Error::MalformedTrailer("x-amz-trailer promises too many"));
        }
        Ok(Some(ChunkDecoder {
            state: State::Header,
            line: Vec::new(),
            decoded_length,
            remaining: decoded_length,
            chunks: 0,
            last_size: CHUNK_BYTES_MIN,
            chain,
            promised,
            trailers: Vec::new(),
            trailer_lines: 0,
            trailer_signature: None,
            has_trailer,
        }))
    }

    /// For the body of an anonymous request, which can only be in unsigned chunks; `None` if it is not chunked.
    pub fn for_anonymous(headers: &HeaderMap) -> Result<Option<ChunkDecoder>, Error> {
        match headers.get("x-amz-content-sha256") {
            Some(value) if value == STREAMING_UNSIGNED_TRAILER => {
                ChunkDecoder::new(headers, PayloadKind::StreamingUnsignedTrailer, None)
            }
            _ => Ok(None),
        }
    }

    /// How many bytes of data there will be, by `x-amz-decoded-content-length`.
    pub fn decoded_length(&self) -> u64 {
        self.decoded_length
    }

    /// Takes the next piece of the body and appends the data in it to `out`, without copying.
    pub fn feed(&mut self, mut input: Bytes, out: &mut Vec<Bytes>) -> Result<(), Error> {
        while !input.is_empty() {
            if let Err(error) = self.step(&mut input, out) {
                self.state = State::Failed;
                return Err(error);
            }
        }
        Ok(())
    }

    /// To be called at the end of the body: the trailers, sorted by name, if all of it was there and well signed.
    pub fn finish(mut self) -> Result<Vec<Trailer>, Error> {
        if self.state == State::Trailer && !self.line.is_empty() {
            self.take_line()?;
        }
        match self.state {
            State::Done { .. } => {}
            State::Trailer => self.end_trailer()?,
            State::Failed => return Err(Error::IncompleteBody("an earlier piece was refused")),
            State::Header | State::Data { .. } | State::DataEnd => {
                return Err(Error::IncompleteBody("the body ends before its last chunk"));
            }
        }
        Ok(self.trailers)
    }

    fn step(&mut self, input: &mut Bytes, out: &mut Vec<Bytes>) -> Result<(), Error> {
        match self.state {
            State::Data { left } => {
                let here = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                let piece = input.split_to(here);
                if let Some(chain) = &mut self.chain {
                    chain.hash.update(&piece);
                }
                out.push(piece);
                let left = left - u64::try_from(here).expect("lengths fit 64 bits");
                self.state = if left == 0 { State::DataEnd } else { State::Data { left } };
                Ok(())
            }
            State::Done { extra } => {
                let extra = extra + input.len();
                if extra > TRAILER_LINES_MAX || input.iter().any(|byte| !matches!(byte, b'\r' | b'\n')) {
                    return Err(Error::IncompleteBody("there is more after the end"));
                }
                input.clear();
                self.state = State::Done { extra };
                Ok(())
            }
            State::Failed => Err(Error::IncompleteBody("an earlier piece was refused")),
            State::Header | State::DataEnd | State::Trailer => {
                let end = input.iter().position(|byte| *byte == b'\n');
                let piece = input.split_to(end.map_or(input.len(), |end| end + 1));
                if self.line.len() + piece.len() > LINE_BYTES_MAX {
                    return Err(Error::IncompleteBody("a line of framing is too long"));
                }
                self.line.extend_from_slice(&piece);
                if end.is_some() { self.take_line() } else { Ok(()) }
            }
        }
    }

    /// Acts on the line that has come in.
    fn take_line(&mut self) -> Result<(), Error> {
        let mut line = std::mem::take(&mut self.line);
        let is_crlf = line.ends_with(b"\r\n");
        while matches!(line.last(), Some(b'\r' | b'\n')) {
            line.pop();
        }
        let line_text =
            std::str::from_utf8(&line).map_err(|_| Error::IncompleteBody("a line of framing is not text"))?;
        match self.state {
            State::Trailer => self.trailer_line(line_text)?,
            _ if !is_crlf => return Err(Error::IncompleteBody("a line does not end in CR LF")),
            State::Header => self.header_line(line_text)?,
            _ if !line.is_empty() => return Err(Error::IncompleteBody("a chunk is longer than it said")),
            _ => self.end_chunk()?,
        }
        line.clear();
        self.line = line; // keeps its capacity
        Ok(())
    }

    fn header_line(&mut self, line: &str) -> Result<(), Error> {
        let (size, extension) = line.split_once(';').unwrap_or((line, ""));
        let is_hex = (1..=16).contains(&size.len()) && size.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = is_hex.then(|| u64::from_str_radix(size, 16).ok()).flatten();
        let size = size.ok_or(Error::IncompleteBody("a chunk does not start with its size"))?;
        if let Some(chain) = &mut self.chain {
            let claimed = extension.trim().strip_prefix("chunk-signature=");
            chain.claimed = claimed.ok_or(Error::IncompleteBody("a chunk has no signature"))?.to_owned();
        }
        if size == 0 {
            if self.remaining > 0 {
                return Err(Error::IncompleteBody("there is less than x-amz-decoded-content-length"));
            }
            self.check_chunk()?;
            self.state = State::Trailer;
            return Ok(());
        }
        if self.last_size < CHUNK_BYTES_MIN {
            return Err(Error::InvalidChunkSize { chunk: self.chunks, size_bytes: self.last_size });
        }
        let remaining = self.remaining.checked_sub(size);
        self.remaining = remaining.ok_or(Error::IncompleteBody("there is more than x-amz-decoded-content-length"))?;
        self.chunks += 1;
        self.last_size = size;
        self.state = State::Data { left: size };
        Ok(())
    }

    fn end_chunk(&mut self) -> Result<(), Error> {
        self.check_chunk()?;
        self.state = State::Header;
        Ok(())
    }

    fn check_chunk(&mut self) -> Result<(), Error> {
        let Some(chain) = &mut self.chain else { return Ok(()) };
        let hash: [u8; 32] = chain.hash.finalize_reset().into();
        let claimed = std::mem::take(&mut chain.claimed);
        chain.check("AWS4-HMAC-SHA256-PAYLOAD", &[EMPTY, b"\n", &hex(&hash)], &claimed)
    }

    fn trailer_line(&mut self, line: &str) -> Result<(), Error> {
        self.trailer_lines += 1;
        if self.trailer_lines > TRAILER_LINES_MAX {
            return Err(Error::MalformedTrailer("there are too many lines"));
        }
        if line.is_empty() {
            return if self.is_complete() { self.end_trailer() } else { Ok(()) };
        }
        if !self.has_trailer {
            return Err(Error::IncompleteBody("there is more after the end"));
        }
        let (name, value) = line.split_once(':').ok_or(Error::MalformedTrailer("a line has no colon"))?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
        if name == TRAILER_SIGNATURE {
            return match self.trailer_signature.replace(value) {
                None => Ok(()),
                Some(_) => Err(Error::MalformedTrailer("it is signed twice")),
            };
        }
        if !self.promised.contains(&name) {
            return Err(Error::MalformedTrailer("x-amz-trailer does not name it"));
        }
        if self.trailers.iter().any(|trailer| trailer.name == name) {
            return Err(Error::MalformedTrailer("a name comes twice"));
        }
        self.trailers.push(Trailer { name, value });
        Ok(())
    }

    fn is_complete(&self) -> bool {
        let is_signed = !self.has_trailer || self.chain.is_none() || self.trailer_signature.is_some();
        is_signed && self.trailers.len() == self.promised.len()
    }

    fn end_trailer(&mut self) -> Result<(), Error> {
        if self.trailers.len() < self.promised.len() {
            return Err(Error::MalformedTrailer("not all that x-amz-trailer names came"));
        }
        self.trailers.sort_by(|a, b| a.name.cmp(&b.name));
        if let Some(chain) = self.chain.as_mut().filter(|_| self.has_trailer) {
            let Some(claimed) = &self.trailer_signature else {
                return Err(Error::MalformedTrailer("it is not signed"));
            };
            let mut canonical = Vec::new();
            for trailer in &self.trailers {
                for part in [trailer.name.as_str(), ":", &trailer.value, "\n"] {
                    canonical.extend_from_slice(part.as_bytes());
                }
            }
            chain.check("AWS4-HMAC-SHA256-TRAILER", &[&hex(&sha256(&canonical))], claimed)?;
        }
        self.state = State::Done { extra: 0 };
        Ok(())
    }
}

impl Chain {
    fn new(verified: &Verified) -> Chain {
        Chain {
            key: verified.key.clone(),
            prelude: format!("\n{}\n{}\n", verified.amz_date, verified.scope),
            access: verified.access_key_id.clone(),
            previous: verified.signature.clone(),
            claimed: String::new(),
            hash: Sha256::new(),
        }
    }

    /// Checks the next signature of the chain, and moves on.
    fn check(&mut self, algorithm: &str, hashes: &[&[u8]], claimed: &str) -> Result<(), Error> {
        let mut parts = vec![algorithm.as_bytes(), self.prelude.as_bytes(), self.previous.as_bytes(), b"\n"];
        parts.extend_from_slice(hashes);
        let signature = self.key.sign(&parts);
        if bool::from(signature.ct_eq(claimed.as_bytes())) {
            self.previous = text(&signature).to_owned();
            return Ok(());
        }
        Err(Error::SignatureMismatch(Box::new(Mismatch {
            access_key_id: self.access.clone(),
            signature_provided: claimed.to_owned(),
            string_to_sign: String::from_utf8_lossy(&parts.concat()).into_owned(),
            canonical_request: None,
        })))
    }
}
