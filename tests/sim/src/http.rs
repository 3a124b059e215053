//! A client that speaks HTTP/1.1 over a pipe in memory: whole requests or trickles, one per connection. It reads an answer to its end,
//! or goes away when it is told to.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::chance::Chance;

/// How a client behaves towards the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Sends all, reads all.
    Plain,
    /// Sends in small pieces, with pauses.
    Trickle,
    /// Goes away after so many of 256 parts of the request.
    DropWhileSending(u8),
    /// Goes away without reading the answer.
    DropBeforeAnswer,
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// What the server calls the request.
    pub(crate) fn request_id(&self) -> Option<&str> {
        self.header("x-amzn-requestid").or_else(|| self.header("x-amz-request-id"))
    }

    /// The error's code in any protocol; empty if there is none to see.
    pub(crate) fn error_code(&self) -> Option<String> {
        if self.status < 400 {
            return None;
        }
        let text = String::from_utf8_lossy(&self.body);
        let xml = text.split_once("<Code>").and_then(|(_, rest)| Some(rest.split_once("</Code>")?.0.to_owned()));
        let json = || {
            let value: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
            let kind = value["__type"].as_str()?;
            Some(kind.rsplit('#').next().unwrap_or(kind).to_owned())
        };
        Some(xml.or_else(json).unwrap_or_default())
    }

    /// The text of the first XML element of this name.
    pub(crate) fn xml(&self, name: &str) -> Option<String> {
        let text = String::from_utf8_lossy(&self.body);
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once("</")?.0.to_owned())
    }

    /// The texts of all XML elements of this name.
    pub(crate) fn xml_all(&self, name: &str) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.body);
        let open = format!("<{name}>");
        let pieces = text.split(&open).skip(1);
        pieces.filter_map(|piece| Some(piece.split_once("</")?.0.to_owned())).collect()
    }

    /// The body as JSON; null if it is none.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Sends a request and reads its answer. `None`: there was no whole answer.
pub(crate) async fn exchange(stream: DuplexStream, request: &[u8], manner: Manner, chance: &Chance) -> Option<Answer> {
    let (mut from, mut to) = tokio::io::split(stream);
    let send = async {
        match manner {
            Manner::Plain | Manner::DropBeforeAnswer => to.write_all(request).await.ok(),
            Manner::DropWhileSending(part) => {
                let len = request.len() * usize::from(part) / 256;
                to.write_all(&request[..len]).await.ok()?;
                tokio::time::sleep(Duration::from_millis(chance.below(50))).await;
                None
            }
            Manner::Trickle => {
                let piece = request.len() / 5 + 1;
                for piece in request.chunks(piece) {
                    to.write_all(piece).await.ok()?;
                    tokio::time::sleep(Duration::from_millis(chance.below(800))).await;
                }
                Some(())
            }
        }
    };
    let read = async {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).await.ok().map(|_| bytes)
    };
    let bytes = match manner {
        Manner::DropWhileSending(_) | Manner::DropBeforeAnswer => {
            send.await;
            tokio::time::sleep(Duration::from_millis(chance.below(20))).await;
            return None;
        }
        // A server that refuses may close before it has read all: the answer counts, not the sending.
        Manner::Plain | Manner::Trickle => tokio::join!(biased; send, read).1?,
    };
    parse(&bytes, request.starts_with(b"HEAD "))
}

fn parse(bytes: &[u8], head_only: bool) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status: u16 = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    // The one thing that comes from the real clock: hyper writes it by itself.
    let headers = headers.into_iter().filter(|(name, _)| !name.eq_ignore_ascii_case("date")).collect();
    let mut answer = Answer { status, headers, body: bytes[end + 4..].to_vec() };
    if status == 100 {
        return parse(&bytes[end + 4..], head_only);
    }
    if head_only {
        answer.body.clear();
    } else if answer.header("transfer-encoding").is_some() {
        answer.body = dechunk(&answer.body)?;
    } else if let Some(len) = answer.header("content-length") {
        let len: usize = len.parse().ok()?;
        // Shorter: the connection broke.
        if answer.body.len() != len {
            return None;
        }
    }
    Some(answer)
}

fn dechunk(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|window| window == b"\r\n")?;
        let len = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).ok()?, 16).ok()?;
        bytes = &bytes[end + 2..];
        if len == 0 {
            return Some(body);
        }
        body.extend_from_slice(bytes.get(..len)?);
        bytes = bytes.get(len + 2..)?;
    }
}
