//! What Organizations refuses, in AWS's words. Source: Organizations API reference, the errors of each operation.

use service::ApiError;

service::api_errors! {
    /// What Organizations refuses without giving a reason of its own.
    pub enum Error {
        /// The caller's account is in no organization.
        AWSOrganizationsNotInUseException = 400 => "Your account is not a member of an organization.",
        /// The operation is for the management account, or for delegated administrators.
        AccessDeniedException = 400 => "You don't have permissions to access this resource.",
        /// An account is in one organization at most.
        AlreadyInOrganizationException = 400 => "The AWS account is already a member of an organization.",
        /// No such account here.
        AccountNotFoundException = 400 => "You specified an account that doesn't exist.",
        /// Closed before.
        AccountAlreadyClosedException = 400 => "The provided account is already closed.",
        /// Registered before.
        AccountAlreadyRegisteredException = 400 => "The provided account is already a delegated administrator for your organization.",
        /// Not registered.
        AccountNotRegisteredException = 400 => "The provided account is not a registered delegated administrator for your organization.",
        /// No such unit or account here.
        ChildNotFoundException = 400 => "You specified a child that doesn't exist.",
        /// Somebody else changed the same.
        ConcurrentModificationException = 400 => "AWS Organizations can't complete your request because it conflicts with another attempt to modify the same entity. Try again later.",
        /// No such request.
        CreateAccountStatusNotFoundException = 400 => "You specified an account creation request that doesn't exist.",
        /// Where the account shall go is not there.
        DestinationParentNotFoundException = 400 => "You specified a destination parent that doesn't exist.",
        /// The account is there already.
        DuplicateAccountException = 400 => "The specified account is already present in the specified destination.",
        /// An invitation to the same party is open.
        DuplicateHandshakeException = 400 => "A handshake with the same action and target already exists.",
        /// The name is taken among the units of the same parent.
        DuplicateOrganizationalUnitException = 400 => "An OU with the same name already exists.",
        /// Attached before.
        DuplicatePolicyAttachmentException = 400 => "The specified policy is already attached to the specified target.",
        /// The name is taken among the policies of the same type.
        DuplicatePolicyException = 400 => "A policy with the specified name and type already exists.",
        /// Nothing is attached on the way from the root to the account.
        EffectivePolicyNotFoundException = 400 => "If you ran this action on the management account, this policy type is not enabled. If you ran the action from a member account, the account doesn't have an effective policy of this type. Contact the administrator of your organization about attaching a policy of this type to the account.",
        /// It is in that state already.
        HandshakeAlreadyInStateException = 400 => "The specified handshake is already in the requested state.",
        /// No such handshake, or not for this account.
        HandshakeNotFoundException = 400 => "You specified a handshake that doesn't exist.",
        /// What is over does not go on.
        InvalidHandshakeTransitionException = 400 => "You can't perform the operation on the handshake in its current state.",
        /// Not a document of its type.
        MalformedPolicyDocumentException = 400 => "The provided policy document does not meet the requirements of the specified policy type.",
        /// The management account stays as long as the organization.
        MasterCannotLeaveOrganizationException = 400 => "You can't remove the management account from the organization.",
        /// There are member accounts.
        OrganizationNotEmptyException = 400 => "To delete an organization you must first remove all member accounts (except the management account).",
        /// There are units or accounts in it.
        OrganizationalUnitNotEmptyException = 400 => "The specified organizational unit is not empty. Move all accounts to another root or OU, and remove all child OUs, and try again.",
        /// No such unit here.
        OrganizationalUnitNotFoundException = 400 => "You specified an organizational unit that doesn't exist.",
        /// No such root or unit here.
        ParentNotFoundException = 400 => "You specified a parent that doesn't exist.",
        /// Attached somewhere.
        PolicyInUseException = 400 => "The policy is attached to one or more entities. Detach it from all roots, OUs, and accounts before performing this operation.",
        /// Not attached there.
        PolicyNotAttachedException = 400 => "The specified policy is not attached to the specified target.",
        /// No such policy here.
        PolicyNotFoundException = 400 => "You specified a policy that doesn't exist.",
        /// Enabled before.
        PolicyTypeAlreadyEnabledException = 400 => "The specified policy type is already enabled.",
        /// Policies need all features.
        PolicyTypeNotAvailableForOrganizationException = 400 => "You can't use the specified policy type with the feature set currently enabled for this organization.",
        /// To be enabled first.
        PolicyTypeNotEnabledException = 400 => "This operation can be performed only for enabled policy types.",
        /// There is none.
        ResourcePolicyNotFoundException = 400 => "We can't find a resource policy request with the parameter that you specified.",
        /// No such root here.
        RootNotFoundException = 400 => "You specified a root that doesn't exist.",
        /// The account is not in there.
        SourceParentNotFoundException = 400 => "You specified a source parent that doesn't exist.",
        /// No such root, unit, account or policy here.
        TargetNotFoundException = 400 => "You specified a target that doesn't exist.",
    }
}

/// A limit or a rule of the organization. The code a program reads is the reason.
pub fn constraint(reason: &'static str, text: &str) -> ApiError {
    ApiError::new("ConstraintViolationException", 400, text).with("Reason", reason)
}

/// A value that does not do.
pub fn invalid(reason: &'static str, text: &str) -> ApiError {
    ApiError::new("InvalidInputException", 400, text).with("Reason", reason)
}

/// A rule that keeps a handshake from coming about.
pub fn handshake_constraint(reason: &'static str, text: &str) -> ApiError {
    ApiError::new("HandshakeConstraintViolationException", 400, text).with("Reason", reason)
}

/// What needs all features is asked of an organization that has consolidated billing only.
pub fn needs_all_features() -> ApiError {
    let text = "You can't perform this operation on an organization that has only consolidated billing features enabled. \
                To use this operation, you must enable all features in the organization.";
    constraint("ORGANIZATION_NOT_IN_ALL_FEATURES_MODE", text)
}
