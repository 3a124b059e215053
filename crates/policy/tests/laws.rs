//! Laws that every decision follows, whatever the policies, and an obvious way to decide that the compiled one is compared with.

use std::sync::Arc;

use policy::document::OneOf;
use policy::principal::Named;
use policy::{
    Context, Decision, Effect, Layer, Layers, Policy, PolicySet, Principal, Request, ResourceLayer, Said, authorize,
    evaluate,
};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

const ONE: &str = "111111111111";
const TWO: &str = "222222222222";
const ALICE: Principal<'_> =
    Principal::User { account: ONE, arn: "arn:aws:iam::111111111111:user/alice", id: "AIDAALICEALICE11" };
const SESSION: Principal<'_> = Principal::AssumedRole {
    account: ONE,
    role_arn: "arn:aws:iam::111111111111:role/r",
    role_id: "AROAROLEROLEROLE",
    session_arn: "arn:aws:sts::111111111111:assumed-role/r/s",
};
const FEDERATED: Principal<'_> = Principal::FederatedUser {
    account: ONE,
    arn: "arn:aws:sts::111111111111:federated-user/f",
    user_arn: Some("arn:aws:iam::111111111111:user/alice"),
};
const WHO: [Principal<'_>; 6] = [
    ALICE,
    SESSION,
    FEDERATED,
    Principal::Root { account: ONE },
    Principal::Service { name: "cloudtrail.amazonaws.com" },
    Principal::Anonymous,
];

/// Documents of all layers; a law changes them, and they are compiled to be asked.
#[derive(Clone, Debug)]
struct World {
    control: Vec<Vec<Value>>,
    resource_control: Vec<Vec<Value>>,
    identity: Option<Vec<Value>>,
    boundary: Option<Vec<Value>>,
    session: Option<Vec<Value>>,
    resource: Option<(Vec<Value>, bool, bool)>,
}

/// A request.
#[derive(Clone, Debug)]
struct Asked {
    who: usize,
    action: &'static str,
    resource: &'static str,
    context: Context,
}

fn policies(list: &[Value]) -> Vec<Policy> {
    list.iter().map(|value| Policy::parse(&value.to_string()).unwrap_or_else(|e| panic!("{e}: {value}"))).collect()
}

fn compiled(list: &[Value]) -> PolicySet {
    PolicySet::new(policies(list).into_iter().enumerate().map(|(at, policy)| (at.to_string(), policy)))
}

fn with_request<T>(asked: &Asked, then: impl FnOnce(&Request<'_>) -> T) -> T {
    let context = |key: &str| asked.context.get(key);
    let principal = WHO[asked.who].clone();
    then(&Request { principal, action: asked.action, resource: asked.resource, context: &context })
}

fn owner(is_own: bool) -> &'static str {
    if is_own { ONE } else { TWO }
}

/// The decision, without the statement (of several that decide it is the first that is named).
fn decide(world: &World, asked: &Asked) -> Decision {
    let levels = |levels: &[Vec<Value>]| levels.iter().map(|level| Arc::new(compiled(level))).collect::<Vec<_>>();
    let one = |list: &Option<Vec<Value>>| list.as_deref().map(compiled);
    let (control, resource_control) = (levels(&world.control), levels(&world.resource_control));
    let (identity, boundary, session) = (one(&world.identity), one(&world.boundary), one(&world.session));
    let resource = world.resource.as_ref().map(|(list, is_own, must)| (compiled(list), owner(*is_own), *must));
    let layers = Layers {
        control: &control,
        resource_control: &resource_control,
        identity: identity.as_ref(),
        boundary: boundary.as_ref(),
        session: session.as_ref(),
        resource: resource.as_ref().map(|(policies, account, must_allow)| ResourceLayer {
            policies,
            account,
            must_allow: *must_allow,
            granted: None,
        }),
    };
    match with_request(asked, |request| authorize(&layers, request)) {
        Decision::Allow(_) => Decision::Allow(None),
        Decision::ExplicitDeny(layer, _) => Decision::ExplicitDeny(layer, None),
        silent => silent,
    }
}

/// What the policies of one kind say, read as they are written.
fn said(list: &[Value], request: &Request<'_>) -> Said {
    let policies = policies(list);
    evaluate(&policies.iter().collect::<Vec<_>>(), request)
}

/// Whether a statement that allows and names what `wanted` says lets the request through.
fn names(list: &[Value], request: &Request<'_>, wanted: impl Fn(&Named) -> bool) -> bool {
    policies(list).into_iter().any(|policy| {
        policy.statements.iter().filter(|statement| statement.effect == Effect::Allow).any(|statement| {
            let Some(OneOf::Only(list)) = &statement.principals else { return false };
            list.iter().filter(|named| wanted(named)).any(|named| {
                let mut one = statement.clone();
                one.principals = Some(OneOf::Only(vec![named.clone()]));
                evaluate(&[&Policy { statements: vec![one], ..policy.clone() }], request).is_allow()
            })
        })
    })
}

/// The obvious way, after the diagram and the tables of "Policy evaluation logic".
fn obvious(world: &World, asked: &Asked) -> Decision {
    with_request(asked, |request| {
        let who = &request.principal;
        let of_account = who.account().is_some();
        let mut asked: Vec<(Layer, Said)> = Vec::new();
        let ask = |list: &Vec<Value>| said(list, request);
        if of_account {
            asked.extend(world.control.iter().map(|level| (Layer::ControlPolicy, ask(level))));
        }
        asked.extend(world.resource_control.iter().map(|level| (Layer::ResourceControlPolicy, ask(level))));
        asked.extend(world.resource.iter().map(|(list, ..)| (Layer::Resource, ask(list))));
        asked.extend(world.identity.iter().map(|list| (Layer::Identity, ask(list))));
        asked.extend(world.boundary.iter().map(|list| (Layer::Boundary, ask(list))));
        asked.extend(world.session.iter().map(|list| (Layer::Session, ask(list))));
        if let Some((layer, _)) = asked.iter().find(|(_, said)| matches!(said, Said::ExplicitDeny(_))) {
            return Decision::ExplicitDeny(*layer, None);
        }
        let silent = |wanted: Layer| asked.iter().any(|(layer, said)| *layer == wanted && !said.is_allow());
        let allowed = |wanted: Layer| asked.iter().any(|(layer, said)| *layer == wanted && said.is_allow());
        for layer in [Layer::ResourceControlPolicy, Layer::ControlPolicy] {
            if silent(layer) {
                return Decision::ImplicitDeny(layer);
            }
        }
        let (list, is_own, must_allow) = world.resource.clone().unwrap_or((Vec::new(), true, false));
        let is_root = matches!(who, Principal::Root { .. });
        let by_resource = allowed(Layer::Resource);
        if !of_account {
            return if by_resource { Decision::FREE } else { Decision::ImplicitDeny(Layer::Resource) };
        }
        if (!is_own || must_allow) && !by_resource {
            return Decision::ImplicitDeny(Layer::Resource);
        }
        let direct = names(&list, request, |named| match (named, who) {
            (Named::Everyone, _) => true,
            (Named::Account(_), _) => is_root,
            (Named::Aws(text), Principal::AssumedRole { session_arn, .. }) => text == session_arn,
            (Named::Aws(text), Principal::FederatedUser { arn, .. }) => text == arn,
            _ => true,
        });
        let limited = names(&list, request, |named| matches!(named, Named::Aws(_)));
        if is_own && direct && !(is_root && world.session.is_some()) {
            return Decision::FREE;
        }
        let needs_identity = !(is_root || is_own && limited);
        for (layer, counts) in [(Layer::Identity, needs_identity), (Layer::Boundary, !is_root), (Layer::Session, true)]
        {
            let none = if layer == Layer::Identity { !allowed(layer) } else { silent(layer) };
            if counts && none {
                return Decision::ImplicitDeny(layer);
            }
        }
        Decision::FREE
    })
}

const ACTIONS: [&str; 4] = ["s3:GetObject", "s3:PutObject", "ec2:RunInstances", "iam:CreateUser"];
const RESOURCES: [&str; 4] =
    ["arn:aws:s3:::b/k", "arn:aws:s3:::alice/k", "arn:aws:ec2:us-east-1:111111111111:instance/i", "*"];

fn some<T: Clone + std::fmt::Debug + 'static>(all: &[T]) -> impl Strategy<Value = Vec<T>> + use<T> {
    proptest::collection::vec(select(all.to_vec()), 1..3)
}

fn statement(effects: &'static [&'static str], with_principal: bool) -> impl Strategy<Value = Value> {
    let action =
        some(&["*", "s3:*", "s3:Get*", "S3:PUTobject", "ec2:Run?nstances", "*:Get*", "iam:CreateUser", "s*:*"]);
    let resource =
        some(&["*", "arn:aws:s3:::b/*", "arn:aws:s3:::${aws:username}/*", "arn:aws:s3:::b/?", "arn:aws:ec2:*"]);
    let principal = some(&[
        "111111111111",
        "222222222222",
        "arn:aws:iam::111111111111:user/alice",
        "arn:aws:iam::111111111111:role/r",
        "arn:aws:sts::111111111111:assumed-role/r/s",
        "arn:aws:sts::111111111111:federated-user/f",
    ]);
    let kind = select(vec!["*", "AWS", "AWS", "AWS", "Service"]);
    let condition = select(vec![
        None,
        None,
        None,
        Some(json!({ "StringEquals": { "k": "a" } })),
        Some(json!({ "StringNotEquals": { "k": "${aws:username}" } })),
        Some(json!({ "ForAnyValue:StringLike": { "k": "a*" } })),
        Some(json!({ "NumericLessThanIfExists": { "n": 5 } })),
        Some(json!({ "Null": { "n": "true" } })),
    ]);
    let nots = (proptest::bool::weighted(0.15), proptest::bool::weighted(0.15));
    (select(effects), action, resource, (kind, principal), condition, nots).prop_map(
        move |(effect, action, resource, (kind, names), condition, (not_action, not_resource))| {
            let mut made = json!({ "Effect": effect });
            made[if not_action { "NotAction" } else { "Action" }] = json!(action);
            made[if not_resource { "NotResource" } else { "Resource" }] = json!(resource);
            if let Some(condition) = condition {
                made["Condition"] = condition;
            }
            if with_principal {
                made["Principal"] = match kind {
                    "*" => json!("*"),
                    "Service" => json!({ "Service": "cloudtrail.amazonaws.com" }),
                    kind => json!({ kind: names }),
                };
            }
            made
        },
    )
}

const BOTH: &[&str] = &["Allow", "Allow", "Allow", "Deny"];

fn layer(with_principal: bool) -> impl Strategy<Value = Vec<Value>> {
    let policy = proptest::collection::vec(statement(BOTH, with_principal), 1..4)
        .prop_map(|list| json!({ "Version": "2012-10-17", "Statement": list }));
    proptest::collection::vec(policy, 0..3)
}

/// Policies that allow all come first, so that there is something to be seen behind them.
fn guard() -> impl Strategy<Value = Vec<Value>> {
    let all = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } });
    (layer(false), proptest::bool::weighted(0.7)).prop_map(move |(mut list, is_open)| {
        if is_open {
            list.push(all.clone());
        }
        list
    })
}

fn world() -> impl Strategy<Value = World> {
    let levels = || proptest::collection::vec(guard(), 0..2);
    let maybe = |weight: f64| proptest::option::weighted(weight, guard());
    let resource =
        proptest::option::weighted(0.7, (layer(true), proptest::bool::weighted(0.7), proptest::bool::weighted(0.3)));
    (levels(), levels(), proptest::option::weighted(0.8, layer(false)), maybe(0.4), maybe(0.4), resource).prop_map(
        |(control, resource_control, identity, boundary, session, resource)| World {
            control,
            resource_control,
            identity,
            boundary,
            session,
            resource,
        },
    )
}

fn asked() -> impl Strategy<Value = Asked> {
    let value = |values: &[&'static str]| proptest::option::of(some(values));
    let context = (value(&["alice", "b"]), value(&["a", "ab", "alice"]), value(&["3", "7"]));
    (0..WHO.len(), select(ACTIONS.to_vec()), select(RESOURCES.to_vec()), context).prop_map(
        |(who, action, resource, (user, k, n))| {
            let mut context = Context::new();
            for (key, values) in [("aws:username", user), ("k", k), ("n", n)] {
                if let Some(values) = values {
                    context = context.with_all(key, values.into_iter().map(str::to_owned).collect());
                }
            }
            Asked { who, action, resource, context }
        },
    )
}

impl World {
    /// The policies of every layer that there is.
    fn lists(&mut self) -> Vec<&mut Vec<Value>> {
        let levels = self.control.iter_mut().chain(&mut self.resource_control);
        let single = [&mut self.identity, &mut self.boundary, &mut self.session].into_iter().flatten();
        levels.chain(single).chain(self.resource.iter_mut().map(|(list, ..)| list)).collect()
    }

    /// A policy more in one of the layers.
    fn with(&self, at: usize, statement: &Value) -> World {
        let mut world = self.clone();
        let mut lists = world.lists();
        let count = lists.len();
        if count > 0 {
            lists[at % count].push(json!({ "Version": "2012-10-17", "Statement": [statement] }));
        }
        world
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_500) })]

    #[test]
    fn the_compiled_way_is_the_obvious_way(world in world(), asked in asked()) {
        prop_assert_eq!(decide(&world, &asked), obvious(&world, &asked));
    }

    #[test]
    fn a_denial_more_never_allows(
        world in world(), asked in asked(), at in 0..9usize, deny in statement(&["Deny"], true), named in any::<bool>(),
    ) {
        let mut deny = deny;
        if !named {
            deny.as_object_mut().unwrap().remove("Principal");
        }
        let after = decide(&world.with(at, &deny), &asked);
        prop_assert!(decide(&world, &asked).is_allow() || !after.is_allow());
    }

    #[test]
    fn a_permission_more_never_denies_and_one_less_never_allows(
        world in world(), asked in asked(), at in 0..9usize, allow in statement(&["Allow"], true), named in any::<bool>(),
    ) {
        let mut allow = allow;
        if !named {
            allow.as_object_mut().unwrap().remove("Principal");
        }
        let after = decide(&world.with(at, &allow), &asked);
        prop_assert!(after.is_allow() || !decide(&world, &asked).is_allow());
    }

    #[test]
    fn order_says_nothing(world in world(), asked in asked(), turn in 0..4usize) {
        let mut turned = world.clone();
        for list in turned.lists() {
            list.reverse();
            for policy in list.iter_mut() {
                if let Some(statements) = policy["Statement"].as_array_mut() {
                    let count = statements.len();
                    statements.rotate_left(turn % count);
                }
            }
        }
        turned.control.reverse();
        turned.resource_control.reverse();
        prop_assert_eq!(decide(&world, &asked), decide(&turned, &asked));
    }

    #[test]
    fn what_limits_only_narrows(world in world(), asked in asked(), limit in guard(), which in 0..4usize) {
        let mut limited = world.clone();
        match which {
            0 => limited.control.push(limit),
            1 => limited.resource_control.push(limit),
            2 if world.boundary.is_none() => limited.boundary = Some(limit),
            _ if world.session.is_none() => limited.session = Some(limit),
            _ => {}
        }
        prop_assert!(decide(&world, &asked).is_allow() || !decide(&limited, &asked).is_allow());
    }

    #[test]
    fn another_account_never_gets_more(world in world(), asked in asked()) {
        let mut far = world.clone();
        let Some((_, is_own, _)) = &mut far.resource else { return Ok(()) };
        *is_own = false;
        prop_assert!(decide(&world, &asked).is_allow() || !decide(&far, &asked).is_allow());
    }
}
