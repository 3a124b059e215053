//! The one way out of the server for what its users configure: HTTP to subscribers and to the endpoints that stand for functions, and
//! mail through one server. Nothing is retried here, and no redirect followed: what an answer means is for whoever asked. Never reaches
//! link-local addresses, where clouds keep the credentials of their machines.

mod addresses;
mod functions;
mod http_client;
mod smtp;
#[cfg(test)]
mod tests;

pub use addresses::Reach;
pub use functions::FunctionMap;
pub use http_client::HttpOut;
pub use smtp::{Smtp, SmtpSettings, SmtpTls};
