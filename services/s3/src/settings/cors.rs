//! Which origins browsers may let use a bucket: the rules, and which of them fits a request. Source: S3 user guide, "Using
//! cross-origin resource sharing (CORS)", and the Fetch standard for what browsers ask.

use async_trait::async_trait;
use ports::{CrossOrigin, CrossOriginAnswer, CrossOriginRequest, Unavailable};
use serde::Deserialize;
use service::ApiError;

use super::{CORS, Document};
use crate::S3;
use crate::error::Error;

/// Source: S3 user guide, "Elements of a CORS configuration".
const RULES_MAX: usize = 100;
const METHODS: [&str; 5] = ["GET", "PUT", "HEAD", "POST", "DELETE"];
/// The longest identifier of a rule.
const ID_CHARS_MAX: usize = 255;

/// A CORS configuration.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Cors {
    #[serde(rename = "CORSRules")]
    rules: Vec<Rule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Rule {
    #[serde(rename = "ID")]
    id: Option<String>,
    allowed_headers: Vec<String>,
    allowed_methods: Vec<String>,
    allowed_origins: Vec<String>,
    expose_headers: Vec<String>,
    max_age_seconds: Option<i64>,
}

/// Refuses rules that S3 does not take.
pub(crate) fn check(document: &Document) -> Result<(), ApiError> {
    let refused = |text: String| Err(Error::InvalidRequest(text).into());
    let cors = Cors::deserialize(document).map_err(|_| Error::MalformedXML)?;
    if cors.rules.is_empty() {
        return Err(Error::MalformedXML.into());
    }
    if cors.rules.len() > RULES_MAX {
        return refused("The number of CORS rules should not exceed allowed limit of 100 rules.".to_owned());
    }
    for rule in &cors.rules {
        if rule.allowed_methods.is_empty() || rule.allowed_origins.is_empty() {
            return Err(Error::MalformedXML.into());
        }
        if rule.id.as_ref().is_some_and(|id| id.chars().count() > ID_CHARS_MAX) {
            return refused(format!("The ID of a CORS rule has at most {ID_CHARS_MAX} characters."));
        }
        if let Some(method) = rule.allowed_methods.iter().find(|method| !METHODS.contains(&method.as_str())) {
            return refused(format!("Found unsupported HTTP method in CORS config. Unsupported method is {method}"));
        }
        let wild = |pattern: &&String| pattern.matches('*').count() > 1;
        if let Some(origin) = rule.allowed_origins.iter().find(wild) {
            return refused(format!("AllowedOrigin \"{origin}\" can not have more than one wildcard."));
        }
        if let Some(header) = rule.allowed_headers.iter().find(wild) {
            return refused(format!("AllowedHeader \"{header}\" can not have more than one wildcard."));
        }
        if let Some(header) = rule.expose_headers.iter().find(|header| header.contains('*')) {
            return refused(format!(
                "ExposeHeader \"{header}\" contains wildcard. We currently do not support wildcard for ExposeHeader."
            ));
        }
        let names = rule.expose_headers.iter().chain(&rule.allowed_headers).chain(&rule.allowed_origins);
        if names.flat_map(|name| name.chars()).any(|c| c.is_control() || c == ',') {
            return refused("A CORS rule names a header or an origin that cannot be one.".to_owned());
        }
        if rule.max_age_seconds.is_some_and(|seconds| !(0..=i64::from(i32::MAX)).contains(&seconds)) {
            return Err(Error::MalformedXML.into());
        }
    }
    Ok(())
}

impl Cors {
    /// What a browser is answered that asks from `origin` to use `method` with these request headers; nothing if no rule lets it.
    pub(crate) fn answer(&self, origin: &str, method: &str, headers: &[&str]) -> Option<Vec<(&'static str, String)>> {
        let rule = self.rules.iter().find(|rule| {
            rule.allowed_origins.iter().any(|pattern| fits(pattern, origin))
                && rule.allowed_methods.iter().any(|allowed| allowed == method)
                && headers.iter().all(|header| {
                    let header = header.to_ascii_lowercase();
                    rule.allowed_headers.iter().any(|pattern| fits(&pattern.to_ascii_lowercase(), &header))
                })
        })?;
        // A rule for everybody names nobody, and lets no credentials of the browser come along.
        let any = rule.allowed_origins.iter().any(|pattern| pattern == "*");
        let origin = if any { "*".to_owned() } else { origin.to_owned() };
        let mut answer = vec![
            ("access-control-allow-origin", origin),
            ("access-control-allow-methods", rule.allowed_methods.join(", ")),
        ];
        if !headers.is_empty() {
            answer.push(("access-control-allow-headers", headers.join(", ").to_ascii_lowercase()));
        }
        if !rule.expose_headers.is_empty() {
            answer.push(("access-control-expose-headers", rule.expose_headers.join(", ")));
        }
        if let Some(seconds) = rule.max_age_seconds {
            answer.push(("access-control-max-age", seconds.to_string()));
        }
        if !any {
            answer.push(("access-control-allow-credentials", "true".to_owned()));
        }
        answer.push(("vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method".to_owned()));
        Some(answer)
    }
}

#[async_trait]
impl CrossOrigin for S3 {
    async fn answer(&self, request: &CrossOriginRequest<'_>) -> Result<CrossOriginAnswer, Unavailable> {
        let failed = |error: ApiError| Unavailable(error.log.unwrap_or(error.message));
        let Some(bucket) = self.find_bucket(request.bucket).await.map_err(failed)? else {
            return Ok(CrossOriginAnswer::NoRules);
        };
        let Some(cors) = bucket.settings.read::<Cors>(CORS).map_err(failed)? else {
            return Ok(CrossOriginAnswer::NoRules);
        };
        let answer = cors.answer(request.origin, request.method, &request.headers);
        Ok(answer.map_or(CrossOriginAnswer::NotAllowed, CrossOriginAnswer::Allowed))
    }
}

/// Whether a pattern with at most one `*` stands for a text.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, end)) => text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule() -> Document {
        json!({ "AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["https://*.example.org"] })
    }

    #[track_caller]
    fn checked(change: impl FnOnce(&mut Document), expected: Result<(), &str>) {
        let mut document = json!({ "CORSRules": [rule()] });
        change(&mut document);
        assert_eq!(check(&document).map_err(|error| error.message), expected.map_err(str::to_owned));
    }

    #[test]
    fn what_is_refused() {
        let malformed = Error::MalformedXML.to_string();
        checked(|_| (), Ok(()));
        checked(|d| d["CORSRules"] = json!([]), Err(&malformed));
        checked(|d| d["CORSRules"][0]["AllowedOrigins"] = json!([]), Err(&malformed));
        let text = "Found unsupported HTTP method in CORS config. Unsupported method is PATCH";
        checked(|d| d["CORSRules"][0]["AllowedMethods"] = json!(["GET", "PATCH"]), Err(text));
        let text = "AllowedOrigin \"*.a.*\" can not have more than one wildcard.";
        checked(|d| d["CORSRules"][0]["AllowedOrigins"] = json!(["*.a.*"]), Err(text));
        let text = "AllowedHeader \"x-*-*\" can not have more than one wildcard.";
        checked(|d| d["CORSRules"][0]["AllowedHeaders"] = json!(["x-*-*"]), Err(text));
        let text = "The number of CORS rules should not exceed allowed limit of 100 rules.";
        checked(|d| d["CORSRules"] = json!(vec![rule(); 101]), Err(text));
        let text = "A CORS rule names a header or an origin that cannot be one.";
        checked(|d| d["CORSRules"][0]["ExposeHeaders"] = json!(["a\r\nb: c"]), Err(text));
    }

    #[test]
    fn which_rule_fits() {
        let cors = Cors::deserialize(json!({ "CORSRules": [
            { "AllowedMethods": ["PUT"], "AllowedOrigins": ["https://*.example.org"], "AllowedHeaders": ["x-amz-*"],
              "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 60 },
            { "AllowedMethods": ["GET"], "AllowedOrigins": ["*"] },
        ]}))
        .unwrap();
        let origin = |origin: &str, method: &str, headers: &[&str]| {
            let answer = cors.answer(origin, method, headers)?;
            answer.into_iter().find(|(name, _)| *name == "access-control-allow-origin").map(|(_, value)| value)
        };
        assert_eq!(origin("https://a.example.org", "PUT", &[]).as_deref(), Some("https://a.example.org"));
        assert_eq!(origin("https://a.example.org", "PUT", &["X-Amz-Date"]).as_deref(), Some("https://a.example.org"));
        assert_eq!(origin("https://a.example.org", "PUT", &["x-other"]), None);
        assert_eq!(origin("https://example.org", "PUT", &[]), None);
        assert_eq!(origin("http://anybody", "GET", &[]).as_deref(), Some("*"));
        assert_eq!(origin("http://anybody", "DELETE", &[]), None);
        let answer = cors.answer("https://a.example.org", "PUT", &["x-amz-date"]).unwrap();
        for part in [
            ("access-control-allow-methods", "PUT"),
            ("access-control-allow-headers", "x-amz-date"),
            ("access-control-expose-headers", "ETag"),
            ("access-control-max-age", "60"),
            ("access-control-allow-credentials", "true"),
        ] {
            assert!(answer.contains(&(part.0, part.1.to_owned())), "{part:?} in {answer:?}");
        }
    }
}
