//! TLS under HTTP: a certificate that can be exchanged while connections run, and what a record says of a session. Never prints a
//! key, and never goes on without a certificate: a bad new one leaves the old one in place.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{CipherSuite, ProtocolVersion, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Handshakes at one time; more wait for as long as a handshake may take. One costs a signature, about a millisecond of a core.
const HANDSHAKES_MAX: usize = 512;
/// From the connection to the end of its handshake, waiting included.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Accepts TLS 1.2 and 1.3 with the certificate that is current when a connection comes.
pub struct Tls {
    config: RwLock<Arc<ServerConfig>>,
    handshakes: Semaphore,
}

/// What a record says of the connection. Source: CloudTrail user guide, "CloudTrail record contents", `tlsDetails`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsSession {
    /// `TLSv1.3`.
    pub version: &'static str,
    /// `TLS_AES_128_GCM_SHA256`, `ECDHE-RSA-AES128-GCM-SHA256`.
    pub cipher_suite: &'static str,
}

impl Tls {
    /// With a chain of certificates, the server's own first, and its key (PKCS#8, PKCS#1 or SEC1), both as PEM. The error says
    /// which of the two is wrong and how.
    pub fn new(chain_pem: &[u8], key_pem: &[u8]) -> Result<Tls, String> {
        let config = RwLock::new(Arc::new(config(chain_pem, key_pem)?));
        Ok(Tls { config, handshakes: Semaphore::new(HANDSHAKES_MAX) })
    }

    /// Uses another certificate for connections from now on. If it is no good, nothing changes.
    pub fn replace(&self, chain_pem: &[u8], key_pem: &[u8]) -> Result<(), String> {
        let new = Arc::new(config(chain_pem, key_pem)?);
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// The handshake of a connection, within its time.
    pub(crate) async fn accept<S>(&self, stream: S) -> io::Result<(TlsStream<S>, TlsSession)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let handshake = async {
            let _place = self.handshakes.acquire().await.map_err(io::Error::other)?;
            let config = Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner));
            TlsAcceptor::from(config).accept(stream).await
        };
        let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await??;
        let session = stream.get_ref().1;
        let suite = session.negotiated_cipher_suite().map(|suite| suite.suite());
        let session = TlsSession { version: version(session.protocol_version()), cipher_suite: suite_name(suite) };
        Ok((stream, session))
    }
}

fn config(chain_pem: &[u8], key_pem: &[u8]) -> Result<ServerConfig, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain_pem).collect();
    let chain = chain.map_err(|error| format!("the certificate is not PEM: {error}"))?;
    if chain.is_empty() {
        return Err("the certificate file holds no certificate (no line BEGIN CERTIFICATE)".to_owned());
    }
    if key_pem.windows(ENCRYPTED.len()).any(|window| window == ENCRYPTED) {
        return Err("the key is encrypted; give it without a passphrase, readable by the server alone".to_owned());
    }
    let key = PrivateKeyDer::from_pem_slice(key_pem)
        .map_err(|_| "the key file holds no private key (PKCS#8, PKCS#1 or SEC1 as PEM)".to_owned())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| error.to_string())?;
    let config = versions.with_no_client_auth().with_single_cert(chain, key);
    let mut config = config.map_err(|error| format!("certificate and key cannot be used together: {error}"))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// How PEM and the old OpenSSL format say that a key needs a passphrase.
const ENCRYPTED: &[u8] = b"ENCRYPTED";

fn version(version: Option<ProtocolVersion>) -> &'static str {
    match version {
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        _ => "unknown",
    }
}

/// CloudTrail writes the suites of TLS 1.2 as OpenSSL calls them, those of 1.3 as the RFC does. Source: real records.
fn suite_name(suite: Option<CipherSuite>) -> &'static str {
    match suite {
        Some(CipherSuite::TLS13_AES_128_GCM_SHA256) => "TLS_AES_128_GCM_SHA256",
        Some(CipherSuite::TLS13_AES_256_GCM_SHA384) => "TLS_AES_256_GCM_SHA384",
        Some(CipherSuite::TLS13_CHACHA20_POLY1305_SHA256) => "TLS_CHACHA20_POLY1305_SHA256",
        Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256) => "ECDHE-ECDSA-AES128-GCM-SHA256",
        Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384) => "ECDHE-ECDSA-AES256-GCM-SHA384",
        Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256) => "ECDHE-ECDSA-CHACHA20-POLY1305",
        Some(CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256) => "ECDHE-RSA-AES128-GCM-SHA256",
        Some(CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) => "ECDHE-RSA-AES256-GCM-SHA384",
        Some(CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256) => "ECDHE-RSA-CHACHA20-POLY1305",
        Some(other) => other.as_str().unwrap_or("unknown"),
        None => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use rustls::RootCertStore;
    use rustls::pki_types::ServerName;
    use tokio_rustls::TlsConnector;

    use super::*;

    // Made with: openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj /CN=localhost
    //   -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE
    const CERTIFICATE: &[u8] = include_bytes!("../testdata/certificate.pem");
    const KEY: &[u8] = include_bytes!("../testdata/key.pem");
    const OTHER_KEY: &[u8] = include_bytes!("../testdata/other-key.pem");

    async fn session(tls: &Tls, version: &'static rustls::SupportedProtocolVersion) -> TlsSession {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(CERTIFICATE).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let client = rustls::ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
        let client = client.with_root_certificates(roots).with_no_client_auth();
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let name = ServerName::try_from("localhost").unwrap();
        let connector = TlsConnector::from(Arc::new(client));
        let (accepted, connected) = tokio::join!(tls.accept(ours), connector.connect(name, theirs));
        connected.unwrap();
        accepted.unwrap().1
    }

    #[tokio::test]
    async fn both_versions_are_spoken_and_named_as_cloudtrail_names_them() {
        let tls = Tls::new(CERTIFICATE, KEY).unwrap();
        let session_13 = session(&tls, &rustls::version::TLS13).await;
        assert_eq!(session_13.version, "TLSv1.3");
        assert!(session_13.cipher_suite.starts_with("TLS_AES_"), "{session_13:?}");
        let session_12 = session(&tls, &rustls::version::TLS12).await;
        assert_eq!(session_12.version, "TLSv1.2");
        assert!(session_12.cipher_suite.starts_with("ECDHE-ECDSA-AES"), "{session_12:?}");
    }

    #[tokio::test]
    async fn a_bad_certificate_is_refused_with_its_reason_and_the_old_one_stays() {
        let tls = Tls::new(CERTIFICATE, KEY).unwrap();
        for (chain, key, expected) in [
            (&b"no pem"[..], KEY, "holds no certificate"),
            (CERTIFICATE, &b"no pem"[..], "holds no private key"),
            (CERTIFICATE, &b"-----BEGIN ENCRYPTED PRIVATE KEY-----"[..], "is encrypted"),
            (CERTIFICATE, OTHER_KEY, "cannot be used together"),
        ] {
            let error = tls.replace(chain, key).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(session(&tls, &rustls::version::TLS13).await.version, "TLSv1.3");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_says_nothing_is_given_up() {
        let tls = Tls::new(CERTIFICATE, KEY).unwrap();
        let (ours, _theirs) = tokio::io::duplex(1024);
        let error = tls.accept(ours).await.map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
