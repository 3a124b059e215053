//! Certificates: those the server shows, read again when their files change; and those its own clients trust.
#![allow(clippy::disallowed_methods, reason = "certificates lie where their issuer puts them, not on Env's disk")]

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gateway::Tls;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::commands::Failure;
use crate::config::{Config, TlsFiles};
use crate::data_folder;

/// How often the files are looked at. A change is taken once it is this old, so that both files are there.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(2);
/// No certificate file is as long.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// TLS with the configured certificate; `None` if none is configured. Leaves the certificate in the data folder for other commands.
pub fn open(config: &Config) -> Result<Option<Arc<Tls>>, Failure> {
    let Some(files) = &config.tls else {
        data_folder::forget_certificate(&config.data_dir)?;
        return Ok(None);
    };
    let (chain, key) = read(files)?;
    let tls = Tls::new(&chain, &key).map_err(|error| named(files, &error))?;
    data_folder::set_certificate(&config.data_dir, &chain)?;
    Ok(Some(Arc::new(tls)))
}

fn named(files: &TlsFiles, error: &str) -> String {
    format!("TLS with {} and {}: {error}", files.certificate.display(), files.key.display())
}

fn read(files: &TlsFiles) -> Result<(Vec<u8>, Vec<u8>), String> {
    let one = |path: &Path| {
        let doing = |error: std::io::Error| format!("reading {}: {error}", path.display());
        if std::fs::metadata(path).map_err(doing)?.len() > FILE_BYTES_MAX {
            return Err(format!("reading {}: it is longer than any certificate", path.display()));
        }
        std::fs::read(path).map_err(doing)
    };
    Ok((one(&files.certificate)?, one(&files.key)?))
}

/// What tells that a file is another: its identity, length and time.
type Stamp = [Option<(u64, u64, i64, i64)>; 2];

fn stamp(files: &TlsFiles) -> Stamp {
    [&files.certificate, &files.key].map(|path| {
        let data = std::fs::metadata(path).ok()?;
        Some((data.ino(), data.len(), data.mtime(), data.mtime_nsec()))
    })
}

/// Exchanges the certificate when its files change, or on SIGHUP, until `stop` is true. A new one that is no good changes nothing,
/// and the log says why.
pub async fn watch(tls: Arc<Tls>, files: TlsFiles, data_dir: PathBuf, mut stop: watch::Receiver<bool>) {
    let mut hangup = match signal(SignalKind::hangup()) {
        Ok(hangup) => hangup,
        Err(error) => return tracing::error!(%error, "certificates are not watched"),
    };
    let (mut used, mut seen) = (stamp(&files), stamp(&files));
    loop {
        let is_asked = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            Some(()) = hangup.recv() => true,
            () = tokio::time::sleep(LOOKED_AT_EVERY) => false,
        };
        let now = stamp(&files);
        let is_settled = now == std::mem::replace(&mut seen, now);
        if is_asked || is_settled && now != used {
            used = now;
            exchange(&tls, &files, &data_dir);
        }
    }
}

fn exchange(tls: &Tls, files: &TlsFiles, data_dir: &Path) {
    let certificate = files.certificate.display();
    let exchanged = read(files).and_then(|(chain, key)| {
        tls.replace(&chain, &key).map_err(|error| named(files, &error))?;
        data_folder::set_certificate(data_dir, &chain).map_err(|error| error.to_string())
    });
    match exchanged {
        Ok(()) => tracing::info!(%certificate, "the certificate was exchanged"),
        Err(error) => tracing::error!(error, "the certificate was not exchanged; the one before stays"),
    }
}

/// What a client of our own needs to trust the server: the very certificate that it left in its folder, or one that the authorities
/// of `--ca-file` have issued for the name it is reached by.
pub fn client(config: &Config) -> Result<ClientConfig, Failure> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let pinned = match &config.tls {
        Some(files) => Some(std::fs::read(&files.certificate)?),
        None => std::fs::read(data_folder::certificate(&config.data_dir)).ok(),
    };
    let pinned = pinned.and_then(|pem| CertificateDer::from_pem_slice(&pem).ok());
    let mut authorities = None;
    if let Some(path) = &config.ca_file {
        let doing = |error: String| format!("reading {}: {error}", path.display());
        let pem = std::fs::read(path).map_err(|error| doing(error.to_string()))?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| doing(error.to_string()))?;
            roots.add(certificate).map_err(|error| doing(error.to_string()))?;
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
        authorities = Some(verifier.map_err(|error| doing(error.to_string()))?);
    }
    if pinned.is_none() && authorities.is_none() {
        let text = "the server speaks TLS, and its certificate is not in the data folder: name it with --ca-file";
        return Err(text.into());
    }
    let verifier = Arc::new(Trusted { pinned, authorities, provider: Arc::clone(&provider) });
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

#[derive(Debug)]
struct Trusted {
    pinned: Option<CertificateDer<'static>>,
    authorities: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Trusted {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // Whoever can write into the data folder is the server. The name says no more, and may be an address.
        if self.pinned.as_ref().is_some_and(|pinned| pinned == end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        match &self.authorities {
            Some(verifier) => verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now),
            None => Err(rustls::Error::General(
                "the server shows another certificate than it left in its folder".to_owned(),
            )),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The file for `AWS_CA_BUNDLE`: what is configured, or what the server left if that ends in a certificate that vouches for itself.
/// `None` for a certificate of a public authority, which the AWS tools know.
pub fn bundle(config: &Config) -> Option<PathBuf> {
    if let Some(path) = &config.ca_file {
        return std::path::absolute(path).ok();
    }
    let path = data_folder::certificate(&config.data_dir);
    let pem = std::fs::read(&path).ok()?;
    let last = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).last()?;
    is_self_issued(&last).unwrap_or(false).then(|| std::path::absolute(path).ok())?
}

/// Whether issuer and subject are the same. Source: RFC 5280, 4.1: version, serial number, signature, issuer, validity, subject.
fn is_self_issued(der: &[u8]) -> Option<bool> {
    let (certificate, _) = element(der)?;
    let (to_be_signed, _) = element(certificate.1)?;
    let mut rest = to_be_signed.1;
    let (first, after) = element(rest)?;
    // The version is optional and has a tag of its own.
    rest = if first.0 == 0xa0 { element(after)?.1 } else { after };
    let (_signature, rest) = element(rest)?;
    let (issuer, rest) = element(rest)?;
    let (_validity, rest) = element(rest)?;
    let (subject, _) = element(rest)?;
    Some(issuer == subject)
}

/// Tag and content.
type Element<'a> = (u8, &'a [u8]);

/// The first DER element, and what follows it.
fn element(der: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        // 0x80 is an indefinite length, which DER does not have.
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (bytes.iter().try_fold(0_usize, |len, byte| len.checked_mul(256)?.checked_add(usize::from(*byte)))?, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(len)?;
    Some(((*tag, content), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_vouches_for_itself_is_told_from_others() {
        let pem = include_bytes!("../../gateway/testdata/certificate.pem");
        let der = CertificateDer::from_pem_slice(pem).unwrap();
        assert_eq!(is_self_issued(&der), Some(true));
        // The same with another issuer: the first "localhost" in it.
        let mut other = der.to_vec();
        let at = other.windows(9).position(|window| window == b"localhost").unwrap();
        other[at] = b'x';
        assert_eq!(is_self_issued(&other), Some(false));
        for end in 0..100 {
            assert_eq!(is_self_issued(&der[..end]), None);
        }
    }
}
