//! The certificate that messages are signed under, for whoever asks: a page without a signature, as AWS has it.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use ports::{PageAnswer, PageRequest, PageResponse, PageStep, Pages};

use crate::Signer;

/// See the module.
pub struct CertificatePage(pub Arc<Signer>);

fn said(status: u16, kind: &str, body: Bytes) -> PageResponse {
    PageResponse { status, headers: vec![("content-type", kind.to_owned())], body }
}

#[async_trait]
impl Pages for CertificatePage {
    fn has(&self, path: &str) -> bool {
        Signer::is_certificate(path)
    }

    async fn step(&self, request: PageRequest) -> PageStep {
        let response = match self.0.certificate(&request.path).await {
            Ok(Some(pem)) => {
                let mut response = said(200, "application/x-pem-file", pem);
                response.headers.push(("cache-control", "public, max-age=86400".to_owned()));
                response
            }
            Ok(None) => said(404, "text/plain", Bytes::from_static(b"There is no such certificate.\n")),
            Err(error) => {
                tracing::error!(%error, "the certificate of notifications could not be shown");
                self.refusal(false)
            }
        };
        PageStep::Done(PageAnswer { response, events: Vec::new(), is_failure: false })
    }

    fn refusal(&self, is_too_many: bool) -> PageResponse {
        said(if is_too_many { 429 } else { 503 }, "text/plain", Bytes::from_static(b"Try again later.\n"))
    }
}
