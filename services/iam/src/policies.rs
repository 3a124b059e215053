//! The policies that exist. Until customers can write their own, only AWS-managed ones that grant everything or nothing can be
//! told apart, so AdministratorAccess is the one there is.

/// Grants everything.
pub const ADMINISTRATOR_ACCESS: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// Whether a policy of this ARN exists.
pub fn exists(arn: &str) -> bool {
    arn == ADMINISTRATOR_ACCESS
}

/// The name in a policy's ARN: what follows the last slash.
pub fn name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
