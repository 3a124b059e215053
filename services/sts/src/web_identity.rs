//! Whom an identity provider speaks for: its token is checked, and becomes a caller and the values of condition keys. Sources: STS API
//! reference, AssumeRoleWithWebIdentity; IAM user guide, "OIDC federation" (clocks may differ by five minutes), "IAM and AWS STS condition
//! context keys", keys for AWS OIDC federation.

use std::sync::Arc;

use base::Timestamp;
use ports::External;
use service::ApiError;

use crate::ask::Known;
use crate::jwt::{Claims, Token};
use crate::tags::Tag;
use crate::{Error, Sts};

/// How far the provider's clock may be from ours.
const CLOCKS_DIFFER_SECS: i64 = 300;
/// Providers that every account knows without an entry in IAM: trust policies name them by these names.
const BUILT_IN: [&str; 2] = ["accounts.google.com", "cognito-identity.amazonaws.com"];
/// Providers whose tokens only they can read, over the network.
const OAUTH: [&str; 2] = ["www.amazon.com", "graph.facebook.com"];
/// Claims of some issuers that trust policies may ask for, besides those of all. Source: the page above, "Additional claims".
const MORE_CLAIMS: [(&str, &[&str]); 2] = [
    (
        "token.actions.githubusercontent.com",
        &[
            "actor",
            "actor_id",
            "enterprise_id",
            "environment",
            "job_workflow_ref",
            "ref",
            "repository",
            "repository_id",
            "repository_owner_id",
            "workflow",
        ],
    ),
    ("accounts.google.com", &["email", "google/organization_number"]),
];

/// Somebody whom a provider speaks for.
pub struct Proved {
    /// Who it is.
    pub external: Arc<External>,
    /// Values of condition keys.
    pub known: Known,
    /// The tags that the token gives the session.
    pub tags: Vec<Tag>,
    /// The keys of those that go along.
    pub transitive: Vec<String>,
    /// The source identity that it gives.
    pub source_identity: Option<String>,
}

fn invalid(text: impl Into<String>) -> ApiError {
    Error::InvalidIdentityToken(text.into()).into()
}

impl Sts {
    /// Checks a token for a role of `account`.
    pub(crate) async fn prove(
        &self,
        text: &str,
        provider_id: Option<&str>,
        account: &str,
        now: Timestamp,
    ) -> Result<Proved, ApiError> {
        if let Some(provider) = provider_id {
            let is_known = OAUTH.contains(&provider);
            let text = match is_known {
                true => format!("Cairn does not ask {provider} over the network whose access token this is."),
                false => "The ProviderId parameter should not be specified for OpenID Connect tokens.".to_owned(),
            };
            let error = if is_known { Error::IdpCommunicationError(text) } else { Error::ValidationError(text) };
            return Err(error.into());
        }
        let no_token = || {
            invalid("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
        };
        let token = Token::parse(text).ok_or_else(no_token)?;
        let missing = |name: &str| invalid(format!("Missing a required claim: {name}"));
        let url = token.claims.text("iss").ok_or_else(|| missing("iss"))?;
        let issuer = url.strip_prefix("https://").unwrap_or(url);
        let provider = self.deps.providers.oidc_provider(account, issuer).await?;
        if provider.is_none() && !BUILT_IN.contains(&issuer) {
            return Err(invalid(format!("No OpenIDConnect provider found in your account for {url}")));
        }
        let keys = self.deps.issuer_keys.key_set(issuer).await?.ok_or_else(|| {
            invalid(
                "Couldn't retrieve verification key from your identity provider,  please reference \
                 AssumeRoleWithWebIdentity documentation for requirements",
            )
        })?;
        if !token.is_signed_by(&keys) {
            return Err(invalid(
                "The web identity token that was passed could not be validated: its signature is not \
                                that of a key of its issuer",
            ));
        }
        check_times(&token.claims, now)?;
        let claims = &token.claims;
        let subject = claims.text("sub").ok_or_else(|| missing("sub"))?;
        let audiences = claims.texts("aud");
        let party = claims.text("azp");
        let Some(audience) = party.or(audiences.first().map(String::as_str)) else { return Err(missing("aud")) };
        if let Some(provider) = &provider {
            let is_for = |audience: &str| provider.client_ids.iter().any(|id| id == audience);
            // Without a party, a token for several counts for those only that it is also meant for here.
            let is_ours = party.is_some_and(is_for) || audiences.iter().any(|audience| is_for(audience));
            if !is_ours {
                return Err(invalid("Incorrect token audience"));
            }
        }
        let name: Arc<str> = provider.map_or_else(|| Arc::from(issuer), |provider| provider.arn);
        let (tags, transitive) = claims.session_tags();
        Ok(Proved {
            external: Arc::new(External {
                provider: Arc::clone(&name),
                subject: Arc::from(subject),
                audience: Arc::from(audience),
                issuer: name,
                is_saml: false,
            }),
            known: known(issuer, claims, party, &audiences),
            tags: tags.into_iter().map(|(key, value)| Tag { key, value }).collect(),
            transitive,
            source_identity: claims.text("https://aws.amazon.com/source_identity").map(str::to_owned),
        })
    }
}

/// Whether the token counts now.
fn check_times(claims: &Claims, now: Timestamp) -> Result<(), ApiError> {
    let now = now.secs();
    let expires = claims.secs("exp").ok_or_else(|| invalid("Missing a required claim: exp"))?;
    if now > expires.saturating_add(CLOCKS_DIFFER_SECS) {
        let text = format!("Token expired: current date/time {now} must be before the expiration date/time {expires}");
        return Err(Error::ExpiredTokenException(text).into());
    }
    let issued = claims.secs("iat").ok_or_else(|| invalid("Missing a required claim: iat"))?;
    let begins = claims.secs("nbf").unwrap_or(issued).max(issued);
    if begins > now.saturating_add(CLOCKS_DIFFER_SECS) {
        return Err(invalid(format!("Token is not valid yet: current date/time {now} is before {begins}")));
    }
    Ok(())
}

/// Condition keys begin with the issuer; `aud` is the authorized party, if the token names one.
fn known(issuer: &str, claims: &Claims, party: Option<&str>, audiences: &[String]) -> Known {
    let mut known = Known::default();
    let mut add = |claim: &str, value: &str| known.add(format!("{issuer}:{claim}").to_lowercase(), value);
    match party {
        Some(party) => {
            add("aud", party);
            audiences.iter().for_each(|audience| add("oaud", audience));
        }
        None => audiences.iter().for_each(|audience| add("aud", audience)),
    }
    if let Some(value) = claims.text("sub") {
        add("sub", value);
    }
    for value in claims.texts("amr") {
        add("amr", &value);
    }
    for claim in MORE_CLAIMS.iter().filter(|(of, _)| *of == issuer).flat_map(|(_, claims)| *claims) {
        for value in claims.texts(claim) {
            add(claim, &value);
        }
    }
    known
}
