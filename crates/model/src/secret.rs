//! Which members are secret by their names, beside those that a model marks. What is secret stands in no record and in no message.

/// Members that are secret whatever the model says of them, compared without regard to case. Reviewed: a name belongs here if
/// its value lets somebody act as somebody else, or is what a service was asked to keep secret. Paging and idempotency tokens
/// (`NextToken`, `ClientToken`, `ContinuationToken`) are no secrets.
const SECRET_NAMES: [&str; 37] = [
    "accessToken",
    "authToken",
    "authenticationCode1",
    "authenticationCode2",
    "authParameters",
    "authorizationToken",
    "base32StringSeed",
    "bootstrapBrokerString",
    "clientSecret",
    "currentPassword",
    "customerSecret",
    "masterUserPassword",
    "mFA",
    "newPassword",
    "oldPassword",
    "password",
    "plaintext",
    "plaintextForRecipient",
    "platformCredential",
    "preSharedKey",
    "privateKey",
    "privateKeyPlaintext",
    "qRCodePNG",
    "refreshToken",
    "sAMLAssertion",
    "secret",
    "secretAccessKey",
    "secretBinary",
    "secretKey",
    "secretString",
    "sessionToken",
    "sharedSecret",
    "sSECustomerKey",
    "copySourceSSECustomerKey",
    "tokenCode",
    "userPassword",
    "webIdentityToken",
];

/// Whether a member of this name is secret in any service.
pub fn is_secret_name(name: &str) -> bool {
    SECRET_NAMES.iter().any(|secret| secret.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_regard_to_case() {
        assert!(is_secret_name("SecretAccessKey") && is_secret_name("SSECustomerKey") && is_secret_name("password"));
        assert!(!is_secret_name("AccessKeyId") && !is_secret_name("NextToken") && !is_secret_name("secretId"));
    }
}
