//! Roles that a call hands over to a service, which then acts as them: where inputs name them. Whoever hands one over must be allowed
//! `iam:PassRole` on it, which the gateway asks about. Source: IAM user guide, "Grant a user permissions to pass a role to an AWS
//! service".

use model::{Fields, Value};

/// A role in the input of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassedRole {
    /// Where the input names it.
    pub place: Place,
    /// Who gets it: the principal that the condition key `iam:PassedToService` is held against.
    pub to: &'static str,
}

/// Where an input names a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Its ARN is this member, with dots between the members on the way there: `ImportSource.S3.S3BucketAccessRoleArn`.
    Arn(&'static str),
    /// Its name, without the path, is this member.
    Name(&'static str),
    /// Its ARN is each value of this map whose key ends in `RoleArn` or `IAMRole`.
    Values(&'static str),
    /// Its ARN is the second member, if the text of the first ends so.
    Attribute(&'static str, &'static str),
    /// Its ARN is the entry `RoleArn` of a JSON document that is the text of this member.
    Document(&'static str),
}

impl PassedRole {
    /// The role whose ARN is this member.
    pub const fn arn(member: &'static str, to: &'static str) -> PassedRole {
        PassedRole { place: Place::Arn(member), to }
    }

    /// The ARNs of the roles that an input names here. An empty text, which takes a role away, is none.
    pub fn named(&self, account: &str, input: &Fields) -> Vec<String> {
        let is_of_role = |name: &str| name.ends_with("RoleArn") || name.ends_with("IAMRole");
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let mut found: Vec<String> = match self.place {
            Place::Arn(path) => {
                let mut names = path.split('.');
                let first = names.next().and_then(|name| input.get(name));
                names.fold(first, |value, name| value?.as_fields()?.get(name)).and_then(text).into_iter().collect()
            }
            Place::Name(member) => {
                input.str(member).map(|name| format!("arn:aws:iam::{account}:role/{name}")).into_iter().collect()
            }
            Place::Values(member) => {
                let entries = input.get(member).and_then(Value::as_fields).into_iter().flat_map(Fields::iter);
                entries.filter(|(name, _)| is_of_role(name)).filter_map(|(_, value)| text(value)).collect()
            }
            Place::Attribute(name, value) => {
                let named = input.str(name).filter(|name| is_of_role(name)).and_then(|_| input.get(value));
                named.and_then(text).into_iter().collect()
            }
            Place::Document(member) => {
                let document = input.str(member).and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
                document.and_then(|document| Some(document.get("RoleArn")?.as_str()?.to_owned())).into_iter().collect()
            }
        };
        found.retain(|arn| !arn.is_empty());
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn roles_are_found_where_inputs_name_them() {
        let check = |place, input: serde_json::Value, expected: &[&str]| {
            let Value::Struct(fields) = model::to_value(&input).unwrap() else { panic!("{input}") };
            let role = PassedRole { place, to: "x.amazonaws.com" };
            assert_eq!(role.named("123456789012", &fields), expected, "{place:?} in {input}");
        };
        check(Place::Arn("R"), json!({ "R": "arn:r" }), &["arn:r"]);
        check(Place::Arn("R"), json!({ "R": "" }), &[]);
        check(Place::Arn("R"), json!({ "Other": "arn:r" }), &[]);
        check(Place::Arn("A.B.R"), json!({ "A": { "B": { "R": "arn:r" } } }), &["arn:r"]);
        check(Place::Arn("A.B.R"), json!({ "A": "arn:r" }), &[]);
        check(Place::Name("N"), json!({ "N": "r" }), &["arn:aws:iam::123456789012:role/r"]);
        check(Place::Values("M"), json!({ "M": { "SQSFailureFeedbackRoleArn": "arn:a", "Policy": "p" } }), &["arn:a"]);
        check(Place::Values("M"), json!({ "M": { "DeliveryStatusIAMRole": "arn:a" } }), &["arn:a"]);
        check(Place::Attribute("N", "V"), json!({ "N": "SubscriptionRoleArn", "V": "arn:r" }), &["arn:r"]);
        check(Place::Attribute("N", "V"), json!({ "N": "Policy", "V": "arn:r" }), &[]);
        check(Place::Document("D"), json!({ "D": r#"{"RoleArn":"arn:r","FilterPattern":""}"# }), &["arn:r"]);
        check(Place::Document("D"), json!({ "D": "no JSON" }), &[]);
    }
}
