//! Browsers that ask for pages of other origins (CORS): the question before a request (`OPTIONS`, which nobody signs) and the
//! headers that a request's answer needs. Tells nothing but what a bucket's rules allow; the question is recorded like any call.
//! Source: S3 user guide, "How does Amazon S3 evaluate the CORS configuration on a bucket?", and "Troubleshooting CORS".

use std::sync::Arc;

use base::Region;
use http::request::Parts;
use http::{HeaderMap, Method, Response};
use model::Protocol;
use percent_encoding::percent_decode_str;
use ports::{Caller, CrossOriginAnswer, CrossOriginRequest};
use service::ApiError;

use crate::audit::{EventKind, Outcome};
use crate::pipeline::{Arrival, Gateway, Who};
use crate::reply::{self, ReplyBody};
use crate::route::Target;

/// The methods that a browser may ask for.
const METHODS: [&str; 5] = ["GET", "PUT", "HEAD", "POST", "DELETE"];
/// More headers than any page sends.
const HEADERS_MAX: usize = 100;

/// A request for a bucket that says which origin's page it is for.
pub(crate) struct FromPage {
    bucket: String,
    origin: String,
    method: Method,
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
}

/// The bucket and the key in a path that has the bucket first.
fn place(path: &str) -> (String, Option<String>) {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (bucket, key) = path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
    (decoded(bucket), (!key.is_empty()).then(|| decoded(key)))
}

/// The path of a request to S3, the bucket first.
fn s3_path<'t>(target: &'t Target<'_>) -> Option<&'t str> {
    match target {
        Target::Rest { entry, path } if entry.index.name == "s3" => Some(path),
        _ => None,
    }
}

impl Gateway {
    /// The question that this request is, if it is one: the path that it is about.
    pub(crate) fn preflight_path(&self, method: &Method, target: &Target<'_>) -> Option<String> {
        if *method != Method::OPTIONS {
            return None;
        }
        s3_path(target).map(str::to_owned)
    }

    /// What is to be remembered of a request so that its answer can say whom it is for.
    pub(crate) fn page_of(&self, parts: &Parts, target: &Target<'_>) -> Option<FromPage> {
        let origin = header(&parts.headers, "origin")?.to_owned();
        let (bucket, _) = place(s3_path(target)?);
        Some(FromPage { bucket, origin, method: parts.method.clone() })
    }

    /// Adds to an answer what lets the page see it.
    pub(crate) async fn let_page_see(&self, from: FromPage, response: &mut Response<ReplyBody>) {
        let FromPage { bucket, origin, method } = &from;
        let request = CrossOriginRequest { bucket, origin, method: method.as_str(), headers: Vec::new() };
        match self.deps.cross_origin.answer(&request).await {
            Ok(CrossOriginAnswer::Allowed(headers)) => {
                for (name, value) in &headers {
                    reply::put_header(response.headers_mut(), name, value);
                }
            }
            Ok(CrossOriginAnswer::NotAllowed | CrossOriginAnswer::NoRules) => {}
            Err(error) => tracing::warn!(%error, bucket, "the CORS rules of a bucket could not be read"),
        }
    }

    /// Answers the question whether a page may send a request, and records that it was asked.
    pub(crate) async fn preflight(&self, arrival: &Arrival, path: &str) -> Response<ReplyBody> {
        let (bucket, key) = place(path);
        let answer = self.ask(&arrival.parts.headers, &bucket).await;
        let kind = EventKind {
            source: "s3.amazonaws.com".to_owned(),
            name: Arc::from("PreflightRequest"),
            read_only: true,
            data: true,
            api_version: None,
        };
        let mut parameters = Vec::new();
        let mut object = record::json::ObjectWriter::begin(&mut parameters);
        object.text("bucketName", &bucket);
        object.text_if("key", key.as_deref());
        object.text("Host", &arrival.host);
        object.end();
        let parameters = String::from_utf8(parameters).expect("only text was written");
        let who = Who { caller: Caller::Anonymous, region: Region::US_EAST_1, method: None };
        let draft = self.draft_of(arrival, &who, kind, parameters, Vec::new(), true);
        let encoded = answer.as_ref().err().map(|error| self.encode_error(arrival, None, Protocol::RestXml, error));
        let outcome = Outcome {
            error: answer.as_ref().err().map(|error| (&*error.code, error.message.as_str())),
            bytes_out: encoded.as_ref().map_or(0, |encoded| encoded.body.len() as u64),
            ..Outcome::default()
        };
        if let Err(error) = self.record(&draft, None, &outcome).await {
            return self.unrecorded(arrival, None, Protocol::RestXml, &error);
        }
        let mut response = match encoded {
            Some(encoded) => reply::from_wire(encoded),
            None => Response::new(ReplyBody::Full(None)),
        };
        for (name, value) in answer.unwrap_or_default() {
            reply::put_header(response.headers_mut(), name, &value);
        }
        reply::put_header(response.headers_mut(), "x-amz-request-id", &arrival.request_id);
        response
    }

    async fn ask(&self, headers: &HeaderMap, bucket: &str) -> Result<Vec<(&'static str, String)>, ApiError> {
        let missing = |text: String| ApiError::new("BadRequest", 400, text);
        let Some(origin) = header(headers, "origin") else {
            return Err(missing("Insufficient information. Origin request header needed.".to_owned()));
        };
        let method = header(headers, "access-control-request-method").unwrap_or_default();
        if !METHODS.contains(&method) {
            return Err(missing(format!("Invalid Access-Control-Request-Method: {method}")));
        }
        let wanted = header(headers, "access-control-request-headers").unwrap_or_default();
        let wanted: Vec<&str> = wanted.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        if wanted.len() > HEADERS_MAX {
            return Err(missing(format!("Access-Control-Request-Headers names more than {HEADERS_MAX} headers")));
        }
        let request = CrossOriginRequest { bucket, origin, method, headers: wanted };
        let refused = |text: &str| {
            ApiError::new("AccessForbidden", 403, text).with("Method", method).with("ResourceType", "BUCKET")
        };
        match self.deps.cross_origin.answer(&request).await? {
            CrossOriginAnswer::Allowed(headers) => Ok(headers),
            CrossOriginAnswer::NotAllowed => Err(refused(
                "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / \
                 Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.",
            )),
            CrossOriginAnswer::NoRules => Err(refused("CORSResponse: CORS is not enabled for this bucket.")),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn places() {
        let check = |path, bucket: &str, key: Option<&str>| {
            assert_eq!(super::place(path), (bucket.to_owned(), key.map(str::to_owned)), "{path}");
        };
        check("/", "", None);
        check("/b", "b", None);
        check("/b/", "b", None);
        check("/b/a/c%20d", "b", Some("a/c d"));
    }
}
