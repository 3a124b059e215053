//! Which services somebody may use and which policies say so, and when they were last used. Last uses are those of access keys: of each key
//! only its last is known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::Timestamp;
use serde::Serialize;

use crate::managed::{Managed, check_arn};
use crate::operation::operation;
use crate::ops::paging::page;
use crate::sources::{Of, Source, Subject, allows_service};
use crate::store::{AccessReport, EntityUse, Group, Role, ServiceUse, User, World};
use crate::{Error, Iam, aws_policies};

/// How long a report can be asked for. Source: IAM API reference, GenerateServiceLastAccessedDetails.
const KEPT_MS: i64 = 7 * 24 * 60 * 60 * 1000;
/// Reports kept; the oldest go.
const REPORTS_MAX: usize = 200;
/// What services are called, where that is not told by their namespaces.
const NAMES: [(&str, &str); 22] = [
    ("athena", "Amazon Athena"),
    ("autoscaling", "Amazon EC2 Auto Scaling"),
    ("cloudformation", "AWS CloudFormation"),
    ("cloudtrail", "AWS CloudTrail"),
    ("cloudwatch", "Amazon CloudWatch"),
    ("config", "AWS Config"),
    ("dynamodb", "Amazon DynamoDB"),
    ("ec2", "Amazon EC2"),
    ("ecr", "Amazon Elastic Container Registry"),
    ("ecs", "Amazon Elastic Container Service"),
    ("eks", "Amazon Elastic Kubernetes Service"),
    ("events", "Amazon EventBridge"),
    ("iam", "AWS Identity and Access Management"),
    ("kms", "AWS Key Management Service"),
    ("lambda", "AWS Lambda"),
    ("logs", "Amazon CloudWatch Logs"),
    ("organizations", "AWS Organizations"),
    ("rds", "Amazon RDS"),
    ("s3", "Amazon S3"),
    ("sns", "Amazon SNS"),
    ("sqs", "Amazon SQS"),
    ("sts", "AWS Security Token Service"),
];

fn name_of(namespace: &str) -> String {
    let known = NAMES.iter().find(|(known, _)| *known == namespace).map(|(_, name)| (*name).to_owned());
    known.unwrap_or_else(|| format!("AWS {namespace}"))
}

/// The services that policies speak of; with a star for all of them, those that AWS's own read-only policy speaks of too.
fn namespaces(sources: &[Source]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut everything = false;
    let statements = |policy: &policy::Policy| -> Vec<String> {
        let of = |statement: &policy::Statement| {
            statement.actions.listed().iter().map(|action| action.as_str().to_owned()).collect::<Vec<_>>()
        };
        policy.statements.iter().flat_map(of).collect()
    };
    let mut add = |actions: Vec<String>| {
        for action in actions {
            let service = action.split(':').next().unwrap_or_default().to_lowercase();
            match service.contains(['*', '?']) {
                true => everything = true,
                false => drop(found.insert(service)),
            }
        }
    };
    for source in sources {
        add(statements(&source.policy));
        let negated = |statement: &policy::Statement| matches!(statement.actions, policy::document::OneOf::AllBut(_));
        if source.policy.statements.iter().any(negated) {
            add(vec!["*".to_owned()]);
        }
    }
    if everything {
        let all = aws_policies::get("arn:aws:iam::aws:policy/ReadOnlyAccess").map(|policy| policy.document);
        if let Some(Ok(policy)) = all.map(policy::Policy::parse_of_aws) {
            let of_all = statements(&policy);
            found.extend(of_all.iter().filter_map(|action| Some(action.split_once(':')?.0.to_lowercase())));
        }
    }
    found.retain(|namespace| sources.iter().any(|source| allows_service(&source.policy, namespace)));
    found
}

/// Who is meant by the ARN of a user, group, role or policy: users and roles.
fn members(world: &World, arn: &str) -> Result<Vec<Subject>, Error> {
    let of_group =
        |group: &Group| group.members.iter().filter_map(|id| world.user_of_id(id)).map(Subject::User).collect();
    if !arn.contains(":policy/") {
        return Ok(match Subject::find(world, arn)? {
            Subject::Group(group) => of_group(&group),
            subject => vec![subject],
        });
    }
    check_arn(arn)?;
    Managed::need(world, arn)?;
    let has = |grants: &crate::store::Grants| grants.attached.iter().any(|attached| attached == arn);
    let users = world
        .all::<User>()
        .filter(|user| has(&user.grants) || world.groups_of(&user.id).any(|group| has(&group.grants)));
    let roles = world.all::<Role>().filter(|role| has(&role.grants));
    Ok(users.map(Arc::clone).map(Subject::User).chain(roles.map(Arc::clone).map(Subject::Role)).collect())
}

/// Who it is, without what it used.
fn entity(subject: &Subject) -> Option<EntityUse> {
    let (arn, name, kind, id, path) = match subject {
        Subject::User(user) => (&user.arn, &user.name, "USER", &user.id, &user.path),
        Subject::Role(role) => (&role.arn, &role.name, "ROLE", &role.id, &role.path),
        Subject::Group(_) => return None,
    };
    let (arn, name, id, path) = (arn.clone(), name.clone(), id.clone(), path.clone());
    Some(EntityUse { arn, name, kind: kind.to_owned(), id, path, last: None })
}

impl Iam {
    /// The last uses of a user's keys, by service.
    fn uses_of(&self, subject: &Subject) -> BTreeMap<String, (Timestamp, String)> {
        let mut uses: BTreeMap<String, (Timestamp, String)> = BTreeMap::new();
        let Subject::User(user) = subject else { return uses };
        for used in user.keys.iter().filter_map(|key| self.last_use(&key.id)) {
            let last = uses.entry(used.service).or_default();
            if last.0 < used.time {
                *last = (used.time, used.region);
            }
        }
        uses
    }

    fn service_uses(&self, world: &World, arn: &str) -> Result<Vec<ServiceUse>, Error> {
        let mut services: BTreeMap<String, Vec<EntityUse>> = BTreeMap::new();
        for subject in members(world, arn)? {
            let Some(who) = entity(&subject) else { continue };
            let uses = self.uses_of(&subject);
            let mut sources = subject.sources(world);
            if arn.contains(":policy/") {
                sources.retain(|source| source.arn.as_deref() == Some(arn));
            }
            for namespace in namespaces(&sources) {
                let last = uses.get(&namespace).cloned();
                services.entry(namespace).or_default().push(EntityUse { last, ..who.clone() });
            }
        }
        let last = |entity: &EntityUse| entity.last.as_ref().map(|last| last.0);
        Ok(services
            .into_iter()
            .map(|(namespace, mut entities)| {
                entities.sort_by_key(|entity| std::cmp::Reverse(last(entity)));
                ServiceUse { namespace, entities }
            })
            .collect())
    }
}

operation! {
    /// Starts a report on which services somebody may use and last used. It is made at once.
    GenerateServiceLastAccessedDetails on "{Arn}"
    takes { arn: String, granularity: Option<String> }
    gives { job_id: String }
    |iam, call, input| {
        let services = iam.store.read(|world| iam.service_uses(world, &input.arn))?;
        let id = base::ids::uuid(&*iam.env.rng);
        let by_action = input.granularity.as_deref() == Some("ACTION_LEVEL");
        let report = AccessReport { v: 1, id: id.clone(), made: call.time, arn: input.arn, by_action, services };
        iam.store
            .change(|tx| {
                let mut known: Vec<_> = tx.before().all::<AccessReport>().cloned().collect();
                known.sort_by_key(|report| std::cmp::Reverse(report.made));
                let old = |at: usize, report: &AccessReport| at + 1 >= REPORTS_MAX || call.time.since_ms(report.made) >= KEPT_MS;
                for (_, report) in known.iter().enumerate().filter(|(at, report)| old(*at, report)) {
                    tx.remove::<AccessReport>(&report.id);
                }
                tx.put(report);
                Ok(Output { job_id: id })
            })
            .await
    }
}

/// The modelled `ServiceLastAccessed`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Accessed {
    service_name: String,
    last_authenticated: Option<Timestamp>,
    service_namespace: String,
    last_authenticated_entity: Option<String>,
    last_authenticated_region: Option<String>,
    total_authenticated_entities: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracked_actions_last_accessed: Option<Vec<String>>,
}

operation! {
    /// A report: the services, and when they were last used.
    GetServiceLastAccessedDetails on "*"
    takes { job_id: String, max_items: Option<i64>, marker: Option<String> }
    gives {
        job_status: &'static str,
        job_type: &'static str,
        job_creation_date: Timestamp,
        services_last_accessed: Vec<Accessed>,
        job_completion_date: Timestamp,
        is_truncated: bool,
        marker: Option<String>,
    }
    |iam, _call, input| {
        let report = iam.store.need::<AccessReport>(&input.job_id)?;
        let services = report.services.clone();
        let key = |service: &ServiceUse| service.namespace.clone();
        let (services, marker) = page(services, key, input.marker.as_deref(), input.max_items)?;
        let shown = |service: ServiceUse| {
            let used: Vec<&EntityUse> = service.entities.iter().filter(|entity| entity.last.is_some()).collect();
            let last = used.first().and_then(|entity| Some((entity.last.clone()?, entity.arn.clone())));
            Accessed {
                service_name: name_of(&service.namespace),
                last_authenticated: last.as_ref().map(|((time, _), _)| *time),
                last_authenticated_region: last.as_ref().map(|((_, region), _)| region.clone()),
                last_authenticated_entity: last.map(|(_, arn)| arn),
                total_authenticated_entities: used.len(),
                service_namespace: service.namespace,
                tracked_actions_last_accessed: report.by_action.then(Vec::new),
            }
        };
        Ok(Output {
            job_status: "COMPLETED",
            job_type: if report.by_action { "ACTION_LEVEL" } else { "SERVICE_LEVEL" },
            job_creation_date: report.made,
            services_last_accessed: services.into_iter().map(shown).collect(),
            job_completion_date: report.made,
            is_truncated: marker.is_some(),
            marker,
        })
    }
}

/// The modelled `EntityInfo`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    arn: String,
    name: String,
    r#type: String,
    id: String,
    path: String,
}

/// The modelled `EntityDetails`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Details {
    entity_info: Info,
    last_authenticated: Option<Timestamp>,
}

operation! {
    /// A report on one service: who may use it, and when they last did.
    GetServiceLastAccessedDetailsWithEntities on "*"
    takes { job_id: String, service_namespace: String, max_items: Option<i64>, marker: Option<String> }
    gives {
        job_status: &'static str,
        job_creation_date: Timestamp,
        job_completion_date: Timestamp,
        entity_details_list: Vec<Details>,
        is_truncated: bool,
        marker: Option<String>,
    }
    |iam, _call, input| {
        let report = iam.store.need::<AccessReport>(&input.job_id)?;
        let service = report.services.iter().find(|service| service.namespace == input.service_namespace);
        let mut entities = service.map(|service| service.entities.clone()).unwrap_or_default();
        entities.sort_by(|one, other| one.arn.cmp(&other.arn));
        let (entities, marker) = page(entities, |one| one.arn.clone(), input.marker.as_deref(), input.max_items)?;
        let details = |entity: EntityUse| Details {
            last_authenticated: entity.last.map(|(time, _)| time),
            entity_info: Info {
                arn: entity.arn,
                name: entity.name,
                r#type: entity.kind,
                id: entity.id,
                path: entity.path,
            },
        };
        Ok(Output {
            job_status: "COMPLETED",
            job_creation_date: report.made,
            job_completion_date: report.made,
            entity_details_list: entities.into_iter().map(details).collect(),
            is_truncated: marker.is_some(),
            marker,
        })
    }
}

/// The modelled `PolicyGrantingServiceAccess`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Granting {
    policy_name: String,
    policy_type: &'static str,
    policy_arn: Option<String>,
    entity_type: Option<&'static str>,
    entity_name: Option<String>,
}

/// The modelled `ListPoliciesGrantingServiceAccessEntry`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    service_namespace: String,
    policies: Vec<Granting>,
}

operation! {
    /// The policies of a user, group or role that allow anything of a service.
    ListPoliciesGrantingServiceAccess on "{Arn}"
    takes { marker: Option<String>, arn: String, service_namespaces: Vec<String> }
    gives {
        #[serde(rename = "PoliciesGrantingServiceAccess")] entries: Vec<Entry>,
        is_truncated: bool,
        marker: Option<String>,
    }
    |iam, _call, input| {
        let sources = iam.store.read(|world| Subject::find(world, &input.arn).map(|subject| subject.sources(world)))?;
        let mut asked = input.service_namespaces;
        asked.sort();
        asked.dedup();
        let (asked, marker) = page(asked, Clone::clone, input.marker.as_deref(), None)?;
        let granting = |source: &Source| {
            let entity_type = match source.of {
                Of::User => Some("USER"),
                Of::Group => Some("GROUP"),
                Of::Role => Some("ROLE"),
                Of::Managed => None,
            };
            Granting {
                policy_name: source.name.clone(),
                policy_type: if source.arn.is_some() { "MANAGED" } else { "INLINE" },
                policy_arn: source.arn.clone(),
                entity_name: entity_type.map(|_| source.holder.clone()),
                entity_type,
            }
        };
        let entry = |namespace: String| {
            let allow = sources.iter().filter(|source| allows_service(&source.policy, &namespace));
            Entry { policies: allow.map(granting).collect(), service_namespace: namespace }
        };
        let entries = asked.into_iter().map(entry).collect();
        Ok(Output { entries, is_truncated: marker.is_some(), marker })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::ADMINISTRATOR_ACCESS;
    use crate::testing::World;

    #[tokio::test]
    async fn what_may_be_used_and_was_is_reported() {
        let world = World::new().await;
        world.call("CreateUser", json!({"UserName": "alice"})).await.unwrap();
        let document = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["s3:Get*", "sqs:*"], "Resource": "*"},
            {"Effect": "Deny", "Action": "kms:*", "Resource": "*"}]});
        let put = json!({"UserName": "alice", "PolicyName": "own", "PolicyDocument": document.to_string()});
        world.call("PutUserPolicy", put).await.unwrap();
        let made = world.call("CreateAccessKey", json!({"UserName": "alice"})).await.unwrap();
        let key = made["AccessKey"]["AccessKeyId"].as_str().unwrap();
        world.iam.note_use(key, world.iam.env.clock.now(), "eu-west-1", "s3");
        let arn = "arn:aws:iam::123456789012:user/alice";
        let job = world.call("GenerateServiceLastAccessedDetails", json!({"Arn": arn})).await.unwrap();
        let world = world.again().await;
        let report = world.call("GetServiceLastAccessedDetails", job.clone()).await.unwrap();
        let expected = json!([
            {"ServiceName": "Amazon S3", "ServiceNamespace": "s3", "LastAuthenticated": "2023-11-14T22:13:20Z",
             "LastAuthenticatedEntity": arn, "LastAuthenticatedRegion": "eu-west-1", "TotalAuthenticatedEntities": 1},
            {"ServiceName": "Amazon SQS", "ServiceNamespace": "sqs", "TotalAuthenticatedEntities": 0},
        ]);
        assert_eq!(report["ServicesLastAccessed"], expected);
        let with = json!({"JobId": job["JobId"], "ServiceNamespace": "s3"});
        let report = world.call("GetServiceLastAccessedDetailsWithEntities", with).await.unwrap();
        assert_eq!(report["EntityDetailsList"][0]["EntityInfo"]["Name"], "alice");
        let attach = json!({"UserName": "alice", "PolicyArn": ADMINISTRATOR_ACCESS});
        world.call("AttachUserPolicy", attach).await.unwrap();
        let job = world.call("GenerateServiceLastAccessedDetails", json!({"Arn": ADMINISTRATOR_ACCESS})).await.unwrap();
        let report = world.call("GetServiceLastAccessedDetails", job).await.unwrap();
        assert!(report["ServicesLastAccessed"].as_array().unwrap().len() > 50);
        let ask = json!({"Arn": arn, "ServiceNamespaces": ["s3", "kms"]});
        let listed = world.call("ListPoliciesGrantingServiceAccess", ask).await.unwrap();
        let expected = json!([
            {"ServiceNamespace": "kms", "Policies": [
                {"PolicyName": "AdministratorAccess", "PolicyType": "MANAGED", "PolicyArn": ADMINISTRATOR_ACCESS}]},
            {"ServiceNamespace": "s3", "Policies": [
                {"PolicyName": "own", "PolicyType": "INLINE", "EntityType": "USER", "EntityName": "alice"},
                {"PolicyName": "AdministratorAccess", "PolicyType": "MANAGED", "PolicyArn": ADMINISTRATOR_ACCESS}]},
        ]);
        assert_eq!(listed["PoliciesGrantingServiceAccess"], expected);
        let unknown = json!({"Arn": "arn:aws:iam::123456789012:user/nobody"});
        assert_eq!(world.code("GenerateServiceLastAccessedDetails", unknown).await, "NoSuchEntity");
        let job = json!({"JobId": "00000000-0000-0000-0000-000000000000"});
        assert_eq!(world.code("GetServiceLastAccessedDetails", job).await, "NoSuchEntity");
    }
}
