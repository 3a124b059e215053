//! `requestParameters` and `responseElements`: a decoded value in CloudTrail's casing, with secrets hidden.
//!
//! Member names start with a lower-case letter (`s3BucketName`, `dBInstanceIdentifier`), as in real records; map keys stay as
//! they are. S3 and EC2 have manners of their own, see [`write_s3_request`] and [`Manner::Ec2`].

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{Fields, Location, Model, Operation, ShapeKind, ShapeRef, Traits, Value, is_secret_name};
use record::json::write_str;

use super::inline;

/// What stands in a record instead of a secret. Source: real records of services that hide members.
pub const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// What STS's records leave out altogether. Source: IAM user guide, "Logging IAM and AWS STS API calls with AWS CloudTrail", examples.
const LEFT_OUT_OF_STS: [&str; 4] = ["SAMLAssertion", "SecretAccessKey", "TokenCode", "WebIdentityToken"];
/// What STS's records show although it is secret elsewhere: without the secret key it is of no use, and it is part of every request.
const SHOWN_OF_STS: &str = "SessionToken";

/// How a service's records write members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// First letter lower-case.
    Plain,
    /// As in the model: what S3 writes of XML bodies.
    AsIs,
    /// First letter lower-case, and a list `Filters` is `filterSet: {items: […]}`.
    Ec2,
}

/// Appends the `requestParameters` of a call, or `null` if there are none.
pub fn write_request(out: &mut Vec<u8>, model: &Model, operation: &Operation, input: &Fields, host: &str) {
    if &*model.name == "s3" {
        return write_s3_request(out, model, operation, input, host);
    }
    write_plain(out, model, operation.input.as_ref(), &shown(model, input));
}

/// Appends the `responseElements` of a call that writes, or `null` if there are none.
pub fn write_response(out: &mut Vec<u8>, model: &Model, operation: &Operation, output: &Fields) {
    write_plain(out, model, operation.output.as_ref(), &shown(model, output));
}

/// What records show of a call's members: all, but KMS's leave out plaintexts, ciphertexts, signatures and tokens altogether, and those of
/// CloudWatch Logs the events themselves. Sources: KMS developer guide, "Examples of AWS KMS log entries"; CloudWatch Logs user guide,
/// "Logging CloudWatch Logs API operations in AWS CloudTrail".
fn shown<'f>(model: &Model, fields: &'f Fields) -> Cow<'f, Fields> {
    let is_shown: fn(&str, &Value) -> bool = match &*model.name {
        "kms" => |name, value| !matches!(value, Value::Blob(_)) && !matches!(name, "GrantToken" | "GrantTokens"),
        "logs" => |name, _| name != "logEvents",
        _ => return Cow::Borrowed(fields),
    };
    let kept = fields.iter().filter(|(name, value)| is_shown(name, value));
    Cow::Owned(Fields(kept.map(|(name, value)| (name.clone(), value.clone())).collect()))
}

fn write_plain(out: &mut Vec<u8>, model: &Model, shape: Option<&ShapeRef>, fields: &Fields) {
    match shape {
        Some(shape) if !fields.is_empty() => {
            let manner = if &*model.name == "ec2" { Manner::Ec2 } else { Manner::Plain };
            Writer { out, model, manner }.structure(shape, fields);
        }
        _ => out.extend_from_slice(b"null"),
    }
}

/// S3's records show the HTTP request rather than the call: `bucketName`, `key`, `Host`, query parameters and `x-amz-` headers
/// under their own names, the pattern's own query keys (`"versioning":""`), and XML bodies in the body's casing.
fn write_s3_request(out: &mut Vec<u8>, model: &Model, operation: &Operation, input: &Fields, host: &str) {
    let Some(ShapeKind::Structure(structure)) = operation.input.as_ref().map(|shape| &model.shape(shape).kind) else {
        write_s3_without_input(out, host);
        return;
    };
    let mut writer = Writer { out, model, manner: Manner::AsIs };
    writer.out.push(b'{');
    let mut first = true;
    for (key, value) in &operation.uri.query {
        if key != "x-id" {
            writer.name(&mut first, key);
            write_str(writer.out, value.as_deref().unwrap_or(""));
        }
    }
    // An object there, where policies of IAM are texts. Source: real records of PutBucketPolicy.
    let bucket_policy = &*operation.name == "PutBucketPolicy";
    for (name, value) in input.iter() {
        let Some(member) = structure.member(name) else { continue };
        let traits = &member.target.traits;
        let wire_name = traits.location_name.as_deref().unwrap_or(name);
        let shown = match (&**name, traits.location) {
            ("Bucket", _) => "bucketName",
            ("Key", _) => "key",
            ("Policy", _) if bucket_policy => "bucketPolicy",
            (_, Some(_)) => wire_name,
            (_, None) => name,
        };
        if traits.location == Some(Location::Headers) && value.as_fields().is_some_and(Fields::is_empty) {
            continue;
        }
        writer.name(&mut first, shown);
        match value.as_str().filter(|_| shown == "bucketPolicy").and_then(inline::one_line) {
            Some(policy) => writer.out.extend_from_slice(policy.as_bytes()),
            None => writer.member(name, &member.target, value),
        }
    }
    writer.name(&mut first, "Host");
    write_str(writer.out, host);
    writer.out.push(b'}');
}

fn write_s3_without_input(out: &mut Vec<u8>, host: &str) {
    out.extend_from_slice(b"{\"Host\":");
    write_str(out, host);
    out.push(b'}');
}

struct Writer<'a> {
    out: &'a mut Vec<u8>,
    model: &'a Model,
    manner: Manner,
}

impl Writer<'_> {
    fn name(&mut self, first: &mut bool, name: &str) {
        if !std::mem::take(first) {
            self.out.push(b',');
        }
        write_str(self.out, name);
        self.out.push(b':');
    }

    fn structure(&mut self, shape: &ShapeRef, fields: &Fields) {
        let ShapeKind::Structure(structure) = &self.model.shape(shape).kind else {
            return self.untyped(fields);
        };
        self.out.push(b'{');
        let mut first = true;
        for (name, value) in fields.iter() {
            let Some(member) = structure.member(name) else { continue };
            if self.is_sts() && LEFT_OUT_OF_STS.contains(&&**name) {
                continue;
            }
            let shown = self.shown_name(name, &member.target, value);
            self.name(&mut first, &shown);
            self.member(name, &member.target, value);
        }
        self.out.push(b'}');
    }

    fn is_sts(&self) -> bool {
        &*self.model.name == "sts"
    }

    /// A member's value, hidden if it is a secret.
    fn member(&mut self, name: &str, target: &ShapeRef, value: &Value) {
        let is_shown = self.is_sts() && name == SHOWN_OF_STS;
        if is_shown {
            self.value(target, value);
        } else if is_secret(name, &target.traits) || self.model.shape(target).traits.sensitive {
            write_str(self.out, HIDDEN);
        } else {
            self.value(target, value);
        }
    }

    fn value(&mut self, shape: &ShapeRef, value: &Value) {
        match (value, &self.model.shape(shape).kind) {
            (Value::Struct(fields), ShapeKind::Structure(_)) => self.structure(shape, fields),
            (Value::Struct(entries), ShapeKind::Map(_, target)) => self.map(target, entries),
            (Value::List(items), ShapeKind::List(target)) => self.list(target, items),
            (Value::Struct(fields), _) => self.untyped(fields),
            (Value::List(items), _) => {
                self.out.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        self.out.push(b',');
                    }
                    self.scalar_or_untyped(item);
                }
                self.out.push(b']');
            }
            (scalar, _) => self.scalar(scalar),
        }
    }

    fn map(&mut self, target: &ShapeRef, entries: &Fields) {
        self.out.push(b'{');
        let mut first = true;
        for (key, value) in entries.iter() {
            self.name(&mut first, key);
            self.member(key, target, value);
        }
        self.out.push(b'}');
    }

    fn list(&mut self, target: &ShapeRef, items: &[Value]) {
        let wrapped = self.manner == Manner::Ec2;
        self.out.extend_from_slice(if wrapped { b"{\"items\":[" } else { b"[" });
        let hidden = target.traits.sensitive || self.model.shape(target).traits.sensitive;
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            match item {
                _ if hidden => write_str(self.out, HIDDEN),
                Value::Struct(_) | Value::List(_) => self.value(target, item),
                scalar if wrapped => {
                    let name = lower_first(target.traits.location_name.as_deref().unwrap_or("value"));
                    let name = if name == "item" || name == "member" { "value".to_owned() } else { name };
                    self.out.push(b'{');
                    self.name(&mut true, &name);
                    self.scalar(scalar);
                    self.out.push(b'}');
                }
                scalar => self.scalar(scalar),
            }
        }
        self.out.extend_from_slice(if wrapped { b"]}" } else { b"]" });
    }

    fn shown_name(&self, name: &str, target: &ShapeRef, value: &Value) -> String {
        match (self.manner, value) {
            (Manner::AsIs, _) => name.to_owned(),
            (Manner::Plain, _) => lower_first(name),
            (Manner::Ec2, Value::List(_)) => {
                if let Some((_, set)) = EC2_SETS.iter().find(|(list, _)| *list == name) {
                    return (*set).to_owned();
                }
                let wire =
                    target.traits.query_name.as_deref().or(target.traits.location_name.as_deref()).unwrap_or(name);
                let singular = wire.strip_suffix("Set").or(wire.strip_suffix('s')).unwrap_or(wire);
                format!("{}Set", lower_first(singular))
            }
            (Manner::Ec2, _) => lower_first(name),
        }
    }

    /// A value without a shape: documents.
    fn untyped(&mut self, fields: &Fields) {
        self.out.push(b'{');
        let mut first = true;
        for (name, value) in fields.iter() {
            self.name(&mut first, name);
            if is_secret_name(name) {
                write_str(self.out, HIDDEN);
            } else {
                self.scalar_or_untyped(value);
            }
        }
        self.out.push(b'}');
    }

    fn scalar_or_untyped(&mut self, value: &Value) {
        match value {
            Value::Struct(fields) => self.untyped(fields),
            Value::List(items) => {
                self.out.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        self.out.push(b',');
                    }
                    self.scalar_or_untyped(item);
                }
                self.out.push(b']');
            }
            scalar => self.scalar(scalar),
        }
    }

    fn scalar(&mut self, value: &Value) {
        use std::io::Write;
        let written = match value {
            Value::Null | Value::List(_) | Value::Struct(_) => self.out.write_all(b"null"),
            Value::Bool(value) => write!(self.out, "{value}"),
            Value::Int(value) => write!(self.out, "{value}"),
            Value::Double(value) if value.is_finite() => write!(self.out, "{value}"),
            Value::Double(value) => write!(self.out, "\"{value}\""),
            Value::String(text) => {
                write_str(self.out, text);
                Ok(())
            }
            Value::Blob(bytes) => {
                write_str(self.out, &STANDARD.encode(bytes));
                Ok(())
            }
            Value::Timestamp(time) => {
                write_str(self.out, &time.record_text());
                Ok(())
            }
        };
        written.expect("writing to memory does not fail");
    }
}

/// Lists of EC2 requests whose name in records does not follow from the model.
const EC2_SETS: [(&str, &str); 6] = [
    ("InstanceIds", "instancesSet"),
    ("Filters", "filterSet"),
    ("Values", "valueSet"),
    ("GroupIds", "groupSet"),
    ("SecurityGroupIds", "groupSet"),
    ("Resources", "resourcesSet"),
];

fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + chars.as_str())
}

fn is_secret(name: &str, traits: &Traits) -> bool {
    traits.sensitive || is_secret_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(json: &str) -> Fields {
        fn value(json: &serde_json::Value) -> Value {
            match json {
                serde_json::Value::Null => Value::Null,
                serde_json::Value::Bool(v) => Value::Bool(*v),
                serde_json::Value::Number(v) => Value::Int(v.as_i64().unwrap()),
                serde_json::Value::String(v) => Value::String(v.clone()),
                serde_json::Value::Array(v) => Value::List(v.iter().map(value).collect()),
                serde_json::Value::Object(v) => {
                    Value::Struct(Fields(v.iter().map(|(k, v)| (k.as_str().into(), value(v))).collect()))
                }
            }
        }
        let Value::Struct(fields) = value(&serde_json::from_str(json).unwrap()) else { panic!("not an object") };
        fields
    }

    fn check(service: &str, operation: &str, input: &str, expected: &str) {
        let model = model::catalog().get(service).unwrap();
        let mut out = Vec::new();
        write_request(&mut out, &model, &model.operations[operation], &fields(input), "localhost:4566");
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn members_start_with_a_small_letter() {
        check(
            "cloudtrail",
            "CreateTrail",
            r#"{"IsMultiRegionTrail":true,"Name":"t","S3BucketName":"b","TagsList":[{"Key":"K","Value":"V"}]}"#,
            r#"{"isMultiRegionTrail":true,"name":"t","s3BucketName":"b","tagsList":[{"key":"K","value":"V"}]}"#,
        );
        check("sts", "GetCallerIdentity", "{}", "null");
    }

    #[test]
    fn log_events_are_in_no_record() {
        check(
            "logs",
            "PutLogEvents",
            r#"{"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":1,"message":"m"}]}"#,
            r#"{"logGroupName":"g","logStreamName":"s"}"#,
        );
    }

    #[test]
    fn map_keys_stay_as_they_are() {
        check(
            "sqs",
            "CreateQueue",
            r#"{"Attributes":{"DelaySeconds":"1"},"QueueName":"q"}"#,
            r#"{"attributes":{"DelaySeconds":"1"},"queueName":"q"}"#,
        );
    }

    #[test]
    fn s3_shows_the_request() {
        check(
            "s3",
            "PutBucketVersioning",
            r#"{"Bucket":"b","VersioningConfiguration":{"Status":"Enabled"}}"#,
            r#"{"versioning":"","bucketName":"b","VersioningConfiguration":{"Status":"Enabled"},"Host":"localhost:4566"}"#,
        );
        check(
            "s3",
            "PutObject",
            r#"{"ACL":"private","Bucket":"b","Key":"a/k","SSECustomerKey":"c2VjcmV0"}"#,
            &format!(
                r#"{{"x-amz-acl":"private","bucketName":"b","key":"a/k","x-amz-server-side-encryption-customer-key":"{HIDDEN}","Host":"localhost:4566"}}"#
            ),
        );
        check("s3", "ListBuckets", "{}", r#"{"Host":"localhost:4566"}"#);
        check(
            "s3",
            "PutBucketPolicy",
            r#"{"Bucket":"b","Policy":"{ \"Version\": \"2012-10-17\" }"}"#,
            r#"{"policy":"","bucketName":"b","bucketPolicy":{"Version":"2012-10-17"},"Host":"localhost:4566"}"#,
        );
        check(
            "s3",
            "PutBucketPolicy",
            r#"{"Bucket":"b","Policy":"no JSON"}"#,
            r#"{"policy":"","bucketName":"b","bucketPolicy":"no JSON","Host":"localhost:4566"}"#,
        );
    }

    #[test]
    fn ec2_lists_are_sets_of_items() {
        check(
            "ec2",
            "StopInstances",
            r#"{"Force":true,"InstanceIds":["i-1","i-2"]}"#,
            r#"{"force":true,"instancesSet":{"items":[{"instanceId":"i-1"},{"instanceId":"i-2"}]}}"#,
        );
    }

    #[test]
    fn secrets_are_hidden_wherever_they_are() {
        let hidden = format!("\"{HIDDEN}\"");
        check(
            "iam",
            "CreateLoginProfile",
            r#"{"Password":"hunter2","UserName":"u"}"#,
            &format!(r#"{{"password":{hidden},"userName":"u"}}"#),
        );
        check(
            "sqs",
            "SendMessage",
            r#"{"QueueUrl":"u","MessageBody":"hunter2","MessageGroupId":"g"}"#,
            &format!(r#"{{"queueUrl":"u","messageBody":{hidden},"messageGroupId":"g"}}"#),
        );
        check(
            "secretsmanager",
            "CreateSecret",
            r#"{"Name":"n","SecretString":"hunter2"}"#,
            &format!(r#"{{"name":"n","secretString":{hidden}}}"#),
        );
        check(
            "iam",
            "EnableMFADevice",
            r#"{"AuthenticationCode1":"123456","AuthenticationCode2":"234567","SerialNumber":"arn","UserName":"u"}"#,
            &format!(
                r#"{{"authenticationCode1":{hidden},"authenticationCode2":{hidden},"serialNumber":"arn","userName":"u"}}"#
            ),
        );
        check(
            "s3",
            "DeleteObject",
            r#"{"Bucket":"b","Key":"k","MFA":"arn:aws:iam::123456789012:mfa/x 123456"}"#,
            &format!(r#"{{"bucketName":"b","key":"k","x-amz-mfa":{hidden},"Host":"localhost:4566"}}"#),
        );
        check(
            "kms",
            "Encrypt",
            r#"{"KeyId":"k","GrantTokens":["t"],"Plaintext":"c2VjcmV0"}"#,
            &format!(r#"{{"keyId":"k","plaintext":{hidden}}}"#),
        );
        check(
            "sts",
            "AssumeRoleWithWebIdentity",
            r#"{"RoleArn":"r","WebIdentityToken":"hunter2"}"#,
            r#"{"roleArn":"r"}"#,
        );
    }
}
