//! The gateway's own refusals, in each protocol family's words.

use model::{Model, Operation, Protocol, ShapeKind, Violation};
use ports::{Caller, Decision};
use service::ApiError;
use sigv4::Family;

/// A signature that does not hold, or none where there must be one.
pub fn of_signature(error: &sigv4::Error, family: Family) -> ApiError {
    let denial = error.denial(family);
    let mut refusal = ApiError::new(denial.code, denial.status, denial.message);
    for (name, value) in error.fields(family) {
        refusal = refusal.with(name, value);
    }
    refusal
}

/// A request that its protocol's decoder cannot read.
pub fn of_decoding(error: wire::DecodeError) -> ApiError {
    ApiError::new(error.code, error.status, error.message)
}

/// A request whose values the model does not allow.
pub fn of_validation(violations: &[Violation], family: Family) -> ApiError {
    let text = model::validate::message(violations);
    let code = match family {
        // Headers and query fill the members of the input itself; what lies deeper was in the XML.
        Family::S3 if violations.iter().any(|violation| violation.path.len() > 1) => {
            let text = "The XML you provided was not well-formed or did not validate against our published schema";
            return ApiError::new("MalformedXML", 400, text);
        }
        Family::S3 => "InvalidArgument",
        Family::Query => "ValidationError",
        Family::Json | Family::Rest => "ValidationException",
    };
    ApiError::new(code, 400, text)
}

/// The code and the status with which a service, by the prefix of its actions, says that a caller may not.
fn of_denial(prefix: &str, protocol: Protocol) -> (&'static str, u16) {
    match protocol {
        // SNS API reference, AuthorizationErrorException.
        _ if prefix == "sns" => ("AuthorizationError", 403),
        _ if prefix == "s3" => ("AccessDenied", 403),
        Protocol::Json => ("AccessDeniedException", 400),
        Protocol::RestJson | Protocol::RpcV2Cbor => ("AccessDeniedException", 403),
        Protocol::Ec2 => ("UnauthorizedOperation", 403),
        Protocol::Query | Protocol::RestXml => ("AccessDenied", 403),
    }
}

/// A caller who may not. Source: IAM user guide, "Troubleshoot access denied error messages".
pub fn of_decision(
    decision: &Decision,
    caller: &Caller,
    action: &str,
    resource: &str,
    prefix: &str,
    protocol: Protocol,
) -> ApiError {
    let (code, status) = of_denial(prefix, protocol);
    let s3 = prefix == "s3";
    // SNS writes its actions in capitals.
    let of_sns = action.strip_prefix("sns:").map(|name| format!("SNS:{name}"));
    let Some(arn) = caller.arn() else { return ApiError::new(code, status, "Access Denied") };
    let on = match (resource, s3) {
        ("*", _) => String::new(),
        (resource, true) => format!(" on resource: \"{resource}\""),
        (resource, false) => format!(" on resource: {resource}"),
    };
    let action = of_sns.as_deref().unwrap_or(action);
    let because = decision.reason(action);
    ApiError::new(code, status, format!("User: {arn} is not authorized to perform: {action}{on} {because}"))
}

/// A role of another account that was to be handed over to a service. Source: IAM user guide, "Grant a user permissions to pass a role to
/// an AWS service", its warning.
pub fn of_foreign_role(prefix: &str, protocol: Protocol) -> ApiError {
    let (code, status) = of_denial(prefix, protocol);
    ApiError::new(code, status, "Cross-account pass role is not allowed.")
}

/// A failure of ours in the family's words: S3 has a code of its own. Source: S3 API reference, "Error responses".
pub fn in_words_of(family: Family, mut error: ApiError) -> ApiError {
    if family == Family::S3 && error.code == "InternalFailure" {
        error.code = "InternalError".into();
    }
    error
}

/// The code that a record shows for a refusal: the services' own codes for "access denied" differ, CloudTrail's records do not.
/// Source: real records (`AccessDenied`; EC2: `Client.UnauthorizedOperation`). Errors of an operation have the name of the exception there,
/// also where another code is on the wire: IAM's `NoSuchEntity` is `NoSuchEntityException`.
pub fn recorded_code<'a>(model: &'a Model, operation: &'a Operation, code: &'a str) -> &'a str {
    let shapes = operation.errors.iter().map(|error| model.shape(error));
    let is_coded = |shape: &&model::Shape| match &shape.kind {
        ShapeKind::Structure(structure) => {
            structure.error.as_ref().is_some_and(|error| error.code.as_deref() == Some(code))
        }
        _ => false,
    };
    if let Some(shape) = shapes.into_iter().find(is_coded) {
        return &shape.name;
    }
    match code {
        "AccessDeniedException" => "AccessDenied",
        "UnauthorizedOperation" => "Client.UnauthorizedOperation",
        "RequestLimitExceeded" => "Client.RequestLimitExceeded",
        other => other,
    }
}

/// An operation that a model has and nobody has written yet.
pub fn not_implemented(service: &str, operation: &str, family: Family) -> ApiError {
    let code = match family {
        Family::S3 | Family::Query => "NotImplemented",
        Family::Json | Family::Rest => "NotImplementedException",
    };
    let text = format!("Cairn has recorded this call of {operation} and does not implement it: {service} {operation}.");
    ApiError::new(code, 501, text)
}

/// A request that means no operation of any model.
pub fn no_operation(service: &str, operation: &str, family: Family) -> ApiError {
    let text = match (service, operation) {
        ("", operation) => format!("No service known to Cairn has an operation {operation}."),
        (service, "") => format!("The request does not say which operation of {service} it means."),
        (service, operation) => format!("{service} has no operation {operation} that is known to Cairn."),
    };
    match family {
        Family::S3 => {
            ApiError::new("MethodNotAllowed", 405, "The specified method is not allowed against this resource.")
        }
        Family::Query => ApiError::new("InvalidAction", 400, text),
        Family::Json | Family::Rest => ApiError::new("UnknownOperationException", 404, text),
    }
}

/// Too many calls. SDKs know each of these as a reason to wait and try again. Source: the SDKs' guide, "Retry behavior"; S3 API
/// reference, "Error responses"; EC2 API reference, "Error codes"; the services' pages of common errors.
pub fn of_rate(protocol: Protocol, s3: bool) -> ApiError {
    let (code, status, text) = match protocol {
        _ if s3 => ("SlowDown", 503, "Please reduce your request rate."),
        Protocol::Ec2 => ("RequestLimitExceeded", 503, "Request limit exceeded."),
        Protocol::Query | Protocol::RestXml => ("Throttling", 400, "Rate exceeded"),
        Protocol::Json | Protocol::RpcV2Cbor => ("ThrottlingException", 400, "Rate exceeded"),
        Protocol::RestJson => ("ThrottlingException", 429, "Rate exceeded"),
    };
    ApiError::new(code, status, text)
}

/// Whether a refusal is one of [`of_rate`].
pub fn is_of_rate(error: &ApiError) -> bool {
    matches!(&*error.code, "SlowDown" | "RequestLimitExceeded" | "Throttling" | "ThrottlingException")
}

/// The disk is nearly full.
pub fn of_disk() -> ApiError {
    let text = "The server's disk is nearly full: calls that change something are refused until there is room again.";
    ApiError::new("ServiceUnavailable", 503, text)
}

/// The protocol in which a request is answered whose operation is not known.
pub fn protocol_of(family: Family) -> Protocol {
    match family {
        Family::S3 => Protocol::RestXml,
        Family::Json => Protocol::Json,
        Family::Query => Protocol::Query,
        Family::Rest => Protocol::RestJson,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_of_ours_has_the_code_of_its_family() {
        let code = |family| in_words_of(family, ApiError::internal("why")).code;
        assert_eq!((code(Family::S3), code(Family::Json)), ("InternalError".into(), "InternalFailure".into()));
        assert_eq!(in_words_of(Family::S3, ApiError::unavailable("why")).code, "ServiceUnavailable");
    }
}
