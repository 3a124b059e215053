//! [`KeyMaker`]: where the keys that sign digests come from. It makes them; it keeps none.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};

/// Makes signing keys. A seam of its own because the library's generator takes no randomness from outside.
pub trait KeyMaker: Send + Sync {
    /// A new RSA key of 2048 bits, secret, as PKCS #8 DER. Takes some 100 ms of a processor.
    fn make(&self) -> Result<Vec<u8>, String>;
}

/// Keys that nobody can know.
#[derive(Clone, Copy, Debug, Default)]
pub struct RsaKeyMaker;

impl KeyMaker for RsaKeyMaker {
    fn make(&self) -> Result<Vec<u8>, String> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| "the library made no RSA key".to_owned())?;
        let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(|_| "an RSA key could not be written".to_owned())?;
        Ok(der.as_ref().to_vec())
    }
}
