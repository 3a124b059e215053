//! [`Smtp`]: mail through one server (RFC 5321), a connection each: mails are few, and a connection that was kept is one that may be gone.

use std::time::Duration;

use async_trait::async_trait;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use ports::mail::{Mail, Mailer};
use ports::{HandOver, Secret};

/// For each step of sending.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How a mail server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// In clear: for a server on this machine.
    None,
    /// In clear at first, then over TLS (RFC 3207), which the server must offer.
    StartTls,
    /// Over TLS from the first byte (RFC 8314).
    Implicit,
}

/// Which mail server, and as whom.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    pub tls: SmtpTls,
    /// User and password, if it asks for any.
    pub credentials: Option<(String, Secret)>,
    /// The sender's address.
    pub from: String,
}

/// See the module.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Address,
}

impl Smtp {
    /// Says what is wrong with the settings. Connects to nothing yet.
    pub fn new(settings: &SmtpSettings) -> Result<Smtp, String> {
        let from = settings.from.parse().map_err(|error| format!("{:?} is no mail address: {error}", settings.from))?;
        let builder = match settings.tls {
            SmtpTls::None => Ok(AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)),
            SmtpTls::StartTls => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(&settings.host),
            SmtpTls::Implicit => AsyncSmtpTransport::<Tokio1Executor>::relay(&settings.host),
        };
        let builder = builder.map_err(|error| format!("the mail server {}: {error}", settings.host))?;
        let mut builder = builder.port(settings.port).timeout(Some(TIMEOUT));
        if let Some((user, password)) = &settings.credentials {
            builder = builder.credentials(Credentials::new(user.clone(), password.0.to_string()));
        }
        Ok(Smtp { transport: builder.build(), from })
    }
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(&self, mail: Mail) -> Result<(), HandOver> {
        let to: Address =
            mail.to.parse().map_err(|error| HandOver::Invalid(format!("it is no mail address: {error}")))?;
        let message = Message::builder()
            .message_id(Some(format!("<{}@{}>", mail.id, self.from.domain())))
            .from(Mailbox::new(Some(mail.from_name), self.from.clone()))
            .to(Mailbox::new(None, to))
            .subject(mail.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text)
            .map_err(|error| HandOver::Invalid(format!("the mail cannot be written: {error}")))?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => Err(HandOver::Invalid(format!("the mail server refused: {error}"))),
            Err(error) => Err(HandOver::Unavailable(format!("the mail server: {error}"))),
        }
    }
}
