//! Mail to people who subscribed to something.

use async_trait::async_trait;

use crate::HandOver;

/// A mail of plain text.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The one address that gets it.
    pub to: String,
    /// The name that the sender shows (`AWS Notifications`), beside the configured address.
    pub from_name: String,
    /// The subject line.
    pub subject: String,
    /// The text.
    pub text: String,
    /// Names the mail for good: the same again has the same here.
    pub id: String,
}

/// Sends mail. What it refuses for good is [`HandOver::Invalid`]; everything else may be tried again.
#[async_trait]
pub trait Mailer: Send + Sync + 'static {
    /// Sends a mail. It is the mail server's when this returns.
    async fn send(&self, mail: Mail) -> Result<(), HandOver>;
}
