//! RSA signatures over SHA-1 (RFC 8017, RSASSA-PKCS1-v1_5), which signature version 1 of SNS has. aws-lc-rs gives none away, the library
//! under it does: hence the few calls into it here, and no second library of cryptography.
//!
//! Nothing but notifications may be signed so: SHA-1 is broken where somebody else chooses what is signed twice.
#![expect(unsafe_code, reason = "the library under aws-lc-rs is C")]

use std::ptr::NonNull;

use aws_lc_sys::{
    CBS, CBS_init, EVP_PKEY, EVP_PKEY_free, EVP_PKEY_get0_RSA, EVP_parse_private_key, NID_sha1, RSA_sign, RSA_size,
};
use sha1::{Digest, Sha1};

/// A private key.
pub struct Sha1Rsa(NonNull<EVP_PKEY>);

// SAFETY: a key that nobody changes may be used by several threads at once (aws-lc, `openssl/evp.h` and `openssl/rsa.h`).
unsafe impl Send for Sha1Rsa {}
// SAFETY: as above.
unsafe impl Sync for Sha1Rsa {}

impl Sha1Rsa {
    /// Of the DER of PKCS #8. `None` if that is no RSA key.
    pub fn from_pkcs8(der: &[u8]) -> Option<Sha1Rsa> {
        let mut input = std::mem::MaybeUninit::<CBS>::uninit();
        // SAFETY: `input` is written by CBS_init before it is read, and points into `der`, which outlives it.
        let key = unsafe {
            CBS_init(input.as_mut_ptr(), der.as_ptr(), der.len());
            EVP_parse_private_key(input.as_mut_ptr())
        };
        let key = Sha1Rsa(NonNull::new(key)?);
        // SAFETY: the key is there as long as `key` is.
        let is_rsa = unsafe { !EVP_PKEY_get0_RSA(key.0.as_ptr()).is_null() };
        is_rsa.then_some(key)
    }

    /// The signature of a text.
    pub fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        let digest = Sha1::digest(text);
        // SAFETY: the key is there as long as `self` is and is an RSA key; `signature` has the room that RSA_size says is needed.
        unsafe {
            let rsa = EVP_PKEY_get0_RSA(self.0.as_ptr());
            let mut signature = vec![0; usize::try_from(RSA_size(rsa)).ok()?];
            let mut len = 0;
            let done =
                RSA_sign(NID_sha1, digest.as_ptr(), digest.len(), signature.as_mut_ptr(), &raw mut len, rsa.cast());
            signature.truncate(usize::try_from(len).ok()?);
            (done == 1).then_some(signature)
        }
    }
}

impl Drop for Sha1Rsa {
    fn drop(&mut self) {
        // SAFETY: it came from EVP_parse_private_key and is freed once.
        unsafe { EVP_PKEY_free(self.0.as_ptr()) }
    }
}
