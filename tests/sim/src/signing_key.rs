//! The key that signs the digests of simulated worlds: always the same, for making one takes longer than a world lasts. It is known to
//! everybody and good for nothing else.

use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use md5::{Digest, Md5};
use serde_json::json;
use state::{Expect, Memory, Op, State};

/// PKCS #8 DER, base 64.
const PRIVATE: &str = include_str!("signing-key.base64");

/// From a day before any world begins …
const START_MS: i64 = 1_795_219_200_000;
/// … for a year.
const VALIDITY_MS: i64 = 365 * 86_400_000;

/// Puts the key where the server looks for the key that it has made.
pub(crate) async fn put(tables: &Memory) {
    let private: String = PRIVATE.split_whitespace().collect();
    let der = BASE64.decode(&private).expect("the key is base 64");
    let pair = KeyPair::from_pkcs8(&der).expect("the key is PKCS #8");
    let public = pair.public_key().as_ref();
    let fingerprint = base::ids::hex(&Md5::digest(public));
    let row = json!({
        "version": 1, "fingerprint": fingerprint, "public": BASE64.encode(public), "private": private,
        "start_ms": START_MS, "end_ms": START_MS + VALIDITY_MS,
    });
    let key = state::key::key(&[&format!("{START_MS:016x}"), &fingerprint]);
    let op = Op::Put { table: "cloudtrail/keys", key, value: Bytes::from(row.to_string()), expect: Expect::Any };
    tables.commit(vec![op]).await.expect("the tables are empty");
}
