//! Who asks, and which principals of a policy cover them. Sources: IAM user guide, "AWS JSON policy elements: Principal" and
//! "AWS JSON policy elements: NotPrincipal".

use base::arn::{Arn, is_account_id};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal<'a> {
    /// Nobody: the request is not signed.
    Anonymous,
    /// The account itself.
    Root {
        /// Twelve digits.
        account: &'a str,
    },
    /// A user.
    User {
        /// Its account.
        account: &'a str,
        /// `arn:aws:iam::ACCOUNT:user/PATH/NAME`.
        arn: &'a str,
        /// `AIDA…`: what a policy names once the user's ARN was made over to another.
        id: &'a str,
    },
    /// A session of a role.
    AssumedRole {
        /// The role's account.
        account: &'a str,
        /// `arn:aws:iam::ACCOUNT:role/PATH/NAME`.
        role_arn: &'a str,
        /// `AROA…`.
        role_id: &'a str,
        /// `arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION`.
        session_arn: &'a str,
    },
    /// A session of GetFederationToken.
    FederatedUser {
        /// Its account.
        account: &'a str,
        /// `arn:aws:sts::ACCOUNT:federated-user/NAME`.
        arn: &'a str,
        /// The ARN of the user who asked for the session; none if it was the account's root.
        user_arn: Option<&'a str>,
    },
    /// Someone known to an identity provider only, asking to assume a role.
    Federated {
        /// `accounts.google.com`, or the ARN of a SAML or OpenID Connect provider.
        provider: &'a str,
    },
    /// A service of AWS.
    Service {
        /// `cloudtrail.amazonaws.com`.
        name: &'a str,
    },
}

/// One principal of a policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    /// `"*"`, also as the value of `AWS`: everyone, the anonymous included.
    Everyone,
    /// An account: twelve digits, or the ARN of its root.
    Account(String),
    /// The ARN of a user, role or session, or a unique identifier (`AIDA…`, `AROA…`).
    Aws(String),
    /// A service principal; `*` is any.
    Service(String),
    /// An identity provider; `*` is any.
    Federated(String),
    /// An S3 canonical user.
    CanonicalUser(String),
}

impl Named {
    /// Reads a value of `"AWS"`. Whether it can exist is not checked here (see [`Named::is_plausible`]).
    pub(crate) fn aws(text: &str) -> Named {
        if text == "*" {
            return Named::Everyone;
        }
        if is_account_id(text) {
            return Named::Account(text.to_owned());
        }
        match Arn::parse(text) {
            Some(arn) if arn.service == "iam" && arn.resource == "root" => Named::Account(arn.account),
            _ => Named::Aws(text.to_owned()),
        }
    }

    /// Whether the principal has a form that IAM gives out. Wildcards inside an ARN have not: a principal is everyone or one.
    pub fn is_plausible(&self) -> bool {
        match self {
            Named::Everyone => true,
            Named::Account(id) => is_account_id(id),
            Named::Aws(text) => is_principal_arn(text) || is_unique_id(text),
            Named::Service(name) => name == "*" || is_service_principal(name),
            Named::Federated(provider) => !provider.is_empty(),
            Named::CanonicalUser(id) => id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit()),
        }
    }

    /// Whether the principal covers who asks: an account covers all that is in it, a role covers its sessions.
    pub fn covers(&self, who: &Principal<'_>) -> bool {
        match self {
            Named::Everyone => true,
            Named::Account(id) => who.account() == Some(id),
            Named::Aws(text) => match who {
                Principal::User { arn, id, .. } => text == arn || text == id,
                Principal::AssumedRole { role_arn, role_id, session_arn, .. } => {
                    text == role_arn || text == role_id || is_session(text, role_id, session_arn)
                }
                Principal::FederatedUser { arn, user_arn, .. } => text == arn || Some(text.as_str()) == *user_arn,
                Principal::Anonymous
                | Principal::Root { .. }
                | Principal::Federated { .. }
                | Principal::Service { .. } => false,
            },
            Named::Service(name) => matches!(who, Principal::Service { name: asked } if name == "*" || name == asked),
            Named::Federated(name) => {
                matches!(who, Principal::Federated { provider } if name == "*" || name == provider)
            }
            Named::CanonicalUser(_) => false,
        }
    }

    /// The same as [`Named::covers`], but an account is its root alone.
    pub fn names(&self, who: &Principal<'_>) -> bool {
        match self {
            Named::Account(id) => matches!(who, Principal::Root { account } if account == id),
            _ => self.covers(who),
        }
    }

    /// How a statement that allows this principal reaches who asks; `None` if it does not.
    pub(crate) fn grant(&self, who: &Principal<'_>) -> Option<Grant> {
        if !self.covers(who) {
            return None;
        }
        Some(match (self, who) {
            (Named::Account(_), Principal::Root { .. }) => Grant::Direct,
            (Named::Account(_), _) => Grant::Account,
            (Named::Aws(text), Principal::AssumedRole { role_id, session_arn, .. }) => {
                if is_session(text, role_id, session_arn) { Grant::Direct } else { Grant::Limited }
            }
            (Named::Aws(text), Principal::FederatedUser { arn, .. }) if text != arn => Grant::Limited,
            _ => Grant::Direct,
        })
    }
}

/// How far a permission of a resource's policy reaches within the resource's account. Sources: IAM user guide, "AWS JSON policy
/// elements: Principal" and "Policy evaluation for requests within a single account" (the table of principals).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grant {
    /// To the account: its own policies must allow as well.
    Account,
    /// To the role of a session, or to the user of a federated one: what limits the session (boundary, session policy) counts.
    Limited,
    /// To who asks, or to everyone: silence elsewhere takes nothing away. "Permissions boundaries or session policies do not limit
    /// permissions granted using the aws:PrincipalArn condition key with a wildcard (*) in the Principal element".
    Direct,
}

/// Whether a principal of a policy is this very session: its ARN, or `AROA…:NAME`.
fn is_session(text: &str, role_id: &str, session_arn: &str) -> bool {
    text == session_arn
        || text
            .strip_prefix(role_id)
            .and_then(|rest| rest.strip_prefix(':'))
            .is_some_and(|name| session_arn.rsplit_once('/').is_some_and(|(_, session)| session == name))
}

impl Principal<'_> {
    /// The account of who asks, if there is one.
    pub fn account(&self) -> Option<&str> {
        match self {
            Principal::Root { account }
            | Principal::User { account, .. }
            | Principal::AssumedRole { account, .. }
            | Principal::FederatedUser { account, .. } => Some(account),
            Principal::Anonymous | Principal::Federated { .. } | Principal::Service { .. } => None,
        }
    }
}

/// Whether `NotPrincipal` leaves `who` out. Every identity that `who` has must be named, each by itself: the account and the
/// user, or the account, the role and the session. Naming the account alone leaves out the account's root only, so that a
/// denial for all but one user is a denial for that user's colleagues too.
pub fn is_excepted(named: &[Named], who: &Principal<'_>) -> bool {
    let everyone = named.contains(&Named::Everyone);
    let account = |id: &str| named.iter().any(|n| matches!(n, Named::Account(account) if account == id));
    let aws = |names: &[&str]| named.iter().any(|n| matches!(n, Named::Aws(text) if names.contains(&text.as_str())));
    everyone
        || match who {
            Principal::Anonymous => false,
            Principal::Root { account: id } => account(id),
            Principal::User { account: of, arn, id } => account(of) && aws(&[arn, id]),
            Principal::AssumedRole { account: of, role_arn, role_id, session_arn } => {
                account(of) && aws(&[role_arn, role_id]) && aws(&[session_arn])
            }
            Principal::FederatedUser { account: of, arn, .. } => account(of) && aws(&[arn]),
            Principal::Federated { .. } | Principal::Service { .. } => named.iter().any(|n| n.covers(who)),
        }
}

fn is_principal_arn(text: &str) -> bool {
    let Some(arn) = Arn::parse(text) else { return false };
    let kinds: &[&str] = match arn.service.as_str() {
        "iam" => &["user/", "role/"],
        "sts" => &["assumed-role/", "federated-user/"],
        _ => return false,
    };
    let named = kinds.iter().any(|kind| arn.resource.strip_prefix(kind).is_some_and(|name| !name.is_empty()));
    let whole = !text.contains(['*', '?']);
    // `arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E…` is a user of no account.
    named && whole && arn.region.is_empty() && (is_account_id(&arn.account) || arn.account == "cloudfront")
}

/// `AIDA…` (user) or `AROA…` (role, also with a session's name). Source: IAM user guide, "IAM identifiers".
fn is_unique_id(text: &str) -> bool {
    let (id, session) = text.split_once(':').map_or((text, None), |(id, session)| (id, Some(session)));
    let known = id.starts_with("AIDA") || id.starts_with("AROA");
    let rest = id.len() >= 16 && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    known && rest && session != Some("")
}

/// `SERVICE[.REGION].amazonaws.com[.cn]` and the few of other domains.
fn is_service_principal(text: &str) -> bool {
    const DOMAINS: [&str; 5] = [".amazonaws.com", ".amazonaws.com.cn", ".amazon.com", ".aws.internal", ".api.aws"];
    let Some(name) = DOMAINS.iter().find_map(|domain| text.strip_suffix(domain)) else { return false };
    let in_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'_');
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(in_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: Principal<'_> = Principal::Root { account: "111111111111" };
    const ALICE: Principal<'_> = Principal::User {
        account: "111111111111",
        arn: "arn:aws:iam::111111111111:user/alice",
        id: "AIDAALICEALICE11",
    };
    const SESSION: Principal<'_> = Principal::AssumedRole {
        account: "111111111111",
        role_arn: "arn:aws:iam::111111111111:role/path/r",
        role_id: "AROAROLEROLEROLE",
        session_arn: "arn:aws:sts::111111111111:assumed-role/r/s",
    };
    const FEDERATED: Principal<'_> = Principal::FederatedUser {
        account: "111111111111",
        arn: "arn:aws:sts::111111111111:federated-user/bob",
        user_arn: Some("arn:aws:iam::111111111111:user/federator"),
    };
    const TRAIL: Principal<'_> = Principal::Service { name: "cloudtrail.amazonaws.com" };

    fn check(named: &str, covered: &[&Principal<'_>]) {
        for who in [&ROOT, &ALICE, &SESSION, &FEDERATED, &TRAIL, &Principal::Anonymous] {
            assert_eq!(Named::aws(named).covers(who), covered.contains(&who), "{named} and {who:?}");
        }
    }

    #[test]
    fn an_account_covers_all_that_is_in_it() {
        check("111111111111", &[&ROOT, &ALICE, &SESSION, &FEDERATED]);
        check("arn:aws:iam::111111111111:root", &[&ROOT, &ALICE, &SESSION, &FEDERATED]);
        check("222222222222", &[]);
        check("arn:aws:iam::222222222222:root", &[]);
    }

    #[test]
    fn a_role_covers_its_sessions_and_a_session_itself() {
        check("arn:aws:iam::111111111111:role/path/r", &[&SESSION]);
        check("arn:aws:sts::111111111111:assumed-role/r/s", &[&SESSION]);
        check("arn:aws:sts::111111111111:assumed-role/r/t", &[]);
        check("AROAROLEROLEROLE", &[&SESSION]);
    }

    #[test]
    fn a_user_is_covered_by_its_arn_and_identifier() {
        check("arn:aws:iam::111111111111:user/alice", &[&ALICE]);
        check("arn:aws:iam::111111111111:user/Alice", &[]);
        check("arn:aws:iam::111111111111:user/*", &[]);
        check("AIDAALICEALICE11", &[&ALICE]);
    }

    #[test]
    fn everyone_is_everyone() {
        check("*", &[&ROOT, &ALICE, &SESSION, &FEDERATED, &TRAIL, &Principal::Anonymous]);
    }

    #[test]
    fn services_and_providers_are_covered_by_name() {
        assert!(Named::Service("cloudtrail.amazonaws.com".into()).covers(&TRAIL));
        assert!(!Named::Service("config.amazonaws.com".into()).covers(&TRAIL));
        assert!(!Named::Service("cloudtrail.amazonaws.com".into()).covers(&ALICE));
        let google = Principal::Federated { provider: "accounts.google.com" };
        assert!(Named::Federated("accounts.google.com".into()).covers(&google));
        assert!(!Named::Federated("accounts.google.com".into()).covers(&ALICE));
    }

    #[test]
    fn an_exception_must_name_every_identity() {
        let named = |names: &[&str]| names.iter().map(|name| Named::aws(name)).collect::<Vec<_>>();
        let (account, user) = ("111111111111", "arn:aws:iam::111111111111:user/alice");
        let (role, session) = ("arn:aws:iam::111111111111:role/path/r", "arn:aws:sts::111111111111:assumed-role/r/s");
        assert!(is_excepted(&named(&[account, user]), &ALICE));
        assert!(!is_excepted(&named(&[user]), &ALICE));
        assert!(!is_excepted(&named(&[account]), &ALICE));
        assert!(is_excepted(&named(&[account]), &ROOT));
        assert!(is_excepted(&named(&[account, role, session]), &SESSION));
        assert!(!is_excepted(&named(&[account, role]), &SESSION));
        assert!(!is_excepted(&named(&[account, user]), &TRAIL));
        assert!(is_excepted(&[Named::Service("cloudtrail.amazonaws.com".into())], &TRAIL));
        assert!(!is_excepted(&named(&[account, user]), &Principal::Anonymous));
        assert!(is_excepted(&named(&["*"]), &Principal::Anonymous));
    }

    #[test]
    fn what_cannot_be_a_principal() {
        for good in
            ["*", "111111111111", "AIDAALICEALICE11", "AROAROLEROLEROLE:s", "arn:aws-cn:iam::111111111111:role/a/b"]
        {
            assert!(Named::aws(good).is_plausible(), "{good}");
        }
        for bad in [
            "",
            "alice",
            "11111111111",
            "arn:aws:iam::111111111111:user/*",
            "arn:aws:iam::111111111111:group/g",
            "arn:aws:s3:::b",
            "arn:aws:iam::1:root",
            "arn:aws:iam::111111111111:user/",
            "AKIAALICEALICE11",
        ] {
            assert!(!Named::aws(bad).is_plausible(), "{bad}");
        }
        assert!(Named::Service("logs.eu-central-1.amazonaws.com".into()).is_plausible());
        for bad in ["cloudtrail", "x.example.com", ".amazonaws.com", "*.amazonaws.com"] {
            assert!(!Named::Service(bad.into()).is_plausible(), "{bad}");
        }
    }
}
