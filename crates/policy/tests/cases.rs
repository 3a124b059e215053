//! Authorization as data: each line of `cases/*.txt` is a request, the policies that have a say, and the answer that AWS documents.
//!
//! ```text
//! WHO ACTION RESOURCE | LAYER: STATEMENT… | … | with: KEY=VALUE;VALUE … => ANSWER
//! ```
//!
//! Who, also as a principal of a policy: the names in [`WHO`]. A layer is `scp`, `rcp` (levels apart by ` / `), `id`, `boundary`,
//! `session`, `res(ACCOUNT)` (the policy of a thing of account 1 or 2), `must(ACCOUNT)` (the same, where the thing's policy must allow)
//! or `grant` (a KMS grant). A statement is `[PRINCIPAL,…]SIGN[!]ACTION,…[@[!]RESOURCE,…][%OPERATOR,KEY,VALUE;VALUE&…]`: the sign `+`
//! allows and `-` denies, `!` is the `Not…` twin, `~` before the sign is for `NotPrincipal`. An answer is `allow LAYER` (`free` if no
//! statement was needed), `no LAYER` or `deny LAYER`.
#![allow(clippy::disallowed_methods, reason = "reads the cases that lie beside the code")]
#![allow(clippy::unwrap_used, reason = "a case that cannot be read is a failed test")]

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use policy::{
    Context, Decider, Decision, Layer, Layers, Policy, PolicySet, Principal, Request, ResourceLayer, authorize,
};
use serde_json::{Value, json};

/// The least number of cases, so that a file that is not read is noticed.
const CASES_MIN: usize = 320;

/// Name, kind of principal, text.
const WHO: [(&str, &str, &str); 22] = [
    ("root", "AWS", "arn:aws:iam::111111111111:root"),
    ("acct", "AWS", "111111111111"),
    ("alice", "AWS", "arn:aws:iam::111111111111:user/alice"),
    ("aliceid", "AWS", "AIDAALICEALICE11"),
    ("bob", "AWS", "arn:aws:iam::111111111111:user/bob"),
    ("role", "AWS", "arn:aws:iam::111111111111:role/path/r"),
    ("roleid", "AWS", "AROAROLEROLEROLE"),
    ("session", "AWS", "arn:aws:sts::111111111111:assumed-role/r/s"),
    ("sessionid", "AWS", "AROAROLEROLEROLE:s"),
    ("session2", "AWS", "arn:aws:sts::111111111111:assumed-role/r/t"),
    ("role2", "AWS", "arn:aws:iam::111111111111:role/other"),
    ("fed", "AWS", "arn:aws:sts::111111111111:federated-user/fred"),
    ("fed2", "AWS", "arn:aws:sts::111111111111:federated-user/gus"),
    ("svc", "Service", "cloudtrail.amazonaws.com"),
    ("svc2", "Service", "config.amazonaws.com"),
    ("idp", "Federated", "accounts.google.com"),
    ("saml", "Federated", "arn:aws:iam::111111111111:saml-provider/idp"),
    ("root2", "AWS", "arn:aws:iam::222222222222:root"),
    ("acct2", "AWS", "222222222222"),
    ("carol", "AWS", "arn:aws:iam::222222222222:user/carol"),
    ("orole", "AWS", "arn:aws:iam::222222222222:role/o"),
    ("osession", "AWS", "arn:aws:sts::222222222222:assumed-role/o/s"),
];

/// Short names of what is acted on.
const THINGS: [(&str, &str); 4] = [
    ("obj", "arn:aws:s3:::b/k"),
    ("key", "arn:aws:kms:eu-central-1:111111111111:key/k"),
    ("therole", "arn:aws:iam::111111111111:role/target"),
    ("trail", "arn:aws:cloudtrail:eu-central-1:111111111111:trail/t"),
];

fn thing(text: &str) -> &str {
    THINGS.iter().find(|(name, _)| *name == text).map_or(text, |(_, arn)| arn)
}

fn principal(name: &str) -> Principal<'static> {
    let (one, two) = ("111111111111", "222222222222");
    let of = |wanted: &str| WHO.iter().find(|(name, ..)| *name == wanted).map(|(.., text)| *text).unwrap();
    match name {
        "anon" => Principal::Anonymous,
        "root" => Principal::Root { account: one },
        "root2" => Principal::Root { account: two },
        "alice" => Principal::User { account: one, arn: of("alice"), id: of("aliceid") },
        "carol" => Principal::User { account: two, arn: of("carol"), id: "AIDACAROLCAROL11" },
        "session" => Principal::AssumedRole {
            account: one,
            role_arn: of("role"),
            role_id: of("roleid"),
            session_arn: of("session"),
        },
        "osession" => Principal::AssumedRole {
            account: two,
            role_arn: of("orole"),
            role_id: "AROAOTHEROTHER11",
            session_arn: of("osession"),
        },
        "fed" => Principal::FederatedUser { account: one, arn: of("fed"), user_arn: Some(of("alice")) },
        "svc" => Principal::Service { name: of("svc") },
        "idp" => Principal::Federated { provider: of("idp") },
        "saml" => Principal::Federated { provider: of("saml") },
        other => panic!("nobody is called {other}"),
    }
}

/// `"*"`, or an object of the kinds.
fn named(names: &str) -> Value {
    if names == "*" {
        return json!("*");
    }
    let mut kinds: HashMap<&str, Vec<&str>> = HashMap::new();
    for name in names.split(',') {
        let (_, kind, text) = WHO.iter().find(|(known, ..)| *known == name).unwrap_or_else(|| panic!("{name}"));
        kinds.entry(*kind).or_default().push(*text);
    }
    json!(kinds)
}

fn listed(text: &str, name: &str) -> (String, Vec<String>) {
    let (name, list) = text.strip_prefix('!').map_or((name.to_owned(), text), |list| (format!("Not{name}"), list));
    // A comma inside a variable stands before its default.
    let mut is_inside = false;
    let list = list.split(|c: char| {
        is_inside = (is_inside || c == '{') && c != '}';
        c == ',' && !is_inside
    });
    (name, list.map(|one| thing(one).to_owned()).collect())
}

fn statement(text: &str) -> Value {
    let (rest, conditions) = text.split_once('%').map_or((text, None), |(rest, all)| (rest, Some(all)));
    let (rest, resource) = rest.split_once('@').unwrap_or((rest, "*"));
    let at = rest.find(['+', '-']).unwrap_or_else(|| panic!("no sign: {text}"));
    let (who, sign, actions) = (&rest[..at], &rest[at..=at], &rest[at + 1..]);
    let mut made = json!({ "Effect": if sign == "+" { "Allow" } else { "Deny" } });
    let (name, list) = listed(actions, "Action");
    made[name] = json!(list);
    let (name, list) = listed(resource, "Resource");
    made[name] = json!(list);
    match who.strip_prefix('~').or(who.strip_suffix('~')) {
        Some(names) => made["NotPrincipal"] = named(names),
        None if who.is_empty() => {}
        None => made["Principal"] = named(who),
    }
    for condition in conditions.into_iter().flat_map(|all| all.split('&')) {
        let mut parts = condition.splitn(3, ',');
        let (operator, key, values) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        let values: Vec<&str> = values.split(';').collect();
        made["Condition"][operator][key] = json!(values);
    }
    made
}

fn set(layer: &str, statements: &str) -> PolicySet {
    let mut version = "2012-10-17";
    let words = statements.split_whitespace().filter(|word| {
        let is_old = *word == "2008";
        if is_old {
            version = "2008-10-17";
        }
        !is_old
    });
    let list: Vec<Value> = words.map(statement).collect();
    if list.is_empty() {
        return PolicySet::empty();
    }
    let text = json!({ "Version": version, "Statement": list }).to_string();
    let policy = Policy::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    PolicySet::new([(layer.to_owned(), policy)])
}

/// Everything that a line says.
#[derive(Default)]
struct Case {
    scp: Vec<Arc<PolicySet>>,
    rcp: Vec<Arc<PolicySet>>,
    single: HashMap<&'static str, PolicySet>,
    owner: Option<(&'static str, bool)>,
    grant: Option<Decider>,
    context: Context,
}

impl Case {
    fn read(parts: &[&str]) -> Case {
        let mut case = Case::default();
        for part in parts {
            let (layer, rest) = part.split_once(':').unwrap_or_else(|| panic!("no layer: {part}"));
            let levels = |name: &str| rest.split(" / ").map(|level| Arc::new(set(name, level))).collect();
            let (kind, owner) = layer.split_once('(').map_or((layer, ""), |(kind, of)| (kind, of));
            match kind {
                "scp" => case.scp = levels("scp"),
                "rcp" => case.rcp = levels("rcp"),
                "id" => drop(case.single.insert("identity", set("identity", rest))),
                "boundary" => drop(case.single.insert("boundary", set("boundary", rest))),
                "session" => drop(case.single.insert("session", set("session", rest))),
                "res" | "must" => {
                    let account = if owner == "1)" { "111111111111" } else { "222222222222" };
                    case.owner = Some((account, kind == "must"));
                    case.single.insert("resource", set("resource", rest));
                }
                "grant" => case.grant = Some(Decider { policy: "grant".into(), statement: 0, sid: None }),
                "with" => {
                    for pair in rest.split_whitespace() {
                        let (key, values) = pair.split_once('=').unwrap_or_else(|| panic!("no value: {pair}"));
                        let values =
                            if values == "()" { Vec::new() } else { values.split(';').map(str::to_owned).collect() };
                        case.context = case.context.with_all(key, values);
                    }
                }
                other => panic!("no such layer: {other}"),
            }
        }
        case
    }

    fn decide(&self, who: &str, action: &str, resource: &str) -> Decision {
        let context = |key: &str| self.context.get(key);
        let request = Request { principal: principal(who), action, resource: thing(resource), context: &context };
        let layers = Layers {
            control: &self.scp,
            resource_control: &self.rcp,
            identity: self.single.get("identity"),
            boundary: self.single.get("boundary"),
            session: self.single.get("session"),
            resource: self.owner.map(|(account, must_allow)| ResourceLayer {
                policies: &self.single["resource"],
                account,
                must_allow,
                granted: self.grant.as_ref(),
            }),
        };
        authorize(&layers, &request)
    }
}

fn word(layer: Layer) -> &'static str {
    match layer {
        Layer::Identity => "identity",
        Layer::Resource => "resource",
        Layer::Boundary => "boundary",
        Layer::Session => "session",
        Layer::ControlPolicy => "scp",
        Layer::ResourceControlPolicy => "rcp",
    }
}

fn words(decision: &Decision) -> String {
    match decision {
        Decision::Allow(by) => format!("allow {}", by.as_ref().map_or("free", |by| by.policy.as_str())),
        Decision::ImplicitDeny(layer) => format!("no {}", word(*layer)),
        Decision::ExplicitDeny(layer, by) => {
            assert_eq!(by.as_ref().map(|by| by.policy.as_str()), Some(word(*layer)));
            format!("deny {}", word(*layer))
        }
    }
}

#[test]
fn every_case_is_decided_as_documented() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let (mut count, mut wrong) = (0, Vec::new());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        {
            let (asked, expected) = line.rsplit_once(" => ").unwrap_or_else(|| panic!("no answer: {line}"));
            let mut parts = asked.split(" | ").map(str::trim);
            let head: Vec<&str> = parts.next().unwrap().split_whitespace().collect();
            let [who, action, resource] = head[..] else { panic!("not a request: {line}") };
            let said = words(&Case::read(&parts.collect::<Vec<_>>()).decide(who, action, resource));
            count += 1;
            if said != expected.trim() {
                let name = file.file_name().unwrap().to_string_lossy().into_owned();
                wrong.push(format!("{name}:{}: {said}, not {expected}: {line}", at + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= CASES_MIN, "only {count} cases");
}
