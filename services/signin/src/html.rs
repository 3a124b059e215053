//! Pages as bytes: a frame with its style and its protections, and text made harmless. No script, no picture, nothing of elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ports::PageResponse;
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("style.css");

/// Text that can stand between tags and in quoted attributes.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // What browsers do not show, or show as if it were elsewhere.
            c if c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c) => {
                out.push('\u{fffd}');
            }
            c => out.push(c),
        }
    }
    out
}

/// What all pages have around them.
pub struct Frame {
    policy: String,
}

impl Frame {
    /// With the hash of the one style that browsers are to obey.
    pub fn new() -> Frame {
        let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        );
        Frame { policy }
    }

    /// A page. `title` is text, `body` is HTML.
    pub fn page(&self, status: u16, title: &str, body: &str) -> PageResponse {
        self.page_with(status, title, body, "")
    }

    /// A page that goes on to a place of this server by itself, as a new visit: cookies of the strict kind are sent with it, which they
    /// are not with a redirection that another site began.
    pub fn onward(&self, title: &str, body: &str, place: &str) -> PageResponse {
        let refresh = format!("<meta http-equiv=\"refresh\" content=\"0;url={}\">", escaped(place));
        self.page_with(200, title, body, &refresh)
    }

    fn page_with(&self, status: u16, title: &str, body: &str, head: &str) -> PageResponse {
        let title = escaped(title);
        let html = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width, initial-scale=1\"><meta name=\"robots\" content=\"noindex\">{head}<title>{title} – Cairn</title>\
             <style>{STYLE}</style></head><body><main><p class=\"name\"><svg viewBox=\"0 0 24 24\" width=\"28\" height=\"28\" \
             aria-hidden=\"true\"><ellipse cx=\"12\" cy=\"19.5\" rx=\"9\" ry=\"3\"/><ellipse cx=\"12\" cy=\"13\" rx=\"6.5\" ry=\"2.6\"/>\
             <ellipse cx=\"12\" cy=\"7\" rx=\"4\" ry=\"2.4\"/></svg>Cairn</p><h1>{title}</h1>{body}</main></body></html>\n"
        );
        PageResponse { status, headers: self.headers("text/html; charset=utf-8"), body: Bytes::from(html) }
    }

    /// An answer for programs.
    pub fn json(&self, status: u16, json: &serde_json::Value) -> PageResponse {
        let body = Bytes::from(format!("{json}\n"));
        PageResponse { status, headers: self.headers("application/json"), body }
    }

    /// Sends a browser on.
    pub fn redirect(&self, place: &str) -> PageResponse {
        let mut headers = self.headers("text/plain; charset=utf-8");
        headers.push(("location", place.to_owned()));
        PageResponse { status: 303, headers, body: Bytes::new() }
    }

    fn headers(&self, content_type: &str) -> Vec<(&'static str, String)> {
        let plain = [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            // With "no-referrer" browsers would send forms without saying which origin they are from.
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ];
        let mut headers: Vec<(&'static str, String)> =
            plain.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        headers.push(("content-type", content_type.to_owned()));
        headers.push(("content-security-policy", self.policy.clone()));
        headers
    }
}
