//! Where objects of a bucket are to be copied to: checked and kept. Nothing is copied yet. Source: S3 user guide, "Replication
//! configuration file elements".

use std::collections::HashSet;

use service::ApiError;

use super::Document;
use crate::S3;
use crate::bucket::Versioning;
use crate::error::Error;

/// The most rules of a bucket.
const RULES_MAX: usize = 1000;
/// The longest identifier of a rule.
const ID_CHARS_MAX: usize = 255;

fn refused<T>(text: impl Into<String>) -> Result<T, ApiError> {
    Err(Error::InvalidRequest(text.into()).into())
}

/// A configuration as it is kept, with an identifier for each rule.
pub(crate) async fn checked(s3: &S3, mut document: Document) -> Result<Document, ApiError> {
    let role = document["Role"].as_str().unwrap_or_default();
    if !is_role(role) {
        let text = "Invalid Amazon Resource Name (ARN) specified for the IAM role";
        return Err(crate::error::invalid_argument("Role", role, text));
    }
    let rules = document["Rules"].as_array_mut().filter(|rules| (1..=RULES_MAX).contains(&rules.len()));
    let Some(rules) = rules else { return Err(Error::MalformedXML.into()) };
    let (mut ids, mut priorities, mut buckets) = (HashSet::new(), HashSet::new(), HashSet::new());
    for rule in &mut *rules {
        check_rule(rule)?;
        if rule["Filter"].is_object() && !priorities.insert(rule["Priority"].as_i64()) {
            return refused(format!("Found duplicate priority {} in replication configuration", rule["Priority"]));
        }
        if rule["ID"].as_str().is_none_or(str::is_empty) {
            rule["ID"] = base::ids::uuid(&*s3.env.rng).into();
        }
        let id = rule["ID"].as_str().unwrap_or_default();
        if id.chars().count() > ID_CHARS_MAX {
            let text = format!("The maximum value is {ID_CHARS_MAX} characters.");
            return Err(crate::error::invalid_argument("ID", id, text));
        }
        if !ids.insert(id.to_owned()) {
            let text = "Rule Id must be unique. Found same Id for more than one rule";
            return Err(crate::error::invalid_argument("ID", id, text));
        }
        buckets.insert(rule.pointer("/Destination/Bucket").and_then(Document::as_str).unwrap_or_default().to_owned());
    }
    let versions: HashSet<bool> = rules.iter().map(|rule| rule["Filter"].is_object()).collect();
    if versions.len() > 1 {
        return refused("Rules with a Filter and rules with a Prefix cannot be in one replication configuration");
    }
    let mut buckets: Vec<String> = buckets.into_iter().collect();
    buckets.sort();
    for arn in buckets {
        check_destination(s3, &arn).await?;
    }
    Ok(document)
}

fn is_role(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    matches!(parts[..], ["arn", partition, "iam", "", account, resource]
        if partition.starts_with("aws") && base::arn::is_account_id(account) && resource.starts_with("role/"))
}

fn check_rule(rule: &Document) -> Result<(), ApiError> {
    let filter = &rule["Filter"];
    if !filter.is_object() {
        return Ok(());
    }
    if rule["Prefix"].is_string() {
        return Err(Error::MalformedXML.into());
    }
    if rule["Priority"].as_i64().is_none() {
        return refused(
            "Priority must be specified for this version of Cross Region Replication configuration schema.",
        );
    }
    let markers = rule.pointer("/DeleteMarkerReplication/Status").and_then(Document::as_str);
    let Some(markers) = markers else {
        return refused(
            "DeleteMarkerReplication must be specified for this version of Cross Region Replication configuration schema.",
        );
    };
    let by_tag = filter["Tag"].is_object() || filter.pointer("/And/Tags").is_some_and(Document::is_array);
    if by_tag && markers == "Enabled" {
        return refused("Delete marker replication is not supported if any Tag filter is specified.");
    }
    if filter.as_object().is_some_and(|members| members.values().filter(|value| !value.is_null()).count() > 1) {
        return Err(Error::MalformedXML.into());
    }
    let timed = rule.pointer("/Destination/ReplicationTime/Status").and_then(Document::as_str) == Some("Enabled");
    let measured = rule.pointer("/Destination/Metrics/Status").and_then(Document::as_str) == Some("Enabled");
    if timed && !measured {
        return refused("Replication metrics are required when using Replication Time Control.");
    }
    Ok(())
}

async fn check_destination(s3: &S3, arn: &str) -> Result<(), ApiError> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let name = match parts[..] {
        ["arn", _, "s3", "", "", name] if crate::bucket::is_name(name) => name,
        _ => return refused("Invalid bucket ARN."),
    };
    match s3.find_bucket(name).await? {
        None => refused("Destination bucket must exist."),
        Some(bucket) if bucket.versioning != Some(Versioning::Enabled) => {
            refused("Destination bucket must have versioning enabled.")
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::harness::*;
    use crate::ops::*;

    fn rule() -> Document {
        json!({
            "Status": "Enabled",
            "Priority": 1,
            "Filter": { "Prefix": "a" },
            "DeleteMarkerReplication": { "Status": "Disabled" },
            "Destination": { "Bucket": "arn:aws:s3:::copies" },
        })
    }

    #[tokio::test]
    async fn what_is_refused_and_what_is_kept() {
        let s3 = service();
        bucket(&s3, "bkt").await;
        bucket(&s3, "plain").await;
        bucket(&s3, "copies").await;
        versioning(&s3, "copies", "Enabled").await;
        let put = async |rules: Document| {
            let document = json!({ "Role": "arn:aws:iam::123456789012:role/r", "Rules": rules });
            let input = put_bucket_replication::Input {
                bucket: "bkt".into(),
                replication_configuration: document,
                ..Default::default()
            };
            call::<PutBucketReplication>(&s3, input).await.map(|_| ()).map_err(|error| error.message)
        };
        let text = "Versioning must be 'Enabled' on the bucket to apply a replication configuration";
        assert_eq!(put(json!([rule()])).await.unwrap_err(), text);
        versioning(&s3, "bkt", "Enabled").await;
        put(json!([rule()])).await.unwrap();
        let input = get_bucket_replication::Input { bucket: "bkt".into(), ..Default::default() };
        let kept = call::<GetBucketReplication>(&s3, input).await.unwrap().replication_configuration;
        assert!(kept["Rules"][0]["ID"].is_string());
        assert_eq!(kept["Rules"][0]["Destination"], rule()["Destination"]);
        let with = |name: &str, value: Document| {
            let mut rule = rule();
            rule[name] = value;
            json!([rule])
        };
        let to = |arn: &str| with("Destination", json!({ "Bucket": arn }));
        for (rules, text) in [
            (json!([]), Error::MalformedXML.to_string()),
            (to("copies"), "Invalid bucket ARN.".into()),
            (to("arn:aws:s3:::nowhere"), "Destination bucket must exist.".into()),
            (to("arn:aws:s3:::plain"), "Destination bucket must have versioning enabled.".into()),
            (json!([rule(), rule()]), "Found duplicate priority 1 in replication configuration".into()),
            (with("Prefix", json!("x")), Error::MalformedXML.to_string()),
        ] {
            assert_eq!(put(rules).await.unwrap_err(), text);
        }
    }
}
