//! What leads out of the server: HTTP to subscribers and to the endpoints of functions, mail, text messages. A node that is given none
//! reaches nobody.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use ports::mail::Mailer;
use ports::{Functions, HandOver, Outbound, OutboundAnswer, OutboundRequest};

/// See the module.
#[derive(Clone)]
pub struct WayOut {
    /// Requests to others.
    pub http: Arc<dyn Outbound>,
    /// Functions that have an endpoint.
    pub functions: Arc<dyn Functions>,
    /// Sends mail. `None`: no mail is sent.
    pub mail: Option<Arc<dyn Mailer>>,
    /// How text messages are sent. `None`: none are.
    pub sms: Option<sns::SmsTemplate>,
    /// Where others reach this server: what links in notifications begin with.
    pub public_url: Arc<str>,
}

impl Default for WayOut {
    fn default() -> WayOut {
        WayOut {
            http: Arc::new(Nowhere),
            functions: Arc::new(Nowhere),
            mail: None,
            sms: None,
            public_url: Arc::from("http://127.0.0.1:4566"),
        }
    }
}

struct Nowhere;

#[async_trait]
impl Outbound for Nowhere {
    async fn send(&self, _: OutboundRequest) -> Result<OutboundAnswer, String> {
        Err("no way leads out of this server".to_owned())
    }
}

#[async_trait]
impl Functions for Nowhere {
    fn is_known(&self, _: &str) -> bool {
        false
    }

    async fn invoke(&self, function_arn: &str, _: Bytes) -> Result<Bytes, HandOver> {
        Err(HandOver::NotFound(format!("no endpoint stands for the function {function_arn}")))
    }
}
