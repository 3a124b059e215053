//! What IAM refuses, in AWS's words. Source: IAM API reference, "Common errors" and each operation's errors.

service::api_errors! {
    /// What IAM refuses.
    pub enum Error {
        /// No such entity.
        NoSuchEntity(String) = 404 => "{0}",
        /// The name is taken; names differ by more than case.
        EntityAlreadyExists(String) = 409 => "{0}",
        /// Something still hangs on the entity.
        DeleteConflict(String) = 409 => "{0}",
        /// A quota is reached.
        LimitExceeded(String) = 409 => "{0}",
        /// A value that the model cannot refuse by itself.
        ValidationError(String) = 400 => "{0}",
        /// A value of the wrong form.
        InvalidInput(String) = 400 => "{0}",
        /// No policy, or none of this kind.
        MalformedPolicyDocument(String) = 400 => "{0}",
        /// Only the service that the role belongs to changes it.
        UnmodifiableEntity(String) = 400 => "{0}",
        /// The policy may not be attached to this.
        PolicyNotAttachable(String) = 400 => "{0}",
        /// Nobody may do this, whatever policies say.
        AccessDenied(String) = 403 => "{0}",
        /// Not what the device shows, or shown before.
        InvalidAuthenticationCode = 403 => "Authentication code for device is not valid.",
        /// The entity changed while it was being changed.
        ConcurrentModification = 409 => "The request was rejected because multiple requests to change this object were submitted simultaneously. Wait a few minutes and submit your request again.",
    }
}

impl Error {
    /// There is no user of this name.
    pub fn no_user(name: &str) -> Error {
        Error::NoSuchEntity(format!("The user with name {name} cannot be found."))
    }

    /// There is no such access key.
    pub fn no_key(id: &str) -> Error {
        Error::NoSuchEntity(format!("The Access Key with id {id} cannot be found."))
    }

    /// There is no managed policy of this ARN.
    pub fn no_policy(arn: &str) -> Error {
        Error::NoSuchEntity(format!("Policy {arn} was not found."))
    }

    /// There may be no more of something.
    pub fn quota(name: &str, max: usize) -> Error {
        Error::LimitExceeded(format!("Cannot exceed quota for {name}: {max}"))
    }

    /// Something else must go first.
    pub fn delete_conflict(what: &str) -> Error {
        Error::DeleteConflict(format!("Cannot delete entity, must {what} first."))
    }
}
