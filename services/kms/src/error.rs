//! What KMS refuses, in AWS's words. Sources: KMS API reference, each operation's errors; KMS developer guide, "Key states of AWS KMS
//! keys".

service::api_errors! {
    /// What KMS refuses.
    pub enum Error {
        /// The policies do not let the caller.
        AccessDeniedException(String) = 400 => "{0}",
        /// The name is taken.
        AlreadyExistsException(String) = 400 => "{0}",
        /// There is no such cluster, as there are no clusters.
        CloudHsmClusterNotFoundException(String) = 400 => "{0}",
        /// What is asked for is under way.
        ConflictException(String) = 400 => "{0}",
        /// There is no such custom key store, as there are none.
        CustomKeyStoreNotFoundException(String) = 400 => "{0}",
        /// The key is disabled.
        DisabledException(String) = 400 => "{0} is disabled.",
        /// All is well, and nothing was to be done.
        DryRunOperationException = 400 => "The request would have succeeded, but the DryRun option is set.",
        /// The import token is too old.
        ExpiredImportTokenException = 400 => "",
        /// Another key made the ciphertext.
        IncorrectKeyException = 400 => "The key ID in the request does not identify a CMK that can perform this operation.",
        /// Other material than the key had.
        IncorrectKeyMaterialException(String) = 400 => "{0}",
        /// Not the name of an alias.
        InvalidAliasNameException(String) = 400 => "{0}",
        /// Not an ARN, or not one of a key.
        InvalidArnException(String) = 400 => "{0}",
        /// Not what a key of ours made, or changed since, or with another encryption context.
        InvalidCiphertextException = 400 => "",
        /// No such grant.
        InvalidGrantIdException(String) = 400 => "{0}",
        /// Not a grant token.
        InvalidGrantTokenException(String) = 400 => "{0}",
        /// Not a token for this key.
        InvalidImportTokenException = 400 => "",
        /// The key is for something else.
        InvalidKeyUsageException(String) = 400 => "{0}",
        /// Not a marker of ours.
        InvalidMarkerException = 400 => "Could not deserialize marker",
        /// Our own failure.
        KMSInternalException = 500 => "An internal error occurred. The request can be retried.",
        /// Not the message's authentication code.
        KMSInvalidMacException = 400 => "",
        /// Not the message's signature.
        KMSInvalidSignatureException = 400 => "",
        /// The key's state does not allow it.
        KMSInvalidStateException(String) = 400 => "{0}",
        /// A quota is reached.
        LimitExceededException(String) = 400 => "{0}",
        /// Not a key policy, or one that locks its writer out.
        MalformedPolicyDocumentException(String) = 400 => "{0}",
        /// The name is AWS's.
        NotAuthorizedException = 400 => "",
        /// No such key, alias or policy.
        NotFoundException(String) = 400 => "{0}",
        /// Tags that cannot be.
        TagException(String) = 400 => "{0}",
        /// Keys of this kind cannot do it.
        UnsupportedOperationException(String) = 400 => "{0}",
        /// A value that the model cannot refuse by itself.
        ValidationException(String) = 400 => "{0}",
    }
}

impl Error {
    /// There is no key of this ARN.
    pub fn no_key(arn: &str) -> Error {
        Error::NotFoundException(format!("Key '{arn}' does not exist"))
    }

    /// The text names no key.
    pub fn bad_key_id(text: &str) -> Error {
        Error::NotFoundException(format!("Invalid keyId '{text}'"))
    }

    /// There is no alias of this ARN.
    pub fn no_alias(arn: &str) -> Error {
        Error::NotFoundException(format!("Alias {arn} is not found."))
    }

    /// What a ciphertext says of its key leads nowhere.
    pub fn no_key_of_ciphertext() -> Error {
        let text = "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or \
                    you are not allowed to access.";
        Error::AccessDeniedException(text.to_owned())
    }
}

/// Cryptography that must work did not: for our own log.
pub fn broken(what: &str) -> service::ApiError {
    let error: service::ApiError = Error::KMSInternalException.into();
    service::ApiError { log: Some(what.to_owned()), ..error }
}
