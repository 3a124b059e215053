//! The policy simulator: what policies would say to actions, and which condition keys they look at.

use policy::{Context, Policy, Principal};
use serde::Deserialize;

use crate::managed::Managed;
use crate::operation::operation;
use crate::ops::paging::page;
use crate::places::condition_keys;
use crate::simulation::{Evaluation, Simulation, Voice};
use crate::sources::Subject;
use crate::store::User;
use crate::{Error, Iam};

/// Evaluations of one call: of every action with every resource.
const EVALUATIONS_MAX: usize = 10_000;

/// The modelled `ContextEntry`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    context_key_name: Option<String>,
    #[serde(default)]
    context_key_values: Vec<String>,
    #[serde(rename = "ContextKeyType")]
    kind: Option<String>,
}

/// What both operations are asked.
struct Asked {
    given: Vec<String>,
    boundaries: Vec<String>,
    actions: Vec<String>,
    resources: Vec<String>,
    resource_policy: Option<String>,
    resource_owner: Option<String>,
    caller: Option<String>,
    entries: Vec<Entry>,
    items_max: Option<i64>,
    marker: Option<String>,
}

type Page = (Vec<Evaluation>, Option<String>);

/// Whose policies are simulated, as far as is known.
struct Who {
    subject: Option<Subject>,
    arn: Option<String>,
}

fn check_action(action: &str) -> Result<(), Error> {
    let good = action.split_once(':').is_some_and(|(service, name)| {
        let plain =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        plain(service) && plain(name)
    });
    if good { Ok(()) } else { Err(Error::InvalidInput(format!("Invalid action name: {action}"))) }
}

fn context(entries: Vec<Entry>, mut context: Context) -> Result<Context, Error> {
    for entry in entries {
        let Some(name) = entry.context_key_name.filter(|name| !name.is_empty()) else { continue };
        let is_list = entry.kind.as_deref().is_some_and(|kind| kind.ends_with("List"));
        if !is_list && entry.context_key_values.len() > 1 {
            let text = format!("Context key {name} is of a type with a single value, but has many.");
            return Err(Error::InvalidInput(text));
        }
        context = context.with_all(&name, entry.context_key_values);
    }
    Ok(context)
}

/// The account of a resource's owner, who may be given by ARN.
fn owner(given: Option<&str>, default: &str) -> String {
    let given = given.unwrap_or(default);
    given.split(':').nth(4).unwrap_or(given).to_owned()
}

impl Iam {
    /// What is known of everyone who calls.
    fn caller_context(&self, user: Option<&User>, arn: Option<&str>) -> Context {
        let account = arn.and_then(|arn| arn.split(':').nth(4)).unwrap_or(&self.account);
        let mut context = Context::new().with("aws:PrincipalAccount", account);
        if let Some(arn) = arn {
            context = context.with("aws:PrincipalArn", arn);
            if let Some((_, rest)) = arn.split_once(":user/") {
                let name = rest.rsplit('/').next().unwrap_or(rest);
                context = context.with("aws:username", name).with("aws:PrincipalType", "User");
            }
        }
        if let Some(user) = user {
            context = context.with("aws:userid", user.id.as_str());
            for tag in &user.tags {
                context = context.with(&format!("aws:PrincipalTag/{}", tag.key), tag.value.as_str());
            }
        }
        context
    }

    fn simulate(&self, who: Who, asked: Asked) -> Result<Page, Error> {
        asked.actions.iter().try_for_each(|action| check_action(action))?;
        let caller_arn = asked.caller.clone().or(who.arn.clone());
        if asked.resource_policy.is_some() && caller_arn.is_none() {
            let text = "CallerArn must be specified if ResourcePolicy is specified.";
            return Err(Error::InvalidInput(text.into()));
        }
        if asked.caller.as_deref().is_some_and(|arn| !arn.starts_with("arn:") || !arn.contains(":user/")) {
            return Err(Error::InvalidInput("Invalid caller ARN: it must be the ARN of a user.".into()));
        }
        let (mut identity, mut boundary, caller) = self.store.read(|world| {
            let sources = who.subject.iter().flat_map(|subject| subject.sources(world));
            let identity: Vec<Voice> = sources.map(Voice::of).collect();
            let boundary = who.subject.as_ref().and_then(|subject| subject.boundary()).map(|arn| {
                let found = Managed::find(world, arn).into_iter();
                let read = |found: Managed| {
                    let policy = Policy::parse_of_aws(found.document()).ok()?;
                    Some(Voice::new(found.name().to_owned(), "IAM Policy", found.document(), policy))
                };
                found.filter_map(read).collect::<Vec<Voice>>()
            });
            let caller = caller_arn.as_deref().and_then(|arn| Subject::find(world, arn).ok());
            (identity, boundary, caller)
        });
        identity.extend(Voice::given(&asked.given, "PolicyInputList")?);
        if !asked.boundaries.is_empty() {
            // Given ones stand for the one that is there.
            boundary = Some(Voice::given(&asked.boundaries, "PermissionsBoundaryPolicyInputList")?);
        }
        let resource = match asked.resource_policy {
            Some(text) => {
                let policy = Policy::parse(&text).map_err(|error| Error::InvalidInput(error.to_string()))?;
                Some(Voice::new("ResourcePolicy".into(), "Resource Policy", &text, policy))
            }
            None => None,
        };
        let user = match &caller {
            Some(Subject::User(user)) => Some(user),
            _ => None,
        };
        let context = context(asked.entries, self.caller_context(user.map(|user| &**user), caller_arn.as_deref()))?;
        let arn = caller_arn.as_deref().unwrap_or_default();
        let account = arn.split(':').nth(4).filter(|account| !account.is_empty()).unwrap_or(&self.account);
        let principal = match &caller {
            Some(Subject::Role(role)) => {
                Principal::AssumedRole { account, role_arn: &role.arn, role_id: &role.id, session_arn: "" }
            }
            Some(Subject::User(user)) => Principal::User { account, arn: &user.arn, id: &user.id },
            _ => Principal::User { account, arn, id: "" },
        };
        let resource_account = owner(asked.resource_owner.as_deref(), account);
        let simulation =
            Simulation { principal, identity, boundary, resource, resource_account: &resource_account, context };
        let is_named = !asked.resources.is_empty();
        let resources = if is_named { asked.resources } else { vec!["*".to_owned()] };
        if asked.actions.len().saturating_mul(resources.len()) > EVALUATIONS_MAX {
            let text =
                format!("No more than {EVALUATIONS_MAX} combinations of actions and resources can be simulated.");
            return Err(Error::InvalidInput(text));
        }
        let pairs: Vec<(usize, &String, &String)> = asked
            .actions
            .iter()
            .flat_map(|action| resources.iter().map(move |resource| (action, resource)))
            .enumerate()
            .map(|(at, (action, resource))| (at, action, resource))
            .collect();
        let (pairs, marker) = page(pairs, |(at, _, _)| format!("{at:05}"), asked.marker.as_deref(), asked.items_max)?;
        let results = pairs.into_iter().map(|(_, action, resource)| simulation.evaluate(action, resource, is_named));
        Ok((results.collect(), marker))
    }
}

operation! {
    /// What the policies of a user, group or role, and given ones, would say to actions.
    SimulatePrincipalPolicy on "{PolicySourceArn}"
    ignores &[
        // Only groups the resources of EC2's scenarios, which decides nothing.
        "ResourceHandlingOption",
    ];
    takes {
        policy_source_arn: String,
        #[serde(default)] policy_input_list: Vec<String>,
        #[serde(default)] permissions_boundary_policy_input_list: Vec<String>,
        action_names: Vec<String>,
        #[serde(default)] resource_arns: Vec<String>,
        resource_policy: Option<String>,
        resource_owner: Option<String>,
        caller_arn: Option<String>,
        #[serde(default)] context_entries: Vec<Entry>,
        max_items: Option<i64>,
        marker: Option<String>,
    }
    gives { evaluation_results: Vec<Evaluation>, is_truncated: bool, marker: Option<String> }
    |iam, _call, input| {
        let subject = iam.store.read(|world| Subject::find(world, &input.policy_source_arn))?;
        let is_group = matches!(subject, Subject::Group(_));
        let arn = (!is_group).then_some(input.policy_source_arn);
        let asked = Asked {
            given: input.policy_input_list,
            boundaries: input.permissions_boundary_policy_input_list,
            actions: input.action_names,
            resources: input.resource_arns,
            resource_policy: input.resource_policy,
            resource_owner: input.resource_owner,
            caller: input.caller_arn,
            entries: input.context_entries,
            items_max: input.max_items,
            marker: input.marker,
        };
        let (evaluation_results, marker) = iam.simulate(Who { subject: Some(subject), arn }, asked)?;
        Ok(Output { evaluation_results, is_truncated: marker.is_some(), marker })
    }
}

operation! {
    /// What given policies would say to actions.
    SimulateCustomPolicy on "*"
    ignores &[
        // Only groups the resources of EC2's scenarios, which decides nothing.
        "ResourceHandlingOption",
    ];
    takes {
        policy_input_list: Vec<String>,
        #[serde(default)] permissions_boundary_policy_input_list: Vec<String>,
        action_names: Vec<String>,
        #[serde(default)] resource_arns: Vec<String>,
        resource_policy: Option<String>,
        resource_owner: Option<String>,
        caller_arn: Option<String>,
        #[serde(default)] context_entries: Vec<Entry>,
        max_items: Option<i64>,
        marker: Option<String>,
    }
    gives { evaluation_results: Vec<Evaluation>, is_truncated: bool, marker: Option<String> }
    |iam, _call, input| {
        let asked = Asked {
            given: input.policy_input_list,
            boundaries: input.permissions_boundary_policy_input_list,
            actions: input.action_names,
            resources: input.resource_arns,
            resource_policy: input.resource_policy,
            resource_owner: input.resource_owner,
            caller: input.caller_arn,
            entries: input.context_entries,
            items_max: input.max_items,
            marker: input.marker,
        };
        let (evaluation_results, marker) = iam.simulate(Who { subject: None, arn: None }, asked)?;
        Ok(Output { evaluation_results, is_truncated: marker.is_some(), marker })
    }
}

fn keys_of<'t>(texts: impl Iterator<Item = &'t str>) -> Vec<String> {
    let mut keys: Vec<String> = texts.flat_map(condition_keys).collect();
    let mut seen = std::collections::HashSet::new();
    keys.retain(|key| seen.insert(key.to_lowercase()));
    keys
}

fn check_given(texts: &[String]) -> Result<(), Error> {
    texts.iter().try_for_each(|text| policy::parse_identity_policy(text).map(drop).map_err(Error::InvalidInput))
}

operation! {
    /// The condition keys that given policies look at.
    GetContextKeysForCustomPolicy on "*"
    takes { policy_input_list: Vec<String> }
    gives { context_key_names: Vec<String> }
    |_iam, _call, input| {
        check_given(&input.policy_input_list)?;
        Ok(Output { context_key_names: keys_of(input.policy_input_list.iter().map(String::as_str)) })
    }
}

operation! {
    /// The condition keys that the policies of a user, group or role look at, and given ones.
    GetContextKeysForPrincipalPolicy on "{PolicySourceArn}"
    takes { policy_source_arn: String, #[serde(default)] policy_input_list: Vec<String> }
    gives { context_key_names: Vec<String> }
    |iam, _call, input| {
        check_given(&input.policy_input_list)?;
        let arn = &input.policy_source_arn;
        let sources = iam.store.read(|world| Subject::find(world, arn).map(|subject| subject.sources(world)))?;
        let given = input.policy_input_list.iter().map(String::as_str);
        Ok(Output { context_key_names: keys_of(sources.iter().map(|source| source.text.as_str()).chain(given)) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::ADMINISTRATOR_ACCESS;
    use crate::testing::World;

    fn policy(statements: Value) -> String {
        json!({"Version": "2012-10-17", "Statement": statements}).to_string()
    }

    fn allow(action: &str) -> Value {
        json!({"Effect": "Allow", "Action": action, "Resource": "*"})
    }

    async fn decisions(world: &World, operation: &str, input: Value) -> Vec<String> {
        let answer = world.call(operation, input).await.unwrap();
        let decision = |result: &Value| result["EvalDecision"].as_str().unwrap().to_owned();
        answer["EvaluationResults"].as_array().unwrap().iter().map(decision).collect()
    }

    #[tokio::test]
    async fn given_policies_decide_as_calls_are_decided() {
        let world = World::new().await;
        let conditional = json!({"Effect": "Allow", "Action": "s3:Put*", "Resource": "*",
            "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}});
        let deny = json!({"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"});
        let given = policy(json!([allow("s3:Get*"), allow("s3:Delete*"), deny, conditional]));
        let actions = ["s3:GetObject", "s3:DeleteObject", "s3:PutObject", "ec2:RunInstances"];
        let mut input = json!({"PolicyInputList": [given], "ActionNames": actions});
        let expected = ["allowed", "explicitDeny", "implicitDeny", "implicitDeny"];
        assert_eq!(decisions(&world, "SimulateCustomPolicy", input.clone()).await, expected);
        let answer = world.call("SimulateCustomPolicy", input.clone()).await.unwrap();
        let results = &answer["EvaluationResults"];
        assert_eq!(results[0]["MatchedStatements"][0]["SourcePolicyId"], "PolicyInputList.1");
        assert_eq!(results[0]["MatchedStatements"][0]["StartPosition"]["Line"], 1);
        assert_eq!(results[1]["MatchedStatements"].as_array().unwrap().len(), 1, "only what denies");
        assert_eq!(results[2]["MissingContextValues"], json!(["aws:requestedregion"]));
        assert_eq!(results[0]["MissingContextValues"], json!([]));
        let entry = json!({"ContextKeyName": "aws:RequestedRegion", "ContextKeyValues": ["eu-west-1"], "ContextKeyType": "string"});
        input["ContextEntries"] = json!([entry]);
        assert_eq!(decisions(&world, "SimulateCustomPolicy", input.clone()).await[2], "allowed");
        input["PermissionsBoundaryPolicyInputList"] = json!([policy(json!([allow("s3:Put*")]))]);
        let answer = world.call("SimulateCustomPolicy", input.clone()).await.unwrap();
        let results = &answer["EvaluationResults"];
        assert_eq!(results[0]["EvalDecision"], "implicitDeny");
        assert_eq!(results[0]["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"], false);
        assert_eq!(results[2]["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"], true);
        input["MaxItems"] = json!(3);
        let first = world.call("SimulateCustomPolicy", input.clone()).await.unwrap();
        assert_eq!((first["EvaluationResults"].as_array().unwrap().len(), &first["IsTruncated"]), (3, &json!(true)));
        input["Marker"] = first["Marker"].clone();
        let second = world.call("SimulateCustomPolicy", input).await.unwrap();
        assert_eq!(second["EvaluationResults"].as_array().unwrap().len(), 1);
        for bad in [
            json!({"PolicyInputList": ["{"], "ActionNames": ["s3:GetObject"]}),
            json!({"PolicyInputList": [policy(json!([allow("s3:*")]))], "ActionNames": ["s3"]}),
            json!({"PolicyInputList": [policy(json!([allow("s3:*")]))], "ActionNames": ["s3:Get*"]}),
        ] {
            assert_eq!(world.code("SimulateCustomPolicy", bad).await, "InvalidInput");
        }
    }

    #[tokio::test]
    async fn a_principals_policies_decide() {
        let world = World::new().await;
        world.call("CreateUser", json!({"UserName": "alice"})).await.unwrap();
        world.call("CreateGroup", json!({"GroupName": "team"})).await.unwrap();
        world.call("AddUserToGroup", json!({"GroupName": "team", "UserName": "alice"})).await.unwrap();
        let own = json!({"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::home/${aws:username}/*"});
        let put = json!({"UserName": "alice", "PolicyName": "own", "PolicyDocument": policy(json!([own]))});
        world.call("PutUserPolicy", put).await.unwrap();
        let put = json!({"GroupName": "team", "PolicyName": "g", "PolicyDocument": policy(json!([allow("sqs:*")]))});
        world.call("PutGroupPolicy", put).await.unwrap();
        let arn = "arn:aws:iam::123456789012:user/alice";
        let ask = |action: &str, resource: &str| json!({"PolicySourceArn": arn, "ActionNames": [action], "ResourceArns": [resource]});
        for (action, resource, decision, source) in [
            ("s3:GetObject", "arn:aws:s3:::home/alice/x", "allowed", Some("user_alice_own")),
            ("s3:GetObject", "arn:aws:s3:::home/bob/x", "implicitDeny", None),
            ("sqs:SendMessage", "*", "allowed", Some("group_team_g")),
        ] {
            let answer = world.call("SimulatePrincipalPolicy", ask(action, resource)).await.unwrap();
            let result = &answer["EvaluationResults"][0];
            assert_eq!(result["EvalDecision"], decision, "{action} {resource}");
            assert_eq!(result["MatchedStatements"][0]["SourcePolicyId"].as_str(), source);
            assert_eq!(result["ResourceSpecificResults"][0]["EvalResourceDecision"], decision);
        }
        let keys = world.call("GetContextKeysForPrincipalPolicy", json!({"PolicySourceArn": arn})).await.unwrap();
        assert_eq!(keys["ContextKeyNames"], json!(["aws:username"]));
        let attach = json!({"UserName": "alice", "PolicyArn": ADMINISTRATOR_ACCESS});
        world.call("AttachUserPolicy", attach).await.unwrap();
        let answer = world.call("SimulatePrincipalPolicy", ask("ec2:RunInstances", "*")).await.unwrap();
        assert_eq!(answer["EvaluationResults"][0]["MatchedStatements"][0]["SourcePolicyId"], "AdministratorAccess");
        let unknown = json!({"PolicySourceArn": "arn:aws:iam::123456789012:role/no", "ActionNames": ["s3:GetObject"]});
        assert_eq!(world.code("SimulatePrincipalPolicy", unknown).await, "NoSuchEntity");
        let bad = json!({"PolicySourceArn": "arn:aws:s3:::bucket-of-mine", "ActionNames": ["s3:GetObject"]});
        assert_eq!(world.code("SimulatePrincipalPolicy", bad).await, "InvalidInput");
    }

    #[tokio::test]
    async fn the_policy_of_a_resource_has_a_say() {
        let world = World::new().await;
        let arn = "arn:aws:iam::123456789012:user/alice";
        let of_bucket = policy(
            json!([{"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}]),
        );
        let mut input = json!({
            "PolicyInputList": [policy(json!([allow("sqs:*")]))], "ActionNames": ["s3:GetObject"], "ResourceArns": ["arn:aws:s3:::b/x"],
            "ResourcePolicy": of_bucket,
        });
        assert_eq!(world.code("SimulateCustomPolicy", input.clone()).await, "InvalidInput");
        input["CallerArn"] = json!(arn);
        assert_eq!(decisions(&world, "SimulateCustomPolicy", input.clone()).await, ["allowed"]);
        input["ResourceOwner"] = json!("arn:aws:iam::999999999999:root");
        assert_eq!(decisions(&world, "SimulateCustomPolicy", input).await, ["implicitDeny"]);
    }
}
