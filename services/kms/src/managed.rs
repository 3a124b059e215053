//! Keys that AWS makes in an account for a service, when the service first needs one: `alias/aws/s3` and the like. Their policies let
//! everybody use them through that service, and nobody change them. Source: KMS developer guide, "AWS managed keys".

use std::sync::Arc;

use base::Region;
use service::ApiError;

use crate::key::{Alias, DOCUMENT_VERSION, Key, ROTATION_DAYS, arn};
use crate::spec::{KeySpec, KeyUsage, Origin};
use crate::store::{Held, Step};
use crate::{Error, Kms};

/// The services, by the name in their alias; what comes before the region in `kms:ViaService`; the service in words.
const SERVICES: &[(&str, &str, &str)] = &[
    ("acm", "acm", "ACM"),
    ("backup", "backup", "Backup"),
    ("codeartifact", "codeartifact", "CodeArtifact"),
    ("codecommit", "codecommit", "CodeCommit"),
    ("dynamodb", "dynamodb", "DynamoDB"),
    ("ebs", "ec2", "EBS"),
    ("elasticfilesystem", "elasticfilesystem", "EFS"),
    ("es", "es", "OpenSearch"),
    ("fsx", "fsx", "FSx"),
    ("glue", "glue", "Glue"),
    ("kinesis", "kinesis", "Kinesis"),
    ("lambda", "lambda", "Lambda"),
    ("rds", "rds", "RDS"),
    ("redshift", "redshift", "Redshift"),
    ("s3", "s3", "S3"),
    ("secretsmanager", "secretsmanager", "AWS Secrets Manager"),
    ("sns", "sns", "SNS"),
    ("sqs", "sqs", "SQS"),
    ("ssm", "ssm", "SSM"),
    ("workspaces", "workspaces", "WorkSpaces"),
    ("xray", "xray", "X-Ray"),
];

impl Kms {
    /// The key that a text names; the key of a service is made if it is not there.
    pub(crate) async fn resolve_or_make(&self, region: Region, text: &str) -> Result<Arc<Held>, ApiError> {
        let name = text.find("alias/aws/").map(|at| &text[at..]);
        let is_missing = |name: &str| self.store.see(|memory| memory.alias(region, name)).is_none();
        if let Some(name) = name.filter(|name| is_missing(name)) {
            let service = SERVICES.iter().find(|(service, ..)| name.strip_prefix("alias/aws/") == Some(service));
            if let (Some(service), Err(Error::NotFoundException(_))) = (service, self.resolve(region, text)) {
                self.make_managed(region, name, service).await?;
            }
        }
        Ok(self.resolve(region, text)?)
    }

    async fn make_managed(
        &self,
        region: Region,
        name: &str,
        (service, via, words): &(&str, &str, &str),
    ) -> Result<(), ApiError> {
        let (env, account) = (&self.deps.env, &self.deps.account);
        let now = env.clock.now().trunc_secs();
        let id = base::ids::uuid(&*env.rng);
        let mut key = Key {
            v: DOCUMENT_VERSION,
            arn: arn(region, account, &format!("key/{id}")),
            id,
            region: region.to_string(),
            created: now,
            description: description(service, words),
            spec: KeySpec::Symmetric,
            usage: KeyUsage::EncryptDecrypt,
            origin: Origin::Kms,
            managed_for: Some((*service).to_owned()),
            enabled: true,
            deletion: None,
            policy: policy(region, account, service, via, words),
            tags: Vec::new(),
            materials: Vec::new(),
            rotation: Some(Key::rotation_from(now, ROTATION_DAYS)),
            public_key: None,
        };
        let secret = self.generate(key.spec).await?;
        let material = self.material_of(&key, &secret).await?;
        key.materials.push(material);
        let alias = Alias {
            v: DOCUMENT_VERSION,
            name: name.to_owned(),
            arn: arn(region, account, name),
            region: region.to_string(),
            key_id: key.id.clone(),
            created: now,
            updated: now,
        };
        let steps = vec![Step::Put(Box::new(key)), Step::PutAlias(alias)];
        self.store
            .change(|memory| match memory.alias(region, name) {
                // Somebody else was first.
                Some(_) => Ok((Vec::new(), ())),
                None => Ok((steps, ())),
            })
            .await
    }
}

fn description(service: &str, words: &str) -> String {
    match service {
        "s3" => "Default key that protects my S3 objects when no other key is defined".to_owned(),
        "ebs" => "Default key that protects my EBS volumes when no other key is defined".to_owned(),
        "secretsmanager" => "Default key that protects my Secrets Manager data when no other key is defined".to_owned(),
        _ => format!("Default key that protects my {words} data when no other key is defined"),
    }
}

fn policy(region: Region, account: &str, service: &str, via: &str, words: &str) -> String {
    let partition = region.partition();
    let grant = if service == "s3" { "" } else { ", \"kms:CreateGrant\"" };
    let revoke = if service == "s3" { "" } else { ", \"kms:RevokeGrant\"" };
    format!(
        "{{\n  \"Version\" : \"2012-10-17\",\n  \"Id\" : \"auto-{service}-2\",\n  \"Statement\" : [ {{\n    \
         \"Sid\" : \"Allow access through {words} for all principals in the account that are authorized to use {words}\",\n    \
         \"Effect\" : \"Allow\",\n    \"Principal\" : {{\n      \"AWS\" : \"*\"\n    }},\n    \
         \"Action\" : [ \"kms:Encrypt\", \"kms:Decrypt\", \"kms:ReEncrypt*\", \"kms:GenerateDataKey*\"{grant}, \
         \"kms:DescribeKey\" ],\n    \"Resource\" : \"*\",\n    \"Condition\" : {{\n      \"StringEquals\" : {{\n        \
         \"kms:CallerAccount\" : \"{account}\",\n        \
         \"kms:ViaService\" : \"{via}.{region}.amazonaws.com\"\n      }}\n    }}\n  }}, {{\n    \
         \"Sid\" : \"Allow direct access to key metadata to the account\",\n    \"Effect\" : \"Allow\",\n    \
         \"Principal\" : {{\n      \"AWS\" : \"arn:{partition}:iam::{account}:root\"\n    }},\n    \
         \"Action\" : [ \"kms:Describe*\", \"kms:Get*\", \"kms:List*\"{revoke} ],\n    \"Resource\" : \"*\"\n  }} ]\n}}"
    )
}
