//! Messages of event streams: what an answer is made of that goes on for as long as the client listens. Source: Smithy specification,
//! "Event stream specification", `vnd.amazon.eventstream`.
//!
//! ```text
//! 4 length of the whole · 4 length of the headers · 4 CRC-32 of these eight · headers · payload · 4 CRC-32 of all before
//! header: length of its name (1) · name · 7 (a string) · length of its value (2) · value
//! ```

use bytes::Bytes;

/// The content type of an answer that is an event stream.
pub const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

/// The type of a header's value: a string.
const STRING: u8 = 7;
/// The lengths, and the checksums.
const FRAME_BYTES: usize = 16;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// An event of this name; `initial-response` is what an answer without a stream would have.
    Event(&'a str),
    /// A modelled error, after which nothing comes.
    Exception(&'a str),
}

/// A message.
pub fn message(message: Message<'_>, content_type: &str, payload: &[u8]) -> Bytes {
    let (kind, name, text) = match message {
        Message::Event(text) => ("event", ":event-type", text),
        Message::Exception(text) => ("exception", ":exception-type", text),
    };
    let mut headers = Vec::new();
    for (name, value) in [(":message-type", kind), (name, text), (":content-type", content_type)] {
        headers.push(u8::try_from(name.len()).expect("a header's name is short"));
        headers.extend_from_slice(name.as_bytes());
        headers.push(STRING);
        headers.extend_from_slice(&u16::try_from(value.len()).expect("a header's value is short").to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let length = |bytes: usize| u32::try_from(bytes).expect("a message has at most 16 MiB").to_be_bytes();
    let whole = FRAME_BYTES + headers.len() + payload.len();
    let mut out = Vec::with_capacity(whole);
    out.extend_from_slice(&length(whole));
    out.extend_from_slice(&length(headers.len()));
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out.extend_from_slice(&headers);
    out.extend_from_slice(payload);
    let sum = crc32fast::hash(&out);
    out.extend_from_slice(&sum.to_be_bytes());
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_framed_as_smithy_says() {
        let made = message(Message::Event("sessionStart"), "application/json", b"{}");
        let number = |at: usize| u32::from_be_bytes(made[at..at + 4].try_into().unwrap());
        assert_eq!(usize::try_from(number(0)).unwrap(), made.len());
        let headers = usize::try_from(number(4)).unwrap();
        assert_eq!(number(8), crc32fast::hash(&made[..8]));
        assert_eq!(number(made.len() - 4), crc32fast::hash(&made[..made.len() - 4]));
        assert_eq!(&made[12 + headers..made.len() - 4], b"{}");
        let first = [&[13][..], b":message-type", &[7, 0, 5], b"event"].concat();
        assert!(made[12..].starts_with(&first));
        let failed = message(Message::Exception("SessionTimeoutException"), "application/json", b"{}");
        assert!(failed.windows(15).any(|part| part == b":exception-type"));
    }
}
