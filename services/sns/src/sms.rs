//! How text messages are sent: through whatever provider takes an HTTP request.

/// A request with placeholders: `{phone}` (E.164), `{message}`, `{message_id}`. What is filled in is escaped as the place needs it: in the
/// URL, in JSON, in a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SmsTemplate {
    /// Where it is posted to.
    pub url: String,
    /// Names (in lower case) and values. May hold what the provider knows its customer by.
    pub headers: Vec<(String, String)>,
    /// What is posted.
    pub body: String,
}

impl SmsTemplate {
    /// Of the body.
    pub fn content_type(&self) -> &str {
        self.headers.iter().find(|(name, _)| name == "content-type").map_or("", |(_, value)| value)
    }
}
