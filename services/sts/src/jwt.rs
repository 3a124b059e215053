//! Tokens of OpenID Connect providers: read, and their signatures held against a key set. Sources: RFC 7515, 7517, 7518 and 7519;
//! OpenID Connect Core 1.0; IAM user guide, "Create an OpenID Connect (OIDC) identity provider in IAM" (which algorithms there are).
//! Nothing in a token is believed before [`Token::is_signed_by`] said yes, and the algorithm is the key's, not only the token's.

use aws_lc_rs::signature as sig;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A token of which nothing is proved yet.
#[derive(Debug)]
pub struct Token<'t> {
    header: Header,
    /// What it says.
    pub claims: Claims,
    /// What was signed.
    signed: &'t str,
    signature: Vec<u8>,
}

#[derive(Debug, Deserialize)]
struct Header {
    alg: Algorithm,
    kid: Option<String>,
    /// Extensions that must be understood: none are.
    crit: Option<Value>,
}

/// The algorithms that AWS takes. There is no `none`, and no algorithm with a shared secret.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
enum Algorithm {
    #[serde(rename = "RS256")]
    Rs256,
    #[serde(rename = "RS384")]
    Rs384,
    #[serde(rename = "RS512")]
    Rs512,
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "ES384")]
    Es384,
    #[serde(rename = "ES512")]
    Es512,
}

/// What a token says.
#[derive(Debug)]
pub struct Claims(Map<String, Value>);

/// A key set; what is no key of a known form is passed over, as RFC 7517 section 5 has it.
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Key {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    used_for: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl<'t> Token<'t> {
    /// Takes a token apart; `None` if it is none.
    pub fn parse(text: &'t str) -> Option<Token<'t>> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let json = |text: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(text).ok()?).ok();
        let header: Header = serde_json::from_value(json(header)?).ok()?;
        let Value::Object(claims) = json(claims)? else { return None };
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        header.crit.is_none().then_some(Token { header, claims: Claims(claims), signed, signature })
    }

    /// Whether one of the keys of a set (JSON) made the signature.
    pub fn is_signed_by(&self, key_set: &str) -> bool {
        let Ok(set) = serde_json::from_str::<KeySet>(key_set) else { return false };
        set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).any(|key| self.is_signed_with(&key))
    }

    fn is_signed_with(&self, key: &Key) -> bool {
        let alg = self.header.alg;
        let is_meant = match (&self.header.kid, &key.kid) {
            (Some(wanted), Some(kid)) => wanted == kid,
            (Some(_), None) => false,
            (None, _) => true,
        };
        let fits = is_meant
            && key.used_for.as_deref().is_none_or(|used_for| used_for == "sig")
            && key.alg.as_deref().is_none_or(|name| name == alg.name());
        fits && self.holds(key, alg).unwrap_or(false)
    }

    /// `None`: the key is not of the algorithm's kind.
    fn holds(&self, key: &Key, alg: Algorithm) -> Option<bool> {
        let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_ref()?).ok();
        let message = self.signed.as_bytes();
        if let Some(parameters) = alg.rsa() {
            let key = (key.kty == "RSA").then_some(key)?;
            let components = sig::RsaPublicKeyComponents { n: bytes(&key.n)?, e: bytes(&key.e)? };
            return Some(components.verify(parameters, message, &self.signature).is_ok());
        }
        let (curve, parameters, coordinate_bytes) = alg.curve()?;
        let key = (key.kty == "EC" && key.crv.as_deref() == Some(curve)).then_some(key)?;
        let (x, y) = (bytes(&key.x)?, bytes(&key.y)?);
        if x.len() != coordinate_bytes || y.len() != coordinate_bytes {
            return None;
        }
        // SEC 1, section 2.3.3: an uncompressed point.
        let point = [&[4][..], &x, &y].concat();
        Some(sig::UnparsedPublicKey::new(parameters, point).verify(message, &self.signature).is_ok())
    }
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Algorithm::Rs256 => "RS256",
            Algorithm::Rs384 => "RS384",
            Algorithm::Rs512 => "RS512",
            Algorithm::Es256 => "ES256",
            Algorithm::Es384 => "ES384",
            Algorithm::Es512 => "ES512",
        }
    }

    fn rsa(self) -> Option<&'static sig::RsaParameters> {
        match self {
            Algorithm::Rs256 => Some(&sig::RSA_PKCS1_2048_8192_SHA256),
            Algorithm::Rs384 => Some(&sig::RSA_PKCS1_2048_8192_SHA384),
            Algorithm::Rs512 => Some(&sig::RSA_PKCS1_2048_8192_SHA512),
            _ => None,
        }
    }

    fn curve(self) -> Option<(&'static str, &'static sig::EcdsaVerificationAlgorithm, usize)> {
        match self {
            Algorithm::Es256 => Some(("P-256", &sig::ECDSA_P256_SHA256_FIXED, 32)),
            Algorithm::Es384 => Some(("P-384", &sig::ECDSA_P384_SHA384_FIXED, 48)),
            Algorithm::Es512 => Some(("P-521", &sig::ECDSA_P521_SHA512_FIXED, 66)),
            _ => None,
        }
    }
}

impl Claims {
    /// A claim that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A claim that is text or a list of texts.
    pub fn texts(&self, name: &str) -> Vec<String> {
        self.0.get(name).map_or_else(Vec::new, texts)
    }

    /// A claim that is a time, in seconds since 1970. Fractions are cut off.
    pub fn secs(&self, name: &str) -> Option<i64> {
        let value = self.0.get(name)?;
        #[expect(clippy::cast_possible_truncation, reason = "a time that does not fit is far away all the same")]
        value.as_i64().or_else(|| value.as_f64().map(|secs| secs as i64))
    }

    /// Tags that the token gives the session: each with a value, and the keys of those that go along. Either nested or flat. Source: IAM
    /// user guide, "Pass session tags in AWS STS", AssumeRoleWithWebIdentity.
    pub fn session_tags(&self) -> (Vec<(String, String)>, Vec<String>) {
        const NESTED: &str = "https://aws.amazon.com/tags";
        const FLAT: &str = "https://aws.amazon.com/tags/principal_tags/";
        const FLAT_TRANSITIVE: &str = "https://aws.amazon.com/tags/transitive_tag_keys";
        let nested = self.0.get(NESTED).and_then(Value::as_object);
        let principal_tags = nested.and_then(|nested| nested.get("principal_tags")).and_then(Value::as_object);
        let flat = self.0.iter().filter_map(|(name, value)| Some((name.strip_prefix(FLAT)?, value)));
        let all = principal_tags.into_iter().flatten().map(|(key, value)| (key.as_str(), value)).chain(flat);
        let tags = all.filter_map(|(key, value)| Some((key.to_owned(), texts(value).into_iter().next()?))).collect();
        let transitive = nested.and_then(|nested| nested.get("transitive_tag_keys")).or(self.0.get(FLAT_TRANSITIVE));
        (tags, transitive.map_or_else(Vec::new, texts))
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => list.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Issuer;

    #[test]
    fn a_signature_counts_only_from_a_key_of_the_set() {
        let claims = serde_json::json!({"sub": "x", "exp": 1_700_000_000.5, "aud": ["a", "b"]});
        for alg in ["RS256", "ES256", "ES384"] {
            let (issuer, other) = (Issuer::new(alg, "one"), Issuer::new(alg, "one"));
            let text = issuer.token(&claims);
            let token = Token::parse(&text).unwrap();
            assert!(token.is_signed_by(&issuer.key_set()), "{alg}");
            assert!(!token.is_signed_by(&other.key_set()), "{alg}");
            assert!(!token.is_signed_by(&issuer.key_set().replace("\"one\"", "\"two\"")), "{alg}");
            assert!(!token.is_signed_by(&issuer.key_set().replace("\"sig\"", "\"enc\"")), "{alg}");
            assert!(!token.is_signed_by("{}") && !token.is_signed_by(r#"{"keys":[{}]}"#));
            assert_eq!((token.claims.text("sub"), token.claims.secs("exp")), (Some("x"), Some(1_700_000_000)));
            assert_eq!(token.claims.texts("aud"), ["a", "b"]);
            // Another claim under the same signature.
            let (header, rest) = text.split_once('.').unwrap();
            let (_, signature) = rest.split_once('.').unwrap();
            let forged = format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(r#"{"sub":"root"}"#));
            assert!(!Token::parse(&forged).unwrap().is_signed_by(&issuer.key_set()), "{alg}");
        }
    }

    #[test]
    fn what_is_no_token_is_none() {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        for text in [
            String::new(),
            "abc".to_owned(),
            "a.b".to_owned(),
            format!("{}.{}.", part(r#"{"alg":"none"}"#), part("{}")),
            format!("{}.{}.AAAA", part(r#"{"alg":"HS256"}"#), part("{}")),
            format!("{}.{}.AAAA", part(r#"{"alg":"RS256","crit":["x"]}"#), part("{}")),
            format!("{}.{}.AAAA", part(r#"{"alg":"RS256"}"#), part("[]")),
            format!("{}.{}.====", part(r#"{"alg":"RS256"}"#), part("{}")),
        ] {
            assert!(Token::parse(&text).is_none(), "{text}");
        }
    }

    #[test]
    fn tags_stand_in_two_forms() {
        let nested = serde_json::json!({"https://aws.amazon.com/tags": {
            "principal_tags": {"Project": ["Automation"], "Team": ["a", "b"]}, "transitive_tag_keys": ["Project"]}});
        let flat = serde_json::json!({"https://aws.amazon.com/tags/principal_tags/Project": "Automation",
            "https://aws.amazon.com/tags/principal_tags/Team": "a",
            "https://aws.amazon.com/tags/transitive_tag_keys": ["Project"]});
        for claims in [nested, flat] {
            let Value::Object(claims) = claims else { panic!() };
            let (tags, transitive) = Claims(claims).session_tags();
            let expected = [("Project", "Automation"), ("Team", "a")].map(|(k, v)| (k.to_owned(), v.to_owned()));
            assert_eq!((tags, transitive), (expected.to_vec(), vec!["Project".to_owned()]));
        }
    }
}
