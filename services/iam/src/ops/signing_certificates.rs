//! Users' X.509 certificates, for signing SOAP requests of old. They are kept and shown; nothing is signed with them here.

use base::Timestamp;
use serde::Serialize;

use crate::operation::operation;
use crate::ops::named_or_caller;
use crate::ops::paging::page;
use crate::ops::ssh_public_keys::status;
use crate::store::{SIGNING_CERTIFICATES_MAX, SigningCertificate, User};
use crate::{Error, der};

/// Letters and digits of an identifier.
const ID_CHARS: usize = 32;

/// The modelled `SigningCertificate`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    user_name: String,
    certificate_id: String,
    certificate_body: String,
    status: &'static str,
    upload_date: Timestamp,
}

impl Shown {
    fn of(user: &str, certificate: &SigningCertificate) -> Shown {
        Shown {
            user_name: user.to_owned(),
            certificate_id: certificate.id.clone(),
            certificate_body: certificate.body.clone(),
            status: status(certificate.active),
            upload_date: certificate.uploaded,
        }
    }
}

fn missing(id: &str) -> Error {
    Error::NoSuchEntity(format!("The Certificate with id {id} cannot be found."))
}

operation! {
    /// Takes a certificate of a user.
    UploadSigningCertificate on "user/{UserName}"
    takes { user_name: Option<String>, certificate_body: String }
    gives { certificate: Shown }
    |iam, call, input| {
        let name = named_or_caller(call, input.user_name)?;
        let body = input.certificate_body;
        let blocks = der::pem(&body).unwrap_or_default();
        let good = matches!(blocks.as_slice(), [block] if der::certificate(&block.bytes).is_some());
        if !good {
            return Err(Error::MalformedCertificate("The certificate is malformed.".into()).into());
        }
        let id = base::ids::alphanumeric(&*iam.env.rng, ID_CHARS).to_ascii_uppercase();
        let certificate = iam
            .store
            .edit::<User, _>(&name, |user| {
                let known = &mut user.other.certificates;
                if known.iter().any(|certificate| certificate.body.trim() == body.trim()) {
                    let text = "The certificate is already associated with an IAM user in the account.";
                    return Err(Error::DuplicateCertificate(text.into()).into());
                }
                if known.len() >= SIGNING_CERTIFICATES_MAX {
                    return Err(Error::quota("SigningCertificatesPerUser", SIGNING_CERTIFICATES_MAX).into());
                }
                let new = SigningCertificate { id, body, active: true, uploaded: call.time.trunc_secs() };
                known.push(new.clone());
                Ok(Shown::of(&user.name, &new))
            })
            .await?;
        Ok(Output { certificate })
    }
}

operation! {
    /// Switches a certificate on or off.
    UpdateSigningCertificate on "user/{UserName}"
    takes { user_name: Option<String>, certificate_id: String, status: String }
    gives {}
    |iam, call, input| {
        let id = input.certificate_id;
        iam.store
            .edit::<User, _>(&named_or_caller(call, input.user_name)?, |user| {
                let certificate = user.other.certificates.iter_mut().find(|certificate| certificate.id == id);
                certificate.ok_or_else(|| missing(&id))?.active = input.status == "Active";
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// Removes a certificate.
    DeleteSigningCertificate on "user/{UserName}"
    takes { user_name: Option<String>, certificate_id: String }
    gives {}
    |iam, call, input| {
        let id = input.certificate_id;
        iam.store
            .edit::<User, _>(&named_or_caller(call, input.user_name)?, |user| {
                let known = &mut user.other.certificates;
                let at = known.iter().position(|certificate| certificate.id == id).ok_or_else(|| missing(&id))?;
                known.remove(at);
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// The certificates of a user, or of the caller.
    ListSigningCertificates on "user/{UserName}"
    takes { user_name: Option<String>, marker: Option<String>, max_items: Option<i64> }
    gives { certificates: Vec<Shown>, is_truncated: bool, marker: Option<String> }
    |iam, call, input| {
        let user = iam.store.need::<User>(&named_or_caller(call, input.user_name)?)?;
        let mut known = user.other.certificates.clone();
        known.sort_by(|one, other| one.id.cmp(&other.id));
        let (known, marker) = page(known, |one| one.id.clone(), input.marker.as_deref(), input.max_items)?;
        let certificates = known.iter().map(|certificate| Shown::of(&user.name, certificate)).collect();
        Ok(Output { certificates, is_truncated: marker.is_some(), marker })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{CERTIFICATE, EC_CERTIFICATE, World};

    #[tokio::test]
    async fn a_certificates_life() {
        let world = World::new().await;
        world.call("CreateUser", json!({"UserName": "alice"})).await.unwrap();
        let upload = |body: &str| json!({"UserName": "alice", "CertificateBody": body});
        let made = world.call("UploadSigningCertificate", upload(CERTIFICATE)).await.unwrap();
        let id = made["Certificate"]["CertificateId"].clone();
        assert_eq!(world.code("UploadSigningCertificate", upload(CERTIFICATE)).await, "DuplicateCertificate");
        assert_eq!(world.code("UploadSigningCertificate", upload("x")).await, "MalformedCertificate");
        world.call("UploadSigningCertificate", upload(EC_CERTIFICATE)).await.unwrap();
        let update = json!({"UserName": "alice", "CertificateId": id, "Status": "Inactive"});
        world.call("UpdateSigningCertificate", update).await.unwrap();
        let listed = world.again().await.call("ListSigningCertificates", json!({"UserName": "alice"})).await.unwrap();
        assert_eq!(listed["Certificates"].as_array().unwrap().len(), 2);
        let gone = json!({"UserName": "alice", "CertificateId": id});
        world.call("DeleteSigningCertificate", gone.clone()).await.unwrap();
        assert_eq!(world.code("DeleteSigningCertificate", gone).await, "NoSuchEntity");
    }
}
