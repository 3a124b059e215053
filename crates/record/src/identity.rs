//! Who made a call: the `userIdentity` element of an event record, to write. Source: CloudTrail user guide, "CloudTrail
//! userIdentity element"; the order of members is that of real records.

use std::borrow::Cow;

use base::Timestamp;

use crate::json::ObjectWriter;

/// Borrowed or owned text.
type Text<'a> = Cow<'a, str>;

/// Who made a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserIdentity<'a> {
    /// The account itself.
    Root {
        /// Twelve digits; also written as `principalId`.
        account_id: Text<'a>,
        /// `arn:aws:iam::ACCOUNT:root`.
        arn: Text<'a>,
        /// The key that signed, if any.
        access_key_id: Option<Text<'a>>,
        /// The account's alias, if it has one.
        user_name: Option<Text<'a>>,
        /// Present with temporary credentials.
        session: Option<SessionContext<'a>>,
        /// The service that called on its behalf.
        invoked_by: Option<Text<'a>>,
    },
    /// A user.
    IamUser {
        /// `AIDA…`.
        principal_id: Text<'a>,
        /// `arn:aws:iam::ACCOUNT:user/PATH/NAME`.
        arn: Text<'a>,
        /// Twelve digits.
        account_id: Text<'a>,
        /// The key that signed, if any.
        access_key_id: Option<Text<'a>>,
        /// The user's name.
        user_name: Text<'a>,
        /// Present with temporary credentials.
        session: Option<SessionContext<'a>>,
        /// The service that called on its behalf.
        invoked_by: Option<Text<'a>>,
    },
    /// A session of a role.
    AssumedRole {
        /// `AROA…:SESSION`.
        principal_id: Text<'a>,
        /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
        arn: Text<'a>,
        /// Twelve digits.
        account_id: Text<'a>,
        /// The session's key, `ASIA…`.
        access_key_id: Option<Text<'a>>,
        /// The role and how the session came to be.
        session: SessionContext<'a>,
        /// The service that called on its behalf.
        invoked_by: Option<Text<'a>>,
    },
    /// A session of GetFederationToken.
    FederatedUser {
        /// `ACCOUNT:NAME`.
        principal_id: Text<'a>,
        /// `arn:aws:sts::ACCOUNT:federated-user/NAME`.
        arn: Text<'a>,
        /// Twelve digits.
        account_id: Text<'a>,
        /// The session's key, `ASIA…`.
        access_key_id: Option<Text<'a>>,
        /// Who asked for the token.
        session: SessionContext<'a>,
    },
    /// Someone of another account, or nobody (`account_id` is then `anonymous` and `principal_id` empty).
    AwsAccount {
        /// The caller's unique identifier.
        principal_id: Text<'a>,
        /// The other account.
        account_id: Text<'a>,
    },
    /// A service of AWS.
    AwsService {
        /// `cloudtrail.amazonaws.com`.
        invoked_by: Text<'a>,
    },
    /// AWS by itself, for an account: no type is written. Source: Organizations user guide, example of CreateAccountResult.
    AwsInternal {
        /// Twelve digits.
        account_id: Text<'a>,
    },
    /// Someone who calls AssumeRoleWithWebIdentity.
    WebIdentityUser(ExternalUser<'a>),
    /// Someone who calls AssumeRoleWithSAML.
    SamlUser(ExternalUser<'a>),
    /// Someone who signs in, who has no key yet.
    SigningIn(SigningIn<'a>),
    /// Whoever it was did not prove it: what they claimed.
    Unknown {
        /// The account of the claimed key, if there is one.
        account_id: Option<Text<'a>>,
        /// The key that was named.
        access_key_id: Option<Text<'a>>,
    },
}

/// A user of an identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalUser<'a> {
    /// The provider's identifiers joined by colons.
    pub principal_id: Text<'a>,
    /// The user's identifier at the provider.
    pub user_name: Text<'a>,
    /// `accounts.google.com`.
    pub identity_provider: Text<'a>,
}

/// Someone who signs in on a page. Source: CloudTrail user guide, "AWS Management Console sign-in events", examples of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningIn<'a> {
    /// `IAMUser`, `Root` or `AssumedRole`.
    pub kind: Text<'a>,
    /// The unique identifier, if it is known.
    pub principal_id: Option<Text<'a>>,
    /// The ARN, if it was proved.
    pub arn: Option<Text<'a>>,
    /// Twelve digits.
    pub account_id: Text<'a>,
    /// Whether there is an `accessKeyId`, which is empty.
    pub has_empty_key: bool,
    /// The user's name.
    pub user_name: Option<Text<'a>>,
}

/// How temporary credentials came to be.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SessionContext<'a> {
    /// The role, user or account that issued the session.
    pub issuer: Option<SessionIssuer<'a>>,
    /// The identity provider, for sessions of AssumeRoleWithWebIdentity.
    pub web_id_federation: Option<WebIdFederation<'a>>,
    /// When the credentials were issued.
    pub creation_date: Timestamp,
    /// Whether a second factor was given.
    pub mfa_authenticated: bool,
    /// The source identity set when the role was assumed.
    pub source_identity: Option<Text<'a>>,
    /// `1.0` or `2.0` for the credentials of an EC2 instance's role.
    pub ec2_role_delivery: Option<Text<'a>>,
}

/// Who issued a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionIssuer<'a> {
    /// `Role`, `IAMUser` or `Root`.
    pub kind: Text<'a>,
    /// `AROA…`, `AIDA…` or the account.
    pub principal_id: Text<'a>,
    /// The issuer's ARN.
    pub arn: Text<'a>,
    /// The issuer's account.
    pub account_id: Text<'a>,
    /// The name of the role or user.
    pub user_name: Option<Text<'a>>,
}

/// The identity provider behind a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebIdFederation<'a> {
    /// `accounts.google.com`, or the ARN of an OpenID Connect provider.
    pub federated_provider: Text<'a>,
    /// The provider's attributes: a JSON object, already text.
    pub attributes_json: Text<'a>,
}

impl UserIdentity<'_> {
    /// Appends the element as a JSON object.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut object = ObjectWriter::begin(out);
        match self {
            UserIdentity::Root { account_id, arn, access_key_id, user_name, session, invoked_by } => {
                who(&mut object, "Root", account_id, arn, account_id, access_key_id);
                object.text_if("userName", user_name.as_deref());
                write_session(&mut object, session.as_ref());
                object.text_if("invokedBy", invoked_by.as_deref());
            }
            UserIdentity::IamUser { principal_id, arn, account_id, access_key_id, user_name, session, invoked_by } => {
                who(&mut object, "IAMUser", principal_id, arn, account_id, access_key_id);
                object.text("userName", user_name);
                write_session(&mut object, session.as_ref());
                object.text_if("invokedBy", invoked_by.as_deref());
            }
            UserIdentity::AssumedRole { principal_id, arn, account_id, access_key_id, session, invoked_by } => {
                who(&mut object, "AssumedRole", principal_id, arn, account_id, access_key_id);
                write_session(&mut object, Some(session));
                object.text_if("invokedBy", invoked_by.as_deref());
            }
            UserIdentity::FederatedUser { principal_id, arn, account_id, access_key_id, session } => {
                who(&mut object, "FederatedUser", principal_id, arn, account_id, access_key_id);
                write_session(&mut object, Some(session));
            }
            UserIdentity::AwsAccount { principal_id, account_id } => {
                object.text("type", "AWSAccount");
                object.text("principalId", principal_id);
                object.text("accountId", account_id);
            }
            UserIdentity::AwsService { invoked_by } => {
                object.text("type", "AWSService");
                object.text("invokedBy", invoked_by);
            }
            UserIdentity::AwsInternal { account_id } => {
                object.text("accountId", account_id);
                object.text("invokedBy", "AWS Internal");
            }
            UserIdentity::WebIdentityUser(user) => external(&mut object, "WebIdentityUser", user),
            UserIdentity::SamlUser(user) => external(&mut object, "SAMLUser", user),
            UserIdentity::SigningIn(someone) => {
                object.text("type", &someone.kind);
                object.text_if("principalId", someone.principal_id.as_deref());
                object.text_if("arn", someone.arn.as_deref());
                object.text("accountId", &someone.account_id);
                object.text_if("accessKeyId", someone.has_empty_key.then_some(""));
                object.text_if("userName", someone.user_name.as_deref());
            }
            UserIdentity::Unknown { account_id, access_key_id } => {
                object.text("type", "Unknown");
                object.text_if("accountId", account_id.as_deref());
                object.text_if("accessKeyId", access_key_id.as_deref());
            }
        }
        object.end();
    }
}

fn who(object: &mut ObjectWriter<'_>, kind: &str, id: &str, arn: &str, account: &str, key: &Option<Text<'_>>) {
    object.text("type", kind);
    object.text("principalId", id);
    object.text("arn", arn);
    object.text("accountId", account);
    object.text_if("accessKeyId", key.as_deref());
}

fn external(object: &mut ObjectWriter<'_>, kind: &str, user: &ExternalUser<'_>) {
    object.text("type", kind);
    object.text("principalId", &user.principal_id);
    object.text("userName", &user.user_name);
    object.text("identityProvider", &user.identity_provider);
}

fn write_session(object: &mut ObjectWriter<'_>, session: Option<&SessionContext<'_>>) {
    let Some(session) = session else { return };
    let mut context = ObjectWriter::begin(object.name("sessionContext"));
    if let Some(issuer) = &session.issuer {
        let mut inner = ObjectWriter::begin(context.name("sessionIssuer"));
        inner.text("type", &issuer.kind);
        inner.text("principalId", &issuer.principal_id);
        inner.text("arn", &issuer.arn);
        inner.text("accountId", &issuer.account_id);
        inner.text_if("userName", issuer.user_name.as_deref());
        inner.end();
    }
    if let Some(federation) = &session.web_id_federation {
        let mut inner = ObjectWriter::begin(context.name("webIdFederationData"));
        inner.text("federatedProvider", &federation.federated_provider);
        inner.raw("attributes", &federation.attributes_json);
        inner.end();
    }
    let mut attributes = ObjectWriter::begin(context.name("attributes"));
    attributes.time("creationDate", session.creation_date);
    // A string, not a boolean: so do real records have it, and filters compare with "true".
    attributes.text("mfaAuthenticated", if session.mfa_authenticated { "true" } else { "false" });
    attributes.end();
    context.text_if("sourceIdentity", session.source_identity.as_deref());
    context.text_if("ec2RoleDelivery", session.ec2_role_delivery.as_deref());
    context.end();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(identity: &UserIdentity<'_>, expected: &str) {
        let mut out = Vec::new();
        identity.write(&mut out);
        let text = String::from_utf8(out).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
        assert_eq!(text, expected);
    }

    fn session() -> SessionContext<'static> {
        SessionContext {
            creation_date: Timestamp::from_secs(1_689_000_000),
            mfa_authenticated: true,
            ..Default::default()
        }
    }

    const ATTRIBUTES: &str = r#""attributes":{"creationDate":"2023-07-10T14:40:00Z","mfaAuthenticated":"true"}"#;

    #[test]
    fn root_has_its_account_as_principal() {
        let root = UserIdentity::Root {
            account_id: "123456789012".into(),
            arn: "arn:aws:iam::123456789012:root".into(),
            access_key_id: None,
            user_name: None,
            session: Some(session()),
            invoked_by: None,
        };
        let who = r#""type":"Root","principalId":"123456789012","arn":"arn:aws:iam::123456789012:root","accountId":"123456789012""#;
        check(&root, &format!(r#"{{{who},"sessionContext":{{{ATTRIBUTES}}}}}"#));
    }

    #[test]
    fn a_user_is_written_as_in_real_records() {
        let user = UserIdentity::IamUser {
            principal_id: "AIDA1".into(),
            arn: "arn:aws:iam::1:user/alice".into(),
            account_id: "1".into(),
            access_key_id: Some("AKIA1".into()),
            user_name: "alice".into(),
            session: None,
            invoked_by: Some("AWS Internal".into()),
        };
        check(
            &user,
            r#"{"type":"IAMUser","principalId":"AIDA1","arn":"arn:aws:iam::1:user/alice","accountId":"1","accessKeyId":"AKIA1","userName":"alice","invokedBy":"AWS Internal"}"#,
        );
    }

    #[test]
    fn a_session_names_its_role() {
        let issuer = SessionIssuer {
            kind: "Role".into(),
            principal_id: "AROA1".into(),
            arn: "arn:aws:iam::1:role/r".into(),
            account_id: "1".into(),
            user_name: Some("r".into()),
        };
        let federation =
            WebIdFederation { federated_provider: "accounts.google.com".into(), attributes_json: "{}".into() };
        let role = UserIdentity::AssumedRole {
            principal_id: "AROA1:s".into(),
            arn: "arn:aws:sts::1:assumed-role/r/s".into(),
            account_id: "1".into(),
            access_key_id: Some("ASIA1".into()),
            session: SessionContext {
                issuer: Some(issuer),
                web_id_federation: Some(federation),
                source_identity: Some("alice".into()),
                ec2_role_delivery: Some("2.0".into()),
                ..session()
            },
            invoked_by: None,
        };
        let who = r#""type":"AssumedRole","principalId":"AROA1:s","arn":"arn:aws:sts::1:assumed-role/r/s","accountId":"1","accessKeyId":"ASIA1""#;
        let issuer = r#""sessionIssuer":{"type":"Role","principalId":"AROA1","arn":"arn:aws:iam::1:role/r","accountId":"1","userName":"r"}"#;
        let web = r#""webIdFederationData":{"federatedProvider":"accounts.google.com","attributes":{}}"#;
        let tail = r#""sourceIdentity":"alice","ec2RoleDelivery":"2.0""#;
        check(&role, &format!(r#"{{{who},"sessionContext":{{{issuer},{web},{ATTRIBUTES},{tail}}}}}"#));
    }

    #[test]
    fn the_small_ones() {
        check(
            &UserIdentity::AwsService { invoked_by: "cloudtrail.amazonaws.com".into() },
            r#"{"type":"AWSService","invokedBy":"cloudtrail.amazonaws.com"}"#,
        );
        check(
            &UserIdentity::AwsAccount { principal_id: "".into(), account_id: "anonymous".into() },
            r#"{"type":"AWSAccount","principalId":"","accountId":"anonymous"}"#,
        );
        check(
            &UserIdentity::Unknown { account_id: None, access_key_id: Some("AKIA\"".into()) },
            r#"{"type":"Unknown","accessKeyId":"AKIA\""}"#,
        );
        let someone = SigningIn {
            kind: "IAMUser".into(),
            principal_id: None,
            arn: None,
            account_id: "1".into(),
            has_empty_key: true,
            user_name: Some("HIDDEN_DUE_TO_SECURITY_REASONS".into()),
        };
        check(
            &UserIdentity::SigningIn(someone),
            r#"{"type":"IAMUser","accountId":"1","accessKeyId":"","userName":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#,
        );
        let user = ExternalUser { principal_id: "p".into(), user_name: "u".into(), identity_provider: "i".into() };
        check(
            &UserIdentity::WebIdentityUser(user),
            r#"{"type":"WebIdentityUser","principalId":"p","userName":"u","identityProvider":"i"}"#,
        );
    }
}
