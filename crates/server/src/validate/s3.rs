//! [`S3`]: digests and log files in a bucket of AWS or of a running Cairn, read with ListObjectsV2 and GetObject.

use std::collections::BTreeMap;

use ::validate::{Object, Opened, Source, SourceError};
use async_trait::async_trait;
use base::Timestamp;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use http::Method;
use http_body_util::BodyDataStream;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use quick_xml::Reader;
use quick_xml::events::Event;
use tokio::sync::Mutex;

use super::http::{Asked, Http, HttpError};

/// What stays as it is in a path, and (but for the slash) in a query. Source: S3 API reference, "Signature Calculations".
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
const QUERY: &AsciiSet = &PATH.add(b'/');
/// Where any bucket's region can be asked for.
const FIRST_REGION: &str = "us-east-1";
const METADATA: &str = "x-amz-meta-";
/// Pages that may come without anything of what was asked for, one after the other.
const EMPTY_PAGES_MAX: usize = 10_000;

/// See the module.
pub struct S3 {
    http: Http,
    regions: Mutex<BTreeMap<String, String>>,
}

/// A page of a listing.
#[derive(Debug, Default, PartialEq)]
struct Page {
    objects: Vec<Object>,
    prefixes: Vec<String>,
    token: Option<String>,
}

impl S3 {
    /// Asks nothing yet.
    pub fn new(http: Http) -> S3 {
        S3 { http, regions: Mutex::default() }
    }

    /// The bucket's region.
    async fn region(&self, bucket: &str) -> Result<String, SourceError> {
        let mut regions = self.regions.lock().await;
        if let Some(region) = regions.get(bucket) {
            return Ok(region.clone());
        }
        let path = format!("/{}", utf8_percent_encode(bucket, PATH));
        let asked = get(FIRST_REGION, &path, "location=");
        let answer = self.http.call(&asked).await.map_err(|error| failed(&error))?;
        let text = String::from_utf8_lossy(&answer);
        let inner = text.split_once("<LocationConstraint").and_then(|(_, rest)| rest.split_once('>'));
        let region = inner.and_then(|(_, rest)| rest.split_once('<')).map_or("", |(region, _)| region.trim());
        let region = match region {
            "" => FIRST_REGION,
            "EU" => "eu-west-1",
            region => region,
        };
        regions.insert(bucket.to_owned(), region.to_owned());
        Ok(region.to_owned())
    }

    async fn page(&self, bucket: &str, query: &[(&str, &str)]) -> Result<Page, SourceError> {
        let region = self.region(bucket).await?;
        let path = format!("/{}", utf8_percent_encode(bucket, PATH));
        let mut pairs: Vec<String> =
            query.iter().map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, QUERY))).collect();
        pairs.extend(["encoding-type=url".to_owned(), "list-type=2".to_owned()]);
        pairs.sort_unstable();
        let answer = self.http.call(&get(&region, &path, &pairs.join("&"))).await.map_err(|error| failed(&error))?;
        parse(&answer).ok_or_else(|| SourceError::Failed(format!("the listing of {bucket} cannot be read")))
    }

    /// What there is between `prefix` and the next slash, and what has no further slash; until there are `limit` objects.
    async fn level(&self, bucket: &str, prefix: &str, limit: usize) -> Result<Page, SourceError> {
        let mut level = Page::default();
        for _ in 0..EMPTY_PAGES_MAX {
            let mut query = vec![("prefix", prefix), ("delimiter", "/")];
            query.extend(level.token.as_deref().map(|token| ("continuation-token", token)));
            let page = self.page(bucket, &query).await?;
            level.objects.extend(page.objects);
            level.prefixes.extend(page.prefixes);
            level.token = page.token;
            if level.token.is_none() || level.objects.len() >= limit {
                return Ok(level);
            }
        }
        Err(SourceError::Failed(format!("the listing of {bucket} does not end")))
    }
}

fn get<'a>(region: &'a str, path: &'a str, query: &'a str) -> Asked<'a> {
    Asked { service: "s3", region, method: Method::GET, path, query, target: None, body: Bytes::new() }
}

fn failed(error: &HttpError) -> SourceError {
    match error {
        HttpError::Refused { code, .. } if code == "NoSuchKey" => SourceError::NotFound,
        other => SourceError::Failed(other.to_string()),
    }
}

/// Reads the XML of ListObjectsV2 with `encoding-type=url`.
fn parse(xml: &[u8]) -> Option<Page> {
    let mut reader = Reader::from_str(std::str::from_utf8(xml).ok()?);
    let mut page = Page::default();
    let mut open: Vec<String> = Vec::new();
    let mut text = String::new();
    let (mut key, mut size, mut etag, mut modified) = (String::new(), 0, String::new(), None);
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                open.push(start.local_name().as_ref().to_owned());
                text.clear();
            }
            Event::Text(part) => text.push_str(&part),
            Event::GeneralRef(reference) => match &*reference {
                "quot" => text.push('"'),
                "amp" => text.push('&'),
                "lt" => text.push('<'),
                "gt" => text.push('>'),
                "apos" => text.push('\''),
                other => {
                    let digits = other.strip_prefix('#')?;
                    let code = match digits.strip_prefix('x') {
                        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                        None => digits.parse().ok()?,
                    };
                    text.push(char::from_u32(code)?);
                }
            },
            Event::End(_) => {
                let name = open.pop()?;
                let parent = open.last().map(String::as_str);
                match (parent, name.as_str()) {
                    (Some("Contents"), "Key") => key = unescape(&text)?,
                    (Some("Contents"), "Size") => size = text.trim().parse().ok()?,
                    (Some("Contents"), "ETag") => etag = text.trim().trim_matches('"').to_owned(),
                    (Some("Contents"), "LastModified") => modified = Timestamp::parse_iso8601(text.trim()),
                    (_, "Contents") => {
                        let modified_text = modified.map(Timestamp::iso8601_ms).unwrap_or_default();
                        let stamp = format!("{} {modified_text}", std::mem::take(&mut etag));
                        page.objects.push(Object {
                            key: std::mem::take(&mut key),
                            size,
                            stamp,
                            modified: modified.take(),
                        });
                    }
                    (Some("CommonPrefixes"), "Prefix") => page.prefixes.push(unescape(&text)?),
                    (_, "NextContinuationToken") => page.token = Some(text.clone()),
                    _ => {}
                }
                text.clear();
            }
            Event::Eof => return open.is_empty().then_some(page),
            _ => {}
        }
    }
}

/// Takes `encoding-type=url` off; a plus sign is a space there.
fn unescape(text: &str) -> Option<String> {
    percent_decode_str(&text.replace('+', " ")).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[async_trait]
impl Source for S3 {
    async fn list(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Result<Vec<Object>, SourceError> {
        let mut token: Option<String> = None;
        for _ in 0..EMPTY_PAGES_MAX {
            let page = match &token {
                Some(token) => self.page(bucket, &[("prefix", prefix), ("continuation-token", token)]).await?,
                None => self.page(bucket, &[("prefix", prefix), ("start-after", after.unwrap_or_default())]).await?,
            };
            if !page.objects.is_empty() || page.token.is_none() {
                return Ok(page.objects);
            }
            token = page.token;
        }
        Err(SourceError::Failed(format!("the listing of {bucket} does not end")))
    }

    async fn folders(&self, bucket: &str, prefix: &str) -> Result<Vec<String>, SourceError> {
        let found = self.level(bucket, prefix, usize::MAX).await?.prefixes.into_iter();
        Ok(found.filter_map(|found| Some(found.strip_prefix(prefix)?.strip_suffix('/')?.to_owned())).collect())
    }

    async fn files(&self, bucket: &str, prefix: &str, limit: usize) -> Result<Vec<String>, SourceError> {
        let found = self.level(bucket, prefix, limit).await?.objects.into_iter();
        Ok(found.take(limit).map(|object| object.key).collect())
    }

    async fn open(&self, bucket: &str, key: &str) -> Result<Opened, SourceError> {
        let region = self.region(bucket).await?;
        let path = format!("/{}/{}", utf8_percent_encode(bucket, PATH), utf8_percent_encode(key, PATH));
        let response = self.http.send(&get(&region, &path, "")).await.map_err(|error| failed(&error))?;
        let mut metadata = BTreeMap::new();
        for (name, value) in response.headers() {
            if let (Some(name), Ok(value)) = (name.as_str().strip_prefix(METADATA), value.to_str()) {
                metadata.insert(name.to_owned(), value.to_owned());
            }
        }
        let broken = |error: hyper::Error| SourceError::Failed(format!("the answer broke off: {error}"));
        let pieces = BodyDataStream::new(response.into_body()).map_err(broken);
        Ok(Opened { metadata: Some(metadata), pieces: pieces.boxed() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_read() {
        let xml = br#"<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
            <Name>b</Name><Prefix>a/</Prefix><NextContinuationToken>t&amp;1</NextContinuationToken><IsTruncated>true</IsTruncated>
            <Contents><Key>a/x%20y+z%2B</Key><LastModified>2026-03-01T00:00:00.000Z</LastModified><ETag>&quot;ab&quot;</ETag><Size>12</Size></Contents>
            <Contents><Key>a/z</Key><Size>0</Size></Contents>
            <CommonPrefixes><Prefix>a/b/</Prefix></CommonPrefixes></ListBucketResult>"#;
        let page = parse(xml).unwrap();
        assert_eq!((page.objects[0].key.as_str(), page.objects[0].size), ("a/x y z+", 12));
        assert_eq!(page.objects[0].stamp, "ab 2026-03-01T00:00:00.000Z");
        assert_eq!((page.objects[1].key.as_str(), page.objects[1].modified), ("a/z", None));
        assert_eq!((page.prefixes, page.token.as_deref()), (vec!["a/b/".to_owned()], Some("t&1")));
        for bad in [&b"<a>"[..], b"<ListBucketResult><Contents><Size>x</Size></Contents></ListBucketResult>", b"{}<"] {
            assert_eq!(parse(bad), None);
        }
    }
}
