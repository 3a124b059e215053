//! What a request for a page says: fields of its query and its form, its cookies, and where it came from.

use std::collections::BTreeMap;

use http::{HeaderMap, Method};
use ports::PageRequest;
use subtle::ConstantTimeEq as _;

/// Fields that are looked at; more are none of our forms'.
const FIELDS_MAX: usize = 32;
/// The longest text of a field but the federation endpoint's: a name, a password, a place to go on.
const TEXT_BYTES_MAX: usize = 4096;
/// The longest place to go on to.
const PLACE_BYTES_MAX: usize = 2048;

/// The fields of a query, or of a form that was sent.
pub struct Form(BTreeMap<String, String>);

impl Form {
    /// The form of a POST with the fields of the query that it does not have itself, or the query alone.
    pub fn read(request: &PageRequest) -> Form {
        let mut fields = BTreeMap::new();
        let is_form = request
            .headers
            .get("content-type")
            .and_then(|value| value.to_str().ok())
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let body: &[u8] = if request.method == Method::POST && is_form { &request.body } else { b"" };
        for source in [body, request.query.as_bytes()] {
            for (name, value) in form_urlencoded::parse(source).take(FIELDS_MAX) {
                fields.entry(name.into_owned()).or_insert_with(|| value.into_owned());
            }
        }
        Form(fields)
    }

    /// A field's text, as it is. Empty if it is absent or too long to be meant.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).filter(|text| text.len() <= TEXT_BYTES_MAX).unwrap_or("")
    }

    /// A field's text without white space around it.
    pub fn trimmed(&self, name: &str) -> &str {
        self.text(name).trim()
    }

    /// A field of any length.
    pub fn long(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// The cookie that says who is signed in. Under TLS only this host can set it, and not a bucket's: `__Host-`. Source: RFC 6265bis,
/// "Cookie name prefixes".
pub fn session_cookie(request: &PageRequest) -> &'static str {
    if request.tls.is_some() { "__Host-cairn-session" } else { "cairn-session" }
}

/// The cookie that a form must agree with while nobody is signed in.
pub fn form_cookie(request: &PageRequest) -> &'static str {
    if request.tls.is_some() { "__Host-cairn-form" } else { "cairn-form" }
}

/// The value of a cookie.
pub fn cookie(request: &PageRequest, name: &str) -> Option<String> {
    let all = request.headers.get_all("cookie").iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, value)| *found == name && !value.is_empty()).map(|(_, value)| value.to_owned())
}

/// A header that sets a cookie for so many seconds; 0 takes it away.
pub fn set_cookie(request: &PageRequest, name: &str, value: &str, secs: i64) -> (&'static str, String) {
    let secure = if request.tls.is_some() { "; Secure" } else { "" };
    ("set-cookie", format!("{name}={value}; Path=/; Max-Age={secs}; HttpOnly; SameSite=Strict{secure}"))
}

/// Whether two secrets are the same and there is one.
pub fn agree(one: &str, other: &str) -> bool {
    !one.is_empty() && bool::from(one.as_bytes().ct_eq(other.as_bytes()))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether a browser says that a form came from a page of another origin. Source: Fetch standard, "Origin header"; W3C Fetch Metadata.
pub fn is_from_elsewhere(request: &PageRequest) -> bool {
    let site = header(&request.headers, "sec-fetch-site");
    if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return true;
    }
    let Some(origin) = header(&request.headers, "origin") else { return false };
    // Behind a proxy the scheme may differ from ours; the host must not.
    let host = origin.split_once("://").map_or("", |(_, host)| host);
    !host.eq_ignore_ascii_case(&request.host)
}

/// The path to go on to, if it is one of this server: from a path, or from a URL of this host.
pub fn place(request: &PageRequest, text: &str) -> Option<String> {
    let own = |scheme: &str| {
        let rest = text.strip_prefix(scheme)?.strip_prefix(request.host.as_str())?;
        (rest.is_empty() || rest.starts_with('/')).then_some(if rest.is_empty() { "/" } else { rest })
    };
    let path = own("http://").or_else(|| own("https://")).unwrap_or(text);
    let is_path = path.starts_with('/') && !path.starts_with("//");
    // Browsers read a backslash as a slash, and drop tabs and line ends.
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    (is_path && is_plain && path.len() <= PLACE_BYTES_MAX).then(|| path.to_owned())
}

/// A place of this server as the URL that records show.
pub fn url(request: &PageRequest, place: &str) -> String {
    let scheme = if request.tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{}{place}", request.host)
}
