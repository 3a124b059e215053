//! Tests of the catalog: every model loads, and requests find their services.

use super::*;
use crate::shape::{Location, Segment, ShapeKind};

#[test]
fn every_model_is_read_and_whole() {
    // Operations and shapes in the source; five operations of S3 are taken out by patches.
    let expected: &[(&str, usize, usize)] = &[
        ("athena", 70, 357),
        ("ce", 47, 393),
        ("cloudtrail", 60, 381),
        ("cloudtrail-data", 1, 20),
        ("cloudwatch", 46, 321),
        ("config", 97, 582),
        ("dynamodb", 57, 489),
        ("ec2", 765, 4014),
        ("ecs", 77, 626),
        ("events", 57, 354),
        ("guardduty", 87, 663),
        ("iam", 176, 571),
        ("kms", 54, 249),
        ("lambda", 85, 556),
        ("logs", 113, 678),
        ("organizations", 63, 275),
        ("rds", 164, 787),
        ("s3", 111 - 5, 690),
        ("secretsmanager", 23, 140),
        ("securityhub", 109, 1393),
        ("sns", 42, 174),
        ("sqs", 23, 114),
        ("ssm", 146, 1290),
        ("stepfunctions", 37, 274),
        ("sts", 11, 98),
    ];
    let by_hand = catalog().names().filter(|name| !expected.iter().any(|(known, ..)| known == name));
    assert_eq!(by_hand.collect::<Vec<_>>(), ["cairn"]);
    assert!(
        ["Flush", "GetStatus", "Tail"].iter().all(|op| catalog().get("cairn").unwrap().operations.contains_key(*op))
    );
    for (name, operations, shapes) in expected {
        let model = catalog().get(name).expect(name);
        assert_eq!((model.operations.len(), model.shapes.len()), (*operations, *shapes), "{name}");
    }
}

#[test]
fn the_index_says_what_the_models_say() {
    assert_eq!(
        catalog().index().iter().map(|service| &*service.name).collect::<Vec<_>>(),
        catalog().names().collect::<Vec<_>>()
    );
    for service in catalog().index() {
        let metadata = &catalog().get(&service.name).expect("it is in the catalog").metadata;
        let of_model = ServiceIndex {
            name: service.name.clone(),
            protocols: metadata.protocols.clone(),
            api_version: metadata.api_version.clone(),
            endpoint_prefix: metadata.endpoint_prefix.clone(),
            signing_name: metadata.signing_name.clone(),
            target_prefix: metadata.target_prefix.clone(),
            global_region: metadata.global_endpoint.clone(),
        };
        assert_eq!(*service, of_model, "models/index.json is older than the models: run `make models`");
    }
}

#[test]
fn services_are_found_by_whatever_a_request_tells() {
    let c = catalog();
    let name = |service: Option<&ServiceIndex>| service.map(|service| service.name.clone()).unwrap_or_default();
    let targets = [
        ("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.CreateTrail", "cloudtrail CreateTrail"),
        ("CloudTrail_20131101.CreateTrail", "cloudtrail CreateTrail"),
        ("Logs_20140328.PutLogEvents", "logs PutLogEvents"),
        ("GraniteServiceVersion20100801.PutMetricData", "cloudwatch PutMetricData"),
        ("Cairn_20261101.Flush", "cairn Flush"),
        ("20131101.CreateTrail", ""),
        ("CreateTrail", ""),
        ("", ""),
    ];
    for (target, expected) in targets {
        let found = c.by_target(target).map(|(service, operation)| format!("{} {operation}", service.name));
        assert_eq!(found.unwrap_or_default(), expected, "{target}");
    }
    assert_eq!(name(c.by_signing_name("monitoring", None)), "cloudwatch");
    assert_eq!(name(c.by_signing_name("states", Some("2016-11-23"))), "stepfunctions");
    assert_eq!(name(c.by_signing_name("nothing", None)), "");
    assert_eq!(name(c.by_endpoint_prefix("cloudtrail-data")), "cloudtrail-data");
    assert_eq!(name(c.by_query("AssumeRoleWithWebIdentity", "2011-06-15")), "sts");
    assert_eq!(name(c.by_query("DescribeAlarms", "2010-08-01")), "cloudwatch");
    assert_eq!(name(c.by_query("DescribeInstances", "2016-11-15")), "ec2");
    assert_eq!(name(c.by_query("CreateTrail", "2013-11-01")), "", "CloudTrail does not speak Query");
    assert_eq!(c.service("iam").and_then(|s| s.global_region.as_deref()), Some("us-east-1"));
    assert_eq!(c.service("sts").and_then(|s| s.global_region.as_deref()), None);
}

/// `path` is an operation and member names, through lists.
fn check(service: &str, path: &str, test: impl FnOnce(&Model, &crate::shape::Member) -> bool) {
    let model = catalog().get(service).expect(service);
    let mut steps = path.split('.');
    let operation = &model.operations[steps.next().unwrap_or_default()];
    let side = if steps.next() == Some("in") { &operation.input } else { &operation.output };
    let mut shape = model.shape(side.as_ref().expect(path));
    let mut found = None;
    for step in steps {
        while let ShapeKind::List(item) = &shape.kind {
            shape = model.shape(item);
        }
        let ShapeKind::Structure(structure) = &shape.kind else { panic!("{path}: {step} is in no structure") };
        let member = structure.member(step).expect(path);
        shape = model.shape(&member.target);
        found = Some(member);
    }
    assert!(test(&model, found.expect(path)), "{service} {path}: {found:?}");
}

#[test]
fn what_protocols_and_redaction_rely_on_is_in_the_models() {
    check("cloudtrail", "CreateTrail.in.Name", |_, m| m.required && !m.target.traits.sensitive);
    check("iam", "CreateLoginProfile.in.Password", |_, m| m.target.traits.sensitive);
    check("iam", "CreateAccessKey.out.AccessKey.SecretAccessKey", |_, m| m.target.traits.sensitive);
    check("sts", "AssumeRole.out.Credentials.SecretAccessKey", |_, m| m.target.traits.sensitive);
    check("secretsmanager", "CreateSecret.in.SecretString", |_, m| m.target.traits.sensitive);
    check("s3", "PutObject.in.Body", |_, m| m.target.traits.streaming);
    check("s3", "PutObject.in.Metadata", |_, m| m.target.traits.location == Some(Location::Headers));
    check("s3", "PutObject.in.Key", |_, m| m.target.traits.location == Some(Location::Uri) && m.required);
    check("s3", "ListObjectsV2.out.Contents", |_, m| m.target.traits.flattened);
    check("s3", "GetBucketAcl.out.Grants.Grantee.Type", |_, m| m.target.traits.xml_attribute);
    check("lambda", "Invoke.in.Payload", |_, m| !m.target.traits.streaming);
    check("cairn", "Tail.out.Body", |_, m| m.target.traits.streaming);
    check("ecs", "CreateService.in.clientToken", |_, m| !m.required);
}

#[test]
fn patches_have_been_applied() {
    let s3 = catalog().get("s3").unwrap();
    assert!(s3.operations["GetBucketLocation"].unwrapped_xml_output);
    let root = |name: &str| s3.shapes[s3.shape_by_name[name]].traits.location_name.clone().unwrap();
    assert_eq!(&*root("ListBucketsOutput"), "ListAllMyBucketsResult");
    assert_eq!(s3.metadata.xml_namespace.as_deref(), Some("http://s3.amazonaws.com/doc/2006-03-01/"));
    assert!(!s3.operations.contains_key("GetBucketLifecycle"));
    let get = &s3.operations["GetObject"].uri;
    assert_eq!(get.segments, [Segment::Label("Bucket".into()), Segment::Greedy("Key".into())]);
}

#[test]
fn the_patterns_that_are_not_checked_are_listed() {
    let mut unchecked = String::new();
    for name in catalog().names() {
        let model = catalog().get(name).unwrap();
        for shape in model.shapes.iter().filter(|shape| !shape.limits.pattern_is_checked()) {
            if let Some(pattern) = &shape.limits.pattern {
                unchecked.push_str(&format!("{name} {} {pattern}\n", shape.name));
            }
        }
    }
    let listed = include_str!("../../../models/unchecked-patterns.txt");
    let listed: String = listed.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    assert_eq!(unchecked, listed, "models/unchecked-patterns.txt should be the text on the left");
}
