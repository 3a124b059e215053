//! Whom a SAML provider speaks for: its response is verified, and becomes a caller and the values of condition keys. Sources: STS API
//! reference, AssumeRoleWithSAML; IAM user guide, "Configure SAML assertions for the authentication response" and "IAM and AWS STS
//! condition context keys", keys for SAML-based federation.

use std::sync::Arc;

use base::{Arn, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ports::External;
use saml::Assertion;
use service::ApiError;
use sha1::{Digest as _, Sha1};

use crate::ask::Known;
use crate::tags::Tag;
use crate::{Error, Sts};

/// Where AWS's names of attributes begin.
const ATTRIBUTES: &str = "https://aws.amazon.com/SAML/Attributes/";
/// For whom responses are: AWS's own name, whatever the endpoint.
const RECIPIENT: &str = "https://signin.aws.amazon.com/saml";
/// The same of one region: `https://us-west-2.signin.aws.amazon.com/saml`.
const REGIONAL_RECIPIENT: &str = ".signin.aws.amazon.com/saml";
/// Attributes of directories, and the condition keys that show them.
const DIRECTORY: [(&str, &str); 9] = [
    ("urn:oid:0.9.2342.19200300.100.1.1", "saml:uid"),
    ("urn:oid:0.9.2342.19200300.100.1.3", "saml:mail"),
    ("urn:oid:2.5.4.3", "saml:cn"),
    ("urn:oid:2.5.4.4", "saml:surname"),
    ("urn:oid:2.5.4.42", "saml:givenname"),
    ("urn:oid:2.5.4.45", "saml:x500uniqueidentifier"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.1", "saml:edupersonaffiliation"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.6", "saml:edupersonprincipalname"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.9", "saml:edupersonscopedaffiliation"),
];

/// Somebody whom a SAML provider speaks for.
pub struct Proved {
    /// Who it is.
    pub external: Arc<External>,
    /// What was said.
    pub assertion: Assertion,
    /// `persistent`, `transient`, or the format of the subject as a URI.
    pub subject_type: String,
    /// Stands for issuer, account and provider together.
    pub name_qualifier: String,
    /// The name of the role's session.
    pub session_name: String,
    /// Values of condition keys.
    pub known: Known,
    /// The tags of the session.
    pub tags: Vec<Tag>,
    /// The keys of those that go along.
    pub transitive: Vec<String>,
    /// The source identity.
    pub source_identity: Option<String>,
    /// How long the session is to be, in seconds, if the provider says.
    pub secs: Option<u32>,
}

fn invalid(text: impl Into<String>) -> ApiError {
    Error::InvalidIdentityToken(text.into()).into()
}

impl Sts {
    /// Verifies a response (base64) of a provider of the role's account, for that role.
    pub(crate) async fn prove_by_saml(
        &self,
        provider_arn: &str,
        role_arn: &str,
        response: &str,
        now: Timestamp,
    ) -> Result<Proved, ApiError> {
        let account = Arn::parse(provider_arn).map(|arn| arn.account).unwrap_or_default();
        let provider = self.deps.providers.saml_provider(provider_arn).await?;
        let provider = provider.ok_or_else(|| invalid("Specified provider doesn't exist (check your metadata ARN)"))?;
        if now >= provider.valid_until {
            return Err(invalid("Metadata expired for the specified provider"));
        }
        let name = provider_arn.rsplit('/').next().unwrap_or_default();
        let provider = saml::Provider::read(&provider.metadata).map_err(|error| invalid(error.to_string()))?;
        let text: String = response.split_ascii_whitespace().collect();
        let text = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.ok_or_else(|| invalid("Invalid base64 SAMLResponse"))?;
        let assertion = Assertion::verify(&text, &provider, now).map_err(|error| match error {
            saml::Error::Expired(text) => ApiError::from(Error::ExpiredTokenException(text)),
            saml::Error::Untrusted(text) if text.starts_with("Issuer") => invalid(text),
            other => invalid(format!("Response signature invalid or not what it must be: {other}")),
        })?;
        let is_ours = |name: &str| {
            let region = name.strip_prefix("https://").and_then(|rest| rest.strip_suffix(REGIONAL_RECIPIENT));
            name == RECIPIENT || region.is_some_and(|region| base::Region::parse(region).is_some())
        };
        let is_for_us = assertion.audiences.is_empty()
            || assertion.audiences.iter().any(|audience| is_ours(audience) || audience == "urn:amazon:webservices");
        if !is_ours(&assertion.recipient) || !is_for_us {
            return Err(invalid("Response does not contain the required audience"));
        }
        let lists_role = assertion.values(&format!("{ATTRIBUTES}Role")).any(|pair| {
            let mut parts: Vec<&str> = pair.split(',').map(str::trim).collect();
            parts.sort_unstable();
            let mut wanted = [role_arn, provider_arn];
            wanted.sort_unstable();
            parts == wanted
        });
        if !lists_role {
            return Err(Error::AccessDenied("Not authorized to perform sts:AssumeRoleWithSAML".to_owned()).into());
        }
        let one = |attribute: &str| assertion.values(&format!("{ATTRIBUTES}{attribute}")).next().map(str::to_owned);
        let session_name =
            one("RoleSessionName").ok_or_else(|| invalid("RoleSessionName is required in AuthnResponse"))?;
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "_=,.@-".contains(letter);
        if !(2..=64).contains(&session_name.len()) || !session_name.chars().all(is_letter) {
            return Err(invalid("RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}"));
        }
        let secs = match one("SessionDuration") {
            None => None,
            Some(text) => {
                Some(text.parse().map_err(|_| invalid("SessionDuration in AuthnResponse is no number of seconds"))?)
            }
        };
        let mut tags = Vec::new();
        for (name, values) in &assertion.attributes {
            if let Some(key) = name.strip_prefix(ATTRIBUTES).and_then(|name| name.strip_prefix("PrincipalTag:")) {
                let [value] = &values[..] else {
                    return Err(Error::IdpRejectedClaim(format!("The tag {key} must have one value.")).into());
                };
                tags.push(Tag { key: key.to_owned(), value: value.clone() });
            }
        }
        let transitive = assertion.values(&format!("{ATTRIBUTES}TransitiveTagKeys")).map(str::to_owned).collect();
        let source_identity = one("SourceIdentity");
        let subject_type = match assertion.subject_format.rsplit(':').next() {
            Some(kind @ ("persistent" | "transient")) => kind.to_owned(),
            _ => assertion.subject_format.clone(),
        };
        let name_qualifier = STANDARD.encode(Sha1::digest(format!("{}{account}/{name}", assertion.issuer)));
        let mut known = Known::default();
        known.add("saml:aud", &assertion.recipient);
        known.add("saml:iss", &assertion.issuer);
        known.add("saml:sub", &assertion.subject);
        known.add("saml:sub_type", &subject_type);
        known.add("saml:namequalifier", &name_qualifier);
        known.add("saml:doc", format!("{account}/{name}"));
        for (attribute, key) in DIRECTORY {
            assertion.values(attribute).for_each(|value| known.add(key, value));
        }
        Ok(Proved {
            external: Arc::new(External {
                provider: provider_arn.into(),
                subject: assertion.subject.as_str().into(),
                audience: assertion.recipient.as_str().into(),
                issuer: provider_arn.into(),
                is_saml: true,
            }),
            subject_type,
            name_qualifier,
            session_name,
            known,
            tags,
            transitive,
            source_identity,
            secs,
            assertion,
        })
    }
}
