//! The key that signs the digests of simulated worlds: always the same, for making one takes longer than a world lasts. It is known to
//! everybody and good for nothing else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

/// PKCS #8 DER, base 64.
const PRIVATE: &str = include_str!("signing-key.base64");

/// Makes that key whenever one is wanted.
pub(crate) struct OneKey;

impl cloudtrail::KeyMaker for OneKey {
    fn make(&self) -> Result<Vec<u8>, String> {
        let private: String = PRIVATE.split_whitespace().collect();
        BASE64.decode(&private).map_err(|error| error.to_string())
    }
}
