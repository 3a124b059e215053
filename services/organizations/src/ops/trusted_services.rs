//! Service principals, as far as Organizations knows them.

use service::ApiError;

use crate::error::invalid;

/// Refuses what is not a service principal.
pub fn check(service: &str) -> Result<(), ApiError> {
    match service.strip_suffix(".amazonaws.com") {
        Some(name) if !name.is_empty() => Ok(()),
        _ => Err(invalid("UNRECOGNIZED_SERVICE_PRINCIPAL", "You specified an unrecognized service principal.")),
    }
}

/// Delegated administrators of a service. Sources: the services' own guides, such as CloudTrail user guide, "Organization delegated
/// administrator"; Organizations sets the limit for the others.
pub fn delegates_max(service: &str) -> usize {
    match service {
        "access-analyzer.amazonaws.com"
        | "detective.amazonaws.com"
        | "guardduty.amazonaws.com"
        | "inspector2.amazonaws.com"
        | "macie.amazonaws.com"
        | "securityhub.amazonaws.com"
        | "sso.amazonaws.com" => 1,
        "cloudtrail.amazonaws.com" | "config.amazonaws.com" | "config-multiaccountsetup.amazonaws.com" => 3,
        _ => 5,
    }
}
