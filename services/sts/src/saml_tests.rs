//! Sessions by the word of a SAML provider.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ports::Caller;
use saml::testing::{HERE, Says, Signer};
use serde_json::{Value as Json, json};

use crate::testing::{ACCOUNT, SAML_PROVIDER, Server};

const OPERATION: &str = "AssumeRoleWithSAML";
const AWS: &str = "https://signin.aws.amazon.com/saml";
// The clock stands at 1,700,000,000.
const ISSUED: &str = "2023-11-14T22:13:20Z";
const ENDS: &str = "2023-11-14T22:18:20Z";

fn name(attribute: &str) -> String {
    format!("https://aws.amazon.com/SAML/Attributes/{attribute}")
}

fn response(signer: &Signer, recipient: &str, attributes: &[(String, Vec<String>)]) -> String {
    let values: Vec<(&str, Vec<&str>)> =
        attributes.iter().map(|(name, values)| (name.as_str(), values.iter().map(String::as_str).collect())).collect();
    let attributes: Vec<(&str, &[&str])> = values.iter().map(|(name, values)| (*name, &values[..])).collect();
    let says = Says { issued: ISSUED, ends: ENDS, subject: "carol", recipient, attributes: &attributes };
    let assertion = signer.sign(&signer.assertion(&says), "_a");
    STANDARD.encode(signer.response(&assertion).replacen(HERE, "", 1))
}

fn said(role: &str) -> Vec<(String, Vec<String>)> {
    vec![
        (name("Role"), vec![format!("{SAML_PROVIDER},{role}")]),
        (name("RoleSessionName"), vec!["carol@example.com".to_owned()]),
        (name("PrincipalTag:Team"), vec!["red".to_owned()]),
        (name("TransitiveTagKeys"), vec!["Team".to_owned()]),
        (name("SourceIdentity"), vec!["carol".to_owned()]),
        (name("SessionDuration"), vec!["1800".to_owned()]),
    ]
}

fn asked(role: &str, assertion: &str) -> Json {
    json!({"RoleArn": role, "PrincipalArn": SAML_PROVIDER, "SAMLAssertion": assertion})
}

#[tokio::test]
async fn a_providers_word_begins_a_session() {
    let server = Server::new().await;
    let signer = Signer::new("https://idp.example/metadata");
    *server.world.saml_metadata.lock().unwrap() = Some(signer.metadata());
    let trust = json!({
        "Effect": "Allow", "Principal": {"Federated": SAML_PROVIDER},
        "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"],
        "Condition": {"StringEquals": {"saml:aud": AWS, "saml:sub_type": "persistent", "saml:doc": format!("{ACCOUNT}/corp")}}
    });
    let role = server.world.role(ACCOUNT, "saml", 3_600, &trust);
    let call = server.call(&Caller::Anonymous, OPERATION);
    let output = server.run(&call, asked(&role, &response(&signer, AWS, &said(&role)))).await.unwrap();
    assert_eq!((&output["Subject"], &output["SubjectType"]), (&json!("carol"), &json!("persistent")));
    assert_eq!((&output["Issuer"], &output["Audience"]), (&json!(signer.entity_id), &json!(AWS)));
    assert_eq!(output["SourceIdentity"], "carol");
    let arn = output["AssumedRoleUser"]["Arn"].as_str().unwrap();
    assert!(arn.ends_with(":assumed-role/saml/carol@example.com"), "{arn}");
    assert!(matches!(call.notes.lock().unwrap().caller, Some(Caller::External(ref by)) if by.is_saml));
    let holder = server.holder(&output).await;
    let session = holder.session().unwrap();
    assert_eq!(session.tags, [("Team".to_owned(), "red".to_owned())]);
    assert_eq!(session.expires.secs() - session.created.secs(), 1_800);
    assert!(session.federation.as_ref().unwrap().is_saml());
}

#[tokio::test]
async fn a_word_that_does_not_count_is_refused() {
    let server = Server::new().await;
    let signer = Signer::new("https://idp.example/metadata");
    *server.world.saml_metadata.lock().unwrap() = Some(signer.metadata());
    let trust = json!({
        "Effect": "Allow", "Principal": {"Federated": SAML_PROVIDER},
        "Action": ["sts:AssumeRoleWithSAML", "sts:SetSourceIdentity"]
    });
    let role = server.world.role(ACCOUNT, "saml", 3_600, &trust);
    let without = |attribute: &str| -> Vec<(String, Vec<String>)> {
        said(&role).into_iter().filter(|(of, _)| *of != name(attribute)).collect()
    };
    let with = |attribute: &str, value: &str| {
        let mut said = without(attribute);
        said.push((name(attribute), vec![value.to_owned()]));
        said
    };
    let denied = "AccessDenied: Not authorized to perform sts:";
    let cases = [
        (AWS, said(&role), format!("{denied}TagSession")),
        (AWS, with("Role", "arn:aws:iam::123456789012:role/other,x"), format!("{denied}AssumeRoleWithSAML")),
        (AWS, without("Role"), format!("{denied}AssumeRoleWithSAML")),
        (
            AWS,
            without("RoleSessionName"),
            "InvalidIdentityToken: RoleSessionName is required in AuthnResponse".to_owned(),
        ),
        (AWS, with("RoleSessionName", "two words"), "InvalidIdentityToken: RoleSessionName in".to_owned()),
        (AWS, with("SessionDuration", "long"), "InvalidIdentityToken: SessionDuration".to_owned()),
        (
            "https://elsewhere.example/saml",
            said(&role),
            "InvalidIdentityToken: Response does not contain the required".to_owned(),
        ),
    ];
    for (recipient, said, expected) in cases {
        let call = server.call(&Caller::Anonymous, OPERATION);
        let refused =
            server.run(&call, asked(&role, &response(&signer, recipient, &said))).await.unwrap_err().to_string();
        assert!(refused.starts_with(&expected), "{refused}");
    }
    let stranger = Signer::new("https://idp.example/metadata");
    for (assertion, expected) in [
        (response(&stranger, AWS, &said(&role)), "InvalidIdentityToken: Response signature invalid"),
        ("AAAA".to_owned(), "InvalidIdentityToken: "),
        ("%".to_owned(), "InvalidIdentityToken: Invalid base64 SAMLResponse"),
    ] {
        let call = server.call(&Caller::Anonymous, OPERATION);
        let refused = server.run(&call, asked(&role, &assertion)).await.unwrap_err().to_string();
        assert!(refused.starts_with(expected), "{refused}");
    }
}
